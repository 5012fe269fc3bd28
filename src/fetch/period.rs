//! One period: fetched, given to a command, moved, freed.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::command::Run;
use super::files::Came;
use super::hand_over::{self, MoveError};
use super::item::Wanted;
use super::journal::{Current, Done, Stage};
use super::options::{FetchError, Periods, Progress, Report};
use super::run::{Work, until_stopped};
use crate::pool::blocking;
use crate::source::api::Period;

/// The folders of a period.
#[derive(Debug, Clone)]
struct Folders {
    /// Of both.
    all: PathBuf,
    /// What came.
    dir: PathBuf,
    /// What the command makes of it.
    out: PathBuf,
}

impl Work<'_> {
    /// Does a period, or what is left of it; `first`: with Items that begin before it.
    pub(super) async fn period(
        &mut self,
        periods: &Periods,
        period: &Period,
        is_first: bool,
        report: &mut Report,
    ) -> Result<(), FetchError> {
        let folders = self.folders(&period.name);
        // Of a period that was done but for some Items only those are fetched again.
        let only: Option<HashSet<_>> = self.journal.done.get(&period.name).and_then(|done| {
            let failed = done.failures.iter().map(|f| Some((f.collection.clone()?, f.item.clone()?)));
            (done.window == period.window).then(|| failed.collect::<Option<_>>()).flatten()
        });
        (self.told)(Progress::Period(&period.name, "search"));
        let mut items = Vec::new();
        let mut came = Came::default();
        let mut seen = HashSet::new();
        for day in crate::source::api::Per::Day.periods(period.window.0, period.window.1) {
            let found = self.files.client.window(&self.options.query, Some(day.window));
            for item in until_stopped(&self.stop, found).await?? {
                // One that lasts longer is of the period that it begins in.
                if !is_first && Wanted::start(&item).is_some_and(|start| start < period.window.0) {
                    continue;
                }
                self.want(item, &folders.dir, Some(&period.name), &mut seen, &mut items, &mut came);
            }
        }
        if let Some(only) = only {
            items.retain(|item| only.contains(&(item.collection.clone(), item.id.clone())));
        }
        report.items += items.len();
        (self.told)(Progress::Period(&period.name, "download"));
        if self.files.disk.is_limited() {
            let needed = until_stopped(&self.stop, self.files.needed(&items)).await?;
            let left = self.files.disk.left();
            if needed > left {
                return Err(FetchError::TooLarge { period: period.name.clone(), needed, left });
            }
        }
        let fetched = until_stopped(&self.stop, self.files.fetch(&items, Some(&period.name))).await??;
        if let Some(reason) = fetched.full {
            return Err(FetchError::Full { period: period.name.clone(), reason });
        }
        came.failures.extend(fetched.failures);
        report.new += fetched.new;
        report.there += fetched.there;
        let dir = folders.dir.clone();
        blocking(move || sweep(&dir)).await.map_err(FetchError::disk(&folders.dir))?;
        self.journal.current = Some(Current {
            name: period.name.clone(),
            window: period.window,
            stage: Stage::Fetched,
            failures: came.failures,
        });
        self.write_journal()?;
        self.finish(periods).await
    }

    /// Does what is left of the current period, once all of it has come.
    pub(super) async fn finish(&mut self, periods: &Periods) -> Result<(), FetchError> {
        while let Some(current) = self.journal.current.clone() {
            let folders = self.folders(&current.name);
            let has_out = periods.then.as_deref().is_some_and(Run::has_out);
            let results = if has_out { &folders.out } else { &folders.dir };
            match current.stage {
                Stage::Fetched => {
                    self.process(periods, &current, &folders).await?;
                    self.reach(Stage::Processed)?;
                }
                Stage::Processed => {
                    (self.told)(Progress::Period(&current.name, "move"));
                    self.hand_over(periods, &current, results).await.map_err(|source| FetchError::Move {
                        period: current.name.clone(),
                        dir: results.clone(),
                        source,
                    })?;
                    if *self.stop.borrow() {
                        return Err(FetchError::Interrupted);
                    }
                    self.reach(Stage::Moved)?;
                }
                Stage::Moved => {
                    let all = folders.all.clone();
                    blocking(move || remove(&all)).await.map_err(FetchError::disk(&folders.all))?;
                    let done = Done { window: current.window, failures: current.failures };
                    self.journal.done.insert(current.name, done);
                    self.journal.current = None;
                    self.write_journal()?;
                    self.measure().await?;
                }
            }
        }
        Ok(())
    }

    async fn process(
        &self,
        periods: &Periods,
        current: &Current,
        folders: &Folders,
    ) -> Result<(), FetchError> {
        let Some(command) = periods.then.clone() else { return Ok(()) };
        if files_in(&folders.dir).await.map_err(FetchError::disk(&folders.dir))?.is_empty() {
            return Ok(());
        }
        (self.told)(Progress::Period(&current.name, "command"));
        let out = folders.out.clone();
        // What a run before left there is half of something.
        let made = blocking(move || remove(&out).and_then(|()| fs::create_dir_all(&out))).await;
        made.map_err(FetchError::disk(&folders.out))?;
        let run = Run {
            command,
            dir: folders.dir.clone(),
            out: folders.out.clone(),
            dest: self.dest.clone(),
            disk: self.files.disk.clone(),
            lock: self.lock.try_clone().map_err(FetchError::disk(&self.dest))?,
            stop: self.stop.clone(),
        };
        blocking(move || run.run()).await.map_err(|source| match source {
            super::CommandError::Interrupted => FetchError::Interrupted,
            source => FetchError::Command { period: current.name.clone(), dir: folders.dir.clone(), source },
        })
    }

    async fn hand_over(&self, periods: &Periods, current: &Current, results: &Path) -> Result<(), MoveError> {
        let files = files_in(results).await;
        if files.map_err(|source| MoveError::Io { path: results.to_owned(), source })?.is_empty() {
            return Ok(());
        }
        let folder = results.to_owned();
        let Some(to) = &periods.move_to else {
            let dest = self.dest.clone();
            return blocking(move || hand_over::rename(&folder, &dest)).await;
        };
        let to = self.files.storage.adopt(to.clone());
        let record = self.state.join(format!("{}.ndjson", current.name));
        let (storage, place, path) = (self.files.storage.clone(), to.clone(), record.clone());
        blocking(move || hand_over::record(&storage, &folder, &place, &path))
            .await
            .map_err(|source| MoveError::Io { path: record, source })?;
        hand_over::send(&self.files.storage, &self.pool, results, &to, &self.stop).await
    }

    fn reach(&mut self, stage: Stage) -> Result<(), FetchError> {
        if let Some(current) = &mut self.journal.current {
            current.stage = stage;
        }
        self.write_journal()
    }

    fn folders(&self, name: &str) -> Folders {
        let all = self.state.join(name);
        Folders { dir: all.join("in"), out: all.join("out"), all }
    }
}

/// Removes what a download that failed left to go on from: there is no going on once the rest has gone.
fn sweep(folder: &Path) -> io::Result<()> {
    for file in files_below(folder)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && (name.ends_with(".part") || name.ends_with(".etag")) {
            fs::remove_file(&file)?;
        }
    }
    Ok(())
}

/// The files below a folder; none where there is no folder.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match hand_over::files(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        found => found,
    }
}

async fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = folder.to_owned();
    blocking(move || files_below(&folder)).await
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
