//! Texts from outside that would be headers, lines of a log, or scripts.

use std::fs;

use serde_json::json;

use super::{catalog, item, shown, write};
use crate::http::{get, get_with};
use crate::server::{Server, cairn};

#[test]
fn nothing_from_outside_becomes_a_header_or_a_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    let forged = "x\r\nset-cookie: a=b\r\n\r\nERROR forged";
    let assets =
        json!({"a": {"href": "./a%0d%0aset-cookie:%20a=b.bin", "type": forged}, forged: {"href": "./a.bin"}});
    write(&tree.join("item.json"), &item(forged, &assets));
    fs::write(tree.join("a\r\nset-cookie: a=b.bin"), "bytes").unwrap();
    let links =
        json!([{"rel": "item", "href": "item.json"}, {"rel": "item", "href": "gone%0aERROR forged.json"}]);
    write(&tree.join("collection.json"), &catalog(&links));
    let server = Server::of(tree.join("collection.json"));
    let id = "x%0D%0Aset-cookie%3A%20a%3Db%0D%0A%0D%0AERROR%20forged";
    let answers = [
        get(&format!("{}/collections/c/items/{id}", server.url)),
        get(&format!("{}/collections/c/items/{id}/assets/a", server.url)),
        get(&format!("{}/collections/c/items/{id}/assets/{id}", server.url)),
        get(&format!("{}/collections/{id}", server.url)),
        get_with(&format!("{}/search", server.url), &[("x-forwarded-host", "a.b\"><script>")]),
    ];
    for answer in &answers {
        assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
    }
    assert_eq!(answers[0].status, 200);
    assert_eq!(answers[1].body, b"bytes");
    assert!(!shown(&answers[4]).contains("<script>"));
    let long = "x".repeat(500);
    let named = get_with(&format!("{}/healthz", server.url), &[("x-request-id", &long)]);
    assert!(named.header("x-request-id").len() < 100, "{}", named.header("x-request-id"));
    assert!(server.logs("forged"), "{}", server.log());
    assert!(
        !server.log().lines().any(|line| line.trim_start().starts_with("ERROR forged")),
        "{}",
        server.log()
    );
}

#[test]
fn browsers_are_told_not_to_run_load_or_frame_anything() {
    let folder = tempfile::tempdir().unwrap();
    let assets = json!({"page": {"href": "./page.html", "type": "text/html"}});
    write(&folder.path().join("item.json"), &item("i", &assets));
    fs::write(folder.path().join("page.html"), "<script>alert(1)</script>").unwrap();
    let start = |more: &[&str]| {
        Server::start(
            cairn()
                .arg("serve")
                .arg(folder.path().join("item.json"))
                .args(["--bind", "127.0.0.1:0"])
                .args(more),
        )
    };
    let server = start(&[]);
    let page = get_with(&format!("{}/", server.url), &[("accept", "text/html")]);
    let own = page.header("content-security-policy").to_owned();
    assert!(own.contains("script-src 'self'") && !own.contains("script-src 'self' 'unsafe"), "{own}");
    for path in ["/search", "/collections/items/items/i/assets/page", "/nothing", "/api", "/metrics"] {
        let answer = get(&format!("{}{path}", server.url));
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("script-src"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
    }
    let origin = |server: &Server, origin: &str| {
        let answer = get_with(&format!("{}/search", server.url), &[("origin", origin)]);
        assert!(answer.headers.get("access-control-allow-credentials").is_none());
        answer.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(origin(&server, "https://a.example"), "*");
    let some = start(&["--cors-origin", "https://a.example", "--cors-origin", "https://b.example:81"]);
    assert_eq!(origin(&some, "https://a.example"), "https://a.example");
    assert_eq!(origin(&some, "https://c.example"), "");
    let answer = get(&format!("{}/search", some.url));
    let varies = |value: &ureq::http::HeaderValue| value.to_str().unwrap().to_lowercase().contains("origin");
    assert!(answer.headers.get_all("vary").iter().any(varies), "{:?}", answer.headers);
    let none = start(&["--cors-origin", "none"]);
    assert_eq!(origin(&none, "https://a.example"), "");
}
