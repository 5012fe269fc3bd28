//! The asset proxy: what HTTP asks of it, and that nothing but an object's own bytes ever comes out of it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{get, get_with, request};
use crate::python::script;
use crate::server::{Server, repository};
use crate::shelf::{Shelf, proxied};
use crate::store_conformance::noise;
use crate::stores::{Env, Fault, Nginx, Proxy};

const LEN: usize = 3_000_000;

/// A server of a file on its own disk, with a name that takes some care.
fn on_disk() -> (Shelf, Server, Vec<u8>) {
    let name = "ä \"b\" %41.tif";
    let shelf = Shelf::of(&[
        ("data", json!({"href": format!("./{name}"), "type": "image/tiff; application=geotiff"})),
        ("odd", json!({"href": format!("./{name}"), "type": "text/html\r\nx-evil: 1"})),
        ("gone", "./gone.tif".into()),
        ("outside", "/etc/hostname".into()),
    ]);
    let bytes = noise(LEN).to_vec();
    fs::write(shelf.path(name), &bytes).unwrap();
    let server = shelf.serve(&Env::new(), &[]);
    (shelf, server, bytes)
}

#[test]
fn whole_assets_and_single_ranges_have_the_headers_of_the_rfc() {
    let (_shelf, server, bytes) = on_disk();
    let url = proxied(&server, "data");
    let whole = get(&url);
    assert!(whole.status == 200 && whole.body == bytes);
    assert_eq!(whole.header("content-type"), "image/tiff; application=geotiff");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(
        whole.header("content-disposition"),
        "inline; filename=\"_ _b_ _41.tif\"; filename*=UTF-8''%C3%A4%20%22b%22%20%2541.tif"
    );
    assert!(whole.header("last-modified").ends_with(" GMT"));
    let head = request("HEAD", &url, &[("range", "bytes=0-9")]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), LEN.to_string());
    for (asked, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-2500000", 1000, 2_500_001),
        ("bytes=2999990-", 2_999_990, LEN),
        ("bytes=-7", LEN - 7, LEN),
        ("bytes=5-9,7-20", 5, 21),
        ("bytes=5-9,9999999-", 5, 10),
    ] {
        let part = get_with(&url, &[("range", asked)]);
        assert_eq!(part.status, 206, "{asked}");
        assert!(part.body == bytes[start..end], "{asked}");
        assert_eq!(part.header("content-range"), format!("bytes {start}-{}/{LEN}", end - 1), "{asked}");
    }
    for passed_over in ["bytes=9-5", "items=0-1", "bytes=x"] {
        let whole = get_with(&url, &[("range", passed_over)]);
        assert!(whole.status == 200 && whole.body == bytes, "{passed_over}");
    }
    let many =
        format!("bytes={}", (0..65).map(|nth| format!("{0}-{0}", nth * 1000)).collect::<Vec<_>>().join(","));
    for refused in ["bytes=3000000-", "bytes=-0", &many] {
        let answer = get_with(&url, &[("range", refused)]);
        assert_eq!((answer.status, answer.header("content-range")), (416, "bytes */3000000"), "{refused}");
        assert_eq!(answer.json()["code"], "InvalidRange");
    }
    let odd = get(&proxied(&server, "odd"));
    assert_eq!((odd.header("content-type"), odd.header("x-evil")), ("application/octet-stream", ""));
    assert!(
        odd.header("content-security-policy").contains("sandbox"),
        "a page among the assets runs nothing"
    );
    assert_eq!(odd.header("x-content-type-options"), "nosniff");
    let status = |key: &str| get(&proxied(&server, key)).status;
    assert_eq!(
        (status("gone"), status("outside"), status("none"), status("data/more")),
        (404, 403, 404, 404)
    );
}

#[test]
fn several_ranges_come_as_parts_in_the_order_asked_for() {
    let (_shelf, server, bytes) = on_disk();
    let url = proxied(&server, "data");
    let asked = [(2_000_000, 2_999_999), (0, 9), (500, 1_700_000)];
    let specs: Vec<_> = asked.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    let answer = get_with(&url, &[("range", &format!("bytes={}", specs.join(", ")))]);
    assert_eq!((answer.status, answer.header("content-range")), (206, ""));
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let boundary = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut wanted = Vec::new();
    for (nth, (first, last)) in asked.into_iter().enumerate() {
        let line = if nth == 0 { "" } else { "\r\n" };
        write!(
            wanted,
            "{line}--{boundary}\r\nContent-Type: image/tiff; application=geotiff\r\nContent-Range: bytes {first}-{last}/{LEN}\r\n\r\n"
        )
        .unwrap();
        wanted.extend_from_slice(&bytes[first..=last]);
    }
    write!(wanted, "\r\n--{boundary}--\r\n").unwrap();
    assert!(answer.body == wanted);
}

#[test]
fn conditions_are_judged_by_the_object_as_it_is_now() {
    let (shelf, server, bytes) = on_disk();
    let url = proxied(&server, "data");
    let head = request("HEAD", &url, &[]);
    let (etag, date) = (head.header("etag").to_owned(), head.header("last-modified").to_owned());
    let weak = format!("W/{etag}");
    let status = |headers: &[(&str, &str)]| get_with(&url, headers).status;
    for (name, value, wanted) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", &weak, 304),
        ("if-none-match", "\"other\", *", 200),
        ("if-modified-since", &date, 304),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
        ("if-match", &etag, 200),
        ("if-match", &weak, 412),
        ("if-match", "\"other\"", 412),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 412),
    ] {
        assert_eq!(status(&[(name, value)]), wanted, "{name}: {value}");
    }
    std::thread::sleep(Duration::from_millis(1100));
    for (value, wanted) in [
        (etag.as_str(), 206),
        (&date, 206),
        (&weak, 200),
        ("\"other\"", 200),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 200),
    ] {
        assert_eq!(status(&[("range", "bytes=0-9"), ("if-range", value)]), wanted, "if-range: {value}");
    }
    fs::write(shelf.path("other"), &bytes[1..]).unwrap();
    fs::rename(shelf.path("other"), shelf.path("ä \"b\" %41.tif")).unwrap();
    assert_eq!(status(&[("if-none-match", &etag)]), 200);
    let ranged = get_with(&url, &[("range", "bytes=0-9"), ("if-range", &etag)]);
    assert!(ranged.status == 200 && ranged.body == bytes[1..], "a range of what was is no range of what is");
}

/// A request on a connection of its own, so that the client can stop taking the answer.
fn ask(url: &str) -> TcpStream {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    stream
}

/// All that comes, up to `most` bytes or to the end, however that comes about: status, announced length, body.
fn take(stream: &mut TcpStream, most: usize) -> (u16, usize, Vec<u8>) {
    let mut all = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while all.len() < most {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => all.extend_from_slice(&piece[..count]),
        }
    }
    let end = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(all[..end].to_vec()).unwrap().to_lowercase();
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), len.parse().unwrap(), all.split_off(end))
}

/// A server of one file of noise behind a proxy of nginx.
fn behind(
    folder: &Path,
    len: usize,
    choose: impl Fn(&crate::stores::Asked) -> Fault + Send + Sync + 'static,
) -> (Nginx, Proxy, Shelf, Server) {
    fs::write(folder.join("x.tif"), noise(len)).unwrap();
    let nginx = Nginx::over(folder);
    let proxy = Proxy::before(nginx.port(), choose);
    let root = proxy.url();
    let shelf = Shelf::of(&[("data", format!("{root}/x.tif").into())]);
    fs::write(shelf.path("cairn.toml"), format!("[[store]]\nprefix = '{root}'\ntimeout_seconds = 1\n"))
        .unwrap();
    let config = shelf.path("cairn.toml");
    let server = shelf.serve(&Env::new(), &["--allow", &root, "--config", config.to_str().unwrap()]);
    (nginx, proxy, shelf, server)
}

#[test]
fn a_slow_client_slows_the_store_and_one_that_goes_away_stops_it() {
    const ALL: usize = 48 << 20;
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, proxy, _shelf, server) = behind(folder.path(), ALL, |_| Fault::None);
    let mut client = ask(&proxied(&server, "data"));
    let (status, len, body) = take(&mut client, 64 << 10);
    assert!(status == 200 && len == ALL && body == noise(body.len()));
    let served = || proxy.seen().iter().map(|seen| seen.received).sum::<u64>();
    // What is under way fills the buffers of the sockets, and then nothing more is asked for.
    let mut before = u64::MAX;
    let end = Instant::now() + Duration::from_secs(30);
    while before != served() {
        assert!(Instant::now() < end, "the store is read on although the client takes nothing");
        before = served();
        std::thread::sleep(Duration::from_millis(700));
    }
    assert!(before < ALL as u64 / 2, "{before} bytes of {ALL} for a client that took 64 KiB");
    drop(client);
    std::thread::sleep(Duration::from_secs(1));
    assert!(
        proxy.is_idle() && served() - before <= 8 << 20,
        "{} bytes after the client went away",
        served() - before
    );
}

#[test]
fn an_object_that_is_replaced_in_the_middle_is_cut_off_and_never_mixed() {
    const ALL: usize = 40 << 20;
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, _proxy, _shelf, server) = behind(folder.path(), ALL, |_| Fault::None);
    let disk = Shelf::of(&[("data", "./x.tif".into())]);
    let old = noise(ALL);
    fs::write(disk.path("x.tif"), &old).unwrap();
    let own = disk.serve(&Env::new(), &[]);
    for (what, server, path) in
        [("a store", &server, folder.path().join("x.tif")), ("the disk", &own, disk.path("x.tif"))]
    {
        let mut client = ask(&proxied(server, "data"));
        let (status, len, mut body) = take(&mut client, 64 << 10);
        assert_eq!((status, len), (200, ALL), "{what}");
        // nginx tells two states apart by their lengths and the second they were written in.
        fs::write(path.with_extension("new"), vec![7; ALL + 1]).unwrap();
        fs::rename(path.with_extension("new"), &path).unwrap();
        let mut rest = Vec::new();
        // It ends in a reset or too early.
        let _cut = client.read_to_end(&mut rest);
        body.extend_from_slice(&rest);
        assert!(body.len() < ALL && body == old[..body.len()], "{what}: {} bytes", body.len());
        assert!(server.logs("was replaced in the meantime"), "{}", server.log());
        let after = get_with(&proxied(server, "data"), &[("range", "bytes=0-9")]);
        assert_eq!((after.status, after.body), (206, vec![7; 10]), "{what}: the new one is served at once");
    }
}

#[test]
fn what_fails_before_the_first_byte_is_told_and_what_fails_later_breaks_off() {
    const ALL: usize = 12 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mood = Arc::new(AtomicU8::new(0));
    let chosen = Arc::clone(&mood);
    let late = |asked: &crate::stores::Asked| {
        let start = asked
            .range
            .as_deref()
            .and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok());
        start.is_some_and(|start: u64| start >= 6 << 20)
    };
    let (_nginx, _proxy, _shelf, server) =
        behind(folder.path(), ALL, move |asked| match chosen.load(Ordering::Relaxed) {
            1 => Fault::Reset,
            2 => Fault::Stall(5, Duration::from_secs(3)),
            3 => Fault::Status(403),
            4 if late(asked) => Fault::Reset,
            5 if late(asked) => Fault::Short(1000),
            _ => Fault::None,
        });
    let url = proxied(&server, "data");
    let bytes = noise(ALL);
    for (fault, status) in [(1, 502), (2, 504), (3, 502)] {
        mood.store(fault, Ordering::Relaxed);
        let answer = get_with(&url, &[("range", "bytes=0-99")]);
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        let said = answer.json();
        assert!(said["code"].is_string() && !said.to_string().contains("127.0.0.1"), "{said}");
        assert_eq!(answer.header("content-range"), "", "no part is announced");
    }
    for fault in [4, 5] {
        mood.store(fault, Ordering::Relaxed);
        let (status, len, body) = take(&mut ask(&url), usize::MAX);
        assert_eq!((status, len), (200, ALL));
        assert!(body.len() < ALL && body == bytes[..body.len()], "{} bytes", body.len());
        assert!(server.logs("an asset breaks off"), "{}", server.log());
    }
    mood.store(0, Ordering::Relaxed);
    assert!(get(&url).body == bytes);
}

#[test]
fn a_range_of_an_object_in_a_store_is_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, proxy, _shelf, server) = behind(folder.path(), 1 << 20, |_| Fault::None);
    let url = proxied(&server, "data");
    assert_eq!(get_with(&url, &[("range", "bytes=0-99")]).status, 206);
    let before = proxy.requests();
    for nth in 1..=20 {
        let part = get_with(&url, &[("range", &format!("bytes={}-{}", nth * 1000, nth * 1000 + 99))]);
        assert!(part.body == noise(1 << 20)[nth * 1000..nth * 1000 + 100]);
    }
    assert_eq!(proxy.requests() - before, 20);
}

#[test]
fn hrefs_of_the_proxy_keep_the_original_beside_them_but_for_paths_on_the_disk() {
    let own = json!({"href": "https://h.example/y.tif", "alternate": {"s3": {"href": "s3://b/y.tif"}}});
    let shelf =
        Shelf::of(&[("near", "./x.tif".into()), ("far", "https://h.example/a b/x.tif".into()), ("own", own)]);
    let server = shelf.serve(&Env::new(), &["--asset-hrefs", "proxy"]);
    let item = get(&format!("{}/collections/c/items/i", server.url)).json();
    for key in ["near", "far", "own"] {
        assert_eq!(item["assets"][key]["href"], proxied(&server, key));
    }
    assert_eq!(item["assets"]["near"].get("alternate"), None);
    let original = json!({"original": {"href": "https://h.example/a%20b/x.tif"}});
    assert_eq!(item["assets"]["far"]["alternate"], original);
    assert_eq!(item["assets"]["own"]["alternate"]["s3"]["href"], "s3://b/y.tif");
    assert_eq!(item["assets"]["own"]["alternate"]["original"]["href"], "https://h.example/y.tif");
    let extension = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json";
    assert_eq!(item["stac_extensions"], json!([extension]));
    let page = get(&format!("{}/search", server.url)).json();
    assert_eq!(page["features"][0], item);
    let lines = get_with(&format!("{}/search", server.url), &[("accept", "application/x-ndjson")]);
    assert_eq!(serde_json::from_slice::<Value>(&lines.body).unwrap(), item);
    let some = get(&format!("{}/search?fields=id,assets", server.url)).json();
    assert_eq!(some["features"][0]["assets"], item["assets"]);
    let auto = shelf.serve(&Env::new(), &[]);
    let item = get(&format!("{}/collections/c/items/i", auto.url)).json();
    assert_eq!(item["assets"]["far"]["href"], "https://h.example/a%20b/x.tif");
    assert_eq!(
        (item["assets"]["near"]["href"].as_str(), item["assets"]["far"].get("alternate")),
        (Some(proxied(&auto, "near").as_str()), None)
    );
}

#[test]
fn gdal_reads_the_same_pixels_through_the_proxy_as_from_the_disk() {
    let mut folders = vec![repository("tests/data/cogs")];
    let mut rasters = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "tif" || extension == "tiff") {
                rasters.push(path);
            }
        }
    }
    let keys: Vec<_> = (0..rasters.len()).map(|nth| nth.to_string()).collect();
    let assets: Vec<_> =
        keys.iter().zip(&rasters).map(|(key, path)| (key.as_str(), path.to_str().unwrap().into())).collect();
    let shelf = Shelf::of(&assets);
    let root = repository("tests/data/cogs");
    let allow = ["--allow", root.to_str().unwrap()];
    let server = shelf.serve(&Env::new(), &allow);
    let original = shelf.serve(&Env::new(), &[&allow[..], &["--asset-hrefs", "original"]].concat());
    let said = script("proxied_cogs.py", [&server.url, &original.url]);
    assert!(said.contains("rasters are alike"), "{said}");
}
