//! A catalogue of one Collection and one Item, whose assets are what a test says.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::server::{Server, cairn};
use crate::stores::{Env, with};

/// A folder with the catalogue, and a cache beside it.
pub(crate) struct Shelf {
    folder: TempDir,
}

impl Shelf {
    /// Assets by their keys; each an href, or the whole object.
    pub(crate) fn of(assets: &[(&str, Value)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let asset = |value: &Value| if value.is_string() { json!({"href": value}) } else { value.clone() };
        let assets: Map<_, _> = assets.iter().map(|(key, value)| ((*key).to_owned(), asset(value))).collect();
        let item = json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "i", "collection": "c", "bbox": [24, 60, 25, 61],
            "geometry": {"type": "Polygon", "coordinates": [[[24, 60], [25, 60], [25, 61], [24, 61], [24, 60]]]},
            "properties": {"datetime": "2026-01-01T00:00:00Z"}, "links": [], "assets": assets
        });
        std::fs::write(folder.path().join("items.ndjson"), item.to_string()).unwrap();
        Self { folder }
    }

    /// A file beside the catalogue.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server of it.
    pub(crate) fn serve(&self, env: &Env, options: &[&str]) -> Server {
        let mut command = cairn();
        command.arg("serve").arg(self.path("items.ndjson")).args(options);
        command.args(["--bind", "127.0.0.1:0", "--cache-dir"]).arg(self.path("cache"));
        Server::start(with(&mut command, env))
    }
}

/// The proxy's URL of an asset.
pub(crate) fn proxied(server: &Server, key: &str) -> String {
    format!("{}/collections/c/items/i/assets/{key}", server.url)
}
