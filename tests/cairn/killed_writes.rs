//! Servers that are killed while they write: `killed_writes.py` writes, kills, and counts what was lost or broken.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::server::repository;
use crate::soak;
use crate::stores::{Env, S3, with};

/// Kills of one tree's server; a soak has fifty trees.
const KILLS: usize = 20;

/// A tree with one Collection, and one Item of every second month: what is written goes to several documents.
fn plant(folder: &Path) {
    let link = |rel: &str, href: &str| json!({"rel": rel, "href": href, "type": "application/json"});
    let put = |at: &str, document: serde_json::Value| {
        let path = folder.join(at);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, document.to_string()).unwrap();
    };
    let catalog = |id: &str, links: Vec<serde_json::Value>| json!({"type": "Catalog", "stac_version": "1.1.0", "id": id, "description": "Grows", "links": links});
    let months: Vec<String> = (1..=12).step_by(2).map(|month| format!("{month:02}")).collect();
    put(
        "catalog.json",
        catalog("root", vec![link("root", "./catalog.json"), link("child", "./c/collection.json")]),
    );
    put(
        "c/collection.json",
        json!({
            "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "Grows", "license": "CC0-1.0",
            "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]},
                       "temporal": {"interval": [["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]]}},
            "links": [link("root", "../catalog.json"), link("parent", "../catalog.json"),
                      link("child", "./2024/catalog.json")]
        }),
    );
    let mut links = vec![link("root", "../../catalog.json"), link("parent", "../collection.json")];
    links.extend(months.iter().map(|month| link("child", &format!("./{month}/catalog.json"))));
    put("c/2024/catalog.json", catalog("c-2024", links));
    for month in months {
        let links = vec![link("root", "../../../catalog.json"), link("parent", "../catalog.json")];
        put(&format!("c/2024/{month}/catalog.json"), catalog(&format!("c-2024-{month}"), links));
    }
}

/// Rounds of [`KILLS`], each on a tree of its own: `plant`ed, and known to the server as what that gives.
fn killed(where_: &str, env: &Env, plant: impl Fn(usize) -> (String, PathBuf)) {
    let rounds = if soak::times(1) > 1 { 50 } else { 1 };
    let mut sums = Vec::new();
    for round in 0..rounds {
        let (root, folder) = plant(round);
        let mut command = Command::new(repository(".cairn/venv/bin/python"));
        command.arg(repository("tests/clients/killed_writes.py"));
        command.args([env!("CARGO_BIN_EXE_cairn"), &root]).arg(&folder);
        command.args([KILLS.to_string(), (7 + round).to_string()]);
        let ended = with(&mut command, env).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
        let numbers =
            said.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u64>().ok());
        let numbers: Vec<u64> = numbers.collect();
        sums.resize(numbers.len(), 0);
        sums.iter_mut().zip(&numbers).for_each(|(sum, number)| *sum += number);
    }
    let [kills, acknowledged, lost, broken] = sums[..] else { panic!("{sums:?}") };
    let said = format!(
        "{kills} kills, {acknowledged} writes acknowledged: acknowledged lost {lost}, broken trees {broken}"
    );
    soak::figure(&format!("writes killed on {where_}"), &said);
}

#[test]
fn on_disk_a_killed_server_has_lost_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    killed("disk", &Env::new(), |round| {
        let tree = folder.path().join(round.to_string());
        plant(&tree);
        (tree.join("catalog.json").to_str().unwrap().to_owned(), tree)
    });
}

#[test]
fn in_a_store_a_killed_server_has_lost_nothing_that_it_acknowledged() {
    let s3 = S3::start(&["bucket"]);
    killed("S3", &s3.env(), |round| {
        let tree = s3.bucket("bucket").join(format!("tree-{round}"));
        plant(&tree);
        (format!("s3://bucket/tree-{round}/catalog.json"), tree)
    });
}
