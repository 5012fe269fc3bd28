//! What becomes of files while they are served, and between two builds: an error or the new state, never blank pixels.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, get, post};
use crate::server::{Server, cairn, plain, repository, run};

/// A folder with one raster in a Collection `c`, its tree, and a server of it.
struct Served {
    home: tempfile::TempDir,
    server: Server,
}

fn fixture(name: &str) -> PathBuf {
    repository("tests/data/cogs/rio-tiler").join(name)
}

fn build(source: &Path, dest: &Path) -> Value {
    let built = run(cairn().arg("build").arg(source).arg(dest).arg("--quiet"));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    serde_json::from_slice(&fs::read(dest.join("catalog.json")).unwrap()).unwrap()
}

impl Served {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("cogs/c")).unwrap();
        fs::copy(fixture("scene_band1.tif"), home.path().join("cogs/c/scene_20240101.tif")).unwrap();
        let tree = home.path().join("tree");
        build(&home.path().join("cogs"), &tree);
        let mut command = cairn();
        command.arg("serve").arg(&tree).arg("--allow").arg(home.path().join("cogs"));
        let server = Server::start(command.args(["--bind", "127.0.0.1:0", "--refresh", "1"]));
        Self { home, server }
    }

    fn raster(&self) -> PathBuf {
        self.home.path().join("cogs/c/scene_20240101.tif")
    }

    fn patch(&self) -> Answer {
        let item = &get(&format!("{}/search", self.server.url)).json()["features"][0];
        let bbox: Vec<f64> = serde_json::from_value(item["bbox"].clone()).unwrap();
        let center = [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])];
        let body = json!({"collections": ["c"], "center": center, "size": 32, "format": "npz"});
        post(&format!("{}/patch", self.server.url), &body)
    }

    /// The patch fails with this status; the message has the Item and these words, and no path.
    fn refuses(&self, status: u16, words: &str) {
        let answer = self.patch();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{text}");
        assert!(text.contains("c/scene_20240101") && text.contains(words), "{text}");
        assert!(!text.contains(&self.home.path().display().to_string()), "{text}");
    }
}

#[test]
fn a_raster_that_is_gone_replaced_or_broken_is_an_error_and_comes_back() {
    let served = Served::new();
    assert_eq!(served.patch().status, 200);

    fs::remove_file(served.raster()).unwrap();
    served.refuses(502, "does not exist");
    fs::copy(fixture("cog_int16.tif"), served.raster()).unwrap();
    served.refuses(502, "the catalogue describes 549 x 549");
    let bytes = fs::read(fixture("scene_band1.tif")).unwrap();
    fs::write(served.raster(), &bytes[..bytes.len() / 3]).unwrap();
    served.refuses(502, "cannot read the band");
    fs::write(served.raster(), &bytes).unwrap();
    assert_eq!(served.patch().status, 200);
}

#[test]
fn a_pipe_in_the_place_of_a_raster_is_an_error_at_once() {
    let served = Served::new();
    fs::remove_file(served.raster()).unwrap();
    assert!(run(plain("mkfifo").arg(served.raster())).status.success());
    let start = Instant::now();
    served.refuses(502, "reading failed");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(served.server.signal("TERM"), Some(0));
}

#[test]
fn a_link_out_of_the_allowed_places_is_forbidden() {
    let served = Served::new();
    let outside = served.home.path().join("secret.tif");
    fs::rename(served.raster(), &outside).unwrap();
    symlink(&outside, served.raster()).unwrap();
    served.refuses(403, "outside the places");
    let item = &get(&format!("{}/search", served.server.url)).json()["features"][0];
    let (_, asset) = item["assets"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(get(asset["href"].as_str().unwrap()).status, 403);
}

#[test]
fn a_new_raster_is_served_after_the_next_build_without_a_restart() {
    let served = Served::new();
    fs::copy(served.raster(), served.home.path().join("cogs/c/scene_20240201.tif")).unwrap();
    build(&served.home.path().join("cogs"), &served.home.path().join("tree"));
    let end = Instant::now() + Duration::from_secs(30);
    let matched = || get(&format!("{}/search", served.server.url)).json()["numberMatched"].clone();
    while matched() != 2 {
        assert!(Instant::now() < end, "the new Item is not there: {}", served.server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_tree_among_the_rasters_is_no_source_of_the_next_build() {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("cogs");
    fs::create_dir_all(source.join("c")).unwrap();
    fs::copy(fixture("green.tif"), source.join("c/a_20240101.tif")).unwrap();
    build(&source, &source.join("tree"));
    fs::copy(fixture("green.tif"), source.join("c/b_20240102.tif")).unwrap();
    let children = |catalog: &Value| {
        let links = catalog["links"].as_array().unwrap().iter();
        links.filter(|link| link["rel"] == "child").map(|link| link["href"].clone()).collect::<Vec<_>>()
    };
    let catalog = build(&source, &home.path().join("out"));
    assert_eq!(children(&catalog), ["./c/collection.json"]);
    let collection = fs::read_to_string(home.path().join("out/c/collection.json")).unwrap();
    assert_eq!(collection.matches("\"rel\": \"item\"").count(), 2, "{collection}");

    // A folder may be its own destination.
    assert_eq!(children(&build(&source, &source)), ["./c/collection.json"]);
    assert_eq!(children(&build(&source, &source)), ["./c/collection.json"]);
}
