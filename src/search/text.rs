//! Free text: the `q` parameter.
//!
//! A question has one or more terms; a text matches when any of them occurs in it, whatever the case and however many spaces
//! stand between the words. A term of several words is a phrase. (STAC's free-text extension, basic class; OGC API Records,
//! parameter q.)

use serde_json::Value;

use super::params::{ParamError, Params};

/// Terms that one question may have.
const MAX_TERMS: usize = 64;

/// Fields of an Item that `q` looks into, besides its id.
pub(super) const ITEM_FIELDS: [&str; 6] =
    ["title", "description", "keywords", "platform", "constellation", "mission"];

/// Fields of a Collection that `q` looks into.
const COLLECTION_FIELDS: [&str; 4] = ["id", "title", "description", "keywords"];

/// Terms, any of which must occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextQuery {
    /// Lower case, words joined by one space.
    terms: Vec<String>,
}

impl TextQuery {
    /// Reads `q`: terms joined by commas, or a list of terms.
    ///
    /// # Errors
    /// When it is neither, or has no term.
    pub fn read(params: &mut Params) -> Result<Option<Self>, ParamError> {
        let wrong = |problem: String| ParamError::Invalid { name: "q".to_owned(), problem };
        let expected = "expected terms joined by commas, or a list of terms";
        let terms: Vec<String> = match params.value("q") {
            None => return Ok(None),
            Some(Value::String(text)) => text.split(',').map(folded).collect(),
            Some(Value::Array(list)) => list
                .iter()
                .map(|term| term.as_str().map(folded))
                .collect::<Option<_>>()
                .ok_or_else(|| wrong(expected.to_owned()))?,
            Some(_) => return Err(wrong(expected.to_owned())),
        };
        let terms: Vec<String> = terms.into_iter().filter(|term| !term.is_empty()).collect();
        match terms.len() {
            0 => Err(wrong("expected at least one term".to_owned())),
            1..=MAX_TERMS => Ok(Some(Self { terms })),
            count => Err(wrong(format!("{count} terms are more than the {MAX_TERMS} that are allowed"))),
        }
    }

    /// True when a term occurs in one of the texts.
    pub fn occurs_in<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        texts.into_iter().any(|text| {
            let text = folded(text);
            self.terms.iter().any(|term| text.contains(term))
        })
    }

    /// False when no term can occur in the document of that text, which is told without parsing it.
    pub(super) fn may_occur_in(&self, json: &str) -> bool {
        // What is escaped, has other letters than ASCII, or spans words is told by the parsed text only.
        if !json.is_ascii() || memchr::memchr(b'\\', json.as_bytes()).is_some() {
            return true;
        }
        let lower = json.to_ascii_lowercase();
        self.terms.iter().any(|term| term.contains(' ') || lower.contains(term.as_str()))
    }

    /// True when a term occurs in the Item: its id, title, description, keywords, platform, constellation or mission.
    #[must_use]
    pub fn matches_item(&self, document: &Value) -> bool {
        let properties = document.get("properties").unwrap_or(&Value::Null);
        let id = document.get("id").and_then(Value::as_str);
        self.occurs_in(id.into_iter().chain(texts(properties, &ITEM_FIELDS)))
    }

    /// True when a term occurs in the Collection: its id, title, description or keywords.
    #[must_use]
    pub fn matches_collection(&self, document: &Value) -> bool {
        self.occurs_in(texts(document, &COLLECTION_FIELDS))
    }
}

/// The texts of the named fields; a field may be a text or a list of them.
fn texts<'a>(holder: &'a Value, fields: &'a [&str]) -> impl Iterator<Item = &'a str> {
    fields.iter().filter_map(|field| holder.get(field)).flat_map(|value| {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        value.as_str().into_iter().chain(list.iter().filter_map(Value::as_str))
    })
}

/// Lower case, with one space between words.
fn folded(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn query(body: &Value) -> TextQuery {
        let mut params = Params::from_body(body.to_string().as_bytes()).expect("params");
        TextQuery::read(&mut params).expect("terms").expect("a question")
    }

    #[test]
    fn any_term_is_enough_and_a_phrase_holds_together() {
        let either = query(&json!({"q": "radar,earth  observation"}));
        assert_eq!(either, query(&json!({"q": ["Radar", "Earth Observation"]})));
        assert!(either.occurs_in(["nothing", "EARTH\n observation of old"]));
        assert!(either.occurs_in(["a Radar"]));
        assert!(!either.occurs_in(["observation of earth", ""]));
    }

    #[test]
    fn an_item_is_found_by_what_it_says_of_itself() {
        let item = json!({"id": "S2A_1", "properties": {"platform": "sentinel-2a", "eo:x": "dog"}});
        for found in ["s2a", "Sentinel-2"] {
            assert!(query(&json!({"q": found})).matches_item(&item), "{found}");
        }
        assert!(!query(&json!({"q": "dog"})).matches_item(&item));
        assert!(
            query(&json!({"q": "opt"})).matches_collection(&json!({"id": "c", "keywords": ["a", "optical"]}))
        );
    }

    #[test]
    fn no_term_is_an_error() {
        for bad in
            [json!({"q": ""}), json!({"q": " , "}), json!({"q": []}), json!({"q": 5}), json!({"q": [5]})]
        {
            let mut params = Params::from_body(bad.to_string().as_bytes()).expect("params");
            let error = TextQuery::read(&mut params).expect_err("no term");
            assert!(error.to_string().starts_with("q: "), "{bad}");
        }
    }
}
