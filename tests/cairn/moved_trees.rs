//! A tree that was built at one place and copied to another starts there from the snapshot that came with it, in few
//! requests, and says what the copy says.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::get;
use crate::server::{Server, cairn, run};
use crate::stores::{Azure, Env, Fault, Proxy, S3, with};

const ITEMS: usize = 120;

fn item(nth: usize, cloud: u32) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": format!("i{nth}"), "collection": "c", "links": [],
        "geometry": {"type": "Point", "coordinates": [25.0, 61.0]}, "bbox": [25.0, 61.0, 25.0, 61.0],
        "properties": {"datetime": format!("2026-01-01T00:{:02}:{:02}Z", nth / 60, nth % 60), "eo:cloud_cover": cloud},
        "assets": {
            "text": {"href": format!("./a {nth}.txt"), "type": "text/plain", "roles": ["data"]},
            "far": {"href": "https://example.com/x.tif"},
        },
    })
}

/// A folder with files, their Items and, in `tree`, their catalogue.
fn make(folder: &Path) {
    for nth in 0..ITEMS {
        let at = folder.join(format!("src/c/i{nth}"));
        fs::create_dir_all(&at).unwrap();
        fs::write(at.join(format!("a {nth}.txt")), "text").unwrap();
        fs::write(at.join(format!("i{nth}.json")), item(nth, 10).to_string()).unwrap();
    }
    let built = run(cairn().arg("build").arg(folder.join("src")).arg(folder.join("tree")).arg("--quiet"));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    assert!(folder.join("tree/cairn.snapshot").exists());
}

/// The document of an Item of the tree says another cloud cover, in as many bytes.
fn change(folder: &Path, nth: usize) {
    let path = folder.join(format!("tree/c/i{nth}/i{nth}.json"));
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replacen("\"eo:cloud_cover\": 10", "\"eo:cloud_cover\": 99", 1);
    let changed = changed.replacen("\"eo:cloud_cover\":10", "\"eo:cloud_cover\":99", 1);
    assert!(changed != text && changed.len() == text.len(), "{text}");
    fs::write(&path, changed).unwrap();
}

fn serve(env: &Env, cache: &Path, place: &str) -> Server {
    let mut command = cairn();
    command.arg("serve").arg(place).args([
        "--bind",
        "127.0.0.1:0",
        "--asset-hrefs",
        "original",
        "--refresh",
        "1",
    ]);
    Server::start(with(command.arg("--cache-dir").arg(cache), env))
}

/// All Items and the Collection, without what names the server and the place.
fn answers(server: &Server, place: &str) -> String {
    let items = get(&format!("{}/search?limit=1000", server.url));
    let collection = get(&format!("{}/collections/c", server.url));
    assert_eq!((items.status, collection.status), (200, 200));
    let text = [items.body, collection.body].concat();
    String::from_utf8(text).unwrap().replace(&server.url, "SERVER").replace(place, "PLACE")
}

/// How many Items are cloudy, once that is so many.
fn wait_for_cloudy(server: &Server, count: usize) {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let found =
            get(&format!("{}/search?limit=1&query=%7B%22eo:cloud_cover%22:%7B%22gt%22:50%7D%7D", server.url));
        if found.json()["numberMatched"] == count {
            return;
        }
        assert!(Instant::now() < end, "{} {}", found.json()["numberMatched"], server.log());
        thread::sleep(Duration::from_millis(200));
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

fn upload(env: &Env, folder: &Path, dest: &str, options: &[&str]) {
    let mut command = cairn();
    let ran = run(with(&mut command, env)
        .arg("upload")
        .arg(folder)
        .arg(dest)
        .args(["--create", "--quiet"])
        .args(options));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_tree_that_was_copied_on_the_disk_starts_from_the_snapshot_beside_it_and_is_what_it_says_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make(&at("old"));
    // What changes before the copy and what changes after it is noticed in both.
    change(&at("old"), 3);
    copy(&at("old"), &at("copy"));
    change(&at("copy"), 5);
    copy(&at("copy"), &at("fresh"));
    fs::remove_file(at("fresh/tree/cairn.snapshot")).unwrap();
    fs::rename(at("old"), at("gone")).unwrap();
    let servers = ["copy", "fresh"].map(|name| {
        let place = at(name);
        let server = serve(&Env::new(), &at("cache"), place.join("tree").to_str().unwrap());
        wait_for_cloudy(&server, 2);
        (answers(&server, place.to_str().unwrap()), server)
    });
    assert!(servers[0].1.logs("loaded from its snapshot"), "{}", servers[0].1.log());
    assert!(!servers[0].1.log().contains("not used"), "{}", servers[0].1.log());
    assert!(!servers[1].1.log().contains("loaded from its snapshot"));
    assert_eq!(servers[0].0, servers[1].0);
    assert!(
        servers[0].0.contains("PLACE/src/c/i7/a 7.txt") && servers[0].0.contains("https://example.com/x.tif")
    );
}

#[test]
fn a_tree_that_was_uploaded_to_s3_starts_in_few_requests_and_stays_right() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make(&at("old"));
    change(&at("old"), 3);
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |_| Fault::None);
    let env = S3::env_at(&proxy.url());
    upload(&env, &at("old"), "s3://bucket/set", &[]);
    upload(&env, &at("old"), "s3://bucket/fresh", &["--exclude", "**/cairn.snapshot"]);
    let before = proxy.requests();
    let server = serve(&env, &at("cache"), "s3://bucket/set/tree/catalog.json");
    let started = proxy.requests() - before;
    assert!(server.logs("loaded from its snapshot"), "{}", server.log());
    // One was changed after the snapshot was made and before all of it was sent.
    wait_for_cloudy(&server, 1);
    let looked = proxy.requests() - before;
    assert!(started < 10, "{started} requests until it listens");
    // This server's listings have no ETags, as Azure's have none that tell the bytes: each document is read once.
    assert!(looked < ITEMS as u64 + 20, "{looked} requests until it has compared {ITEMS} documents");
    let fresh = serve(&env, &at("cache"), "s3://bucket/fresh/tree/catalog.json");
    assert_eq!(answers(&server, "bucket/set"), answers(&fresh, "bucket/fresh"));
    // And one is changed in the store.
    change(&at("old"), 5);
    upload(&env, &at("old"), "s3://bucket/set", &["--exclude", "**/cairn.snapshot"]);
    wait_for_cloudy(&server, 2);
    let again = serve(&env, &at("other"), "s3://bucket/set/tree/catalog.json");
    wait_for_cloudy(&again, 2);
}

#[test]
fn a_tree_that_was_uploaded_to_azure_starts_in_few_requests_and_is_compared_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make(&at("old"));
    change(&at("old"), 3);
    let azure = Azure::start();
    let proxy = Proxy::before(azure.port(), |_| Fault::None);
    let env = Azure::env_at(&proxy.url());
    upload(&env, &at("old"), "az://bucket/set", &[]);
    let before = proxy.requests();
    let server = serve(&env, &at("cache"), "az://bucket/set/tree/catalog.json");
    let started = proxy.requests() - before;
    assert!(server.logs("loaded from its snapshot"), "{}", server.log());
    assert!(started < 10, "{started} requests until it listens");
    wait_for_cloudy(&server, 1);
    assert!(answers(&server, "bucket/set").contains("PLACE/src/c/i7/a%207.txt"));
}

#[test]
fn the_table_beside_a_tree_that_was_copied_leads_to_the_files_of_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make(&at("old"));
    copy(&at("old"), &at("copy"));
    fs::rename(at("old"), at("gone")).unwrap();
    let server = serve(&Env::new(), &at("cache"), at("copy/tree/items.parquet").to_str().unwrap());
    let text = answers(&server, at("copy").to_str().unwrap());
    assert!(text.contains("PLACE/src/c/i7/a 7.txt") && text.contains("https://example.com/x.tif"), "{text}");
    assert!(!text.contains("/old/"), "{text}");
}
