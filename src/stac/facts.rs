//! What a patch needs to know of an Item, and nothing else: it never sees how a catalogue is kept.

use chrono::{DateTime, Utc};
use geo::Geometry;
use serde_json::Value;

use super::{DataType, ItemError, item_time, parse_geometry};

/// The facts of one Item.
#[derive(Debug, Clone)]
pub struct ItemFacts {
    /// The Item's id, unique in its collection.
    pub id: String,
    /// The id of its collection.
    pub collection: String,
    /// `datetime`, or the start of its range.
    pub time: DateTime<Utc>,
    /// `platform`, such as `sentinel-2a`.
    pub platform: Option<String>,
    /// Where it lies, in longitude and latitude.
    pub footprint: Option<Geometry>,
    /// Its assets in document order.
    pub assets: Vec<AssetFacts>,
}

/// One asset of an Item.
#[derive(Debug, Clone)]
pub struct AssetFacts {
    /// Its key in `assets`.
    pub key: String,
    /// Absolute href.
    pub href: String,
    /// True when its roles say `data`, or when it names no roles and looks like a raster.
    pub is_data: bool,
    /// True when its media type or name says TIFF: what the reader of this version understands.
    pub is_tiff: bool,
    /// Ground sample distance in metres, where the document says.
    pub gsd_m: Option<f64>,
    /// Its pixel grid, where the document says.
    pub grid: Option<Grid>,
    /// True when its values are names, not amounts: it has `classification:classes` or `classification:bitfields`, the role
    /// of a classification, or the key of a band that is always one, such as `SCL`.
    pub is_categorical: bool,
    /// Rows and columns, where the asset itself says: what holds for the whole Item may not hold for it.
    pub own_shape: Option<[u32; 2]>,
    /// Its bands in file order; empty when the document names none.
    pub bands: Vec<BandFacts>,
}

/// The pixel grid of a raster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// EPSG code of its CRS.
    pub epsg: u32,
    /// Affine transform from (column, row) to CRS coordinates, `a b c d e f` as in rasterio.
    pub transform: [f64; 6],
    /// Rows and columns.
    pub shape: [u32; 2],
}

/// One band of an asset.
#[derive(Debug, Clone, Default)]
pub struct BandFacts {
    /// `name`.
    pub name: Option<String>,
    /// `common_name` or `eo:common_name`.
    pub common_name: Option<String>,
    /// `data_type`.
    pub data_type: Option<DataType>,
    /// `nodata`, for files that do not say it themselves.
    pub nodata: Option<f64>,
    /// `raster:scale`: value = sample × scale + offset.
    pub scale: Option<f64>,
    /// `raster:offset`.
    pub offset: Option<f64>,
    /// True when it has `classification:classes` or `classification:bitfields`, or the name of a band that is always one.
    pub is_categorical: bool,
}

/// A band of an Item: which asset, and which band of it, both counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BandRef {
    /// Index into [`ItemFacts::assets`].
    pub asset: usize,
    /// Band of that asset's raster.
    pub band: usize,
}

impl ItemFacts {
    /// Reads the facts from an Item's document whose hrefs are absolute.
    ///
    /// # Errors
    /// When a field that every Item has is missing or cannot be read.
    pub fn from_document(item: &Value) -> Result<Self, ItemError> {
        let text = |field: &'static str| {
            let value = item.get(field).and_then(Value::as_str).map(str::to_owned);
            value.ok_or(ItemError::Field { field, expected: "a string" })
        };
        let properties = item
            .get("properties")
            .filter(|p| p.is_object())
            .ok_or(ItemError::Field { field: "properties", expected: "an object" })?;
        let footprint = match item.get("geometry") {
            None | Some(Value::Null) => None,
            Some(geometry) => Some(parse_geometry(geometry)?),
        };
        let assets = item.get("assets").and_then(Value::as_object);
        Ok(Self {
            id: text("id")?,
            collection: text("collection")?,
            time: item_time(properties)?.start,
            platform: properties.get("platform").and_then(Value::as_str).map(str::to_owned),
            footprint,
            assets: assets
                .into_iter()
                .flatten()
                .filter_map(|(key, asset)| AssetFacts::from_document(key, asset, properties))
                .collect(),
        })
    }

    /// The band that `name` means: a band's name, then a common name, then the key of a single-band asset. Where several
    /// assets hold it, rasters for data come first, then the finest resolution, then document order.
    #[must_use]
    pub fn band(&self, name: &str) -> Option<BandRef> {
        let rank = |asset: &AssetFacts| (!asset.is_tiff, !asset.is_data, asset.resolution());
        let best = |matches: &dyn Fn(&AssetFacts) -> Option<usize>| {
            let found = self.assets.iter().enumerate().filter_map(|(index, asset)| {
                matches(asset).map(|band| (rank(asset), BandRef { asset: index, band }))
            });
            found.min_by(|(a, _), (b, _)| a.0.cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.total_cmp(&b.2)))
        };
        let by_name = |a: &AssetFacts| a.bands.iter().position(|b| b.name.as_deref() == Some(name));
        let by_common = |a: &AssetFacts| a.bands.iter().position(|b| b.common_name.as_deref() == Some(name));
        let by_key = |a: &AssetFacts| (a.key == name && a.bands.len() <= 1 && a.is_raster()).then_some(0);
        best(&by_name).or_else(|| best(&by_common)).or_else(|| best(&by_key)).map(|(_, band)| band)
    }

    /// Every name that [`ItemFacts::band`] answers to, sorted, each once.
    #[must_use]
    pub fn band_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for asset in &self.assets {
            if asset.bands.len() <= 1 && asset.is_raster() {
                names.push(asset.key.clone());
            }
            for band in &asset.bands {
                names.extend(band.name.clone());
                names.extend(band.common_name.clone());
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The names of the bands that a patch takes when none are asked for: all of role `data` that share the finest
    /// resolution.
    #[must_use]
    pub fn default_bands(&self) -> Vec<String> {
        let data = || self.assets.iter().filter(|a| a.is_data && a.is_tiff);
        let finest = data().map(AssetFacts::resolution).fold(f64::INFINITY, f64::min);
        let mut names: Vec<String> = Vec::new();
        for asset in data().filter(|a| a.resolution().total_cmp(&finest).is_eq()) {
            let asset_names: Vec<String> = match asset.bands.as_slice() {
                [] => vec![asset.key.clone()],
                [band] => vec![band.name.clone().unwrap_or_else(|| asset.key.clone())],
                bands => bands.iter().filter_map(|b| b.name.clone().or(b.common_name.clone())).collect(),
            };
            names.extend(asset_names);
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}

impl AssetFacts {
    fn from_document(key: &str, asset: &Value, properties: &Value) -> Option<Self> {
        let href = asset.get("href")?.as_str()?.to_owned();
        let media_type = asset.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let path = href.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let is_tiff = if media_type.is_empty() {
            path.rsplit_once('.').is_some_and(|(_, extension)| matches!(extension, "tif" | "tiff"))
        } else {
            media_type.starts_with("image/tiff")
        };
        let roles = asset.get("roles").and_then(Value::as_array);
        let has_role = |role: &str| roles.is_some_and(|r| r.iter().any(|v| v.as_str() == Some(role)));
        let grid = grid_of(asset, properties);
        let bands: Vec<BandFacts> = bands_of(asset);
        Some(Self {
            key: key.to_owned(),
            href,
            is_data: has_role("data") || (roles.is_none() && is_tiff),
            is_tiff,
            gsd_m: number(asset, "gsd")
                .or_else(|| number(asset, "eo:gsd"))
                .or_else(|| grid.is_none().then(|| number(properties, "gsd")).flatten()),
            grid,
            is_categorical: has_classes(asset) || has_role("classification") || is_class_band(key),
            own_shape: shape_of(asset.get("proj:shape")),
            bands,
        })
    }

    /// A raster by its media type, or by being described as one.
    fn is_raster(&self) -> bool {
        self.is_tiff || !self.bands.is_empty()
    }

    /// Pixel size for comparing assets of one Item: metres where the document says, else the grid's own units.
    fn resolution(&self) -> f64 {
        self.gsd_m
            .or_else(|| self.grid.map(|g| g.transform[0].hypot(g.transform[3])))
            .unwrap_or(f64::INFINITY)
    }
}

/// Bands of classes or bits that every processor calls so, and catalogues often describe no further.
const CLASS_BANDS: [&str; 9] =
    ["SCL", "CLM", "FMASK", "BQA", "QA_PIXEL", "QA60", "QA_RADSAT", "SR_QA_AEROSOL", "SR_CLOUD_QA"];

fn is_class_band(name: &str) -> bool {
    CLASS_BANDS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What the classification extension says of a band or asset.
fn has_classes(of: &Value) -> bool {
    ["classification:classes", "classification:bitfields"].iter().any(|field| of.get(field).is_some())
}

fn number(of: &Value, field: &str) -> Option<f64> {
    of.get(field).and_then(Value::as_f64)
}

/// `bands` of STAC 1.1, or what `eo:bands` and `raster:bands` of 1.0 say together.
fn bands_of(asset: &Value) -> Vec<BandFacts> {
    let list =
        |field: &str| asset.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (common, eo, raster) = (list("bands"), list("eo:bands"), list("raster:bands"));
    let count = if common.is_empty() { eo.len().max(raster.len()) } else { common.len() };
    (0..count)
        .map(|index| {
            // Later sources fill what earlier ones leave out; fields of the asset hold for all of its bands.
            let sources = [common.get(index), eo.get(index), raster.get(index), Some(asset)];
            let text = |names: &[&str], up_to: usize| {
                let known = sources.iter().take(up_to).flatten();
                known.flat_map(|s| names.iter().map(move |n| s.get(n))).flatten().find_map(Value::as_str)
            };
            let value = |names: &[&str]| {
                let known = sources.iter().flatten();
                known.flat_map(|s| names.iter().map(move |n| s.get(n))).flatten().find_map(Value::as_f64)
            };
            BandFacts {
                name: text(&["name"], 3).map(str::to_owned),
                common_name: text(&["eo:common_name", "common_name"], 3).map(str::to_owned),
                data_type: text(&["data_type"], 4).and_then(DataType::from_name),
                nodata: sources.iter().flatten().filter_map(|s| s.get("nodata")).find_map(nodata_of),
                scale: value(&["raster:scale", "scale"]),
                offset: value(&["raster:offset", "offset"]),
                is_categorical: text(&["name"], 3).is_some_and(is_class_band)
                    || sources.iter().take(3).flatten().any(|source| has_classes(source)),
            }
        })
        .collect()
}

/// A number, or one of the words that STAC has for what JSON cannot write.
fn nodata_of(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("nan") => Some(f64::NAN),
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    }
}

/// The grid that the projection extension describes, on the asset or for the whole Item, under its old and new names.
fn grid_of(asset: &Value, properties: &Value) -> Option<Grid> {
    let field = |name: &str| asset.get(name).or_else(|| properties.get(name)).filter(|v| !v.is_null());
    let code = field("proj:code").and_then(Value::as_str).and_then(|c| c.strip_prefix("EPSG:")?.parse().ok());
    let epsg = code.or_else(|| field("proj:epsg")?.as_u64()?.try_into().ok())?;
    let numbers: Vec<f64> = field("proj:transform")?.as_array()?.iter().filter_map(Value::as_f64).collect();
    let transform: [f64; 6] = numbers.get(..6)?.try_into().ok()?;
    Some(Grid { epsg, transform, shape: shape_of(field("proj:shape"))? })
}

fn shape_of(value: Option<&Value>) -> Option<[u32; 2]> {
    let shape = value?.as_array()?;
    let side = |index: usize| shape.get(index)?.as_u64()?.try_into().ok();
    Some([side(0)?, side(1)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(assets: &Value) -> ItemFacts {
        ItemFacts::from_document(&json!({
            "id": "i", "collection": "c", "geometry": null,
            "properties": {"datetime": "2024-01-01T00:00:00Z", "proj:epsg": 32635},
            "assets": assets
        }))
        .expect("facts")
    }

    #[test]
    fn a_band_is_found_by_name_common_name_and_key() {
        let facts = item(&json!({
            "thumbnail": {"href": "/t.png", "type": "image/png", "roles": ["thumbnail"]},
            "stack": {"href": "/s.tif", "bands": [{"name": "B02"}, {"name": "B04", "eo:common_name": "red"}]},
            "scl": {"href": "/scl.tif"}
        }));
        assert_eq!(facts.band("B04"), Some(BandRef { asset: 1, band: 1 }));
        assert_eq!(facts.band("red"), Some(BandRef { asset: 1, band: 1 }));
        assert_eq!(facts.band("scl"), Some(BandRef { asset: 2, band: 0 }));
        assert_eq!(facts.band("stack"), None);
        assert_eq!(facts.band("thumbnail"), None);
        assert_eq!(facts.band_names(), ["B02", "B04", "red", "scl"]);
    }

    #[test]
    fn data_at_the_finest_resolution_wins() {
        let facts = item(&json!({
            "visual": {"href": "/v.tif", "roles": ["visual"], "gsd": 10, "bands": [{"name": "B04"}, {"name": "B03"}]},
            "B04_20m": {"href": "/c.tif", "roles": ["data"], "gsd": 20, "bands": [{"name": "B04"}]},
            "B04_10m": {"href": "/f.tif", "roles": ["data"], "gsd": 10, "bands": [{"name": "B04"}]},
            "B05": {"href": "/g.tif", "roles": ["data"], "gsd": 20, "bands": [{"name": "B05"}]}
        }));
        assert_eq!(facts.band("B04").map(|b| facts.assets[b.asset].key.as_str()), Some("B04_10m"));
        assert_eq!(facts.default_bands(), ["B04"]);
    }

    #[test]
    fn old_band_fields_are_read_together() {
        let facts = item(&json!({"B04": {
            "href": "/f.tif", "proj:shape": [10, 20], "proj:transform": [10, 0, 5, 0, -10, 7, 0, 0, 1],
            "eo:bands": [{"name": "B04", "common_name": "red"}],
            "raster:bands": [{"data_type": "uint16", "scale": 0.0001, "offset": -0.1}]
        }}));
        let asset = &facts.assets[0];
        assert_eq!(asset.bands[0].data_type, Some(DataType::U16));
        assert_eq!(asset.bands[0].scale, Some(0.0001));
        let grid = asset.grid.expect("a grid");
        assert_eq!((grid.epsg, grid.shape, grid.transform[5]), (32635, [10, 20], 7.0));
    }
}
