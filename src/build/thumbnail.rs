//! A picture of an Item, at no more than 512 pixels a side, on the grid of its raster.
//!
//! Red, green and blue come from an asset that is a picture already (role `visual`), else from the bands of these common
//! names, else from a raster whose bands are colours, else one band is shown in grey. Reflectance, which a
//! scale tells, is shown from 0 to 0.3, as ESA's own pictures are: clouds do not darken the land, and dates look alike. All else but
//! pictures of bytes is stretched between the 2nd and the 98th percentile.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use stac::{Asset, Item};

use super::pixels::{self, PixelError, Pixels};
use super::png::Picture;
use crate::cog::{Image, Photometric};
use crate::pool::Pool;
use crate::stac::DataType;
use crate::storage::Storage;

/// Pixels a side.
const SIDE_PIXELS: u32 = 512;
/// The shares of valid pixels that are shown in black and in full colour.
const STRETCH: (f64, f64) = (0.02, 0.98);

/// The key of its asset.
pub(super) const KEY: &str = "thumbnail";
/// Its name in the Item's folder.
pub(super) const FILE: &str = "thumbnail.png";

/// The reflectance that is shown in full colour.
const BRIGHT: f64 = 0.3;
/// Scales of reflectance are finer than this.
const FINE_SCALE: f64 = 0.01;

/// One channel of a picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channel {
    /// A file.
    pub(super) path: PathBuf,
    /// A band of it, from 0.
    pub(super) band: u16,
    /// The samples that are shown in black and in full colour, where they are known beforehand.
    pub(super) range: Option<(f64, f64)>,
}

impl Channel {
    fn new(asset: &Asset, band: u16) -> Self {
        Self { path: PathBuf::from(&asset.href), band, range: None }
    }
}

/// The bands that an Item is shown in, one or three; none when it has no raster on this disk.
pub(super) fn channels_of(item: &Item) -> Vec<Channel> {
    let rasters = || item.assets.values().filter(|asset| is_raster(asset));
    let visual = rasters().find(|asset| asset.roles.iter().any(|role| role == "visual"));
    if let Some(asset) = visual {
        let count = if asset.bands.len() == 1 { 1 } else { 3 };
        return (0..count).map(|band| Channel::new(asset, band)).collect();
    }
    let named = |common: &str| {
        rasters().find_map(|asset| {
            let is = |band: &stac::Band| {
                band.additional_fields.get("eo:common_name").is_some_and(|name| name == common)
            };
            let at = asset.bands.iter().position(is)?;
            let range = asset.bands.get(at).and_then(reflectance);
            Some(Channel { range, ..Channel::new(asset, u16::try_from(at).ok()?) })
        })
    };
    if let (Some(red), Some(green), Some(blue)) = (named("red"), named("green"), named("blue")) {
        return vec![red, green, blue];
    }
    let data = rasters().find(|asset| asset.roles.iter().any(|role| role == "data"));
    let Some(asset) = data.or_else(|| rasters().next()) else { return Vec::new() };
    vec![Channel::new(asset, 0)]
}

/// The samples of no reflectance and of a bright one.
fn reflectance(band: &stac::Band) -> Option<(f64, f64)> {
    let field = |name: &str| band.additional_fields.get(name)?.as_f64();
    let scale = field("raster:scale").filter(|scale| *scale > 0.0 && *scale < FINE_SCALE)?;
    let offset = field("raster:offset").unwrap_or_default();
    Some((-offset / scale, (BRIGHT - offset) / scale))
}

/// The asset of a thumbnail at a path.
pub(super) fn asset(path: &Path) -> Asset {
    let mut asset = Asset::new(path.to_string_lossy()).role("thumbnail");
    asset.title = Some("Thumbnail".to_owned());
    asset.r#type = Some("image/png".to_owned());
    asset
}

/// A short name for what a thumbnail is drawn from.
pub(super) fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// True for a `GeoTIFF` on this disk.
pub(super) fn is_raster(asset: &Asset) -> bool {
    let path = Path::new(&asset.href);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    path.is_absolute() && (extension.eq_ignore_ascii_case("tif") || extension.eq_ignore_ascii_case("tiff"))
}

/// Reads the channels and makes the picture.
pub(super) async fn draw(
    storage: &Storage,
    pool: &Pool,
    channels: &[Channel],
) -> Result<Picture, PixelError> {
    let mut all: Vec<Pixels> = Vec::with_capacity(channels.len());
    for Channel { path, band, .. } in channels {
        let opened = pixels::open(storage, path).await?;
        let in_colours = channels.len() == 1 && is_coloured(&opened.header.full.image);
        let bands = if in_colours { vec![0, 1, 2] } else { vec![*band] };
        let read = pixels::read(storage, pool, &opened, &bands, SIDE_PIXELS).await?;
        let Pixels { rows, cols, data_type, bands } = read;
        all.extend(bands.into_iter().map(|band| Pixels { rows, cols, data_type, bands: vec![band] }));
    }
    let known: Vec<Option<(f64, f64)>> = channels.iter().map(|channel| channel.range).collect();
    Ok(pool.run(move || picture(&all, &known)).await)
}

/// True when the first three bands are red, green and blue.
fn is_coloured(image: &Image) -> bool {
    image.bands >= 3 && matches!(image.photometric, Photometric::Rgb | Photometric::YCbCr)
}

/// Bands of other sizes than the first are brought to it by their nearest pixels; `known` are the ranges of some.
fn picture(bands: &[Pixels], known: &[Option<(f64, f64)>]) -> Picture {
    let Some(first) = bands.first() else {
        return Picture { rows: 0, cols: 0, channels: 2, data: Vec::new() };
    };
    let is_picture = bands.len() == 3 && bands.iter().all(|band| band.data_type == Some(DataType::U8));
    let range = |(at, band): (usize, &Pixels)| match known.get(at).copied().flatten() {
        Some(known) => known,
        None if is_picture => (0.0, 255.0),
        None => stretch(band),
    };
    let ranges: Vec<(f64, f64)> = bands.iter().enumerate().map(range).collect();
    let mut data = Vec::with_capacity(first.rows * first.cols * (bands.len() + 1));
    for row in 0..first.rows {
        for col in 0..first.cols {
            let values = bands.iter().map(|band| {
                let at =
                    (row * band.rows / first.rows.max(1)) * band.cols + col * band.cols / first.cols.max(1);
                band.bands.first().and_then(|values| values.get(at)).copied().unwrap_or(f64::NAN)
            });
            let mut is_valid = true;
            for (value, (low, high)) in values.zip(&ranges) {
                is_valid &= value.is_finite();
                let share = if high > low { (value - low) / (high - low) } else { 0.5 };
                // A cast of NaN is 0.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
                data.push((share.clamp(0.0, 1.0) * 255.0).round() as u8);
            }
            data.push(if is_valid { 255 } else { 0 });
        }
    }
    let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let channels = if bands.len() == 1 { 2 } else { 4 };
    Picture { rows: size(first.rows), cols: size(first.cols), channels, data }
}

fn stretch(band: &Pixels) -> (f64, f64) {
    let mut values: Vec<f64> = band.bands.iter().flatten().copied().filter(|v| v.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index below a quarter of a million"
    )]
    let at = |share: f64| values.get(((values.len().saturating_sub(1)) as f64 * share) as usize).copied();
    (at(STRETCH.0).unwrap_or_default(), at(STRETCH.1).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(data_type: DataType, values: &[f64]) -> Pixels {
        Pixels { rows: 1, cols: values.len(), data_type: Some(data_type), bands: vec![values.to_vec()] }
    }

    #[test]
    fn grey_is_stretched_and_invalid_pixels_are_clear() {
        let drawn = picture(&[pixels(DataType::U16, &[100.0, 200.0, f64::NAN, 300.0])], &[]);
        assert_eq!((drawn.channels, drawn.data[0], drawn.data[1]), (2, 0, 255));
        assert_eq!((drawn.data[4], drawn.data[5]), (0, 0));
    }

    #[test]
    fn pictures_of_bytes_stay_as_they_are() {
        let band = || pixels(DataType::U8, &[7.0, 9.0]);
        let drawn = picture(&[band(), band(), band()], &[]);
        assert_eq!(drawn.data, [7, 7, 7, 255, 9, 9, 9, 255]);
    }

    #[test]
    fn reflectance_is_shown_alike_whatever_the_clouds() {
        let band: stac::Band =
            serde_json::from_value(serde_json::json!({"raster:scale": 1e-4, "raster:offset": -0.1}))
                .expect("a band");
        let range = reflectance(&band).expect("a range");
        assert!((range.0 - 1000.0).abs() < 1e-6 && (range.1 - 4000.0).abs() < 1e-6, "{range:?}");
        let drawn = picture(&[pixels(DataType::U16, &[1000.0, 2500.0, 12000.0])], &[Some(range)]);
        assert_eq!(drawn.data, [0, 255, 128, 255, 255, 255]);
    }

    #[test]
    fn true_colours_go_before_grey() {
        let mut item = Item::new("i");
        let mut asset = Asset::new("/x/B08.tif").role("data");
        asset.bands.clear();
        item.assets.insert("B08".into(), asset);
        assert_eq!(channels_of(&item), [Channel::new(&item.assets["B08"], 0)]);
        item.assets.insert("TCI".into(), Asset::new("/x/TCI.tif").role("visual"));
        assert_eq!(channels_of(&item).len(), 3);
        item.assets.clear();
        item.assets.insert("far".into(), Asset::new("https://h/x.tif").role("data"));
        assert!(channels_of(&item).is_empty());
    }
}
