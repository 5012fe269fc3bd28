//! Damaged questions: each is answered or refused, none panics, none hangs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::items::{item, range, shape};
use super::questions::{filter, question};
use super::random::Random;
use super::{World, figure, times};
use crate::search::filter::Filter;
use crate::search::{CollectionSearch, Fields, Params, Search, SortKey, Token, read_bbox};
use crate::stac::{Bbox, Interval};

/// Inputs for each parser.
const INPUTS: u32 = 400;

/// What a damaged text may get in the middle.
const PIECES: [&str; 40] = [
    "(",
    ")",
    "((((((((",
    "'",
    "''",
    "\"",
    ",",
    "-",
    "+",
    "..",
    "/",
    "NOT ",
    " AND ",
    " OR ",
    "IN (",
    "BETWEEN 1 AND ",
    "LIKE '%'",
    "INTERVAL('..','..')",
    "DATE('2024-02-30')",
    "S_INTERSECTS(",
    "POINT(",
    "POLYGON((",
    "BBOX(",
    "1e999",
    "-0",
    "NaN",
    "18446744073709551616",
    "\u{0}",
    "\u{feff}",
    "😀",
    "ß",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    ":",
    "9999-12-31T23:59:60.999999999-23:59",
];

/// Some pieces changed, taken out, doubled or put in; still a text.
fn damaged(text: &str, random: &mut Random) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(5) {
        let len = characters.len();
        let at = random.below(len + 1);
        let to = (at + random.below(12)).min(len);
        match random.below(7) {
            0 => drop(characters.drain(at..to)),
            1 => {
                let piece = characters[at..to].to_vec();
                characters.splice(at..at, piece);
            }
            2 => {
                let piece: Vec<char> = random.pick(&PIECES).chars().collect();
                characters.splice(at..at, piece);
            }
            3 => {
                let piece: Vec<char> =
                    random.pick(&PIECES).repeat(random.pick(&[1, 20, 200])).chars().collect();
                characters.splice(at..to, piece);
            }
            4 if at < len => {
                let other = u32::try_from(random.below(0x300)).ok().and_then(char::from_u32);
                characters[at] = other.unwrap_or('?');
            }
            5 if at < len => characters[at] = characters[random.below(len)],
            _ => characters.truncate(if random.one_in(4) { at } else { len }),
        }
    }
    characters.into_iter().collect()
}

fn valid(random: &mut Random, kind: &str) -> String {
    let body = question(random, 50);
    match kind {
        "cql2-text" => filter(random, 50, 4),
        "cql2-json" => json!({"op": "and", "args": [
            {"op": "s_within", "args": [{"property": "geometry"}, shape(random).0]},
            {"op": "or", "args": [{"op": "like", "args": [{"op": "casei", "args": [{"property": "p"}]}, "a%"]},
                {"op": "between", "args": [{"property": "n"}, {"op": "+", "args": [1, 2.5]}, 3]},
                {"op": "t_during", "args": [{"property": "datetime"}, {"interval": ["2024-01-01", ".."]}]},
                {"op": "a_contains", "args": [{"property": "list"}, ["a", 1]]}]}]})
        .to_string(),
        "query" => json!({"eo:cloud_cover": {"lt": 5, "in": [1, "2"]}, "p": {"startsWith": "a", "neq": null}}).to_string(),
        "sortby" => random.pick(&["+a,-properties.b,c".to_owned(), json!([{"field": "a", "direction": "desc"}]).to_string()]),
        "fields" => random.pick(&[
            "+id,-properties.a,b.c".to_owned(),
            json!({"include": ["id", "a.b"], "exclude": ["assets"]}).to_string(),
        ]),
        "bbox" => random.pick(&["170,-10,-170,10", "[1,2,3,4,5,6]", "1e1,-2.5,3,4"]).to_owned(),
        "datetime" => {
            let (start, end) = range(random);
            format!("{start}/{end}")
        }
        _ => body.to_string(),
    }
}

/// True when it was read.
fn put(kind: &str, text: &str, world: &World) -> bool {
    let value = || serde_json::from_str::<Value>(text).unwrap_or_else(|_| text.into());
    let body = |name: &str| Params::from_body(json!({name: value()}).to_string().as_bytes());
    let query = |name: &str| Params::from_query([(name.to_owned(), text.to_owned())]);
    let tried = |filter: Result<Filter, _>| {
        filter.is_ok_and(|filter| {
            answered(world, &Search { filter: Some(filter), ..Search::default() });
            true
        })
    };
    match kind {
        "cql2-text" => tried(Filter::from_text(text)),
        "cql2-json" => tried(Filter::from_json(&value())),
        "query" => tried(Filter::from_query(&value())),
        "sortby" => [body("sortby"), query("sortby")].into_iter().flatten().any(|mut params| {
            SortKey::read(&mut params).is_ok_and(|sort| {
                answered(world, &Search { sort, ..Search::default() });
                true
            })
        }),
        "fields" => [body("fields"), query("fields")].into_iter().flatten().any(|mut params| {
            let fields = Fields::read(&mut params).ok().flatten();
            fields.is_some_and(|fields| fields.project_item(item(&mut Random(1), 9)).is_object())
        }),
        "bbox" => {
            let lists = [body("bbox"), query("bbox")].into_iter().flatten();
            lists.filter_map(|mut params| read_bbox(&mut params, "bbox").ok()?).count() > 0
                || Bbox::parse(text).is_ok()
        }
        "datetime" => Interval::parse(text).is_ok(),
        "token" => Token::decode(text).is_ok_and(|token| {
            let sort = token.sort.iter().map(|(key, _)| key.clone()).collect();
            answered(world, &Search { sort, token: Some(token), ..Search::default() });
            true
        }),
        _ => {
            let read = Params::from_body(text.as_bytes()).and_then(|params| {
                let collections = Params::from_body(text.as_bytes()).and_then(CollectionSearch::read);
                let search = Search::read(params)?;
                drop(collections);
                Ok(search)
            });
            read.is_ok_and(|search| {
                answered(world, &search);
                true
            })
        }
    }
}

fn answered(world: &World, search: &Search) {
    let page = world.memory.page_of(&world.snapshot(), search).expect("a page");
    assert!(page.matched >= page.items.len() as u64);
}

#[test]
fn damaged_questions_are_answered_or_refused() {
    let mut random = Random(11);
    let items: Vec<Value> = (0..30).map(|_| item(&mut random, 30)).collect();
    let world = World::of_items(&items);
    let kinds = ["cql2-text", "cql2-json", "query", "sortby", "fields", "bbox", "datetime", "token", "body"];
    let mut sums = Vec::new();
    for kind in kinds {
        let mut read = 0;
        for _ in 0..times(INPUTS) {
            let good = if kind == "token" { token(&world, &mut random) } else { valid(&mut random, kind) };
            assert!(put(kind, &good, &world), "{kind}: {good}");
            let bad = match decoded(&good).filter(|_| kind == "token" && random.one_in(2)) {
                Some(inside) => URL_SAFE_NO_PAD.encode(damaged(&inside, &mut random)),
                None => damaged(&good, &mut random),
            };
            read += u32::from(put(kind, &bad, &world));
        }
        assert!(read < times(INPUTS), "{kind}: nothing was damaged");
        sums.push(format!("{kind} {} of {}", read, times(INPUTS)));
    }
    figure("damaged questions that were still read", &sums.join(", "));
}

/// What a token carries.
fn decoded(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// A token of this catalogue.
fn token(world: &World, random: &mut Random) -> String {
    let sort = if random.one_in(2) { "-n,+mixed" } else { "+t" };
    let search = super::asked(&json!({"sortby": sort, "limit": 1 + random.below(20)}));
    let page = world.memory.page_of(&world.snapshot(), &search).expect("a page");
    page.next.expect("a token").encode()
}
