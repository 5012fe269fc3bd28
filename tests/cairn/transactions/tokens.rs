//! Who is let in, and who is not.

use std::fs;

use serde_json::json;

use super::tree::{Client, TOKEN, Tree, item, refused};
use crate::http::send;
use crate::server::{Server, cairn};

const WRITES: [(&str, &str); 8] = [
    ("POST", "/collections"),
    ("PUT", "/collections/c"),
    ("PATCH", "/collections/c"),
    ("DELETE", "/collections/c"),
    ("POST", "/collections/c/items"),
    ("PUT", "/collections/c/items/i"),
    ("PATCH", "/collections/c/items/i"),
    ("DELETE", "/collections/c/items/i"),
];

/// What every write answers with this header, before anything else of it is looked at.
fn all_answer(client: &Client, authorization: Option<&str>, status: u16) -> Vec<String> {
    let headers: Vec<(&str, &str)> =
        authorization.into_iter().map(|value| ("authorization", value)).collect();
    WRITES
        .iter()
        .map(|(method, path)| {
            let answer = send(method, &client.url(path), &headers, b"{ this is not JSON");
            let challenge = if status == 401 { "Bearer realm=\"cairn\"" } else { "" };
            assert_eq!(answer.header("www-authenticate"), challenge, "{method} {path}");
            refused(answer, status)
        })
        .collect()
}

#[test]
fn a_write_needs_one_of_the_tokens() {
    let tree = Tree::new();
    let client = tree.serve_with(&["--token", "an0ther", "--token", TOKEN]);
    all_answer(&client, None, 401);
    all_answer(&client, Some("Basic YTpi"), 401);
    all_answer(&client, Some(TOKEN), 401);
    all_answer(&client, Some("Bearer wr0ng"), 403);
    all_answer(&client, Some(&format!("Bearer {TOKEN}x")), 403);
    for (nth, token) in [(1, "an0ther"), (2, TOKEN)] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = item(&nth.to_string(), nth).to_string();
        let answer = send("POST", &client.url("/collections/c/items"), &headers, body.as_bytes());
        assert_eq!(answer.status, 201, "{token}");
    }
    let log = client.server.log();
    for secret in ["an0ther", TOKEN, "wr0ng"] {
        assert!(!log.contains(secret), "{log}");
    }
    assert_eq!(client.count(""), 2);
}

#[test]
fn who_has_no_token_is_told_so_whatever_the_body_is() {
    let tree = Tree::new();
    let client = tree.serve();
    let large = vec![b' '; 40 << 20];
    for (bearer, status) in [("Basic YTpi", 401), ("Bearer wr0ng", 403)] {
        for coding in ["identity", "gzip"] {
            let headers = [("authorization", bearer), ("content-encoding", coding)];
            refused(send("POST", &client.url("/collections/c/items"), &headers, &large), status);
        }
    }
}

#[test]
fn without_tokens_nothing_is_written_and_the_option_is_named() {
    let tree = Tree::new();
    let client = tree.serve_with(&[]);
    for authorization in [None, Some("Bearer "), Some("Bearer t")] {
        let told = all_answer(&client, authorization, 403);
        assert!(told.iter().all(|told| told.contains("--token")), "{told:?}");
    }
    let classes = client.get("/conformance").json().to_string();
    assert!(!classes.contains("transaction"), "{classes}");
}

#[test]
fn tokens_come_from_the_environment_and_the_file_too() {
    let tree = Tree::new();
    let by_environment = {
        let mut command = cairn();
        command.arg("serve").arg(tree.root()).args(["--bind", "127.0.0.1:0"]);
        Client::of(Server::start(command.env("CAIRN_TOKEN", format!("x,{TOKEN}"))))
    };
    let file = tree.folder().join("cairn.toml");
    fs::write(&file, format!("token = ['x', '{TOKEN}']")).unwrap();
    let by_file = tree.serve_with(&["--config", file.to_str().unwrap()]);
    for client in [by_environment, by_file] {
        let patch = json!({"title": "t"});
        assert_eq!(client.json("PATCH", "/collections/c", &patch).status, 204);
        let classes = client.get("/conformance").json()["conformsTo"].to_string();
        for class in ["ogcapi-features/extensions/transaction", "collections/extensions/transaction"] {
            assert!(classes.contains(class), "{classes}");
        }
    }
}

#[test]
fn what_is_no_tree_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("items.ndjson");
    let mut line = item("i", 1);
    (line["collection"], line["links"]) = (json!("c"), json!([]));
    fs::write(&file, line.to_string()).unwrap();
    let mut command = cairn();
    command.arg("serve").arg(&file).args(["--bind", "127.0.0.1:0", "--token", TOKEN]);
    let client = Client::of(Server::start(&mut command));
    for answer in [
        client.json("POST", "/collections/c/items", &item("j", 1)),
        client.json("PATCH", "/collections/c/items/i", &json!({})),
        client.delete("/collections/c"),
    ] {
        assert!(refused(answer, 403).contains("tree"));
    }
    assert!(!client.get("/conformance").json().to_string().contains("transaction"));
}

#[test]
fn a_method_that_a_path_does_not_take_is_told_those_that_it_takes() {
    let tree = Tree::new();
    let client = tree.serve();
    for (method, path, takes) in [
        ("DELETE", "/search", &["GET", "POST"][..]),
        ("DELETE", "/collections", &["GET", "POST"]),
        ("PUT", "/collections/c/items", &["GET", "POST"]),
        ("POST", "/collections/c/items/i", &["GET", "PUT", "PATCH", "DELETE"]),
    ] {
        let answer = client.write(method, path, &[], b"");
        assert_eq!(answer.status, 405, "{method} {path}");
        let allow = answer.header("allow");
        assert!(takes.iter().all(|taken| allow.contains(taken)), "{method} {path}: {allow}");
    }
}
