//! Items whose assets lie on a web server that can misbehave, and a Cairn that serves them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::server::{Server, cairn};

/// A web server over files in memory: `/plain/…` with lengths, `/chunked/…` without and without HEAD, `/signed/…` with a
/// signature only, `/sign?href=…` makes one. Its threads end with the test.
pub(super) fn web(files: BTreeMap<String, Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let files = Arc::new(files);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let files = Arc::clone(&files);
            // Clients that are killed break connections off.
            thread::spawn(move || answer(stream, &files).ok());
        }
    });
    url
}

fn answer(mut stream: TcpStream, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut header) = (String::new(), String::new());
    reader.read_line(&mut line)?;
    while header != "\r\n" {
        header.clear();
        if reader.read_line(&mut header)? == 0 {
            return Ok(());
        }
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (kind, name) =
        path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let close = "connection: close\r\n";
    if kind == "sign" {
        let href = query.strip_prefix("href=").unwrap_or_default().replace("%3A", ":").replace("%2F", "/");
        let body =
            json!({"href": format!("{href}?sig=secret"), "msft:expiry": "2099-01-01T00:00:00Z"}).to_string();
        return write!(stream, "HTTP/1.1 200 OK\r\n{close}content-length: {}\r\n\r\n{body}", body.len());
    }
    let Some(bytes) = files.get(name).filter(|_| kind != "signed" || query == "sig=secret") else {
        let status = if kind == "signed" { "403 Forbidden" } else { "404 Not Found" };
        return write!(stream, "HTTP/1.1 {status}\r\n{close}content-length: 0\r\n\r\n");
    };
    match (method, kind) {
        ("HEAD", "chunked") => write!(stream, "HTTP/1.1 405 Method Not Allowed\r\n{close}\r\n"),
        (_, "chunked") => {
            write!(stream, "HTTP/1.1 200 OK\r\n{close}transfer-encoding: chunked\r\n\r\n")?;
            for chunk in bytes.chunks(10_000) {
                write!(stream, "{:x}\r\n", chunk.len())?;
                stream.write_all(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            stream.write_all(b"0\r\n\r\n")
        }
        _ => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\n{close}content-length: {}\r\netag: \"1\"\r\n\r\n",
                bytes.len()
            )?;
            if method == "HEAD" { Ok(()) } else { stream.write_all(bytes) }
        }
    }
}

/// `file:checksum` by SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let sum = digest(&SHA256, bytes);
    sum.as_ref().iter().fold("1220".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// An Item of the Collection `c` at noon of a day with these assets.
pub(super) fn item(id: &str, day: &str, assets: &Value) -> Value {
    json!({"type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "c", "links": [],
        "stac_extensions": ["https://stac-extensions.github.io/file/v2.1.0/schema.json"],
        "geometry": {"type": "Point", "coordinates": [25.0, 61.0]}, "bbox": [25.0, 61.0, 25.0, 61.0],
        "properties": {"datetime": format!("{day}T12:00:00Z"), "grid:code": "MGRS-35VLH"}, "assets": assets})
}

/// Bytes that do not repeat.
pub(super) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(next).collect()
}

/// A Cairn that serves these Items with their assets' own hrefs.
pub(super) fn serve(folder: &Path, items: &[Value]) -> Server {
    let path = folder.join("items.ndjson");
    let lines: String = items.iter().flat_map(|item| [item.to_string(), "\n".to_owned()]).collect();
    fs::write(&path, lines).unwrap();
    let mut command = cairn();
    command.arg("serve").arg(&path).args(["--bind", "127.0.0.1:0", "--asset-hrefs", "original"]);
    Server::start(&mut command)
}

/// All files below a folder that are not hidden, by their relative paths.
pub(super) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten().map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                let relative = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(relative, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}
