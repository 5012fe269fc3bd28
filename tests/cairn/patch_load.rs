//! What patches cost: bytes of stores, blocks that are kept, memory that answers hold, and who waits for it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::demo;
use crate::http::{get, get_with, post};
use crate::server::Server;

/// Sides of the demo's blocks.
const BLOCK: u64 = 256;

struct Demo {
    server: Server,
    collection: String,
    centre: [f64; 2],
}

impl Demo {
    fn start(options: &[&str]) -> Self {
        let server = demo::serve_with(options);
        let collection = get(&format!("{}/collections", server.url)).json()["collections"][0].clone();
        let bbox: Vec<f64> =
            serde_json::from_value(collection["extent"]["spatial"]["bbox"][0].clone()).unwrap();
        let centre = [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])];
        Self { server, collection: collection["id"].as_str().unwrap().to_owned(), centre }
    }

    /// The bytes that answer a question.
    fn ask(&self, path: &str, change: &Value) -> Vec<u8> {
        let mut question = json!({"collections": [self.collection], "bands": ["B04", "B08"]});
        for (name, value) in change.as_object().unwrap() {
            question[name] = value.clone();
        }
        let answer = post(&format!("{}{path}", self.server.url), &question);
        assert_eq!(answer.status, 200, "{question}: {}", String::from_utf8_lossy(&answer.body));
        answer.body
    }

    fn patch(&self, size: u64) -> Vec<u8> {
        self.ask("/patch", &json!({"center": self.centre, "size": size}))
    }

    /// All metrics, those of one name together.
    fn metrics(&self) -> HashMap<String, f64> {
        let text = String::from_utf8(get(&format!("{}/metrics", self.server.url)).body).unwrap();
        let mut metrics = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let name = name.split('{').next().unwrap().to_owned();
            *metrics.entry(name).or_insert(0.0) += value.parse::<f64>().unwrap();
        }
        metrics
    }

    /// By how much some metrics grow during a call.
    fn growth<const N: usize>(&self, names: [&str; N], call: impl FnOnce()) -> [f64; N] {
        let before = self.metrics();
        call();
        let after = self.metrics();
        names.map(|name| after[name] - before[name])
    }

    /// Waits until a metric has a value.
    fn reaches(&self, name: &str, wanted: impl Fn(f64) -> bool) {
        let end = Instant::now() + Duration::from_mins(1);
        while !wanted(self.metrics()[name]) {
            assert!(Instant::now() < end, "{name} stays {}", self.metrics()[name]);
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn an_aligned_patch_of_a_blocks_size_needs_one_block_a_band_and_date() {
    let demo = Demo::start(&["--cache-bytes", "0"]);
    let (steps, bands, samples) = (3, 2, 6);
    let question = |align: &str, size: u64| json!({"size": size, "timestamps": steps, "count": samples, "align": align, "seed": 5});
    // Headers are read but once.
    demo.ask("/patch/random", &question("none", 1));
    let names = ["cairn_store_requests_total"];
    let [aligned] = demo.growth(names, || drop(demo.ask("/patch/random", &question("block", BLOCK))));
    assert_eq!(aligned, f64::from(samples * steps * bands));
    let [anywhere] = demo.growth(names, || drop(demo.ask("/patch/random", &question("none", BLOCK))));
    assert!(anywhere > 1.5 * aligned, "{anywhere}, aligned {aligned}");
    // Which places they are, seed and index alone say.
    let all = demo.ask("/patch/random", &question("block", 64));
    let last = json!({"size": 64, "timestamps": steps, "align": "block", "seed": 5, "index": samples - 1});
    assert!(all.ends_with(&demo.ask("/patch/random", &last)[128..]));
}

#[test]
fn blocks_are_read_and_decoded_once_while_they_are_kept() {
    let names =
        ["cairn_store_requests_total", "cairn_block_cache_hits_total", "cairn_block_cache_misses_total"];
    let demo = Demo::start(&[]);
    let first = demo.patch(300);
    let [requests, hits, misses] = demo.growth(names, || assert!(demo.patch(300) == first));
    assert!(requests == 0.0 && hits > 0.0 && misses == 0.0, "{requests} {hits} {misses}");
    // More rows of a block than were kept are decoded anew, once.
    let larger = demo.patch(420);
    let [requests, _, misses] = demo.growth(names, || assert!(demo.patch(420) == larger));
    assert!(requests == 0.0 && misses == 0.0, "{requests} {misses}");
    assert!(demo.metrics()["cairn_block_cache_bytes"] > 0.0);

    let none = Demo::start(&["--cache-bytes", "0"]);
    assert!(none.patch(300) == first && none.patch(420) == larger);
    let [requests, hits, _] = none.growth(names, || assert!(none.patch(300) == first));
    assert!(requests > 0.0 && hits == 0.0, "{requests} {hits}");
    assert_eq!(none.metrics()["cairn_block_cache_bytes"], 0.0);

    let small = Demo::start(&["--cache-bytes", "300000"]);
    for size in [300, 420, 300, 700] {
        let wanted = if size == 700 { None } else { Some(if size == 300 { &first } else { &larger }) };
        let answer = small.patch(size);
        assert!(wanted.is_none_or(|wanted| *wanted == answer));
    }
    small.reaches("cairn_block_cache_bytes", |bytes| bytes <= 300_000.0);
}

#[test]
fn blocks_that_many_ask_for_at_once_are_read_little_more_often_than_for_one() {
    let alone = Demo::start(&[]);
    let names = ["cairn_store_requests_total"];
    alone.ask("/patch/random", &json!({"size": 1, "timestamps": 40}));
    let [once] = alone.growth(names, || drop(alone.patch(600)));
    let demo = Demo::start(&[]);
    demo.ask("/patch/random", &json!({"size": 1, "timestamps": 40}));
    let [together] = demo.growth(names, || {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| demo.patch(600));
            }
        });
    });
    // What the system has in memory is read block by block, what it has not in runs of them.
    assert!(together <= 1.5 * once, "{together} requests, {once} for one alone");
}

#[test]
fn a_server_that_starts_again_reads_no_header_twice() {
    let cache = tempfile::tempdir().unwrap();
    let start = || Demo::start(&["--cache-bytes", "0", "--cache-dir", cache.path().to_str().unwrap()]);
    // A plan takes headers and no pixels.
    let plan = |demo: &Demo| {
        let question = json!({"center": demo.centre, "size": 300, "format": "json"});
        let [requests] = demo.growth(["cairn_store_requests_total"], || drop(demo.ask("/patch", &question)));
        requests
    };
    let demo = start();
    assert!(plan(&demo) > 0.0);
    assert_eq!(plan(&demo), 0.0);
    let pixels = demo.patch(300);
    assert_eq!(demo.server.signal("TERM"), Some(0));
    let again = start();
    assert_eq!(plan(&again), 0.0);
    assert!(again.patch(300) == pixels);
}

#[test]
fn answers_are_sent_as_they_are_whatever_coding_a_client_takes() {
    let demo = Demo::start(&[]);
    let [lon, lat] = demo.centre;
    for format in ["npy", "npz", "safetensors", "geotiff", "zarr", "json"] {
        let url = format!(
            "{}/patch?collections={}&bands=B04&center={lon},{lat}&size=64&format={format}",
            demo.server.url, demo.collection
        );
        let answer = get_with(&url, &[("accept-encoding", "gzip, br, zstd")]);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, ""), "{format}");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{format}");
    }
}

#[test]
fn what_chooses_items_is_the_same_in_patches_and_searches_by_get_and_post() {
    let demo = Demo::start(&[]);
    let [lon, lat] = demo.centre;
    for (name, value, text) in [
        ("filter", json!("eo:cloud_cover < 20"), "eo:cloud_cover%20%3C%2020"),
        ("query", json!({"eo:cloud_cover": {"lt": 20}}), "%7B%22eo:cloud_cover%22:%7B%22lt%22:20%7D%7D"),
        ("max_cloud_cover", json!(19), "19"),
    ] {
        let mut question = json!({"collections": [demo.collection], "limit": 1000});
        question[name] = value.clone();
        let found = post(&format!("{}/search", demo.server.url), &question).json();
        let mut wanted: Vec<String> = found["features"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| format!("{}/{}", demo.collection, item["id"].as_str().unwrap()))
            .collect();
        wanted.sort();
        let all = found["numberMatched"].as_u64().unwrap();
        assert!(all > 0 && all == wanted.len() as u64, "{name}");
        let plan =
            json!({"center": demo.centre, "size": 8, "group_by": "item", "format": "json", name: value});
        let by_post = demo.ask("/patch", &plan);
        let by_get = get(&format!(
            "{}/patch?collections={}&bands=B04,B08&center={lon},{lat}&size=8&group_by=item&format=json&{name}={text}",
            demo.server.url, demo.collection
        ));
        assert_eq!(by_get.status, 200, "{name}: {}", String::from_utf8_lossy(&by_get.body));
        let random = demo.ask(
            "/patch/random",
            &json!({"size": 8, "group_by": "item", "format": "json", "within": [lon - 0.001, lat - 0.001, lon + 0.001, lat + 0.001], name: value}),
        );
        let plans: Vec<Value> = [&by_post, &by_get.body, &random]
            .map(|body| serde_json::from_slice::<Value>(body).unwrap())
            .into_iter()
            .map(|plan| if plan["samples"].is_array() { plan["samples"][0].clone() } else { plan })
            .collect();
        for plan in plans {
            let steps = plan["steps"].as_array().unwrap();
            let mut got: Vec<&str> = steps.iter().map(|step| step["items"][0].as_str().unwrap()).collect();
            got.sort_unstable();
            assert_eq!(got, wanted, "{name}");
        }
    }
}

/// A client that asks for a large patch and does not read it.
fn stalled(demo: &Demo) -> TcpStream {
    let address = demo.server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let [lon, lat] = demo.centre;
    let path =
        format!("/patch?collections={}&bands=B04&center={lon},{lat}&size=5000&timestamps=1", demo.collection);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    stream
}

#[test]
fn who_finds_no_memory_waits_in_line_then_gets_503_and_who_goes_away_leaves_room() {
    // Answers of 50 MB, two of which fit in.
    let demo = Demo::start(&["--max-patch-bytes", "50000000"]);
    let mut clients = vec![stalled(&demo), stalled(&demo)];
    demo.reaches("cairn_queue_bytes", |bytes| bytes >= 100e6);
    // Only this many bytes are sent before the client must read.
    clients[0].read_exact(&mut [0; 10]).unwrap();
    let start = Instant::now();
    let waiting = stalled(&demo);
    demo.reaches("cairn_queue_waiting", |waiting| waiting == 1.0);
    drop(waiting);
    demo.reaches("cairn_queue_waiting", |waiting| waiting == 0.0);
    let mut refused = stalled(&demo);
    let mut head = [0; 600];
    let len = refused.read(&mut head).unwrap();
    let head = String::from_utf8_lossy(&head[..len]).to_lowercase();
    assert!(head.starts_with("http/1.1 503") && head.contains("retry-after: "), "{head}");
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    assert_eq!(demo.metrics()["cairn_queue_refused_total"], 1.0);
    drop(clients);
    demo.reaches("cairn_queue_bytes", |bytes| bytes == 0.0);
    assert_eq!(demo.patch(64).len() % 2, 0);
}

#[test]
fn an_answer_over_the_bound_is_413_with_its_size_before_anything_is_read() {
    let demo = Demo::start(&["--max-patch-bytes", "1000000"]);
    let base = json!({"collections": [demo.collection], "bands": ["B04", "B08"], "timestamps": 4});
    // Two bytes a sample, which only headers say; then what the question says by itself.
    let cases = [
        ("/patch", json!({"center": demo.centre, "size": 256}), 256 * 256 * 2 * 4 * 2),
        ("/patch", json!({"center": demo.centre, "size": 300, "dtype": "float64"}), 300 * 300 * 2 * 4 * 8),
        ("/patch/random", json!({"size": 256}), 256 * 256 * 2 * 4 * 2),
        ("/patch/random", json!({"size": 128, "count": 5, "dtype": "float32"}), 5 * 128 * 128 * 2 * 4 * 4),
    ];
    // The headers.
    demo.ask("/patch", &json!({"center": demo.centre, "size": 1}));
    for (path, change, bytes) in cases {
        let mut question = base.clone();
        for (name, value) in change.as_object().unwrap() {
            question[name] = value.clone();
        }
        let [read] = demo.growth(["cairn_store_bytes_total"], || {
            let answer = post(&format!("{}{path}", demo.server.url), &question);
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            assert_eq!(answer.status, 413, "{question}: {said}");
            assert!(said.contains(&format!(" {bytes} bytes")), "{question}: {said}, not {bytes}");
        });
        assert_eq!(read, 0.0, "{question}");
    }
}
