//! The names that an asset's bands go by, read from the text: what
//! [`ItemFacts::band_names`](crate::stac::ItemFacts::band_names) finds in a parsed document.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::members::{Members, Text, text_of};

type Fields<'a> = Members<'a, &'a RawValue>;

/// Adds the names that one asset answers to; `href` is its absolute href.
pub(super) fn add_names<'a>(
    names: &mut Vec<Cow<'a, str>>,
    key: Cow<'a, str>,
    asset: &Fields<'a>,
    href: &str,
) -> serde_json::Result<()> {
    let list = |field: &str| asset.get(field).map_or_else(|| Ok(Vec::new()), |raw| bands_of(raw));
    let common = list("bands")?;
    let (eo, raster) = (list("eo:bands")?, list("raster:bands")?);
    let count = if common.is_empty() { eo.len().max(raster.len()) } else { common.len() };
    if count == 0 && is_tiff(asset, href)? || count == 1 {
        names.push(key);
    }
    for index in 0..count {
        let sources = || [&common, &eo, &raster].into_iter().filter_map(move |list| list.get(index));
        names.extend(sources().find_map(|band| band.name.clone()));
        names.extend(sources().find_map(|band| band.eo_common_name.clone().or(band.common_name.clone())));
    }
    Ok(())
}

fn bands_of(list: &RawValue) -> serde_json::Result<Vec<Band<'_>>> {
    if list.get().starts_with('[') { serde_json::from_str(list.get()) } else { Ok(Vec::new()) }
}

/// What a band is called; an element that is no object is called nothing.
#[derive(Debug, Default)]
struct Band<'a> {
    name: Option<Cow<'a, str>>,
    common_name: Option<Cow<'a, str>>,
    eo_common_name: Option<Cow<'a, str>>,
}

impl<'de> Deserialize<'de> for Band<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Band<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut band = Band::default();
                while let Some(Text(field)) = map.next_key()? {
                    let name = match field.as_ref() {
                        "name" => &mut band.name,
                        "common_name" => &mut band.common_name,
                        "eo:common_name" => &mut band.eo_common_name,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *name = text_of(map.next_value()?).map_err(de::Error::custom)?;
                }
                Ok(band)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Band::default())
            }

            fn visit_str<E: de::Error>(self, _text: &str) -> Result<Self::Value, E> {
                Ok(Band::default())
            }

            fn visit_bool<E: de::Error>(self, _value: bool) -> Result<Self::Value, E> {
                Ok(Band::default())
            }

            fn visit_i64<E: de::Error>(self, _value: i64) -> Result<Self::Value, E> {
                Ok(Band::default())
            }

            fn visit_u64<E: de::Error>(self, _value: u64) -> Result<Self::Value, E> {
                Ok(Band::default())
            }

            fn visit_f64<E: de::Error>(self, _value: f64) -> Result<Self::Value, E> {
                Ok(Band::default())
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Band::default())
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// By its media type, and without one by the name of its file.
fn is_tiff(asset: &Fields<'_>, href: &str) -> serde_json::Result<bool> {
    let media_type = asset.get("type").map_or(Ok(None), |raw| text_of(raw))?.unwrap_or_default();
    if !media_type.is_empty() {
        let start = media_type.as_bytes().get(.."image/tiff".len());
        return Ok(start.is_some_and(|start| start.eq_ignore_ascii_case(b"image/tiff")));
    }
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    Ok(extension.is_some_and(|e| e.eq_ignore_ascii_case("tif") || e.eq_ignore_ascii_case("tiff")))
}
