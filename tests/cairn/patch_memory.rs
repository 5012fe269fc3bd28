//! A server under a long load of random patches: what it takes stays within its bounds.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{get, post};
use crate::{demo, soak};

const CACHE_BYTES: u64 = 96 << 20;
const ANSWER_BYTES: u64 = 128 << 20;
const CLIENTS: u64 = 16;

/// The nth question of a client: sizes, time steps, grids, formats and masks in turn; some answers near the bound.
fn question(collection: &Value, nth: u64) -> Value {
    let size = if nth % 7 < 2 { 256 } else { [64, 256, 333, 700][(nth % 4) as usize] };
    let format = ["npy", "npz", "safetensors", "zarr"][(nth / 4 % 4) as usize];
    let mut question = json!({
        "collections": [collection], "bands": ["B04", "B08"], "size": size, "seed": nth, "timestamps": 12,
        "count": if size < 300 { 20 } else { 2 },
        "format": format,
    });
    match nth % 7 {
        0 => question["align"] = json!("block"),
        1 => {
            question["resolution"] = json!(27);
            question["resampling"] = json!("cubic");
        }
        2 => {
            question["crs"] = json!("EPSG:4326");
            question["resampling"] = json!("bilinear");
        }
        3 => question["mask"] = json!("SCL:3,8,9,10"),
        4 => question["dtype"] = json!("float32"),
        _ => {}
    }
    question
}

/// Asks, and goes away in the middle of the answer.
fn leave_early(url: &str, body: &Value) {
    let address = url.trim_start_matches("http://");
    let (body, mut stream) = (body.to_string(), TcpStream::connect(address).unwrap());
    let head =
        format!("POST /patch/random HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n");
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    // Whether anything came by then does not matter.
    let _ = stream.read(&mut [0; 1000]);
}

#[test]
fn a_long_load_of_random_patches_stays_within_its_memory_and_leaks_nothing() {
    let [cache, answer] = [CACHE_BYTES, ANSWER_BYTES].map(|bytes| bytes.to_string());
    let server = demo::serve_with(&["--cache-bytes", &cache, "--max-patch-bytes", &answer]);
    let collection = get(&format!("{}/collections", server.url)).json()["collections"][0]["id"].clone();
    let idle = server.peak_bytes();
    // Threads and descriptors come with the first load, then no more.
    let load = |lasts: Duration| {
        let end = Instant::now() + lasts;
        let (answers, busy) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (url, collection, answers, busy) = (&server.url, &collection, &answers, &busy);
                scope.spawn(move || {
                    let mut nth = client;
                    while Instant::now() < end {
                        let body = question(collection, nth);
                        if nth % 11 == 5 {
                            leave_early(url, &body);
                        } else {
                            let answer = post(&format!("{url}/patch/random"), &body);
                            match answer.status {
                                200 => answers.fetch_add(1, Ordering::Relaxed),
                                503 if !answer.header("retry-after").is_empty() => {
                                    busy.fetch_add(1, Ordering::Relaxed)
                                }
                                status => {
                                    panic!("{status} {body}: {}", String::from_utf8_lossy(&answer.body))
                                }
                            };
                        }
                        nth += CLIENTS;
                    }
                });
            }
        });
        (answers.into_inner(), busy.into_inner())
    };
    load(Duration::from_secs(10));
    let before = server.descriptors_and_threads();
    let lasts = soak::lasts(Duration::from_mins(1));
    let (answers, busy) = load(lasts);
    assert!(answers > 50, "{answers} answers, {busy} refused");
    let settled = Instant::now() + Duration::from_secs(30);
    let held = || {
        let metrics = String::from_utf8(get(&format!("{}/metrics", server.url)).body).unwrap();
        metrics
            .lines()
            .any(|line| line.starts_with("cairn_queue_bytes{queue=\"patch\"} ") && !line.ends_with(" 0"))
    };
    // Threads that wait for disks end when they have had nothing to do for ten seconds.
    let more = || {
        let after = server.descriptors_and_threads();
        after.iter().zip(before).any(|(after, before)| *after > before + 4)
    };
    while (held() || more()) && Instant::now() < settled {
        thread::sleep(Duration::from_millis(200));
    }
    assert!(!held(), "memory of answers is held for nobody");
    let after = server.descriptors_and_threads();
    assert!(!more(), "{before:?} {after:?}");
    // Beside what the program and its catalogue take.
    let (peak, bound) = (server.peak_bytes() - idle, CACHE_BYTES + 3 * ANSWER_BYTES);
    assert!(peak <= bound, "{peak} bytes, more than {bound}");
    let said = format!(
        "{answers} answers to {CLIENTS} clients in {} s, {busy} refused: peak {} MB of {} beside {} MB when idle, descriptors and threads {before:?}, then {after:?}",
        lasts.as_secs(),
        peak >> 20,
        bound >> 20,
        idle >> 20
    );
    soak::figure("memory under random patches", &said);
}
