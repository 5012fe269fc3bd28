//! What an outcome was made of and how, kept in its metadata: one that matches need not be made again.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use gdal::{Dataset, Metadata};
use serde_json::json;

use super::facts::Pair;
use super::plan::Task;
use super::store;

/// The metadata item's name.
const KEY: &str = "CAIRN_CONVERTED";
/// Changed whenever the same options give another outcome.
const VERSION: u32 = 1;

/// What a task's outcome will say of itself; none when a source's size and time are not to be had.
pub(super) fn stamp(task: &Task, options: &str) -> io::Result<Option<Pair>> {
    let mut sources = Vec::new();
    for source in &task.sources {
        let Some(file) = &source.file else { return Ok(None) };
        let metadata = fs::metadata(file)?;
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = source.name.rsplit('/').next().unwrap_or_default();
        sources.push(json!({
            "name": name,
            "bytes": metadata.len(),
            "modified": format!("{}.{:09}", since.as_secs(), since.subsec_nanos()),
            "bands": source.bands,
            "set": source.told.as_ref().map(ToString::to_string),
        }));
    }
    let value = json!({ "version": VERSION, "sources": sources, "options": options });
    Ok(Some((KEY.to_owned(), value.to_string())))
}

/// Whether a file or store is there and says the same of itself.
pub(super) fn matches(dest: &Path, stamp: Option<&Pair>) -> bool {
    let Some((_, wanted)) = stamp else { return false };
    if dest.is_dir() {
        return store::attribute(dest, KEY).as_ref() == Some(wanted);
    }
    if !dest.is_file() {
        return false;
    }
    Dataset::open(dest).is_ok_and(|dataset| dataset.metadata_item(KEY, "").as_ref() == Some(wanted))
}
