//! Attacks on the running server: each ends in a refusal that says why, and the server answers everybody else meanwhile.

mod injection;
mod limits;
mod places;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::http::Answer;
use crate::server::Server;

fn item(id: &str, assets: &Value) -> Value {
    json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "geometry": {"type": "Point", "coordinates": [1, 1]},
        "bbox": [1, 1, 1, 1], "properties": {"datetime": "2024-01-01T00:00:00Z"}, "links": [], "assets": assets})
}

fn catalog(links: &Value) -> Value {
    json!({"type": "Collection", "stac_version": "1.0.0", "id": "c", "description": "d", "license": "MIT", "links": links,
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}})
}

fn write(path: &Path, document: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, document.to_string()).unwrap();
}

/// A server of one Item.
fn small() -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tree/item.json");
    write(&path, &item("i", &json!({})));
    (Server::of(path), folder)
}

fn shown(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}
