//! ItemCollections: whole, or not at all.

use serde_json::{Value, json};

use super::tree::{ASKS_FIRST, Tree, expect, item, refused};

const ITEMS: &str = "/collections/c/items";

fn many(items: impl IntoIterator<Item = Value>) -> Value {
    json!({"type": "FeatureCollection", "features": items.into_iter().collect::<Vec<_>>()})
}

#[test]
fn many_items_are_made_at_once_and_each_is_there() {
    let tree = Tree::new();
    let client = tree.serve();
    let made = expect(client.json("POST", ITEMS, &many((0..1050).map(|n| item(&format!("i{n}"), n)))), 201);
    assert_eq!((made.header("location"), &made.json()["created"]), ("", &json!(1050)));
    assert_eq!(client.count(""), 1050);
    assert_eq!(client.count("datetime=2024-03-01T00:00:00Z/2024-03-31T23:59:59Z"), 84);
    expect(client.json("POST", ITEMS, &many((1050..1150).map(|n| item(&format!("i{n}"), n)))), 201);
    assert_eq!(client.get("/collections/c/items/i1149").json()["properties"]["n"], 1149);
    tree.check();
}

#[test]
fn many_items_may_be_larger_than_one() {
    let tree = Tree::new();
    let client = tree.serve();
    let large = |n: u32| {
        let mut item = item(&format!("i{n}"), n);
        item["properties"]["notes"] = json!("n".repeat(1 << 20));
        item
    };
    let body = many((0..12).map(large));
    assert_eq!(expect(client.json("POST", ITEMS, &body), 201).json()["created"], 12);
    assert_eq!(client.count(""), 12);
    let mut one = large(99);
    one["properties"]["notes"] = json!("n".repeat(8 << 20));
    refused(client.json("PUT", "/collections/c/items/i3", &one), 413);
    tree.check();
}

#[test]
fn one_wrong_item_keeps_all_others_out() {
    let tree = Tree::new();
    let client = tree.serve();
    expect(client.json("POST", ITEMS, &item("i7", 7)), 201);
    let mut items: Vec<Value> = (10..40).map(|n| item(&format!("i{n}"), n)).collect();
    items[3]["properties"]["datetime"] = json!("soon");
    items[4]["id"] = json!("i10");
    let told = refused(client.json("POST", ITEMS, &many(items.clone())), 400);
    for part in ["2 of 30", "feature 3 ('i13')", "datetime", "feature 4 ('i10')", "none was written"] {
        assert!(told.contains(part), "{told}");
    }
    items.drain(3..5);
    items.push(item("i7", 8));
    assert!(refused(client.json("POST", ITEMS, &many(items.clone())), 409).contains("'i7'"));
    assert_eq!(
        (client.count(""), client.get("/collections/c/items/i7").json()["properties"]["n"].clone()),
        (1, json!(7))
    );
    items.pop();
    expect(client.json("POST", ITEMS, &many(items)), 201);
    assert_eq!(client.count(""), 29);
    refused(client.json("POST", ITEMS, &many([])), 400);
    let large = vec![b' '; (32 << 20) + 1];
    refused(client.write("POST", ITEMS, &[("content-type", "application/json"), ASKS_FIRST], &large), 413);
    tree.check();
}
