//! One Item's document becomes what is kept of it: id, time, shape, properties, names of bands, and the body.
//!
//! In: an Item's bytes and where they came from. Out: [`Parsed`], or why the Item is left out. What Items of a batch have in
//! common is kept once: [`Names`], [`BandSets`], and their values in [`Rows`]. The text is gone over once by
//! the JSON parser, which takes it apart without copying, and once to copy it without white space into the body; the few
//! members that are compared or searched are then read from their own short texts. 15 KB take less than 30 microseconds.

mod bands;
mod document;
mod links;
mod members;
mod properties;
mod rows;
mod shape;

use std::borrow::Cow;

use geo::Geometry;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::stac::{Bbox, BodyWriter, ItemError, ItemTime, MAX_ITEM_BYTES, WrittenBody, item_time_of};
use crate::storage::LocationError;
use crate::tree::ItemSource;
use bands::AssetBands;
use document::{Assets, Document, Member};
use members::Members;

use super::columns::Scalar;
pub(super) use bands::BandSets;
pub(super) use links::own_links;
pub(super) use properties::Names;
pub(super) use rows::Rows;

/// An Item on its way into a snapshot.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) id: String,
    pub(super) collection: String,
    pub(super) time: ItemTime,
    /// Number of the set of names that its bands answer to.
    pub(super) bands: u32,
    pub(super) geometry: Option<Geometry>,
    pub(super) bbox: Option<Bbox>,
    /// All of its properties but `datetime`.
    pub(super) properties: Vec<(Cow<'a, str>, Scalar<'a>)>,
    pub(super) body: WrittenBody<'a>,
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

/// Parses the Item that `source` holds; its body lies with `writer`, which is used again for the next.
pub(super) fn parse<'a>(
    source: &ItemSource<'a>,
    band_sets: &mut BandSets,
    writer: &'a mut BodyWriter,
) -> Result<Parsed<'a>, ParseError> {
    check_len(source.json.len())?;
    let document: Document<'_> = serde_json::from_str(std::str::from_utf8(source.json)?)?;
    let mut warnings = Vec::new();
    let collection = collection_of(&document, source, &mut warnings)?;

    writer.restart(source.json.len() + BODY_SLACK_BYTES);
    let mut bands = Vec::new();
    for (name, member) in &document.members {
        match member {
            Member::Assets(assets) => {
                writer.name(name);
                bands = write_assets(writer, assets, source)?;
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
    let links = document.raw("links").map(|raw| links::own_links_of_text(raw, source)).transpose()?;
    let (links, links_move) = links.unwrap_or_default();
    if links_move {
        writer.links_move();
    }
    check_len(writer.len() + links.iter().map(String::len).sum::<usize>())?;
    let is_doubtful = writer.is_doubtful();
    let body = writer.finish(&links);
    if is_doubtful {
        body.to_body().parse()?;
    }

    let no_properties = ItemError::Field { field: "properties", expected: "an object" };
    let properties =
        document.raw("properties").filter(|raw| raw.get().starts_with('{')).ok_or(no_properties)?;
    let Members(mut properties) = serde_json::from_str::<Members<'_, Scalar<'_>>>(properties.get())?;
    let geometry = document.raw("geometry").map_or(Ok(None), shape::shape_of)?;
    let id =
        text(&document, "id")?.ok_or(ItemError::Field { field: "id", expected: "a string" })?.into_owned();
    let time = time_of(&properties)?;
    // An Item's own instant has a column of its own.
    properties.retain(|(name, _)| name != "datetime");
    let bands = band_sets.number(&bands)?;
    let bbox = bbox_of(&document, &mut warnings)?;
    Ok(Parsed { id, collection, time, bands, geometry, bbox, properties, body, warnings })
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

/// Writes `assets` with absolute hrefs, and collects what their bands are named by.
fn write_assets<'a>(
    writer: &mut BodyWriter,
    assets: &Assets<'a>,
    source: &ItemSource<'_>,
) -> Result<Vec<AssetBands<'a>>, ParseError> {
    let mut bands = Vec::with_capacity(assets.0.len());
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
            match name {
                // Text of the document, which would have to be copied if it had escapes.
                Cow::Borrowed(name) => writer.unescaped(name),
                Cow::Owned(name) => writer.text(name),
            }
            writer.token(':');
            match href_of(name, field)? {
                Some(href) => {
                    let shown = source
                        .resolver
                        .shown(source.location, &href)
                        .map_err(|error| ParseError::Href { key: key.to_string(), source: error })?;
                    writer.asset_href(&shown, source.resolver.moves(&href));
                    check_len(writer.len())?;
                    bands.push(AssetBands::of(key, asset, &shown)?);
                }
                None => writer.raw(field.get()),
            }
        }
        writer.token('}');
    }
    writer.token('}');
    Ok(bands)
}

fn href_of<'a>(name: &str, field: &'a RawValue) -> serde_json::Result<Option<Cow<'a, str>>> {
    if name == "href" { members::text_of(field) } else { Ok(None) }
}

fn time_of(properties: &[(Cow<'_, str>, Scalar<'_>)]) -> Result<ItemTime, ItemError> {
    item_time_of(|wanted| {
        properties.iter().find_map(|(name, scalar)| match scalar {
            Scalar::Text(text) if name == wanted => Some(text.as_ref()),
            _ => None,
        })
    })
}

/// Four or six numbers; a box that is none is passed over with a warning.
fn bbox_of(document: &Document<'_>, warnings: &mut Vec<String>) -> serde_json::Result<Option<Bbox>> {
    let Some(raw) = document.raw("bbox") else { return Ok(None) };
    let numbers = match serde_json::from_str::<Vec<f64>>(raw.get()) {
        Ok(numbers) => numbers,
        Err(_) => match serde_json::from_str(raw.get())? {
            Value::Array(list) => list.iter().filter_map(Value::as_f64).collect(),
            _ => return Ok(None),
        },
    };
    let bbox = Bbox::from_numbers(&numbers);
    Ok(bbox.map_err(|error| warnings.push(format!("its bbox is passed over: {error}"))).ok())
}

#[cfg(test)]
mod tests;
