//! Trees are written and walked again.

use std::path::Path;

use chrono::{Duration, TimeZone, Utc};
use serde_json::Value;
use stac::{Asset, Catalog, Collection, Item};

use super::{Branch, BranchDocument, Linking, Plan, PublishError, Slot, Stage, publish};
use crate::storage::Location;

fn branch(id: &str, parent: Option<&str>, count: u32) -> Branch {
    let start = Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single().expect("a date");
    let slot = |n: u32| Slot {
        id: format!("item {n:05}"),
        time: Some(start + Duration::hours(n.into())),
        key: n.into(),
        ..Slot::default()
    };
    Branch {
        document: BranchDocument::Collection(Box::new(Collection::new(id, "d"))),
        parent: parent.map(str::to_owned),
        folder: id.to_owned(),
        items: (0..count).map(slot).collect(),
    }
}

fn item(key: u64) -> Item {
    let mut item = Item::new(format!("item {key:05}"));
    item.properties.datetime = None;
    item.assets.insert("data".into(), Asset::new("/rasters/a b.tif"));
    item
}

fn written(dest: &Path, branches: Vec<Branch>, linking: Linking) -> Result<usize, PublishError> {
    let mut stage = Stage::open(dest)?;
    let plan = Plan { root: Catalog::new("r", "d"), branches, linking, by_folders: false };
    publish(&mut stage, plan, &mut |key| Ok(item(key)))?;
    Ok(stage.commit()?.changed)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a document")).expect("JSON")
}

/// Follows child and item links and returns the ids of the Items, checking each link back.
fn walk(path: &Path, root: &Path) -> Vec<String> {
    let document = read(path);
    let folder = path.parent().expect("a folder");
    let resolve = |link: &Value| {
        folder
            .join(link["href"].as_str().expect("an href"))
            .canonicalize()
            .expect("a link that leads somewhere")
    };
    let links = document["links"].as_array().expect("links");
    let mut ids = Vec::new();
    let mut below = 0;
    for link in links {
        match link["rel"].as_str().expect("a rel") {
            "root" => assert_eq!(resolve(link), root.canonicalize().expect("a root")),
            "child" => ids.extend(walk(&resolve(link), root)),
            "item" => {
                below += 1;
                let item = read(&resolve(link));
                assert_eq!(item["links"].as_array().map(Vec::len), Some(3));
                ids.push(item["id"].as_str().expect("an id").to_owned());
            }
            "parent" | "collection" => drop(resolve(link)),
            other => panic!("an unexpected link: {other}"),
        }
    }
    assert!(below <= super::MAX_LINKED_ITEMS);
    ids
}

#[test]
fn every_item_is_reached_once_by_relative_links() {
    let dest = tempfile::tempdir().expect("a folder");
    let branches =
        vec![branch("small/../x", None, 3), branch("large", None, 2_100), branch("below", Some("large"), 2)];
    written(dest.path(), branches, Linking::SelfContained).expect("written");
    let root = dest.path().join("catalog.json");
    assert_eq!(walk(&root, &root).len(), 2_105);
    assert!(dest.path().join("large/2024/02/catalog.json").is_file());
    assert!(dest.path().join("large/below/collection.json").is_file());
    let item = read(&dest.path().join("large/item~2000000/item~2000000.json"));
    assert_eq!(item["collection"], "large");
    assert!(item["assets"]["data"]["href"].as_str().is_some_and(|h| h.ends_with("../rasters/a%20b.tif")));
}

#[test]
fn the_second_run_changes_no_byte() {
    let dest = tempfile::tempdir().expect("a folder");
    let run = || written(dest.path(), vec![branch("c", None, 5)], Linking::SelfContained);
    assert_eq!(run().expect("written"), 7);
    assert_eq!(run().expect("written"), 0);
}

#[test]
fn an_absolute_tree_has_no_relative_link() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = Location::parse("https://h/p/tree").expect("a location");
    let linking = Linking::AbsolutePublished { root };
    let far = written(&dir.path().join("tree"), vec![branch("c", None, 2)], linking.clone());
    assert!(matches!(far, Err(PublishError::Linking(_))), "the rasters are far away");
    let mut stage = Stage::open(&dir.path().join("tree")).expect("a stage");
    let plan = Plan {
        root: Catalog::new("r", "d"),
        branches: vec![branch("c", None, 2)],
        linking,
        by_folders: false,
    };
    publish(&mut stage, plan, &mut |key| Ok(Item::new(key.to_string()))).expect("written");
    stage.commit().expect("committed");
    let item = std::fs::read_to_string(dir.path().join("tree/c/item~2000001/item~2000001.json"));
    let item = item.expect("a document");
    assert!(!item.contains("\"href\": \"."), "{item}");
    assert!(item.contains("\"https://h/p/tree/c/item~2000001/item~2000001.json\""), "{item}");
}

#[test]
fn clashing_ids_are_refused_and_nothing_is_left() {
    let dir = tempfile::tempdir().expect("a folder");
    let dest = dir.path().join("tree");
    let mut twice = branch("c", None, 1);
    twice.items.push(twice.items[0].clone());
    let error = written(&dest, vec![twice], Linking::SelfContained).expect_err("a clash");
    assert!(error.to_string().contains("item~2000000"), "{error}");
    let twice = vec![branch("c", None, 1), branch("c", None, 1)];
    let error = written(&dest, twice, Linking::SelfContained).expect_err("a clash");
    assert!(matches!(error, PublishError::SameBranch { .. }));
    let error = written(&dest, vec![branch("c", Some("x"), 1)], Linking::SelfContained).expect_err("a clash");
    assert!(matches!(error, PublishError::NoParent { .. }));
    assert!(!dest.exists());
}
