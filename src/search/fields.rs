//! Which members of a document an answer shows: the `fields` parameter.
//!
//! The rules are those of STAC's fields extension. What is included is shown, with what tells documents apart; where only
//! exclusions are given, all else is shown; where neither is, or where the list of inclusions is given and empty, a default
//! set that leaves an Item valid. Paths may be nested; where one path lies inside another, the longer one decides, and of a
//! path that is named both ways the inclusion counts. A name that no Item has at its top level is one of its properties.

use serde_json::{Map, Value};

use super::params::{ParamError, Params};
use crate::stac::ITEM_MEMBERS;

/// Paths that one question may name.
const MAX_PATHS: usize = 256;

/// What is shown with whatever is included.
const ALWAYS: [&str; 4] = ["type", "stac_version", "id", "collection"];

/// What an Item needs to be valid: `collection` is required by the link of that name.
const ITEM_DEFAULTS: [&str; 11] = [
    "type",
    "stac_version",
    "id",
    "collection",
    "geometry",
    "bbox",
    "links",
    "assets",
    "properties.datetime",
    // An Item without an instant is valid with both of these only.
    "properties.start_datetime",
    "properties.end_datetime",
];

/// What a Collection needs to be valid.
const COLLECTION_DEFAULTS: [&str; 8] =
    ["type", "stac_version", "id", "title", "description", "license", "extent", "links"];

/// What to show of each document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    start: Start,
    include: Vec<String>,
    exclude: Vec<String>,
}

/// What inclusions are added to and exclusions taken away from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Start {
    /// The default set.
    #[default]
    Defaults,
    /// All that the document has.
    Everything,
    /// What tells documents apart.
    Identity,
}

impl Fields {
    /// Reads `fields`: `id,-geometry` as a string, a list of such names, or `{"include": […], "exclude": […]}`.
    ///
    /// # Errors
    /// When it has another form; null too.
    pub fn read(params: &mut Params) -> Result<Option<Self>, ParamError> {
        let wrong = || {
            ParamError::Invalid {
            name: "fields".to_owned(),
            problem: "expected names joined by commas, those to leave out with - before them, or {\"include\": [NAME], \
                      \"exclude\": [NAME]}"
                .to_owned(),
        }
        };
        let signed = |names: Vec<String>| {
            let mut fields = Self::default();
            for name in names {
                let name = name.trim();
                match name.strip_prefix('-') {
                    Some(name) => fields.exclude.push(name.to_owned()),
                    None => fields.include.push(name.strip_prefix('+').unwrap_or(name).to_owned()),
                }
            }
            if fields.include.is_empty() && !fields.exclude.is_empty() {
                fields.start = Start::Everything;
            }
            fields
        };
        let names = |list: &Value| match list {
            Value::Null => Some(Vec::new()),
            Value::Array(list) => list.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if params.is_null("fields") {
            return Err(wrong());
        }
        let mut fields = match params.value("fields") {
            None => return Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Self::default(),
            Some(Value::String(text)) => signed(text.split(',').map(str::to_owned).collect()),
            Some(list @ Value::Array(_)) => signed(names(&list).ok_or_else(wrong)?),
            Some(Value::Object(mut members)) => {
                let names_inclusions = members.contains_key("include");
                let mut list =
                    |name: &str| names(&members.remove(name).unwrap_or_default()).ok_or_else(wrong);
                let mut fields =
                    Self { include: list("include")?, exclude: list("exclude")?, start: Start::Defaults };
                if !names_inclusions && !fields.exclude.is_empty() {
                    fields.start = Start::Everything;
                }
                if !members.is_empty() {
                    return Err(wrong());
                }
                fields
            }
            Some(_) => return Err(wrong()),
        };
        let all = || fields.include.iter().chain(&fields.exclude);
        if all().any(|path| path.split('.').any(str::is_empty)) || all().count() > MAX_PATHS {
            return Err(wrong());
        }
        if !fields.include.is_empty() {
            fields.start = Start::Identity;
        }
        fields.exclude.retain(|path| !fields.include.contains(path));
        Ok(Some(fields))
    }

    /// What is left of an Item.
    #[must_use]
    pub fn project_item(&self, item: Value) -> Value {
        let of_item = |path: &String| {
            let first = path.split('.').next().unwrap_or_default();
            if ITEM_MEMBERS.contains(&first) { path.clone() } else { format!("properties.{path}") }
        };
        let include = self.include.iter().map(of_item).collect();
        let exclude = self.exclude.iter().map(of_item).collect();
        Self { start: self.start, include, exclude }.project(item, &ITEM_DEFAULTS)
    }

    /// What is left of a Collection.
    #[must_use]
    pub fn project_collection(&self, collection: Value) -> Value {
        self.project(collection, &COLLECTION_DEFAULTS)
    }

    fn project(&self, document: Value, defaults: &[&str]) -> Value {
        let mut rules: Vec<(Vec<&str>, bool)> = Vec::new();
        let mut add = |path, shown| {
            let path: Vec<&str> = str::split(path, '.').collect();
            rules.retain(|(known, _)| *known != path);
            rules.push((path, shown));
        };
        let start = match self.start {
            Start::Defaults => defaults,
            Start::Identity => &ALWAYS,
            Start::Everything => &[],
        };
        for path in start {
            add(path, true);
        }
        for path in &self.exclude {
            add(path, false);
        }
        for path in &self.include {
            add(path, true);
        }
        prune(document, &rules, 0, self.start == Start::Everything)
            .unwrap_or_else(|| Value::Object(Map::new()))
    }
}

/// What `rules` leave of a value that lies `depth` steps below the root. All rules agree with its path that far; `shown`
/// says what the shorter ones decided.
fn prune(value: Value, rules: &[(Vec<&str>, bool)], depth: usize, shown: bool) -> Option<Value> {
    let shown = rules.iter().find(|(path, _)| path.len() == depth).map_or(shown, |(_, shown)| *shown);
    let deeper: Vec<_> = rules.iter().filter(|(path, _)| path.len() > depth).cloned().collect();
    if deeper.is_empty() || !value.is_object() {
        return shown.then_some(value);
    }
    let Value::Object(members) = value else { return None };
    let kept: Map<String, Value> = members
        .into_iter()
        .filter_map(|(name, value)| {
            let of_member: Vec<_> = deeper.iter().filter(|(path, _)| path[depth] == name).cloned().collect();
            Some((name, prune(value, &of_member, depth + 1, shown)?))
        })
        .collect();
    (shown || !kept.is_empty()).then_some(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Result<Option<Fields>, ParamError> {
        Fields::read(&mut Params::from_body(json!({"fields": value}).to_string().as_bytes())?)
    }

    fn item() -> Value {
        json!({"type": "Feature", "stac_version": "1.0.0", "stac_extensions": ["x"], "id": "i", "collection": "c",
            "geometry": null, "bbox": [], "properties": {"datetime": null, "a": 1, "n": {"x": 1, "y": 2}},
            "links": [], "assets": {"B04": {"href": "h", "title": "t"}}})
    }

    fn shown(value: &Value) -> Value {
        fields(value).expect("fields").expect("given").project_item(item())
    }

    #[test]
    fn nothing_named_is_the_default_set() {
        let plain = shown(&json!({}));
        for same in [json!([]), json!(""), json!({"include": [], "exclude": []}), json!({"include": null})] {
            assert_eq!(shown(&same), plain, "{same}");
        }
        assert_eq!(plain["properties"], json!({"datetime": null}));
        assert!(plain.get("stac_extensions").is_none() && plain.get("assets").is_some());
    }

    #[test]
    fn null_and_other_forms_are_refused() {
        for bad in [
            json!(null),
            json!(5),
            json!({"include": "id"}),
            json!({"includes": []}),
            json!("a,,b"),
            json!([1]),
        ] {
            let error = fields(&bad).expect_err("refused");
            assert!(error.to_string().starts_with("fields: "), "{bad}");
        }
    }

    #[test]
    fn inclusions_alone_are_shown_with_what_tells_items_apart() {
        let found = json!({"type": "Feature", "stac_version": "1.0.0", "id": "i", "collection": "c", "properties": {"a": 1}});
        for same in
            [json!("a"), json!("+properties.a,-assets"), json!({"include": ["a"], "exclude": ["properties"]})]
        {
            assert_eq!(shown(&same), found, "{same}");
        }
    }

    #[test]
    fn exclusions_alone_leave_all_else() {
        let mut all = item();
        all.as_object_mut().expect("an object").remove("geometry");
        assert_eq!(shown(&json!({"exclude": ["geometry"]})), all);
        assert_eq!(shown(&json!("-geometry")), all);
        let few = shown(&json!({"exclude": ["geometry"], "include": []}));
        assert!(
            few.get("geometry").is_none()
                && few.get("stac_extensions").is_none()
                && few.get("assets").is_some()
        );
    }

    #[test]
    fn the_longer_path_decides_and_inclusion_wins() {
        let found = shown(&json!({"include": ["properties", "assets.B04.href", "bbox"],
            "exclude": ["properties.n.x", "assets", "bbox", "datetime"]}));
        assert_eq!(found["properties"], json!({"a": 1, "n": {"y": 2}}));
        assert_eq!(found["assets"], json!({"B04": {"href": "h"}}));
        assert!(found.get("bbox").is_some());
    }

    #[test]
    fn a_name_that_is_not_there_is_no_error() {
        assert_eq!(shown(&json!("properties.nope,nope.deep,id")), shown(&json!("id")));
    }
}
