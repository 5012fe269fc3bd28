//! Two Collections of made-up scenes with equal times, missing values and equal ids: what orders and counts stumble over.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::http::{Answer, get, post};
use crate::server::{Server, cairn};

/// A server of the scenes, and the scenes as they were written.
pub(crate) struct Scenes {
    pub(crate) server: Server,
    pub(crate) items: Vec<Value>,
    /// The files that they are in, as `cairn` takes them.
    pub(crate) paths: Vec<PathBuf>,
    folder: TempDir,
}

/// Scenes that are made.
pub(crate) const COUNT: usize = 40;

fn scene(at: usize) -> Value {
    // Every fourth id is in both Collections.
    let (collection, number) =
        if at.is_multiple_of(4) && at > 0 { ("radar", at - 1) } else { ("optical", at) };
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    if at == 7 {
        set("datetime", Value::Null);
        set("start_datetime", json!("2024-01-02T00:00:00Z"));
        set("end_datetime", json!("2024-01-03T00:00:00Z"));
    } else {
        set("datetime", json!(format!("2024-0{}-0{}T00:00:00Z", 1 + at % 2, 1 + at % 5)));
    }
    if !at.is_multiple_of(5) {
        set("eo:cloud_cover", json!(at % 3 * 10));
    }
    set("platform", json!(["north-1", "North-2"][at % 2]));
    set("grid:code", json!(format!("MGRS-{}VLH", 30 + at % 3)));
    set("created", json!(format!("2024-03-01T00:00:{:02}.{}Z", at % 7, at % 9)));
    if at % 6 == 1 {
        set("title", json!("A view of the Great  Lake"));
    }
    let x = f64::from(u32::try_from(at).unwrap());
    let ring = json!([[x, x], [x + 1.0, x], [x + 1.0, x + 1.0], [x, x + 1.0], [x, x]]);
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": format!("s{number:02}"), "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [x, x, x + 1.0, x + 1.0],
        "properties": properties, "links": [],
        "assets": {"B04": {"href": format!("https://example.org/{at}.tif"), "title": "Red"}}
    })
}

fn collection(id: &str, title: &str, bbox: [f64; 4], start: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.0.0", "id": id, "title": title, "description": "Scenes",
        "keywords": [id], "license": "MIT", "links": [],
        "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[start, null]]}}
    })
}

impl Scenes {
    pub(crate) fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let items: Vec<Value> = (0..COUNT).map(scene).collect();
        let lines: Vec<String> = items.iter().map(Value::to_string).collect();
        let radar =
            collection("radar", "Echoes of the night", [-10.0, -10.0, 20.0, 20.0], "2024-01-01T00:00:00Z");
        let optical =
            collection("optical", "Light of the day", [30.0, 30.0, 41.0, 41.0], "2020-01-01T00:00:00Z");
        let paths = [
            write("radar.json", radar.to_string()),
            write("optical.json", optical.to_string()),
            write("items.ndjson", lines.join("\n")),
        ];
        let server = Server::start(cairn().arg("serve").args(&paths).args(["--bind", "127.0.0.1:0"]));
        Self { server, items, paths: paths.to_vec(), folder }
    }

    /// The file that the scenes were written to.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("items.ndjson")
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get(&format!("{}{path}", self.server.url))
    }

    /// The answer to a question that is a good one.
    pub(crate) fn found(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    pub(crate) fn posted(&self, path: &str, body: &Value) -> Value {
        let answer = post(&format!("{}{path}", self.server.url), body);
        assert_eq!(answer.status, 200, "{body}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// The description of a refusal.
    pub(crate) fn refused(&self, path: &str, body: Option<&Value>) -> String {
        let url = format!("{}{path}", self.server.url);
        let answer = body.map_or_else(|| get(&url), |body| post(&url, body));
        assert_eq!(answer.status, 400, "{path} {body:?}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()["description"].as_str().unwrap().to_owned()
    }

    /// How many scenes a rule holds for.
    pub(crate) fn count(&self, holds: impl Fn(&Value) -> bool) -> usize {
        self.items.iter().filter(|item| holds(item)).count()
    }
}

/// A text as a value of a query string.
pub(crate) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// `collection/id` of each Item of a page.
pub(crate) fn names(page: &Value) -> Vec<String> {
    let name =
        |item: &Value| format!("{}/{}", item["collection"].as_str().unwrap(), item["id"].as_str().unwrap());
    page["features"].as_array().unwrap().iter().map(name).collect()
}
