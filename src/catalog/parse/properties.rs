//! An Item's `properties` as a row of scalars, their names as numbers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::super::columns::Scalar;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Null)
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Bool(value))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalar<'de>, E> {
                // A sign that no comparison sees is left to the document.
                let is_signed_zero = value == 0.0 && value.is_sign_negative();
                Ok(if is_signed_zero { Scalar::Other } else { Scalar::Number(value) })
            }

            #[expect(clippy::cast_precision_loss, reason = "what is rounded is told apart below")]
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalar<'de>, E> {
                Ok(number(value, value as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "what is rounded is told apart below")]
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalar<'de>, E> {
                Ok(number(value.unsigned_abs(), value as f64))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(value.to_owned())))
            }

            fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(value)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// An integer by its absolute value, when its significant bits are no more than a 64-bit float has.
fn number(absolute: u64, value: f64) -> Scalar<'static> {
    let insignificant = absolute.leading_zeros() + absolute.trailing_zeros();
    if absolute == 0 || u64::BITS - insignificant <= f64::MANTISSA_DIGITS {
        Scalar::Number(value)
    } else {
        Scalar::Other
    }
}

/// The names of properties that a batch of Items has, each with a number.
#[derive(Debug, Default)]
pub(in crate::catalog) struct Names {
    numbers: HashMap<Box<str>, u32>,
    list: Vec<Box<str>>,
    /// Of each name, the number that came after it last: Items of one Collection have their names in one order.
    next: Vec<u32>,
    last: usize,
}

impl Names {
    /// The number of a name, a new one where it has none yet.
    pub(in crate::catalog) fn number(&mut self, name: &str) -> u32 {
        let expected = self.next.get(self.last).copied().unwrap_or_default();
        let number = if self.name(expected) == Some(name) {
            expected
        } else {
            match self.numbers.get(name) {
                Some(known) => *known,
                None => self.add(name),
            }
        };
        if let Some(next) = self.next.get_mut(self.last) {
            *next = number;
        }
        self.last = number as usize;
        number
    }

    /// The name of a number.
    pub(in crate::catalog) fn name(&self, number: u32) -> Option<&str> {
        self.list.get(number as usize).map(AsRef::as_ref)
    }

    /// All names; the place of each is its number.
    pub(in crate::catalog) fn all(&self) -> &[Box<str>] {
        &self.list
    }

    fn add(&mut self, name: &str) -> u32 {
        // A batch's text is far shorter than four billion bytes.
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.into(), number);
        self.list.push(name.into());
        self.next.push(0);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_json_has_its_scalar() {
        let read = |json| serde_json::from_str::<Scalar>(json).expect("JSON");
        assert_eq!(read("null"), Scalar::Null);
        assert_eq!(read("true"), Scalar::Bool(true));
        assert_eq!(read("-1.50"), Scalar::Number(-1.5));
        assert_eq!(read(r#""a\n""#), Scalar::Text("a\n".into()));
        assert_eq!(read("[1,[2]]"), Scalar::Other);
        assert_eq!(read(r#"{"a":{}}"#), Scalar::Other);
    }

    #[test]
    fn integers_that_a_float_rounds_are_no_numbers() {
        let read = |json| serde_json::from_str::<Scalar>(json).expect("JSON");
        assert_eq!(read("0"), Scalar::Number(0.0));
        assert_eq!(read("9007199254740992"), Scalar::Number(9_007_199_254_740_992.0));
        assert_eq!(read("9007199254740993"), Scalar::Other);
        assert_eq!(read("-9007199254740993"), Scalar::Other);
        assert_eq!(read("18446744073709551615"), Scalar::Other);
        assert_eq!(read("9223372036854775808"), Scalar::Number(9_223_372_036_854_775_808.0));
    }

    #[test]
    fn a_name_has_one_number_in_whatever_order() {
        let mut names = Names::default();
        let numbers: Vec<u32> = ["a", "b", "a", "c", "b", "b", "a"].map(|name| names.number(name)).to_vec();
        assert_eq!(numbers, [0, 1, 0, 2, 1, 1, 0]);
        assert_eq!((names.name(2), names.name(3), names.all().len()), (Some("c"), None, 3));
    }
}
