//! At most so many bytes a second, over all files.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out moments at which bytes may be sent.
#[derive(Debug)]
pub(super) struct Bandwidth {
    bytes_per_s: Option<u64>,
    /// When all that was handed out so far has been sent.
    free_at: Mutex<Instant>,
}

impl Bandwidth {
    pub(super) fn new(bytes_per_s: Option<u64>) -> Self {
        Self { bytes_per_s, free_at: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` may be sent.
    pub(super) async fn take(&self, bytes: u64) {
        let Some(rate) = self.bytes_per_s else { return };
        let at = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*free_at).max(Instant::now());
            *free_at = at + lasts(bytes, rate);
            at
        };
        sleep_until(at).await;
    }
}

/// How long so many bytes take at this rate.
fn lasts(bytes: u64, bytes_per_s: u64) -> Duration {
    let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_s.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_senders_together_keep_to_the_rate() {
        let bandwidth = Bandwidth::new(Some(1_000_000));
        let start = Instant::now();
        futures::future::join_all((0..10).map(|_| bandwidth.take(20_000))).await;
        // The tenth may start when nine are through.
        assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());
        Bandwidth::new(None).take(u64::MAX).await;
    }

    #[test]
    fn bytes_last_as_long_as_the_rate_says() {
        assert_eq!(lasts(500, 1_000), Duration::from_millis(500));
        assert_eq!(lasts(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }
}
