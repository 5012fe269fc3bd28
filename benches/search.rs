//! Searches in process, over a catalogue of made-up Sentinel-2 Items.
//!
//! `CAIRN_BENCH_ITEMS` (100,000 by default) Items are made and loaded from a file; `-` takes them from standard input instead,
//! which is how more than a disk holds are benched:
//!
//! ```text
//! cargo run --release --example sentinel2-items -- 10000000 | CAIRN_BENCH_ITEMS=- cargo bench --bench search
//! ```
//!
//! The baseline, `linear scan`, answers the same question from plain arrays of boxes, times and cloud cover: what a program
//! without an index does, and no less than that. A page's documents are unpacked in the time that is shown; "another city each
//! time" finds them packed, the other questions find them unpacked by the time before.
#![expect(clippy::unwrap_used, clippy::print_stderr, clippy::cast_precision_loss, reason = "a bench")]

use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cairn::catalog::{Catalog, Source};
use cairn::pool::Pool;
use cairn::search::{Memory, Place, Search, SortKey};
use cairn::stac::{Bbox, Interval, parse_instant};
use cairn::storage::Storage;
use criterion::{Criterion, criterion_group, criterion_main};

#[expect(unused_imports, dead_code, reason = "the generator's tests run as those of the example")]
mod sentinel2;

use sentinel2::{Generator, collection};

const SEED: u64 = 7;

/// Loads the catalogue, and says how fast and how large it became.
fn catalog(folder: &Path, plain: &mut Vec<Plain>) -> Arc<Catalog> {
    let asked = std::env::var("CAIRN_BENCH_ITEMS").unwrap_or_else(|_| "100000".to_owned());
    let paths = [folder.join("collection.json"), folder.join("items.ndjson")];
    std::fs::write(&paths[0], collection().to_string()).unwrap();
    let items = if asked == "-" {
        "-"
    } else {
        *plain = write_items(&paths[1], asked.parse().unwrap());
        paths[1].to_str().unwrap()
    };
    let sources = [paths[0].to_str().unwrap(), items].map(|text| Source::parse(text).unwrap()).to_vec();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (before, start) = (resident_bytes(), Instant::now());
    let (catalog, report) =
        runtime.block_on(Catalog::load(sources, Storage::default(), Pool::new().unwrap())).unwrap();
    let (seconds, after) = (start.elapsed().as_secs_f64(), resident_bytes());
    let count = report.items as f64;
    let weight = catalog.snapshot().weight();
    let each = |bytes: usize| bytes as f64 / count;
    eprintln!(
        "loaded {count} Items: {:.0} Items/s; {} MiB resident before, {} after\nbytes of each Item: columns {:.0}, trees {:.0}, \
         shapes {:.0}, bodies {:.0}; of the process {:.0}",
        count / seconds,
        before >> 20,
        after >> 20,
        each(weight.columns),
        each(weight.trees),
        each(weight.shapes),
        each(weight.bodies),
        each(after - before),
    );
    Arc::new(catalog)
}

fn write_items(path: &Path, count: u64) -> Vec<Plain> {
    let generator = Generator::new(SEED).unwrap();
    let mut out = BufWriter::with_capacity(1 << 20, std::fs::File::create(path).unwrap());
    let (mut line, mut plain) = (Vec::new(), Vec::new());
    for index in 0..count {
        line.clear();
        generator.write_item(index, &mut line);
        plain.push(Plain::of(std::str::from_utf8(&line).unwrap()));
        line.push(b'\n');
        out.write_all(&line).unwrap();
    }
    out.flush().unwrap();
    plain
}

/// Memory that this process holds.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// What the linear scan looks at.
struct Plain {
    bbox: [f64; 4],
    start: chrono::DateTime<chrono::Utc>,
    cloud: f64,
}

impl Plain {
    fn of(item: &str) -> Self {
        let after = |name: &str| item.split_once(name).unwrap().1;
        let numbers = after("\"bbox\":[").split_once(']').unwrap().0;
        let bbox: Vec<f64> = numbers.split(',').map(|n| n.parse().unwrap()).collect();
        Self {
            bbox: if bbox.len() == 6 {
                [bbox[0], bbox[1], bbox[3], bbox[4]]
            } else {
                bbox.try_into().unwrap()
            },
            start: parse_instant(after("\"datetime\":\"").split_once('"').unwrap().0).unwrap(),
            cloud: after("\"eo:cloud_cover\":").split([',', '}']).next().unwrap().parse().unwrap(),
        }
    }
}

fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut plain = Vec::new();
    let catalog = catalog(folder.path(), &mut plain);
    let snapshot = catalog.snapshot();
    let memory = Memory::new(catalog, Pool::new().unwrap());
    let page = |search: &Search| memory.page_of(&snapshot, search).unwrap();
    let bbox = |text: &str| Bbox::parse(text).unwrap();
    // A catalogue of 100,000 Items lasts twelve days: the month has all of them.
    let month = Interval::parse("2023-01-01T00:00:00Z/2023-01-31T23:59:59Z").unwrap();
    let city = bbox("-105.1,39.6,-104.7,39.9");
    let newest = |place| Search { place: Some(Place::Bbox(place)), limit: 10, ..Search::default() };
    let filtered = Search { interval: Some(month), max_cloud_cover: Some(20.0), ..newest(city) };
    let all = || Search { limit: 10, ..Search::default() };
    // The token of page 1,000: that of a page of 9,990 Items.
    let deep = Search { token: page(&Search { limit: 9_990, ..Search::default() }).next, ..all() };
    let continent = || newest(bbox("-10,35,40,70"));
    let key = |property: &str, descending| SortKey { property: property.to_owned(), descending };
    let sorted = Search { sort: vec![key("eo:cloud_cover", false)], ..continent() };
    let sorted_month = Search { interval: Some(month), ..sorted.clone() };
    let cloudy = Search { max_cloud_cover: Some(20.0), ..continent() };
    eprintln!(
        "Items in the city {}, on the continent {}",
        page(&newest(city)).matched,
        page(&continent()).matched
    );
    assert!(page(&continent()).matched > 100);
    let cities: Vec<Search> = (0..4_000)
        .map(|n| {
            let (west, south) = (-120.0 + f64::from(n % 80) * 0.6, 31.0 + f64::from(n / 80) * 0.35);
            newest(bbox(&format!("{west},{south},{},{}", west + 0.4, south + 0.3)))
        })
        .collect();

    let mut group = criterion.benchmark_group("search");
    for (name, search) in [
        ("city, newest 10", newest(city)),
        ("city, month, cloud cover", filtered),
        ("continent, exact count", continent()),
        ("continent, cloud cover, exact count", cloudy),
        ("continent by cloud cover", sorted),
        ("continent, month, by cloud cover", sorted_month),
        ("first page", all()),
        ("page 1,000, by token", deep),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| page(black_box(&search))));
    }
    let mut turn = 0;
    group.bench_function("another city each time, newest 10", |bencher| {
        bencher.iter(|| {
            turn = (turn + 1) % cities.len();
            page(black_box(&cities[turn]))
        });
    });
    if !plain.is_empty() {
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
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
