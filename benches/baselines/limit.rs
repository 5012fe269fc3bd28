//! The decode limit.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::BufRead;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use cairn::cog::{Opened, decode_block, open};
use cairn::storage::{Location, Storage};
use rayon::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Question {
    patches: Vec<Vec<Read>>,
}

#[derive(Deserialize)]
struct Read {
    file: String,
    plane: u16,
    window: [u32; 4],
}

struct Raster {
    opened: Opened,
    bytes: Vec<u8>,
}

thread_local! {
    static OUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn run() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let storage = Storage::default();
    let mut rasters: HashMap<String, Raster> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line.unwrap()).unwrap();
        for read in question.patches.iter().flatten() {
            rasters.entry(read.file.clone()).or_insert_with(|| {
                let location = Location::from_path(Path::new(&read.file)).unwrap();
                let opened = runtime.block_on(open(&storage, &location)).unwrap();
                Raster { opened, bytes: std::fs::read(&read.file).unwrap() }
            });
        }
        let (mut seconds, mut stored) = (0.0, 0);
        for patch in &question.patches {
            let blocks: Vec<(&Raster, Range<usize>, u32)> =
                patch.iter().flat_map(|read| touched(&rasters[&read.file], read)).collect();
            let start = Instant::now();
            blocks.par_iter().for_each(|(raster, range, rows)| decode(raster, range, *rows));
            seconds += start.elapsed().as_secs_f64();
            stored += blocks.iter().map(|(_, range, _)| range.len()).sum::<usize>();
        }
        println!("{}", serde_json::json!({"seconds": seconds, "stored": stored}));
    }
}

fn touched<'a>(raster: &'a Raster, read: &Read) -> Vec<(&'a Raster, Range<usize>, u32)> {
    let image = &raster.opened.header.full.image;
    let [col, row, width, height] = read.window;
    let mut blocks = Vec::new();
    for block_row in row / image.block_height..=(row + height - 1) / image.block_height {
        for block_col in col / image.block_width..=(col + width - 1) / image.block_width {
            if let Some(range) = image.block_range(read.plane, block_row, block_col).unwrap() {
                let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                blocks.push((raster, range, image.rows_in_block(block_row)));
            }
        }
    }
    blocks
}

fn decode(raster: &Raster, range: &Range<usize>, rows: u32) {
    OUT.with_borrow_mut(|out| {
        decode_block(&raster.opened.header.full.image, &raster.bytes[range.clone()], rows, out).unwrap();
    });
}
