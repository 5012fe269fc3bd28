//! Two commands, typed as the README shows them, end in a patch with pixels.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::http::{get, post};
use crate::server::{Server, cairn, plain, repository, run};

const RASTERS: [&str; 3] = ["scene_band1.tif", "cog_int16.tif", "green.tif"];

/// A file of `tests/data/cogs`, whichever folder it is in.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let here = entries.iter().find(|path| path.ends_with(name)).cloned();
    here.or_else(|| entries.iter().filter(|path| path.is_dir()).find_map(|folder| find(folder, name)))
}

#[test]
fn build_and_the_serve_line_that_it_prints_end_in_a_patch_with_pixels() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("cogs")).unwrap();
    for name in RASTERS {
        let raster = find(&repository("tests/data/cogs"), name).unwrap_or_else(|| panic!("no {name}"));
        fs::copy(raster, home.path().join("cogs").join(name)).unwrap();
    }
    let binaries = Path::new(env!("CARGO_BIN_EXE_cairn")).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let shell = |line: &str| {
        let mut command = plain("sh");
        command
            .args(["-c", line])
            .current_dir(home.path())
            .env("PATH", &path)
            .env("CAIRN_BIND", "127.0.0.1:0");
        command
    };

    let built = run(&mut shell("cairn build ./cogs ./tree"));
    let said = String::from_utf8(built.stdout).unwrap();
    assert!(built.status.success(), "{said}{}", String::from_utf8_lossy(&built.stderr));
    let line = said.lines().rev().find(|line| line.trim_start().starts_with("cairn serve"));
    let line = line.unwrap_or_else(|| panic!("no serve line in: {said}"));

    // `exec`, so that the harness holds the server itself and not a shell.
    let server = Server::start(&mut shell(&format!("exec {}", line.trim())));
    assert_eq!(get(&format!("{}/collections/cogs", server.url)).status, 200);
    let items = get(&format!("{}/collections/cogs/items", server.url)).json();
    assert_eq!(items["numberMatched"], RASTERS.len());
    for item in items["features"].as_array().unwrap() {
        let bbox: Vec<f64> = serde_json::from_value(item["bbox"].clone()).unwrap();
        let centre = [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])];
        let body = json!({"collections": ["cogs"], "ids": [item["id"]], "center": centre, "size": 64});
        let answer = post(&format!("{}/patch", server.url), &body);
        assert_eq!(answer.status, 200, "{}: {}", item["id"], String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("cairn-shape"), "1,1,64,64", "{}", item["id"]);
        assert!(pixels(&answer.body).iter().any(|byte| *byte != 0), "{}: only zeros", item["id"]);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_rest_is_built() {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("cogs");
    fs::create_dir(&source).unwrap();
    let raster = find(&repository("tests/data/cogs"), RASTERS[0]).unwrap();
    fs::copy(raster, source.join(RASTERS[0])).unwrap();
    fs::write(source.join("broken.tif"), b"II*\0 not a raster").unwrap();
    let built = run(cairn().args(["build", "./cogs", "./tree"]).current_dir(home.path()));
    assert_eq!(built.status.code(), Some(1));
    let said = String::from_utf8(built.stderr).unwrap();
    assert!(said.contains("broken.tif"), "{said}");
    let server = Server::of(home.path().join("tree/catalog.json"));
    assert_eq!(get(&format!("{}/search", server.url)).json()["numberMatched"], 1);
}

/// What follows the header of an `.npy`.
fn pixels(npy: &[u8]) -> &[u8] {
    assert_eq!(&npy[..8], b"\x93NUMPY\x01\x00");
    &npy[10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]))..]
}
