//! The whole way: both sides are listed, stages are sent one after the other, what is surplus is removed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::{Semaphore, watch};

use super::bandwidth::Bandwidth;
use super::file::{File, Outcome, READ_AHEAD, SendError, Sender};
use super::options::Options;
use super::report::{Failure, Report};
use super::sides::{Sides, look};
use super::stage::Stage;
use crate::pool::Pool;
use crate::storage::{Location, LocationError, Storage, StorageError};

/// Rounds in which what failed for a passing reason is tried once more, and the wait before each. Each request was repeated
/// with growing waits before: this is for stores that are away for longer.
const ROUNDS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];
/// After so many files in a row that the store does not let us write, no other will fare better.
const HOPELESS: usize = 20;

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files that are through, sent or not.
    pub files_done: usize,
    /// Files in all.
    pub files: usize,
    /// Bytes that are through.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes of them that had to be sent.
    pub sent: u64,
}

/// Why an upload could not begin.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A side cannot be listed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A path that makes no location.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// Nothing to send.
    #[error(
        "nothing to send: {source_at} holds no file that is asked for; check the path and --include, --exclude"
    )]
    Empty {
        /// The source.
        source_at: Location,
    },
    /// The bucket or container is missing.
    #[error("there is no bucket or container for {dest}; make it, or give --create")]
    NoContainer {
        /// The destination.
        dest: Location,
    },
    /// A name that cannot be told in another place.
    #[error("{location} has a name that is no UTF-8 text; rename it")]
    Name {
        /// The file.
        location: Location,
    },
    /// A copy into itself, or one that would remove its own source.
    #[error("{inner} lies in {outer}, or is the same; give another destination")]
    Within {
        /// The one.
        inner: Location,
        /// The other.
        outer: Location,
    },
}

/// Brings the files of the source to the destination, in stages: what a document names is there before the document, and the
/// root comes last. What is there already with the same content is not sent.
///
/// Files that cannot be sent are in the report. Then no further stage begins, and nothing is removed: readers keep seeing the
/// old tree. `stop` ends it all soon, with half-sent files discarded.
///
/// # Errors
/// When a side cannot be listed, or there is nothing to send.
pub async fn run(
    storage: &Storage,
    pool: &Pool,
    options: &Options,
    stop: watch::Receiver<bool>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Report, UploadError> {
    let (source_at, dest) = (options.source.clone(), options.dest.clone());
    if dest.is_below(&source_at) {
        return Err(UploadError::Within { inner: dest, outer: source_at });
    }
    // Else it would remove its own source.
    if options.delete && source_at.is_below(&dest) {
        return Err(UploadError::Within { inner: source_at, outer: dest });
    }
    if options.create && !options.dry_run {
        storage.make_container(&dest).await?;
    }
    let Sides { files, surplus } = look(storage, options).await?;
    let sender = Sender {
        storage,
        pool,
        overwrite: options.overwrite,
        dry_run: options.dry_run,
        bandwidth: Bandwidth::new(options.bandwidth),
        memory: Sender::memory(),
        turns: Semaphore::new(options.concurrency.max(1)),
        stop,
    };
    let mut upload = Upload {
        sender,
        concurrency: options.concurrency.max(1),
        tally: Tally::of(&files, progress),
        report: Report { files: files.len(), ..Report::default() },
    };
    upload.tally.tell();
    upload.stages(files).await;
    if options.delete && upload.report.is_complete() {
        upload.remove(surplus).await;
    }
    Ok(upload.report)
}

/// What is through so far.
struct Tally<'a> {
    files: usize,
    bytes: u64,
    files_done: AtomicUsize,
    bytes_done: AtomicU64,
    sent: AtomicU64,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl<'a> Tally<'a> {
    fn of(files: &[File], progress: &'a (dyn Fn(Progress) + Send + Sync)) -> Self {
        Self {
            files: files.len(),
            bytes: files.iter().map(|file| file.len).sum(),
            files_done: AtomicUsize::new(0),
            bytes_done: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            progress,
        }
    }

    fn tell(&self) {
        (self.progress)(Progress {
            files_done: self.files_done.load(Ordering::Relaxed),
            files: self.files,
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes: self.bytes,
            sent: self.sent.load(Ordering::Relaxed),
        });
    }
}

/// An upload under way.
struct Upload<'a> {
    sender: Sender<'a>,
    concurrency: usize,
    tally: Tally<'a>,
    report: Report,
}

impl Upload<'_> {
    /// Sends all stages in their order, as long as each ends complete.
    async fn stages(&mut self, mut files: Vec<File>) {
        files.sort_by_cached_key(|file| (Stage::of(&file.relative), file.relative.clone()));
        let mut stages = files.chunk_by(|a, b| Stage::of(&a.relative) == Stage::of(&b.relative));
        for stage in stages.by_ref() {
            self.stage(stage.iter().collect()).await;
            if !self.report.is_complete() {
                break;
            }
        }
        self.report.held_back.extend(stages.flatten().map(|file| file.relative.clone()));
        self.report.plan.sort_by_cached_key(|line| {
            let relative = line.trim_start_matches("send ");
            (Stage::of(relative), relative.to_owned())
        });
    }

    async fn stage(&mut self, files: Vec<&File>) {
        let mut open = files;
        for (nth, wait) in ROUNDS.into_iter().map(Some).chain([None]).enumerate() {
            let again = |file: &File, error: &SendError| {
                wait.is_some() && (error.is_passing() || (nth == 0 && error.is_worth_another(file)))
            };
            open = self.round(&open, &again).await;
            let Some(wait) = wait.filter(|_| !open.is_empty()) else { break };
            // Half of the wait by chance, so that those who failed together do not come back together.
            let wait = wait / 2 + wait.mul_f64(chance() / 2.0);
            // Ends early when all is to end.
            drop(tokio::time::timeout(wait, self.sender.stopped()).await);
        }
    }

    /// Tries each file once; gives back those that failed and are `worth` another try.
    async fn round<'f>(
        &mut self,
        files: &[&'f File],
        worth: &(dyn Fn(&File, &SendError) -> bool + Sync),
    ) -> Vec<&'f File> {
        let (sender, tally) = (&self.sender, &self.tally);
        let hopeless = AtomicBool::new(false);
        // What has begun comes to its own end, which leaves nothing half-written.
        let goes_on = |_: &&File| !hopeless.load(Ordering::Relaxed) && !sender.is_stopped();
        let mut results = futures::stream::iter(files.iter().copied().take_while(goes_on))
            .map(|file| async move {
                let gone = AtomicU64::new(0);
                let result = sender
                    .send(file, &|bytes| {
                        gone.fetch_add(bytes, Ordering::Relaxed);
                        tally.bytes_done.fetch_add(bytes, Ordering::Relaxed);
                        tally.sent.fetch_add(bytes, Ordering::Relaxed);
                        tally.tell();
                    })
                    .await;
                (file, gone.into_inner(), result)
            })
            .buffer_unordered(self.concurrency + READ_AHEAD);
        let (mut again, mut in_a_row) = (Vec::new(), 0);
        let mut settled = HashSet::with_capacity(files.len());
        while let Some((file, gone, result)) = results.next().await {
            match result {
                Ok(outcome) => {
                    in_a_row = 0;
                    settled.insert(file.relative.as_str());
                    self.report.count(outcome, &file.relative, sender.dry_run);
                    tally.files_done.fetch_add(1, Ordering::Relaxed);
                    tally.bytes_done.fetch_add(file.len.saturating_sub(gone), Ordering::Relaxed);
                    tally.tell();
                }
                Err(error) => {
                    tally.bytes_done.fetch_sub(gone, Ordering::Relaxed);
                    in_a_row = if error.is_lasting() { in_a_row + 1 } else { 0 };
                    if worth(file, &error) {
                        again.push(file);
                    } else {
                        self.report.failures.push(Failure::new(&file.relative, &error));
                        settled.insert(file.relative.as_str());
                    }
                    hopeless.fetch_or(in_a_row >= HOPELESS, Ordering::Relaxed);
                }
            }
        }
        drop(results);
        if hopeless.into_inner() || sender.is_stopped() {
            let left = files.iter().filter(|file| !settled.contains(file.relative.as_str()));
            self.report.held_back.extend(left.map(|file| file.relative.clone()));
            return Vec::new();
        }
        again
    }

    /// Removes what the source does not have: documents before what they name, the root first.
    async fn remove(&mut self, mut surplus: Vec<(String, Location)>) {
        surplus.sort_by_cached_key(|(relative, _)| std::cmp::Reverse(Stage::of(relative)));
        if self.sender.dry_run {
            self.report.deleted = surplus.len();
            self.report.plan.extend(surplus.into_iter().map(|(relative, _)| format!("delete {relative}")));
            return;
        }
        let storage = self.sender.storage;
        for stage in surplus.chunk_by(|a, b| Stage::of(&a.0) == Stage::of(&b.0)) {
            let mut results = futures::stream::iter(stage)
                .map(|(relative, location)| async move { (relative, storage.delete(location).await) })
                .buffer_unordered(self.concurrency);
            while let Some((relative, result)) = results.next().await {
                match result {
                    Ok(()) => self.report.deleted += 1,
                    Err(error) => self.report.failures.push(Failure::new(relative, &error)),
                }
            }
            if self.sender.is_stopped() {
                return;
            }
        }
    }
}

impl Report {
    fn count(&mut self, outcome: Outcome, relative: &str, dry_run: bool) {
        match outcome {
            Outcome::Sent(bytes) => {
                self.sent += 1;
                self.sent_bytes += bytes;
                if dry_run {
                    self.plan.push(format!("send {relative}"));
                }
            }
            Outcome::Same => self.same += 1,
            Outcome::Kept => self.kept += 1,
        }
    }
}

/// A number from 0 up to 1, another each time.
fn chance() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    f64::from(u16::try_from(RandomState::new().hash_one(0) % (1 << 16)).unwrap_or_default())
        / f64::from(1 << 16)
}
