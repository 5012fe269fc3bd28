//! One Zarr store: a group of arrays, one a band, with the grid's coordinates beside them; a group in it for each grid of a
//! Sentinel-2 product. It is written under a temporary name and takes the place of the old one in one step.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};
use serde_json::{Map, Value, json};

use super::arrays::Store;
use super::error::ConvertError;
use super::facts::Pair;
use super::options::Options;
use super::plan::{Task, TaskSource};
use crate::zarr;

/// The document of a group or an array.
pub(super) const DOCUMENT: &str = "zarr.json";
/// Makes one store; `scratch` is a folder of this task alone, on the disk of the destination. Returns its bytes.
pub(super) fn write(
    task: &Task,
    options: &Options,
    stamp: Option<Pair>,
    scratch: &Path,
    threads: usize,
) -> Result<u64, ConvertError> {
    if task.dest.exists() && !task.dest.join(DOCUMENT).is_file() {
        return Err(ConvertError::NotAStore { path: task.dest.clone() });
    }
    let mut store =
        Store { folder: scratch.join("store.zarr"), options, threads, arrays: Map::new(), bytes: 0 };
    let mut root = Map::new();
    let mut groups: Vec<(&str, Vec<TaskSource>)> = Vec::new();
    for source in &task.sources {
        match groups.iter_mut().find(|(name, _)| *name == source.group) {
            Some((_, sources)) => sources.push(source.clone()),
            None => groups.push((&source.group, vec![source.clone()])),
        }
    }
    let mut members = Map::new();
    for (name, sources) in groups {
        let mut attributes = store.group(name, &sources, scratch)?;
        let arrays = std::mem::take(&mut store.arrays);
        if name.is_empty() {
            root.append(&mut attributes);
            members.extend(arrays);
        } else {
            let attributes = Value::Object(attributes);
            store.document(name, &zarr::group(&attributes, &arrays))?;
            let document = json!({"zarr_format": 3, "node_type": "group", "attributes": attributes});
            members.insert(name.to_owned(), document);
            members.extend(arrays.into_iter().map(|(array, document)| (format!("{name}/{array}"), document)));
        }
    }
    root.insert("Conventions".to_owned(), json!("CF-1.11"));
    root.extend(stamp.map(|(key, value)| (key, json!(value))));
    // Last: what has it is whole.
    store.document("", &zarr::group(&Value::Object(root), &members))?;
    publish(&store.folder, &task.dest)?;
    Ok(store.bytes)
}

/// Puts a whole store in its place; the old one is left where the new one was.
fn publish(from: &Path, dest: &Path) -> Result<(), ConvertError> {
    let failed = || ConvertError::write(dest);
    let parent = dest.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(ConvertError::write(parent))?;
    // What is moved must be there after a crash, too.
    let folder = fs::File::open(from).map_err(failed())?;
    syncfs(&folder).map_err(|error| failed()(error.into()))?;
    if dest.exists() {
        let swapped = renameat_with(CWD, from, CWD, dest, RenameFlags::EXCHANGE);
        if swapped.is_err() {
            // File systems without that step: for a moment there is none.
            fs::rename(dest, from.with_extension("old")).map_err(failed())?;
            fs::rename(from, dest).map_err(failed())?;
        }
    } else {
        fs::rename(from, dest).map_err(failed())?;
    }
    fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed())
}

/// The attribute of a store's group; none when there is no store.
pub(super) fn attribute(store: &Path, name: &str) -> Option<String> {
    let text = fs::read(store.join(DOCUMENT)).ok()?;
    let document: Value = serde_json::from_slice(&text).ok()?;
    document.get("attributes")?.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_takes_the_place_of_another_in_one_step() {
        let dir = tempfile::tempdir().expect("a folder");
        let (old, new) = (dir.path().join("a.zarr"), dir.path().join("new"));
        for (folder, name) in [(&old, "old"), (&new, "new")] {
            fs::create_dir(folder).expect("made");
            let document = json!({"attributes": {"name": name}});
            fs::write(folder.join(DOCUMENT), document.to_string()).expect("written");
        }
        publish(&new, &old).expect("swapped");
        assert_eq!(attribute(&old, "name").as_deref(), Some("new"));
        assert_eq!(attribute(&dir.path().join("none"), "name"), None);
        publish(&old, &dir.path().join("deeper/b.zarr")).expect("moved");
        assert!(!old.exists());
    }
}
