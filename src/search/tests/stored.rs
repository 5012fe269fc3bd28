//! The snapshot on disk: the same catalogue again, or a refusal that says why.

use std::fs;
use std::sync::Arc;

use serde_json::Value;

use super::items::item;
use super::random::Random;
use super::reloads::same;
use super::{World, figure, parsed, times, write_lines};
use crate::catalog::{Catalog, SNAPSHOT_NAME, Start};
use crate::storage::{Location, Storage};

fn open(world: &World) -> (Arc<Catalog>, Start) {
    let sources = vec![parsed(&world.folder.path().join("items.ndjson"))];
    let opened = Catalog::open(sources, Storage::default(), world.pool.clone(), None, Vec::new());
    let (catalog, start) = world.runtime.block_on(opened).expect("a catalogue");
    (Arc::new(catalog), start)
}

fn world(random: &mut Random, count: usize) -> World {
    let items: Vec<Value> = (0..count).map(|_| item(random, count)).collect();
    World::of_items(&items)
}

#[test]
fn a_stored_catalogue_answers_as_the_one_that_was_loaded() {
    for seed in 0..u64::from(times(12)) {
        let mut random = Random(seed);
        let count = random.pick(&[0, 1, 30, 200]);
        let world = world(&mut random, count);
        if random.one_in(2) {
            // Two parts, with rows that no longer count.
            let items: Vec<Value> = (0..count).map(|_| item(&mut random, count)).collect();
            write_lines(&world.folder.path().join("items.ndjson"), &items);
            world.reload().expect("a reload");
        }
        let path = world.folder.path().join(SNAPSHOT_NAME);
        world.catalog.store_at(&path).expect("a snapshot");
        let (opened, start) = open(&world);
        assert_eq!(start.from, Some(Location::Local(path.clone())), "{:?}", start.refused);
        same(&world, &opened, &mut random, count);
        // And it goes on from there as one that was loaded.
        let more: Vec<Value> = (0..=count / 2).map(|_| item(&mut random, count)).collect();
        write_lines(&world.folder.path().join("items.ndjson"), &more);
        world.runtime.block_on(opened.reload()).expect("a reload");
        world.reload().expect("a reload");
        same(&world, &opened, &mut random, count);
    }
}

#[test]
fn a_damaged_snapshot_is_refused_and_the_documents_are_read() {
    let mut random = Random(1);
    let world = world(&mut random, 60);
    let path = world.folder.path().join(SNAPSHOT_NAME);
    world.catalog.store_at(&path).expect("a snapshot");
    let whole = fs::read(&path).expect("a snapshot");
    let cases = times(60);
    for case in 0..cases {
        let mut bytes = whole.clone();
        if case % 3 == 0 {
            bytes.truncate(random.below(bytes.len()));
        } else {
            let at = if case % 3 == 1 { random.below(200) } else { random.below(bytes.len()) };
            bytes[at] ^= 1 << random.below(8);
        }
        fs::write(&path, bytes).expect("a file");
        let (opened, start) = open(&world);
        assert!(start.from.is_none(), "case {case} was taken");
        let [(refused, error)] = start.refused.as_slice() else { panic!("one refusal") };
        assert_eq!(*refused, Location::Local(path.clone()));
        assert!(error.to_string().starts_with("it"), "{error}");
        assert_eq!(opened.snapshot().version(), world.snapshot().version());
    }
    figure("damaged snapshots on disk", &format!("{cases} of {cases} refused, read from documents"));
}

#[test]
fn a_snapshot_of_other_sources_is_refused() {
    let mut random = Random(2);
    let (one, other) = (world(&mut random, 5), world(&mut random, 5));
    one.catalog.store_at(&other.folder.path().join(SNAPSHOT_NAME)).expect("a snapshot");
    let (opened, start) = open(&other);
    assert!(start.refused[0].1.to_string().starts_with("it was made of "));
    assert_eq!(opened.snapshot().version(), other.snapshot().version());
}
