//! A running `cairn serve` and single runs of the other commands.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// What a start, a stop or a failure may take on two busy cores.
const PATIENCE: Duration = Duration::from_mins(1);

/// The binary under test, out of reach of the caller's own `CAIRN_…` settings and cache.
pub(crate) fn cairn() -> Command {
    plain(env!("CARGO_BIN_EXE_cairn"))
}

/// Any program with the same clean environment.
pub(crate) fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAIRN_")) {
        command.env_remove(name);
    }
    command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")).stdin(Stdio::null());
    command
}

/// A file or folder of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs to the end; a run that takes too long is killed and fails the test.
pub(crate) fn run(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let status = wait(&mut child);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    match status {
        Some(status) => Output { status, stdout, stderr },
        None => panic!("{command:?} did not end: {}", String::from_utf8_lossy(&stderr)),
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

fn wait(child: &mut Child) -> Option<std::process::ExitStatus> {
    let end = Instant::now() + 4 * PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// A server on a free port; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Serves one catalogue.
    pub(crate) fn of(catalog: impl AsRef<OsStr>) -> Self {
        Self::start(cairn().arg("serve").arg(catalog).args(["--bind", "127.0.0.1:0"]))
    }

    /// Starts any command that ends in `listening on http://ADDR`.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (address, found) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    // The receiver may be gone; the stream must be drained all the same.
                    let _ = address.send(url.trim_end_matches('/').to_owned());
                }
            }
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let written = Arc::clone(&log);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        if let Ok(url) = found.recv_timeout(PATIENCE) {
            return Self { child, url, log };
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        panic!("{command:?} did not start listening ({status}): {}", log.lock().unwrap());
    }

    /// All of stderr so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Whether a text is on stderr, now or very soon: what the server has done it may not have written yet.
    pub(crate) fn logs(&self, text: &str) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        while !self.log().contains(text) {
            if Instant::now() > end {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// The most memory it ever held, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Its open descriptors and its threads.
    pub(crate) fn descriptors_and_threads(&self) -> [usize; 2] {
        ["fd", "task"]
            .map(|folder| std::fs::read_dir(format!("/proc/{}/{folder}", self.child.id())).unwrap().count())
    }

    /// Sends a signal by name and waits for the end; the exit code, none if a signal ended it.
    pub(crate) fn signal(mut self, name: &str) -> Option<i32> {
        let sent =
            Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.child.id())).status().unwrap();
        assert!(sent.success());
        wait(&mut self.child).unwrap_or_else(|| panic!("still running after SIG{name}")).code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
