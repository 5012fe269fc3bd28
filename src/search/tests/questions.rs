//! Questions with any parameter, alone and together.

use serde_json::{Map, Value, json};

use super::items::{COLLECTIONS, PLATFORMS, id, instant, range, shape};
use super::random::Random;

const PROPERTIES: [&str; 22] = [
    "eo:cloud_cover",
    "platform",
    "grid:code",
    "n",
    "whole",
    "flag",
    "t",
    "when",
    "big",
    "mixed",
    "list",
    "obj",
    "obj.deep",
    "id",
    "collection",
    "datetime",
    "created",
    "rare",
    "type",
    "title",
    "foreign",
    "start_datetime",
];

/// The body of a question to a catalogue of about `count` Items.
pub(super) fn question(random: &mut Random, count: usize) -> Value {
    let mut body = Map::new();
    // Most have few parameters, so that something is found.
    let share = random.pick(&[2, 4, 8, 16]);
    let mut put = |random: &mut Random, name: &str, of: &mut dyn FnMut(&mut Random) -> Value| {
        if random.one_in(share) {
            let value = of(random);
            body.insert(name.to_owned(), value);
        }
    };
    put(random, "collections", &mut |r| {
        let mut some: Vec<String> = (0..=r.below(2)).map(|_| r.pick(&COLLECTIONS).to_owned()).collect();
        if r.one_in(6) {
            some.push("unknown".to_owned());
        }
        json!(some)
    });
    put(random, "ids", &mut |r| {
        let many = r.pick(&[1, 3, 40]);
        json!((0..many).map(|_| id(r, count)).collect::<Vec<_>>())
    });
    put(random, "datetime", &mut |r| json!(interval(r)));
    put(random, "bands", &mut |r| {
        json!((0..=r.below(2)).map(|_| r.pick(&["red", "nir", "B04", "none"])).collect::<Vec<_>>())
    });
    put(random, "max_cloud_cover", &mut |r| json!(r.between(0, 100)));
    put(random, "filter", &mut |r| {
        if r.one_in(5) { filter_json(r, count) } else { json!(filter(r, count, 3)) }
    });
    put(random, "query", &mut query);
    put(random, "q", &mut |r| {
        json!(r.pick(&["lake", "ÄTNA", "a lake,snow", "sentinel", "ice   sheet", "id-1", "nothing"]))
    });
    put(random, "sortby", &mut sortby);
    if random.one_in(share) {
        let (name, value) =
            if random.one_in(2) { ("bbox", bbox(random)) } else { ("intersects", shape(random).0) };
        body.insert(name.to_owned(), value);
    }
    let limit = match random.below(4) {
        0 => 1,
        1 => 1 + random.below(10),
        2 => 1 + random.below(count.max(1)),
        _ => 10_000,
    };
    // Walks of hundreds of pages cost much and show little more.
    body.insert("limit".to_owned(), limit.max(count / 30).max(1).into());
    body.into()
}

fn bbox(random: &mut Random) -> Value {
    let (x, y) = (random.between(-18, 17) * 10, random.between(-9, 8) * 10);
    match random.below(7) {
        0 => json!([170, y, -170, 90]),
        1 => json!([x, y, x, y]),
        2 => json!([-180, -90, 180, 90]),
        3 => json!([x, y, -1000, x + 5, y + 5, 1000]),
        4 => json!([180, -90, -180, 90]),
        5 => json!([21, 61, 24, 64]),
        _ => json!([x, y, (x + 60).min(180), (y + 50).min(90)]),
    }
}

fn interval(random: &mut Random) -> String {
    let (start, end) = range(random);
    match random.below(4) {
        0 => start,
        1 => format!("{start}/.."),
        2 => format!("../{end}"),
        _ => format!("{start}/{end}"),
    }
}

fn sortby(random: &mut Random) -> Value {
    let mut keys: Vec<String> = Vec::new();
    for _ in 0..=random.pick(&[0, 0, 0, 1, 2]) {
        let name = random.pick(&PROPERTIES);
        if !keys.iter().any(|key| key[1..] == *name) {
            keys.push(format!("{}{name}", random.pick(&["+", "-"])));
        }
    }
    json!(keys.join(","))
}

fn query(random: &mut Random) -> Value {
    let name = random.pick(&PROPERTIES);
    let value = scalar(random);
    let tests = match random.below(9) {
        0 => json!({"eq": value}),
        1 => json!({"neq": value}),
        2 => json!({"lt": value}),
        3 => json!({"gte": value, "lte": 50}),
        4 => json!({"startsWith": "s"}),
        5 => json!({"endsWith": "A"}),
        6 => json!({"contains": "e"}),
        7 => json!({"in": [value, "sentinel-2a", 1]}),
        _ => json!({"eq": null}),
    };
    json!({name: tests})
}

fn scalar(random: &mut Random) -> Value {
    match random.below(6) {
        0 => json!(random.between(-3, 100)),
        1 => json!(random.pick(&PLATFORMS)),
        2 => json!(random.one_in(2)),
        3 => json!(instant(random)),
        4 => json!(random.pick(&["c", "soon", "2024-01-01", "MGRS-35VLE", "Feature", "id-6"])),
        _ => random.pick(&[
            json!(0.0),
            json!(9_007_199_254_740_993_i64),
            json!(u64::MAX),
            json!(14.285_714_285_714_286),
        ]),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(random: &mut Random) -> String {
    match random.below(6) {
        0 => random.between(-3, 100).to_string(),
        1 => quoted(random.pick(&PLATFORMS)),
        2 => if random.one_in(2) { "TRUE" } else { "FALSE" }.to_owned(),
        3 => format!(
            "TIMESTAMP('{}')",
            random.pick(&["2024-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2023-06-15T10:00:00Z"])
        ),
        4 => format!("DATE('2024-0{}-01')", 1 + random.below(9)),
        _ => quoted(random.pick(&["c", "soon", "2024-01-01T00:00:00Z", "MGRS-35VLE", "Feature", "id-6"])),
    }
}

fn place(random: &mut Random) -> String {
    let (x, y) = (random.between(-17, 15) * 10, random.between(-8, 7) * 10);
    let (e, n) = (x + 20, y + 15);
    match random.below(5) {
        0 => format!("POINT({x} {y})"),
        1 => format!("LINESTRING({x} {y}, {e} {n})"),
        2 => format!("BBOX({x}, {y}, {e}, {n})"),
        3 => format!("MULTIPOINT(({x} {y}), ({e} {n}))"),
        _ => format!("POLYGON(({x} {y}, {e} {y}, {e} {n}, {x} {n}, {x} {y}))"),
    }
}

/// A filter as text.
pub(super) fn filter(random: &mut Random, count: usize, depth: usize) -> String {
    if depth > 0 && random.one_in(2) {
        let (a, b) = (filter(random, count, depth - 1), filter(random, count, depth - 1));
        return match random.below(4) {
            0 => format!("({a}) OR ({b})"),
            1 => format!("NOT ({a})"),
            _ => format!("({a}) AND ({b})"),
        };
    }
    let name = random.pick(&PROPERTIES);
    let name = if name.contains('.') || random.one_in(5) { format!("\"{name}\"") } else { name.to_owned() };
    let compare = random.pick(&["=", "<>", "<", "<=", ">", ">="]);
    match random.below(16) {
        0 => format!("{name} IS NULL"),
        1 => format!("{name} IS NOT NULL"),
        2 => format!("{name} LIKE '{}'", random.pick(&["s%", "%e%", "_oon", "S%2A", "%\\%%", "c"])),
        3 => format!("CASEI({name}) = CASEI('{}')", random.pick(&["SENTINEL-2A", "ÄTNA %_", "C"])),
        4 => {
            let members: Vec<String> = (0..=random.below(3)).map(|_| literal(random)).collect();
            format!("{name} IN ({})", members.join(", "))
        }
        5 => {
            let texts: Vec<String> = (0..=random.below(3)).map(|_| quoted(random.pick(&PLATFORMS))).collect();
            format!("platform IN ({})", texts.join(", "))
        }
        6 => format!("{name} BETWEEN {} AND {}", random.between(-3, 10), random.between(0, 100)),
        7 => format!(
            "S_{}(geometry, {})",
            random.pick(&[
                "INTERSECTS",
                "INTERSECTS",
                "WITHIN",
                "DISJOINT",
                "CONTAINS",
                "TOUCHES",
                "CROSSES",
                "EQUALS",
                "OVERLAPS"
            ]),
            place(random)
        ),
        8 => format!("id = {}", quoted(&id(random, count).replace(['\u{0}', '\\'], ""))),
        9 => format!("collection {compare} {}", quoted(random.pick(&COLLECTIONS))),
        10 => format!(
            "datetime {compare} TIMESTAMP('{}')",
            random.pick(&["2024-01-01T00:00:00Z", "2024-03-31T23:30:00Z", "2023-06-15T10:00:00.123456Z"])
        ),
        11 => format!(
            "T_{}(datetime, INTERVAL('2023-06-15', '2024-05-01'))",
            random.pick(&["DURING", "INTERSECTS", "AFTER", "BEFORE", "DISJOINT"])
        ),
        12 => {
            format!("A_{}(list, ('a', 'b'))", random.pick(&["CONTAINS", "CONTAINEDBY", "EQUALS", "OVERLAPS"]))
        }
        13 => format!("n + 1 {compare} whole"),
        14 => format!("eo:cloud_cover {compare} {}", random.between(0, 100)),
        _ => format!("{name} {compare} {}", literal(random)),
    }
}

fn filter_json(random: &mut Random, count: usize) -> Value {
    let property = json!({"property": random.pick(&PROPERTIES)});
    match random.below(5) {
        0 => json!({"op": "s_intersects", "args": [{"property": "geometry"}, shape(random).0]}),
        1 => json!({"op": "in", "args": [{"property": "id"}, [id(random, count), id(random, count)]]}),
        2 => json!({"op": "isNull", "args": [property]}),
        3 => json!({"op": "and", "args": [
            {"op": "=", "args": [property, scalar(random)]},
            {"op": "<=", "args": [{"property": "n"}, 2]}]}),
        _ => json!({"op": random.pick(&["=", "<", ">=", "<>"]), "args": [property, scalar(random)]}),
    }
}
