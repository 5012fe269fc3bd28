//! Searches in process, over a catalogue of made-up Sentinel-2-like Items (`CAIRN_BENCH_ITEMS`, 100,000 by default).
//!
//! The baseline, `linear scan`, answers the same question from plain arrays of boxes, times and cloud cover: what a program
//! without an index does, and no less than that.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use cairn::catalog::{Catalog, Snapshot, Source};
use cairn::pool::Pool;
use cairn::search::{Place, Search, Token, page};
use cairn::stac::{Bbox, Interval};
use cairn::storage::Storage;
use criterion::{Criterion, criterion_group, criterion_main};

/// Degrees of a tile's side, and how far its corners are turned, as those of UTM tiles are.
const TILE: f64 = 1.0;
const TURN: f64 = 0.03;

fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    f64::from((*state >> 33) as u32) / f64::from(1_u32 << 31)
}

fn items(count: usize) -> String {
    let mut state = 7;
    let mut out = String::new();
    for index in 0..count {
        let west = (random(&mut state) * 350.0 - 178.0).floor();
        let south = (random(&mut state) * 130.0 - 58.0).floor();
        let (east, north) = (west + TILE, south + TILE);
        let day = (random(&mut state) * 1000.0) as u32;
        let (year, month, date) = (2022 + day / 360, day % 360 / 30 + 1, day % 30 % 28 + 1);
        let cloud = random(&mut state) * 100.0;
        let assets: Vec<String> = ["B02", "B03", "B04", "B08"]
            .iter()
            .map(|band| {
                format!(
                    r#""{band}":{{"href":"https://example.com/{index}/{band}.tif","type":"image/tiff; application=geotiff","roles":["data"],"bands":[{{"name":"{band}"}}],"gsd":10,"proj:shape":[10980,10980],"proj:transform":[10,0,{index},0,-10,6800040]}}"#
                )
            })
            .collect();
        writeln!(
            out,
            r#"{{"type":"Feature","stac_version":"1.1.0","id":"S2_{index:08}","collection":"s2","geometry":{{"type":"Polygon","coordinates":[[[{west},{s2}],[{e2},{south}],[{east},{n2}],[{w2},{north}],[{west},{s2}]]]}},"bbox":[{west},{south},{east},{north}],"properties":{{"datetime":"{year}-{month:02}-{date:02}T10:00:00Z","eo:cloud_cover":{cloud:.2},"platform":"sentinel-2a","proj:epsg":32635}},"assets":{{{assets}}},"links":[]}}"#,
            s2 = south + TURN,
            e2 = east - TURN,
            n2 = north - TURN,
            w2 = west + TURN,
            assets = assets.join(",")
        )
        .unwrap();
    }
    out
}

fn snapshot() -> Arc<Snapshot> {
    let count = std::env::var("CAIRN_BENCH_ITEMS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items.ndjson");
    std::fs::write(&path, items(count)).unwrap();
    let source = Source::parse(path.to_str().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = std::time::Instant::now();
    let (catalog, report) =
        runtime.block_on(Catalog::load(vec![source], Storage::default(), Pool::new().unwrap())).unwrap();
    assert_eq!(report.items, count);
    let rate = count as f64 / start.elapsed().as_secs_f64();
    eprintln!("loaded {count} Items from ndjson: {rate:.0} Items/s");
    catalog.snapshot()
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
    let month = Interval::parse("2023-06-01T00:00:00Z/2023-06-30T23:59:59Z").unwrap();
    let city = bbox("24.7,60.1,25.2,60.4");
    let newest = |place| Search { place: Some(Place::Bbox(place)), limit: 10, ..Search::default() };
    let filtered = Search { interval: Some(month), max_cloud_cover: Some(20.0), ..newest(city) };
    let deep = {
        let row = snapshot.len() as u32 / 2;
        let token = Token {
            start: snapshot.start(row),
            id: snapshot.id(row).to_owned(),
            collection: snapshot.collection_id(row).to_owned(),
            sort: Vec::new(),
        };
        Search { token: Some(token), limit: 10, ..Search::default() }
    };
    let mut group = criterion.benchmark_group("search");
    for (name, search) in [
        ("city, newest 10", newest(city)),
        ("city, month, cloud cover", filtered),
        ("continent, exact count", newest(bbox("-10,35,40,70"))),
        ("first page", Search { limit: 10, ..Search::default() }),
        ("page in the middle", deep),
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
