//! Where the files of a Collection differ in what mostly is the same: CRS, resolution, sample type, bands.

use std::collections::BTreeMap;

use serde_json::Value;
use stac::Item;

/// What is compared, in the words of a warning.
const ASPECTS: [&str; 4] = ["CRS", "resolution", "sample type", "bands"];
/// Kinds told apart; more are counted together.
const MAX_KINDS: usize = 12;
/// Kinds that a warning names.
const KINDS_TOLD: usize = 4;

/// What was found in one Collection.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// By aspect and asset key: how many Items are of each kind, and the first of them.
    kinds: BTreeMap<(usize, String), BTreeMap<String, (usize, String)>>,
}

impl Agreement {
    /// Takes in an Item.
    pub(super) fn add(&mut self, item: &Item) {
        // Pictures and documents lie on no grid of their own.
        let is_beside = |role: &String| matches!(role.as_str(), "thumbnail" | "overview" | "metadata");
        let rasters = item.assets.iter().filter(|(_, asset)| !asset.roles.iter().any(is_beside));
        for (key, asset) in rasters {
            let field = |name: &str| {
                let own = asset.additional_fields.get(name);
                own.or_else(|| item.properties.additional_fields.get(name))
            };
            let names = asset.bands.iter().map(|band| band.name.as_deref().unwrap_or("?"));
            let types = asset.bands.iter().filter_map(|band| band.data_type.as_ref());
            let mut types: Vec<String> =
                types.filter_map(|t| Some(as_text(&serde_json::to_value(t).ok()?))).collect();
            types.dedup();
            let resolution = field("proj:transform").and_then(resolution);
            let found = [
                field("proj:code").map(as_text),
                resolution,
                (!types.is_empty()).then(|| types.join(", ")),
                (!asset.bands.is_empty()).then(|| names.collect::<Vec<_>>().join(", ")),
            ];
            for (aspect, kind) in found.into_iter().enumerate() {
                let Some(kind) = kind else { continue };
                let kinds = self.kinds.entry((aspect, key.clone())).or_default();
                let kind =
                    if kinds.len() < MAX_KINDS || kinds.contains_key(&kind) { kind } else { "others".into() };
                kinds.entry(kind).or_insert_with(|| (0, item.id.clone())).0 += 1;
            }
        }
    }

    /// One warning for each aspect in which files differ; assets that differ in the same way share it.
    pub(super) fn warnings(&self, collection: &str) -> Vec<String> {
        let mut told: BTreeMap<(usize, String), Vec<&str>> = BTreeMap::new();
        for ((aspect, key), kinds) in self.kinds.iter().filter(|(_, kinds)| kinds.len() > 1) {
            let mut kinds: Vec<_> = kinds.iter().collect();
            kinds.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
            let more = kinds.len().saturating_sub(KINDS_TOLD);
            let mut texts: Vec<String> = kinds
                .iter()
                .take(KINDS_TOLD)
                .map(|(kind, (count, first))| format!("{kind} in {count} Items such as '{first}'"))
                .collect();
            if more > 0 {
                texts.push(format!("{more} more"));
            }
            told.entry((*aspect, texts.join("; "))).or_default().push(key);
        }
        let warning = |((aspect, kinds), keys): ((usize, String), Vec<&str>)| {
            let aspect = ASPECTS.get(aspect).copied().unwrap_or_default();
            format!("collection '{collection}', {}: {aspect} differs: {kinds}", keys.join(", "))
        };
        told.into_iter().map(warning).collect()
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The size of a pixel, to nine digits: transforms of one grid may differ in the last bits.
fn resolution(transform: &Value) -> Option<String> {
    let number = |at: usize| transform.get(at)?.as_f64();
    let (across, down) = (number(0)?.hypot(number(3)?), number(1)?.hypot(number(4)?));
    let short = |v: f64| format!("{v:.9e}").parse::<f64>().unwrap_or(v);
    Some(format!("{} × {}", short(across), short(down)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use stac::Asset;

    fn item(id: &str, code: &str, size: f64) -> Item {
        let mut item = Item::new(id);
        item.properties.additional_fields.insert("proj:code".into(), json!(code));
        for key in ["B04", "B08"] {
            let mut asset = Asset::new("/x.tif");
            asset.additional_fields.insert("proj:transform".into(), json!([size, 0, 1, 0, -size, 2]));
            item.assets.insert(key.into(), asset);
        }
        item.assets.insert("thumbnail".into(), Asset::new("/x.png").role("thumbnail"));
        item
    }

    #[test]
    fn differences_are_told_in_groups() {
        let mut agreement = Agreement::default();
        for (id, code, size) in [("a", "EPSG:1", 10.0), ("b", "EPSG:1", 20.0), ("c", "EPSG:1", 10.0)] {
            agreement.add(&item(id, code, size));
        }
        let warnings = agreement.warnings("c");
        assert_eq!(
            warnings,
            [
                "collection 'c', B04, B08: resolution differs: 10 × 10 in 2 Items such as 'a'; 20 × 20 in 1 Items such as 'b'"
            ]
        );
        agreement.add(&item("d", "EPSG:2", 10.0));
        let warnings = agreement.warnings("c");
        assert!(warnings.len() == 2 && !warnings.join("").contains("thumbnail"), "{warnings:?}");
    }
}
