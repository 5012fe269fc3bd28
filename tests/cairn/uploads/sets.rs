//! Sets of images: published once, found by ordinary searches, never changed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{command, finished, said};
use crate::http::{get, post};
use crate::server::{Server, repository, run};
use crate::stores::{Env, Fault, Proxy, S3};

/// A picture of 640 columns and 480 rows, as far as its header says.
fn png(seed: u8) -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02\0\0\0"[..], &[seed; 40]].concat()
}

/// Three pictures and a raster that lies somewhere, in two folders.
fn pictures(folder: &Path, seed: u8) {
    for name in ["male", "female"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("a.png"), png(seed)).unwrap();
    fs::write(folder.join("male/a.png"), png(seed + 1)).unwrap();
    fs::write(folder.join("female/b.png"), png(seed + 2)).unwrap();
    fs::copy(repository("tests/data/cogs/rio-tiler/cog_int16.tif"), folder.join("female/map.tif")).unwrap();
    fs::write(folder.join("notes.txt"), "no image").unwrap();
}

fn publish(env: &Env, source: &Path, dest: &str, options: &[&str]) -> String {
    let ended = run(&mut command(env, source, dest, options));
    assert!(ended.status.success(), "{}", said(&ended));
    said(&ended)
}

fn ids(answer: &Value, list: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        answer[list].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn questions_about_sets_are_ordinary_searches() {
    let (first, second, crops, other) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    pictures(first.path(), 1);
    pictures(second.path(), 10);
    fs::write(second.path().join("c.png"), png(99)).unwrap();
    pictures(crops.path(), 20);
    pictures(other.path(), 30);
    let dest = tempfile::tempdir().unwrap();
    let to = dest.path().join("sets");
    let to = to.to_str().unwrap();
    let none = Env::new();
    let robin = ["--set", "red/angry/robin", "--set-version"];
    let said = publish(&none, first.path(), to, &[&robin[..], &["1.0"]].concat());
    assert!(said.contains("red.angry.robin@1.0 with 4 images is published"), "{said}");
    publish(&none, second.path(), to, &[&robin[..], &["1.1"]].concat());
    let made = ["1.1", "--transform", "crop@2", "--command-line", "crop --square in out"];
    publish(&none, crops.path(), to, &[&robin[..], &made].concat());
    publish(&none, other.path(), to, &["--set", "blue/calm/tit", "--set-version", "7"]);
    assert!(Path::new(to).join("original/red/angry/robin/1.1/male/a.png").is_file());
    assert!(Path::new(to).join("transform/crop/2/red/angry/robin/1.1/notes.txt").is_file());

    let server = Server::of(format!("{to}/catalog.json"));
    let ask = |path: &str| get(&format!("{}{path}", server.url)).json();
    let angry = ids(&ask("/collections?q=angry"), "collections");
    assert_eq!(angry, ["crop@2_of_red.angry.robin@1.1", "red.angry.robin@1.0", "red.angry.robin@1.1"]);
    let count = |filter: &str| {
        let body = json!({"limit": 1, "filter-lang": "cql2-text", "filter": filter});
        post(&format!("{}/search", server.url), &body).json()["numberMatched"].clone()
    };
    assert_eq!(count("a_contains(keywords, ('angry'))"), 4 + 5 + 4);
    assert_eq!(count("a_contains(keywords, ('angry')) AND \"processing:lineage\" LIKE 'crop@%'"), 4);
    assert_eq!(count("a_contains(keywords, ('calm', 'female'))"), 2);

    let newer = ask("/collections/red.angry.robin@1.1");
    assert_eq!(newer["version"], "1.1");
    assert_eq!(newer["keywords"], json!(["red", "angry", "robin", "female", "male"]));
    let crop = ask("/collections/crop@2_of_red.angry.robin@1.1");
    assert_eq!(crop["summaries"]["processing:software"], json!([{"crop": "2"}]));
    let item = ask("/collections/crop@2_of_red.angry.robin@1.1/items/male~a");
    assert_eq!(item["properties"]["processing:expression"]["expression"], "crop --square in out");
    assert_eq!(item["assets"]["data"]["proj:shape"], json!([480, 640]));
    assert_eq!(item["geometry"], Value::Null);
    let located = ask("/collections/red.angry.robin@1.0/items/female~map");
    assert_eq!(located["geometry"]["type"], "Polygon");
    let bytes = get(&format!("{}/collections/red.angry.robin@1.0/items/male~a/assets/data", server.url)).body;
    assert_eq!(bytes, png(2));

    // Links between documents of the tree are for those who read it; the server shows none that lead to its own disk.
    let link = |set: &str, rel: &str| {
        let bytes = fs::read(format!("{to}/{set}/collection.json")).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let links = document["links"].as_array().unwrap().clone();
        links.iter().find(|link| link["rel"] == rel).map(|link| link["href"].as_str().unwrap().to_owned())
    };
    let (newer, crop) = ("red.angry.robin@1.1", "crop@2_of_red.angry.robin@1.1");
    assert_eq!(link(newer, "predecessor-version").unwrap(), "../red.angry.robin@1.0/collection.json");
    assert_eq!(link(crop, "derived_from").unwrap(), format!("../{newer}/collection.json"));
    assert_eq!(link(crop, "predecessor-version"), None);
}

#[test]
fn a_set_that_exists_is_never_changed_and_one_that_was_broken_off_is_completed() {
    let source = tempfile::tempdir().unwrap();
    pictures(source.path(), 1);
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |_asked| Fault::None);
    let env = S3::env_at(&proxy.url());
    let set = ["--set", "red/robin", "--set-version", "1", "--quiet"];
    publish(&env, source.path(), "s3://bucket/sets", &set);
    let sent = finished(&proxy.seen()).len();
    let root = s3.bucket("bucket").join("sets/catalog.json");
    let linked = fs::read(&root).unwrap();

    publish(&env, source.path(), "s3://bucket/sets", &set);
    assert_eq!(finished(&proxy.seen()).len(), sent, "the same again is nothing to do");
    // As a run leaves it that ends just before the catalogue links the set.
    fs::write(
        &root,
        r#"{"type": "Catalog", "stac_version": "1.1.0", "id": "s", "description": "d", "links": []}"#,
    )
    .unwrap();
    publish(&env, source.path(), "s3://bucket/sets", &set);
    assert!(String::from_utf8(fs::read(&root).unwrap()).unwrap().contains("./red.robin@1/collection.json"));

    fs::write(source.path().join("a.png"), png(77)).unwrap();
    let before = finished(&proxy.seen()).len();
    let ended = run(&mut command(&env, source.path(), "s3://bucket/sets", &set));
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        said(&ended).contains("never changed") && said(&ended).contains("--set-version"),
        "{}",
        said(&ended)
    );
    assert_eq!(finished(&proxy.seen()).len(), before);
    assert!(!linked.is_empty());
}
