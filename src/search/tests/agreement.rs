//! Small catalogues of everything, each asked some questions.

use proptest::prelude::*;
use serde_json::json;

use super::items::item;
use super::questions::question;
use super::random::Random;
use super::{Naive, World, agree, asked, times};

/// Questions to one catalogue.
const QUESTIONS: usize = 30;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::with_cases(times(40)) })]
    #[test]
    fn the_planner_says_what_the_plain_scan_says(seed in any::<u64>(), count in 0..300_usize) {
        let mut random = Random(seed);
        let items: Vec<_> = (0..count).map(|_| item(&mut random, count)).collect();
        let world = World::of_items(&items);
        let naive = Naive::new(&world.snapshot());
        for _ in 0..QUESTIONS {
            let body = question(&mut random, count);
            agree(&world, &naive, &body, &mut random);
        }
    }
}

/// How many Items a question finds, the same by the planner and by the plain scan.
fn found(world: &World, body: &serde_json::Value) -> usize {
    let naive = Naive::new(&world.snapshot());
    agree(world, &naive, body, &mut Random(1));
    naive.ranked(&asked(body)).len()
}

fn one(properties: &serde_json::Value) -> serde_json::Value {
    let mut item = json!({"type": "Feature", "stac_version": "1.0.0", "id": "a", "collection": "c", "geometry": null, "links": [],
        "assets": {"red": {"href": "https://x.org/a.tif"}}, "foreign": 5, "properties": {"datetime": "2024-01-01T00:00:00Z"}});
    for (name, value) in properties.as_object().into_iter().flatten() {
        item["properties"][name] = value.clone();
    }
    item
}

#[test]
fn paths_into_objects_and_members_beside_properties_are_found() {
    let world = World::of_items(&[one(&json!({"obj": {"deep": 7}, "type": "inside", "obj.flat": "x"}))]);
    for (filter, expected) in [
        ("\"obj.deep\" = 7", 1),
        ("\"obj.deep\" > 7", 0),
        ("\"obj.flat\" = 'x'", 1),
        ("type = 'Feature'", 1),
        ("type = 'inside'", 0),
        ("stac_version IN ('1.0.0')", 1),
        ("\"assets.red.href\" = 'https://x.org/a.tif'", 1),
        ("foreign = 5", 0),
        ("foreign IS NULL", 1),
    ] {
        assert_eq!(found(&world, &json!({"filter": filter})), expected, "{filter}");
    }
}

#[test]
fn a_datetime_beside_texts_is_its_text_and_beside_times_a_time() {
    let world = World::of_items(&[one(&json!({}))]);
    for (filter, expected) in [
        ("datetime < 'sentinel-2a'", 1),
        ("datetime > 'sentinel-2a' OR foreign = 5", 0),
        ("datetime LIKE '2024-01%'", 1),
        ("datetime IN ('2024-01-01T00:00:00Z')", 1),
        ("datetime BETWEEN 'a' AND 'b'", 0),
        ("datetime = TIMESTAMP('2024-01-01T01:00:00+01:00')", 1),
        ("datetime > '2023-12-31T23:59:59Z' OR foreign = 5", 1),
        ("NOT datetime IS NULL OR foreign = 5", 1),
    ] {
        assert_eq!(found(&world, &json!({"filter": filter})), expected, "{filter}");
    }
    assert_eq!(found(&world, &json!({"query": {"datetime": {"lt": "sentinel-2a"}}})), 1);
}

#[test]
fn sorting_by_a_member_passes_over_properties_of_its_name() {
    let mut items = [
        one(&json!({"id": 2, "type": "x"})),
        one(&json!({"id": 1, "type": "y", "obj.a": 1, "obj": {"a": 2}})),
    ];
    items[1]["id"] = "b".into();
    let world = World::of_items(&items);
    for key in ["+id", "-id", "+type", "-collection", "+obj.a", "-datetime"] {
        assert_eq!(found(&world, &json!({"sortby": key, "limit": 1})), 2);
    }
}
