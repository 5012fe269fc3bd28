//! Every band of every resolution of every file, bit for bit as GDAL has it, and what the file says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use cairn::cog::{Header, Image, Nodata, Photometric};
use cairn::stac::DataType;
use half::f16;
use serde::Deserialize;

use crate::cogs::{files, header, name, pixels, read};
use crate::python::script;
use crate::server::repository;

/// What a server fetches of a file at first.
const FIRST_BYTES: usize = 32 << 10;
/// Codec and its options × tiles or strips × chunky or separate × type × byte order.
const VARIANTS: usize = 1332;

/// Fixtures that are refused: a part of the message, and the files.
const REFUSED: &[(&str, &str)] = &[
    (
        "JPEG block of 866 compressed bytes is corrupt: expected 256 columns and 256 to 256 rows, found 512 and 512",
        "irregular_tile_size_jpeg_in_tiff.tif",
    ),
    (
        "compression JPEG XL (50002) is not supported",
        "byte_JXL_tiled.tif rgbsmall_JXL_separate.tif rgbsmall_JXL_tiled_separate.tif",
    ),
    (
        "compression LZMA (34925) is not supported",
        "byte_LZMA_tiled.tif rgbsmall_LZMA_separate.tif rgbsmall_LZMA_tiled_separate.tif",
    ),
    ("found complex samples of 64 bits", "cfloat32.tif cint32_big_endian.tif"),
    ("found unsigned integers of 12 bits", "12bit.cropped.tiff int12.tif"),
    ("found CMYK (5)", "cmyk-3c-32b-float.tiff"),
    ("found YCbCr (6)", "ycbcr_42_lzw.tif"),
];

/// Where a file is read otherwise than by GDAL, on purpose: file, what differs, why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "byte_gcp.tif",
        "EPSG code: Some(4326), not None",
        "rasterio keeps the CRS of ground control points apart; here they make no transform, so nothing is placed by it",
    ),
    ("tiff_with_subifds.tif", "resolutions: 1, not 3", SUB_IFDS),
    ("tiff_with_subifds.tif", "no resolution of 512 x 256", SUB_IFDS),
    ("tiff_with_subifds.tif", "no resolution of 256 x 128", SUB_IFDS),
];
const SUB_IFDS: &str =
    "overviews in SubIFDs are not looked for: no COG has them, and the full image has all pixels";

/// The part of the message with which a fixture must be refused.
fn refusal(file: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(_, files)| files.split(' ').any(|one| one == file)).map(|(part, _)| *part)
}

/// What rasterio says of a file; numbers are texts, as JSON has no NaN.
#[derive(Debug, Clone, Deserialize)]
struct Facts {
    dtype: String,
    bands: u16,
    epsg: Option<u32>,
    transform: [String; 6],
    nodata: Option<String>,
    scales: Vec<String>,
    offsets: Vec<String>,
    descriptions: Vec<Option<String>>,
    levels: Vec<LevelFacts>,
}

/// A resolution, and where its pixels and its mask's are in the file of pixels.
#[derive(Debug, Clone, Deserialize)]
struct LevelFacts {
    width: u32,
    height: u32,
    pixels: [usize; 2],
    mask: Option<[usize; 2]>,
}

#[test]
fn every_file_is_refused_by_name_or_has_the_pixels_that_gdal_reads() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    script("cog_pixels.py", [folder.path()]);
    let facts: BTreeMap<PathBuf, Result<Facts, String>> =
        serde_json::from_slice(&fs::read(folder.path().join("facts.json")).unwrap()).unwrap();
    let golden = fs::read(folder.path().join("pixels")).unwrap();
    let fixtures = files(&repository("tests/data/cogs"));
    let variants = files(&folder.path().join("variants"));
    assert_eq!(variants.len(), VARIANTS);

    let mut wrong = Vec::new();
    for path in fixtures.iter().chain(&variants) {
        let differences = judge(path, facts.get(path), &golden);
        wrong.extend(differences.into_iter().map(|difference| format!("{}: {difference}", name(path))));
    }
    let mut known = DIFFERENT.to_vec();
    wrong.retain(|difference| {
        let before = known.len();
        known.retain(|(file, what, _)| *difference != format!("{file}: {what}"));
        known.len() == before
    });
    wrong.extend(known.iter().map(|(file, what, _)| format!("{file}: no longer so: {what}")));
    let listed = REFUSED.iter().flat_map(|(_, files)| files.split(' '));
    let gone = listed.filter(|file| !fixtures.iter().any(|path| name(path) == *file));
    wrong.extend(gone.map(|file| format!("{file}: listed as refused, but not there")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as it should be with one file.
fn judge(path: &Path, facts: Option<&Result<Facts, String>>, golden: &[u8]) -> Vec<String> {
    let file = read(path);
    let parsed = header(&file, FIRST_BYTES).map_err(|error| error.to_string());
    // What a file says of itself holds with any codec.
    let mut wrong = match (&parsed, facts) {
        (Ok(header), Some(Ok(facts))) => said(header, facts),
        _ => Vec::new(),
    };
    let whole = parsed.and_then(|header| Ok((pixels(&header.full.image, header.nodata, &file)?, header)));
    match (whole, refusal(&name(path)), facts) {
        (Err(error), Some(part), _) if error.contains(part) => {}
        (Err(error), _, _) => wrong.push(format!("refused: {error}")),
        (Ok(_), Some(part), _) => wrong.push(format!("read, not refused with '{part}'")),
        (Ok(_), None, None) => wrong.push("rasterio was not asked".to_owned()),
        (Ok(_), None, Some(Err(error))) => wrong.push(format!("read, but not by rasterio: {error}")),
        (Ok((_, header)), None, Some(Ok(facts))) => wrong.extend(match turbo(path, &header.full.image) {
            Some(golden) => seen(&header, &only_pixels(facts), &file, &golden),
            None => seen(&header, facts, &file, golden),
        }),
    }
    wrong
}

/// Differences in what the file says of itself.
fn said(header: &Header, facts: &Facts) -> Vec<String> {
    let image = &header.full.image;
    let mut wrong = Vec::new();
    let mut same = |what: &str, got: String, wanted: String| {
        if got != wanted {
            wrong.push(format!("{what}: {got}, not {wanted}"));
        }
    };
    // GDAL widens float16.
    let data_type = if image.data_type == DataType::F16 { DataType::F32 } else { image.data_type };
    same("type", data_type.to_string(), facts.dtype.clone());
    same("bands", image.bands.to_string(), facts.bands.to_string());
    same("EPSG code", format!("{:?}", header.geo.epsg), format!("{:?}", facts.epsg));
    // rasterio has this for a file that has none.
    let transform = header.geo.transform.unwrap_or([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    same("transform", format!("{transform:?}"), format!("{:?}", facts.transform.each_ref().map(number)));
    let nodata = facts.nodata.as_ref().map(number);
    same("nodata", format!("{:?}", header.nodata.map(Nodata::as_f64)), format!("{nodata:?}"));
    let scales = facts.scales.iter().zip(&facts.offsets).zip(&facts.descriptions);
    for (band, ((scale, offset), description)) in (0..).zip(scales) {
        let meta = header.band_meta.get(&band).cloned().unwrap_or_default();
        let got = (meta.scale.unwrap_or(1.0), meta.offset.unwrap_or(0.0), meta.description);
        let wanted = (number(scale), number(offset), description.clone());
        same(&format!("band {band}"), format!("{got:?}"), format!("{wanted:?}"));
    }
    same("resolutions", header.levels().count().to_string(), facts.levels.len().to_string());
    wrong
}

/// Pixels in the type that GDAL reads them in: the next wider for float16.
fn as_gdal(image: &Image, pixels: Vec<u8>) -> Vec<u8> {
    if image.data_type != DataType::F16 {
        return pixels;
    }
    let halves = pixels.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes));
    halves.flat_map(|half| half.to_f32().to_le_bytes()).collect()
}

/// What the system's GDAL reads of an image of colour differences. It has libjpeg-turbo, which widens them with the
/// triangle filter of all libjpegs up to 6b; rasterio's wheels have libjpeg 9, whose filter is another.
fn turbo(path: &Path, image: &Image) -> Option<Vec<u8>> {
    if image.photometric != Photometric::YCbCr {
        return None;
    }
    let file = gdal::Dataset::open(path).unwrap();
    let (width, height) = file.raster_size();
    let band = |band| {
        file.rasterband(band).unwrap().read_as((0, 0), (width, height), (width, height), None).unwrap()
    };
    Some((1..=file.raster_count()).flat_map(|number| band(number).data().to_vec()).collect())
}

/// Where the pixels of the full image are if there is nothing else.
fn only_pixels(facts: &Facts) -> Facts {
    let level = &facts.levels[0];
    let bytes = level.width as usize * level.height as usize * usize::from(facts.bands);
    let levels =
        vec![LevelFacts { width: level.width, height: level.height, pixels: [0, bytes], mask: None }];
    Facts { levels, ..facts.clone() }
}

#[expect(clippy::ptr_arg, reason = "mapped over texts that are owned")]
fn number(text: &String) -> f64 {
    // -0 is 0.
    text.parse::<f64>().unwrap() + 0.0
}

/// Differences in the pixels of the resolutions that GDAL has.
fn seen(header: &Header, facts: &Facts, file: &Bytes, golden: &[u8]) -> Vec<String> {
    let mut wrong = Vec::new();
    for wanted in &facts.levels {
        let (width, height) = (wanted.width, wanted.height);
        let Some(level) =
            header.levels().find(|level| (level.image.width, level.image.height) == (width, height))
        else {
            wrong.push(format!("no resolution of {width} x {height}"));
            continue;
        };
        let mut same = |what: &str, image: Option<&Image>, nodata, [start, end]: [usize; 2]| {
            let got = image.map(|image| Ok::<_, String>(as_gdal(image, pixels(image, nodata, file)?)));
            let at = |got: &[u8]| got.iter().zip(&golden[start..end]).position(|(got, wanted)| got != wanted);
            match got {
                Some(Ok(got)) if got == golden[start..end] => {}
                Some(Ok(got)) => wrong.push(format!(
                    "{what} of {width} x {height}: {} bytes, not {}; first difference at {:?}",
                    got.len(),
                    end - start,
                    at(&got)
                )),
                Some(Err(error)) => wrong.push(format!("{what} of {width} x {height}: {error}")),
                None => wrong.push(format!("no {what} of {width} x {height}")),
            }
        };
        same("pixels", Some(&level.image), header.nodata, wanted.pixels);
        if let Some(mask) = wanted.mask {
            same("mask", level.mask.as_ref(), None, mask);
        }
    }
    wrong
}
