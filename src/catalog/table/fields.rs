//! Where an Item's fields lie in a table: one column for each of its members, and one for each of its properties.

use serde_json::{Map, Value};

use super::TableError;
// Each has a column of its own name, so that no property may have one of these names.
use crate::stac::ITEM_MEMBERS as MEMBERS;

/// Properties that are timestamps in a table, as the Python package and rustac have them.
pub(super) const INSTANTS: [&str; 8] = [
    "datetime",
    "start_datetime",
    "end_datetime",
    "created",
    "updated",
    "expires",
    "published",
    "unpublished",
];

/// GeoJSON in a property or an asset that is WKB in a table.
pub(super) const PROJ_GEOMETRY: &str = "proj:geometry";

/// One column's value of an Item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a Value,
    /// A member of the Item itself that STAC does not define, and not of its properties.
    pub(super) foreign: bool,
}

/// All columns of one Item, checked: members first, then properties, nulls left out.
///
/// # Errors
/// When a member is not of the type that STAC gives it, or a property has a member's name.
pub(super) fn fields_of(item: &Value) -> Result<Vec<Field<'_>>, TableError> {
    let id = item.get("id").and_then(Value::as_str);
    let error = |field: &str, expected: &str| TableError::Item {
        id: id.unwrap_or("?").to_owned(),
        field: field.to_owned(),
        expected: expected.to_owned(),
    };
    let item = item.as_object().ok_or_else(|| error("it", "a JSON object"))?;
    if id.is_none() {
        return Err(error("id", "a text"));
    }
    let Some(Value::Object(properties)) = item.get("properties") else {
        return Err(error("properties", "an object"));
    };
    let mut fields = Vec::with_capacity(item.len() + properties.len());
    for (name, value) in item.iter().filter(|(name, value)| *name != "properties" && !value.is_null()) {
        if let Some(expected) = wrong(name, value) {
            return Err(error(name, expected));
        }
        let foreign = !MEMBERS.contains(&name.as_str());
        if foreign && properties.contains_key(name) {
            return Err(error(name, "a member of the Item or of its properties, not of both"));
        }
        fields.push(Field { name, value, foreign });
    }
    for (name, value) in properties.iter().filter(|(_, value)| !value.is_null()) {
        if MEMBERS.contains(&name.as_str()) {
            let expected =
                "another name: stac-geoparquet has a column of this name for the Item's own member";
            return Err(error(&format!("properties.{name}"), expected));
        }
        fields.push(Field { name, value, foreign: false });
    }
    Ok(fields)
}

/// What a member should be, where it is something else.
fn wrong(name: &str, value: &Value) -> Option<&'static str> {
    let (right, expected) = match name {
        "type" => (value == "Feature", "the text 'Feature'"),
        "stac_version" | "id" | "collection" => (value.is_string(), "a text"),
        "stac_extensions" => {
            (value.as_array().is_some_and(|list| list.iter().all(Value::is_string)), "a list of texts")
        }
        "bbox" => (bbox_numbers(value).is_some(), "a list of four or six numbers"),
        "links" => {
            (value.as_array().is_some_and(|list| list.iter().all(Value::is_object)), "a list of objects")
        }
        "assets" => {
            let full =
                |asset: &Value| asset.as_object().is_some_and(|asset| !asset.values().all(Value::is_null));
            (
                value.as_object().is_some_and(|assets| assets.values().all(full)),
                "an object of assets with hrefs",
            )
        }
        _ => (true, ""),
    };
    (!right).then_some(expected)
}

/// The numbers of a bbox in two or three dimensions.
pub(super) fn bbox_numbers(value: &Value) -> Option<Vec<f64>> {
    let numbers: Vec<f64> = value.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
    matches!(numbers.len(), 4 | 6).then_some(numbers)
}

/// A bbox as the struct that a table has for it.
pub(super) fn bbox_struct(value: &Value) -> Value {
    let numbers = bbox_numbers(value).unwrap_or_default();
    let names = bbox_names(numbers.len() == 6);
    let members = names.iter().zip(&numbers).map(|(name, number)| ((*name).to_owned(), Value::from(*number)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// The members of the struct, in the order of the numbers.
pub(super) fn bbox_names(three_dimensions: bool) -> &'static [&'static str] {
    if three_dimensions {
        &["xmin", "ymin", "zmin", "xmax", "ymax", "zmax"]
    } else {
        &["xmin", "ymin", "xmax", "ymax"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(item: &Value) -> String {
        fields_of(item).expect_err("an error").to_string()
    }

    #[test]
    fn properties_and_members_are_columns() {
        let item = json!({"id": "a", "_etag": 1, "bbox": null, "properties": {"gsd": 10, "title": null}});
        let fields = fields_of(&item).expect("fields");
        let names: Vec<_> = fields.iter().map(|field| (field.name, field.foreign)).collect();
        assert_eq!(names, [("id", false), ("_etag", true), ("gsd", false)]);
    }

    #[test]
    fn an_error_names_item_and_field() {
        let clash = json!({"id": "a", "properties": {"links": 1}});
        assert!(message(&clash).starts_with("Item 'a', properties.links: expected another name"));
        assert!(message(&json!({"id": 7, "properties": {}})).starts_with("Item '?', id: expected a text"));
        for (name, value) in [
            ("bbox", json!([1, 2, 3])),
            ("assets", json!({"B04": {}})),
            ("assets", json!([1])),
            ("links", json!({})),
            ("stac_extensions", json!("x")),
            ("type", json!("Catalog")),
        ] {
            let mut item = json!({"id": "a", "properties": {}});
            item[name] = value;
            assert!(message(&item).contains(name), "{item}");
        }
        assert!(fields_of(&json!({"id": "a", "both": 1, "properties": {"both": 2}})).is_err());
    }
}
