//! Items of every sort: equal times and footprints, ranges, no geometry, the antimeridian drawn in all ways, poles, ids of
//! any characters, and properties that force every kind of column and none.

use serde_json::{Map, Value, json};

use super::random::Random;

pub(super) const COLLECTIONS: [&str; 5] = ["c", "d", "ä b", "nobody-😀", "c'd"];

pub(super) const PLATFORMS: [&str; 5] = ["sentinel-2a", "Sentinel-2A", "landsat-8", "Ätna %_", ""];

const TIMES: [&str; 12] = [
    "2024-01-01T00:00:00Z",
    "2024-01-01T02:00:00+02:00",
    "2024-01-01T00:00:00.000Z",
    "2024-01-01T00:00:00.5Z",
    "2024-01-02T00:00:00.000000001Z",
    "2024-02-29T23:59:60Z",
    "2024-03-31T12:00:00-11:30",
    "1969-12-31T23:59:59.999999999Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2023-06-15T10:00:00z",
    "2023-06-15T10:00:00.123456Z",
];

/// An instant as text.
pub(super) fn instant(random: &mut Random) -> String {
    if random.one_in(3) {
        let (day, hour) = (1 + random.below(28), random.below(24));
        return format!("2024-0{}-{day:02}T{hour:02}:00:00Z", 1 + random.below(9));
    }
    random.pick(&TIMES).to_owned()
}

/// Two instants, the first not after the second.
pub(super) fn range(random: &mut Random) -> (String, String) {
    let (a, b) = (instant(random), instant(random));
    let at = |text: &str| crate::stac::parse_instant(text).expect("an instant");
    if at(&a) <= at(&b) { (a, b) } else { (b, a) }
}

/// The id of an Item; some are shared by several.
pub(super) fn id(random: &mut Random, most: usize) -> String {
    let number = random.below(most.max(1));
    match number % 7 {
        0 => format!("{number}"),
        1 => format!("S2A_{number:06}"),
        2 => format!("ä/ß {number}"),
        3 => format!("😀{number}\"\\"),
        4 => format!("i-{}", "x".repeat(number % 40)),
        5 => format!("{number:03}%_\u{0}"),
        _ => format!("id-{number}"),
    }
}

/// A geometry on a coarse grid with the box that belongs to it.
pub(super) fn shape(random: &mut Random) -> (Value, Value) {
    let (x, y) = (random.between(-17, 16) * 10, random.between(-9, 8) * 10);
    let (w, h) = (random.between(1, 3) * 5, random.between(1, 2) * 5);
    let (e, n) = ((x + w).min(180), (y + h).min(90));
    let ring = |w: i32, s: i32, e: i32, n: i32| json!([[w, s], [e, s], [e, n], [w, n], [w, s]]);
    let polygon = |rings: Value| json!({"type": "Polygon", "coordinates": rings});
    let plain = json!([x, y, e, n]);
    match random.below(14) {
        0 => (json!({"type": "Point", "coordinates": [x, y]}), json!([x, y, x, y])),
        1 => (json!({"type": "LineString", "coordinates": [[x, y], [e, n]]}), plain),
        2 => (json!({"type": "MultiPoint", "coordinates": [[x, y], [e, n], [x, n]]}), plain),
        3 => (polygon(json!([[[x, y], [e, y], [x, n], [x, y]]])), plain),
        4 => {
            let hole =
                json!([[x + 1, y + 1], [x + 1, n - 1], [e - 1, n - 1], [e - 1, y + 1], [x + 1, y + 1]]);
            (polygon(json!([ring(x, y, e, n), hole])), plain)
        }
        5 => {
            // Far apart, and not across the antimeridian.
            let parts = json!([[ring(-x.abs() - 8, y, -x.abs(), n)], [ring(x.abs(), y, x.abs() + 8, n)]]);
            let bbox = json!([-x.abs() - 8, y, x.abs() + 8, n]);
            (json!({"type": "MultiPolygon", "coordinates": parts}), bbox)
        }
        6 => {
            let point = json!({"type": "Point", "coordinates": [x, y]});
            let line = json!({"type": "LineString", "coordinates": [[x, n], [e, n]]});
            (json!({"type": "GeometryCollection", "geometries": [point, line]}), plain)
        }
        7 => across(random, y, n),
        8 => (polygon(json!([ring(-180, 85, 180, 90)])), json!([-180, 85, 180, 90])),
        9 => (polygon(json!([ring(-180, -90, 180, 90)])), json!([-180, -90, 180, 90])),
        10 => (polygon(json!([ring(20, 60, 25, 65)])), json!([20, 60, 25, 65])),
        11 => {
            let m = |a: i32, b: i32| f64::from(a + b) / 2.0;
            (polygon(json!([[[m(x, e), y], [e, m(y, n)], [m(x, e), n], [x, m(y, n)], [m(x, e), y]]])), plain)
        }
        _ => (polygon(json!([ring(x, y, e, n)])), plain),
    }
}

/// On both sides of the antimeridian, drawn in one of the ways that are in use.
fn across(random: &mut Random, s: i32, n: i32) -> (Value, Value) {
    let bbox = json!([175, s, -175, n]);
    let ring = |w: i32, e: i32| json!([[w, s], [e, s], [e, n], [w, n], [w, s]]);
    let drawing = match random.below(5) {
        0 => json!({"type": "MultiPolygon", "coordinates": [[ring(175, 180)], [ring(-180, -175)]]}),
        1 => json!({"type": "Polygon", "coordinates": [ring(175, -175)]}),
        2 => json!({"type": "Polygon", "coordinates": [ring(175, 185)]}),
        3 => json!({"type": "Polygon", "coordinates": [ring(-185, -175)]}),
        _ => json!({"type": "LineString", "coordinates": [[175, s], [-175, n]]}),
    };
    (drawing, bbox)
}

/// An Item of a catalogue of about `count`.
pub(super) fn item(random: &mut Random, count: usize) -> Value {
    let (geometry, bbox) = if random.one_in(12) { (Value::Null, Value::Null) } else { shape(random) };
    let mut item = json!({
        "type": "Feature", "stac_version": "1.0.0", "id": id(random, count), "geometry": geometry,
        "collection": random.pick(&COLLECTIONS), "links": [], "assets": assets(random),
        "properties": properties(random),
    });
    if !bbox.is_null() {
        item["bbox"] = bbox;
    }
    if random.one_in(10) {
        item["foreign"] = json!(5);
    }
    item
}

fn assets(random: &mut Random) -> Value {
    let names = ["red", "nir", "B04"];
    let mut assets = Map::new();
    for name in names.iter().filter(|_| random.one_in(2)).collect::<Vec<_>>() {
        let bands = match random.below(3) {
            0 => json!([{"name": "common", "eo:common_name": random.pick(&names)}]),
            1 => json!([{"name": random.pick(&names)}, {"name": "extra"}]),
            _ => json!([]),
        };
        assets
            .insert((*name).to_owned(), json!({"href": format!("https://x.org/{name}.tif"), "bands": bands}));
    }
    assets.into()
}

fn properties(random: &mut Random) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| drop(all.insert(name.to_owned(), value));
    let (start, end) = range(random);
    match random.below(6) {
        0 => {
            put("datetime", Value::Null);
            put("start_datetime", start.into());
            put("end_datetime", end.into());
        }
        1 => {
            put("datetime", start.clone().into());
            put("start_datetime", start.into());
            put("end_datetime", end.into());
        }
        _ => put("datetime", start.into()),
    }
    let cover = random.between(0, 100);
    match random.below(12) {
        0 => {}
        1 => put("eo:cloud_cover", Value::Null),
        2 => put("eo:cloud_cover", json!(-0.0)),
        3 => put("eo:cloud_cover", json!(format!("{cover}"))),
        4 => put("eo:cloud_cover", json!(f64::from(cover) / 7.0)),
        _ => put("eo:cloud_cover", json!(cover)),
    }
    let mut sometimes = |name: &str, of: &mut dyn FnMut(&mut Random) -> Value| {
        if !random.one_in(4) {
            let value = of(random);
            put(name, value);
        }
    };
    sometimes("platform", &mut |r| json!(r.pick(&PLATFORMS)));
    sometimes("grid:code", &mut |r| json!(format!("MGRS-35VL{}", r.pick(&["E", "F", "G"]))));
    sometimes("n", &mut |r| json!(r.between(-3, 3)));
    sometimes("whole", &mut |r| json!(r.between(0, 5)));
    sometimes("flag", &mut |r| json!(r.one_in(2)));
    sometimes("t", &mut |r| json!(instant(r)));
    sometimes("when", &mut |r| {
        json!(r.pick(&["2024-01-01", "2024-01-01T00:00:00Z", "soon", "2024-13-01T00:00:00Z"]))
    });
    sometimes("big", &mut |r| {
        r.pick(&[json!(9_007_199_254_740_993_i64), json!(u64::MAX), json!(1e300), json!(5), json!(-0.0)])
    });
    sometimes("mixed", &mut |r| {
        r.pick(&[
            json!(1),
            json!("1"),
            json!(true),
            json!(null),
            json!([1]),
            json!({"a": 1}),
            json!("2024-01-01T00:00:00Z"),
        ])
    });
    sometimes("list", &mut |r| json!(["a", "b", "c"][..r.below(4)].to_vec()));
    sometimes("obj", &mut |r| json!({"deep": r.between(0, 2), "er": {"still": "x"}}));
    sometimes("title", &mut |r| json!(r.pick(&["Lake at dawn", "Ätna", "a  lake", ""])));
    sometimes("keywords", &mut |r| json!([r.pick(&["Snow", "ice sheet"]), "x"]));
    if random.one_in(20) {
        let name = random.pick(&["obj.deep", "type", "id", "collection", "rare", "bbox"]);
        let value = random.pick(&[json!(1), json!("c"), json!("Feature")]);
        all.insert(name.to_owned(), value);
    }
    all.into()
}
