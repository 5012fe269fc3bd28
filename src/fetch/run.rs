//! The whole way.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::files::{Came, Files};
use super::item::Wanted;
use super::journal::{Failure, Journal, replace};
use super::options::{FetchError, Options, Periods, Progress, Report};
use crate::pool::{Pool, blocking};
use crate::source::api::{Client, Disk, Per};
use crate::storage::Storage;

/// The record of what did not come, in the folder.
pub const FAILED: &str = "failed.ndjson";
/// The Items of what was moved to another place, in the folder.
pub const MOVED: &str = "moved.ndjson";
/// The folder for state and for periods that are worked on, in the folder.
const STATE: &str = ".fetch";

/// All that a fetch works with.
pub(super) struct Work<'a> {
    pub(super) options: &'a Options,
    pub(super) files: Files,
    pub(super) pool: Pool,
    /// Absolute.
    pub(super) dest: PathBuf,
    pub(super) state: PathBuf,
    pub(super) lock: File,
    pub(super) journal: Journal,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) told: &'a (dyn Fn(Progress<'_>) + Send + Sync),
}

/// Fetches all that is asked for.
///
/// `stop` ends it soon; whatever ends it, a run that follows goes on from there. What did not come is in the report and in
/// [`FAILED`]; with a place to move to, the Items of what was moved are in [`MOVED`].
///
/// # Errors
/// When the API does not answer, the disk refuses, or a period cannot be finished.
pub async fn run(
    storage: &Storage,
    pool: &Pool,
    options: &Options,
    stop: watch::Receiver<bool>,
    told: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<Report, FetchError> {
    let dest = std::path::absolute(&options.dest).map_err(FetchError::disk(&options.dest))?;
    let state = dest.join(STATE);
    fs::create_dir_all(&state).map_err(FetchError::disk(&state))?;
    let lock = until_stopped(&stop, lock(&state.join("lock"), told)).await??;
    let client = until_stopped(&stop, Client::open(&options.api)).await??;
    let files = Files {
        client,
        signer: options.signer.clone(),
        storage: storage.clone(),
        disk: Arc::new(Disk::new(options.max_disk)),
        jobs: options.jobs.max(1),
    };
    let (pool, journal) = (pool.clone(), Journal::default());
    let mut work = Work { options, files, pool, dest, state, lock, journal, stop, told };
    work.measure().await?;
    let mut report = Report::default();
    let ended = match &options.periods {
        None => work.days(&mut report).await,
        Some(periods) => work.periods(periods, &mut report).await,
    };
    work.record(&report.failures)?;
    ended.map(|()| report)
}

impl Work<'_> {
    /// Day by day, straight to the folder.
    async fn days(&mut self, report: &mut Report) -> Result<(), FetchError> {
        let windows = match self.options.interval {
            Some((start, end)) => {
                Per::Day.periods(start, end).into_iter().map(|day| Some(day.window)).collect()
            }
            None => vec![None],
        };
        let mut seen = HashSet::new();
        let count = windows.len();
        for (n, window) in windows.into_iter().enumerate() {
            let (mut items, mut came) = (Vec::new(), Came::default());
            let found = self.files.client.window(&self.options.query, window);
            for item in until_stopped(&self.stop, found).await?? {
                self.want(item, &self.dest, None, &mut seen, &mut items, &mut came);
            }
            report.items += items.len();
            came.add_to(report);
            until_stopped(&self.stop, self.files.fetch(&items, None)).await??.add_to(report);
            (self.told)(Progress::Windows(n + 1, count));
        }
        Ok(())
    }

    /// Period by period, from where a run before was cut off.
    async fn periods(&mut self, periods: &Periods, report: &mut Report) -> Result<(), FetchError> {
        let Some((start, end)) = self.options.interval else { return Ok(()) };
        if let Some(to) =
            periods.move_to.as_ref().filter(|to| to.as_path().is_some_and(|to| to.starts_with(&self.dest)))
        {
            return Err(FetchError::Within { to: to.clone() });
        }
        self.open_journal(periods)?;
        self.finish(periods).await?;
        let all = periods.per.periods(start, end);
        for (n, period) in all.iter().enumerate() {
            let done = self.journal.done.get(&period.name).filter(|done| done.window == period.window);
            if done.is_some_and(|done| done.failures.is_empty()) {
                report.done_before += 1;
            } else {
                let ended = self.period(periods, period, n == 0, report).await;
                report.failures = self.journal.failures();
                ended?;
                self.record(&report.failures)?;
            }
            (self.told)(Progress::Windows(n + 1, all.len()));
        }
        report.failures = self.journal.failures();
        if periods.move_to.is_some() { self.gather_moved().await } else { Ok(()) }
    }

    /// Takes an Item in, once; or says why not.
    pub(super) fn want(
        &self,
        item: Value,
        folder: &Path,
        period: Option<&str>,
        seen: &mut HashSet<(String, String)>,
        items: &mut Vec<Wanted>,
        came: &mut Came,
    ) {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let (collection, id) = (text("collection"), text("id"));
        match Wanted::new(item, &self.options.assets, folder) {
            // One that lasts over midnight is found twice.
            Some(item) => {
                if seen.insert((item.collection.clone(), item.id.clone())) {
                    items.push(item);
                }
            }
            None => came.failures.push(Failure {
                period: period.map(str::to_owned),
                collection,
                item: id,
                asset: None,
                error: "the API gives it no id, collection or assets with hrefs".to_owned(),
            }),
        }
    }

    /// Counts what the folder holds.
    pub(super) async fn measure(&self) -> Result<(), FetchError> {
        let (disk, dest) = (Arc::clone(&self.files.disk), self.dest.clone());
        let measured = blocking(move || disk.measure(&dest)).await;
        measured.map(|_bytes| ()).map_err(FetchError::disk(&self.dest))
    }

    fn open_journal(&mut self, periods: &Periods) -> Result<(), FetchError> {
        let path = self.journal_path();
        let query = &self.options.query;
        let of = json!({
            "api": self.options.api.split('?').next(),
            "collections": query.collections,
            "bbox": query.bbox.map(|bbox| bbox.to_array()),
            "tile": query.tile,
            "max_cloud_cover": query.max_cloud_cover,
            "assets": self.options.assets,
            "per": periods.per,
            "move_to": periods.move_to.as_ref().map(ToString::to_string),
        })
        .to_string();
        let journal = Journal::read(&path).map_err(FetchError::disk(&path))?;
        self.journal = journal.unwrap_or_else(|| Journal { of: of.clone(), ..Journal::default() });
        if self.journal.of == of {
            return Ok(());
        }
        Err(FetchError::Other { dest: self.dest.clone(), folder: self.state.clone() })
    }

    pub(super) fn write_journal(&self) -> Result<(), FetchError> {
        let path = self.journal_path();
        self.journal.write(&path).map_err(FetchError::disk(path))
    }

    fn journal_path(&self) -> PathBuf {
        self.state.join("journal.json")
    }

    /// Puts the Items of all periods that were moved in one file.
    async fn gather_moved(&self) -> Result<(), FetchError> {
        let (state, path) = (self.state.clone(), self.dest.join(MOVED));
        let place = path.clone();
        let gathered = blocking(move || {
            let mut parts: Vec<PathBuf> = fs::read_dir(&state)?
                .map(|entry| Ok(entry?.path()))
                .filter(|path: &std::io::Result<PathBuf>| {
                    path.as_ref().map_or(true, |path| path.extension().is_some_and(|e| e == "ndjson"))
                })
                .collect::<Result<_, _>>()?;
            parts.sort();
            let mut text = Vec::new();
            for part in parts {
                text.extend(fs::read(part)?);
            }
            replace(&place, &text)
        });
        gathered.await.map_err(FetchError::disk(path))
    }

    /// Writes what did not come, or takes the record of an earlier run away.
    fn record(&self, failures: &[Failure]) -> Result<(), FetchError> {
        let path = self.dest.join(FAILED);
        if failures.is_empty() {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(FetchError::disk(path)(error))
                }
                _ => Ok(()),
            };
        }
        let mut text = String::new();
        for failure in failures {
            let line = serde_json::to_string(failure).map_err(std::io::Error::other);
            text.push_str(&line.map_err(FetchError::disk(&path))?);
            text.push('\n');
        }
        replace(&path, text.as_bytes()).map_err(FetchError::disk(path))
    }
}

/// Locks a file for this run and the commands that it starts; waits where another has it.
async fn lock(path: &Path, told: &(dyn Fn(Progress<'_>) + Send + Sync)) -> Result<File, FetchError> {
    let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
    let file = file.map_err(FetchError::disk(path))?;
    let mut has_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut has_told, true) {
                    told(Progress::Waiting);
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(TryLockError::Error(error)) => return Err(FetchError::disk(path)(error)),
        }
    }
}

/// What a future gives, unless all is to end first.
pub(super) async fn until_stopped<T>(
    stop: &watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Result<T, FetchError> {
    let mut stop = stop.clone();
    tokio::select! {
        biased;
        Ok(_) = stop.wait_for(|stopped| *stopped) => Err(FetchError::Interrupted),
        done = work => Ok(done),
    }
}
