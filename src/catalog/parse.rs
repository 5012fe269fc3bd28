//! One Item's document becomes what is kept of it: columns, footprint, body.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::footprint::Footprint;
use crate::stac::{Bbox, BodyWriter, ItemBody, ItemError, ItemFacts, ItemTime, MAX_ITEM_BYTES, item_time};
use crate::storage::LocationError;
use crate::tree::{ItemSource, links_of};

/// An Item on its way into a snapshot.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) id: String,
    pub(super) collection: String,
    pub(super) time: ItemTime,
    pub(super) cloud_cover: Option<f64>,
    pub(super) bands: Vec<String>,
    pub(super) footprint: Option<Footprint>,
    pub(super) body: ItemBody,
    /// What was wrong but could be put right.
    pub(super) warnings: Vec<String>,
}

/// Why an Item is left out.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    #[error("not an Item that can be served")]
    Item(#[from] ItemError),
    #[error("asset '{key}' has no usable href")]
    Href { key: String, source: LocationError },
    #[error("an Item of {len} bytes is larger than the limit of {MAX_ITEM_BYTES}")]
    TooLarge { len: usize },
}

/// The members of a JSON object in their order, values unparsed.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    // The last of two members of one name counts, as everywhere else in JSON.
                    members.retain(|(known, _)| *known != name);
                    members.push((name.into(), value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Parses the Item that `source` holds.
pub(super) fn parse(source: &ItemSource<'_>) -> Result<Parsed, ParseError> {
    if source.json.len() > MAX_ITEM_BYTES {
        return Err(ParseError::TooLarge { len: source.json.len() });
    }
    let Members(members) = serde_json::from_slice(source.json)?;
    let raw = |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, value)| value.get());
    let value = |name: &str| raw(name).map(serde_json::from_str::<Value>).transpose();
    let mut warnings = Vec::new();

    let own = value("collection")?.and_then(|v| v.as_str().map(str::to_owned));
    let collection = match (source.collection, own) {
        (Some(parent), Some(own)) if own != parent => {
            warnings.push(format!("its collection is '{own}', but it lies under '{parent}', which counts"));
            parent.to_owned()
        }
        (Some(parent), _) => parent.to_owned(),
        (None, Some(own)) => own,
        (None, None) => {
            warnings.push(format!("it names no collection: it goes to '{}'", source.parent_id));
            source.parent_id.to_owned()
        }
    };

    let mut body = BodyWriter::new();
    for (name, member) in &members {
        match name.as_ref() {
            "links" | "collection" => {}
            "assets" => {
                body.name("assets");
                write_assets(&mut body, member, source)?;
            }
            _ => {
                body.name(name);
                body.raw(member.get());
            }
        }
    }
    if raw("assets").is_none() {
        body.name("assets");
        body.raw("{}");
    }
    body.name("collection");
    body.raw(&crate::stac::json_string(&collection));
    let links = value("links")?.unwrap_or_default();
    let body = body.finish(&own_links(&links, source));

    let document = body.parse()?;
    let facts = ItemFacts::from_document(&document)?;
    let properties = document.get("properties").unwrap_or(&Value::Null);
    let bands = facts.band_names();
    let bbox = document.get("bbox").and_then(Value::as_array).and_then(|list| {
        let numbers: Vec<f64> = list.iter().filter_map(Value::as_f64).collect();
        Bbox::from_numbers(&numbers)
            .map_err(|error| warnings.push(format!("its bbox is passed over: {error}")))
            .ok()
    });
    Ok(Parsed {
        id: facts.id,
        collection,
        time: item_time(properties)?,
        cloud_cover: properties.get("eo:cloud_cover").and_then(Value::as_f64),
        bands,
        footprint: facts.footprint.and_then(|geometry| Footprint::new(geometry, bbox)),
        body,
        warnings,
    })
}

/// Writes `assets` with absolute hrefs.
fn write_assets(body: &mut BodyWriter, assets: &RawValue, source: &ItemSource<'_>) -> Result<(), ParseError> {
    let Members(assets) = serde_json::from_str(assets.get())?;
    for (index, (key, asset)) in assets.iter().enumerate() {
        body.raw(if index == 0 { "{" } else { "," });
        body.raw(&crate::stac::json_string(key));
        body.raw(":");
        let Members(fields) = serde_json::from_str(asset.get())?;
        for (index, (name, field)) in fields.iter().enumerate() {
            body.raw(if index == 0 { "{" } else { "," });
            body.raw(&crate::stac::json_string(name));
            body.raw(":");
            match serde_json::from_str::<String>(field.get()) {
                Ok(href) if name == "href" => {
                    let location = source
                        .resolver
                        .resolve(source.location, &href)
                        .map_err(|error| ParseError::Href { key: key.to_string(), source: error })?;
                    body.asset_href(key, &location.to_href());
                }
                _ => body.raw(field.get()),
            }
        }
        body.raw(if fields.is_empty() { "{}" } else { "}" });
    }
    body.raw(if assets.is_empty() { "{}" } else { "}" });
    Ok(())
}

/// Relations that the server writes itself.
const STRUCTURE: [&str; 9] =
    ["self", "root", "parent", "collection", "child", "item", "items", "next", "prev"];

/// The links that lead out of the catalogue, absolute. One that leads to the server's own disk would lead nowhere for a
/// client, and is left out.
pub(super) fn own_links(links: &Value, source: &ItemSource<'_>) -> Vec<String> {
    let document = serde_json::json!({ "links": links });
    let list = links.as_array().map(Vec::as_slice).unwrap_or_default();
    links_of(&document)
        .iter()
        .filter(|link| !STRUCTURE.contains(&link.rel.as_str()))
        .filter_map(|link| {
            let written = list.iter().find(|l| l.get("href").and_then(Value::as_str) == Some(&link.href))?;
            let href = crate::tree::public_href(source.resolver, source.location, &link.href)?;
            let mut shown = written.clone();
            shown["href"] = href.into();
            Some(shown.to_string())
        })
        .collect()
}
