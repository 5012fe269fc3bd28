//! Permits in bytes: a request takes all that it needs before it reads anything, in turn with the others.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Semaphores count to 2³², so that memory is counted in pieces of this many bytes.
const PIECE_BYTES: u64 = 64 * 1024;

/// A bound on the bytes that requests hold at once; first come, first served.
#[derive(Debug, Clone)]
pub struct Permits {
    pieces: Arc<Semaphore>,
    total: u32,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub struct Permit {
    _held: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// Permits for that many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let total = pieces(bytes).max(1);
        Self { pieces: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits until `bytes` are free. More than there are in all count as all of them.
    pub async fn take(&self, bytes: u64) -> Permit {
        let count = pieces(bytes).min(self.total);
        // The semaphore is never closed.
        Permit { _held: Arc::clone(&self.pieces).acquire_many_owned(count).await.ok() }
    }
}

fn pieces(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX >> 4).min(u32::MAX >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn who_comes_later_waits_until_bytes_are_free() {
        let permits = Permits::new(1 << 20);
        let first = permits.take(1 << 19).await;
        let all = permits.take(u64::MAX);
        tokio::pin!(all);
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut all).await.is_err());
        drop(first);
        drop(all.await);
    }
}
