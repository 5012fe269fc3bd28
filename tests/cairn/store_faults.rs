//! Stores that misbehave: what is read through them is right, or an error that says what happened; never anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn::storage::{
    Environment, Label, Location, Settings, Storage, StorageError, StoreKind, StoreSettings, WriteMode,
};
use futures::{StreamExt, stream};

use crate::soak;
use crate::store_conformance::{at, noise, run};
use crate::stores::{Azure, Env, Fault, Proxy, S3};

/// Stores whose answers may take a second to begin, and to go on.
fn hasty(env: &Env, prefix: &str) -> Storage {
    let store: StoreSettings = toml::from_str(&format!("prefix = '{prefix}'\ntimeout_seconds = 1")).unwrap();
    let environment = Environment::of(env.iter().map(|(name, value)| (*name, value.as_str())));
    Storage::new(Settings::new(vec![store], environment).unwrap())
}

/// What is done to the request of that number, of all faults there are.
fn any_fault(number: u64) -> Fault {
    // Spread by a multiplier without pattern.
    match (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 20 {
        0 => Fault::Status(500),
        1 => Fault::Status(503),
        2 => Fault::Status(429),
        3 => Fault::Reset,
        4 => Fault::Unanswered,
        5 => Fault::Short(100),
        6 => Fault::Late(Duration::from_millis(30)),
        7 => Fault::Stall(50, Duration::from_secs(3)),
        8 => Fault::Status(403),
        _ => Fault::None,
    }
}

#[test]
fn reads_through_a_store_that_misbehaves_end_right_or_in_an_error() {
    let (s3, azure) = (S3::start(&["bucket"]), Azure::start());
    let runs = [
        (s3.port(), S3::env_at as fn(&str) -> Env, "s3://bucket"),
        (azure.port(), Azure::env_at as fn(&str) -> Env, "az://container"),
    ];
    run(async {
        for (port, env_at, root) in runs {
            let bytes = noise(300_000);
            let object = at(root).child("x.tif").unwrap();
            let plain = hasty(&env_at(&format!("http://127.0.0.1:{port}")), root);
            plain.make_container(&object).await.unwrap();
            plain.write(&object, bytes.clone(), WriteMode::Replace, &Label::default()).await.unwrap();
            let proxy = Proxy::before(port, |asked| any_fault(asked.number));
            let storage = hasty(&env_at(&proxy.url()), root);
            let etag = plain.meta(&object).await.unwrap().etag;
            let reads = u64::try_from(soak::times(200)).unwrap();
            let outcomes: Vec<_> = stream::iter(0..reads)
                .map(|nth| {
                    let (storage, object, etag, bytes) = (&storage, &object, &etag, &bytes);
                    async move {
                        let start = nth * 997 % 299_000;
                        let read = storage.read_ranges(object, etag, &[start..start + 900, 5..2000]).await;
                        read.map(|parts| {
                            let own = usize::try_from(start).unwrap();
                            assert_eq!(parts[0], bytes[own..own + 900]);
                            assert_eq!(parts[1], bytes[5..2000]);
                        })
                    }
                })
                .buffer_unordered(16)
                .collect()
                .await;
            let failed: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
            for error in &failed {
                let is_told = matches!(
                    error,
                    StorageError::Stalled { .. }
                        | StorageError::Denied { .. }
                        | StorageError::Unavailable { .. }
                        | StorageError::Broken { .. }
                );
                assert!(is_told, "{error}");
            }
            assert!(failed.len() * 5 < outcomes.len(), "{} of {}: {failed:?}", failed.len(), outcomes.len());
            let kind = if root.starts_with("s3") { StoreKind::S3 } else { StoreKind::Azure };
            let tally = storage.counters().of(kind);
            assert!(tally.retries() > reads / 20 && tally.errors() >= tally.retries());
            assert_eq!(tally.requests(), proxy.requests(), "each request is counted");
            let what = format!(
                "{} of {reads} reads of two ranges failed, {} retries",
                failed.len(),
                tally.retries()
            );
            soak::figure(&format!("{root} with every second answer late, wrong, cut or missing"), &what);
        }
    });
}

/// Reads an object through a proxy, and what the proxy saw of it.
fn read_through(
    fault: impl Fn(u64) -> Fault + Send + Sync + 'static,
) -> (Result<Bytes, StorageError>, u64, Duration) {
    let s3 = S3::start(&["bucket"]);
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let proxy = Proxy::before(s3.port(), move |_| fault(counted.fetch_add(1, Ordering::Relaxed)));
    let mut read = None;
    run(async {
        let object = at("s3://bucket/x");
        let plain = hasty(&s3.env(), "s3://bucket");
        plain.write(&object, noise(10_000), WriteMode::Replace, &Label::default()).await.unwrap();
        let start = Instant::now();
        let bytes = hasty(&S3::env_at(&proxy.url()), "s3://bucket").read(&object).await;
        read = Some((bytes, start.elapsed()));
    });
    let (bytes, took) = read.unwrap();
    (bytes, asked.load(Ordering::Relaxed), took)
}

#[test]
fn trouble_that_passes_is_waited_for_and_trouble_that_stays_is_told() {
    let first = |fault: Fault, times: u64| move |number| if number < times { fault } else { Fault::None };
    for (fault, times) in [
        (Fault::Status(503), 3),
        (Fault::Status(429), 2),
        (Fault::Status(500), 2),
        (Fault::Reset, 2),
        (Fault::Short(100), 2),
        (Fault::Stall(10, Duration::from_secs(2)), 1),
        // Credentials may have been renewed since.
        (Fault::Status(403), 1),
    ] {
        let (read, requests, _) = read_through(first(fault, times));
        assert_eq!(read.unwrap(), noise(10_000), "{fault:?}");
        assert_eq!(requests, times + 1, "{fault:?}");
    }
    let (read, requests, _) = read_through(|_| Fault::Status(503));
    assert!(matches!(read, Err(StorageError::Unavailable { status: 503, .. })), "{read:?}");
    assert_eq!(requests, 6);
    let (read, requests, _) = read_through(|_| Fault::Status(403));
    assert!(matches!(read, Err(StorageError::Denied { status: 403, .. })), "{read:?}");
    assert_eq!(requests, 2);
    let (read, requests, _) = read_through(|_| Fault::Status(400));
    assert!(matches!(read, Err(StorageError::Refused { status: 400, .. })), "{read:?}");
    assert_eq!(requests, 1);
    let (read, requests, took) = read_through(|_| Fault::Stall(10, Duration::from_secs(9)));
    assert!(matches!(read, Err(StorageError::Stalled { .. })), "{read:?}");
    assert!(requests == 2 && took < Duration::from_secs(8), "{requests} {took:?}");
}

#[test]
fn an_object_that_is_replaced_between_two_ranges_is_an_error_and_never_mixed() {
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |asked| match asked.range.as_deref() {
        Some("bytes=0-99") => Fault::None,
        _ => Fault::Late(Duration::from_millis(400)),
    });
    run(async {
        let object = at("s3://bucket/x");
        let plain = hasty(&s3.env(), "s3://bucket");
        let first = plain.write(&object, noise(10_000), WriteMode::Replace, &Label::default()).await.unwrap();
        let slow = hasty(&S3::env_at(&proxy.url()), "s3://bucket");
        let replaced = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let other = Bytes::from(vec![7; 10_000]);
            plain.write(&object, other, WriteMode::Replace, &Label::default()).await.unwrap();
        };
        let ranges = [0..100, 5000..5100];
        let (read, ()) = tokio::join!(slow.read_ranges(&object, &first.etag, &ranges), replaced);
        assert!(matches!(read, Err(StorageError::Changed { .. })), "{read:?}");
    });
}

#[test]
fn many_ranges_are_under_way_at_once() {
    let s3 = S3::start(&["bucket"]);
    let proxy = Proxy::before(s3.port(), |_| Fault::Late(Duration::from_millis(150)));
    run(async {
        let object: Location = at("s3://bucket/x");
        let plain = hasty(&s3.env(), "s3://bucket");
        let meta = plain.write(&object, noise(10_000), WriteMode::Replace, &Label::default()).await.unwrap();
        let slow = hasty(&S3::env_at(&proxy.url()), "s3://bucket");
        let ranges: Vec<_> = (0..32).map(|nth| nth * 10..nth * 10 + 5).collect();
        let start = Instant::now();
        slow.read_ranges(&object, &meta.etag, &ranges).await.unwrap();
        // One after the other they would take five seconds; how fast they are is not for a test to say.
        assert!(start.elapsed() < Duration::from_millis(32 * 150 / 2), "{:?}", start.elapsed());
        assert_eq!(proxy.requests(), 32);
    });
}
