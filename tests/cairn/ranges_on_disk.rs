//! Blocks of rasters in stores, kept on the server's disk: asked for once, never stale, never in the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::demo;
use crate::http::get;
use crate::server::{Server, cairn, plain, run};
use crate::soak;
use crate::stores::{Env, Fault, Nginx, Proxy, with};

/// The demo set on a web server whose requests are counted, and a folder for caches.
struct Far {
    home: tempfile::TempDir,
    set: PathBuf,
    proxy: Proxy,
    _nginx: Nginx,
    /// From the web server's root to the catalogue.
    path: String,
}

impl Far {
    fn new() -> Self {
        Self::over(|top, _| top.to_owned())
    }

    /// A set of its own, to be changed.
    fn copied() -> Self {
        Self::over(|top, home| {
            assert!(run(plain("cp").arg("-r").arg(top).arg(home.join("set"))).status.success());
            home.join("set")
        })
    }

    fn over(set: impl Fn(&Path, &Path) -> PathBuf) -> Self {
        let (catalog, home) = (demo::catalog(), tempfile::tempdir().unwrap());
        let top = catalog.ancestors().find(|folder| folder.join("made-by").exists()).unwrap();
        let path = catalog.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
        let set = set(top, home.path());
        let nginx = Nginx::over(&set);
        let proxy = Proxy::before(nginx.port(), |_| Fault::None);
        Self { home, set, proxy, _nginx: nginx, path }
    }

    fn ranges(&self) -> PathBuf {
        self.home.path().join("cache/ranges")
    }

    /// A server that decodes each block anew.
    fn command(&self, disk_bytes: u64) -> Command {
        let root = self.proxy.url();
        let mut command = cairn();
        command.arg("serve").arg(format!("{root}/{}", self.path)).args(["--allow", &root]);
        command.args(["--bind", "127.0.0.1:0", "--refresh", "0", "--cache-bytes", "0"]);
        command.args(["--cache-disk-bytes", &disk_bytes.to_string()]);
        command.arg("--cache-dir").arg(self.home.path().join("cache"));
        command
    }

    fn serve(&self, disk_bytes: u64) -> Server {
        Server::start(with(&mut self.command(disk_bytes), &Env::new()))
    }

    /// Requests for rasters so far: how many asked for bytes, how many for no more than the state.
    fn asked(&self) -> (usize, usize) {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.proxy.is_idle() {
            assert!(Instant::now() < end, "a request does not end");
            thread::sleep(Duration::from_millis(5));
        }
        let seen = self.proxy.seen();
        let rasters =
            seen.iter().filter(|seen| Path::new(&seen.target).extension().is_some_and(|of| of == "tif"));
        let (states, bytes): (Vec<_>, Vec<_>) = rasters.partition(|seen| seen.method == "HEAD");
        (bytes.len(), states.len())
    }

    fn rasters(&self) -> Vec<PathBuf> {
        let found = run(plain("find").arg(&self.set).args(["-name", "*.tif"]));
        String::from_utf8(found.stdout).unwrap().lines().map(PathBuf::from).collect()
    }
}

/// What one server answers to random questions for patches, question by question.
fn patches(url: &str, count: usize) -> Vec<Vec<u8>> {
    let collection = get(&format!("{url}/collections")).json()["collections"][0]["id"].clone();
    let of = |index: usize| {
        let query =
            format!("collections={}&size=96&timestamps=3&seed=5&index={index}", collection.as_str().unwrap());
        let answer = get(&format!("{url}/patch/random?{query}"));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.body
    };
    (0..count).map(of).collect()
}

fn figure(server: &Server, name: &str) -> u64 {
    let text = String::from_utf8(get(&format!("{}/metrics", server.url)).body).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("cairn_disk_cache_{name} ")));
    value.unwrap_or_else(|| panic!("no cairn_disk_cache_{name}")).parse().unwrap()
}

/// Waits until the folder is the server's.
fn until_open(server: &Server) {
    assert!(server.logs("ranges of objects are kept on this disk"), "{}", server.log());
}

/// Waits until nothing waits to be written.
fn until_written(server: &Server) {
    let end = Instant::now() + Duration::from_secs(30);
    while figure(server, "queued_bytes") > 0 {
        assert!(Instant::now() < end, "{}", server.log());
        thread::sleep(Duration::from_millis(20));
    }
}

fn bytes_below(folder: &Path) -> u64 {
    let found = run(plain("find").arg(folder).args(["-type", "f", "-printf", "%s\n"]));
    String::from_utf8(found.stdout).unwrap().lines().map(|line| line.parse::<u64>().unwrap()).sum()
}

#[test]
fn a_server_with_a_warm_disk_asks_the_store_for_states_only_however_the_last_one_ended() {
    let far = Far::new();
    let (count, wanted) = (10, patches(&demo::serve().url, 10));
    let first = far.serve(1 << 30);
    until_open(&first);
    assert!(patches(&first.url, count) == wanted);
    until_written(&first);
    let (bytes, _) = far.asked();
    let (misses, files) = (figure(&first, "misses_total"), figure(&first, "files"));
    assert!(files > 0 && figure(&first, "dropped_total") == 0, "{misses} misses, {files} files");
    // What it has read once it has, also for itself.
    assert!(patches(&first.url, count) == wanted);
    assert_eq!((far.asked().0, figure(&first, "misses_total")), (bytes, misses));
    assert_eq!(first.signal("TERM"), Some(0));
    for how in ["TERM", "KILL", "TERM"] {
        let states = far.asked().1;
        let next = far.serve(1 << 30);
        until_open(&next);
        assert!(patches(&next.url, count) == wanted, "{how}");
        assert_eq!(far.asked().0, bytes, "a block was read again");
        let states = far.asked().1 - states;
        assert!(0 < states && states <= far.rasters().len(), "{states} states");
        assert_eq!((figure(&next, "misses_total"), figure(&next, "errors_total")), (0, 0));
        assert!(figure(&next, "hits_total") >= misses && figure(&next, "hit_bytes_total") > 0);
        soak::figure(
            &format!("{count} random patches from a web server, once more after a restart"),
            &format!("{states} requests instead of {bytes}, none for bytes"),
        );
        next.signal(how);
    }
}

#[test]
fn a_raster_that_was_replaced_is_never_answered_from_its_old_blocks() {
    let far = Far::copied();
    let before = patches(&demo::serve().url, 6);
    let first = far.serve(1 << 30);
    until_open(&first);
    assert!(patches(&first.url, 6) == before);
    until_written(&first);
    assert_eq!(first.signal("TERM"), Some(0));
    // Each raster becomes that of another date; the byte more makes another ETag of it.
    let rasters = far.rasters();
    let name = |path: &PathBuf| path.file_name().unwrap().to_owned();
    let other = |path: &PathBuf| {
        let same: Vec<_> = rasters.iter().filter(|other| name(other) == name(path)).collect();
        let at = same.iter().position(|other| *other == path).unwrap();
        let mut bytes = fs::read(same[(at + 1) % same.len()]).unwrap();
        bytes.push(0);
        bytes
    };
    let turned: Vec<_> = rasters.iter().map(|path| (path, other(path))).collect();
    for (path, bytes) in &turned {
        fs::write(path, bytes).unwrap();
    }
    let local =
        Server::start(cairn().arg("serve").arg(far.set.join(&far.path)).arg("--allow").arg(&far.set).args([
            "--bind",
            "127.0.0.1:0",
            "--refresh",
            "0",
        ]));
    let wanted = patches(&local.url, 6);
    assert!(wanted != before, "the rasters are the same");
    let next = far.serve(1 << 30);
    until_open(&next);
    let read = far.asked().0;
    assert!(patches(&next.url, 6) == wanted);
    assert!(far.asked().0 > read);
}

#[test]
fn a_disk_that_takes_nothing_and_a_small_limit_change_no_answer() {
    let far = Far::new();
    let count = soak::times(16);
    let wanted = patches(&demo::serve().url, count);
    let small = far.serve(4 << 20);
    until_open(&small);
    for (index, of) in wanted.iter().enumerate().step_by(count / 4) {
        assert!(patches(&small.url, index + 1).last() == Some(of));
        until_written(&small);
        let bytes = bytes_below(&far.ranges());
        assert!(bytes <= 4 << 20, "{bytes} bytes");
    }
    assert!(figure(&small, "bytes") > 1 << 20 && figure(&small, "errors_total") == 0);
    // Another server with this folder does without.
    let second = far.serve(4 << 20);
    assert!(second.logs("another server has the folder"), "{}", second.log());
    assert!(patches(&second.url, 3) == wanted[..3]);
    assert_eq!((figure(&second, "hits_total"), figure(&second, "files")), (0, 0));
    drop((small, second));
    fs::remove_dir_all(far.ranges()).unwrap();

    // No file may be longer than a block of the disk.
    let mut shell = plain("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""]);
    let full = far.command(1 << 30);
    let full = Server::start(with(shell.arg(full.get_program()).args(full.get_args()), &Env::new()));
    until_open(&full);
    assert!(patches(&full.url, 3) == wanted[..3]);
    assert!(full.logs("cannot keep ranges of objects on this disk"), "{}", full.log());
    let (errors, dropped) = (figure(&full, "errors_total"), figure(&full, "dropped_total"));
    assert!(errors > 0 && dropped > 0 && figure(&full, "queued_bytes") == 0, "{errors}, {dropped}");
}
