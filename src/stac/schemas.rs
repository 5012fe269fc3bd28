//! The published JSON schemas, bundled: `schemas/README.md` says where each comes from.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;

/// Files below `schemas/` with their text.
macro_rules! bundled {
    ($($path:literal,)*) => {
        /// Paths below `schemas/`, which are URLs without `https://`, and texts.
        const BUNDLED: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../schemas/", $path))),)*];
    };
}

bundled! {
    "derived/stac-extensions.github.io/projection/v1.2.0/schema.json",
    "geojson.org/schema/Feature.json",
    "geojson.org/schema/Geometry.json",
    "json-schema.org/draft-07/schema",
    "proj.org/schemas/v0.4/projjson.schema.json",
    "proj.org/schemas/v0.7/projjson.schema.json",
    "schemas.stacspec.org/v1.0.0/catalog-spec/json-schema/catalog.json",
    "schemas.stacspec.org/v1.0.0/collection-spec/json-schema/collection.json",
    "schemas.stacspec.org/v1.0.0/item-spec/json-schema/basics.json",
    "schemas.stacspec.org/v1.0.0/item-spec/json-schema/datetime.json",
    "schemas.stacspec.org/v1.0.0/item-spec/json-schema/instrument.json",
    "schemas.stacspec.org/v1.0.0/item-spec/json-schema/item.json",
    "schemas.stacspec.org/v1.0.0/item-spec/json-schema/licensing.json",
    "schemas.stacspec.org/v1.0.0/item-spec/json-schema/provider.json",
    "schemas.stacspec.org/v1.1.0/catalog-spec/json-schema/catalog.json",
    "schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/bands.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/basics.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/common.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/data-values.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/datetime.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/instrument.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/licensing.json",
    "schemas.stacspec.org/v1.1.0/item-spec/json-schema/provider.json",
    "stac-extensions.github.io/datacube/v2.2.0/schema.json",
    "stac-extensions.github.io/eo/v1.1.0/schema.json",
    "stac-extensions.github.io/eo/v2.0.0/schema.json",
    "stac-extensions.github.io/file/v2.1.0/schema.json",
    "stac-extensions.github.io/grid/v1.1.0/schema.json",
    "stac-extensions.github.io/processing/v1.1.0/schema.json",
    "stac-extensions.github.io/processing/v1.2.0/schema.json",
    "stac-extensions.github.io/projection/v2.0.0/schema.json",
    "stac-extensions.github.io/raster/v1.1.0/schema.json",
    "stac-extensions.github.io/raster/v2.0.0/schema.json",
    "stac-extensions.github.io/sat/v1.0.0/schema.json",
    "stac-extensions.github.io/view/v1.0.0/schema.json",
}

/// Why a schema does not check a document.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    /// Not among those that are bundled.
    #[error("its schema {url} is not bundled with this version: what it covers is not checked")]
    Unknown {
        /// As the document names it.
        url: String,
    },
    /// Broken; a test holds all of ours against this.
    #[error("the bundled schema {url} cannot be used: {reason}")]
    Broken {
        /// As the document names it.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Schemas, each compiled once.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Schemas {
    /// The schema that is published at a URL.
    pub(super) fn get(&self, url: &str) -> Result<Arc<Validator>, SchemaError> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = compiled.get(url) {
            return Ok(Arc::clone(known));
        }
        let text = text(url).ok_or_else(|| SchemaError::Unknown { url: url.to_owned() })?;
        let broken = |reason: String| SchemaError::Broken { url: url.to_owned(), reason };
        let schema: Value = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        let options = jsonschema::options().with_retriever(Bundled).should_validate_formats(true);
        let validator = Arc::new(options.build(&schema).map_err(|error| broken(error.to_string()))?);
        compiled.insert(url.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }
}

fn text(url: &str) -> Option<&'static str> {
    let path = url.split_once("://")?.1.trim_end_matches('#');
    let named = |(name, _): &&(&str, &str)| name.strip_prefix("derived/").unwrap_or(name) == path;
    BUNDLED.iter().find(named).map(|(_, text)| *text)
}

/// Answers the URLs that schemas name from those that are bundled.
struct Bundled;

impl Retrieve for Bundled {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let text = text(uri.as_str()).ok_or_else(|| format!("{uri} is not bundled"))?;
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn count(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten();
        entries
            .map(|entry| match entry.path() {
                path if path.is_dir() => count(&path),
                path => usize::from(
                    path.extension().is_some_and(|extension| extension != "md")
                        || path.file_name().is_some_and(|name| name == "schema"),
                ),
            })
            .sum()
    }

    #[test]
    fn every_schema_is_bundled_and_compiles() {
        assert_eq!(BUNDLED.len(), count(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")));
        let schemas = Schemas::default();
        for (path, _) in BUNDLED {
            let url = format!("https://{}", path.trim_start_matches("derived/"));
            assert!(schemas.get(&url).is_ok(), "{url}");
        }
        assert!(matches!(schemas.get("https://example.com/x.json"), Err(SchemaError::Unknown { .. })));
    }
}
