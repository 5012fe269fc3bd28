//! STAC Items that lie beside the rasters: taken over as they are, with their hrefs made right.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;
use serde_json::Value;
use stac::{Item, Migrate, Version};

use super::scan::Found;
use crate::stac::read_item;

/// An Item that was there already.
#[derive(Debug)]
pub(super) struct Taken {
    /// Its document.
    pub(super) document: Found,
    /// The Item in STAC 1.1.0; hrefs of local files are absolute paths.
    pub(super) item: Item,
    /// Local files that its assets name.
    pub(super) files: Vec<PathBuf>,
}

/// Why a document that calls itself an Item is none that can be taken over.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeoverError {
    /// It cannot be read.
    #[error("cannot read it")]
    Read(#[from] std::io::Error),
    /// Fields of the wrong kind.
    #[error("it is no STAC Item: a field is missing or of the wrong kind")]
    NotAnItem(#[from] serde_json::Error),
    /// A version that cannot be brought to 1.1.0.
    #[error("it is of STAC {version}, which is neither 1.0.0 nor 1.1.0; migrate it with `pystac`")]
    Version {
        /// As written.
        version: String,
    },
    /// Required fields are empty.
    #[error("it has no {field}, which an Item must have")]
    Missing {
        /// The field.
        field: &'static str,
    },
}

/// Reads a document; none when it is JSON of another kind, or no JSON at all.
pub(super) fn take(document: Found) -> Result<Option<Taken>, TakeoverError> {
    let bytes = std::fs::read(&document.path)?;
    let Ok(value) = serde_json::from_slice::<Value>(&bytes) else { return Ok(None) };
    let is_item = value.get("type").and_then(Value::as_str) == Some("Feature");
    let Some(version) = value.get("stac_version").and_then(Value::as_str).filter(|_| is_item) else {
        return Ok(None);
    };
    // An Item of a tree is no Item beside rasters: an earlier build's is not a source of the next.
    let links = value.get("links").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let in_tree = |link: &Value| matches!(link.get("rel").and_then(Value::as_str), Some("root" | "parent"));
    if links.iter().any(in_tree) {
        return Ok(None);
    }
    let version = version.to_owned();
    let item = read_item(value)?;
    let mut item = item.migrate(&Version::v1_1_0).map_err(|_unknown| TakeoverError::Version { version })?;
    if item.id.is_empty() {
        return Err(TakeoverError::Missing { field: "id" });
    }
    if item.geometry.is_some() && item.bbox.is_none() {
        return Err(TakeoverError::Missing { field: "bbox" });
    }
    let properties = &item.properties;
    if properties.datetime.is_none()
        && (properties.start_datetime.is_none() || properties.end_datetime.is_none())
    {
        return Err(TakeoverError::Missing { field: "datetime" });
    }
    let folder = document.path.parent().unwrap_or(Path::new("/")).to_owned();
    let mut files = Vec::new();
    for asset in item.assets.values_mut() {
        if let Some(path) = local_path(&folder, &asset.href) {
            asset.href = path.to_string_lossy().into_owned();
            files.push(path);
        }
    }
    item.links.retain(|link| !link.is_structural());
    for link in &mut item.links {
        if let Some(path) = local_path(&folder, &link.href) {
            link.href = path.to_string_lossy().into_owned();
        }
    }
    Ok(Some(Taken { document, item, files }))
}

/// The file that an href means, seen from a folder; none for a URL of another machine.
fn local_path(folder: &Path, href: &str) -> Option<PathBuf> {
    let path = match href.split_once("://") {
        Some(("file", path)) => path,
        Some(_) => return None,
        None => href,
    };
    // Writers disagree on whether hrefs are encoded: what exists is meant.
    let literal = normalise(&folder.join(path));
    if literal.exists() {
        return Some(literal);
    }
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    Some(normalise(&folder.join(decoded.as_ref())))
}

/// The path without `.` and `..`, by its text alone.
fn normalise(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, text: &str) -> Found {
        let path = folder.join("i.json");
        std::fs::write(&path, text).expect("written");
        Found { relative: "i.json".into(), path }
    }

    #[test]
    fn an_item_of_stac_1_0_is_brought_to_1_1_and_its_hrefs_made_absolute() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a b.tif"), b"").expect("written");
        let text = r#"{"type": "Feature", "stac_version": "1.0.0", "id": "i", "geometry": null, "links": [
            {"rel": "self", "href": "i.json"}, {"rel": "derived_from", "href": "../x.json"}],
            "properties": {"datetime": "2024-01-05T09:50:29.024Z"}, "assets": {
            "a": {"href": "./a%20b.tif", "eo:bands": [{"name": "B04", "common_name": "red"}]},
            "b": {"href": "https://example.com/b.tif"}}}"#;
        let taken = take(write(dir.path(), text)).expect("an Item").expect("an Item");
        assert_eq!(taken.files, [dir.path().join("a b.tif")]);
        assert_eq!(taken.item.version, Version::v1_1_0);
        assert_eq!(taken.item.assets["a"].bands[0].name.as_deref(), Some("B04"));
        assert_eq!(taken.item.assets["b"].href, "https://example.com/b.tif");
        assert_eq!(taken.item.links.len(), 1);
    }

    #[test]
    fn other_documents_are_left_alone_and_broken_items_told() {
        let dir = tempfile::tempdir().expect("a folder");
        for text in
            ["[1]", "no JSON", r#"{"type": "Feature"}"#, r#"{"type": "Catalog", "stac_version": "1.0.0"}"#]
        {
            assert!(take(write(dir.path(), text)).expect("not ours").is_none(), "{text}");
        }
        let text = r#"{"type": "Feature", "stac_version": "1.1.0", "id": 5}"#;
        assert!(matches!(take(write(dir.path(), text)), Err(TakeoverError::NotAnItem(_))));
        let text = r#"{"type": "Feature", "stac_version": "0.9.0", "id": "i", "properties": {}}"#;
        assert!(matches!(take(write(dir.path(), text)), Err(TakeoverError::Version { .. })));
    }
}
