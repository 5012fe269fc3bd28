//! One catalogue that is large enough for every way to an answer: threads that share work, columns in the order of values,
//! posting lists, states of footprints.

use serde_json::{Value, json};

use super::items::{COLLECTIONS, PLATFORMS, instant};
use super::questions::question;
use super::random::Random;
use super::{Naive, World, agree, times};

/// Above what threads share.
const ITEMS: usize = 70_000;

/// Questions of any sort, and of those that one source of candidates answers.
const QUESTIONS: u32 = 25;

fn small_item(random: &mut Random, number: usize) -> Value {
    let cell = i32::try_from(number % 1_500).unwrap_or(0);
    let (x, y) = (cell % 60 * 6 - 180, cell / 60 * 6 - 75);
    // The scenes of a day have one time.
    let (day, month) = (1 + number / 24 % 28, 1 + number / 672 % 12);
    let datetime = match random.below(40) {
        0 => instant(random),
        _ => format!("{}-{month:02}-{day:02}T10:00:00Z", 2015 + number / 8_064),
    };
    let mut item = json!({
        "type": "Feature", "stac_version": "1.0.0", "id": format!("id-{number}"), "links": [], "assets": {},
        "collection": COLLECTIONS[if random.one_in(3) { number % 5 } else { 0 }],
        "bbox": [x, y, x + 6, y + 6],
        "geometry": {"type": "Polygon", "coordinates": [[[x, y], [x + 6, y], [x + 6, y + 6], [x, y + 5], [x, y]]]},
        "properties": {"datetime": datetime, "eo:cloud_cover": number * 7_919 % 101, "whole": number % 4},
    });
    let properties = &mut item["properties"];
    if !random.one_in(10) {
        properties["n"] = json!(f64::from(random.between(-900, 900)) / 8.0);
        properties["platform"] = json!(PLATFORMS[number % 9 % 5]);
        properties["t"] = json!(format!("2024-01-{:02}T00:00:00Z", 1 + number % 28));
    }
    if random.one_in(1_000) {
        properties["rare"] = json!("Feature");
    }
    item
}

/// Questions that little narrows, so that rows are counted or walked and not looked at.
fn broad(random: &mut Random) -> Value {
    let key = random.pick(&["eo:cloud_cover", "n", "platform", "t", "whole", "id", "rare"]);
    let sortby = format!("{}{key}", random.pick(&["+", "-"]));
    let (x, y) = (random.between(-18, 0) * 10, random.between(-9, 0) * 10);
    let bbox = json!([x, y, x + random.pick(&[3, 60, 160]), y + random.pick(&[2, 40, 90])]);
    let year = 2015 + random.below(9);
    let datetime = format!("{year}-01-01T00:00:00Z/{}-06-30T00:00:00Z", year + random.below(2));
    let limit = random.pick(&[1, 10, 250, 3_000]);
    match random.below(9) {
        0 => json!({"sortby": sortby, "limit": limit}),
        1 => json!({"sortby": sortby, "bbox": bbox, "limit": limit}),
        2 => json!({"bbox": bbox, "limit": limit}),
        3 => json!({"bbox": bbox, "datetime": datetime, "limit": limit}),
        4 => json!({"filter": "platform = 'landsat-8' AND whole < 2", "bbox": bbox, "limit": limit}),
        5 => {
            json!({"filter": format!("platform IN ('sentinel-2a', '') AND n > {}", random.between(-100, 100)), "limit": limit})
        }
        6 => {
            json!({"collections": [random.pick(&COLLECTIONS)], "sortby": sortby, "datetime": datetime, "limit": limit})
        }
        7 => json!({"filter": "rare = 'Feature' OR eo:cloud_cover = 3", "sortby": sortby, "limit": limit}),
        _ => {
            json!({"intersects": {"type": "Polygon", "coordinates": [[[x, y], [x + 170, y], [x, y + 85], [x, y]]]},
            "max_cloud_cover": random.between(0, 100), "limit": limit})
        }
    }
}

#[test]
fn a_large_catalogue_is_answered_as_by_the_plain_scan_whatever_the_plan() {
    let mut random = Random(7);
    let items: Vec<Value> = (0..ITEMS).map(|number| small_item(&mut random, number)).collect();
    let world = World::of_items(&items);
    assert_eq!(world.snapshot().len(), ITEMS);
    let naive = Naive::new(&world.snapshot());
    for _ in 0..times(QUESTIONS) {
        let body = broad(&mut random);
        agree(&world, &naive, &body, &mut random);
        let body = question(&mut random, ITEMS);
        agree(&world, &naive, &body, &mut random);
    }
}
