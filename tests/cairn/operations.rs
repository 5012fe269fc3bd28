//! What those who run the server rely on: checks before a start, metrics, logs, an end that lets answers end.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::get;
use crate::server::{Server, cairn, repository, run};

fn item(id: &str) -> Value {
    json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "c", "geometry": null,
        "properties": {"datetime": "2024-01-01T00:00:00Z"}, "links": [], "assets": {"a": {"href": "./a.bin"}}})
}

/// A folder with one Item and its asset.
fn folder(bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("item.json"), item("i").to_string()).unwrap();
    fs::write(folder.path().join("a.bin"), vec![7; bytes]).unwrap();
    folder
}

#[test]
fn a_check_reads_settings_and_catalogue_and_says_what_is_wrong() {
    let folder = folder(1);
    let check = |catalog: &str, more: &[&str]| {
        let ran = run(cairn().arg("serve").arg(folder.path().join(catalog)).arg("--check").args(more));
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let (status, said) = check("item.json", &[]);
    assert_eq!(status, Some(0), "{said}");
    let links = json!([{"rel": "item", "href": "./item.json"}, {"rel": "item", "href": "./gone.json"}]);
    let catalog =
        json!({"type": "Catalog", "stac_version": "1.0.0", "id": "c", "description": "d", "links": links});
    fs::write(folder.path().join("catalog.json"), catalog.to_string()).unwrap();
    let (status, said) = check("catalog.json", &[]);
    assert!(
        status == Some(1) && said.contains("gone.json") && said.contains("1 documents or Items"),
        "{said}"
    );
    for (more, named) in [
        (["--cors-origin", "example.org"], "--cors-origin example.org"),
        (["--trust-proxy", "10.0.0.0/99"], "--trust-proxy"),
        (["--max-connections", "0"], "--max-connections 0"),
        (["--config", "/nowhere.toml"], "/nowhere.toml"),
    ] {
        let (status, said) = check("item.json", &more);
        assert!(
            status == Some(1) && said.contains(named) && said.trim_end().lines().count() == 1,
            "{more:?}: {said}"
        );
    }
    assert_eq!(check("nothing.json", &[]).0, Some(1));
}

#[test]
fn the_metrics_that_the_readme_names_are_there() {
    let folder = folder(1);
    let server = Server::of(folder.path().join("item.json"));
    assert_eq!(get(&format!("{}/search", server.url)).status, 200);
    // A connection is counted when the next one comes.
    let text = String::from_utf8(get(&format!("{}/metrics", server.url)).body).unwrap();
    let there: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let table = readme.split("| `/metrics` | |").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut named = BTreeSet::new();
    for name in table
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.starts_with("cairn_") || name.starts_with("process_"))
    {
        match name.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            Some((before, (middle, after))) => {
                named.extend(middle.split(',').map(|part| format!("{before}{part}{after}")));
            }
            None => drop(named.insert(name.to_owned())),
        }
    }
    assert!(named.len() > 20, "{named:?}");
    for name in &named {
        assert!(there.contains(name.as_str()), "{name} is not in {there:?}");
    }
    let buckets = text
        .lines()
        .filter(|line| line.starts_with("cairn_http_request_seconds_bucket{operation=\"GET /search\""));
    assert!(buckets.count() > 10, "{text}");
}

#[test]
fn json_logs_are_an_object_a_line() {
    let folder = folder(1);
    fs::write(folder.path().join("a\nb.ndjson"), format!("{}\n{{\n", item("a\nERROR b"))).unwrap();
    let mut command = cairn();
    command.arg("serve").arg(folder.path().join("a\nb.ndjson")).args([
        "--bind",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ]);
    let server = Server::start(&mut command);
    assert!(server.logs("the catalogue is loaded"), "{}", server.log());
    for line in server.log().lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["message"].is_string(), "{line}");
    }
}

#[test]
fn an_end_waits_for_answers_under_way_but_not_for_ever() {
    let bytes = 40 << 20;
    let folder = folder(bytes);
    let start = |drain: &str| {
        let mut command = cairn();
        command.arg("serve").arg(folder.path().join("item.json")).args([
            "--bind",
            "127.0.0.1:0",
            "--drain-seconds",
            drain,
        ]);
        Server::start(&mut command)
    };
    let begun = |server: &Server| {
        let mut answer = ureq::get(format!("{}/collections/c/items/i/assets/a", server.url))
            .call()
            .unwrap()
            .into_body()
            .into_reader();
        answer.read_exact(&mut [0; 1000]).unwrap();
        answer
    };
    let server = start("60");
    let mut answer = begun(&server);
    let ending = std::thread::spawn(move || server.signal("TERM"));
    std::thread::sleep(Duration::from_millis(500));
    let mut rest = Vec::new();
    answer.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), bytes - 1000, "all of it");
    assert_eq!(ending.join().unwrap(), Some(0));

    let server = start("1");
    let _taken_by_nobody = begun(&server);
    let began = Instant::now();
    assert_eq!(server.signal("TERM"), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
