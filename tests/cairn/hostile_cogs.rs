//! Files that lie cost an error and no more: no panic, no hang, no memory that their length does not justify.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn::cog::{Image, decode_block};

use crate::allocations::peak_bytes;
use crate::cogs::{decoded_bytes, files, grid, header, index, name, planes, read};
use crate::damage::{Random, mutated};
use crate::python::script;
use crate::server::repository;
use crate::soak;

/// What one file may cost in memory: the largest block that is decoded (48 MiB), and some slack.
const BOUND_BYTES: usize = 64 << 20;
/// What one file may cost in time, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);
/// Blocks of an image that are tried: a lying header has billions.
const BLOCKS: usize = 300;
/// Larger files hold more of the same pixels.
const SMALL_BYTES: usize = 40_000;
/// What is there of a file at first: less than a server fetches, so that the headers of small files come in parts, too.
const FIRST_BYTES: usize = 512;

#[test]
fn bad_files_of_other_readers_cost_an_error_and_no_more() {
    let bad = files(&repository("tests/data/bad"));
    let mut seen = Seen::default();
    for path in &bad {
        check(&name(path), &read(path), 2000, &mut seen);
    }
    assert_eq!(seen.headers + seen.refused, bad.len());
    assert!(seen.refused > 40 && seen.broken_blocks > 20, "{seen:?}");
}

#[test]
fn damaged_files_of_every_kind_cost_an_error_and_no_more() {
    damage(&small(&repository("tests/data/cogs")), soak::times(20_000), 1);
}

#[test]
#[ignore = "minutes: make soak"]
fn soak_damaged_variants_cost_an_error_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    script("cog_pixels.py", [folder.path()]);
    damage(&small(&folder.path().join("variants")), 400_000, 2);
}

/// What became of the files.
#[derive(Debug, Default)]
struct Seen {
    headers: usize,
    refused: usize,
    blocks: usize,
    broken_blocks: usize,
    most_bytes: usize,
    longest: Duration,
}

/// The files of a folder, with their names, that are small.
fn small(folder: &Path) -> Vec<(String, Bytes)> {
    let all = files(folder).into_iter().map(|path| (name(&path), read(&path)));
    all.filter(|(_, file)| file.len() < SMALL_BYTES).collect()
}

fn damage(originals: &[(String, Bytes)], count: usize, seed: u64) {
    assert!(originals.len() > 80);
    let mut random = Random(seed);
    let mut seen = Seen::default();
    for number in 0..count {
        let (name, original) = &originals[random.below(originals.len())];
        let file = mutated(original, &mut random).into();
        check(&format!("{name}, mutation {number} of seed {seed}"), &file, BLOCKS, &mut seen);
    }
    assert!(seen.headers > count / 10 && seen.refused > count / 10, "{seen:?}");
    assert!(seen.blocks > count / 10 && seen.broken_blocks > count / 100, "{seen:?}");
    soak::figure("damaged files through the COG reader", &format!("{count} files, {seen:?}"));
}

/// Reads a file within the bounds.
fn check(name: &str, file: &Bytes, blocks: usize, seen: &mut Seen) {
    let start = Instant::now();
    let (result, peak) = peak_bytes(|| catch_unwind(AssertUnwindSafe(|| walk(file, blocks, seen))));
    let took = start.elapsed();
    assert!(result.is_ok(), "{name} panicked");
    assert!(peak <= BOUND_BYTES, "{name} took {peak} bytes");
    assert!(took <= PATIENCE, "{name} took {took:?}");
    seen.most_bytes = seen.most_bytes.max(peak);
    seen.longest = seen.longest.max(took);
}

/// Parses, and decodes up to `blocks` blocks of each image.
fn walk(file: &Bytes, blocks: usize, seen: &mut Seen) {
    let header = match header(file, FIRST_BYTES) {
        Ok(header) => header,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            seen.refused += 1;
            return;
        }
    };
    seen.headers += 1;
    let mut out = Vec::new();
    for image in header.levels().flat_map(|level| std::iter::once(&level.image).chain(&level.mask)) {
        let places =
            (0..planes(image)).flat_map(|plane| grid(image).map(move |(row, col)| (plane, row, col)));
        for (plane, row, col) in places.take(blocks) {
            match image.block_range(plane, row, col) {
                Ok(Some(range)) => {
                    let raw = &file[index(range.start)..index(range.end)];
                    decode(image, raw, image.rows_in_block(row), &mut out, seen);
                    decode(image, raw, 1, &mut out, seen);
                }
                Ok(None) => {}
                Err(_) => seen.broken_blocks += 1,
            }
        }
    }
}

fn decode(image: &Image, raw: &[u8], rows: u32, out: &mut Vec<u8>, seen: &mut Seen) {
    match decode_block(image, raw, rows, out) {
        Ok(()) => {
            assert_eq!(out.len(), decoded_bytes(image, rows));
            seen.blocks += 1;
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            seen.broken_blocks += 1;
        }
    }
}
