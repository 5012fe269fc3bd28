//! The one place for CPU work off the runtime's threads, and for permits in bytes.
//!
//! In: closures that compute. Out: their results, awaited. The pool is as wide as the cores; work inside it may split
//! itself further with rayon. Searches go before all other work that waits. [`Permits`] bound the memory that requests hold at
//! once; at a [`Gate`] each [`Client`] waits for its turn to have some, or is turned away. [`Spares`] are buffers that such
//! work uses again. Work that waits for files more than it computes goes to `blocking` instead.

mod blocking;
mod client;
mod gate;
mod permits;
mod spares;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use blocking::{blocking, joined};
pub use client::Client;
pub use gate::{Busy, Gate, Pass};
pub use permits::{Permit, Permits};
pub use spares::{Spared, Spares};

/// A pool of threads for CPU work; a clone is the same pool.
#[derive(Debug, Clone)]
pub struct Pool {
    threads: Arc<rayon::ThreadPool>,
    line: Arc<Mutex<Line>>,
}

/// How far the system puts the threads behind those that answer: a small request need not wait until a block is decoded.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

type Work = Box<dyn FnOnce() + Send>;

/// Puts the calling thread behind others, where the system knows priorities of threads.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!("threads for CPU work are as urgent as all others: {error}");
    }
}

/// Work that no thread has begun.
#[derive(Default)]
struct Line {
    searches: VecDeque<Work>,
    others: VecDeque<Work>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({} + {})", self.searches.len(), self.others.len())
    }
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
        let threads = rayon::ThreadPoolBuilder::new()
            .thread_name(|n| format!("cairn-cpu-{n}"))
            .start_handler(|_| step_back())
            .build()?;
        Ok(Self { threads: Arc::new(threads), line: Arc::default() })
    }

    /// As wide a pool, with threads of its own that end when it is dropped.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn alike(&self) -> Result<Self, PoolError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(self.width())
            .thread_name(|n| format!("cairn-load-{n}"))
            .start_handler(|_| step_back())
            .build()?;
        Ok(Self { threads: Arc::new(threads), line: Arc::default() })
    }

    /// How many closures run at once.
    #[must_use]
    pub fn width(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs `work` on the pool, unless nobody waits for it any more by then. When it panics, the caller does.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.queued(work, |line| &mut line.others).await
    }

    /// As [`Pool::run`], before all else that waits: for work of a search, which others wait for.
    pub async fn search<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.queued(work, |line| &mut line.searches).await
    }

    /// Searches, and other work, that no thread has begun.
    #[must_use]
    pub fn waiting(&self) -> [u64; 2] {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        [line.searches.len() as u64, line.others.len() as u64]
    }

    async fn queued<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        queue: fn(&mut Line) -> &mut VecDeque<Work>,
    ) -> T {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let work = Box::new(move || {
            // The client went away while this stood in line.
            if sender.is_closed() {
                return;
            }
            let result = catch_unwind(AssertUnwindSafe(work));
            // Nor does it matter when it goes away meanwhile.
            drop(sender.send(result));
        });
        queue(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner)).push_back(work);
        let line = Arc::clone(&self.line);
        // As many threads are asked as there is work; each takes what is first by then.
        self.threads.spawn(move || {
            let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
            let first = line.searches.pop_front().or_else(|| line.others.pop_front());
            drop(line);
            if let Some(work) = first {
                work();
            }
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn threads_stand_behind_those_that_answer_and_leave_these_as_they_are() {
        let niceness = || rustix::process::getpriority_process(None).expect("a priority");
        let own = niceness();
        let pool = Pool::new().expect("threads");
        assert_eq!(pool.run(niceness).await, NICENESS);
        assert_eq!(niceness(), own);
    }

    #[tokio::test]
    async fn work_comes_back_and_panics_reach_the_caller() {
        let pool = Pool::new().expect("threads");
        assert_eq!(pool.run(|| 6 * 7).await, 42);
        let other = pool.clone();
        let task = tokio::spawn(async move { other.run(|| assert_eq!(1, 2, "on purpose")).await });
        assert!(task.await.expect_err("a panic").is_panic());
        assert_eq!(pool.run(|| 1).await, 1);
    }

    type Ends = Vec<tokio::task::JoinHandle<bool>>;

    /// Keeps all threads busy; each ends with a message.
    async fn busy(pool: &Pool) -> (std::sync::mpsc::Sender<()>, Ends) {
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let begun = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let start = |_| {
            let (pool, wait, begun) = (pool.clone(), Arc::clone(&wait), Arc::clone(&begun));
            let work = move || {
                begun.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                wait.lock().expect("a lock").recv().is_ok()
            };
            tokio::spawn(async move { pool.run(work).await })
        };
        let ends = (0..pool.width()).map(start).collect();
        while begun.load(std::sync::atomic::Ordering::Relaxed) < pool.width() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        (release, ends)
    }

    #[tokio::test]
    async fn searches_go_before_other_work_that_waits() {
        let pool = Pool::new().expect("threads");
        let (release, ends) = busy(&pool).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let order = Arc::clone(&order);
            move || order.lock().expect("a lock").push(name)
        };
        let (one, two) = (pool.clone(), pool.clone());
        let (decoding, search) = (note("decoding"), note("search"));
        let decoding = tokio::spawn(async move { one.run(decoding).await });
        while pool.waiting() != [0, 1] {
            tokio::task::yield_now().await;
        }
        let search = tokio::spawn(async move { two.search(search).await });
        while pool.waiting() != [1, 1] {
            tokio::task::yield_now().await;
        }
        // One thread is free: it takes both.
        release.send(()).expect("a receiver");
        decoding.await.expect("an end");
        search.await.expect("an end");
        assert_eq!(*order.lock().expect("a lock"), ["search", "decoding"]);
        for _ in 1..ends.len() {
            release.send(()).expect("a receiver");
        }
        for end in ends {
            assert!(end.await.expect("an end"));
        }
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_not_begun() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let pool = Pool::new().expect("threads");
        let (release, busy) = busy(&pool).await;
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
