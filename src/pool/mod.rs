//! The one place for CPU work off the runtime's threads, and for permits in bytes.
//!
//! In: closures that compute. Out: their results, awaited. The pool is as wide as the cores; work inside it may split
//! itself further with rayon. [`Permits`] bound the memory that requests hold at once; a [`Gate`] turns away those that
//! would wait too long for it. [`Spares`] are buffers that such work uses again.

mod gate;
mod permits;
mod spares;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

pub use gate::{Busy, Gate};
pub use permits::{Permit, Permits};
pub use spares::{Spared, Spares};

/// A pool of threads for CPU work; a clone is the same pool.
#[derive(Debug, Clone)]
pub struct Pool {
    threads: Arc<rayon::ThreadPool>,
}

/// The system gave no threads.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the threads for CPU work")]
pub struct PoolError {
    #[from]
    source: rayon::ThreadPoolBuildError,
}

impl Pool {
    /// A pool with one thread for each core.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new() -> Result<Self, PoolError> {
        let threads = rayon::ThreadPoolBuilder::new().thread_name(|n| format!("cairn-cpu-{n}")).build()?;
        Ok(Self { threads: Arc::new(threads) })
    }

    /// As wide a pool, with threads of its own that end when it is dropped.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn alike(&self) -> Result<Self, PoolError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(self.width())
            .thread_name(|n| format!("cairn-load-{n}"))
            .build()?;
        Ok(Self { threads: Arc::new(threads) })
    }

    /// How many closures run at once.
    #[must_use]
    pub fn width(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs `work` on the pool, unless nobody waits for it any more by then. When it panics, the caller does.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.threads.spawn(move || {
            // The client went away while this stood in line.
            if sender.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(work));
            // Nor does it matter when it goes away meanwhile.
            drop(sender.send(result));
        });
        match receiver.await {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => resume_unwind(Box::new("the pool dropped its work")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_comes_back_and_panics_reach_the_caller() {
        let pool = Pool::new().expect("threads");
        assert_eq!(pool.run(|| 6 * 7).await, 42);
        let other = pool.clone();
        let task = tokio::spawn(async move { other.run(|| assert_eq!(1, 2, "on purpose")).await });
        assert!(task.await.expect_err("a panic").is_panic());
        assert_eq!(pool.run(|| 1).await, 1);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_not_begun() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        use std::sync::mpsc;

        let pool = Pool::new().expect("threads");
        let (release, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        // All threads are busy until told otherwise.
        let busy: Vec<_> = (0..pool.width())
            .map(|_| {
                let (pool, wait) = (pool.clone(), Arc::clone(&wait));
                tokio::spawn(
                    async move { pool.run(move || wait.lock().expect("a lock").recv().is_ok()).await },
                )
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        let left = pool.run(move || counted.fetch_add(1, Ordering::Relaxed));
        assert!(tokio::time::timeout(std::time::Duration::from_millis(50), left).await.is_err());
        for _ in &busy {
            release.send(()).expect("a receiver");
        }
        for task in busy {
            assert!(task.await.expect("an end"));
        }
        pool.run(|| ()).await;
        assert_eq!(begun.load(Ordering::Relaxed), 0);
    }
}
