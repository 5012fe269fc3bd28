//! Searches in process, over a catalogue of made-up Sentinel-2 Items (`CAIRN_BENCH_ITEMS`, 100,000 by default).
//!
//! The baseline, `linear scan`, answers the same question from plain arrays of boxes, times and cloud cover: what a program
//! without an index does, and no less than that.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use cairn::catalog::{Catalog, Snapshot, Source};
use cairn::pool::Pool;
use cairn::search::{Place, Search, Token, page};
use cairn::stac::{Bbox, Interval};
use cairn::storage::Storage;
use criterion::{Criterion, criterion_group, criterion_main};

#[expect(unused_imports, dead_code, reason = "the generator's tests run as those of the example")]
mod sentinel2;

use sentinel2::{Generator, collection};

const SEED: u64 = 7;

fn snapshot() -> Arc<Snapshot> {
    let count: u64 = std::env::var("CAIRN_BENCH_ITEMS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("collection.json"), folder.path().join("items.ndjson")];
    std::fs::write(&paths[0], collection().to_string()).unwrap();
    write_items(&paths[1], count);
    let sources = paths.iter().map(|path| Source::parse(path.to_str().unwrap()).unwrap()).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (before, start) = (resident_mib(), std::time::Instant::now());
    let (catalog, report) =
        runtime.block_on(Catalog::load(sources, Storage::default(), Pool::new().unwrap())).unwrap();
    assert_eq!(report.items as u64, count);
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let after = resident_mib();
    eprintln!(
        "loaded {count} Items from ndjson: {rate:.0} Items/s, {before} MiB resident before, {after} after"
    );
    catalog.snapshot()
}

fn write_items(path: &Path, count: u64) {
    let generator = Generator::new(SEED).unwrap();
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap());
    let mut line = Vec::new();
    for index in 0..count {
        line.clear();
        generator.write_item(index, &mut line);
        line.push(b'\n');
        out.write_all(&line).unwrap();
    }
    out.flush().unwrap();
}

/// Memory that this process holds.
fn resident_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    (pages * 4096) >> 20
}

/// What the linear scan looks at.
struct Plain {
    bbox: [f64; 4],
    start: chrono::DateTime<chrono::Utc>,
    cloud: f64,
}

fn plain(snapshot: &Snapshot) -> Vec<Plain> {
    (0..snapshot.len() as u32)
        .map(|row| {
            let document = snapshot.body(row).parse().unwrap();
            let bbox: Vec<f64> =
                document["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            Plain {
                bbox: bbox.try_into().unwrap(),
                start: snapshot.start(row),
                cloud: snapshot.cloud_cover(row),
            }
        })
        .collect()
}

fn bench(criterion: &mut Criterion) {
    let snapshot = snapshot();
    let plain = plain(&snapshot);
    let bbox = |text: &str| Bbox::parse(text).unwrap();
    // A catalogue of 100,000 Items lasts twelve days: the month has all of them.
    let month = Interval::parse("2023-01-01T00:00:00Z/2023-01-31T23:59:59Z").unwrap();
    let city = bbox("-105.1,39.6,-104.7,39.9");
    let newest = |place| Search { place: Some(Place::Bbox(place)), limit: 10, ..Search::default() };
    let filtered = Search { interval: Some(month), max_cloud_cover: Some(20.0), ..newest(city) };
    let deep = {
        let row = (snapshot.len() as u32 - 1).min(1000 * 10);
        let token = Token {
            start: snapshot.start(row),
            id: snapshot.id(row).to_owned(),
            collection: snapshot.collection_id(row).to_owned(),
        };
        Search { token: Some(token), limit: 10, ..Search::default() }
    };
    let continent = || newest(bbox("-10,35,40,70"));
    assert!(page(&snapshot, &filtered).matched > 0 && page(&snapshot, &continent()).matched > 100);
    let mut group = criterion.benchmark_group("search");
    for (name, search) in [
        ("city, newest 10", newest(city)),
        ("city, month, cloud cover", filtered),
        ("continent, exact count", continent()),
        ("first page", Search { limit: 10, ..Search::default() }),
        ("page 1,000, by token", deep),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| page(&snapshot, black_box(&search))));
    }
    group.bench_function("linear scan: city, month, cloud cover", |bencher| {
        let [west, south, east, north] = city.to_array();
        bencher.iter(|| {
            let hits = plain.iter().filter(|item| {
                let [w, s, e, n] = item.bbox;
                w <= black_box(east)
                    && e >= west
                    && s <= north
                    && n >= south
                    && month.meets(item.start, item.start)
                    && item.cloud <= 20.0
            });
            hits.count()
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
