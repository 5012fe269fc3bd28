//! The demo set, made once for a build of the binary and shared by all tests, also when each runs in its own process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::server::{Server, cairn, run};

/// A server of the demo set, whose rasters lie beside the tree.
pub(crate) fn serve() -> Server {
    serve_with(&[])
}

/// The same with further options.
pub(crate) fn serve_with(options: &[&str]) -> Server {
    let catalog = catalog();
    let mut command = cairn();
    command.arg("serve").arg(catalog).arg("--allow").arg(folder()).args(["--bind", "127.0.0.1:0"]);
    Server::start(command.args(options))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo")
}

/// The `catalog.json` of the demo set.
pub(crate) fn catalog() -> PathBuf {
    let folder = folder();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let made_by = folder.join("made-by");
    let binary = fs::metadata(env!("CARGO_BIN_EXE_cairn")).unwrap();
    let identity = format!("{} bytes, {:?}", binary.len(), binary.modified().unwrap());
    if fs::read_to_string(&made_by).ok().as_deref() != Some(&identity) {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let made = run(cairn().arg("demo").arg(&folder).args(["--no-serve", "--quiet"]));
        assert!(made.status.success(), "cairn demo failed: {}", String::from_utf8_lossy(&made.stderr));
        fs::write(&made_by, identity).unwrap();
    }
    shallowest_catalog(&folder)
}

/// The tree's root: the `catalog.json` nearest to the top.
fn shallowest_catalog(folder: &Path) -> PathBuf {
    let mut level = vec![folder.to_path_buf()];
    while !level.is_empty() {
        if let Some(found) = level.iter().map(|folder| folder.join("catalog.json")).find(|file| file.exists())
        {
            return found;
        }
        level = level.iter().flat_map(|folder| folders_in(folder)).collect();
    }
    panic!("no catalog.json under {}", folder.display());
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}
