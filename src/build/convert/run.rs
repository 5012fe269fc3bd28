//! Driving all conversions on a pool of threads, and what came of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use super::error::ConvertError;
use super::input;
use super::options::Options;
use super::options::is_one;
use super::plan::{Plan, Task, plan};
use super::write::{Done, write};

/// Begins the names of folders for unfinished files.
const SCRATCH: &str = ".cairn-convert.";
/// Memory of GDAL's block cache for each file at a time, in MiB.
const CACHE_MIB: usize = 96;
/// Left by a killed run when older than this; a run that is alive touches its own with every file.
const STALE: Duration = Duration::from_hours(48);

/// An input that was not converted.
#[derive(Debug)]
pub struct Failure {
    /// The input.
    pub input: String,
    /// What is wrong with it.
    pub error: ConvertError,
}

/// What came of a conversion.
#[derive(Debug, Default)]
pub struct Report {
    /// COGs or stores written.
    pub written: usize,
    /// COGs that were there already.
    pub skipped: usize,
    /// Bytes of those written.
    pub bytes: u64,
    /// Inputs left out on purpose, and why.
    pub left_out: Vec<(String, &'static str)>,
    /// Inputs that failed.
    pub failures: Vec<Failure>,
}

/// Converts all sources; blocks until all are done. `progress` is told how many of how many COGs are done; `stop` ends the
/// work between two files.
///
/// # Errors
/// When nothing can be begun: an impossible option, no source, two inputs for one place. What goes wrong with single inputs
/// is in the report.
pub fn run(
    options: &Options,
    stop: &AtomicBool,
    progress: impl Fn(usize, usize) + Sync,
) -> Result<Report, ConvertError> {
    // GDAL must not write to the terminal by itself: what it says is in the errors.
    gdal::config::set_error_handler(|_, number, message| tracing::debug!(number, message, "GDAL"));
    options.check()?;
    let cache = (CACHE_MIB * options.jobs).to_string();
    gdal::config::set_config_option("GDAL_CACHEMAX", &cache).map_err(ConvertError::gdal("be set up"))?;
    let Plan { tasks, failures, left_out } = plan(input::find(options)?, options)?;
    let failures = failures.into_iter().map(|(input, error)| Failure { input, error }).collect();
    let report = Mutex::new(Report { left_out, failures, ..Report::default() });
    let scratch = Scratch::new(&options.dest)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs)
        .build()
        .map_err(|error| ConvertError::Gdal { what: "get its threads", said: error.to_string() })?;
    // Few files: the spare threads compress.
    let threads = (options.jobs / tasks.len().max(1)).max(1);
    let done = AtomicUsize::new(0);
    progress(0, tasks.len());
    let make = |at: usize, task: &Task, threads: usize| {
        let outcome = if stop.load(Ordering::Relaxed) {
            Err(ConvertError::Interrupted)
        } else {
            one(task, options, &scratch.path.join(at.to_string()), threads)
        };
        let mut report = report.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match outcome {
            Ok(Done::Written(bytes)) => {
                report.written += 1;
                report.bytes += bytes;
            }
            Ok(Done::Skipped) => report.skipped += 1,
            Err(error) => report.failures.push(Failure { input: task.label.clone(), error }),
        }
        drop(report);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, tasks.len());
    };
    // The HDF5 library has one lock for all, and on every thread but its first it talks to the terminal.
    for (at, task) in tasks.iter().enumerate().filter(|(_, task)| task.is_container) {
        make(at, task, options.jobs);
    }
    pool.install(|| {
        let others = tasks.par_iter().with_max_len(1).enumerate().filter(|(_, task)| !task.is_container);
        others.for_each(|(at, task)| make(at, task, threads));
    });
    let mut report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if stop.load(Ordering::Relaxed) {
        return Err(ConvertError::Interrupted);
    }
    report.failures.sort_by(|a, b| a.input.cmp(&b.input));
    Ok(report)
}

fn one(task: &Task, options: &Options, scratch: &Path, threads: usize) -> Result<Done, ConvertError> {
    let outcome = write(task, options, scratch, threads);
    // Nothing is left of it but what was moved; a failure here would hide the one that matters.
    let _ = fs::remove_dir_all(scratch);
    match &task.making {
        Some(making) => making.done(outcome.is_ok()).and(outcome),
        None => outcome,
    }
}

/// The folder of unfinished files, removed at the end.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(dest: &Path) -> Result<Self, ConvertError> {
        let folder = folder_of(dest);
        fs::create_dir_all(&folder).map_err(ConvertError::write(&folder))?;
        sweep(&folder);
        let path = folder.join(format!("{SCRATCH}{}", std::process::id()));
        fs::create_dir_all(&path).map_err(ConvertError::write(&path))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes what this process left unfinished, at once; a writer that is still busy may have to be told off a few times.
pub fn clean_up(dest: &Path) {
    let path = folder_of(dest).join(format!("{SCRATCH}{}", std::process::id()));
    for _ in 0..20 {
        if fs::remove_dir_all(&path).is_ok() || !path.exists() {
            break;
        }
    }
}

/// Where unfinished files lie: on the disk of the destination, so that they can be moved.
fn folder_of(dest: &Path) -> PathBuf {
    if is_one(dest) {
        let parent = dest.parent().filter(|parent| !parent.as_os_str().is_empty());
        return parent.unwrap_or(Path::new(".")).to_owned();
    }
    dest.to_owned()
}

/// Removes what killed runs left long ago. Others may be at work in the same folder, on other machines too.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_scratch = entry.file_name().to_string_lossy().starts_with(SCRATCH);
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = modified.and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default();
        if is_scratch && age > STALE {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
