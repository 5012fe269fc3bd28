//! What others keep in a tree's folder, when the folder is exchanged for another one.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Links all files of `old` into `new` that are not there yet, but for those that are `gone`.
pub(super) fn bring_over(old: &Path, new: &Path, gone: &HashSet<PathBuf>) -> io::Result<()> {
    fs::set_permissions(new, fs::metadata(old)?.permissions())?;
    each_file(old, Path::new(""), &mut |below, is_empty_folder| {
        if gone.contains(below) {
            return Ok(());
        }
        let to = new.join(below);
        if is_empty_folder {
            return fs::create_dir_all(to);
        }
        if fs::symlink_metadata(&to).is_ok() {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::hard_link(old.join(below), to)
    })
}

/// Removes the exchanged folder `old`. What others put there since [`bring_over`] goes to `live`; files named in `ours`
/// or `gone` are this program's own.
pub(super) fn sweep(
    old: &Path,
    live: &Path,
    ours: &HashSet<PathBuf>,
    gone: &HashSet<PathBuf>,
) -> io::Result<()> {
    each_file(old, Path::new(""), &mut |below, is_empty_folder| {
        if is_empty_folder || ours.contains(below) || gone.contains(below) {
            return Ok(());
        }
        let (from, to) = (old.join(below), live.join(below));
        let inode = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.ino()).ok();
        if inode(&from) == inode(&to) {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(from, to)
    })?;
    fs::remove_dir_all(old)
}

/// What this program keeps for itself in a tree's folder: each tree has its own.
const OWN: &str = ".cairn";

/// Calls `found` with the path below `root` of each file and link, and of each empty folder (true).
fn each_file(
    root: &Path,
    below: &Path,
    found: &mut dyn FnMut(&Path, bool) -> io::Result<()>,
) -> io::Result<()> {
    let mut is_empty = true;
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        is_empty = false;
        let path = below.join(entry.file_name());
        if path == Path::new(OWN) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            each_file(root, &path, found)?;
        } else {
            found(&path, false)?;
        }
    }
    if is_empty && below != Path::new("") { found(below, true) } else { Ok(()) }
}
