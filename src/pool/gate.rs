//! A gate before work that holds memory: who comes first goes first, the line is short, and nobody stands in it for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::permits::{Permit, Permits};

/// Requests that may stand in line.
const MAX_WAITING: u64 = 64;

/// The longest that one stands in line.
const PATIENCE: Duration = Duration::from_secs(10);

/// A bound on the bytes of all answers that are being made or sent. One that asks for much is not overtaken by those behind
/// it.
#[derive(Debug, Clone)]
pub struct Gate {
    permits: Permits,
    patience: Duration,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicU64,
    refused: AtomicU64,
}

/// Too many wait already, or this one has waited long enough.
#[derive(Debug, thiserror::Error)]
#[error("the server has as much to do as its memory allows; ask again in {} s", self.retry_after().as_secs())]
pub struct Busy;

impl Busy {
    /// When to ask again.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        Duration::from_secs(2)
    }
}

/// A place in the line, given up when dropped: a client that goes away waits no more.
struct InLine<'a>(&'a AtomicU64);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    /// A gate that lets that many bytes in at once.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { permits: Permits::new(bytes), patience: PATIENCE, counts: Arc::default() }
    }

    /// Waits in line until `bytes` are free. More than there are in all count as all of them.
    ///
    /// # Errors
    /// When the line is full, or does not move in time.
    pub async fn enter(&self, bytes: u64) -> Result<Permit, Busy> {
        if let Some(permit) = self.permits.try_take(bytes) {
            return Ok(permit);
        }
        let before = self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = InLine(&self.counts.waiting);
        if before < MAX_WAITING
            && let Ok(permit) = tokio::time::timeout(self.patience, self.permits.take(bytes)).await
        {
            return Ok(permit);
        }
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        Err(Busy)
    }

    /// Bytes that are let in now.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.permits.held_bytes()
    }

    /// Requests that stand in line now.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.counts.waiting.load(Ordering::Relaxed)
    }

    /// Requests that were turned away so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 1 << 20;

    /// Lets tasks run until so many stand in line.
    async fn become_waiting(gate: &Gate, count: u64) {
        while gate.waiting() != count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_large_one_is_not_overtaken_and_all_get_in_by_turns() {
        let gate = Gate::new(ALL);
        let first = gate.enter(ALL / 2).await.expect("room");
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let spawn = |name: &'static str, bytes| {
            let (gate, order) = (gate.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let _held = gate.enter(bytes).await.expect("room");
                order.lock().expect("a lock").push(name);
            })
        };
        let large = spawn("large", ALL);
        tokio::task::yield_now().await;
        let small = spawn("small", ALL / 4);
        tokio::task::yield_now().await;
        assert_eq!((gate.waiting(), gate.held_bytes()), (2, ALL));
        drop(first);
        large.await.expect("an end");
        small.await.expect("an end");
        assert_eq!(*order.lock().expect("a lock"), ["large", "small"]);
        assert_eq!((gate.waiting(), gate.held_bytes(), gate.refused()), (0, 0, 0));
    }

    #[tokio::test]
    async fn who_waits_too_long_or_comes_too_late_is_turned_away_and_who_leaves_leaves_room() {
        let gate = Gate { patience: Duration::from_secs(1), ..Gate::new(ALL) };
        let held = gate.enter(ALL).await.expect("room");
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let gate = gate.clone();
                tokio::spawn(async move { gate.enter(1).await.is_ok() })
            })
            .collect();
        become_waiting(&gate, MAX_WAITING).await;
        assert!(gate.enter(1).await.is_err(), "the line is full");
        waiting[0].abort();
        become_waiting(&gate, MAX_WAITING - 1).await;
        for waits in waiting.into_iter().skip(1) {
            assert!(!waits.await.expect("an end"), "nobody waits for ever");
        }
        assert_eq!((gate.waiting(), gate.refused()), (0, MAX_WAITING));
        drop(held);
        assert!(gate.enter(ALL).await.is_ok());
    }
}
