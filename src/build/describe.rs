//! Headers → one STAC Item.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use stac::{Asset, Item};

use super::bands::{Context, number};
use super::footprint::Footprint;
use super::group::{Group, Member};
use super::inspect::{Raster, clean};
use super::{known, time};
use crate::crs::CrsError;
use crate::stac::media;

/// Schemas of the extensions whose fields are written, with the prefix of these fields.
const EXTENSIONS: [(&str, &str); 4] = [
    ("eo:", "https://stac-extensions.github.io/eo/v2.0.0/schema.json"),
    ("file:", "https://stac-extensions.github.io/file/v2.1.0/schema.json"),
    ("proj:", "https://stac-extensions.github.io/projection/v1.2.0/schema.json"),
    ("raster:", "https://stac-extensions.github.io/raster/v2.0.0/schema.json"),
];

/// Where an Item's time comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Time {
    /// The time.
    pub(super) at: DateTime<Utc>,
    /// True when it is only that of the file's last change.
    pub(super) is_guess: bool,
}

/// A file of an Item with what its header says.
#[derive(Debug)]
pub(super) struct Described {
    /// The file.
    pub(super) member: Member,
    /// Its header.
    pub(super) raster: Raster,
    /// When the file was last changed.
    pub(super) modified: DateTime<Utc>,
}

/// The time of an Item, by the rules: the path, TIFF's tag, the fallback, the file's last change.
pub(super) fn time_of(parts: &[Described], fallback: Option<DateTime<Utc>>) -> Option<Time> {
    let certain = |at| Time { at, is_guess: false };
    let first = |of: fn(&Described) -> Option<DateTime<Utc>>| parts.iter().filter_map(of).min();
    let path = first(|p| time::in_groups(&p.member.groups))
        .or_else(|| first(|p| time::in_path(&p.member.file.relative)));
    let tag = || first(|p| time::in_tiff(p.raster.date_time.as_deref()?));
    let modified = || parts.iter().map(|p| p.modified).max().map(|at| Time { at, is_guess: true });
    path.or_else(tag).or(fallback).map(certain).or_else(modified)
}

/// The Item of a group of files, without links.
///
/// `cloud_cover` in percent is what was counted; else the definition's group of that name tells it.
pub(super) fn describe(
    group: &Group,
    parts: &[Described],
    time: Time,
    cloud_cover: Option<f64>,
    context: Context<'_>,
) -> Result<Item, CrsError> {
    let mut item = Item::new(&group.id);
    let footprints = parts.iter().map(|p| Footprint::of(&p.raster)).collect::<Result<Vec<_>, _>>()?;
    if let Some(footprint) = Footprint::around(footprints) {
        let [west, south, east, north] = footprint.bbox.to_array();
        item.bbox = Some(stac::Bbox::new(west, south, east, north));
        item.geometry = Some(footprint.geometry());
    }
    item.properties.datetime = Some(time.at);
    item.properties.additional_fields = properties(parts, cloud_cover, context);
    let groups = parts.iter().map(|p| &p.member.groups);
    let title = context.definition.and_then(|d| d.item_title.as_ref());
    item.properties.title = title.and_then(|template| groups.clone().find_map(|g| template.fill(g)));
    for part in parts {
        item.assets.insert(part.member.key.clone(), asset(part, context));
    }
    item.extensions = extensions_of(&item, context);
    share_projection(&mut item, parts);
    Ok(item)
}

fn properties(parts: &[Described], cloud_cover: Option<f64>, context: Context<'_>) -> Map<String, Value> {
    let mut properties = Map::new();
    let groups = || parts.iter().map(|p| &p.member.groups);
    if let Some(definition) = context.definition {
        for (field, template) in
            [("constellation", &definition.constellation), ("platform", &definition.platform)]
        {
            if let Some(text) = template.as_ref().and_then(|t| groups().find_map(|g| t.fill(g))) {
                properties.insert(field.to_owned(), Value::from(text));
            }
        }
        if !definition.instruments.is_empty() {
            properties.insert("instruments".to_owned(), json!(definition.instruments));
        }
    }
    let told = || groups().find_map(|g| g.get("cloud_cover")?.parse().ok());
    if let Some(cover) = cloud_cover.or_else(told).filter(|cover| (0.0..=100.0).contains(cover)) {
        properties.insert("eo:cloud_cover".to_owned(), number(clean((cover * 100.0).round() / 100.0)));
    }
    let gsd = parts.iter().map(|part| gsd_of(part, context)).reduce(f64::min);
    if let Some(gsd) = gsd {
        properties.insert("gsd".to_owned(), number(gsd));
    }
    if let Some(definition) = context.definition {
        for further in groups().map(|g| definition.properties_of(g)) {
            for (key, value) in further {
                properties.entry(key).or_insert(value);
            }
        }
    }
    properties
}

fn gsd_of(part: &Described, context: Context<'_>) -> f64 {
    let band = part.member.band.as_deref().and_then(|band| context.defined(band)).and_then(|band| band.gsd);
    band.or_else(|| context.definition.and_then(|d| d.gsd)).unwrap_or_else(|| part.raster.gsd_m())
}

fn asset(part: &Described, context: Context<'_>) -> Asset {
    let Described { member, raster, .. } = part;
    let defined = member.band.as_deref().and_then(|band| context.defined(band));
    // An absolute path, which `tree` makes relative to the Item.
    let mut asset = Asset::new(member.file.path.to_string_lossy());
    asset.title = defined.and_then(|d| d.title.clone());
    asset.r#type = Some(if raster.is_cog { media::COG } else { media::GEOTIFF }.to_owned());
    let role = || vec![member.band.as_deref().map_or("data", known::role).to_owned()];
    asset.roles = defined.and_then(|d| d.roles.clone()).unwrap_or_else(role);
    asset.bands = context.bands(member, raster);
    let fields = &mut asset.additional_fields;
    fields.insert("gsd".to_owned(), number(gsd_of(part, context)));
    fields.insert("proj:code".to_owned(), json!(raster.crs.to_string()));
    fields.insert("proj:epsg".to_owned(), json!(raster.crs.epsg()));
    fields.insert("proj:shape".to_owned(), json!([raster.height, raster.width]));
    fields.insert("proj:transform".to_owned(), Value::Array(raster.transform.map(number).to_vec()));
    let bounds = raster.native_bounds().map(|v| number(clean(v)));
    fields.insert("proj:bbox".to_owned(), Value::Array(bounds.to_vec()));
    fields.insert("file:size".to_owned(), json!(raster.len));
    asset
}

/// Moves the CRS from the assets to the Item where all agree.
fn share_projection(item: &mut Item, parts: &[Described]) {
    let Some(first) = parts.first().map(|p| &p.raster.crs) else { return };
    if parts.iter().any(|p| p.raster.crs.epsg() != first.epsg()) {
        return;
    }
    let properties = &mut item.properties.additional_fields;
    properties.insert("proj:code".to_owned(), json!(first.to_string()));
    properties.insert("proj:epsg".to_owned(), json!(first.epsg()));
    for asset in item.assets.values_mut() {
        for field in ["proj:code", "proj:epsg"] {
            asset.additional_fields.shift_remove(field);
        }
    }
}

/// The extensions whose fields the Item has, and those that the definition names.
fn extensions_of(item: &Item, context: Context<'_>) -> Vec<String> {
    let assets = || item.assets.values();
    let fields = item.properties.additional_fields.keys();
    let fields = fields.chain(assets().flat_map(|a| a.additional_fields.keys()));
    let fields: Vec<&String> =
        fields.chain(assets().flat_map(|a| &a.bands).flat_map(|b| b.additional_fields.keys())).collect();
    let used = EXTENSIONS.iter().filter(|(prefix, _)| fields.iter().any(|field| field.starts_with(prefix)));
    let mut extensions: Vec<String> = used.map(|(_, schema)| (*schema).to_owned()).collect();
    for schema in context.definition.iter().flat_map(|d| &d.extensions) {
        if !extensions.contains(schema) {
            extensions.push(schema.clone());
        }
    }
    extensions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::definition::Groups;
    use crate::build::inspect::BandFacts;
    use crate::build::scan::Found;
    use crate::crs::Crs;
    use crate::stac::DataType;

    fn part(key: &str, path: &str, epsg: u32, date_time: Option<&str>) -> Described {
        let file = Found { relative: path.to_owned(), path: format!("/src/{path}").into() };
        let member = Member { file, key: key.into(), band: Some(key.into()), groups: Groups::new() };
        let raster = Raster {
            len: 1_234,
            width: 100,
            height: 50,
            data_type: DataType::U16,
            bands: vec![BandFacts { nodata: Some(0.0), ..BandFacts::default() }],
            transform: [10.0, 0.0, 300_000.0, 0.0, -10.0, 6_800_040.0],
            crs: Crs::from_epsg(epsg).expect("a CRS"),
            date_time: date_time.map(str::to_owned),
            unreadable: None,
            is_cog: true,
        };
        Described { member, raster, modified: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn the_time_is_looked_for_in_order() {
        let at = |path, tag, fallback: Option<&str>| {
            let fallback = fallback.and_then(|t| crate::stac::parse_instant(t).ok());
            let time = time_of(&[part("B04", path, 32_635, tag)], fallback).expect("a time");
            (time.at.format("%Y").to_string(), time.is_guess)
        };
        let (tag, fallback) = (Some("2002:01:01 00:00:00"), Some("2003-01-01T00:00:00Z"));
        assert_eq!(at("20010101.tif", tag, fallback), ("2001".into(), false));
        assert_eq!(at("a.tif", tag, fallback), ("2002".into(), false));
        assert_eq!(at("a.tif", None, fallback), ("2003".into(), false));
        assert_eq!(at("a.tif", None, None), ("1970".into(), true));
    }

    #[test]
    fn an_item_tells_what_the_headers_say() {
        let group = Group { collection: "c".into(), id: "i".into(), members: vec![] };
        let parts = [part("B04", "a.tif", 32_635, None), part("SCL", "b.tif", 32_635, None)];
        let context = Context { definition: None, is_sentinel_2: true };
        let time = Time { at: DateTime::UNIX_EPOCH, is_guess: false };
        let item = describe(&group, &parts, time, Some(12.345), context).expect("an Item");
        let item = serde_json::to_value(&item).expect("JSON");
        assert_eq!(item["properties"]["proj:code"], "EPSG:32635");
        assert_eq!(item["properties"]["eo:cloud_cover"], 12.35);
        assert_eq!(item["properties"]["gsd"], 10);
        assert_eq!(item["geometry"]["type"], "Polygon");
        let asset = &item["assets"]["B04"];
        assert_eq!(asset["proj:shape"], json!([50, 100]));
        assert_eq!(asset["proj:transform"], json!([10, 0, 300_000, 0, -10, 6_800_040]));
        assert_eq!(asset["proj:bbox"], json!([300_000, 6_799_540, 301_000, 6_800_040]));
        assert_eq!(asset["roles"], json!(["data"]));
        assert_eq!(asset["bands"][0]["eo:common_name"], "red");
        assert_eq!(asset.get("proj:code"), None);
        assert_eq!(item["assets"]["SCL"]["roles"], json!(["classification"]));
        assert_eq!(item["stac_extensions"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn assets_keep_their_crs_where_they_differ() {
        let group = Group { collection: "c".into(), id: "i".into(), members: vec![] };
        let parts = [part("B04", "a.tif", 32_635, None), part("B05", "b.tif", 32_634, None)];
        let context = Context { definition: None, is_sentinel_2: true };
        let time = Time { at: DateTime::UNIX_EPOCH, is_guess: false };
        let item = describe(&group, &parts, time, None, context).expect("an Item");
        assert_eq!(item.assets["B05"].additional_fields["proj:code"], "EPSG:32634");
        assert!(!item.properties.additional_fields.contains_key("proj:code"));
    }
}
