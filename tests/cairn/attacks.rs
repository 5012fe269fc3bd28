//! Attacks on the running server: each ends in a refusal that says why, and the server answers everybody else meanwhile.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, get, get_with, post, post_text, request};
use crate::server::{Server, cairn};
use crate::stores::Nginx;

/// Sends bytes as they are, and gives what comes back until the server closes or nothing more comes.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connected(server);
    // The server may have closed before all of it is sent.
    let _ = stream.write_all(bytes);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..count]);
        if count == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn connected(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).unwrap()
}

fn item(id: &str, assets: &Value) -> Value {
    json!({"type": "Feature", "stac_version": "1.0.0", "id": id, "geometry": {"type": "Point", "coordinates": [1, 1]},
        "bbox": [1, 1, 1, 1], "properties": {"datetime": "2024-01-01T00:00:00Z"}, "links": [], "assets": assets})
}

fn catalog(links: &Value) -> Value {
    json!({"type": "Collection", "stac_version": "1.0.0", "id": "c", "description": "d", "license": "MIT", "links": links,
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}})
}

fn write(path: &Path, document: &Value) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, document.to_string()).unwrap();
}

/// A server of one Item.
fn small() -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tree/item.json");
    write(&path, &item("i", &json!({})));
    (Server::of(path), folder)
}

fn shown(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

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

#[test]
fn questions_without_end_are_refused_at_once_by_name() {
    let (server, _folder) = small();
    let search = format!("{}/search", server.url);
    let deep =
        |open: &str, close: &str, count: usize| format!("{}1=1{}", open.repeat(count), close.repeat(count));
    let one = json!({"op": "=", "args": [{"property": "a"}, 1]});
    let many = json!({"op": "or", "args": vec![one; 30_000]});
    let or = |count: usize| (0..count).map(|n| format!("a={n}")).collect::<Vec<_>>().join(" OR ");
    let ring: Vec<_> = (0..200_001).map(|n| json!([f64::from(n % 360), 10])).collect();
    let texts = [
        ("filter", json!({"filter-lang": "cql2-text", "filter": deep("(", ")", 5_000)}).to_string()),
        ("filter", json!({"filter-lang": "cql2-text", "filter": deep("NOT ", "", 5_000)}).to_string()),
        ("filter", json!({"filter-lang": "cql2-text", "filter": deep("NOT (", ")", 5_000)}).to_string()),
        ("filter", json!({"filter-lang": "cql2-text", "filter": or(50_000)}).to_string()),
        ("filter", json!({"filter": many, "filter-lang": "cql2-json"}).to_string()),
        ("body", format!("{{\"filter\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
        ("body", format!("{}{}", "{\"a\":".repeat(5_000), "}".repeat(5_000))),
        ("intersects", json!({"intersects": {"type": "LineString", "coordinates": ring}}).to_string()),
        (
            "intersects",
            format!(
                "{{\"intersects\":{}{}}}",
                "{\"type\":\"GeometryCollection\",\"geometries\":[".repeat(60),
                "]}".repeat(60)
            ),
        ),
    ];
    for (name, body) in texts {
        let start = Instant::now();
        let answer = post_text(&search, &body);
        let what = &body[..body.len().min(60)];
        assert_eq!(answer.status, 400, "{what}: {}", shown(&answer));
        assert!(shown(&answer).contains(name), "{what}: {}", shown(&answer));
        assert!(
            answer.body.len() < 2000 && start.elapsed() < Duration::from_secs(20),
            "{what}: {:?}",
            start.elapsed()
        );
    }
    for path in ["/search", "/collections", "/aggregate", "/patch"] {
        let query = format!("filter={}", deep("(", ")", 5_000));
        let answer = get(&format!("{}{path}?{query}", server.url));
        assert_eq!(answer.status, 400, "{path}: {}", shown(&answer));
    }
    assert_eq!(get(&search).status, 200);
}

#[test]
fn requests_that_are_too_large_or_coded_get_an_answer_that_says_so() {
    let (server, _folder) = small();
    let search = format!("{}/search", server.url);
    let large = format!("{{\"ids\":[\"{}\"]}}", "x".repeat(9 << 20));
    assert_eq!(post_text(&search, &large).status, 413);
    let head =
        |line: &str, headers: &str| raw(&server, format!("{line}\r\nhost: x\r\n{headers}\r\n").as_bytes());
    let long = head(&format!("GET /search?ids={} HTTP/1.1", "x".repeat(70_000)), "");
    assert!(long.starts_with("HTTP/1.1 414") || long.starts_with("HTTP/1.1 431"), "{long}");
    let legal =
        head(&format!("GET /search?ids={} HTTP/1.1", "x,".repeat(15_000) + "x"), "connection: close\r\n");
    assert!(legal.starts_with("HTTP/1.1 200"), "{}", &legal[..legal.len().min(200)]);
    let wide = head("GET /search HTTP/1.1", &format!("x-a: {}\r\n", "x".repeat(70_000)));
    assert!(wide.starts_with("HTTP/1.1 431"), "{wide}");
    let many: String = (0..300).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = head("GET /search HTTP/1.1", &many);
    assert!(many.starts_with("HTTP/1.1 431") || many.starts_with("HTTP/1.1 400"), "{many}");
    let endless = head("POST /search HTTP/1.1", "content-length: 99999999999\r\n");
    assert!(endless.starts_with("HTTP/1.1 413"), "{endless}");
    let bomb = request("POST", &search, &[("content-encoding", "gzip"), ("content-length", "0")]);
    assert_eq!(bomb.status, 415, "{}", shown(&bomb));
    // Two lengths, and a length beside chunks: whose body is it?
    let two = head("POST /search HTTP/1.1", "content-length: 2\r\ncontent-length: 30\r\n");
    assert!(two.starts_with("HTTP/1.1 400"), "{two}");
    assert_eq!(get(&search).status, 200);
}

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

#[test]
fn idle_and_trickling_connections_stop_nobody_and_are_ended() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("item.json"), &item("i", &json!({})));
    let mut command = cairn();
    command.arg("serve").arg(folder.path().join("item.json"));
    let server = Server::start(command.args(["--bind", "127.0.0.1:0", "--max-connections", "2000"]));
    let mut idle: Vec<TcpStream> = (0..1000).map(|_| connected(&server)).collect();
    // One client has no more than half; the others still come in.
    let mut refused = connected(&server);
    let mut told = String::new();
    let _ = refused.read_to_string(&mut told);
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after"), "{told}");
    let mut other = from_another_address(&server);
    other.write_all(b"GET /search HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Some say nothing; some begin as HTTP/2, as HTTP/1, or with a body, and go on byte by byte.
    let starts: [&[u8]; 4] = [
        b"",
        b"PRI * HT",
        b"GET /search HT",
        b"POST /search HTTP/1.1\r\nhost: x\r\ncontent-length: 90\r\n\r\n{",
    ];
    for (nth, stream) in idle.iter_mut().enumerate() {
        stream.write_all(starts[nth % 4]).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(50);
    let mut open: Vec<usize> = (0..idle.len()).collect();
    while !open.is_empty() {
        assert!(Instant::now() < end, "{} connections are open still", open.len());
        std::thread::sleep(Duration::from_secs(2));
        open.retain(|nth| {
            let stream = &mut idle[*nth];
            let sent = nth % 4 == 0 || stream.write_all(b"x").is_ok();
            stream.set_nonblocking(true).unwrap();
            let mut some = [0; 999];
            let ended = loop {
                match stream.read(&mut some) {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(error) => break error.kind() != ErrorKind::WouldBlock,
                }
            };
            stream.set_nonblocking(false).unwrap();
            sent && !ended
        });
    }
    assert_eq!(get(&format!("{}/search", server.url)).status, 200);
}

/// A connection from 127.0.0.2: another client on the same machine.
fn from_another_address(server: &Server) -> TcpStream {
    let port = server.url.rsplit(':').next().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let stream = socket.connect(std::net::SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
        let stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    })
}

#[test]
fn a_body_that_says_it_is_a_patch_of_everything_costs_a_refusal() {
    let (server, _folder) = small();
    for body in [
        json!({"collections": ["items"], "bands": ["B04"], "bbox": [-180, -90, 180, 90]}),
        json!({"collections": ["items"], "bands": ["B04"], "center": [1, 1], "size": 2_000_000_000}),
        json!({"collections": ["items"], "bands": vec!["B04"; 100_000], "center": [1, 1], "size": 256}),
        json!({"collections": ["items"], "bands": ["B04"], "center": [1, 1], "size": 256, "timestamps": 4_000_000_000_u64}),
    ] {
        let answer = post(&format!("{}/patch", server.url), &body);
        let said = shown(&answer);
        assert!(
            [200, 400, 413].contains(&answer.status) && answer.body.len() < 100_000,
            "{}: {}",
            answer.status,
            &said[..said.len().min(300)]
        );
    }
    assert_eq!(get(&format!("{}/readyz", server.url)).status, 200);
}
