//! A server of another maker, ended when dropped.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a start may take on two busy cores.
const PATIENCE: Duration = Duration::from_mins(1);
/// Another process may take a port between its choice and its use.
const STARTS: usize = 5;

/// A child process and the port it listens on; what each store is to a test.
#[derive(Debug)]
pub(crate) struct Listening {
    child: Child,
    port: u16,
}

impl Listening {
    /// Starts what `command` makes for a free port and waits until something accepts there; `log` holds what it says.
    pub(super) fn start(log: &Path, command: impl Fn(u16) -> Command) -> Self {
        for _ in 0..STARTS {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = command(port);
            let file = File::create(log).unwrap();
            command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
            let child = command.spawn().unwrap_or_else(|error| {
                panic!("{command:?}: {error}: run scripts/setup.sh s3 azurite nginx")
            });
            let mut started = Self { child, port };
            if started.accepts() {
                return started;
            }
        }
        panic!("no start in {STARTS} tries: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// False when the process ends before it listens.
    fn accepts(&mut self) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
