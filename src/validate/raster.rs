//! An asset's file against what its Item says of it, and against the structure of a COG.

use serde_json::Value;

use super::finding::Finding;
use crate::cog::{Header, Image, Opened};
use crate::storage::{Location, LocationError};

/// Rasters up to this many pixels a side need neither tiles nor overviews.
const SMALL_PIXELS: u32 = 512;
/// How far numbers of a transform may differ, as a share of a pixel.
const PIXEL_SHARE: f64 = 1e-3;

/// True for an asset that is a `GeoTIFF`, by its media type or else its name.
pub(super) fn is_tiff(asset: &Value, location: &Location) -> bool {
    if let Some(media_type) = asset.get("type").and_then(Value::as_str) {
        return media_type.starts_with("image/tiff") || media_type.starts_with("image/vnd.stac.geotiff");
    }
    let name = location.file_name().unwrap_or_default().to_ascii_lowercase();
    name.rsplit_once('.').is_some_and(|(_, extension)| matches!(extension, "tif" | "tiff"))
}

/// What is there when an asset is: itself, or the document of a Zarr store or of a group in it, which are folders.
pub(super) fn object_of(asset: &Value, location: Location) -> Result<Location, LocationError> {
    let media_type = asset.get("type").and_then(Value::as_str).unwrap_or_default();
    // The second is what pystac called it before.
    if !media_type.starts_with("application/vnd.zarr") && !media_type.starts_with("application/vnd+zarr") {
        return Ok(location);
    }
    location.child(if media_type.contains("version=2") { ".zgroup" } else { "zarr.json" })
}

/// Holds the fields of the projection and file extensions, and the bands, against the file.
pub(super) fn by_fields(
    location: &Location,
    key: &str,
    item: &Value,
    asset: &Value,
    opened: &Opened,
) -> Vec<Finding> {
    let header = &opened.header;
    let image = &header.full.image;
    let own = |name: &str| asset.get(name).filter(|value| !value.is_null());
    let field = |name: &str| own(name).or_else(|| item.get("properties")?.get(name).filter(|v| !v.is_null()));
    let mut findings = Vec::new();
    let mut differs = |name: &str, said: String, is: String| {
        let message = format!("asset '{key}': {name} is {said}, but the file has {is}");
        findings.push(Finding::error("raster", location, message));
    };
    let epsg = header.geo.epsg;
    let code =
        field("proj:code").and_then(Value::as_str).and_then(|code| code.strip_prefix("EPSG:")?.parse().ok());
    for (name, said) in [("proj:code", code), ("proj:epsg", field("proj:epsg").and_then(Value::as_u64))] {
        if let (Some(said), Some(is)) = (said, epsg)
            && said != u64::from(is)
        {
            differs(name, format!("EPSG:{said}"), format!("EPSG:{is}"));
        }
    }
    let shape = [f64::from(image.height), f64::from(image.width)];
    if let Some(said) = field("proj:shape").and_then(numbers)
        && said != shape
    {
        differs("proj:shape", format!("{said:?}"), format!("{shape:?}"));
    }
    if let Some(is) = header.geo.transform {
        let slack = PIXEL_SHARE * is[0].hypot(is[3]);
        let near = |said: &[f64], is: &[f64]| said.iter().zip(is).all(|(a, b)| (a - b).abs() <= slack);
        if let Some(said) = field("proj:transform").and_then(numbers)
            && (said.len() < 6 || !near(&said, &is))
        {
            differs("proj:transform", format!("{said:?}"), format!("{is:?}"));
        }
        let bounds = bounds(is, image);
        if let Some(said) = own("proj:bbox").and_then(numbers)
            && (said.len() != 4 || !near(&said, &bounds))
        {
            differs("proj:bbox", format!("{said:?}"), format!("{bounds:?}"));
        }
    }
    if let Some(said) = own("file:size").and_then(Value::as_u64)
        && said != opened.len
    {
        differs("file:size", said.to_string(), opened.len.to_string());
    }
    let bands = own("bands").or_else(|| own("raster:bands")).and_then(Value::as_array);
    if let Some(bands) = bands {
        // An alpha band need not be described.
        let least = image.bands - u16::from(image.alpha_band().is_some());
        if bands.len() != usize::from(image.bands) && bands.len() != usize::from(least) {
            differs("the number of bands", bands.len().to_string(), image.bands.to_string());
        }
        let said = bands
            .iter()
            .filter_map(|band| band.get("data_type")?.as_str())
            .find(|said| *said != image.data_type.name());
        if let Some(said) = said {
            differs("data_type", said.to_owned(), image.data_type.name().to_owned());
        }
    }
    findings
}

/// What keeps a file from being read in part: `front` are its first 16 bytes.
pub(super) fn by_structure(location: &Location, key: &str, header: &Header, front: &[u8]) -> Vec<Finding> {
    let image = &header.full.image;
    let mut findings = Vec::new();
    let mut wrong = |is_error: bool, text: String| {
        let message = format!("asset '{key}' is no COG: {text}; convert it with `cairn convert`");
        findings.push(if is_error {
            Finding::error("cog", location, message)
        } else {
            Finding::warning("cog", location, format!("asset '{key}': {text}"))
        });
    };
    let is_large = image.width.max(image.height) > SMALL_PIXELS;
    if is_large && image.block_width >= image.width {
        wrong(true, format!("it is {} × {} pixels in strips, not in tiles", image.width, image.height));
    }
    if is_large && header.overviews.is_empty() {
        wrong(false, "it has no overviews, so that coarse views read all of it".to_owned());
    }
    let first_block = |image: &Image| image.block_range(0, 0, 0).ok().flatten().map(|range| range.start);
    match first_directory(front, header.big_tiff) {
        // The signature, and GDAL's note of up to 300 bytes on the layout.
        Some(at) if at > 316 => {
            wrong(true, format!("its first directory lies at byte {at}, not at the start"));
        }
        Some(at) if first_block(image).is_some_and(|block| block < at) => {
            wrong(true, "its pixels lie before its first directory".to_owned());
        }
        _ => {}
    }
    let images: Vec<&Image> =
        std::iter::once(image).chain(header.overviews.iter().map(|level| &level.image)).collect();
    for (n, pair) in images.windows(2).enumerate() {
        if let [larger, smaller] = pair
            && let (Some(larger), Some(smaller)) = (first_block(larger), first_block(smaller))
            && larger < smaller
        {
            let larger =
                if n == 0 { "the full resolution".to_owned() } else { format!("overview {}", n - 1) };
            wrong(true, format!("the pixels of {larger} lie before those of overview {n}"));
        }
    }
    findings
}

fn first_directory(front: &[u8], big_tiff: bool) -> Option<u64> {
    let is_little = front.starts_with(b"II");
    if big_tiff {
        let bytes = *front.get(8..)?.first_chunk::<8>()?;
        return Some(if is_little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) });
    }
    let bytes = *front.get(4..)?.first_chunk::<4>()?;
    Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }.into())
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

/// `[west, south, east, north]` of a grid.
fn bounds([a, b, c, d, e, f]: [f64; 6], image: &Image) -> [f64; 4] {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)]
        .map(|(col, row)| (a * col + b * row + c, d * col + e * row + f));
    corners.iter().fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |[w, s, east, n], (x, y)| {
        [w.min(*x), s.min(*y), east.max(*x), n.max(*y)]
    })
}
