//! The links of a document that lead out of the catalogue.

use serde_json::Value;
use serde_json::value::RawValue;

use super::members::{Members, text_of};
use crate::tree::{ItemSource, public_href};

/// Relations that the server writes itself.
const STRUCTURE: [&str; 9] =
    ["self", "root", "parent", "collection", "child", "item", "items", "next", "prev"];

/// The links that lead out of the catalogue, absolute. One that leads to the server's own disk would lead nowhere for a
/// client, and is left out.
pub(in crate::catalog) fn own_links(links: &Value, source: &ItemSource<'_>) -> Vec<String> {
    let list = links.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|link| own_link(link.clone(), source)).collect()
}

/// As [`own_links`] from a `links` member's text, of which only links that may lead out are parsed.
pub(super) fn own_links_of_text(
    links: &RawValue,
    source: &ItemSource<'_>,
) -> serde_json::Result<Vec<String>> {
    if !links.get().starts_with('[') {
        return Ok(Vec::new());
    }
    let mut own = Vec::new();
    for link in serde_json::from_str::<Vec<&RawValue>>(links.get())? {
        if !link.get().starts_with('{') {
            continue;
        }
        let members: Members<'_, &RawValue> = serde_json::from_str(link.get())?;
        let relation = members.get("rel").map_or(Ok(None), |raw| text_of(raw))?;
        if relation.is_some_and(|relation| !STRUCTURE.contains(&relation.as_ref())) {
            own.extend(own_link(serde_json::from_str(link.get())?, source));
        }
    }
    Ok(own)
}

fn own_link(mut link: Value, source: &ItemSource<'_>) -> Option<String> {
    let relation = link.get("rel")?.as_str()?;
    if STRUCTURE.contains(&relation) {
        return None;
    }
    let href = public_href(source.resolver, source.location, link.get("href")?.as_str()?)?;
    link["href"] = href.into();
    Some(link.to_string())
}
