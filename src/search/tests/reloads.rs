//! Files that change while they are served: after each reload the catalogue is what a fresh start would make of them, and
//! a walk through pages meets every Item that stayed exactly once.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::items::item;
use super::questions::question;
use super::random::Random;
use super::{Memory, Naive, World, asked, load, naive, page, times, write_lines};
use crate::catalog::{Catalog, Snapshot};

/// Times that the files of one catalogue change.
const CHANGES: usize = 6;

/// How the Items of a catalogue lie on disk.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// One a line.
    Lines,
    /// A tree with one document for each.
    Tree,
}

/// The documents of Items by file name.
type Files = BTreeMap<String, Value>;

fn write(folder: &Path, layout: Layout, files: &Files) -> std::path::PathBuf {
    match layout {
        Layout::Lines => {
            let path = folder.join("items.ndjson");
            write_lines(&path, &files.values().cloned().collect::<Vec<_>>());
            path
        }
        Layout::Tree => {
            let items = folder.join("items");
            // What nothing links may stay; what is gone must be gone.
            drop(fs::remove_dir_all(&items));
            fs::create_dir_all(&items).expect("a folder");
            for (name, item) in files {
                fs::write(items.join(name), item.to_string()).expect("an Item");
            }
            let links: Vec<Value> =
                files.keys().map(|name| json!({"rel": "item", "href": format!("./items/{name}")})).collect();
            let root = json!({"type": "Catalog", "id": "root", "description": "d", "stac_version": "1.0.0", "links": links});
            let path = folder.join("catalog.json");
            fs::write(&path, root.to_string()).expect("a catalogue");
            path
        }
    }
}

fn change(random: &mut Random, files: &mut Files, next: &mut usize, count: usize) {
    let names: Vec<String> = files.keys().cloned().collect();
    for name in names {
        match random.below(10) {
            0 => drop(files.remove(&name)),
            1 => drop(files.insert(name, item(random, count))),
            _ => {}
        }
    }
    for _ in 0..random.below(count / 8 + 2) {
        files.insert(format!("{next:05}.json"), item(random, count));
        *next += 1;
    }
}

/// What is served of a snapshot: the version, and each Item with its document.
fn served(snapshot: &Snapshot, memory: &Memory) -> (u128, Vec<(String, String, Value)>) {
    let all = memory
        .page_of(snapshot, &super::Search { limit: 1 << 20, ..super::Search::default() })
        .expect("a page");
    let items =
        all.items.into_iter().map(|item| (item.collection, item.id, item.body.parse().expect("JSON")));
    (snapshot.version(), items.collect())
}

fn is_fresh(world: &World, source: &Path, random: &mut Random, count: usize) {
    let (fresh, _) = load(&world.runtime, &world.pool, source).expect("a catalogue");
    let fresh = Arc::new(fresh);
    same(world, &fresh, random, count);
}

/// Panics where the catalogue answers otherwise than the other.
pub(super) fn same(world: &World, other: &Arc<Catalog>, random: &mut Random, count: usize) {
    let (ours, theirs) = (world.snapshot(), other.snapshot());
    let other = Memory::new(Arc::clone(other), world.pool.clone());
    assert_eq!(served(&ours, &world.memory).1, served(&theirs, &other).1);
    let collections =
        |snapshot: &Snapshot| snapshot.collections().map(|c| c.document.clone()).collect::<Vec<_>>();
    assert_eq!(collections(&ours), collections(&theirs));
    assert_eq!(ours.version(), theirs.version());
    let plain = Naive::new(&theirs);
    for _ in 0..8 {
        let body = question(random, count);
        let search = asked(&body);
        let expected = naive::page(&plain.ranked(&search), &search);
        assert_eq!(page(&world.memory, &ours, &search), expected, "{body}");
        assert_eq!(page(&other, &theirs, &search), expected, "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 30, ..ProptestConfig::with_cases(times(12)) })]
    #[test]
    fn a_reload_comes_to_what_a_fresh_start_comes_to(seed in any::<u64>(), count in 0..60_usize, is_tree in any::<bool>()) {
        let mut random = Random(seed);
        let layout = if is_tree { Layout::Tree } else { Layout::Lines };
        let mut files: Files =
            (0..count).map(|number| (format!("{number:05}.json"), item(&mut random, count))).collect();
        let mut next = count;
        let world = World::new(|folder| write(folder, layout, &files));
        let mut search = asked(&json!({"limit": 1 + random.below(9), "sortby": random.pick(&["+id", "-n,+t", "-datetime"])}));
        let mut met: Vec<(String, String)> = Vec::new();
        let mut stayed: Option<HashSet<(String, String, String)>> = None;
        for _ in 0..CHANGES {
            let now: HashSet<_> = served(&world.snapshot(), &world.memory).1.into_iter()
                .map(|(collection, id, document)| (collection, id, document.to_string())).collect();
            stayed = Some(stayed.map_or(now.clone(), |before| before.intersection(&now).cloned().collect()));
            let (ids, _, following) = page(&world.memory, &world.snapshot(), &search);
            met.extend(ids);
            let Some(following) = following else { break };
            search.token = Some(following);
            change(&mut random, &mut files, &mut next, count);
            let source = write(world.folder.path(), layout, &files);
            world.reload().expect("a reload");
            is_fresh(&world, &source, &mut random, count);
        }
        let now: HashSet<_> = served(&world.snapshot(), &world.memory).1.into_iter()
            .map(|(collection, id, document)| (collection, id, document.to_string())).collect();
        let stayed: HashSet<_> = stayed.unwrap_or_default().intersection(&now).cloned().collect();
        search.limit = 1 << 20;
        if search.token.is_some() {
            met.extend(page(&world.memory, &world.snapshot(), &search).0);
        }
        for (collection, id, _) in stayed {
            let times = met.iter().filter(|(c, i)| *c == collection && *i == id).count();
            prop_assert!(times >= 1, "{} of {} was passed over", id, collection);
        }
    }
}

fn plain_item(id: &str, n: i32) -> Value {
    json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "c", "geometry": null, "links": [],
        "assets": {}, "properties": {"datetime": "2024-01-01T00:00:00Z", "n": n}})
}

fn n_of(world: &World, id: &str) -> Option<i64> {
    let found = world.memory.page_of(&world.snapshot(), &asked(&json!({"ids": [id]}))).expect("a page");
    assert!(found.items.len() < 2, "{id} is there twice");
    let document: Value = found.items.first()?.body.parse().expect("JSON");
    document["properties"]["n"].as_i64()
}

#[test]
fn a_great_change_makes_one_part_of_all_and_a_small_one_does_not() {
    let mut items: Vec<Value> = (0..12_000).map(|number| plain_item(&format!("i{number}"), number)).collect();
    let world = World::of_items(&items);
    let path = world.folder.path().join("items.ndjson");
    for (changed, parts) in [(100, 2), (1_000, 2), (9_000, 1), (1, 2)] {
        for item in items.iter_mut().take(changed) {
            item["properties"]["n"] = json!(item["properties"]["n"].as_i64().unwrap_or(0) + 1);
        }
        items.truncate(items.len() - changed / 50);
        write_lines(&path, &items);
        world.reload().expect("a reload");
        assert_eq!(world.snapshot().views().len(), parts, "{changed}");
        is_fresh(&world, &path, &mut Random(3), 100);
    }
}

#[test]
fn half_written_documents_leave_what_was_there() {
    let mut files: Files = ["a", "b", "d"].map(|id| (format!("{id}.json"), plain_item(id, 1))).into();
    let world = World::new(|folder| write(folder, Layout::Tree, &files));
    let at = |name: &str| world.folder.path().join(name);
    fs::write(at("items/a.json"), r#"{"type": "Feature", "id": "a", "prop"#).expect("half an Item");
    let report = world.reload().expect("a reload");
    assert!(report.warnings.iter().any(|warning| warning.reason.contains("stays as it was")), "{report:?}");
    assert_eq!(n_of(&world, "a"), Some(1));
    // Still half, and the others go on.
    files.insert("b.json".to_owned(), plain_item("b", 2));
    fs::write(at("items/b.json"), files["b.json"].to_string()).expect("an Item");
    world.reload().expect("a reload");
    assert_eq!((n_of(&world, "a"), n_of(&world, "b")), (Some(1), Some(2)));
    let root = fs::read(at("catalog.json")).expect("the root");
    fs::write(at("catalog.json"), &root[..root.len() / 2]).expect("half a root");
    world.reload().expect_err("what the root links is not known");
    assert_eq!((world.snapshot().len(), n_of(&world, "d")), (3, Some(1)));
    files.insert("a.json".to_owned(), plain_item("a", 3));
    let source = write(world.folder.path(), Layout::Tree, &files);
    world.reload().expect("a reload");
    assert_eq!(n_of(&world, "a"), Some(3));
    is_fresh(&world, &source, &mut Random(5), 5);
}

#[test]
fn a_half_written_collection_keeps_its_items() {
    let collection = |title: &str| {
        json!({"type": "Collection", "id": "c", "title": title, "description": "d", "license": "other", "stac_version": "1.0.0",
            "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}},
            "links": [{"rel": "item", "href": "./items/a.json"}]})
        .to_string()
    };
    let files: Files = [("a.json".to_owned(), plain_item("a", 1))].into();
    let world = World::new(|folder| {
        let root = write(folder, Layout::Tree, &files);
        fs::write(folder.join("c.json"), collection("one")).expect("a Collection");
        let links = json!([{"rel": "child", "href": "./c.json"}]);
        let catalog = json!({"type": "Catalog", "id": "root", "description": "d", "stac_version": "1.0.0", "links": links});
        fs::write(&root, catalog.to_string()).expect("a catalogue");
        root
    });
    let at = world.folder.path().join("c.json");
    let title = || world.snapshot().collection("c").map(|(_, c)| c.document["title"].clone());
    fs::write(&at, &collection("two").as_bytes()[..50]).expect("half a Collection");
    world.reload().expect_err("what the Collection links is not known");
    assert_eq!((title(), n_of(&world, "a")), (Some(json!("one")), Some(1)));
    fs::write(&at, collection("two")).expect("a Collection");
    world.reload().expect("a reload");
    assert_eq!((title(), n_of(&world, "a")), (Some(json!("two")), Some(1)));
}

#[test]
fn when_the_first_of_two_equal_ids_goes_the_second_comes_up() {
    let mut files: Files =
        [("1.json", plain_item("a", 1)), ("2.json", plain_item("a", 2)), ("3.json", plain_item("b", 3))]
            .map(|(name, item)| (name.to_owned(), item))
            .into();
    let world = World::new(|folder| write(folder, Layout::Tree, &files));
    assert_eq!(n_of(&world, "a"), Some(1));
    for (name, expected) in [("1.json", Some(2)), ("2.json", None)] {
        files.remove(name);
        // Only what is gone is touched: the others keep their state.
        fs::remove_file(world.folder.path().join("items").join(name)).expect("an Item");
        world.reload().expect("a reload");
        assert_eq!(n_of(&world, "a"), expected, "{name}");
    }
    files.insert("0.json".to_owned(), plain_item("b", 4));
    let source = write(world.folder.path(), Layout::Tree, &files);
    world.reload().expect("a reload");
    assert_eq!(n_of(&world, "b"), Some(4));
    is_fresh(&world, &source, &mut Random(5), 5);
}

/// Makes the files of a folder old enough that their state tells a change.
fn age(folder: &Path) {
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(90);
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            age(&entry.path());
        } else {
            fs::File::open(entry.path()).and_then(|file| file.set_modified(long_ago)).expect("a time");
        }
    }
}

#[test]
fn documents_that_are_as_they_were_are_not_read_again_and_keep_their_items() {
    let files: Files =
        (0..20).map(|n| (format!("{n:02}.json"), plain_item(&format!("i{}", n / 2), n))).collect();
    for layout in [Layout::Tree, Layout::Lines] {
        let world = World::new(|folder| {
            let source = write(folder, layout, &files);
            age(folder);
            source
        });
        let before = world.snapshot();
        world.reload().expect("a reload");
        assert_eq!(world.snapshot().version(), before.version());
        let Layout::Tree = layout else { continue };
        let changed = world.folder.path().join("items/00.json");
        fs::write(&changed, plain_item("i0", 100).to_string()).expect("an Item");
        world.reload().expect("a reload");
        assert_eq!(n_of(&world, "i0"), Some(100));
        fs::remove_file(&changed).expect("an Item");
        world.reload().expect("a reload");
        assert_eq!(n_of(&world, "i0"), Some(1));
        is_fresh(&world, &world.folder.path().join("catalog.json"), &mut Random(5), 5);
    }
}

#[test]
fn a_file_that_is_gone_for_a_moment_leaves_the_catalogue_as_it_was() {
    let world = World::of_items(&[plain_item("a", 1)]);
    let path = world.folder.path().join("items.ndjson");
    fs::rename(&path, world.folder.path().join("away")).expect("a name");
    world.reload().expect_err("no file");
    assert_eq!(n_of(&world, "a"), Some(1));
}

#[test]
fn documents_of_one_change_after_the_other_are_kept_apart() {
    let mut items: Vec<Value> = (0..10).map(|n| plain_item(&format!("i{n}"), n)).collect();
    let world = World::of_items(&items);
    let path = world.folder.path().join("items.ndjson");
    for round in 1..5 {
        items[round]["properties"]["n"] = json!(100 * round);
        items.pop();
        write_lines(&path, &items);
        world.reload().expect("a reload");
        for (item, n) in items.iter().zip(0..) {
            let expected = if n > 0 && n <= round { 100 * round.min(n) } else { n };
            let id = item["id"].as_str().expect("an id");
            assert_eq!(n_of(&world, id), i64::try_from(expected).ok(), "{id} after {round}");
        }
    }
}

#[test]
fn in_one_file_the_first_of_two_equal_ids_counts_after_a_reload_too() {
    let world = World::of_items(&[plain_item("a", 1), plain_item("b", 2)]);
    let path = world.folder.path().join("items.ndjson");
    write_lines(&path, &[plain_item("a", 1), plain_item("a", 3), plain_item("b", 4), plain_item("b", 2)]);
    world.reload().expect("a reload");
    assert_eq!((n_of(&world, "a"), n_of(&world, "b")), (Some(1), Some(4)));
    is_fresh(&world, &path, &mut Random(5), 5);
}

#[test]
fn an_item_that_moved_to_another_document_stays() {
    let mut files: Files = [("1.json".to_owned(), plain_item("a", 1))].into();
    let world = World::new(|folder| write(folder, Layout::Tree, &files));
    let item = files.remove("1.json").expect("an Item");
    files.insert("2.json".to_owned(), item);
    write(world.folder.path(), Layout::Tree, &files);
    age(world.folder.path());
    for _ in 0..3 {
        world.reload().expect("a reload");
        assert_eq!(n_of(&world, "a"), Some(1));
    }
}

#[test]
fn collections_that_only_items_name_keep_the_order_of_documents() {
    let mut files: Files = ["x", "y", "z"]
        .map(|collection| {
            let mut item = plain_item("a", 1);
            item["collection"] = collection.into();
            (format!("{collection}.json"), item)
        })
        .into();
    let world = World::new(|folder| {
        let source = write(folder, Layout::Tree, &files);
        age(folder);
        source
    });
    files.entry("z.json".to_owned()).and_modify(|item| item["properties"]["n"] = json!(2));
    fs::write(world.folder.path().join("items/z.json"), files["z.json"].to_string()).expect("an Item");
    world.reload().expect("a reload");
    is_fresh(&world, &world.folder.path().join("catalog.json"), &mut Random(5), 5);
}

#[test]
fn rows_that_no_longer_count_are_not_counted_in_an_order_by_value() {
    let mut items: Vec<Value> = (0..100).map(|n| plain_item(&format!("i{n}"), n)).collect();
    let world = World::of_items(&items);
    items.truncate(60);
    write_lines(&world.folder.path().join("items.ndjson"), &items);
    world.reload().expect("a reload");
    let search = asked(&json!({"sortby": "+n", "limit": 1}));
    assert_eq!(page(&world.memory, &world.snapshot(), &search).1, 60);
}
