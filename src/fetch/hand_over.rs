//! The results of a period → where they are to be.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::sync::watch;

use crate::pool::Pool;
use crate::storage::{Location, Storage};
use crate::upload::{self, Report, UploadError};

/// Largest document that is looked into; Items are a few kilobytes.
const MAX_DOCUMENT_BYTES: u64 = 8 << 20;

/// Why results are not where they are to be.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The disk.
    #[error("cannot move {}", path.display())]
    Io {
        /// What was worked on.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The other place.
    #[error(transparent)]
    Upload(Box<UploadError>),
    /// Some of it could not be sent.
    #[error("{count} files could not be sent: {first}")]
    Unsent {
        /// How many.
        count: usize,
        /// The first of them and why.
        first: String,
    },
    /// What is there is not what was sent.
    #[error("{differing} files are not there as they were sent; run the command again")]
    Unlike {
        /// How many.
        differing: usize,
    },
}

impl From<UploadError> for MoveError {
    fn from(error: UploadError) -> Self {
        Self::Upload(Box::new(error))
    }
}

/// Files below a folder, sorted; links are not followed.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Sends all below `folder` to `to`, then once more holds every file there against the one here, by length and checksum.
pub(super) async fn send(
    storage: &Storage,
    pool: &Pool,
    folder: &Path,
    to: &Location,
    stop: &watch::Receiver<bool>,
) -> Result<(), MoveError> {
    let source = Location::from_path(folder).map_err(UploadError::from)?;
    let options = upload::Options::new(source, to.clone());
    let sent = upload::run(storage, pool, &options, stop.clone(), &|_| {}).await?;
    complete(&sent)?;
    let options = upload::Options { dry_run: true, ..options };
    let held = upload::run(storage, pool, &options, stop.clone(), &|_| {}).await?;
    complete(&held)?;
    if held.same == held.files {
        Ok(())
    } else {
        Err(MoveError::Unlike { differing: held.files - held.same })
    }
}

fn complete(report: &Report) -> Result<(), MoveError> {
    match report.failures.first() {
        Some(first) => Err(MoveError::Unsent { count: report.failures.len(), first: first.to_string() }),
        None if report.held_back.is_empty() => Ok(()),
        None => Err(MoveError::Unsent { count: report.held_back.len(), first: "interrupted".to_owned() }),
    }
}

/// Moves all below `folder` into `to`, on the same disk.
pub(super) fn rename(folder: &Path, to: &Path) -> Result<(), MoveError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| MoveError::Io { path, source }
    };
    for from in files(folder).map_err(failed(folder))? {
        let Ok(relative) = from.strip_prefix(folder) else { continue };
        let place = to.join(relative);
        fs::create_dir_all(place.parent().unwrap_or(to)).map_err(failed(&place))?;
        fs::rename(&from, &place).map_err(failed(&from))?;
    }
    Ok(())
}

/// The Items among the results, a line each, with hrefs as they will be at `to`; added to those of `path`, where those of the
/// same Collection and id are replaced.
pub(super) fn record(storage: &Storage, folder: &Path, to: &Location, path: &Path) -> io::Result<()> {
    let mut lines = BTreeMap::new();
    match fs::read_to_string(path) {
        Ok(text) => {
            for item in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
                lines.insert(key(&item), item.to_string());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    for file in files(folder)? {
        let is_json = file.extension().is_some_and(|extension| extension == "json");
        if !is_json || fs::metadata(&file)?.len() > MAX_DOCUMENT_BYTES {
            continue;
        }
        let Ok(mut item) = serde_json::from_slice::<Value>(&fs::read(&file)?) else { continue };
        let is_item = item.get("type").and_then(Value::as_str) == Some("Feature");
        let relative = file.strip_prefix(folder).ok().and_then(Path::to_str);
        let Some(place) = relative.filter(|_| is_item).and_then(|relative| to.child(relative).ok()) else {
            continue;
        };
        for asset in
            item.get_mut("assets").and_then(Value::as_object_mut).into_iter().flat_map(|a| a.values_mut())
        {
            let Some(Value::String(href)) = asset.get_mut("href") else { continue };
            if let Ok(location) = place.join(href) {
                *href = storage.public(location).to_href();
            }
        }
        lines.insert(key(&item), item.to_string());
    }
    let text: String = lines.into_values().map(|line| line + "\n").collect();
    super::journal::replace(path, text.as_bytes())
}

fn key(item: &Value) -> (String, String) {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("collection"), text("id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_recorded_with_hrefs_at_their_new_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let results = folder.path().join("results");
        fs::create_dir_all(results.join("c/i")).expect("a folder");
        let item =
            r#"{"type": "Feature", "id": "i", "collection": "c", "assets": {"a": {"href": "./a b.tif"}}}"#;
        fs::write(results.join("c/i/i.json"), item).expect("written");
        fs::write(results.join("c/i/other.json"), "[]").expect("written");
        let (storage, path) = (Storage::default(), folder.path().join("moved.ndjson"));
        for place in ["s3://b/old", "s3://b/p"] {
            let to = Location::parse(place).expect("a location");
            record(&storage, &results, &to, &path).expect("recorded");
        }
        let text = fs::read_to_string(&path).expect("read");
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("s3://b/p/c/i/a%20b.tif"), "{text}");
    }
}
