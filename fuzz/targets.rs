//! What is fuzzed: bytes from outside through the functions that the server reads them with. `tests/cairn/fuzzed.rs` replays
//! `fuzz/corpus` through the same.

use bytes::Bytes;
use cairn::cog::{Chunks, Codec, Header, Image, ParseError, Planar, decode_block};
use cairn::patch::{RandomRequest, Request};
use cairn::search::{Filter, Params, Search};

/// Blocks of an image that are tried: a lying header has billions.
const BLOCKS: usize = 6;
/// Fetches that a header may take: each gets 16 KiB or the rest of the file.
const MOST_FETCHES: usize = 400;

/// Runs a target. An error is a fine answer; a panic, a hang or much memory is a finding.
pub(crate) fn run(target: &str, bytes: &[u8]) {
    let text = || String::from_utf8_lossy(bytes);
    match target {
        "header" => drop(header(bytes, 8)),
        "blocks" => blocks(bytes),
        "cql2_text" => drop(Filter::from_text(&text())),
        "cql2_json" => {
            if let Ok(json) = serde_json::from_slice(bytes) {
                drop(Filter::from_json(&json));
                drop(Filter::from_query(&json));
            }
        }
        "search_query" => drop(Params::from_query(pairs(bytes)).map(Search::read)),
        "search_body" => drop(Params::from_body(bytes).map(Search::read)),
        "patch_query" => {
            let read = |params: Params| {
                drop(Request::read(params.clone()));
                drop(RandomRequest::read(params));
            };
            if let Ok(params) = Params::from_query(pairs(bytes)) {
                read(params);
            }
            if let Ok(params) = Params::from_lenient_body(bytes) {
                read(params);
            }
        }
        other => panic!("CAIRN_FUZZ_TARGET: no target '{other}'"),
    }
}

fn pairs(query: &[u8]) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(query).into_owned()
}

/// Parses a header of which `first` bytes are there.
fn header(file: &[u8], first: usize) -> Result<Header, ParseError> {
    let mut chunks = Chunks::new();
    chunks.insert(0, Bytes::copy_from_slice(&file[..first.min(file.len())]));
    for _ in 0..MOST_FETCHES {
        match Header::parse(&chunks, file.len() as u64) {
            Err(ParseError::Missing(range)) => {
                let (from, to) = (index(range.start), index(range.end));
                chunks.insert(range.start, Bytes::copy_from_slice(&file[from..to]));
            }
            done => return done,
        }
    }
    panic!("the header takes more than {MOST_FETCHES} fetches");
}

/// Decodes some blocks of all images of a file, whole and in part.
fn blocks(file: &[u8]) {
    let Ok(header) = header(file, file.len()) else { return };
    let mut out = Vec::new();
    for image in header.levels().flat_map(|level| std::iter::once(&level.image).chain(&level.mask)) {
        let planes = if image.planar == Planar::Separate { image.bands } else { 1 };
        let places = (0..planes).flat_map(|plane| {
            let grid = (0..image.blocks_down()).map(move |row| (plane, row));
            grid.flat_map(|(plane, row)| (0..image.blocks_across()).map(move |col| (plane, row, col)))
        });
        for (plane, row, col) in places.take(BLOCKS) {
            if let Ok(Some(range)) = image.block_range(plane, row, col) {
                let raw = &file[index(range.start)..index(range.end)];
                for rows in [image.rows_in_block(row), 1] {
                    decode(image, raw, rows, &mut out);
                    if image.codec == Codec::Lerc {
                        decode(image, &checked(raw), rows, &mut out);
                    }
                }
            }
        }
    }
}

/// A LERC blob with the checksum that its bytes ask for, so that more than the checksum is seen.
fn checked(blob: &[u8]) -> Vec<u8> {
    let mut blob = blob.to_vec();
    // Behind magic, version, checksum, rows, columns, depth (from version 4 on), valid pixels, size of tiles.
    let at = if blob.get(6) == Some(&3) { 30 } else { 34 };
    let size = blob.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    if let Some(checked) = blob.get(14..size as usize) {
        let sum = lerc::checksum::fletcher32(checked);
        blob[10..14].copy_from_slice(&sum.to_le_bytes());
    }
    blob
}

fn decode(image: &Image, raw: &[u8], rows: u32, out: &mut Vec<u8>) {
    if decode_block(image, raw, rows, out).is_ok() {
        let samples = image.block_width as usize * usize::from(image.samples_per_block_pixel());
        assert_eq!(out.len(), rows as usize * samples * image.data_type.size());
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a place in a file in memory")
}
