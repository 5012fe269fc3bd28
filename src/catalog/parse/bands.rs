//! The names that the bands of assets go by, read from the text: what
//! [`ItemFacts::band_names`](crate::stac::ItemFacts::band_names) finds in a parsed document.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::members::{Members, Text, text_of};

/// What an asset's bands are named by.
#[derive(Debug)]
pub(super) struct AssetBands<'a> {
    key: Cow<'a, str>,
    /// `bands`, `eo:bands` and `raster:bands`.
    lists: [Option<&'a RawValue>; 3],
    is_tiff: bool,
}

impl<'a> AssetBands<'a> {
    /// Of the asset of that key, `href` being its absolute href.
    pub(super) fn of(
        key: &Cow<'a, str>,
        asset: &Members<'a, &'a RawValue>,
        href: &str,
    ) -> serde_json::Result<Self> {
        let mut lists = [None; 3];
        let mut media_type = None;
        for (name, raw) in &asset.0 {
            match name.as_ref() {
                "bands" => lists[0] = Some(*raw),
                "eo:bands" => lists[1] = Some(*raw),
                "raster:bands" => lists[2] = Some(*raw),
                "type" => media_type = text_of(raw)?,
                _ => {}
            }
        }
        let is_tiff = is_tiff(media_type.as_deref().unwrap_or_default(), href);
        Ok(Self { key: key.clone(), lists, is_tiff })
    }

    /// Adds the names that the asset answers to.
    fn add_names(&self, names: &mut Vec<Cow<'a, str>>) -> serde_json::Result<()> {
        let list = |raw: Option<&'a RawValue>| raw.map_or_else(|| Ok(Vec::new()), bands_of);
        let [common, eo, raster] = self.lists;
        let (common, eo, raster) = (list(common)?, list(eo)?, list(raster)?);
        let count = if common.is_empty() { eo.len().max(raster.len()) } else { common.len() };
        if count == 0 && self.is_tiff || count == 1 {
            names.push(self.key.clone());
        }
        for index in 0..count {
            let sources = || [&common, &eo, &raster].into_iter().filter_map(move |list| list.get(index));
            names.extend(sources().find_map(|band| band.name.clone()));
            names.extend(sources().find_map(|band| band.eo_common_name.clone().or(band.common_name.clone())));
        }
        Ok(())
    }

    /// Adds all that the names depend on.
    fn add_to_signature(&self, signature: &mut Vec<u8>) {
        let texts = self.lists.map(|list| list.map_or("", RawValue::get));
        for text in [self.key.as_ref()].into_iter().chain(texts) {
            signature.extend_from_slice(&text.len().to_le_bytes());
            signature.extend_from_slice(text.as_bytes());
        }
        signature.push(self.is_tiff.into());
    }
}

/// The sets of names that the Items of a batch answer to, numbered. Nearly all Items of a Collection describe their bands in
/// the same words, and are read once.
#[derive(Debug, Default)]
pub(in crate::catalog) struct BandSets {
    sets: Vec<Vec<String>>,
    /// By all that the names depend on.
    numbers: HashMap<Box<[u8]>, u32>,
    /// Those of the Item before, and the number of its set.
    last: (Vec<u8>, u32),
    signature: Vec<u8>,
}

impl BandSets {
    /// Every name that a band of these assets answers to, sorted; the place of each set is its number.
    pub(in crate::catalog) fn all(&self) -> &[Vec<String>] {
        &self.sets
    }

    /// The number of the set of names that these assets answer to.
    pub(super) fn number(&mut self, assets: &[AssetBands<'_>]) -> serde_json::Result<u32> {
        self.signature.clear();
        for asset in assets {
            asset.add_to_signature(&mut self.signature);
        }
        if self.sets.is_empty() || self.last.0 != self.signature {
            let number = match self.numbers.get(self.signature.as_slice()) {
                Some(known) => *known,
                None => self.add(assets)?,
            };
            std::mem::swap(&mut self.last.0, &mut self.signature);
            self.last.1 = number;
        }
        Ok(self.last.1)
    }

    fn add(&mut self, assets: &[AssetBands<'_>]) -> serde_json::Result<u32> {
        let mut names = Vec::new();
        for asset in assets {
            asset.add_names(&mut names)?;
        }
        names.sort_unstable();
        names.dedup();
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.push(names.into_iter().map(Cow::into_owned).collect());
        self.numbers.insert(self.signature.as_slice().into(), number);
        Ok(number)
    }
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
fn is_tiff(media_type: &str, href: &str) -> bool {
    if !media_type.is_empty() {
        let start = media_type.as_bytes().get(.."image/tiff".len());
        return start.is_some_and(|start| start.eq_ignore_ascii_case(b"image/tiff"));
    }
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|e| e.eq_ignore_ascii_case("tif") || e.eq_ignore_ascii_case("tiff"))
}
