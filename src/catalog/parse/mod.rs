//! One Item's document becomes what is kept of it: id, time, shape, properties, names of bands, and the body.
//!
//! In: an Item's bytes and where they came from. Out: [`Parsed`], or why the Item is left out. The text is gone over once by
//! the JSON parser, which takes it apart without copying, and once to copy it without white space into the body; the few
//! members that are compared or searched are then read from their own short texts. 15 KB take some 40 microseconds.

mod bands;
mod document;
mod links;
mod members;
mod properties;
mod shape;

use std::borrow::Cow;

use geo::Geometry;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::stac::{Bbox, BodyWriter, ItemBody, ItemError, ItemTime, MAX_ITEM_BYTES, item_time};
use crate::storage::LocationError;
use crate::tree::ItemSource;
use document::{Assets, Document, Member};
use members::Members;

use super::columns::Scalar;
pub(super) use links::own_links;
pub(super) use properties::Names;

/// An Item on its way into a snapshot.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) id: String,
    pub(super) collection: String,
    pub(super) time: ItemTime,
    /// Every name that a band of it answers to, sorted.
    pub(super) bands: Vec<String>,
    pub(super) geometry: Option<Geometry>,
    pub(super) bbox: Option<Bbox>,
    /// All of its properties but `datetime`, the names as numbers of the batch's [`Names`].
    pub(super) properties: Vec<(u32, Scalar)>,
    pub(super) body: ItemBody,
    /// What was wrong but could be put right.
    pub(super) warnings: Vec<String>,
}

/// Why an Item is left out.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    #[error("not JSON: its text is not UTF-8")]
    NotText(#[from] std::str::Utf8Error),
    #[error("not an Item that can be served")]
    Item(#[from] ItemError),
    #[error("asset '{key}' has no usable href")]
    Href { key: String, source: LocationError },
    #[error("an Item of {len} bytes is larger than the limit of {MAX_ITEM_BYTES}")]
    TooLarge { len: usize },
}

/// Room for what a body has more than its document: hrefs that become absolute.
const BODY_SLACK_BYTES: usize = 512;

/// Parses the Item that `source` holds.
pub(super) fn parse(source: &ItemSource<'_>, names: &mut Names) -> Result<Parsed, ParseError> {
    check_len(source.json.len())?;
    let document: Document<'_> = serde_json::from_str(std::str::from_utf8(source.json)?)?;
    let mut warnings = Vec::new();
    let collection = collection_of(&document, source, &mut warnings)?;

    let mut writer = BodyWriter::with_capacity(source.json.len() + BODY_SLACK_BYTES);
    let mut band_names = Vec::new();
    for (name, member) in &document.members {
        match member {
            Member::Assets(assets) => {
                writer.name(name);
                write_assets(&mut writer, assets, source, &mut band_names)?;
            }
            Member::Raw(_) if matches!(name.as_ref(), "links" | "collection") => {}
            Member::Raw(raw) => {
                writer.name(name);
                writer.raw(raw.get());
            }
        }
    }
    if document.assets().is_none() {
        writer.name("assets");
        writer.raw("{}");
    }
    writer.name("collection");
    writer.text(&collection);
    let links =
        document.raw("links").map_or_else(|| Ok(Vec::new()), |raw| links::own_links_of_text(raw, source))?;
    check_len(writer.len() + links.iter().map(String::len).sum::<usize>())?;
    let is_doubtful = writer.is_doubtful();
    let body = writer.finish(&links);
    if is_doubtful {
        body.parse()?;
    }

    let no_properties = ItemError::Field { field: "properties", expected: "an object" };
    let properties =
        document.raw("properties").filter(|raw| raw.get().starts_with('{')).ok_or(no_properties)?;
    let Members(properties) = serde_json::from_str::<Members<'_, Scalar>>(properties.get())?;
    let geometry = document.raw("geometry").map_or(Ok(None), shape::shape_of)?;
    let id =
        text(&document, "id")?.ok_or(ItemError::Field { field: "id", expected: "a string" })?.into_owned();
    let time = time_of(&properties)?;
    // An Item's own instant has a column of its own.
    let others = properties.into_iter().filter(|(name, _)| name != "datetime");
    Ok(Parsed {
        id,
        collection,
        time,
        bands: sorted(band_names),
        geometry,
        bbox: bbox_of(&document, &mut warnings)?,
        properties: others.map(|(name, scalar)| (names.number(&name), scalar)).collect(),
        body,
        warnings,
    })
}

fn check_len(len: usize) -> Result<(), ParseError> {
    if len > MAX_ITEM_BYTES { Err(ParseError::TooLarge { len }) } else { Ok(()) }
}

fn text<'a>(document: &Document<'a>, name: &str) -> serde_json::Result<Option<Cow<'a, str>>> {
    document.raw(name).map_or(Ok(None), members::text_of)
}

/// The Collection that it lies under; else the one that it names; else the nearest Catalog.
fn collection_of(
    document: &Document<'_>,
    source: &ItemSource<'_>,
    warnings: &mut Vec<String>,
) -> Result<String, ParseError> {
    let own = text(document, "collection")?;
    Ok(match (source.collection, own) {
        (Some(parent), Some(own)) if own != parent => {
            warnings.push(format!("its collection is '{own}', but it lies under '{parent}', which counts"));
            parent.to_owned()
        }
        (Some(parent), _) => parent.to_owned(),
        (None, Some(own)) => own.into_owned(),
        (None, None) => {
            warnings.push(format!("it names no collection: it goes to '{}'", source.parent_id));
            source.parent_id.to_owned()
        }
    })
}

/// Writes `assets` with absolute hrefs, and collects the names of their bands.
fn write_assets<'a>(
    writer: &mut BodyWriter,
    assets: &Assets<'a>,
    source: &ItemSource<'_>,
    band_names: &mut Vec<Cow<'a, str>>,
) -> Result<(), ParseError> {
    writer.token('{');
    for (index, (key, asset)) in assets.0.iter().enumerate() {
        if index > 0 {
            writer.token(',');
        }
        writer.asset_key(key);
        writer.token(':');
        writer.token('{');
        for (index, (name, field)) in asset.0.iter().enumerate() {
            if index > 0 {
                writer.token(',');
            }
            writer.text(name);
            writer.token(':');
            match href_of(name, field)? {
                Some(href) => {
                    let shown = source
                        .resolver
                        .shown(source.location, &href)
                        .map_err(|error| ParseError::Href { key: key.to_string(), source: error })?;
                    writer.asset_href(&shown);
                    check_len(writer.len())?;
                    bands::add_names(band_names, key.clone(), asset, &shown)?;
                }
                None => writer.raw(field.get()),
            }
        }
        writer.token('}');
    }
    writer.token('}');
    Ok(())
}

fn href_of<'a>(name: &str, field: &'a RawValue) -> serde_json::Result<Option<Cow<'a, str>>> {
    if name == "href" { members::text_of(field) } else { Ok(None) }
}

fn sorted(mut names: Vec<Cow<'_, str>>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(Cow::into_owned).collect()
}

fn is_time(name: &str) -> bool {
    matches!(name, "datetime" | "start_datetime" | "end_datetime")
}

fn time_of(properties: &[(Cow<'_, str>, Scalar)]) -> Result<ItemTime, ItemError> {
    let text = |(name, scalar): &(Cow<'_, str>, Scalar)| match scalar {
        Scalar::Text(text) if is_time(name) => Some((name.to_string(), Value::from(text.as_ref()))),
        _ => None,
    };
    item_time(&properties.iter().filter_map(text).collect())
}

/// Four or six numbers; a box that is none is passed over with a warning.
fn bbox_of(document: &Document<'_>, warnings: &mut Vec<String>) -> serde_json::Result<Option<Bbox>> {
    let list: Option<Value> = document.raw("bbox").map(|raw| serde_json::from_str(raw.get())).transpose()?;
    Ok(list.as_ref().and_then(Value::as_array).and_then(|list| {
        let numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
        Bbox::from_numbers(&numbers)
            .map_err(|error| warnings.push(format!("its bbox is passed over: {error}")))
            .ok()
    }))
}

#[cfg(test)]
mod tests;
