//! A small tree in a folder of its own, and a client with a token.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Answer, get, send};
use crate::python::script;
use crate::server::{Server, cairn};

pub(super) const TOKEN: &str = "t0ken-of-the-tests";

/// A client that sends this does not send what would be refused.
pub(super) const ASKS_FIRST: (&str, &str) = ("expect", "100-continue");

/// A tree with one empty Collection, `c`, by hand.
pub(super) struct Tree {
    folder: TempDir,
}

impl Tree {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = json!({
            "type": "Catalog", "stac_version": "1.1.0", "id": "root", "description": "A tree that grows",
            "links": [
                {"rel": "root", "href": "./catalog.json", "type": "application/json"},
                {"rel": "child", "href": "./c/collection.json", "type": "application/json"}
            ]
        });
        let mut collection = collection("c");
        collection["links"] = json!([
            {"rel": "root", "href": "../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../catalog.json", "type": "application/json"}
        ]);
        fs::create_dir(folder.path().join("c")).unwrap();
        fs::write(folder.path().join("catalog.json"), catalog.to_string()).unwrap();
        fs::write(folder.path().join("c/collection.json"), collection.to_string()).unwrap();
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("catalog.json")
    }

    /// A server of the tree that takes writes.
    pub(super) fn serve(&self) -> Client {
        self.serve_with(&["--token", TOKEN])
    }

    pub(super) fn serve_with(&self, options: &[&str]) -> Client {
        let mut command = cairn();
        command.arg("serve").arg(self.root()).args(["--bind", "127.0.0.1:0"]).args(options);
        Client::of(Server::start(&mut command))
    }

    /// What pystac and stac-check say of the tree, and `cairn validate`.
    pub(super) fn check(&self) {
        script("validate_tree.py", [self.root()]);
        let said = crate::server::run(cairn().arg("validate").arg(self.root()));
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    }
}

pub(super) fn collection(id: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.1.0", "id": id, "description": "What the tests write",
        "license": "CC0-1.0", "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}
    })
}

/// An Item of its own place and day.
pub(super) fn item(id: &str, number: u32) -> Value {
    let (west, south) = (f64::from(number % 100), f64::from(number % 50));
    let (east, north) = (west + 1.0, south + 1.0);
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id,
        "geometry": {"type": "Polygon", "coordinates":
            [[[west, south], [east, south], [east, north], [west, north], [west, south]]]},
        "bbox": [west, south, east, north],
        "properties": {"datetime": format!("2024-{:02}-{:02}T00:00:00Z", number / 28 % 12 + 1, number % 28 + 1), "n": number},
        "assets": {}
    })
}

/// A server, and the token that lets in.
pub(super) struct Client {
    pub(super) server: Server,
}

impl Client {
    pub(super) fn of(server: Server) -> Self {
        Self { server }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url)
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        get(&self.url(path))
    }

    /// A write with the token, and with further headers.
    pub(super) fn write(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {TOKEN}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        send(method, &self.url(path), &all, body)
    }

    pub(super) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.write(method, path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    pub(super) fn json_if(&self, method: &str, path: &str, condition: (&str, &str), body: &Value) -> Answer {
        let headers = [("content-type", "application/json"), condition];
        self.write(method, path, &headers, body.to_string().as_bytes())
    }

    pub(super) fn delete(&self, path: &str) -> Answer {
        self.write("DELETE", path, &[], b"")
    }

    /// How many Items match a search.
    pub(super) fn count(&self, query: &str) -> u64 {
        self.get(&format!("/search?limit=1&{query}")).json()["numberMatched"].as_u64().unwrap()
    }
}

/// The answer, if it has that status.
#[track_caller]
pub(super) fn expect(answer: Answer, status: u16) -> Answer {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    answer
}

/// The words of an error with that status.
#[track_caller]
pub(super) fn refused(answer: Answer, status: u16) -> String {
    let answer = expect(answer, status);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()["description"].as_str().unwrap().to_owned()
}
