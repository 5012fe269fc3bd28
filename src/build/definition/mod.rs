//! A catalogue definition: TOML that overrides the rules by which `build` groups and describes files.
//!
//! In: the text of a file such as those in `catalogs/`, where every key is explained. Out: a checked [`Definition`]: its
//! patterns compile, its templates name groups that exist, and no key is misspelt.

mod catalog;
mod document;
mod error;
mod template;

pub use catalog::{AssetDefinition, CatalogDefinition, ProviderDefinition, SubcatalogDefinition};
pub use document::{BandDefinition, CloudCover, CollectionDefinition, Definition};
pub use error::DefinitionError;
pub use template::{Groups, Pattern, Template};
