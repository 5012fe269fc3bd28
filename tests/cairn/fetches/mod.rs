//! `cairn fetch` from a running Cairn.

mod checks;
mod files;
mod killed;
mod periods;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::demo;
use crate::http::get;
use crate::server::{Server, cairn, run};

fn fetch(server: &Server, dest: &Path, options: &[&str]) -> (String, bool) {
    let ran = run(cairn().arg("fetch").arg(&server.url).arg(dest).args(options));
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    (said, ran.status.success())
}

/// The rasters below a folder, by the Item's folder and the file's name.
fn rasters(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for item in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(&item).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "tif") {
                let names = [&item, &file].map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
                found.insert(names.join("/"), file);
            }
        }
    }
    found
}

#[test]
fn a_month_is_fetched_day_by_day_and_once() {
    let server = demo::serve();
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("got");
    let options = [
        "--collection",
        "sentinel-2-l2a",
        "--tile",
        "35VLH",
        "--datetime",
        "2024-06-01/2024-08-31",
        "--asset",
        "B04,SCL",
    ];
    let (said, is_well) = fetch(&server, &dest, &options);
    assert!(is_well, "{said}");
    let question =
        format!("{}/search?datetime=2024-06-01T00:00:00Z/2024-08-31T23:59:59Z&limit=100", server.url);
    let matched = get(&question).json()["numberMatched"].as_u64().unwrap();
    assert!(matched > 3 && said.contains(&format!("{matched} Items: {} files came", 2 * matched)), "{said}");
    let got = rasters(&dest.join("sentinel-2-l2a"));
    assert_eq!(got.len() as u64, 2 * matched);
    let cogs = demo::catalog().parent().unwrap().with_file_name("cogs/sentinel-2-l2a");
    for (name, path) in &got {
        assert_eq!(fs::read(path).unwrap(), fs::read(cogs.join(name)).unwrap(), "{name}");
    }
    let validated = run(cairn().arg("validate").arg(dest.join("catalog")).args(["--deep", "--json"]));
    let report: Value = serde_json::from_slice(&validated.stdout).unwrap();
    assert_eq!((&report["errors"], &report["items"]), (&0.into(), &matched.into()), "{report:#}");

    let (said, is_well) = fetch(&server, &dest, &options);
    assert!(
        is_well && said.contains(&format!(" 0 files came, {} were there already", 2 * matched)),
        "{said}"
    );
}

#[test]
fn what_was_cut_off_goes_on_and_what_is_another_file_begins_anew() {
    let server = demo::serve();
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("got");
    let options = ["--datetime", "2024-06-01/2024-06-30", "--asset", "B04"];
    let (said, is_well) = fetch(&server, &dest, &options);
    assert!(is_well, "{said}");
    let got = rasters(&dest.join("sentinel-2-l2a"));
    let mut names = got.keys();
    let (cut, other) = (names.next().unwrap(), names.next().unwrap());
    for (name, is_cut) in [(cut, true), (other, false)] {
        let path = &got[name];
        let item = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let asset = get(&format!("{}/collections/sentinel-2-l2a/items/{item}/assets/B04", server.url));
        let beside = |ending: &str| path.with_file_name(format!(".B04.tif.{ending}"));
        let bytes = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        // Bytes that the server would not give show that those on the disk were kept.
        let mut part = bytes[..bytes.len() / 2].to_vec();
        part[2_000] ^= 1;
        fs::write(beside("part"), part).unwrap();
        let etag = if is_cut { asset.header("etag").to_owned() } else { "\"another\"".to_owned() };
        fs::write(beside("etag"), etag).unwrap();
        let (said, is_well) = fetch(&server, &dest, &options);
        assert!(is_well && said.contains(" 1 files came"), "{said}");
        let now = fs::read(path).unwrap();
        assert_eq!(now.len(), bytes.len());
        assert_eq!(now == bytes, !is_cut, "{name}");
        assert!(!beside("part").exists() && !beside("etag").exists());
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn what_does_not_come_is_recorded_and_an_api_that_is_none_is_told() {
    let server = demo::serve();
    let folder = tempfile::tempdir().unwrap();
    let ran = run(cairn().arg("fetch").arg(format!("{}/collections", server.url)).arg(folder.path()));
    assert_eq!(ran.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("a link 'search' was expected"));
    let (said, is_well) = fetch(&server, folder.path(), &["--datetime", "yesterday"]);
    assert!(!is_well && said.contains("yesterday"), "{said}");
}
