//! Work that waits for files, on threads that may wait: tokio keeps as many of them as are needed.

use tokio::task::JoinError;

/// Runs work on files off the runtime's threads. When it panics, the caller does.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(tokio::task::spawn_blocking(work).await)
}

/// What a task came to that nobody calls off: its panic is the caller's.
pub(crate) fn joined<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_work_on_files_gives_comes_back_and_so_does_its_panic() {
        assert_eq!(blocking(|| 6 * 7).await, 42);
        let failing = tokio::spawn(blocking(|| assert_eq!(1, 2, "on purpose")));
        let panic = failing.await.expect_err("a panic").into_panic();
        assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("on purpose")));
    }
}
