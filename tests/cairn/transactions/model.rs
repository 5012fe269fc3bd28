//! Random writes, against a table of what is there.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::tree::{Client, Tree, collection, expect, item};
use crate::soak;

/// One write; Items are few, so that writes meet.
#[derive(Debug, Clone)]
enum Write {
    Post(u8, u32),
    Bulk(Vec<u8>, u32),
    Put(u8, u32, Asked),
    Merge(u8, u32, Asked),
    Operations(u8, u32),
    Delete(u8, Asked),
}

/// What a write asks for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Nothing,
    /// The state that is there.
    Current,
    /// One that was there, or never was.
    Stale,
    /// That nothing is there.
    Absent,
}

/// What is there: `n`, and the tag.
type Model = BTreeMap<u8, (u32, String)>;

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![Just(Asked::Nothing), Just(Asked::Current), Just(Asked::Stale), Just(Asked::Absent)]
}

fn write() -> impl Strategy<Value = Write> {
    let id = 0_u8..6;
    let number = 0_u32..10_000;
    prop_oneof![
        3 => (id.clone(), number.clone()).prop_map(|(id, n)| Write::Post(id, n)),
        2 => (prop::collection::vec(id.clone(), 1..4), number.clone()).prop_map(|(ids, n)| Write::Bulk(ids, n)),
        3 => (id.clone(), number.clone(), asked()).prop_map(|(id, n, asked)| Write::Put(id, n, asked)),
        3 => (id.clone(), number.clone(), asked()).prop_map(|(id, n, asked)| Write::Merge(id, n, asked)),
        1 => (id.clone(), number).prop_map(|(id, n)| Write::Operations(id, n)),
        2 => (id, asked()).prop_map(|(id, asked)| Write::Delete(id, asked)),
    ]
}

fn name(id: u8) -> String {
    format!("i{id}")
}

/// The header that asks for it, and whether what is there is what it asks for.
fn condition(asked: Asked, there: Option<&(u32, String)>) -> (Option<(&'static str, String)>, bool) {
    match asked {
        Asked::Nothing => (None, true),
        Asked::Current => {
            let tag = there.map_or_else(|| "\"0123456789abcdef\"".to_owned(), |(_, tag)| tag.clone());
            (Some(("if-match", tag)), there.is_some())
        }
        Asked::Stale => (Some(("if-match", "W/\"0000000000000000-00000000\"".to_owned())), false),
        Asked::Absent => (Some(("if-none-match", "*".to_owned())), there.is_none()),
    }
}

/// Sends one write, and holds the status against the table.
fn step(client: &Client, base: &str, model: &mut Model, write: &Write) {
    let json = |method: &str, path: &str, asked: &Option<(&str, String)>, media: &str, body: &Value| {
        let mut headers = vec![("content-type", media)];
        headers.extend(asked.iter().map(|(name, value)| (*name, value.as_str())));
        client.write(method, path, &headers, body.to_string().as_bytes())
    };
    let at = |id: u8| format!("{base}/items/{}", name(id));
    let tag_of = |id: u8| client.get(&at(id)).header("etag").to_owned();
    match write {
        Write::Post(id, n) => {
            let answer = client.json("POST", &format!("{base}/items"), &item(&name(*id), *n));
            let answer = expect(answer, if model.contains_key(id) { 409 } else { 201 });
            if answer.status == 201 {
                model.insert(*id, (*n, answer.header("etag").to_owned()));
            }
        }
        Write::Bulk(ids, n) => {
            let features: Vec<Value> = ids.iter().map(|id| item(&name(*id), *n)).collect();
            let body = json!({"type": "FeatureCollection", "features": features});
            let mut once = ids.clone();
            once.sort_unstable();
            once.dedup();
            let status = if once.len() < ids.len() {
                400
            } else if ids.iter().any(|id| model.contains_key(id)) {
                409
            } else {
                201
            };
            expect(client.json("POST", &format!("{base}/items"), &body), status);
            if status == 201 {
                model.extend(ids.iter().map(|id| (*id, (*n, tag_of(*id)))));
            }
        }
        Write::Put(id, n, asked) => {
            let there = model.get(id);
            let (header, holds) = condition(*asked, there);
            let status = match (holds, there, asked) {
                (false, ..) => 412,
                (true, None, Asked::Absent) => 201,
                (true, None, _) => 404,
                (true, Some(_), _) => 204,
            };
            let body = item(&name(*id), *n);
            let answer = expect(json("PUT", &at(*id), &header, "application/json", &body), status);
            if status < 300 {
                model.insert(*id, (*n, answer.header("etag").to_owned()));
            }
        }
        Write::Merge(id, n, asked) => {
            let there = model.get(id);
            let (header, holds) = condition(*asked, there);
            let status = match (holds, there) {
                (false, _) => 412,
                (true, None) => 404,
                (true, Some(_)) => 204,
            };
            let body = json!({"properties": {"n": n}});
            let answer =
                expect(json("PATCH", &at(*id), &header, "application/merge-patch+json", &body), status);
            if status == 204 {
                model.insert(*id, (*n, answer.header("etag").to_owned()));
            }
        }
        Write::Operations(id, n) => {
            let before = model.get(id).map(|(n, _)| *n);
            let body = json!([
                {"op": "test", "path": "/properties/n", "value": before},
                {"op": "replace", "path": "/properties/n", "value": n}
            ]);
            let status = if before.is_some() { 204 } else { 404 };
            let answer = expect(json("PATCH", &at(*id), &None, "application/json-patch+json", &body), status);
            if status == 204 {
                model.insert(*id, (*n, answer.header("etag").to_owned()));
            }
        }
        Write::Delete(id, asked) => {
            let (header, holds) = condition(*asked, model.get(id));
            let headers: Vec<(&str, &str)> =
                header.iter().map(|(name, value)| (*name, value.as_str())).collect();
            expect(client.write("DELETE", &at(*id), &headers, b""), if holds { 204 } else { 412 });
            if holds {
                model.remove(id);
            }
        }
    }
}

/// What the server shows of a Collection.
fn shown(client: &Client, base: &str) -> Model {
    let page = expect(client.get(&format!("{base}/items?limit=100")), 200).json();
    let items = page["features"].as_array().unwrap();
    assert_eq!(page["numberMatched"], items.len());
    let one = |item: &Value| {
        let id = item["id"].as_str().unwrap();
        let tag = client.get(&format!("{base}/items/{id}")).header("etag").to_owned();
        let n = item["properties"]["n"].as_u64().unwrap();
        (id[1..].parse().unwrap(), (u32::try_from(n).unwrap(), tag))
    };
    items.iter().map(one).collect()
}

/// The same without what tags say of the server.
fn states(mut model: Model) -> Model {
    for (_, tag) in model.values_mut() {
        tag.truncate(tag.find('-').unwrap());
    }
    model
}

#[test]
fn random_writes_leave_what_a_table_of_them_holds() {
    let tree = Tree::new();
    let client = tree.serve();
    let cases = u32::try_from(soak::times(12)).unwrap();
    let case = Cell::new(0);
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&prop::collection::vec(write(), 1..25), |writes| {
            case.set(case.get() + 1);
            let id = format!("case-{}", case.get());
            expect(client.json("POST", "/collections", &collection(&id)), 201);
            let base = format!("/collections/{id}");
            let mut model = Model::new();
            for write in &writes {
                step(&client, &base, &mut model, write);
            }
            prop_assert_eq!(&shown(&client, &base), &model);
            Ok(())
        })
        .unwrap();
    tree.check();
    // Another server reads from the tree what this one shows.
    let other = tree.serve();
    for nth in 1..=case.get() {
        let base = format!("/collections/case-{nth}");
        assert_eq!(states(shown(&other, &base)), states(shown(&client, &base)));
    }
}
