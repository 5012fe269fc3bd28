//! The keys of a definition. `catalogs/sentinel-2-l2a.toml` shows them all with comments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    AssetDefinition, CatalogDefinition, DefinitionError, Groups, Pattern, ProviderDefinition,
    SubcatalogDefinition, Template,
};
use crate::stac::parse_instant;
use crate::tree::{Layout, Summary};

/// A whole definition.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Definition {
    /// The root.
    pub catalog: CatalogDefinition,
    /// Catalogs between the root and its Collections.
    #[serde(rename = "subcatalog")]
    pub subcatalogs: Vec<SubcatalogDefinition>,
    /// The Collections; the first whose `path` matches takes a file.
    #[serde(rename = "collection")]
    pub collections: Vec<CollectionDefinition>,
}

/// One Collection and how its files become Items.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionDefinition {
    /// Its id. Without `path`, it takes the files that the ordinary rules give to a Collection of this id.
    pub id: String,
    /// Matches the paths of its files. Groups with a meaning of their own: `item`, `band`, `datetime`, `year`, `month`,
    /// `day`, `doy`, `hour`, `minute`, `second`, `cloud_cover`.
    pub path: Option<Pattern>,
    /// The id of the Catalog or Collection that it lies in; else the root.
    pub parent: Option<String>,
    /// An Item's id; else the group `item`; else by the ordinary rules.
    pub item: Option<Template>,
    /// An Item's title.
    pub item_title: Option<Template>,
    /// An asset's key; else the band.
    pub asset: Option<Template>,
    /// The time of Items whose files do not tell, RFC 3339.
    pub datetime: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// SPDX identifier, or `other`.
    pub license: Option<String>,
    /// Keywords.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Providers.
    #[serde(default)]
    pub providers: Vec<ProviderDefinition>,
    /// Satellite, such as `sentinel-2{satellite|lower}`.
    pub platform: Option<Template>,
    /// Constellation.
    pub constellation: Option<Template>,
    /// Instruments.
    #[serde(default)]
    pub instruments: Vec<String>,
    /// Ground sample distance in metres; else from the grid.
    pub gsd: Option<f64>,
    /// CRS of files that name none.
    pub epsg: Option<u32>,
    /// Further properties of Items: numbers, booleans, lists, or templates.
    #[serde(default)]
    pub properties: BTreeMap<String, toml::Value>,
    /// Schemas of STAC extensions that these properties belong to.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Names of the bands of multi-band files, in file order.
    #[serde(default)]
    pub band_names: Vec<String>,
    /// What is known of bands, by name.
    #[serde(default)]
    pub bands: BTreeMap<String, BandDefinition>,
    /// Further properties to sum up: `values`, `range`, or a list or table to be taken as it is.
    #[serde(default)]
    pub summaries: BTreeMap<String, toml::Value>,
    /// What the Collection says of the assets of its Items, by key, over what they say themselves.
    #[serde(default)]
    pub item_assets: BTreeMap<String, AssetDefinition>,
    /// Where the cloud cover comes from; else the group `cloud_cover`.
    pub cloud_cover: Option<CloudCover>,
}

/// What is known of a band and of the asset that holds it alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BandDefinition {
    /// The name that the catalogue shows; else as in the file's name.
    pub name: Option<String>,
    /// Title of the asset.
    pub title: Option<String>,
    /// Description of the band.
    pub description: Option<String>,
    /// Common name of the eo extension.
    pub common_name: Option<String>,
    /// Centre wavelength in µm.
    pub center_wavelength: Option<f64>,
    /// Full width at half maximum in µm.
    pub full_width_half_max: Option<f64>,
    /// Ground sample distance in metres.
    pub gsd: Option<f64>,
    /// Factor of the samples.
    pub scale: Option<f64>,
    /// Summand, after the factor.
    pub offset: Option<f64>,
    /// The value of pixels without data, where the file names none.
    pub nodata: Option<f64>,
    /// Unit of the physical value.
    pub unit: Option<String>,
    /// Roles of the asset; else `data`, or what the token is known for.
    pub roles: Option<Vec<String>>,
}

/// Where `eo:cloud_cover` comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudCover {
    /// The band whose pixels are counted.
    pub band: String,
    /// Its values that are clouds; the share is taken of its valid pixels.
    pub values: Vec<i64>,
}

impl Definition {
    /// Reads a definition from a file.
    ///
    /// # Errors
    /// When it cannot be read or used.
    pub fn read(path: &Path) -> Result<Self, DefinitionError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| DefinitionError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads a definition.
    ///
    /// # Errors
    /// Names the line or key that is wrong and what was expected.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let definition: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = 1 + before.matches('\n').count();
            DefinitionError::Parse { line, message: error.message().replace('\n', "; ") }
        })?;
        let mut ids = BTreeSet::new();
        for collection in &definition.collections {
            if !ids.insert(&collection.id) {
                return Err(DefinitionError::Twice { collection: collection.id.clone() });
            }
            collection.check()?;
        }
        for subcatalog in &definition.subcatalogs {
            if !ids.insert(&subcatalog.id) {
                return Err(DefinitionError::Twice { collection: subcatalog.id.clone() });
            }
        }
        definition.layout()?;
        definition.check_parents(&ids)?;
        Ok(definition)
    }

    /// Where Items lie.
    ///
    /// # Errors
    /// When the template is none.
    pub fn layout(&self) -> Result<Layout, DefinitionError> {
        Ok(self.catalog.layout.as_deref().map(Layout::parse).transpose()?.unwrap_or_default())
    }

    /// The definition of a Collection.
    #[must_use]
    pub fn collection(&self, id: &str) -> Option<&CollectionDefinition> {
        self.collections.iter().find(|collection| collection.id == id)
    }

    /// The Catalog or Collection that one of the definition lies in.
    #[must_use]
    pub fn parent_of(&self, id: &str) -> Option<&str> {
        let subcatalog = || self.subcatalogs.iter().find(|subcatalog| subcatalog.id == id);
        self.collection(id).map_or_else(|| subcatalog()?.parent.as_deref(), |own| own.parent.as_deref())
    }

    fn check_parents(&self, ids: &BTreeSet<&String>) -> Result<(), DefinitionError> {
        for id in ids {
            // A way up that is longer than there are ids goes round.
            let (mut at, mut steps) = (id.as_str(), 0);
            while let Some(parent) = self.parent_of(at) {
                steps += 1;
                if steps > ids.len() || !ids.iter().any(|id| *id == parent) {
                    return Err(DefinitionError::Parent { id: (*id).clone(), parent: parent.to_owned() });
                }
                at = parent;
            }
        }
        Ok(())
    }
}

impl CollectionDefinition {
    fn check(&self) -> Result<(), DefinitionError> {
        let wrong = |key, value: &str, expected| {
            let (collection, value) = (self.id.clone(), value.to_owned());
            Err(DefinitionError::Value { collection, key, value, expected })
        };
        if self.id.is_empty() {
            return wrong("id", "", "at least one character");
        }
        if self.datetime.as_deref().is_some_and(|text| parse_instant(text).is_err()) {
            let text = self.datetime.as_deref().unwrap_or_default();
            return wrong("datetime", text, "RFC 3339, such as 2024-06-01T00:00:00Z");
        }
        if let Some(cover) = &self.cloud_cover
            && cover.values.is_empty()
        {
            return wrong("cloud_cover.values", "[]", "at least one value");
        }
        for value in self.summaries.values().filter_map(toml::Value::as_str) {
            if !matches!(value, "values" | "range") {
                return wrong("summaries", value, "\"values\", \"range\", a list or a table");
            }
        }
        let known: Vec<&str> = self.path.iter().flat_map(Pattern::names).collect();
        let mut templates: Vec<(String, Template)> = Vec::new();
        for (key, template) in [
            ("item", &self.item),
            ("item_title", &self.item_title),
            ("asset", &self.asset),
            ("platform", &self.platform),
            ("constellation", &self.constellation),
        ] {
            templates.extend(template.iter().map(|t| (key.to_owned(), t.clone())));
        }
        for (key, value) in &self.properties {
            let Some(text) = value.as_str() else { continue };
            match Template::try_from(text.to_owned()) {
                Ok(template) => templates.push((format!("properties.\"{key}\""), template)),
                Err(_) => return wrong("properties", text, "text, with {group} where a group is meant"),
            }
        }
        for (key, template) in templates {
            if let Some(group) = template.names().find(|name| !known.contains(name)) {
                return Err(DefinitionError::UnknownGroup {
                    collection: self.id.clone(),
                    key,
                    group: group.to_owned(),
                    known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
                });
            }
        }
        Ok(())
    }

    /// The time to fall back to.
    #[must_use]
    pub fn fallback_time(&self) -> Option<DateTime<Utc>> {
        parse_instant(self.datetime.as_deref()?).ok()
    }

    /// What is summed up besides the usual.
    #[must_use]
    pub fn further_summaries(&self) -> Vec<(String, Summary)> {
        let summary = |value: &toml::Value| match value.as_str() {
            Some("range") => Some(Summary::Range),
            Some(_) => Some(Summary::Values),
            None => serde_json::to_value(value).ok().map(Summary::Fixed),
        };
        self.summaries.iter().filter_map(|(field, value)| Some((field.clone(), summary(value)?))).collect()
    }

    /// The further properties of an Item whose files' paths gave these groups. One whose group took no part is left out.
    #[must_use]
    pub fn properties_of(&self, groups: &Groups) -> serde_json::Map<String, serde_json::Value> {
        let filled = self.properties.iter().filter_map(|(key, value)| {
            let value = match value.as_str() {
                Some(text) => Template::try_from(text.to_owned()).ok()?.value(groups)?,
                None => serde_json::to_value(value).ok()?,
            };
            Some((key.clone(), value))
        });
        filled.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Definition::parse(text).expect_err("a fault").to_string()
    }

    #[test]
    fn the_definitions_that_come_along_are_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogs");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().extension().is_some_and(|e| e == "toml") {
                Definition::read(&entry.path()).expect("sound");
                count += 1;
            }
        }
        assert!(count >= 2);
    }

    #[test]
    fn faults_name_line_and_key() {
        let error = fault("[catalog]\nid = \"a\"\n\n[[collection]]\nid = \"c\"\nlicence = \"x\"\n");
        assert!(
            error.starts_with("line 6") && error.contains("licence") && error.contains("license"),
            "{error}"
        );
        let error = fault("[[collection]]\nid = \"c\"\npath = \"(\"\n");
        assert!(error.starts_with("line 3") && error.contains("regular expression"), "{error}");
        let error = fault("[[collection]]\nid = \"c\"\npath = \"(?P<a>.)\"\nplatform = \"{b}\"\n");
        assert!(error.contains("platform") && error.contains("'b'") && error.contains("it has a"), "{error}");
        assert!(fault("[[collection]]\nid = \"c\"\ndatetime = \"2024\"\n").contains("RFC 3339"));
        assert!(fault("[[collection]]\nid = \"c\"\n[[collection]]\nid = \"c\"\n").contains("twice"));
        let error = fault("[[collection]]\nid = \"c\"\nparent = \"d\"\n");
        assert!(error.contains("'c'") && error.contains("'d'"), "{error}");
        let around =
            "[[collection]]\nid = \"c\"\nparent = \"d\"\n[[subcatalog]]\nid = \"d\"\nparent = \"c\"\n";
        assert!(fault(around).contains("parent"), "a ring");
        assert!(fault("[catalog]\nlayout = \"{id}\"\n").contains("{collection}"));
        assert!(fault("[[collection]]\nid = \"c\"\nsummaries = { a = \"b\" }\n").contains("range"));
        assert!(fault("a = ").starts_with("line 1"));
    }

    #[test]
    fn properties_are_numbers_texts_and_lists() {
        let text = "[[collection]]\nid = \"c\"\npath = '(?P<orbit>\\d+)(?P<x>q)?'\n[collection.properties]\n\
                    a = 1\nb = \"{orbit|int}\"\nc = [\"x\"]\nd = \"{x}\"\n";
        let definition = Definition::parse(text).expect("sound");
        let groups = definition.collections[0].path.as_ref().and_then(|p| p.groups("r79")).expect("a match");
        let properties = serde_json::Value::Object(definition.collections[0].properties_of(&groups));
        assert_eq!(properties, serde_json::json!({"a": 1, "b": 79, "c": ["x"]}));
    }
}
