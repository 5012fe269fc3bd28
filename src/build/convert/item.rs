//! The Item of a Sentinel-2 product: fields as stactools-sentinel2 names them, in STAC 1.1.0.

use geo::{Centroid, LineString, Polygon};
use serde_json::{Map, Value, json};

use super::asset::asset;
use super::choice::Format;
use super::options::Options;
use super::product::Group;
use crate::build::footprint::Footprint;
use crate::source::safe::{Level, Product};

/// Licence of the data.
const LICENSE: &str = "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice";
/// Schemas of the extensions whose fields every product has.
const EXTENSIONS: [&str; 6] = [
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.2.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/sat/v1.0.0/schema.json",
];
/// Its schema, for products that tell angles.
const VIEW: &str = "https://stac-extensions.github.io/view/v1.0.0/schema.json";
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

/// The Item of a product whose COGs or store lie beside it.
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
                [only] if options.format == Format::Cog => only.band.key.to_owned(),
                _ => group.name.clone(),
            };
            (key, asset(product, group, options))
        })
        .collect();
    let view = properties.keys().any(|name| name.starts_with("view:")).then_some(VIEW);
    let extensions: Vec<&str> = EXTENSIONS.into_iter().chain(view).collect();
    json!({
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": extensions,
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

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::choice::Layout;
    use super::super::product::groups;
    use super::*;
    use crate::build::convert::options::tests::options;

    /// Where our Items differ from those of stactools on purpose.
    const DIFFERENT: [(&str, &str); 6] = [
        ("created", "a run's own time would change the document with every run"),
        (
            "stac_extensions",
            "newer versions; mgrs and sentinel-2 are left out, their schemas not being bundled",
        ),
        (
            "visual",
            "the template has no picture; where a product has, its bands are called TCI_R, TCI_G, TCI_B",
        ),
        (
            "full_width_half_max",
            "measured on the product's own spectral response, where stactools has a table",
        ),
        ("center_wavelength", "the product's own, where stactools rounds the mean of all satellites"),
        ("common_name", "version 2 of the eo extension calls the red edge by its wavelength"),
    ];
    /// Assets that point into the product, which a folder of COGs does not have.
    const METADATA: [&str; 6] = [
        "datastrip_metadata",
        "granule_metadata",
        "inspire_metadata",
        "preview",
        "product_metadata",
        "safe_manifest",
    ];

    fn differs(name: &str) -> bool {
        DIFFERENT.iter().any(|(other, _)| *other == name)
    }

    fn products() -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/safe");
        let entries = std::fs::read_dir(folder).expect("the products").flatten();
        entries.map(|entry| entry.path()).filter(|path| path.join("expected_output.json").exists()).collect()
    }

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance * b.abs().max(1.0)
    }

    /// The same JSON, numbers but for rounding, times by what they mean.
    fn alike(ours: &Value, theirs: &Value, tolerance: f64) -> bool {
        match (ours, theirs) {
            (Value::Number(a), Value::Number(b)) => {
                close(a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN), tolerance)
            }
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b, tolerance))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| alike(v, w, tolerance)))
            }
            (Value::String(a), Value::String(b)) => {
                a == b
                    || crate::stac::parse_instant(a).is_ok_and(|at| crate::stac::parse_instant(b) == Ok(at))
            }
            (a, b) => a == b,
        }
    }

    fn vertices(geometry: &Value) -> Vec<(f64, f64)> {
        match geometry {
            Value::Array(pair) if pair.first().is_some_and(Value::is_number) => {
                vec![(pair[0].as_f64().expect("a number"), pair[1].as_f64().expect("a number"))]
            }
            Value::Array(list) => list.iter().flat_map(vertices).collect(),
            _ => panic!("{geometry}"),
        }
    }

    #[test]
    fn items_agree_with_those_of_stactools_field_by_field() {
        let products = products();
        assert_eq!(products.len(), 2);
        for path in products {
            let product = Product::open(&path).expect("a product");
            let options = options();
            let groups = groups(&product, &options).expect("its bands");
            let ours = serde_json::to_value(item(&product, &groups, &options)).expect("JSON");
            let text = std::fs::read_to_string(path.join("expected_output.json")).expect("read");
            let theirs: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(ours["id"], theirs["id"]);
            assert!(alike(&ours["bbox"], &theirs["bbox"], 1e-6), "{}", ours["bbox"]);
            assert_eq!(ours["geometry"]["type"], theirs["geometry"]["type"]);
            let corners = [&ours, &theirs].map(|item| vertices(&item["geometry"]["coordinates"]));
            for (a, b) in [(0, 1), (1, 0)] {
                for (lon, lat) in &corners[a] {
                    let near = |p: &&(f64, f64)| (p.0 - lon).abs() < 2e-6 && (p.1 - lat).abs() < 2e-6;
                    assert!(corners[b].iter().find(near).is_some(), "{lon} {lat} in {:?}", corners[b]);
                }
            }
            for (name, value) in theirs["properties"].as_object().expect("an object") {
                let tolerance = if name == "proj:centroid" { 1e-4 } else { 1e-12 };
                let found = &ours["properties"][name];
                assert_eq!(alike(found, value, tolerance), !differs(name), "{name}: {found} {value}");
            }
            for (key, asset) in theirs["assets"].as_object().expect("an object") {
                let found = &ours["assets"][key];
                if METADATA.contains(&key.as_str()) || differs(key) {
                    assert!(found.is_null(), "{key}");
                } else {
                    assert_asset(found, asset);
                }
            }
        }
    }

    fn assert_asset(ours: &Value, theirs: &Value) {
        for name in ["title", "gsd", "roles", "proj:shape", "proj:transform", "proj:bbox"] {
            assert!(alike(&ours[name], &theirs[name], 1e-12), "{name}: {} {}", ours[name], theirs[name]);
        }
        let band = &ours["bands"][0];
        let (raster, eo) = (&theirs["raster:bands"][0], &theirs["eo:bands"][0]);
        for (name, theirs) in [
            ("name", &eo["name"]),
            ("data_type", &raster["data_type"]),
            ("nodata", &raster["nodata"]),
            ("raster:scale", &raster["scale"]),
            ("raster:offset", &raster["offset"]),
            ("raster:spatial_resolution", &raster["spatial_resolution"]),
        ] {
            assert!(alike(&band[name], theirs, 1e-12), "{name}: {} {theirs}", band[name]);
        }
        let near = |name: &str, theirs: &Value, um: f64| {
            let (a, b) = (band[name].as_f64().expect("told"), theirs.as_f64().expect("told"));
            assert!((a - b).abs() < um, "{}: {name} {a} {b}", band["name"]);
        };
        near("eo:center_wavelength", &eo["center_wavelength"], 0.02);
        near("eo:full_width_half_max", &eo["full_width_half_max"], 0.08);
        let (a, b) = (band["eo:common_name"].as_str(), eo["common_name"].as_str());
        assert!(a.expect("told").starts_with(b.expect("told")), "{a:?} {b:?}");
    }

    #[test]
    fn level_2a_has_what_its_classes_counted_and_no_cirrus() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/safe");
        let name = "S2B_MSIL2A_20230823T095559_N0509_R122_T34UCF_20230823T124759.SAFE";
        let product = Product::open(&folder.join(name)).expect("a product");
        let stacked = Options { layout: Layout::Stacked, ..options() };
        let groups = groups(&product, &stacked).expect("its bands");
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        let want = ["B01_B09", "B02_B03_B04_B08", "B05_B06_B07_B8A_B11_B12", "SCL", "AOT", "WVP"];
        assert_eq!(names, want);
        let item = item(&product, &groups, &stacked);
        let properties = &item["properties"];
        assert_eq!(properties["s2:snow_ice_percentage"], properties["eo:snow_cover"]);
        assert_eq!(properties["s2:vegetation_percentage"], 25.88712);
        assert_eq!(properties["datetime"], "2023-08-23T09:55:59.024Z");
        assert_eq!(item["assets"]["B02_B03_B04_B08"]["bands"][3]["raster:offset"], -0.1);
        assert_eq!(item["assets"]["scl"]["bands"][0]["data_type"], "uint8");
        assert_eq!(item["assets"]["wvp"]["bands"][0]["raster:scale"], 0.001);
        assert_eq!(item["id"], "S2B_T34UCF_20230823T095553_L2A");
    }
}
