//! Too much of anything: questions, heads, bodies, connections.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{item, shown, small, write};
use crate::http::{get, post, post_text, request};
use crate::server::{Server, cairn};

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
    let wide = head("GET /search HTTP/1.1", &format!("x-a: {}\r\n", "x".repeat(300_000)));
    assert!(wide.starts_with("HTTP/1.1 431"), "{wide}");
    let many: Vec<String> = (0..300).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = many.concat();
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
