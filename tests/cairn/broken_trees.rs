//! A broken document costs itself only; a root that cannot be read ends the start.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::http::get;
use crate::server::{Server, cairn, run};

fn item(id: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "c", "links": [], "assets": {},
        "geometry": {"type": "Point", "coordinates": [24.9, 60.2]}, "bbox": [24.9, 60.2, 24.9, 60.2],
        "properties": {"datetime": "2024-06-01T10:00:00Z"},
    })
}

/// A collection of four items, of which `broken.json` is what the test makes of it.
fn tree(folder: &Path, broken: Option<&str>) {
    let names = ["one", "broken", "two", "three"];
    let links: Vec<_> =
        names.iter().map(|name| json!({"rel": "item", "href": format!("./{name}.json")})).collect();
    let collection = json!({
        "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "d", "license": "CC0-1.0",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}},
        "links": links,
    });
    fs::write(folder.join("collection.json"), collection.to_string()).unwrap();
    for name in ["one", "two", "three"] {
        fs::write(folder.join(name).with_extension("json"), item(name).to_string()).unwrap();
    }
    if let Some(text) = broken {
        fs::write(folder.join("broken.json"), text).unwrap();
    }
}

#[test]
fn a_broken_document_is_named_in_the_log_and_the_rest_is_served() {
    let without = |member: &str| {
        let mut item = item("broken");
        item.as_object_mut().unwrap().remove(member);
        item.to_string()
    };
    let with = |pointer: &str, value: Value| {
        let mut item = item("broken");
        *item.pointer_mut(pointer).unwrap() = value;
        item.to_string()
    };
    let cases = [
        ("missing", None),
        ("empty", Some(String::new())),
        ("cut short", Some(item("broken").to_string()[..80].to_owned())),
        ("no JSON object", Some("[1, 2]".to_owned())),
        ("not UTF-8 text at all", Some("\u{0}\u{1}\u{2}".to_owned())),
        ("without id", Some(without("id"))),
        ("without properties", Some(without("properties"))),
        ("datetime no moment", Some(with("/properties/datetime", json!("yesterday")))),
        ("coordinates no numbers", Some(with("/geometry/coordinates", json!(["a", "b"])))),
        ("nested too deep", Some("[".repeat(100_000))),
    ];
    for (case, text) in cases {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path(), text.as_deref());
        let server = Server::of(folder.path().join("collection.json"));
        let found = get(&format!("{}/search", server.url)).json();
        assert_eq!(found["numberMatched"], 3, "{case}: {}", server.log());
        assert!(server.logs("broken.json"), "{case}: {}", server.log());
        assert_eq!(get(&format!("{}/readyz", server.url)).status, 200, "{case}");
    }
}

#[test]
fn a_tree_that_links_in_a_circle_ends() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), Some(&item("broken").to_string()));
    let links = ["catalog.json", "collection.json"].map(|href| json!({"rel": "child", "href": href}));
    let catalog = json!({
        "type": "Catalog", "stac_version": "1.1.0", "id": "circle", "description": "d", "links": links
    });
    fs::write(folder.path().join("catalog.json"), catalog.to_string()).unwrap();
    let server = Server::of(folder.path().join("catalog.json"));
    assert_eq!(get(&format!("{}/search", server.url)).json()["numberMatched"], 4);
}

#[test]
fn a_root_that_cannot_be_read_ends_with_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let roots = [
        ("broken.json", Some("{")),
        ("nowhere.json", None),
        ("number.json", Some("12")),
        ("odd.txt", Some("?")),
    ];
    for (name, text) in roots {
        let root = folder.path().join(name);
        if let Some(text) = text {
            fs::write(&root, text).unwrap();
        }
        let ended = run(cairn().arg("serve").arg(&root).args(["--bind", "127.0.0.1:0"]));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{name}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{name}: {said}");
        assert!(said.contains(name) && !said.contains("panicked"), "{name}: {said}");
        assert!(ended.stdout.is_empty(), "{name}");
    }
}

#[test]
fn items_that_name_an_undefined_collection_get_a_derived_one() {
    let folder = tempfile::tempdir().unwrap();
    let lines = ["one", "two"].map(|id| item(id).to_string()).join("\n");
    fs::write(folder.path().join("items.ndjson"), lines).unwrap();
    let server = Server::of(folder.path().join("items.ndjson"));
    let collection = get(&format!("{}/collections/c", server.url)).json();
    assert_eq!(collection["extent"]["spatial"]["bbox"][0], json!([24.9, 60.2, 24.9, 60.2]));
    assert_eq!(get(&format!("{}/search", server.url)).json()["numberMatched"], 2);
    assert!(server.logs("'c'"), "{}", server.log());
}

#[test]
fn a_collection_and_the_ndjson_of_its_items_are_one_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), Some(&item("broken").to_string()));
    let lines = ["one", "new"].map(|id| item(id).to_string()).join("\n");
    fs::write(folder.path().join("items.ndjson"), lines).unwrap();
    let serve = ["collection.json", "items.ndjson"].map(|name| folder.path().join(name));
    let server = Server::start(cairn().arg("serve").args(serve).args(["--bind", "127.0.0.1:0"]));
    let collection = get(&format!("{}/collections/c", server.url)).json();
    assert_eq!(collection["description"], "d");
    assert_eq!(get(&format!("{}/search", server.url)).json()["numberMatched"], 5);
}
