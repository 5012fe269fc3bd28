//! An asset of a product's Item: a COG, or a group of its store, with the bands in it.

use serde_json::{Map, Value, json};

use super::choice::{Format, Nodata};
use super::options::Options;
use super::product::{Group, nodata, store_name};
use crate::build::bands::number;
use crate::source::safe::{Image, Kind, Product};

/// Media type of the assets.
const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
/// Media type of the groups of a store.
const ZARR: &str = "application/vnd.zarr; version=3";

/// The asset that holds these images.
pub(super) fn asset(product: &Product, group: &Group<'_>, options: &Options) -> Value {
    let mut asset = Map::new();
    let (href, media_type) = match options.format {
        Format::Cog => (format!("./{}.tif", group.name), COG),
        Format::Zarr => (format!("./{}/{}", store_name(&product.item_id()), group.name), ZARR),
    };
    asset.insert("href".to_owned(), json!(href));
    asset.insert("type".to_owned(), json!(media_type));
    let Some(first) = group.images.first() else { return Value::Object(asset) };
    let (band, gsd_m) = (first.band, first.gsd_m);
    let title = match band.kind {
        Kind::Reflectance if group.images.len() == 1 => Some(format!("{} - {gsd_m}m", band.title)),
        Kind::Reflectance => None,
        _ => Some(band.title.to_owned()),
    };
    asset.extend(title.map(|title| ("title".to_owned(), json!(title))));
    let roles: &[&str] = match band.kind {
        Kind::Reflectance => &["data", "reflectance"],
        Kind::Picture => &["visual"],
        Kind::Classes | Kind::Aerosol | Kind::Vapour => &["data"],
    };
    asset.insert("roles".to_owned(), json!(roles));
    asset.insert("gsd".to_owned(), json!(gsd_m));
    if let Some(grid) = product.tile.grid(gsd_m) {
        let [a, _, west, _, e, north] = grid.transform;
        let (width, height) = (f64::from(grid.width) * a, f64::from(grid.height) * e);
        asset.insert("proj:shape".to_owned(), json!([grid.height, grid.width]));
        asset.insert("proj:transform".to_owned(), json!(grid.transform));
        asset.insert("proj:bbox".to_owned(), json!([west, north + height, west + width, north]));
    }
    let bands: Vec<Value> = group.images.iter().flat_map(|image| bands(product, image, options)).collect();
    asset.insert("bands".to_owned(), Value::Array(bands));
    Value::Object(asset)
}

fn bands(product: &Product, image: &Image, options: &Options) -> Vec<Value> {
    let band = image.band;
    let own = if matches!(band.kind, Kind::Classes | Kind::Picture) { "uint8" } else { "uint16" };
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("name", json!(band.name));
    set("data_type", json!(options.data_type.as_deref().unwrap_or(own)));
    let told = match options.nodata {
        _ if options.add_mask => None,
        None => Some(nodata(product, image)),
        Some(Nodata::Value(value)) => Some(value),
        Some(Nodata::None) => None,
    };
    if let Some(nodata) = told {
        set("nodata", if nodata.is_nan() { json!("nan") } else { number(nodata) });
    }
    set("raster:spatial_resolution", json!(image.gsd_m));
    if let Some((scale, offset)) = product.scaling(band) {
        set("raster:scale", json!(scale));
        set("raster:offset", json!(offset));
    }
    if band.kind == Kind::Vapour {
        set("unit", json!("cm"));
    }
    if let Some(name) = band.common_name {
        set("eo:common_name", json!(name));
    }
    let spectrum = band.number.and_then(|number| product.facts.spectra.get(number).copied().flatten());
    if let Some(spectrum) = spectrum {
        set("eo:center_wavelength", json!(spectrum.center_um));
        if let Some(width) = spectrum.width_um {
            set("eo:full_width_half_max", json!(width));
        }
    }
    if band.kind != Kind::Picture {
        return vec![Value::Object(fields)];
    }
    // Not B04, B03, B02: whoever asks for these wants reflectance.
    let colour = |name: &str| {
        let mut fields = fields.clone();
        fields.insert("name".to_owned(), json!(format!("TCI_{name}")));
        Value::Object(fields)
    };
    ["R", "G", "B"].map(colour).to_vec()
}
