//! Patches in process: 256 × 256 pixels × 4 bands × 12 dates from stacked 512-block deflate COGs, hot in the page cache.
//!
//! Two baselines over the same places: `gdal`, one kept-open dataset a date, its dates shared by as many threads as cores;
//! and `decode limit`, what both cores need only to inflate the touched blocks as far as their last needed row.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a bench"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn::catalog::{Catalog, Source};
use cairn::cog::{Headers, Opened, decode_block, open};
use cairn::patch::{Engine, Format, Limits, Request, encode};
use cairn::pool::{Client, Pool};
use cairn::search::{Memory, Params};
use cairn::storage::{Location, Places, Storage};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gdal::raster::{Buffer, RasterCreationOptions};
use gdal::{Dataset, DriverManager};
use rayon::prelude::*;

const SIDE: usize = 2048;
const DATES: usize = 12;
const BANDS: [&str; 4] = ["B02", "B03", "B04", "B08"];
const PATCH: usize = 256;

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Writes one date: smooth land with sensor noise, which deflate packs about 1.5 times, as it does real scenes.
fn write(path: &Path, seed: u64) {
    let memory = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = memory.create_with_band_type::<u16, _>("", SIDE, SIDE, BANDS.len()).unwrap();
    dataset.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_epsg(32635).unwrap()).unwrap();
    dataset.set_geo_transform(&[300_000.0, 10.0, 0.0, 6_800_040.0, 0.0, -10.0]).unwrap();
    let mut state = seed;
    for (index, name) in BANDS.iter().enumerate() {
        let mut band = dataset.rasterband(index + 1).unwrap();
        let samples: Vec<u16> = (0..SIDE * SIDE)
            .map(|at| {
                let (x, y) = ((at % SIDE) as f64, (at / SIDE) as f64);
                let land = ((x / 97.0).sin() + (y / 131.0).cos()) * 300.0;
                let noise: u64 = (0..4).map(|_| random(&mut state) % 16).sum();
                (1400.0 + 250.0 * index as f64 + land) as u16 + noise as u16
            })
            .collect();
        band.write((0, 0), (SIDE, SIDE), &mut Buffer::new((SIDE, SIDE), samples)).unwrap();
        gdal::Metadata::set_description(&mut band, name).unwrap();
        band.set_no_data_value(Some(0.0)).unwrap();
    }
    let options = RasterCreationOptions::from_iter(["COMPRESS=DEFLATE", "BLOCKSIZE=512"]);
    let cog = DriverManager::get_driver_by_name("COG").unwrap();
    dataset.create_copy(&cog, path, &options).unwrap();
}

struct Setup {
    _folder: tempfile::TempDir,
    files: Vec<PathBuf>,
    engine: Engine,
    runtime: tokio::runtime::Runtime,
    storage: Storage,
}

fn set_up() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let cogs = folder.path().join("cogs/scenes");
    std::fs::create_dir_all(&cogs).unwrap();
    let files: Vec<PathBuf> =
        (1..=DATES).map(|m| cogs.join(format!("S2A_2024{m:02}15T095029.tif"))).collect();
    files.par_iter().enumerate().for_each(|(seed, path)| write(path, seed as u64 + 1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, pool) = (Storage::default(), Pool::new().unwrap());
    let options = cairn::build::Options {
        source: folder.path().join("cogs"),
        dest: folder.path().join("tree"),
        ..Default::default()
    };
    runtime.block_on(cairn::build::run(&storage, &options, &|_| {})).unwrap();
    let root = folder.path().join("tree/catalog.json");
    let source = Source::parse(root.to_str().unwrap()).unwrap();
    let (catalog, _) = runtime.block_on(Catalog::load(vec![source], storage.clone(), pool.clone())).unwrap();
    let backend = Arc::new(Memory::new(Arc::new(catalog), pool.clone()));
    let places = Places::new(vec![Location::from_path(folder.path()).unwrap()]);
    // As a loader meets an archive: nothing that it asks for is kept.
    let limits = Limits { answer_bytes: 1 << 30, cache_bytes: 0 };
    let engine = Engine::new(backend, Headers::new(storage.clone()), places, pool, limits);
    Setup { _folder: folder, files, engine, runtime, storage }
}

fn patch(setup: &Setup, col: usize, row: usize) {
    let crs = cairn::crs::Crs::from_epsg(32635).unwrap();
    let middle = |at: usize| (at + PATCH / 2) as f64 * 10.0;
    let (lon, lat) = crs.to_lonlat(300_000.0 + middle(col), 6_800_040.0 - middle(row)).unwrap();
    let body =
        serde_json::json!({"collections": "scenes", "bands": BANDS, "center": [lon, lat], "size": PATCH});
    let params = Params::from_lenient_body(body.to_string().as_bytes()).unwrap();
    let request = Request::read(params).unwrap();
    let batch = setup.runtime.block_on(setup.engine.patch(&request, Client::default())).unwrap();
    let encoded = encode(&batch, Format::Npy).unwrap();
    let bytes: usize = encoded.pieces.iter().map(bytes::Bytes::len).sum();
    assert!(bytes > DATES * BANDS.len() * PATCH * PATCH * 2);
}

/// Blocks of one date that a window touches, and how many rows of each.
fn touched(opened: &Opened, col: usize, row: usize) -> Vec<(std::ops::Range<u64>, u32)> {
    let image = &opened.header.full.image;
    let (across, down) = (image.block_width as usize, image.block_height as usize);
    let mut blocks = Vec::new();
    for block_row in row / down..=(row + PATCH - 1) / down {
        let rows = (row + PATCH).min((block_row + 1) * down) - block_row * down;
        for block_col in col / across..=(col + PATCH - 1) / across {
            let range = image.block_range(0, block_row as u32, block_col as u32).unwrap().unwrap();
            blocks.push((range, rows as u32));
        }
    }
    blocks
}

fn bench(criterion: &mut Criterion) {
    // Enough for the blocks of a patch, not for the whole set: an archive does not fit into memory either. GDAL reads this once.
    gdal::config::set_config_option("GDAL_CACHEMAX", "64").unwrap();
    let setup = set_up();
    let mut state = 7;
    let places: Vec<(usize, usize)> = (0..16)
        .map(|_| {
            let mut draw = || random(&mut state) as usize % (SIDE - PATCH);
            (draw(), draw())
        })
        .collect();
    let mut group = criterion.benchmark_group("256x256 x 4 bands x 12 dates, 512-block deflate, 16 places");
    group.sample_size(10).throughput(Throughput::Elements(places.len() as u64));
    group.bench_function("cairn", |bencher| {
        bencher.iter(|| places.iter().for_each(|(col, row)| patch(&setup, *col, *row)));
    });

    let mut datasets: Vec<Dataset> = setup.files.iter().map(|path| Dataset::open(path).unwrap()).collect();
    group.bench_function("gdal", |bencher| {
        bencher.iter(|| {
            for (col, row) in &places {
                datasets.par_iter_mut().for_each(|dataset| {
                    let window = (*col as isize, *row as isize);
                    let size = (PATCH, PATCH);
                    for band in 1..=BANDS.len() {
                        let band = dataset.rasterband(band).unwrap();
                        band.read_as::<u16>(window, size, size, None).unwrap();
                    }
                });
            }
        });
    });

    let opened: Vec<(Opened, Vec<u8>)> = setup
        .files
        .iter()
        .map(|path| {
            let location = Location::from_path(path).unwrap();
            let opened = setup.runtime.block_on(open(&setup.storage, &location)).unwrap();
            (opened, std::fs::read(path).unwrap())
        })
        .collect();
    group.bench_function("decode limit", |bencher| {
        bencher.iter(|| {
            for (col, row) in &places {
                opened.par_iter().for_each(|(opened, file)| {
                    let mut out = Vec::new();
                    for (range, rows) in touched(opened, *col, *row) {
                        let raw = &file[range.start as usize..range.end as usize];
                        decode_block(&opened.header.full.image, raw, rows, &mut out).unwrap();
                    }
                });
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
