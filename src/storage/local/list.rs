//! What lies below a folder of the disk.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::write::{LOCK_NAME, PART_ENDING};
use super::{from_io, meta_of};
use crate::storage::{Entry, Location, StorageError};

/// Entries read ahead of who takes them.
const READ_AHEAD: usize = 256;

/// All files below the folder, each folder's in the order of their names; links to folders are not followed, and what is
/// neither file nor folder is passed over. A folder that is not there holds nothing, as in a store.
pub(in crate::storage) fn list(folder: &Path) -> BoxStream<'static, Result<Entry, StorageError>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut folders = vec![folder.clone()];
        while let Some(at) = folders.pop() {
            let location = Location::Local(at.clone());
            let mut paths = match read_folder(&at) {
                Ok(paths) => paths,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && at == folder => return,
                Err(error) => {
                    drop(sender.blocking_send(Err(from_io(error, &location))));
                    return;
                }
            };
            paths.sort_by(|a, b| b.0.cmp(&a.0));
            folders.extend(paths.iter().filter(|(_, is_folder)| *is_folder).map(|(path, _)| path.clone()));
            for (path, _) in paths.into_iter().rev().filter(|(_, is_folder)| !is_folder) {
                let location = Location::Local(path.clone());
                let entry = match std::fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => Ok(Entry { location, meta: meta_of(&metadata) }),
                    Ok(_) => continue,
                    // It went in the meantime, or its link leads nowhere.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => Err(from_io(error, &location)),
                };
                let failed = entry.is_err();
                if sender.blocking_send(entry).is_err() || failed {
                    return;
                }
            }
        }
    });
    stream::unfold(receiver, async |mut entries| entries.recv().await.map(|entry| (entry, entries))).boxed()
}

/// Files that are being written, and the lock of those who do.
fn is_own(name: &OsStr) -> bool {
    name == LOCK_NAME || is_part(name)
}

fn is_part(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && name.ends_with(PART_ENDING)
}

/// Removes files below a folder that were never finished, when they are older than that; how many.
pub(in crate::storage) fn sweep_parts(
    folder: &Path,
    location: &Location,
    older_than: Duration,
) -> Result<usize, StorageError> {
    let failed = |error| from_io(error, location);
    let (mut folders, mut swept) = (vec![folder.to_owned()], 0);
    while let Some(at) = folders.pop() {
        let entries = match std::fs::read_dir(&at) {
            // It went in the meantime.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Ok(kind) = entry.file_type() else { continue };
            let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if is_part(&entry.file_name()) && age().is_some_and(|age| age > older_than) {
                std::fs::remove_file(entry.path()).map_err(failed)?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}

fn read_folder(folder: &Path) -> std::io::Result<Vec<(PathBuf, bool)>> {
    let entries = std::fs::read_dir(folder)?;
    let entries = entries.filter(|entry| !entry.as_ref().is_ok_and(|entry| is_own(&entry.file_name())));
    entries.map(|entry| entry.and_then(|entry| Ok((entry.path(), entry.file_type()?.is_dir())))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_all_depths_are_listed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in ["b.json", "a/x.tif", "a/deep/y.tif"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "x").expect("a file");
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).expect("a link");
        let entries: Vec<_> = list(folder.path()).collect().await;
        let names: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let location = entry.expect("an entry").location;
                location.relative_to(&Location::Local(folder.path().to_owned())).expect("below")
            })
            .collect();
        assert_eq!(names, ["b.json", "a/x.tif", "a/deep/y.tif"]);
        assert_eq!(list(&folder.path().join("none")).collect::<Vec<_>>().await.len(), 0);
    }
}
