//! Items → the Collection that holds them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use stac::{Asset, Collection, Item, ItemAsset, Provider};

use super::cube::{self, Cube};
use super::definition::CollectionDefinition;
use crate::tree::{Around, Summaries};

/// Fields of an asset that are the same in every Item, as far as `item_assets` says.
const ASSET_FIELDS: [&str; 1] = ["gsd"];
/// Fields of a band that may differ from Item to Item.
const PER_ITEM_BAND_FIELDS: [&str; 2] = ["statistics", "raster:histogram"];
/// Media type of Apache Parquet.
const PARQUET: &str = "application/vnd.apache.parquet";

/// What the Items of a Collection say of it, taken in one at a time.
#[derive(Debug)]
pub(super) struct Sums {
    /// Items of its own.
    pub(super) count: usize,
    around: Around,
    summaries: Summaries,
    item_assets: Vec<(String, ItemAsset)>,
    extensions: BTreeSet<String>,
    cube: Cube,
}

impl Sums {
    /// Nothing so far.
    pub(super) fn new(definition: Option<&CollectionDefinition>) -> Self {
        let further = definition.map(CollectionDefinition::further_summaries).unwrap_or_default();
        Self {
            count: 0,
            around: Around::default(),
            summaries: Summaries::new(&further),
            item_assets: Vec::new(),
            extensions: BTreeSet::new(),
            cube: Cube::default(),
        }
    }

    /// Takes in an Item of the Collection.
    pub(super) fn add(&mut self, item: &Item) {
        self.count += 1;
        self.add_below(item);
        self.cube.add(item);
        for (key, asset) in &item.assets {
            if self.item_assets.iter().all(|(known, _)| known != key) {
                self.item_assets.push((key.clone(), item_asset(asset)));
            }
        }
    }

    /// Takes in an Item of a Collection below this one, which only widens it.
    pub(super) fn add_below(&mut self, item: &Item) {
        self.around.add(item);
        self.summaries.add(item);
        for extension in &item.extensions {
            if !self.extensions.contains(extension) {
                self.extensions.insert(extension.clone());
            }
        }
    }

    /// The Collection, without links; `times` are those of its Items, `table` the file that holds them all.
    pub(super) fn collection(
        mut self,
        id: &str,
        folder: &str,
        definition: Option<&CollectionDefinition>,
        times: Vec<DateTime<Utc>>,
        table: Option<&str>,
    ) -> Collection {
        let description = definition.and_then(|d| d.description.clone());
        let description = description.unwrap_or_else(|| match self.count {
            1 => format!("1 Item of {id}, described by Cairn from its rasters."),
            count => format!("{count} Items of {id}, described by Cairn from their rasters."),
        });
        let mut collection = Collection::new(id, description);
        collection.title = (folder != id).then(|| folder.to_owned());
        if let Some(definition) = definition {
            collection.title.clone_from(&definition.title);
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
        collection.extent = self.around.extent();
        collection.item_assets = std::mem::take(&mut self.item_assets).into_iter().collect();
        for (key, said) in definition.iter().flat_map(|d| &d.item_assets) {
            // One that no Item has needs two fields to say anything, by the specification.
            let fields = [
                said.title.is_some(),
                said.description.is_some(),
                said.media_type.is_some(),
                said.roles.is_some(),
            ];
            let says_enough = fields.iter().filter(|is_there| **is_there).count() >= 2;
            if !collection.item_assets.contains_key(key) && !says_enough {
                continue;
            }
            let asset =
                collection.item_assets.entry(key.clone()).or_insert_with(|| item_asset(&Asset::new("")));
            asset.title = said.title.clone().or(asset.title.take());
            asset.description = said.description.clone().or(asset.description.take());
            asset.r#type = said.media_type.clone().or(asset.r#type.take());
            if let Some(roles) = &said.roles {
                asset.roles.clone_from(roles);
            }
        }
        collection.item_assets.sort_unstable_keys();
        let summaries = self.summaries.finish();
        collection.extensions = extensions_of(&collection, &summaries, &self.extensions);
        collection.summaries = (!summaries.is_empty()).then_some(summaries);
        if let Some(dimensions) = self.cube.dimensions(times, self.summaries.band_names()) {
            collection.extensions.push(cube::EXTENSION.to_owned());
            collection.additional_fields.insert("cube:dimensions".to_owned(), Value::Object(dimensions));
        }
        if let Some(href) = table {
            let mut asset = Asset::new(href).role("collection-mirror");
            asset.title = Some("The Items as stac-geoparquet".to_owned());
            asset.description =
                Some("Items of the whole catalogue; the column `collection` tells them apart.".to_owned());
            asset.r#type = Some(PARQUET.to_owned());
            collection.assets.insert("items".to_owned(), asset);
        }
        collection
    }
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
fn extensions_of(
    collection: &Collection,
    summaries: &Map<String, Value>,
    of_items: &BTreeSet<String>,
) -> Vec<String> {
    let bands = collection.item_assets.values().filter_map(|a| a.additional_fields.get("bands")?.as_array());
    let fields = bands.flatten().filter_map(Value::as_object).flat_map(Map::keys).chain(summaries.keys());
    let mut prefixes: Vec<&str> = fields.filter_map(|field| Some(field.split_once(':')?.0)).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    // `https://…/projection/v1.2.0/schema.json` has fields of `proj:`, the others are named like their prefix.
    let used = |schema: &&String| {
        let name = schema.rsplit('/').nth(2).unwrap_or_default();
        prefixes.contains(&if name == "projection" { "proj" } else { name })
    };
    of_items.iter().filter(used).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stac::Band;

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
        let mut sums = Sums::new(None);
        sums.add(&item);
        let collection = sums.collection("c", "c", None, Vec::new(), Some("/tree/items.parquet"));
        let collection = serde_json::to_value(collection).expect("JSON");
        assert_eq!(collection["assets"]["items"]["roles"], json!(["collection-mirror"]));
        assert_eq!(collection["license"], "other");
        assert_eq!(collection["stac_extensions"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            collection["item_assets"]["B04"],
            json!({"roles": ["data"], "bands": [{"name": "B04", "eo:common_name": "red"}]})
        );
        assert_eq!(collection["summaries"]["proj:code"], json!(["EPSG:32635"]));
    }
}
