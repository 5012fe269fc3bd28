//! The links of a document that lead out of the catalogue.

use std::borrow::Cow;

use memchr::memchr;
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

/// As [`own_links`] from a `links` member's text, of which only links that may lead out are looked at closely; and whether
/// one of these would be another at another place.
pub(super) fn own_links_of_text(
    links: &RawValue,
    source: &ItemSource<'_>,
) -> serde_json::Result<(Vec<String>, bool)> {
    if !links.get().starts_with('[') {
        return Ok((Vec::new(), false));
    }
    let (mut own, mut moves) = (Vec::new(), false);
    for link in serde_json::from_str::<Vec<&RawValue>>(links.get())? {
        if !link.get().starts_with('{') {
            continue;
        }
        let members: Members<'_, &RawValue> = serde_json::from_str(link.get())?;
        let relation = members.get("rel").map_or(Ok(None), |raw| text_of(raw))?;
        if relation.is_some_and(|relation| !STRUCTURE.contains(&relation.as_ref())) {
            let href = members.get("href").map_or(Ok(None), |raw| text_of(raw))?;
            moves |= href.is_some_and(|href| source.resolver.moves(&href));
            match plain_link(&members, source) {
                Some(plain) => own.push(plain),
                None => own.extend(own_link(serde_json::from_str(link.get())?, source)),
            }
        }
    }
    Ok((own, moves))
}

/// The link as it is, where [`own_link`] would change nothing: its members are texts without escapes, and its href is
/// absolute and needs no parser.
fn plain_link(members: &Members<'_, &RawValue>, source: &ItemSource<'_>) -> Option<String> {
    let href = members.get("href")?.get();
    if !source.resolver.keeps(href.strip_prefix('"')?.strip_suffix('"')?) {
        return None;
    }
    let mut text =
        String::with_capacity(members.0.iter().map(|(name, raw)| name.len() + raw.get().len() + 4).sum());
    for (name, raw) in &members.0 {
        let is_plain = raw.get().starts_with('"') && memchr(b'\\', raw.get().as_bytes()).is_none();
        let Cow::Borrowed(name) = name else { return None };
        if !is_plain {
            return None;
        }
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push('"');
        text.push_str(name);
        text.push_str("\":");
        text.push_str(raw.get());
    }
    text.push('}');
    Some(text)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::storage::Location;
    use crate::tree::Resolver;

    proptest! {
        #[test]
        fn links_of_a_text_are_those_of_the_document(
            hrefs in prop::collection::vec("(https?|s3)://[a-z]{1,3}\\.[a-z]{2}/[a-zA-Z0-9/._~%=+-]{0,9}([?#][a-z&=?\"'/\\\\ ]{0,6})?|\\./x", 0..4),
            title in ".{0,5}",
            rel in "license|self|about|ä",
        ) {
            let location = Location::parse("/data/item.json").expect("a location");
            let resolver = Resolver::new(&location, &Value::Null);
            let source = ItemSource { location: &location, json: b"", collection: None, parent_id: "", resolver: &resolver };
            let links: Vec<Value> = hrefs
                .iter()
                .map(|href| json!({"rel": rel, "href": href, "title": title, "n": 1.5}))
                .chain(hrefs.iter().map(|href| json!({"href": href, "rel": rel, "title": title})))
                .collect();
            let text = serde_json::to_string_pretty(&links).expect("JSON");
            let raw: &RawValue = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(own_links_of_text(raw, &source).expect("links").0, own_links(&links.into(), &source));
        }
    }
}
