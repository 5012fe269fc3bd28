//! What the stores were asked for: tests assert on it, `/metrics` shows it.

use std::sync::atomic::{AtomicU64, Ordering};

/// A kind of store, as counters and metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// The server's own disk.
    Local,
    /// S3 and what speaks like it.
    S3,
    /// Azure Blob Storage.
    Azure,
    /// Google Cloud Storage.
    Google,
    /// Any server of files over HTTP.
    Http,
}

impl StoreKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Local, Self::S3, Self::Azure, Self::Google, Self::Http];

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Azure => "azure",
            Self::Google => "gs",
            Self::Http => "http",
        }
    }
}

/// Monotonic counts of one kind of store since the start of the process.
#[derive(Debug, Default)]
pub struct Tally {
    requests: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
    errors: AtomicU64,
}

impl Tally {
    /// Requests made, a range counting as one and each repetition as another.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Requests that were made once more.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Answers that could not be used: refusals, resets, stalls. That nothing is there is no error.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, requests: u64, bytes: u64) {
        self.requests.fetch_add(requests, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts of all stores, by kind.
#[derive(Debug, Default)]
pub struct Counters {
    tallies: [Tally; StoreKind::ALL.len()],
}

impl Counters {
    /// The counts of one kind.
    #[must_use]
    pub fn of(&self, kind: StoreKind) -> &Tally {
        &self.tallies[kind as usize]
    }

    /// The counts of all kinds, each with its name in metrics.
    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, &Tally)> {
        StoreKind::ALL.into_iter().map(|kind| (kind.name(), self.of(kind)))
    }

    /// Requests to all stores.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.tallies.iter().map(Tally::requests).sum()
    }

    /// Bytes read from all stores.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tallies.iter().map(Tally::bytes).sum()
    }
}
