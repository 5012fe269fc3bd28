//! The COG reader's public steps put together, over files that lie in memory: bytes become a header, an image its pixels.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cairn::cog::{BlockView, Chunks, Header, Image, Nodata, ParseError, Planar, decode_block};

/// A header takes this many fetches at the very most: each gets at least 16 KiB, and the fixtures are small.
const MOST_FETCHES: usize = 200;

/// The files in a folder and its folders, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

pub(crate) fn read(path: &Path) -> Bytes {
    fs::read(path).unwrap().into()
}

/// A file's name without its folders.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Parses a header of which `first` bytes are there, and fetches what is said to be missing: always something new, and
/// something that the file has.
pub(crate) fn header(file: &Bytes, first: usize) -> Result<Header, ParseError> {
    let len = file.len() as u64;
    let mut chunks = Chunks::new();
    chunks.insert(0, file.slice(..first.min(file.len())));
    for _ in 0..MOST_FETCHES {
        match Header::parse(&chunks, len) {
            Err(ParseError::Missing(range)) => {
                assert!(range.start < range.end && range.end <= len, "{range:?} of a file of {len} bytes");
                assert!(chunks.get(range.start..range.start + 1).is_none(), "{range:?} is there already");
                chunks.insert(range.start, file.slice(index(range.start)..index(range.end)));
            }
            done => return done,
        }
    }
    panic!("the header takes more than {MOST_FETCHES} fetches");
}

/// How many bands have blocks of their own.
pub(crate) fn planes(image: &Image) -> u16 {
    if image.planar == Planar::Separate { image.bands } else { 1 }
}

/// The bytes that a decoded block's rows must have.
pub(crate) fn decoded_bytes(image: &Image, rows: u32) -> usize {
    let samples = usize::from(image.samples_per_block_pixel());
    rows as usize * image.block_width as usize * samples * image.data_type.size()
}

/// A whole image, (bands, rows, cols) of little-endian samples. Blocks that were never written have the nodata value.
pub(crate) fn pixels(image: &Image, nodata: Option<Nodata>, file: &Bytes) -> Result<Vec<u8>, String> {
    let (width, height, size) = (image.width as usize, image.height as usize, image.data_type.size());
    let fill = nodata.and_then(|nodata| nodata.to_le_bytes(image.data_type)).unwrap_or_default();
    let mut all = vec![0; usize::from(image.bands) * width * height * size];
    let mut block = Vec::new();
    for plane in 0..planes(image) {
        for (row, col) in grid(image) {
            let rows = image.rows_in_block(row);
            match image.block_range(plane, row, col).map_err(|error| error.to_string())? {
                Some(range) => {
                    let raw = &file[index(range.start)..index(range.end)];
                    decode_block(image, raw, rows, &mut block).map_err(|error| error.to_string())?;
                    assert_eq!(block.len(), decoded_bytes(image, rows));
                }
                None => block = fill[..size].repeat(decoded_bytes(image, rows) / size),
            }
            let samples = usize::from(image.samples_per_block_pixel());
            let view =
                BlockView { data: &block, width: image.block_width as usize, samples, sample_size: size };
            let (top, left) = ((row * image.block_height) as usize, (col * image.block_width) as usize);
            let cols = (width - left).min(image.block_width as usize);
            for sample in 0..samples {
                let band = usize::from(plane) + sample;
                let at = (band * width * height + top * width + left) * size;
                let end = (band + 1) * width * height * size;
                view.copy_band(sample, 0..rows as usize, 0..cols, &mut all[at..end], width * size);
            }
        }
    }
    Ok(all)
}

/// The rows and columns of an image's blocks.
pub(crate) fn grid(image: &Image) -> impl Iterator<Item = (u32, u32)> + use<> {
    let (down, across) = (image.blocks_down(), image.blocks_across());
    (0..down).flat_map(move |row| (0..across).map(move |col| (row, col)))
}

/// A place in a file that is in memory.
pub(crate) fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}
