//! An ItemCollection that comes in: all of its Items are sound, or none is written.

use std::borrow::Cow;
use std::collections::HashMap;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::rules::{Rules, Sound};
use super::sent::invalid;
use crate::api::error::ApiError;

/// Items of one bulk write.
const MAX_ITEMS: usize = 10_000;

/// Items whose faults are told.
const ITEMS_TOLD: usize = 20;

/// Faults of one Item that are told.
const FAULTS_TOLD: usize = 3;

/// What a body says that it is.
#[derive(Debug, Deserialize)]
struct Outline<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    features: Vec<&'a RawValue>,
}

/// One Item, or those of an ItemCollection.
#[derive(Debug)]
pub(super) enum Incoming {
    /// One Item.
    One(Box<Sound>),
    /// Items whose ids differ.
    Many(Vec<Sound>),
}

impl Incoming {
    /// Reads and checks what is to be made; splits the work among the threads of the pool that it runs on.
    pub(super) fn read(rules: &Rules, body: &[u8]) -> Result<Self, ApiError> {
        let outline: Result<Outline<'_>, _> = serde_json::from_slice(body);
        let features = match outline {
            Ok(Outline { kind: Some(kind), features }) if kind == "FeatureCollection" => features,
            // Whatever else is wrong with it is told of the Item.
            _ => {
                let document = super::sent::parsed(body)?;
                let sound = rules.item(document, None).map_err(|faults| unsound(&faults))?;
                return Ok(Self::One(Box::new(sound)));
            }
        };
        match features.len() {
            0 => return Err(invalid("the ItemCollection has no features")),
            1..=MAX_ITEMS => {}
            count => {
                let description = format!(
                    "the ItemCollection has {count} Items; send {MAX_ITEMS} at most, in several parts"
                );
                return Err(invalid(description));
            }
        }
        let read = |raw: &&RawValue| match serde_json::from_str::<Value>(raw.get()) {
            Ok(document) => {
                let id = document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                rules.item(document, None).map_err(|faults| (id, faults))
            }
            Err(error) => Err((String::new(), vec![format!("it cannot be read: {error}")])),
        };
        let mut items: Vec<Result<Sound, (String, Vec<String>)>> = features.par_iter().map(read).collect();
        let mut first = HashMap::with_capacity(items.len());
        for (index, item) in items.iter_mut().enumerate() {
            let Ok(sound) = item else { continue };
            if let Some(before) = first.insert(sound.id.clone(), index) {
                let fault = format!("feature {before} has the same id");
                *item = Err((std::mem::take(&mut sound.id), vec![fault]));
            }
        }
        let (count, mut wrong, mut told) = (items.len(), 0, Vec::new());
        let mut sound = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Ok(item) => sound.push(item),
                Err((id, faults)) => {
                    wrong += 1;
                    if told.len() < ITEMS_TOLD {
                        told.push(format!("feature {index} ('{id}'): {}", listed(&faults)));
                    }
                }
            }
        }
        if wrong == 0 {
            return Ok(Self::Many(sound));
        }
        let more = wrong - told.len();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        let description =
            format!("{wrong} of {count} Items are wrong, so none was written: {}", told.join("; "));
        Err(invalid(description))
    }
}

/// 400 for a document with these faults.
pub(super) fn unsound(faults: &[String]) -> ApiError {
    invalid(format!("the document cannot be taken: {}", listed(faults)))
}

fn listed(faults: &[String]) -> String {
    let text = faults.iter().take(FAULTS_TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
    match faults.len().saturating_sub(FAULTS_TOLD) {
        0 => text,
        more => format!("{text}; and {more} more faults"),
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use serde_json::json;

    use super::*;

    fn item(id: &str) -> Value {
        json!({
            "type": "Feature", "stac_version": "1.0.0", "id": id, "geometry": null, "assets": {},
            "properties": {"datetime": "2024-01-05T00:00:00Z"}, "links": []
        })
    }

    fn read(body: &Value) -> Result<Vec<String>, String> {
        let rules = Rules::new("http://h", "c", None);
        let told = |error: ApiError| format!("{error:?}");
        match Incoming::read(&rules, body.to_string().as_bytes()).map_err(told)? {
            Incoming::One(sound) => Ok(vec![sound.id]),
            Incoming::Many(all) => Ok(all.into_iter().map(|sound| sound.id).collect()),
        }
    }

    fn many(items: &[Value]) -> Value {
        json!({"type": "FeatureCollection", "features": items})
    }

    #[test]
    fn one_or_many_are_told_by_their_type() {
        assert_eq!(read(&item("a")), Ok(vec!["a".to_owned()]));
        assert_eq!(read(&many(&[item("b"), item("a")])), Ok(vec!["b".to_owned(), "a".to_owned()]));
        assert!(read(&many(&[])).is_err_and(|told| told.contains("no features")));
        assert!(read(&json!({"type": "Collection"})).is_err_and(|told| told.contains("'Feature'")));
        assert!(read(&json!(7)).is_err_and(|told| told.contains("no JSON object")));
        let error = Incoming::read(&Rules::new("", "c", None), b"{").expect_err("not JSON");
        assert_eq!(error.into_response().status(), 400);
    }

    #[test]
    fn all_that_are_wrong_are_named_up_to_a_bound() {
        let mut items: Vec<Value> = (0..100).map(|n| item(&n.to_string())).collect();
        items[7]["stac_version"] = json!("0.9");
        items[8]["id"] = json!("3");
        items[9] = json!("x");
        let told = read(&many(&items)).expect_err("faults");
        assert!(told.contains("3 of 100 Items"), "{told}");
        for part in ["feature 7 ('7'): ", "feature 8 ('3'): feature 3 has the same id", "feature 9 (''): "] {
            assert!(told.contains(part), "{told}");
        }
        for item in &mut items {
            *item = json!({});
        }
        let told = read(&many(&items)).expect_err("faults");
        assert!(told.contains("100 of 100") && told.contains("and 80 more"), "{told}");
    }
}
