//! GDAL's metadata: the XML of tag 42112, read with a scan that takes what is well formed and leaves the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the file says of one band.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BandMeta {
    /// Physical value = sample × scale + offset.
    pub scale: Option<f64>,
    /// See `scale`.
    pub offset: Option<f64>,
    /// A name, or any text.
    pub description: Option<String>,
}

/// Scale, offset and description by band, from 0, of those that have any.
pub(super) fn bands(xml: &str) -> BTreeMap<u16, BandMeta> {
    let mut bands: BTreeMap<u16, BandMeta> = BTreeMap::new();
    for item in xml.split("<Item").skip(1) {
        let Some((attributes, rest)) = item.split_once('>') else { continue };
        let Some((text, _)) = rest.split_once("</Item") else { continue };
        let (Some(role), Some(sample)) = (attribute(attributes, "role"), attribute(attributes, "sample"))
        else {
            continue;
        };
        let Ok(sample) = sample.parse() else { continue };
        match role {
            "scale" => bands.entry(sample).or_default().scale = text.trim().parse().ok(),
            "offset" => bands.entry(sample).or_default().offset = text.trim().parse().ok(),
            "description" => {
                bands.entry(sample).or_default().description = Some(unescape(text));
            }
            _ => {}
        }
    }
    bands
}

/// The value of `name="value"`, as written.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    loop {
        let (before, after) = rest.split_once('=')?;
        let quote = after.trim_start();
        let mark = quote.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
        let (value, tail) = quote.get(1..)?.split_once(mark)?;
        if before.trim() == name {
            return Some(value);
        }
        rest = tail;
    }
}

/// Replaces the entities of XML; an unknown one stays as it is.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let entity = after.split_once(';').and_then(|(name, tail)| Some((entity(name)?, tail)));
        if let Some((character, tail)) = entity {
            plain.push(character);
            rest = tail;
        } else {
            plain.push('&');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            code.ok().and_then(char::from_u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scale_offset_and_description_go_to_their_band() {
        let xml = r#"<GDALMetadata>
            <Item name="OFFSET" sample="0" role="offset">-0.1</Item>
            <Item name="SCALE" sample='0' role="scale">0.0001</Item>
            <Item name="DESCRIPTION" sample="2" role="description">B&amp;W &#228;&lt;1 &who;</Item>
            <Item name="AREA">no band</Item>
            <Item name="BROKEN" sample="1" role="scale">
        </GDALMetadata>"#;
        let bands = bands(xml);
        assert_eq!(bands.len(), 2);
        assert_eq!(bands[&0].scale, Some(0.0001));
        assert_eq!(bands[&0].offset, Some(-0.1));
        assert_eq!(bands[&2].description.as_deref(), Some("B&W ä<1 &who;"));
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_without_panic(text in "(<Item|=|\"|'|>|</Item>|&|#|;|x|role|sample|.){0,40}") {
            bands(&text);
            unescape(&text);
        }
    }
}
