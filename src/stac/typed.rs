//! A document as the `stac` crate's Item, whose fields have types.

use serde_json::Value;
use stac::Item;

/// Reads an Item. STAC lets a `nodata` be one of the words `nan`, `inf` and `-inf`, for which the crate's field has no place:
/// they come back among the additional fields, and are written as they were.
///
/// # Errors
/// When it is no Item.
pub fn read_item(mut document: Value) -> serde_json::Result<Item> {
    let mut words = Vec::new();
    let assets = document.get_mut("assets").and_then(Value::as_object_mut);
    for (key, asset) in assets.into_iter().flatten() {
        if let Some(word) = take_word(asset) {
            words.push((key.clone(), None, word));
        }
        let bands = asset.get_mut("bands").and_then(Value::as_array_mut);
        for (nth, band) in bands.into_iter().flatten().enumerate() {
            if let Some(word) = take_word(band) {
                words.push((key.clone(), Some(nth), word));
            }
        }
    }
    let mut item: Item = serde_json::from_value(document)?;
    for (key, nth, word) in words {
        let Some(asset) = item.assets.get_mut(&key) else { continue };
        let fields = match nth {
            None => Some(&mut asset.additional_fields),
            Some(nth) => asset.bands.get_mut(nth).map(|band| &mut band.additional_fields),
        };
        if let Some(fields) = fields {
            fields.insert("nodata".to_owned(), word);
        }
    }
    Ok(item)
}

fn take_word(object: &mut Value) -> Option<Value> {
    object.get("nodata").filter(|nodata| nodata.is_string())?;
    object.as_object_mut()?.remove("nodata")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_for_nodata_come_back_as_they_were() {
        let document = json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "i", "geometry": null, "links": [],
            "properties": {"datetime": "2024-01-01T00:00:00Z"},
            "assets": {
                "a": {"href": "a.tif", "bands": [{"name": "x", "nodata": 1.0}, {"name": "y", "nodata": "nan"}]},
                "b": {"href": "b.tif", "nodata": "-inf"}
            }
        });
        let item = read_item(document.clone()).expect("an Item");
        let written = serde_json::to_value(&item).expect("JSON");
        assert_eq!(written["assets"], document["assets"]);
    }
}
