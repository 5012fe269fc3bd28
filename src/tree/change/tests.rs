//! Trees grown by writers, on the disk and in a store kept in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};

use super::intent::{FOLDER, Intent};
use super::{Alone, ChangeError, Condition, Writer};
use crate::pool::Pool;
use crate::storage::{Label, Location, Storage, WriteMode};
use crate::tree::shelf::MAX_LINKED_ITEMS;
use crate::tree::{Found, Sums, walk};

/// A tree with one empty Collection, `c`.
struct Grown {
    storage: Storage,
    root: Location,
    _folder: tempfile::TempDir,
}

impl Grown {
    async fn on_disk() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Location::Local(folder.path().join("catalog.json"));
        Self { storage: Storage::default(), root, _folder: folder }.planted().await
    }

    async fn in_a_store() -> Self {
        let root = Location::parse("s3://bucket/tree/catalog.json").expect("a location");
        let storage = Storage::default();
        storage.keep_in_memory(&root).expect("a store");
        Self { storage, root, _folder: tempfile::tempdir().expect("a folder") }.planted().await
    }

    async fn planted(self) -> Self {
        let root = json!({
            "type": "Catalog", "stac_version": "1.1.0", "id": "r", "description": "d",
            "links": [{"rel": "child", "href": "./c/collection.json"}]
        });
        let collection = json!({
            "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "d", "license": "other",
            "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]},
                       "temporal": {"interval": [["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]]}},
            "links": [{"rel": "root", "href": "../catalog.json"}, {"rel": "parent", "href": "../catalog.json"}]
        });
        self.put("catalog.json", &root).await;
        self.put("c/collection.json", &collection).await;
        self
    }

    fn at(&self, path: &str) -> Location {
        self.root.parent().child(path).expect("a location")
    }

    async fn put(&self, path: &str, document: &Value) {
        let bytes = Bytes::from(document.to_string());
        self.storage
            .write(&self.at(path), bytes, WriteMode::Replace, &Label::default())
            .await
            .expect("written");
    }

    fn writer(&self) -> Writer {
        let pool = Pool::new().expect("a pool");
        Writer::new(self.storage.clone(), pool, vec![self.root.clone()], Arc::new(Alone))
    }

    /// The Items that a walk meets, by id; each once, and no document links too many.
    async fn items(&self) -> HashMap<String, Value> {
        let pool = Pool::new().expect("a pool");
        let read =
            |item: &crate::tree::ItemSource<'_>| serde_json::from_slice::<Value>(item.json).expect("JSON");
        let found = walk(&self.storage, None, &pool, &self.root, Box::new(|_| None), Sums::Omitted, read)
            .await
            .expect("a tree");
        let mut items = HashMap::new();
        for one in found.collect::<Vec<_>>().await {
            match one {
                Found::Item(item) => {
                    let id = item["id"].as_str().expect("an id").to_owned();
                    assert!(items.insert(id, item).is_none(), "linked twice");
                }
                Found::Parent(parent) => {
                    let links = parent.document["links"].as_array().expect("links").iter();
                    assert!(links.filter(|link| link["rel"] == "item").count() <= MAX_LINKED_ITEMS);
                }
                Found::Problem(problem) | Found::Outside(problem) => panic!("{problem:?}"),
                Found::Document(_) => {}
            }
        }
        items
    }
}

fn item(id: &str, month: usize) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "geometry": {"type": "Point", "coordinates": [2.5, 0.5]},
        "bbox": [2.5, 0.5, 2.5, 0.5], "assets": {}, "links": [],
        "properties": {"datetime": format!("2024-{month:02}-03T00:00:00Z")}
    })
}

async fn put(writer: &Writer, item: Value, condition: Condition) -> Result<bool, ChangeError> {
    writer.put_item("c", item, condition).await.map(|written| written.created)
}

async fn conditions_hold(tree: Grown) {
    let writer = tree.writer();
    assert!(matches!(put(&writer, item("a", 1), Condition::Present).await, Err(ChangeError::Missing { .. })));
    assert!(put(&writer, item("a", 1), Condition::Absent).await.expect("made"));
    assert!(matches!(put(&writer, item("a", 1), Condition::Absent).await, Err(ChangeError::Exists { .. })));
    let read = writer.item("c", "a").await.expect("an Item");
    let mut changed = item("a", 1);
    changed["properties"]["n"] = 1.into();
    let matches = Condition::Matches(vec![read.etag]);
    assert!(!put(&writer, changed.clone(), matches.clone()).await.expect("replaced"));
    assert!(matches!(put(&writer, changed, matches).await, Err(ChangeError::Changed { .. })));
    assert_eq!(tree.items().await["a"]["properties"]["n"], 1);
    let both = writer.put_items("c", vec![item("a", 1), item("b", 2)]).await;
    assert!(matches!(both, Err(ChangeError::Exists { ids, .. }) if ids == ["a"]));
    assert_eq!(tree.items().await.len(), 1);
    writer.delete_item("c", "a", Condition::None).await.expect("deleted");
    assert!(matches!(writer.delete_item("c", "a", Condition::None).await, Err(ChangeError::Missing { .. })));
    assert!(tree.items().await.is_empty());
    let collection = writer.collection("c").await.expect("a Collection").document;
    assert_eq!(
        collection["extent"]["spatial"]["bbox"][0],
        json!([0.0, 0.0, 2.5, 1.0]),
        "it grew with its Items"
    );
}

#[tokio::test]
async fn conditions_hold_on_disk() {
    conditions_hold(Grown::on_disk().await).await;
}

#[tokio::test]
async fn conditions_hold_in_a_store() {
    conditions_hold(Grown::in_a_store().await).await;
}

async fn many_are_shelved(tree: Grown) {
    let (one, other) = (tree.writer(), tree.writer());
    let some = |name: &str, count: usize| {
        (0..count).map(|n| item(&format!("{name}{n}"), n % 12 + 1)).collect::<Vec<_>>()
    };
    one.put_items("c", some("a", 700)).await.expect("made");
    other.put_items("c", some("b", 700)).await.expect("made");
    // Both at once, into the same months.
    let singles = (0..6).map(|n| {
        let writer = if n % 2 == 0 { &one } else { &other };
        put(writer, item(&format!("s{n}"), 5), Condition::Absent)
    });
    for done in futures::future::join_all(singles).await {
        assert!(done.expect("made"));
    }
    let items = tree.items().await;
    assert_eq!(items.len(), 1_406);
    assert!(tree.storage.meta(&tree.at("c/2024/05/catalog.json")).await.is_ok());
    assert!(tree.storage.meta(&tree.at("c/undated/catalog.json")).await.is_err());
}

#[tokio::test]
async fn many_items_are_shelved_by_month_on_disk() {
    many_are_shelved(Grown::on_disk().await).await;
}

#[tokio::test]
async fn many_items_are_shelved_by_month_in_a_store() {
    many_are_shelved(Grown::in_a_store().await).await;
}

#[tokio::test]
async fn an_intent_is_carried_out_and_leftovers_are_swept_when_old() {
    let tree = Grown::on_disk().await;
    for id in ["x", "y", "left"] {
        let mut document = item(id, 3);
        document["links"] = json!([
            {"rel": "root", "href": "../../catalog.json"}, {"rel": "parent", "href": "../collection.json"}
        ]);
        tree.put(&format!("c/{id}/{id}.json"), &document).await;
    }
    // Its writer died before anything led to the shelf that it made.
    let shelf = json!({"type": "Catalog", "stac_version": "1.1.0", "id": "s", "description": "d", "links": [
        {"rel": "root", "href": "../../../catalog.json"}, {"rel": "parent", "href": "../../collection.json"},
        {"rel": "item", "href": "../../y/y.json"}
    ]});
    tree.put("c/2024/03/catalog.json", &shelf).await;
    let mut hinting = item("y", 3);
    hinting["links"] = json!([{"rel": "parent", "href": "../2024/03/catalog.json"}]);
    tree.put("c/y/y.json", &hinting).await;
    let intent = Intent { collection: "c".into(), items: vec!["c/x/x.json".into(), "c/y/y.json".into()] };
    let text = serde_json::to_value(&intent).expect("JSON");
    tree.put(&format!("{FOLDER}/1.json"), &text).await;
    let writer = tree.writer();
    assert_eq!(writer.recover().await, 1);
    assert_eq!(writer.recover().await, 0);
    assert_eq!(tree.items().await.len(), 2);
    assert_eq!(writer.sweep(Duration::from_hours(1)).await.expect("swept"), 0, "it is young");
    assert_eq!(writer.sweep(Duration::ZERO).await.expect("swept"), 2);
    assert!(tree.storage.meta(&tree.at("c/left/left.json")).await.is_err());
    assert_eq!(tree.items().await.len(), 2);
}

#[tokio::test]
async fn collections_come_and_go() {
    for tree in [Grown::on_disk().await, Grown::in_a_store().await] {
        let writer = tree.writer();
        let new = json!({"type": "Collection", "stac_version": "1.1.0", "id": "n", "description": "d", "license": "other",
            "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[null, null]]}}, "links": []});
        assert!(writer.put_collection(new.clone(), Condition::Absent).await.expect("made").created);
        assert!(writer.put_collection(new.clone(), Condition::Absent).await.is_err());
        writer.put_item("n", item("i", 1), Condition::Absent).await.expect("made");
        assert!(!writer.put_collection(new, Condition::Present).await.expect("replaced").created);
        assert_eq!(tree.items().await.len(), 1, "its links stay");
        writer.delete_collection("n", Condition::None).await.expect("deleted");
        assert!(matches!(writer.collection("n").await, Err(ChangeError::NoCollection { .. })));
        assert!(tree.items().await.is_empty());
        assert!(tree.storage.meta(&tree.at("n/i/i.json")).await.is_err());
    }
}
