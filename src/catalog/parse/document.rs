//! An Item's JSON taken apart in one pass: its members raw, its assets down to their fields.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::members::{Members, Text, keep_last};

/// The assets by key, and each asset's fields by name, unparsed.
pub(super) type Assets<'a> = Members<'a, Members<'a, &'a RawValue>>;

/// The value of one member.
#[derive(Debug)]
pub(super) enum Member<'a> {
    Assets(Assets<'a>),
    Raw(&'a RawValue),
}

/// The members of an Item in their order, each name once.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) members: Vec<(Cow<'a, str>, Member<'a>)>,
}

impl<'a> Document<'a> {
    /// The unparsed member of that name; never the assets.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.members.iter().find_map(|(known, member)| match member {
            Member::Raw(raw) if known == name => Some(*raw),
            _ => None,
        })
    }

    pub(super) fn assets(&self) -> Option<&Assets<'a>> {
        self.members.iter().find_map(|(_, member)| match member {
            Member::Assets(assets) => Some(assets),
            Member::Raw(_) => None,
        })
    }
}

impl<'de> Deserialize<'de> for Document<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Document<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
                    let member = match name.as_ref() {
                        "assets" => Member::Assets(map.next_value()?),
                        _ => Member::Raw(map.next_value()?),
                    };
                    members.push((name, member));
                }
                keep_last(&mut members);
                Ok(Document { members })
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
