//! How answers travel: validators, compression, HTTP/2, and all Items in one stream.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::http::{get_with, post};
use crate::scenes::{COUNT, Scenes, names};
use crate::server::Server;

const PATHS: [&str; 12] = [
    "/",
    "/conformance",
    "/collections",
    "/collections/radar",
    "/collections/radar/items",
    "/collections/optical/items/s02",
    "/search?limit=2",
    "/queryables",
    "/collections/radar/queryables",
    "/aggregations",
    "/aggregate?aggregations=total_count",
    "/children",
];

#[test]
fn every_stac_answer_has_an_etag_that_saves_sending_it_again() {
    let scenes = Scenes::serve();
    let mut seen = std::collections::HashSet::new();
    for path in PATHS {
        let url = format!("{}{path}", scenes.server.url);
        let answer = get_with(&url, &[]);
        let etag = answer.header("etag").to_owned();
        assert!(etag.starts_with("W/\"") && seen.insert(etag.clone()), "{path}: {etag}");
        assert!(answer.header("cache-control").contains("must-revalidate"), "{path}");
        let vary = answer.header("vary").to_lowercase();
        assert!(
            vary.contains("accept") && vary.contains("accept-encoding") && !vary.contains("origin"),
            "{path}: {vary}"
        );
        for known in [etag.clone(), format!("\"other\", {etag}"), etag.trim_start_matches("W/").to_owned()] {
            let again = get_with(&url, &[("if-none-match", &known)]);
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
            assert_eq!(again.header("etag"), etag, "{path}");
        }
        assert_eq!(get_with(&url, &[("if-none-match", "W/\"other\"")]).status, 200, "{path}");
        let json = get_with(&url, &[("if-none-match", &etag), ("accept", "application/json, */*;q=0.1")]);
        assert_eq!(json.status, 304, "{path}: the same representation by another name");
        let html = get_with(&url, &[("if-none-match", &etag), ("accept", "text/html")]);
        assert_eq!(html.status, 200, "{path}: another representation is another answer");
    }
    let missing = scenes.get("/collections/nope");
    assert_eq!((missing.status, missing.header("etag")), (404, ""));
}

#[test]
fn a_posted_question_has_an_etag_of_its_own() {
    let scenes = Scenes::serve();
    let url = format!("{}/search", scenes.server.url);
    let tag = |body: Value| post(&url, &body).header("etag").to_owned();
    let one = tag(json!({"limit": 1}));
    assert!(!one.is_empty());
    assert_eq!(one, tag(json!({"limit": 1})));
    assert_ne!(one, tag(json!({"limit": 2})));
}

#[test]
fn replicas_agree_on_etags_until_the_content_changes() {
    let folder = tempfile::tempdir().unwrap();
    let item = |id: &str, cover: u32| {
        json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "c", "geometry": null,
            "properties": {"datetime": "2024-01-01T00:00:00Z", "eo:cloud_cover": cover}, "links": [], "assets": {}})
        .to_string()
    };
    let served = |name: &str, items: [String; 2]| {
        let path = folder.path().join(name);
        fs::write(&path, items.join("\n")).unwrap();
        Server::of(path)
    };
    let one = served("one.ndjson", [item("a", 1), item("b", 2)]);
    let turned = served("two.ndjson", [item("b", 2), item("a", 1)]);
    let other = served("three.ndjson", [item("b", 3), item("a", 1)]);
    let tag = |server: &Server| {
        // Behind one name, as replicas are.
        let name = [("x-forwarded-host", "stac.example")];
        get_with(&format!("{}/search?limit=1", server.url), &name).header("etag").to_owned()
    };
    assert_eq!(tag(&one), tag(&turned));
    assert_ne!(tag(&one), tag(&other));
}

#[test]
fn documents_are_compressed_as_the_client_asks() {
    let scenes = Scenes::serve();
    let url = format!("{}/search", scenes.server.url);
    let plain = get_with(&url, &[]).body;
    for (asked, given) in [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd|br|gzip"),
        ("*", "gzip|"),
        ("deflate", ""),
    ] {
        let answer = get_with(&url, &[("accept-encoding", asked)]);
        let encoding = answer.header("content-encoding");
        assert!(given.split('|').any(|one| one == encoding), "{asked}: {encoding}");
        if encoding == "zstd" {
            assert_eq!(zstd::decode_all(answer.body.as_slice()).unwrap(), plain);
        }
        if !encoding.is_empty() {
            assert!(answer.body.len() < plain.len() / 2, "{asked}");
            let etag = answer.header("etag").to_owned();
            let again = get_with(&url, &[("accept-encoding", asked), ("if-none-match", &etag)]);
            assert_eq!(again.status, 304, "{asked}");
        }
    }
    let small = get_with(&format!("{url}?ids=none"), &[("accept-encoding", "gzip")]);
    assert_eq!(small.header("content-encoding"), "");
    let asset = get_with(&format!("{}/healthz", scenes.server.url), &[("accept-encoding", "gzip")]);
    assert_eq!(asset.header("content-encoding"), "");
}

/// Asks for a path over HTTP/2 without TLS, from its first byte on, and gives the body of the answer.
fn by_http2(address: &str, path: &str) -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    };
    // HPACK: GET and http from the static table, then the path and the authority as literals.
    let mut headers = vec![0x82, 0x86];
    for (name, value) in [(0x04, path), (0x01, address)] {
        headers.extend([name, u8::try_from(value.len()).unwrap()]);
        headers.extend(value.as_bytes());
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(4, 0, 0, &[])).unwrap();
    stream.write_all(&frame(1, 5, 1, &headers)).unwrap();
    let mut body = Vec::new();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).unwrap();
        let (kind, flags) = (head[3], head[4]);
        assert!(kind != 3 && kind != 7, "the server broke off");
        if kind == 0 {
            body.extend(payload);
        }
        if kind <= 1 && flags & 1 == 1 {
            return body;
        }
    }
}

#[test]
fn http_2_works_without_tls_and_links_lead_back() {
    let scenes = Scenes::serve();
    let address = scenes.server.url.strip_prefix("http://").unwrap();
    let document: Value = serde_json::from_slice(&by_http2(address, "/collections/radar")).unwrap();
    assert_eq!(document["id"], "radar");
    assert_eq!(document, scenes.found("/collections/radar"));
}

#[test]
fn all_items_stream_as_lines() {
    let scenes = Scenes::serve();
    let url = &scenes.server.url;
    let lines = |path: &str| {
        let answer = get_with(&format!("{url}{path}"), &[("accept", "application/x-ndjson")]);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/x-ndjson");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{path}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let all = lines("/search?limit=2");
    assert_eq!(all.len(), COUNT);
    assert_eq!(Value::from(all), scenes.found("/search")["features"]);
    let sorted = lines("/search?sortby=-eo:cloud_cover,id&fields=id");
    assert_eq!(
        names(&json!({"features": sorted})),
        names(&scenes.found("/search?sortby=-eo:cloud_cover,id"))
    );
    assert!(sorted.iter().all(|item| item["properties"].get("platform").is_none()));
    let radar = lines("/collections/radar/items");
    assert_eq!(Value::from(radar), scenes.found("/collections/radar/items")["features"]);
    assert_eq!(lines("/search?ids=none"), Vec::<Value>::new());
    let mut asked = ureq::post(format!("{url}/search")).header("accept", "application/x-ndjson");
    asked = asked.content_type("application/json");
    let posted = asked.send(r#"{"collections": ["radar"]}"#).unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(
        posted.lines().count() as u64,
        scenes.found("/collections/radar/items")["numberMatched"].as_u64().unwrap()
    );
    let token = get_with(&format!("{url}/search?token=x"), &[("accept", "application/x-ndjson")]);
    assert_eq!(token.status, 400);
}
