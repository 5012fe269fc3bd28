//! 64 clients of all kinds at once: memory, descriptors, threads and tasks of the server stay flat.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Answer, get, get_with, post};
use crate::server::Server;
use crate::{demo, soak};

const CLIENTS: u64 = 64;

/// Bounds on what is kept and sent, small, so that they are reached at once.
const CACHE_BYTES: &str = "33554432";
const ANSWER_BYTES: &str = "67108864";

/// What all clients know of the catalogue.
struct Known {
    url: String,
    collection: String,
    centre: [f64; 2],
    items: Vec<String>,
}

impl Known {
    fn of(server: &Server) -> Self {
        let collection = get(&format!("{}/collections", server.url)).json()["collections"][0].clone();
        let bbox: Vec<f64> =
            serde_json::from_value(collection["extent"]["spatial"]["bbox"][0].clone()).unwrap();
        let found = get(&format!("{}/search?limit=50", server.url)).json();
        let id = |item: &Value| item["id"].as_str().unwrap().to_owned();
        Self {
            url: server.url.clone(),
            collection: collection["id"].as_str().unwrap().to_owned(),
            centre: [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])],
            items: found["features"].as_array().unwrap().iter().map(id).collect(),
        }
    }

    /// The nth thing that a client does; nothing where it goes away before the answer.
    fn ask(&self, nth: u64) -> Option<Answer> {
        let Self { url, collection, .. } = self;
        let item = &self.items[usize::try_from(nth).unwrap() % self.items.len()];
        let at = |path: &str| format!("{url}{path}");
        Some(match nth % 16 {
            0 => get(&at(&format!("/search?limit={}", 1 + nth % 40))),
            1 => post(
                &at("/search"),
                &json!({"filter": "eo:cloud_cover < 50", "filter-lang": "cql2-text", "limit": 10_000}),
            ),
            2 => post(
                &at("/search"),
                &json!({"bbox": [-180, -90, 180, 90], "fields": ["id"], "sortby": "-eo:cloud_cover"}),
            ),
            3 => get(&at("/aggregate?aggregations=total_count,datetime_frequency")),
            4 => get_with(&at("/search"), &[("accept", "application/x-ndjson"), ("accept-encoding", "gzip")]),
            5 => get_with(&at("/"), &[("accept", "text/html")]),
            6 => get(&at(&format!("/collections/{collection}/items/{item}"))),
            7 | 8 => {
                let range = format!("bytes={}-{}", nth % 9 * 1000, nth % 9 * 1000 + 200_000);
                get_with(
                    &at(&format!("/collections/{collection}/items/{item}/assets/B04")),
                    &[("range", &range)],
                )
            }
            9 => {
                self.leave(&format!("/collections/{collection}/items/{item}/assets/B04"));
                return None;
            }
            10 => {
                self.leave("/search?limit=10000");
                return None;
            }
            11 | 12 => post(
                &at("/patch"),
                &json!({"collections": [collection], "bands": ["B04", "B08"], "center": self.centre,
                "size": 64 + nth % 200, "timestamps": 4}),
            ),
            13 => post(
                &at("/patch/random"),
                &json!({"collections": [collection], "bands": ["B04"], "size": 128, "seed": nth,
                "count": 3, "timestamps": 3, "format": "npz"}),
            ),
            14 => get(&at(&format!("/search?filter=nothing%20{nth}"))),
            _ => get(&at(&format!("/nowhere/{nth}"))),
        })
    }

    /// Asks, and goes away in the middle of the answer.
    fn leave(&self, path: &str) {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        // Whether anything came by then does not matter.
        let _ = stream.read(&mut [0; 1000]);
    }

    fn metrics(&self) -> HashMap<String, f64> {
        let text = String::from_utf8(get(&format!("{}/metrics", self.url)).body).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect()
    }
}

#[test]
fn sixty_four_mixed_clients_leave_memory_descriptors_and_tasks_as_they_were() {
    let server = demo::serve_with(&["--cache-bytes", CACHE_BYTES, "--max-patch-bytes", ANSWER_BYTES]);
    let known = Known::of(&server);
    let (answers, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let lasts = soak::lasts(Duration::from_mins(1));
    let (warm, begin) = (Duration::from_secs(15), Instant::now());
    let end = begin + warm + lasts;
    let mut memory = Vec::new();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (known, answers, refused) = (&known, &answers, &refused);
            scope.spawn(move || {
                let mut nth = client * 7;
                while Instant::now() < end {
                    if let Some(answer) = known.ask(nth) {
                        let is_told = !answer.header("retry-after").is_empty();
                        match answer.status {
                            200 | 206 | 400 | 404 => answers.fetch_add(1, Ordering::Relaxed),
                            429 | 503 if is_told => refused.fetch_add(1, Ordering::Relaxed),
                            status => panic!("{nth}: {status} {}", String::from_utf8_lossy(&answer.body)),
                        };
                    }
                    nth += CLIENTS * 7 + 1;
                }
            });
        }
        while Instant::now() < end {
            thread::sleep(Duration::from_secs(1));
            if begin.elapsed() > warm {
                memory.push(known.metrics()["process_resident_memory_bytes"]);
            }
        }
    });
    // Flat: what the last third takes at most is little more than what the first third did.
    let third = memory.len() / 3;
    let most = |samples: &[f64]| samples.iter().copied().fold(0.0, f64::max) / f64::from(1 << 20);
    let (first, last) = (most(&memory[..third]), most(&memory[memory.len() - third..]));
    assert!(last <= first * 1.2 + 24.0, "{first:.0} MB, then {last:.0} MB");

    // When all are gone, nothing is held for them.
    let settled = Instant::now() + Duration::from_secs(45);
    let idle = |metrics: &HashMap<String, f64>| {
        let queues = metrics
            .iter()
            .filter(|(name, _)| name.starts_with("cairn_queue_bytes"))
            .all(|(_, held)| *held == 0.0);
        queues
            && metrics["cairn_connections"] <= 2.0
            && metrics["cairn_tasks"] < 16.0
            && metrics["process_open_fds"] < 300.0
    };
    let mut metrics = known.metrics();
    while !idle(&metrics) {
        let of = |name: &str| metrics[name];
        assert!(
            Instant::now() < settled,
            "connections {}, tasks {}, descriptors {}",
            of("cairn_connections"),
            of("cairn_tasks"),
            of("process_open_fds")
        );
        thread::sleep(Duration::from_millis(500));
        metrics = known.metrics();
    }
    let (answers, refused) = (answers.into_inner(), refused.into_inner());
    assert!(answers > 200, "{answers} answers, {refused} refused");
    let said = format!(
        "{answers} answers to {CLIENTS} clients in {} s, {refused} refused: {first:.0} MB, then {last:.0} MB; afterwards {} tasks, {} descriptors",
        lasts.as_secs(),
        metrics["cairn_tasks"],
        metrics["process_open_fds"],
    );
    soak::figure("64 mixed clients", &said);
}
