//! `GeoTIFF`: a `T×B×H×W` array as one file of `T·B` bands, all bands of a time step before those of the next.
//!
//! A band's description is its time and name; its metadata are `TIME`, `BAND`, `VALID` (share of valid pixels) and `ITEMS`.
//! The file has one nodata value, where all bands have the same, else each band's in its metadata as `NODATA`. Bands are
//! stored one after the other in uncompressed strips, so that the pixels stay the pieces that were read; a writer of a
//! crate or GDAL's would copy them. A file of 4 GiB and more is a `BigTIFF`.

use bytes::Bytes;

use super::super::error::PatchError;
use super::super::grid::GridError;
use super::super::patch::{Batch, Patch};
use crate::crs::Crs;
use crate::stac::{DataType, format_instant};

/// Bytes of a strip: what a reader takes at once.
const STRIP_BYTES: usize = 256 << 10;

/// Bands that a file can have: they are counted in 16 bits.
const MAX_BANDS: usize = 65_535;

/// Codes of CRSs end here; above are private ones.
const MAX_EPSG: u32 = 32_766;

/// Pixels begin at a multiple of this.
const ALIGNMENT: usize = 16;

/// TIFF 6.0's field types, and that of `BigTIFF`, with the bytes of one value.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Ascii = 2,
    Short = 3,
    Long = 4,
    Double = 12,
    Long8 = 16,
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::Ascii => 1,
            Self::Short => 2,
            Self::Long => 4,
            Self::Double | Self::Long8 => 8,
        }
    }
}

/// One entry of the directory.
#[derive(Debug)]
struct Entry {
    tag: u16,
    kind: Kind,
    bytes: Vec<u8>,
}

const STRIP_OFFSETS: u16 = 273;

/// The file of the only patch of a batch.
///
/// # Errors
/// When there is nothing to write a band from, or more than a file can hold.
pub(super) fn encode(batch: &Batch) -> Result<Vec<Bytes>, PatchError> {
    let Some(patch) = batch.patches.first() else { return Err(unfit("a GeoTIFF has at least one band")) };
    let bands = patch.steps.len() * patch.bands.len();
    if bands == 0 {
        return Err(unfit(
            "a GeoTIFF has at least one band, but no time step matches; other formats have T = 0",
        ));
    }
    if bands > MAX_BANDS {
        let (steps, bands) = (patch.steps.len(), patch.bands.len());
        return Err(unfit(&format!("a GeoTIFF has at most {MAX_BANDS} bands, not {steps} x {bands}")));
    }
    let entries = entries(patch, bands)?;
    let data_len: usize = batch.data().map(Bytes::len).sum();
    let narrow = head(&entries, patch, bands, false);
    let is_narrow = u32::try_from(narrow.len() + data_len).is_ok();
    let head = if is_narrow { narrow } else { head(&entries, patch, bands, true) };
    Ok(std::iter::once(head.into()).chain(batch.data().cloned()).collect())
}

fn unfit(problem: &str) -> PatchError {
    super::super::values::invalid("format", problem).into()
}

/// All entries but those of the strips.
fn entries(patch: &Patch, bands: usize) -> Result<Vec<Entry>, PatchError> {
    let each = |value: u16| shorts(&vec![value; bands]);
    let (bits, format) = sample(patch.data_type);
    let mut entries = vec![
        Entry { tag: 256, kind: Kind::Long, bytes: longs(&[patch.window.width]) },
        Entry { tag: 257, kind: Kind::Long, bytes: longs(&[patch.window.height]) },
        Entry { tag: 258, kind: Kind::Short, bytes: each(bits) },
        // No compression; photometric: 0 is black.
        Entry { tag: 259, kind: Kind::Short, bytes: shorts(&[1]) },
        Entry { tag: 262, kind: Kind::Short, bytes: shorts(&[1]) },
        Entry { tag: 277, kind: Kind::Short, bytes: shorts(&[u16::try_from(bands).unwrap_or(u16::MAX)]) },
        Entry { tag: 278, kind: Kind::Long, bytes: longs(&[u32::try_from(strip_rows(patch)).unwrap_or(1)]) },
        // Band after band.
        Entry { tag: 284, kind: Kind::Short, bytes: shorts(&[2]) },
        Entry { tag: 339, kind: Kind::Short, bytes: each(format) },
        Entry { tag: 34264, kind: Kind::Double, bytes: matrix(patch.window.transform()) },
        Entry { tag: 34735, kind: Kind::Short, bytes: shorts(&geo_keys(patch.window.lattice.epsg)?) },
        Entry { tag: 42112, kind: Kind::Ascii, bytes: metadata(patch).into_bytes() },
    ];
    if bands > 1 {
        // All bands but the first are no colours.
        entries.push(Entry { tag: 338, kind: Kind::Short, bytes: shorts(&vec![0; bands - 1]) });
    }
    if let Some(nodata) = common_nodata(patch) {
        entries.push(Entry { tag: 42113, kind: Kind::Ascii, bytes: format!("{nodata}\0").into_bytes() });
    }
    Ok(entries)
}

/// Bits of a sample and TIFF's word for what they are.
fn sample(data_type: DataType) -> (u16, u16) {
    let bits = u16::try_from(8 * data_type.size()).unwrap_or(0);
    let format = match data_type.npy_descr().chars().nth(1) {
        Some('u') => 1,
        Some('i') => 2,
        _ => 3,
    };
    (bits, format)
}

fn row_bytes(patch: &Patch) -> usize {
    patch.window.width as usize * patch.data_type.size()
}

fn strip_rows(patch: &Patch) -> usize {
    (STRIP_BYTES / row_bytes(patch).max(1)).clamp(1, (patch.window.height as usize).max(1))
}

/// Header and directory, all before the pixels.
fn head(entries: &[Entry], patch: &Patch, bands: usize, wide: bool) -> Vec<u8> {
    let height = patch.window.height as usize;
    let strip_starts = || (0..height).step_by(strip_rows(patch));
    let row_bytes = row_bytes(patch);
    let lengths: Vec<u8> = (0..bands)
        .flat_map(|_| strip_starts())
        .map(|row| (strip_rows(patch).min(height - row) * row_bytes) as u64)
        .flat_map(|length| offset(length, wide))
        .collect();
    let kind = if wide { Kind::Long8 } else { Kind::Long };
    let strips = Entry { tag: 279, kind, bytes: lengths };
    let mut offsets = Entry { tag: STRIP_OFFSETS, kind, bytes: vec![0; strips.bytes.len()] };
    let size = |offsets: &Entry| directory(entries.iter().chain([&strips, offsets]), wide).len();
    let first = size(&offsets);
    offsets.bytes = (0..bands)
        .flat_map(|band| strip_starts().map(move |row| first + (band * height + row) * row_bytes))
        .flat_map(|at| offset(at as u64, wide))
        .collect();
    directory(entries.iter().chain([&strips, &offsets]), wide)
}

/// An offset or count in the file's width.
fn offset(value: u64, wide: bool) -> Vec<u8> {
    if wide { value.to_le_bytes().to_vec() } else { longs(&[u32::try_from(value).unwrap_or(u32::MAX)]) }
}

/// The header, the one directory, and the values that do not fit into it.
fn directory<'a>(entries: impl Iterator<Item = &'a Entry>, wide: bool) -> Vec<u8> {
    let mut entries: Vec<&Entry> = entries.collect();
    entries.sort_by_key(|entry| entry.tag);
    let width = if wide { 8 } else { 4 };
    let header = if wide { 16 } else { 8 };
    let entry_len = if wide { 20 } else { 12 };
    let mut out = if wide { b"II\x2b\0\x08\0\0\0".to_vec() } else { b"II\x2a\0".to_vec() };
    out.extend(offset(header, wide));
    let count = entries.len();
    if wide {
        out.extend((count as u64).to_le_bytes());
    } else {
        out.extend(shorts(&[u16::try_from(count).unwrap_or(u16::MAX)]));
    }
    let mut values = Vec::new();
    let values_at = out.len() + count * entry_len + width;
    for entry in entries {
        out.extend(entry.tag.to_le_bytes());
        out.extend((entry.kind as u16).to_le_bytes());
        out.extend(offset((entry.bytes.len() / entry.kind.size()) as u64, wide));
        if entry.bytes.len() <= width {
            out.extend(&entry.bytes);
            out.resize(out.len() + width - entry.bytes.len(), 0);
        } else {
            out.extend(offset((values_at + values.len()) as u64, wide));
            values.extend(&entry.bytes);
            // Values begin at even places.
            values.resize(values.len().next_multiple_of(8), 0);
        }
    }
    // No directory follows.
    out.resize(out.len() + width, 0);
    out.extend(values);
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
    out
}

/// `ModelTransformation`, which takes any affine transform.
fn matrix([a, b, c, d, e, f]: [f64; 6]) -> Vec<u8> {
    let rows = [a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    rows.into_iter().flat_map(f64::to_le_bytes).collect()
}

/// `GeoKeyDirectory`: projected or geographic, pixels are areas, the code.
fn geo_keys(epsg: u32) -> Result<Vec<u16>, PatchError> {
    let Some(code) = u16::try_from(epsg).ok().filter(|_| epsg <= MAX_EPSG) else {
        return Err(unfit(&format!("a GeoTIFF names CRSs by codes up to {MAX_EPSG}, not EPSG:{epsg}")));
    };
    let is_geographic = Crs::from_epsg(epsg).map_err(GridError::from)?.is_geographic();
    let (model, key) = if is_geographic { (2, 2048) } else { (1, 3072) };
    // Version 1.1.0 with three keys; each: key, where its value is (here), count, value.
    Ok([[1, 1, 0, 3], [1024, 0, 1, model], [1025, 0, 1, 1], [key, 0, 1, code]].concat())
}

/// The nodata value, where all bands have the same.
fn common_nodata(patch: &Patch) -> Option<f64> {
    let first = *patch.nodata.first()?;
    let same = patch.nodata.iter().all(|value| value.to_bits() == first.to_bits());
    // NaN in an integer type says that nothing stands for nodata.
    (same && (patch.data_type.is_float() || !first.is_nan())).then_some(first)
}

/// GDAL's own tag: descriptions and metadata of bands.
fn metadata(patch: &Patch) -> String {
    let mut xml = String::from("<GDALMetadata>\n");
    let common = common_nodata(patch).is_some();
    let names: Vec<String> = patch.bands.iter().map(|name| escaped(name)).collect();
    for (nth, step) in patch.steps.iter().enumerate() {
        let time = step.time.map_or_else(|| "NaT".to_owned(), format_instant);
        let items = escaped(&step.items.join(","));
        for (band, name) in names.iter().enumerate() {
            let sample = (nth * names.len() + band).to_string();
            let mut item = |key: &str, role: &str, value: &str| {
                xml.extend([
                    "<Item name=\"",
                    key,
                    "\" sample=\"",
                    &sample,
                    "\"",
                    role,
                    ">",
                    value,
                    "</Item>\n",
                ]);
            };
            item("DESCRIPTION", " role=\"description\"", &format!("{time} {name}"));
            item("TIME", "", &time);
            item("BAND", "", name);
            // Padding has none.
            if !items.is_empty() {
                item("ITEMS", "", &items);
            }
            if !step.valid.is_nan() {
                item("VALID", "", &step.valid.to_string());
            }
            if let Some(nodata) = patch.nodata.get(band).filter(|value| !common && !value.is_nan()) {
                item("NODATA", "", &nodata.to_string());
            }
        }
    }
    xml += "</GDALMetadata>\n\0";
    xml
}

/// A text as XML holds it.
fn escaped(text: &str) -> String {
    let allowed = text.chars().filter(|c| !c.is_control());
    let mut out = String::new();
    for c in allowed {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            other => out.push(other),
        }
    }
    out
}

fn shorts(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn longs(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
