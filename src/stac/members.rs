//! The direct members of an object in a JSON text, found by its brackets and quotes, without parsing what they hold.

use std::ops::Range;

use memchr::memchr2;

/// Walks the members of an object of compact JSON that a parser has been over. A text that breaks off ends the walk before
/// the member that is not whole.
#[derive(Debug)]
pub(super) struct Members<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    /// Of the object whose `{` stands at `at`; none where there is no such thing.
    pub(super) fn of(json: &'a str, at: usize) -> Self {
        let json = json.as_bytes();
        let at = if json.get(at) == Some(&b'{') { at + 1 } else { json.len() };
        Self { json, at }
    }

    /// The place of the value that the name has; `name` stands in the text as it is.
    pub(super) fn find(mut self, name: &str) -> Option<Range<usize>> {
        let json = self.json;
        let has_name = |key: &Range<usize>| json[key.start + 1..key.end - 1] == *name.as_bytes();
        self.find_map(|(key, value)| has_name(&key).then_some(value))
    }
}

impl Iterator for Members<'_> {
    /// The places of a name, with its quotes, and of its value.
    type Item = (Range<usize>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at + usize::from(self.json.get(self.at) == Some(&b','));
        let key = start..string_end(self.json, start)?;
        if self.json.get(key.end) != Some(&b':') {
            return None;
        }
        let value = key.end + 1..value_end(self.json, key.end + 1)?;
        self.at = value.end;
        Some((key, value))
    }
}

/// The byte after the closing quote of the string that begins at `at`.
fn string_end(json: &[u8], at: usize) -> Option<usize> {
    if json.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        at += memchr2(b'"', b'\\', json.get(at..)?)?;
        if json[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The byte after the value that begins at `at`.
fn value_end(json: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match *json.get(at)? {
            b'"' => at = string_end(json, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            _ if depth > 0 => {
                at += 1;
                continue;
            }
            _ => {
                let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']');
                return Some(at + json[at..].iter().position(is_end)?).filter(|end| *end > at);
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[\"\\\\{}\\[\\],: a-c]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let members = prop::collection::vec(("[\"\\\\{}a-c]{0,3}", inner.clone()), 0..5);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                members.prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_members_are_those_that_a_parser_finds(value in any_json(), before in "[a-z]{0,3}") {
            let text = format!("{before}{value}");
            let found: Vec<(String, Value)> = Members::of(&text, before.len())
                .map(|(key, value)| {
                    let read = |place: Range<usize>| {
                        serde_json::from_str::<Value>(&text[place]).expect("JSON")
                    };
                    (read(key).as_str().expect("a name").to_owned(), read(value))
                })
                .collect();
            let wanted: Vec<_> = value.as_object().cloned().unwrap_or_default().into_iter().collect();
            prop_assert_eq!(found, wanted);
        }

        #[test]
        fn a_text_that_breaks_off_gives_no_half_a_member(value in any_json(), cut in 0.0..1.0_f64) {
            let text = value.to_string();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a short text")]
            let mut end = (text.len() as f64 * cut) as usize;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            for (key, value) in Members::of(&text[..end], 0) {
                prop_assert!(serde_json::from_str::<Value>(&text[key]).is_ok());
                prop_assert!(serde_json::from_str::<Value>(&text[value]).is_ok());
            }
        }
    }

    #[test]
    fn a_member_is_found_by_its_own_name_only() {
        let text = r#"{"a":{"b":1},"x":"\"b\":2","b":[3]}"#;
        assert_eq!(Members::of(text, 0).find("b").map(|at| &text[at]), Some("[3]"));
        assert_eq!(Members::of(text, 5).find("b").map(|at| &text[at]), Some("1"));
        assert_eq!(Members::of(text, 0).find("c"), None);
    }
}
