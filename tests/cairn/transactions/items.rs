//! One Item at a time.

use serde_json::{Value, json};

use super::tree::{ASKS_FIRST, Tree, expect, item, refused};
use crate::demo;
use crate::http::get_with;

const ITEMS: &str = "/collections/c/items";
const A: &str = "/collections/c/items/a";

/// A document without what answers write around it.
fn bare(mut document: Value) -> Value {
    document.as_object_mut().unwrap().remove("links");
    document
}

#[test]
fn an_item_is_made_read_replaced_changed_and_deleted() {
    let tree = Tree::new();
    let client = tree.serve();
    let mut wanted = item("a", 1);
    // Nobody listens there: that the asset cannot be looked at is a warning.
    wanted["assets"] = json!({"data": {"href": "http://127.0.0.1:9/a.tif", "type": "image/tiff"}});
    let made = expect(client.json("POST", ITEMS, &wanted), 201);
    wanted["collection"] = json!("c");

    assert_eq!(made.header("location"), client.url(A));
    assert_eq!(made.header("content-type"), "application/geo+json");
    let read = expect(client.get(A), 200);
    assert_eq!(made.json(), read.json());
    assert_eq!(bare(read.json()), wanted);
    assert_eq!((made.header("etag"), client.count("ids=a")), (read.header("etag"), 1));

    (wanted["properties"]["n"], wanted["properties"]["new"]) = (json!(2), json!("ä"));
    let put = expect(client.json("PUT", A, &wanted), 204);
    assert_eq!((put.header("content-type"), put.body.len()), ("", 0));
    let read = expect(client.get(A), 200);
    assert_eq!(bare(read.json()), wanted);
    assert_eq!(put.header("etag"), read.header("etag"));
    assert_eq!(client.count("filter=n=2"), 1);

    let merge = json!({"properties": {"new": null, "eo:cloud_cover": 7}});
    let merged = expect(
        client.write(
            "PATCH",
            A,
            &[("content-type", "application/merge-patch+json")],
            merge.to_string().as_bytes(),
        ),
        204,
    );
    assert_eq!(merged.header("content-type"), "");
    wanted["properties"].as_object_mut().unwrap().remove("new");
    wanted["properties"]["eo:cloud_cover"] = json!(7);
    assert_eq!(bare(client.get(A).json()), wanted);
    assert_eq!(client.count("max_cloud_cover=10"), 1);

    let operations = json!([
        {"op": "test", "path": "/assets/data/href", "value": "http://127.0.0.1:9/a.tif"},
        {"op": "copy", "from": "/assets/data", "path": "/assets/copy"},
        {"op": "replace", "path": "/properties/datetime", "value": "2025-02-03T00:00:00Z"}
    ]);
    let patch = [("content-type", "application/json-patch+json")];
    expect(client.write("PATCH", A, &patch, operations.to_string().as_bytes()), 204);
    wanted["assets"]["copy"] = wanted["assets"]["data"].clone();
    wanted["properties"]["datetime"] = json!("2025-02-03T00:00:00Z");
    assert_eq!(bare(client.get(A).json()), wanted);
    assert_eq!(client.count("datetime=2025-02-03T00:00:00Z"), 1);
    tree.check();

    let gone = expect(client.delete(A), 204);
    assert_eq!((gone.header("content-type"), gone.body.len()), ("", 0));
    expect(client.get(A), 404);
    // A DELETE that is sent again finds what it asked for.
    expect(client.delete(A), 204);
    assert_eq!(client.count(""), 0);
    tree.check();
}

#[test]
fn what_cannot_be_done_is_told_and_changes_nothing() {
    let tree = Tree::new();
    let client = tree.serve();
    expect(client.json("POST", ITEMS, &item("a", 1)), 201);
    let before = client.get(A).json();
    assert!(refused(client.json("POST", ITEMS, &item("a", 2)), 409).contains("'a'"));
    assert!(refused(client.json("PUT", "/collections/c/items/b", &item("b", 2)), 404).contains("'b'"));
    assert!(refused(client.json("PATCH", "/collections/c/items/b", &json!({})), 404).contains("'b'"));
    for path in ["/collections/x/items/a", "/collections/x"] {
        let (put, patch) = (client.json("PUT", path, &item("a", 1)), client.json("PATCH", path, &json!({})));
        assert_eq!([put.status, patch.status], [404, 404], "{path}");
    }
    refused(client.json("POST", "/collections/x/items", &item("a", 2)), 404);
    refused(client.delete("/collections/x/items/a"), 404);

    let wrong = |change: fn(&mut Value)| {
        let mut document = item("a", 3);
        change(&mut document);
        refused(client.json("PUT", A, &document), 400)
    };
    assert!(wrong(|item| item["id"] = json!("b")).contains("'b'"));
    assert!(wrong(|item| item["collection"] = json!("d")).contains("'d'"));
    assert!(wrong(|item| item["bbox"] = json!([0, 0, 1, 1])).contains("bbox"));
    assert!(wrong(|item| item["properties"] = json!({})).contains("datetime"));
    assert!(wrong(|item| item["geometry"] = json!({"type": "Point"})).contains("geometry"));
    assert!(wrong(|item| item["assets"] = json!([])).contains("/assets"));
    assert!(wrong(|item| *item = json!("a")).contains("object"));
    assert!(
        refused(client.json("PATCH", A, &json!({"properties": {"datetime": 5}})), 400).contains("datetime")
    );
    assert!(refused(client.json("PATCH", A, &json!({"id": "b"})), 400).contains("'b'"));
    assert!(refused(client.json("PATCH", A, &json!([])), 400).contains("merge patch"));
    let patch = [("content-type", "application/json-patch+json")];
    for operations in [&b"[{\"op\": \"remove\", \"path\": \"/nothing\"}]"[..], b"{}", b"["] {
        refused(client.write("PATCH", A, &patch, operations), 400);
    }
    assert!(
        refused(client.write("PUT", A, &[("content-type", "application/json")], b"{"), 400).contains("JSON")
    );

    for (method, path) in [("POST", ITEMS), ("PUT", A), ("PATCH", A)] {
        let answer = client.write(method, path, &[("content-type", "text/plain")], b"{}");
        let accepted = answer.header("accept-patch").to_owned();
        assert_eq!(method == "PATCH", accepted.contains("json-patch+json"), "{method}");
        refused(answer, 415);
        let zipped = [("content-type", "application/json"), ("content-encoding", "gzip")];
        refused(client.write(method, path, &zipped, b"{}"), 415);
    }
    let large = vec![b' '; (8 << 20) + 1];
    for method in ["PUT", "PATCH"] {
        refused(client.write(method, A, &[("content-type", "application/json"), ASKS_FIRST], &large), 413);
    }
    assert_eq!(client.get(A).json(), before);
    assert_eq!(client.count(""), 1);
    tree.check();
}

#[test]
fn a_write_can_ask_for_the_state_that_it_was_made_from() {
    let tree = Tree::new();
    let client = tree.serve();
    let tag = |answer: &crate::http::Answer| answer.header("etag").to_owned();
    let first = tag(&expect(client.json_if("PUT", A, ("if-none-match", "*"), &item("a", 1)), 201));
    refused(client.json_if("PUT", A, ("if-none-match", "*"), &item("a", 1)), 412);
    refused(client.json_if("POST", ITEMS, ("if-none-match", "*"), &item("a", 1)), 412);
    assert_eq!(first, tag(&client.get(A)));

    // What is written elsewhere leaves the tag as it is.
    expect(client.json("POST", ITEMS, &item("b", 1)), 201);
    assert_eq!(first, tag(&client.get(A)));
    let known = get_with(&client.url(A), &[("if-none-match", &first)]);
    assert_eq!((known.status, known.header("etag")), (304, first.as_str()));

    let second = tag(&expect(client.json_if("PUT", A, ("if-match", &first), &item("a", 2)), 204));
    assert_ne!(first, second);
    assert_eq!(get_with(&client.url(A), &[("if-none-match", &first)]).status, 200);
    refused(client.json_if("PUT", A, ("if-match", &first), &item("a", 3)), 412);
    let patch = json!({"properties": {"x": 1}});
    refused(client.json_if("PATCH", A, ("if-match", &first), &patch), 412);
    refused(client.write("DELETE", A, &[("if-match", &first)], b""), 412);
    // As other clients write tags.
    let strong = second.trim_start_matches("W/");
    let third =
        tag(&expect(client.json_if("PATCH", A, ("if-match", &format!("\"x\", {strong}")), &patch), 204));
    refused(client.json_if("PUT", A, ("if-none-match", &third), &item("a", 4)), 412);
    expect(client.json_if("PUT", A, ("if-match", "*"), &item("a", 4)), 204);
    refused(client.json_if("PUT", A, ("if-match", "none"), &item("a", 5)), 400);
    assert_eq!(client.get(A).json()["properties"]["n"], 4);

    let last = tag(&client.get(A));
    expect(client.write("DELETE", A, &[("if-match", &last)], b""), 204);
    refused(client.write("DELETE", A, &[("if-match", &last)], b""), 412);
    refused(client.json_if("PUT", A, ("if-match", "*"), &item("a", 5)), 412);
    tree.check();
}

#[test]
fn what_is_odd_is_taken_and_told() {
    let tree = Tree::new();
    let client = tree.serve();
    let mut odd = item("a", 1);
    odd["stac_extensions"] = json!(["https://example.com/ä/v1.0.0/schema.json"]);
    let made = expect(client.json("POST", ITEMS, &odd), 201);
    assert!(made.header("cairn-warning").contains("not bundled"), "{:?}", made.headers);
}

/// Who reads, changes and puts back sends the hrefs that answers made up.
#[test]
fn an_item_that_is_put_back_keeps_its_hrefs_and_its_links() {
    let tree = tempfile::tempdir().unwrap();
    let demo = demo::catalog();
    let top = demo.ancestors().find(|folder| folder.join("made-by").exists()).unwrap();
    let copied = std::process::Command::new("cp").arg("-r").arg(top).arg(tree.path().join("t")).status();
    assert!(copied.unwrap().success());
    let root = tree.path().join("t").join(demo.strip_prefix(top).unwrap());
    let mut command = crate::server::cairn();
    command.arg("serve").arg(&root).arg("--allow").arg(tree.path());
    command.args(["--bind", "127.0.0.1:0", "--token", super::tree::TOKEN]);
    let client = super::tree::Client::of(crate::server::Server::start(&mut command));

    let found = client.get("/search?limit=2").json();
    let items: Vec<Value> = found["features"].as_array().unwrap().clone();
    let path = |item: &Value| {
        let (collection, id) = (item["collection"].as_str().unwrap(), item["id"].as_str().unwrap());
        format!("/collections/{collection}/items/{id}")
    };
    let bytes = |item: &Value| {
        let key = item["assets"].as_object().unwrap().keys().next().unwrap().clone();
        expect(client.get(&format!("{}/assets/{key}", path(item))), 200).body.len()
    };
    let sizes: Vec<usize> = items.iter().map(bytes).collect();
    let mut put = items[0].clone();
    put["properties"]["note"] = json!("put back");
    expect(client.json("PUT", &path(&put), &put), 204);
    let merge = json!({"properties": {"note": "patched"}, "assets": items[1]["assets"]});
    expect(client.json("PATCH", &path(&items[1]), &merge), 204);
    for (item, note) in items.iter().zip(["put back", "patched"]) {
        let mut wanted = item.clone();
        wanted["properties"]["note"] = json!(note);
        assert_eq!(client.get(&path(item)).json(), wanted);
    }
    assert_eq!(sizes, items.iter().map(bytes).collect::<Vec<_>>());
    crate::python::script("open_tree.py", [&root]);
}
