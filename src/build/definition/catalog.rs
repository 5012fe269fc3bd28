//! What a definition says of catalogs, providers and assets, as it stands.

use serde::Deserialize;

/// The root catalog.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogDefinition {
    /// Its id; else the name of the source folder.
    pub id: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Where Items lie, such as `{collection}/{year}/{id}`.
    pub layout: Option<String>,
    /// True: each folder that holds rasters is a Collection, below the folders above it.
    pub nested: bool,
}

/// A Catalog that groups Collections or further Catalogs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubcatalogDefinition {
    /// Its id.
    pub id: String,
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// The id of the Catalog or Collection that it lies in; else the root.
    pub parent: Option<String>,
}

/// Who made or keeps the data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderDefinition {
    /// Name.
    pub name: String,
    /// `licensor`, `producer`, `processor` or `host`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Home page.
    pub url: Option<String>,
}

/// What a Collection says of an asset.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssetDefinition {
    /// Title.
    pub title: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Media type.
    #[serde(rename = "type")]
    pub media_type: Option<String>,
    /// Roles.
    pub roles: Option<Vec<String>>,
}
