//! The command that a period is given to, watched while it runs.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::watch;

use crate::source::api::{BLOCK_BYTES, Disk};

/// How often the command is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often what it writes is measured, at least; where that takes long, less often.
const MEASURE_EVERY: Duration = Duration::from_millis(200);
/// What a fast disk takes in a millisecond, in bytes: near the limit the command runs for no longer than what is left lasts.
const BYTES_PER_MILLISECOND: u64 = 4 << 20;
/// The unit of `ulimit -f`, in bytes.
const ULIMIT_BYTES: u64 = 512;

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started or looked after.
    #[error("cannot run it")]
    Io(#[from] io::Error),
    /// It says so itself.
    #[error("it ended with {status}")]
    Status {
        /// As the system tells it.
        status: ExitStatus,
    },
    /// It writes too much.
    #[error(
        "it was stopped: --max-disk leaves no room for what it writes; give more, or --per a shorter period"
    )]
    Full,
    /// The user wants to stop.
    #[error("interrupted")]
    Interrupted,
}

/// One run of a command.
#[derive(Debug)]
pub(super) struct Run {
    /// As the user wrote it.
    pub(super) command: String,
    /// What stands for `{dir}`.
    pub(super) dir: PathBuf,
    /// What stands for `{out}`.
    pub(super) out: PathBuf,
    /// The folder that may not outgrow the disk's limit.
    pub(super) dest: PathBuf,
    pub(super) disk: Arc<Disk>,
    /// A locked file: it stays locked as long as the command runs, even when this program is gone.
    pub(super) lock: File,
    pub(super) stop: watch::Receiver<bool>,
}

impl Run {
    /// True when the results are those in `{out}`.
    pub(super) fn has_out(command: &str) -> bool {
        command.contains("{out}")
    }

    /// Runs it to its end; on a thread that may wait.
    pub(super) fn run(self) -> Result<(), CommandError> {
        let limit = if self.disk.is_limited() {
            self.disk.measure(&self.dest)?;
            // No single file of it can be larger than all that is left, in whole blocks of the disk.
            format!("ulimit -f {}\n", self.disk.left() / BLOCK_BYTES * (BLOCK_BYTES / ULIMIT_BYTES))
        } else {
            String::new()
        };
        let command = self.command.replace("{dir}", &quoted(&self.dir)).replace("{out}", &quoted(&self.out));
        let child = Command::new("sh")
            .arg("-c")
            .arg(limit + &command)
            .stdin(Stdio::from(self.lock.try_clone()?))
            // What it says is nothing that this program answers.
            .stdout(Stdio::from(io::stderr()))
            .process_group(0)
            .spawn()?;
        let mut group = Group(child);
        let mut measured = Instant::now();
        let mut pause = MEASURE_EVERY.min(self.lasting());
        loop {
            if let Some(status) = group.0.try_wait()? {
                return if status.success() { Ok(()) } else { Err(self.ended(status)) };
            }
            if *self.stop.borrow() {
                return Err(CommandError::Interrupted);
            }
            if self.disk.is_limited() && measured.elapsed() >= pause {
                let began = Instant::now();
                // Near the limit it holds still while its files are counted.
                let holds_still = self.lasting() < MEASURE_EVERY;
                if holds_still {
                    group.signal(Signal::STOP);
                }
                self.disk.measure(&self.dest)?;
                if self.disk.left() <= self.disk.margin() {
                    return Err(CommandError::Full);
                }
                pause = MEASURE_EVERY.max(began.elapsed() * 4).min(self.lasting());
                if holds_still {
                    group.signal(Signal::CONT);
                }
                measured = Instant::now();
            }
            thread::sleep(LOOK_EVERY.min(pause));
        }
    }

    /// How long a fast disk takes to fill what is left.
    fn lasting(&self) -> Duration {
        let microseconds = self.disk.left() / (BYTES_PER_MILLISECOND / 1000);
        Duration::from_micros(microseconds).max(Duration::from_millis(1))
    }

    /// Whether it was the limit that it met.
    fn ended(&self, status: ExitStatus) -> CommandError {
        use std::os::unix::process::ExitStatusExt as _;
        let met = [Some(Signal::XFSZ.as_raw()), Some(128 + Signal::XFSZ.as_raw())];
        if self.disk.is_limited() && (met.contains(&status.signal()) || met.contains(&status.code())) {
            CommandError::Full
        } else {
            CommandError::Status { status }
        }
    }
}

/// A command and all that it started: none of it outlives this.
struct Group(Child);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself just now.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal(Signal::KILL);
        let _gone = self.0.wait();
    }
}

/// A path as one word for the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, limit: Option<u64>) -> (tempfile::TempDir, Result<(), CommandError>) {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("it's {here}");
        std::fs::create_dir(&dir).expect("a folder");
        let run = Run {
            command: command.to_owned(),
            out: folder.path().join("out"),
            dest: folder.path().to_owned(),
            disk: Arc::new(Disk::new(limit)),
            lock: File::create(folder.path().join("lock")).expect("a file"),
            stop: watch::channel(false).1,
            dir,
        };
        let ended = run.run();
        (folder, ended)
    }

    #[test]
    fn places_are_one_word_each_and_a_failure_is_told() {
        let (folder, ended) = run("cp -r {dir} {out} && echo x > {out}/y", None);
        ended.expect("ended well");
        assert!(folder.path().join("out/y").exists());
        let (_, ended) = run("exit 3", None);
        assert!(ended.is_err_and(|error| error.to_string().contains('3')));
    }

    #[test]
    fn a_command_of_many_files_is_stopped_before_the_limit() {
        // A quarter of a megabyte each: none is too large by itself, and all are written as fast as the disk takes them.
        let command = "i=0; while [ $i -lt 4000 ]; do head -c 250000 /dev/zero > {dir}/$i; i=$((i+1)); done";
        let limit = 100_000_000;
        let (folder, ended) = run(command, Some(limit));
        assert!(matches!(ended, Err(CommandError::Full)), "{ended:?}");
        let held = Disk::new(Some(1)).measure(folder.path()).expect("measured");
        assert!((limit / 2..=limit).contains(&held), "{held}");
    }

    #[test]
    fn a_command_whose_file_is_too_large_is_stopped_before_the_limit() {
        let command = "dd if=/dev/zero of={dir}/x bs=4096 count=500";
        let (folder, ended) = run(command, Some(1_000_000));
        assert!(matches!(ended, Err(CommandError::Full)), "{ended:?}");
        assert!(Disk::new(Some(1)).measure(folder.path()).expect("measured") <= 1_000_000);
    }
}
