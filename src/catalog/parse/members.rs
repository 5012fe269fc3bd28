//! The members of a JSON object in their order, read without copying.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use memchr::memchr;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A string of a document: a part of the document where it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// The string that a value is, or nothing when it is none.
pub(super) fn text_of(value: &RawValue) -> serde_json::Result<Option<Cow<'_, str>>> {
    let json = value.get();
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if memchr(b'\\', text.as_bytes()).is_none() => Ok(Some(Cow::Borrowed(text))),
        Some(_escaped) => serde_json::from_str::<Text<'_>>(json).map(|text| Some(text.0)),
        None => Ok(None),
    }
}

/// The members of a JSON object in their order; the last of two members of one name counts, as everywhere else in JSON.
#[derive(Debug)]
pub(super) struct Members<'a, V>(pub(super) Vec<(Cow<'a, str>, V)>);

impl<V> Members<'_, V> {
    pub(super) fn get(&self, name: &str) -> Option<&V> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Members<'de, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Reader<V> {
            type Value = Members<'de, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(USUAL_COUNT);
                while let Some((name, value)) = map.next_entry::<Text<'de>, V>()? {
                    members.push((name.0, value));
                }
                keep_last(&mut members);
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

/// Room made for members before they are counted.
const USUAL_COUNT: usize = 12;

/// Up to so many members, comparing each with each is quickest.
const FEW: usize = 48;

/// What equal names have in common and others mostly have not: the length, the first byte and the last two.
fn mark_of(name: &[u8]) -> u32 {
    let byte = |at: Option<usize>| at.and_then(|at| name.get(at)).copied().unwrap_or_default();
    let len = name.len();
    u32::from_le_bytes([
        len.to_le_bytes()[0],
        byte(Some(0)),
        byte(len.checked_sub(1)),
        byte(len.checked_sub(2)),
    ])
}

/// Drops the members that a later one of the same name replaces.
pub(super) fn keep_last<V>(members: &mut Vec<(Cow<'_, str>, V)>) {
    let is_replaced: Vec<bool> = if members.len() <= FEW {
        let mut marks = [0; FEW];
        for (mark, (name, _)) in marks.iter_mut().zip(members.iter()) {
            *mark = mark_of(name.as_bytes());
        }
        let marks = &marks[..members.len()];
        let is_replaced = |at: usize| {
            let name = &members[at].0;
            marks[at + 1..].contains(&marks[at]) && members[at + 1..].iter().any(|(later, _)| later == name)
        };
        if !(0..members.len()).any(is_replaced) {
            return;
        }
        (0..members.len()).map(is_replaced).collect()
    } else {
        let mut later = HashSet::with_capacity(members.len());
        let mut from_behind: Vec<bool> =
            members.iter().rev().map(|(name, _)| !later.insert(name.as_ref())).collect();
        from_behind.reverse();
        from_behind
    };
    let mut is_replaced = is_replaced.into_iter();
    members.retain(|_| !is_replaced.next().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Vec<(Cow<'_, str>, u32)> {
        serde_json::from_str::<Members<'_, u32>>(json).expect("an object").0
    }

    #[test]
    fn the_last_of_two_members_counts() {
        assert_eq!(read(r#"{"a":1,"b":2,"\u0061":3}"#), [("b".into(), 2), ("a".into(), 3)]);
    }

    #[test]
    fn many_members_are_treated_like_few() {
        let list: Vec<String> = (0..200).map(|n| format!("\"{}\":{n}", n % 150)).collect();
        let members =
            read(&format!("{{{}}}", list.join(","))).into_iter().map(|(_, n)| n).collect::<Vec<_>>();
        assert_eq!(members, (50..200).collect::<Vec<u32>>());
    }

    #[test]
    fn names_without_escapes_are_not_copied() {
        assert!(matches!(read(r#"{"a":1}"#)[0].0, Cow::Borrowed("a")));
        let raw: &RawValue = serde_json::from_str(r#""a\n""#).expect("JSON");
        assert_eq!(text_of(raw).expect("a string").as_deref(), Some("a\n"));
        let raw: &RawValue = serde_json::from_str("12").expect("JSON");
        assert_eq!(text_of(raw).expect("no string"), None);
    }
}
