//! Items leave as stac-geoparquet and ndjson, by `cairn index` and over HTTP, and come back as they were.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::http::{get, get_with};
use crate::python::script;
use crate::scenes::{COUNT, Scenes};
use crate::server::{Server, cairn, run};

const PARQUET: &str = "application/vnd.apache.parquet";
const NDJSON: &str = "application/x-ndjson";

fn index<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    run(cairn().arg("index").args(arguments))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All Items of a server with at most a hundred, as if it had no address; `created` with all digits.
fn items(server: &Server) -> Value {
    let answer = get(&format!("{}/search?limit=100", server.url));
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body).unwrap().replace(&server.url, "");
    let mut page: Value = serde_json::from_str(&text).unwrap();
    for item in page["features"].as_array_mut().unwrap() {
        if let Some(Value::String(created)) = item["properties"].get_mut("created") {
            let instant = created.trim_end_matches('Z');
            *created = match instant.split_once('.') {
                Some((seconds, fraction)) => format!("{seconds}.{fraction:0<9}"),
                None => format!("{instant}.000000000"),
            };
        }
    }
    page["features"].take()
}

#[test]
fn a_catalogue_becomes_a_table_and_lines_that_hold_the_same_items() {
    let scenes = Scenes::serve();
    let folder = tempfile::tempdir().unwrap();
    let [table, lines] = ["all.parquet", "all.ndjson"].map(|name| folder.path().join(name));
    for dest in [&table, &lines] {
        let indexed = index(scenes.paths.iter().chain([dest]));
        assert!(indexed.status.success(), "{}", said(&indexed));
        assert!(said(&indexed).contains(&format!("{COUNT} Items in ")), "{}", said(&indexed));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
    let read = script("table_reads.py", [&table, &lines]);
    assert!(read.contains("Collections ['optical', 'radar']"), "{read}");
    let all = items(&scenes.server);
    assert_eq!(all.as_array().unwrap().len(), COUNT);
    for dest in [table, lines] {
        let server = Server::of(&dest);
        let again = items(&server);
        for (want, got) in all.as_array().unwrap().iter().zip(again.as_array().unwrap()) {
            assert_eq!(want, got, "{}", dest.display());
        }
        assert_eq!(all, again);
    }
}

#[test]
fn what_index_cannot_do_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let good = json!({"type": "Feature", "stac_version": "1.1.0", "id": "good", "collection": "c", "geometry": null,
        "properties": {"datetime": "2024-01-01T00:00:00Z"}, "links": [], "assets": {}});
    let mut bad = good.clone();
    bad["id"] = json!("bad");
    bad["properties"]["links"] = json!(1);
    fs::write(path("items.ndjson"), format!("{good}\n{bad}\n")).unwrap();
    let before = fs::read(path("items.ndjson")).unwrap();
    let refused = |arguments: &[&Path]| {
        let output = index(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        said(&output)
    };
    std::os::unix::fs::symlink(path("items.ndjson"), path("same.ndjson")).unwrap();
    for same in ["items.ndjson", "same.ndjson"] {
        assert!(refused(&[&path("items.ndjson"), &path(same)]).contains("is one of the catalogues"));
    }
    assert_eq!(fs::read(path("items.ndjson")).unwrap(), before);
    let other = refused(&[&path("items.ndjson"), &path("items.csv")]);
    assert!(other.contains(".parquet") && other.contains(".ndjson"), "{other}");
    assert!(refused(&[&path("items.ndjson")]).contains("DEST"));
    assert!(refused(&[&path("none.ndjson"), &path("none.parquet")]).contains("none.ndjson"));
    assert!(!path("none.parquet").exists());

    let left_out = refused(&[&path("items.ndjson"), &path("items.parquet")]);
    assert!(left_out.contains("'bad', properties.links"), "{left_out}");
    let server = Server::of(path("items.parquet"));
    let page = get(&format!("{}/search", server.url)).json();
    assert_eq!(page["numberMatched"], 1);
    assert_eq!(page["features"][0]["id"], "good");

    let server = Server::of(path("items.ndjson"));
    let answer = get_with(&format!("{}/search", server.url), &[("accept", PARQUET)]);
    assert_eq!(answer.status, 406);
    assert!(answer.json()["description"].as_str().unwrap().contains("'bad', properties.links"));
}

#[test]
fn a_snapshot_beside_the_tree_is_what_serve_starts_from() {
    let folder = tempfile::tempdir().unwrap();
    let scenes = Scenes::serve();
    let catalog = folder.path().join("items.ndjson");
    fs::copy(&scenes.paths[2], &catalog).unwrap();
    let indexed = index([Path::new("--snapshot"), &catalog]);
    assert!(indexed.status.success(), "{}", said(&indexed));
    assert!(folder.path().join("cairn.snapshot").exists());
    let server = Server::of(&catalog);
    assert!(server.logs("cairn.snapshot"), "{}", server.log());
    assert_eq!(items(&server), items(&scenes.server));
    let two = index([Path::new("--snapshot"), &catalog, &scenes.paths[0]]);
    assert_eq!(two.status.code(), Some(1));
    assert!(said(&two).contains("one CATALOG"), "{}", said(&two));
}

#[test]
fn all_items_stream_as_a_table() {
    let scenes = Scenes::serve();
    let folder = tempfile::tempdir().unwrap();
    let [table, lines] = ["found.parquet", "found.ndjson"].map(|name| folder.path().join(name));
    let found = |path: &str, accept: &str| {
        let answer = get_with(&format!("{}{path}", scenes.server.url), &[("accept", accept)]);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("content-type"), accept);
        answer.body
    };
    for (path, count) in [
        ("/search?limit=2", COUNT),
        ("/search?sortby=-eo:cloud_cover,id", COUNT),
        ("/search?fields=id,properties.platform", COUNT),
        ("/collections/radar/items", scenes.count(|item| item["collection"] == "radar")),
        ("/search?ids=none", 0),
    ] {
        fs::write(&table, found(path, PARQUET)).unwrap();
        fs::write(&lines, found(path, NDJSON)).unwrap();
        let read = script("table_reads.py", [&table, &lines]);
        assert!(read.contains(&format!("pyarrow: {count} Items equal")), "{path}: {read}");
    }
    let posted = ureq::post(format!("{}/search", scenes.server.url)).header("accept", PARQUET);
    let posted = posted.content_type("application/json").send(r#"{"collections": ["radar"]}"#).unwrap();
    let posted = posted.into_body().read_to_vec().unwrap();
    assert_eq!(posted, found("/collections/radar/items", PARQUET));
    let token = get_with(&format!("{}/search?token=x", scenes.server.url), &[("accept", PARQUET)]);
    assert_eq!(token.status, 400);
    assert_eq!(token.header("content-type"), "application/json");
}
