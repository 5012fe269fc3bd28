//! Items → the Collection that holds them.

use serde_json::{Map, Value, json};
use stac::{Collection, Item, ItemAsset, Provider};

use super::definition::CollectionDefinition;
use crate::tree::{extent_of, summaries_of};

/// Fields of an asset that are the same in every Item, as far as `item_assets` says.
const ASSET_FIELDS: [&str; 1] = ["gsd"];
/// Fields of a band that may differ from Item to Item.
const PER_ITEM_BAND_FIELDS: [&str; 1] = ["statistics"];

/// The Collection of some Items, without links.
pub(super) fn collection_of(
    id: &str,
    items: &[Item],
    definition: Option<&CollectionDefinition>,
) -> Collection {
    let title = definition.and_then(|d| d.title.clone());
    let description = definition.and_then(|d| d.description.clone());
    let description = description.unwrap_or_else(|| match items.len() {
        1 => format!("1 Item of {id}, described by Cairn from its rasters."),
        count => format!("{count} Items of {id}, described by Cairn from their rasters."),
    });
    let mut collection = Collection::new(id, description);
    collection.title = title;
    if let Some(definition) = definition {
        if let Some(license) = &definition.license {
            collection.license.clone_from(license);
        }
        if !definition.keywords.is_empty() {
            collection.keywords = Some(definition.keywords.clone());
        }
        let providers: Vec<Provider> = definition.providers.iter().map(provider).collect();
        if !providers.is_empty() {
            collection.providers = Some(providers);
        }
    }
    collection.extent = extent_of(items);
    let summaries = summaries_of(items);
    for item in items {
        for (key, asset) in &item.assets {
            if !collection.item_assets.contains_key(key) {
                collection.item_assets.insert(key.clone(), item_asset(asset));
            }
        }
    }
    collection.item_assets.sort_unstable_keys();
    collection.extensions = extensions_of(&collection, &summaries, items);
    collection.summaries = (!summaries.is_empty()).then_some(summaries);
    collection
}

fn provider(definition: &super::definition::ProviderDefinition) -> Provider {
    let mut provider = Provider::new(&definition.name);
    provider.roles = (!definition.roles.is_empty()).then(|| definition.roles.clone());
    provider.url.clone_from(&definition.url);
    provider
}

fn item_asset(asset: &stac::Asset) -> ItemAsset {
    let mut fields = Map::new();
    for field in ASSET_FIELDS {
        if let Some(value) = asset.additional_fields.get(field) {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    if let Ok(Value::Array(mut bands)) = serde_json::to_value(&asset.bands)
        && !bands.is_empty()
    {
        for band in bands.iter_mut().filter_map(Value::as_object_mut) {
            for field in PER_ITEM_BAND_FIELDS {
                band.shift_remove(field);
            }
        }
        fields.insert("bands".to_owned(), json!(bands));
    }
    ItemAsset {
        title: asset.title.clone(),
        description: asset.description.clone(),
        r#type: asset.r#type.clone(),
        roles: asset.roles.clone(),
        additional_fields: fields,
    }
}

/// The extensions of the Items whose fields also stand in the Collection, be it in summaries or in bands.
fn extensions_of(collection: &Collection, summaries: &Map<String, Value>, items: &[Item]) -> Vec<String> {
    let bands = collection.item_assets.values().filter_map(|a| a.additional_fields.get("bands")?.as_array());
    let fields = bands.flatten().filter_map(Value::as_object).flat_map(Map::keys).chain(summaries.keys());
    let mut prefixes: Vec<&str> = fields.filter_map(|field| Some(field.split_once(':')?.0)).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    // `https://…/projection/v1.2.0/schema.json` has fields of `proj:`, the others are named like their prefix.
    let used = |schema: &str| {
        let name = schema.rsplit('/').nth(2).unwrap_or_default();
        prefixes.contains(&if name == "projection" { "proj" } else { name })
    };
    let mut extensions: Vec<String> =
        items.iter().flat_map(|i| &i.extensions).filter(|s| used(s)).cloned().collect();
    extensions.sort_unstable();
    extensions.dedup();
    extensions
}

#[cfg(test)]
mod tests {
    use super::*;
    use stac::{Asset, Band};

    #[test]
    fn a_collection_tells_what_its_items_share() {
        let mut item = Item::new("i");
        item.extensions = ["eo/v2.0.0", "file/v2.1.0", "projection/v1.2.0"]
            .map(|e| format!("https://stac-extensions.github.io/{e}/schema.json"))
            .to_vec();
        item.properties.additional_fields.insert("proj:code".into(), json!("EPSG:32635"));
        let mut asset = Asset::new("/x.tif").role("data");
        asset.additional_fields.insert("file:size".into(), json!(3));
        let mut band = Band {
            name: Some("B04".into()),
            description: None,
            nodata: None,
            data_type: None,
            statistics: None,
            unit: None,
            additional_fields: Map::new(),
        };
        band.additional_fields.insert("eo:common_name".into(), json!("red"));
        asset.bands.push(band);
        item.assets.insert("B04".into(), asset);
        let collection = serde_json::to_value(collection_of("c", &[item], None)).expect("JSON");
        assert_eq!(collection["license"], "other");
        assert_eq!(collection["stac_extensions"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            collection["item_assets"]["B04"],
            json!({"roles": ["data"], "bands": [{"name": "B04", "eo:common_name": "red"}]})
        );
        assert_eq!(collection["summaries"]["proj:code"], json!(["EPSG:32635"]));
    }
}
