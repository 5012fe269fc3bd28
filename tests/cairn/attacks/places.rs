//! Hrefs that lead out: what lies outside of the allowed places is neither read nor asked for.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{catalog, item, shown, write};
use crate::http::get;
use crate::server::{Server, cairn};
use crate::stores::Nginx;

#[test]
fn links_lead_nowhere_but_to_allowed_places_whatever_they_are_written_as() {
    let folder = tempfile::tempdir().unwrap();
    let [tree, outside] = ["tree", "outside"].map(|name| folder.path().join(name));
    write(&outside.join("secret.json"), &item("secret", &json!({})));
    write(&tree.join("own/item.json"), &item("own", &json!({})));
    symlink(outside.join("secret.json"), tree.join("link.json")).unwrap();
    symlink(&outside, tree.join("folder")).unwrap();
    let secret = outside.join("secret.json").display().to_string();
    let hrefs = [
        "./own/item.json",
        "../outside/secret.json",
        "./own/../../outside/secret.json",
        "%2e%2e/outside/secret.json",
        "..%2foutside%2fsecret.json",
        "./link.json",
        "./folder/secret.json",
        &secret,
        &format!("file://{secret}"),
        &format!("file:{secret}"),
        "http://169.254.169.254/latest/meta-data/item.json",
        "http://[fd00:ec2::254]/item.json",
        "http://localhost:1/item.json",
    ];
    let links: Vec<_> = hrefs.iter().map(|href| json!({"rel": "item", "href": href})).collect();
    write(&tree.join("collection.json"), &catalog(&json!(links)));
    let start = Instant::now();
    let server = Server::of(tree.join("collection.json"));
    assert!(start.elapsed() < Duration::from_secs(30), "nobody was waited for");
    let found = get(&format!("{}/search", server.url)).json();
    assert_eq!(found["numberMatched"], 1, "{found}");
    assert_eq!(found["features"][0]["id"], "own");
    let remedy = format!("admit it with --allow {}", outside.display());
    assert!(server.logs(&remedy), "{}", server.log());
    assert!(server.logs("admit where it leads to"), "{}", server.log());
    assert!(server.logs("169.254.169.254"), "{}", server.log());

    // What the operator allows is followed.
    let mut command = cairn();
    command.arg("serve").arg(tree.join("collection.json")).arg("--allow").arg(&outside);
    let server = Server::start(command.args(["--bind", "127.0.0.1:0"]));
    let ids = get(&format!("{}/search", server.url)).json();
    assert!(ids["features"].as_array().unwrap().iter().any(|item| item["id"] == "secret"), "{ids}");
}

#[test]
fn a_tree_on_a_web_server_opens_neither_this_disk_nor_other_hosts() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.json");
    write(&secret, &item("secret", &json!({})));
    let local = format!("file://{}", secret.display());
    let assets = json!({"own": {"href": "./own.bin"}, "disk": {"href": local}, "passwd": {"href": "file:///etc/passwd"},
        "up": {"href": "../above.bin"}, "hidden": {"href": "..%2fabove.bin"},
        "metadata": {"href": "http://169.254.169.254/latest/meta-data/"}, "loopback": {"href": "http://127.0.0.1:1/x"}});
    let web = folder.path().join("web");
    write(&web.join("tree/own/item.json"), &item("own", &assets));
    fs::write(web.join("tree/own/own.bin"), "own").unwrap();
    fs::write(web.join("above.bin"), "above").unwrap();
    fs::write(web.join("tree/above.bin"), "beside").unwrap();
    let links = json!([{"rel": "item", "href": "own/item.json"}, {"rel": "item", "href": local},
        {"rel": "item", "href": "../above.json"}, {"rel": "child", "href": "http://169.254.169.254/catalog.json"}]);
    write(&web.join("tree/collection.json"), &catalog(&links));
    write(&web.join("above.json"), &item("above", &json!({})));
    let nginx = Nginx::over(&web);
    let server = Server::of(format!("{}/tree/collection.json", nginx.url()));
    let found = get(&format!("{}/search", server.url)).json();
    assert_eq!(found["numberMatched"], 1, "{found}");
    let asset = |key: &str| get(&format!("{}/collections/c/items/own/assets/{key}", server.url));
    assert_eq!(asset("own").body, b"own");
    assert_eq!(asset("up").body, b"beside", "still within the tree");
    for key in ["disk", "passwd", "metadata", "loopback"] {
        let answer = asset(key);
        assert_eq!(answer.status, 403, "{key}: {}", shown(&answer));
        assert!(!shown(&answer).contains("secret"), "{key}: {}", shown(&answer));
    }
    let hidden = asset("hidden");
    assert!([403, 404].contains(&hidden.status), "{}", shown(&hidden));
}

/// A web server of a tree, some of whose assets are elsewhere; it ends with the test.
fn redirecting(to: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let count = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..count]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
            let body = match path.as_str() {
                "/tree/collection.json" => {
                    catalog(&json!([{"rel": "item", "href": "item.json"}])).to_string()
                }
                "/tree/item.json" => {
                    item("own", &json!({"away": {"href": "away"}, "near": {"href": "near"}})).to_string()
                }
                "/tree/here" => "near".to_owned(),
                _ => String::new(),
            };
            let answer = match path.as_str() {
                "/tree/away" => format!(
                    "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                ),
                "/tree/near" => format!(
                    "HTTP/1.1 302 Found\r\nlocation: {own}/tree/here\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                ),
                _ => {
                    let status = if head.contains("range:") { "206 Partial Content" } else { "200 OK" };
                    let len = body.len();
                    format!(
                        "HTTP/1.1 {status}\r\netag: \"1\"\r\nlast-modified: Tue, 15 Nov 1994 12:45:26 GMT\r\ncontent-length: {len}\r\ncontent-range: bytes 0-{}/{len}\r\nconnection: close\r\n\r\n{}",
                        len.max(1) - 1,
                        if head.starts_with("HEAD") { "" } else { &body }
                    )
                }
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn a_redirect_leads_to_no_other_server_not_even_on_the_same_host() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    let nginx = Nginx::over(folder.path());
    let url = redirecting(format!("{}/secret", nginx.url()));
    let server = Server::of(format!("{url}/tree/collection.json"));
    let asset = |key: &str| get(&format!("{}/collections/c/items/own/assets/{key}", server.url));
    let near = asset("near");
    assert_eq!((near.status, near.body.as_slice()), (200, &b"near"[..]), "{}", server.log());
    let away = asset("away");
    assert_eq!(away.status, 502, "{}", shown(&away));
    assert!(!shown(&away).contains("secret"));
}
