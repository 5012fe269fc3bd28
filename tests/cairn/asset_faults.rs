//! Assets through the proxy from a store that misbehaves: a client gets the right bytes, or a status or a broken connection that
//! says that it did not; never other bytes, and never too few as if they were all.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn::storage::{Environment, Label, Settings, Storage, WriteMode};
use serde_json::json;

use crate::http::{get, request};
use crate::server::{Server, cairn};
use crate::soak;
use crate::store_conformance::{at, noise, run};
use crate::stores::{Asked, Fault, Proxy, S3, with};

const BYTES: usize = 5 << 20;

/// A server of one Item whose asset lies behind a proxy that misbehaves.
struct Behind {
    server: Server,
    s3: S3,
    _folder: tempfile::TempDir,
    _proxy: Proxy,
}

impl Behind {
    fn start(fault: impl Fn(&Asked) -> Fault + Send + Sync + 'static) -> Self {
        let s3 = S3::start(&["bucket"]);
        let folder = tempfile::tempdir().unwrap();
        let item = json!({"type": "Feature", "stac_version": "1.0.0", "id": "i", "collection": "c", "geometry": null,
            "properties": {"datetime": "2024-01-01T00:00:00Z"}, "links": [], "assets": {"a": {"href": "s3://bucket/x.bin"}}});
        fs::write(folder.path().join("items.ndjson"), item.to_string()).unwrap();
        let config = folder.path().join("cairn.toml");
        fs::write(&config, "[[store]]\nprefix = 's3://bucket'\ntimeout_seconds = 1").unwrap();
        let proxy = Proxy::before(s3.port(), fault);
        let mut command = cairn();
        command.arg("serve").arg(folder.path().join("items.ndjson")).args(["--allow", "s3://bucket"]);
        command.args(["--bind", "127.0.0.1:0"]).arg("--config").arg(&config);
        let server = Server::start(with(&mut command, &S3::env_at(&proxy.url())));
        let behind = Self { server, s3, _folder: folder, _proxy: proxy };
        behind.write(noise(BYTES));
        behind
    }

    /// Puts an object past the proxy.
    fn write(&self, bytes: Bytes) {
        let environment = self.s3.env();
        let environment = Environment::of(environment.iter().map(|(name, value)| (*name, value.as_str())));
        let storage = Storage::new(Settings::new(Vec::new(), environment).unwrap());
        run(async {
            storage
                .write(&at("s3://bucket/x.bin"), bytes, WriteMode::Replace, &Label::default())
                .await
                .unwrap();
        });
    }

    fn url(&self) -> String {
        format!("{}/collections/c/items/i/assets/a", self.server.url)
    }

    /// The status, and all bytes unless the connection broke off.
    fn get(&self, range: Option<(usize, usize)>) -> (u16, Option<Vec<u8>>) {
        let mut asked = ureq::get(self.url()).config().http_status_as_error(false).build();
        if let Some((start, end)) = range {
            asked = asked.header("range", format!("bytes={start}-{}", end - 1));
        }
        let mut answer = asked.call().unwrap();
        let bytes = answer.body_mut().with_config().limit(u64::MAX).read_to_vec();
        (answer.status().as_u16(), bytes.ok())
    }
}

#[test]
fn through_any_fault_the_bytes_are_right_or_missing_openly() {
    let behind =
        Arc::new(Behind::start(|asked| match asked.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60 {
            0 => Fault::Status(503),
            1 => Fault::Reset,
            2 => Fault::Short(100_000),
            3 => Fault::Stall(50_000, Duration::from_secs(3)),
            4 => Fault::Status(500),
            5 => Fault::Unanswered,
            6 => Fault::Status(403),
            _ => Fault::None,
        }));
    let (whole, asked) = (noise(BYTES), Arc::new(AtomicU64::new(0)));
    let right = Arc::new(AtomicU64::new(0));
    let count = soak::times(40) as u64;
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let nth = asked.fetch_add(1, Ordering::Relaxed);
                    if nth >= count {
                        return;
                    }
                    let start = usize::try_from(nth * 7919 * 131).unwrap() % (BYTES - 1);
                    let range = (nth % 3 > 0)
                        .then_some((start, BYTES.min(start + 1 + (2 << 20) * (nth % 2) as usize)));
                    let (from, to) = range.unwrap_or((0, BYTES));
                    match behind.get(range) {
                        (200 | 206, Some(bytes)) => {
                            assert!(
                                bytes == whole[from..to],
                                "{from} to {to}: {} bytes, not those",
                                bytes.len()
                            );
                            right.fetch_add(1, Ordering::Relaxed);
                        }
                        // It broke off, and the client knows.
                        (200 | 206, None) => {}
                        (status, _) => assert!([502, 503, 504].contains(&status), "{status}"),
                    }
                }
            });
        }
    });
    let right = right.load(Ordering::Relaxed);
    assert!(right * 3 > count, "{right} of {count}");
    soak::figure(
        "assets from a store with every second answer wrong, late, cut or missing",
        &format!("{right} of {count} whole, the others told"),
    );
}

#[test]
fn trouble_that_stays_is_502_or_504_and_names_no_place() {
    for (fault, status) in [
        (Fault::Status(500), 502),
        (Fault::Reset, 502),
        (Fault::Status(403), 502),
        (Fault::Unanswered, 502),
        (Fault::Late(Duration::from_secs(9)), 504),
    ] {
        let behind = Behind::start(move |_| fault);
        let start = Instant::now();
        let answer = get(&behind.url());
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{fault:?}: {said}");
        assert!(!said.contains("bucket") && !said.contains("s3"), "{fault:?}: {said}");
        assert!(
            answer.header("cache-control").contains("no-store"),
            "{fault:?}: a failure that is kept is taken for a fact"
        );
        assert!(start.elapsed() < Duration::from_mins(1), "{fault:?}: {:?}", start.elapsed());
        assert!(behind.server.logs("bucket"), "the log says where: {}", behind.server.log());
    }
}

#[test]
fn an_object_that_is_replaced_on_the_way_breaks_off_and_is_never_mixed() {
    // All but the first piece come late.
    let behind = Behind::start(|asked| match asked.range.as_deref() {
        Some(range) if !range.starts_with("bytes=0-") => Fault::Late(Duration::from_millis(700)),
        _ => Fault::None,
    });
    let other = Bytes::from(vec![7; BYTES]);
    let (got, ()) = thread::scope(|scope| {
        let reading = scope.spawn(|| behind.get(None));
        thread::sleep(Duration::from_millis(600));
        behind.write(other.clone());
        (reading.join().unwrap(), ())
    });
    let (status, bytes) = got;
    assert_eq!(status, 200);
    assert!(bytes.is_none(), "{} bytes of two objects", bytes.map_or(0, |bytes| bytes.len()));
    // From then on it is the new one.
    assert!(behind.get(None).1.is_some_and(|bytes| bytes == other));
}

#[test]
fn a_client_that_goes_away_stops_the_reading() {
    let behind = Behind::start(|_| Fault::Late(Duration::from_millis(100)));
    let requests = || {
        let metrics = String::from_utf8(get(&format!("{}/metrics", behind.server.url)).body).unwrap();
        let line = metrics.lines().find(|line| line.starts_with("cairn_store_requests_total{store=\"s3\"}"));
        line.unwrap().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    behind.write(noise(60 << 20));
    let mut answer = ureq::get(behind.url()).call().unwrap();
    let mut some = vec![0; 1 << 20];
    std::io::Read::read_exact(&mut answer.body_mut().as_reader(), &mut some).unwrap();
    drop(answer);
    thread::sleep(Duration::from_secs(2));
    let after = requests();
    thread::sleep(Duration::from_secs(2));
    assert_eq!(requests(), after, "it is read on for nobody");
    assert!(after < 50, "{after} requests for some pieces of it");
    // Nor does a question about it read it.
    assert_eq!(request("HEAD", &behind.url(), &[]).header("content-length"), (60 << 20).to_string());
    assert!(requests() <= after + 2);
}
