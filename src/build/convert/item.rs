//! The Item of a Sentinel-2 product: fields as stactools-sentinel2 names them, in STAC 1.1.0.

use geo::{Centroid, LineString, Polygon};
use serde_json::{Map, Value, json};

use super::choice::Nodata;
use super::options::Options;
use super::product::{Group, nodata};
use crate::build::bands::number;
use crate::build::footprint::Footprint;
use crate::source::safe::{Image, Kind, Level, Product};

/// Media type of the assets.
const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";
/// Licence of the data.
const LICENSE: &str = "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice";
/// Schemas of the extensions whose fields every product has.
const EXTENSIONS: [&str; 7] = [
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/sat/v1.0.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
];
/// Shares of Level-2A's classes that get a field of their own, by the metadata's names.
const CONTENT: [&str; 12] = [
    "nodata_pixel",
    "saturated_defective_pixel",
    "dark_features",
    "cloud_shadow",
    "vegetation",
    "not_vegetated",
    "water",
    "unclassified",
    "medium_proba_clouds",
    "high_proba_clouds",
    "thin_cirrus",
    "snow_ice",
];

/// The Item of a product whose COGs lie beside it.
pub(super) fn item(product: &Product, groups: &[Group<'_>], options: &Options) -> Value {
    let outline = unwrapped(&product.facts.footprint);
    let centroid = Polygon::new(LineString::from(outline.clone()), Vec::new()).centroid();
    let footprint = Footprint::from_outline(outline);
    let mut properties = properties(product);
    if let Some(point) = centroid {
        let lon = if point.x() > 180.0 { point.x() - 360.0 } else { point.x() };
        let round = |degrees: f64| (degrees * 1e5).round() / 1e5;
        properties.insert("proj:centroid".to_owned(), json!({"lat": round(point.y()), "lon": round(lon)}));
    }
    let assets: Map<String, Value> = groups
        .iter()
        .map(|group| {
            let key = match group.images.as_slice() {
                [only] => only.band.key.to_owned(),
                _ => group.name.clone(),
            };
            (key, asset(product, group, options))
        })
        .collect();
    json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": product.item_id(),
        "geometry": footprint.geometry(),
        "bbox": footprint.bbox.to_array(),
        "properties": properties,
        "links": [{"rel": "license", "href": LICENSE}],
        "assets": assets,
    })
}

/// An outline whose longitudes run on across the antimeridian.
fn unwrapped(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut outline: Vec<(f64, f64)> = Vec::with_capacity(points.len() + 1);
    for &(lon, lat) in points {
        let near = outline.last().map_or(lon, |last| last.0);
        outline.push((lon + 360.0 * ((near - lon) / 360.0).round(), lat));
    }
    if let (Some(first), Some(last)) = (outline.first().copied(), outline.last().copied())
        && first != last
    {
        outline.push(first);
    }
    outline
}

fn properties(product: &Product) -> Map<String, Value> {
    let (facts, tile) = (&product.facts, &product.tile);
    let (zone, band, square) = &tile.mgrs;
    let instant =
        |at: &chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let level = match facts.level {
        Level::L1C => "L1C",
        Level::L2A => "L2A",
    };
    let mut properties = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            properties.insert(name.to_owned(), value);
        }
    };
    set("datetime", Some(json!(instant(&facts.sensed))));
    set("platform", Some(json!(facts.platform)));
    set("constellation", Some(json!("sentinel-2")));
    set("instruments", Some(json!(["msi"])));
    set(
        "providers",
        Some(json!([{
            "name": "ESA",
            "roles": ["producer", "processor", "licensor"],
            "url": "https://earth.esa.int/web/guest/home",
        }])),
    );
    set("eo:cloud_cover", tile.cloud_cover.or(facts.cloud_cover).map(Value::from));
    set("grid:code", Some(json!(format!("MGRS-{zone:02}{band}{square}"))));
    set("mgrs:utm_zone", Some(json!(zone)));
    set("mgrs:latitude_band", Some(json!(band)));
    set("mgrs:grid_square", Some(json!(square)));
    set("processing:level", Some(json!(level)));
    set("processing:version", Some(json!(facts.baseline)));
    set("proj:code", Some(json!(format!("EPSG:{}", tile.epsg))));
    set("proj:epsg", Some(json!(tile.epsg)));
    set("sat:orbit_state", Some(json!(if facts.is_ascending { "ascending" } else { "descending" })));
    set("sat:relative_orbit", Some(json!(facts.orbit)));
    set("view:sun_elevation", tile.sun.map(|(zenith, _)| json!(90.0 - zenith)));
    set("view:sun_azimuth", tile.sun.map(|(_, azimuth)| json!(azimuth)));
    set("view:incidence_angle", tile.view.map(|(zenith, _)| json!(zenith)));
    set("view:azimuth", tile.view.map(|(_, azimuth)| json!(azimuth)));
    set("s2:tile_id", Some(json!(tile.id)));
    set("s2:datastrip_id", Some(json!(tile.datastrip)));
    set("s2:datatake_id", Some(json!(facts.datatake)));
    set("s2:datatake_type", facts.datatake_type.clone().map(Value::from));
    set("s2:product_uri", Some(json!(facts.uri)));
    set("s2:product_type", Some(json!(facts.product_type)));
    set("s2:processing_baseline", Some(json!(facts.baseline)));
    set("s2:generation_time", Some(json!(instant(&facts.generated))));
    set("s2:reflectance_conversion_factor", facts.reflectance_conversion.map(Value::from));
    set("s2:degraded_msi_data_percentage", facts.degraded.map(Value::from));
    for name in CONTENT {
        let share = facts.content.iter().find(|(other, _)| other == name).map(|(_, share)| *share);
        set(&format!("s2:{name}_percentage"), share.map(Value::from));
        if name == "snow_ice" {
            set("eo:snow_cover", share.map(Value::from));
        }
    }
    properties
}

fn asset(product: &Product, group: &Group<'_>, options: &Options) -> Value {
    let mut asset = Map::new();
    asset.insert("href".to_owned(), json!(format!("./{}.tif", group.name)));
    asset.insert("type".to_owned(), json!(COG));
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
