//! Collections.

use serde_json::json;

use super::tree::{Tree, collection, expect, item, refused};

#[test]
fn a_collection_is_made_read_replaced_changed_and_deleted() {
    let tree = Tree::new();
    let client = tree.serve();
    let made = expect(client.json("POST", "/collections", &collection("d")), 201);
    assert_eq!(made.header("location"), client.url("/collections/d"));
    let read = expect(client.get("/collections/d"), 200);
    assert_eq!((made.json(), made.header("etag")), (read.json(), read.header("etag")));
    assert_eq!(read.json()["description"], "What the tests write");
    expect(client.json("POST", "/collections/d/items", &item("a", 1)), 201);
    assert_eq!(client.get("/collections").json()["numberMatched"], 2);

    // As it was read, with the server's own links.
    let mut put = client.get("/collections/d").json();
    put["title"] = json!("New");
    put["links"].as_array_mut().unwrap().push(json!({"rel": "license", "href": "https://example.com/l"}));
    let replaced = expect(client.json("PUT", "/collections/d", &put), 204);
    assert_eq!((replaced.header("content-type"), replaced.body.len()), ("", 0));
    let read = client.get("/collections/d");
    assert_eq!((&read.json()["title"], replaced.header("etag")), (&json!("New"), read.header("etag")));
    let links = read.json()["links"].as_array().unwrap().clone();
    assert_eq!(links.len(), put["links"].as_array().unwrap().len());
    expect(client.json("PATCH", "/collections/d", &json!({"title": null, "keywords": ["k"]})), 204);
    let read = client.get("/collections/d").json();
    assert_eq!((read.get("title"), &read["keywords"]), (None, &json!(["k"])));
    expect(client.get("/collections/d/items/a"), 200);
    tree.check();

    expect(client.delete("/collections/d"), 204);
    expect(client.get("/collections/d"), 404);
    expect(client.get("/collections/d/items/a"), 404);
    expect(client.delete("/collections/d"), 204);
    assert_eq!(client.count(""), 0);
    tree.check();
}

#[test]
fn what_cannot_be_done_to_a_collection_is_told() {
    let tree = Tree::new();
    let client = tree.serve();
    assert!(refused(client.json("POST", "/collections", &collection("c")), 409).contains("'c'"));
    assert!(refused(client.json("POST", "/collections", &collection("a/b")), 400).contains("a/b"));
    assert!(refused(client.json("POST", "/collections", &item("i", 1)), 400).contains("'Collection'"));
    assert!(refused(client.json("PUT", "/collections/d", &collection("d")), 404).contains("'d'"));
    assert!(refused(client.json("PUT", "/collections/c", &collection("d")), 400).contains("'d'"));
    let mut bare = collection("c");
    bare.as_object_mut().unwrap().remove("license");
    assert!(refused(client.json("PUT", "/collections/c", &bare), 400).contains("license"));
    assert!(refused(client.json("PATCH", "/collections/c", &json!({"extent": 5})), 400).contains("extent"));
    tree.check();
}

#[test]
fn a_collection_has_a_state_to_ask_for() {
    let tree = Tree::new();
    let client = tree.serve();
    let first = client.get("/collections/c").header("etag").to_owned();
    let patch = json!({"title": "one"});
    expect(client.json_if("PATCH", "/collections/c", ("if-match", &first), &patch), 204);
    refused(client.json_if("PATCH", "/collections/c", ("if-match", &first), &json!({"title": "two"})), 412);
    refused(client.json_if("PUT", "/collections/c", ("if-none-match", "*"), &collection("c")), 412);
    refused(client.write("DELETE", "/collections/c", &[("if-match", &first)], b""), 412);
    expect(client.json_if("PUT", "/collections/d", ("if-none-match", "*"), &collection("d")), 201);
    let now = client.get("/collections/c").header("etag").to_owned();
    assert_eq!(client.get("/collections/c").json()["title"], "one");
    expect(client.write("DELETE", "/collections/c", &[("if-match", &now)], b""), 204);
    tree.check();
}
