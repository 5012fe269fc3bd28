//! Every document that Cairn writes passes the published JSON schemas, which are in `schemas/`.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;

use crate::demo;
use crate::server::repository;

/// Answers a schema's URL from `schemas/`.
struct Bundled;

impl Retrieve for Bundled {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        schema(uri.as_str()).ok_or_else(|| format!("{uri} is not in schemas/").into())
    }
}

fn schema(url: &str) -> Option<Value> {
    let path = url.split_once("://")?.1.trim_end_matches('#');
    let roots = [repository("schemas"), repository("schemas/derived")];
    let text = roots.iter().find_map(|root| fs::read_to_string(root.join(path)).ok())?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("schemas/{path}: {error}")))
}

/// Compiled schemas by URL.
#[derive(Default)]
struct Schemas(HashMap<String, Validator>);

impl Schemas {
    fn get(&mut self, url: &str) -> &Validator {
        self.0.entry(url.to_owned()).or_insert_with(|| {
            let schema = schema(url).unwrap_or_else(|| panic!("{url} is not in schemas/"));
            let options = jsonschema::options().with_retriever(Bundled).should_validate_formats(true);
            options.build(&schema).unwrap_or_else(|error| panic!("{url}: {error}"))
        })
    }

    /// What is wrong with a document by the core schema of its type and those of its extensions.
    fn faults(&mut self, document: &Value) -> Vec<String> {
        let (version, kind) =
            (document["stac_version"].as_str().unwrap(), document["type"].as_str().unwrap());
        let core = match kind {
            "Catalog" => "catalog-spec/json-schema/catalog.json",
            "Collection" => "collection-spec/json-schema/collection.json",
            "Feature" => "item-spec/json-schema/item.json",
            other => panic!("a document of type {other}"),
        };
        let mut urls = vec![format!("https://schemas.stacspec.org/v{version}/{core}")];
        let extensions = document["stac_extensions"].as_array().into_iter().flatten();
        urls.extend(extensions.map(|url| url.as_str().unwrap().to_owned()));
        let mut faults = Vec::new();
        for url in urls {
            let errors = self.get(&url).iter_errors(document);
            faults.extend(errors.map(|error| format!("{url}: {} {error}", error.instance_path)));
        }
        faults
    }
}

/// All `.json` files of a tree that are STAC documents.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(documents(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_document_of_the_demo_tree_passes_the_published_schemas() {
    let mut schemas = Schemas::default();
    let (mut faults, mut kinds) = (Vec::new(), HashMap::new());
    for path in documents(demo::catalog().parent().unwrap()) {
        let document = read(&path);
        assert_eq!(document["stac_version"], "1.1.0", "{}", path.display());
        *kinds.entry(document["type"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        faults.extend(
            schemas.faults(&document).into_iter().map(|fault| format!("{}: {fault}", path.display())),
        );
    }
    assert!(faults.is_empty(), "{} faults, the first: {:#?}", faults.len(), &faults[..faults.len().min(5)]);
    assert!(kinds["Feature"] >= 24, "{kinds:?}");
    assert!(kinds.contains_key("Collection") && kinds.contains_key("Catalog"), "{kinds:?}");
}

#[test]
fn the_demo_items_declare_the_extensions_that_they_use() {
    let used = ["eo/v2.0.0", "projection/v1.2.0", "file/v2.1.0"];
    let tree = demo::catalog();
    let paths = documents(tree.parent().unwrap());
    let items = paths.iter().map(|path| read(path)).filter(|document| document["type"] == "Feature");
    for item in items {
        let declared = item["stac_extensions"].to_string();
        for extension in used {
            assert!(
                declared.contains(&format!("github.io/{extension}/schema.json")),
                "{}: {declared}",
                item["id"]
            );
        }
        let properties = &item["properties"];
        assert!(properties["proj:code"].is_string() && properties["proj:epsg"].is_number(), "{}", item["id"]);
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let path = repository("tests/data/static-catalogs/test-case-1/country-1/area-1-1/area-1-1-imagery");
    let mut item = read(&path.join("area-1-1-imagery.json"));
    let mut schemas = Schemas::default();
    assert_eq!(schemas.faults(&item), Vec::<String>::new());
    item["stac_extensions"] = serde_json::json!(["https://stac-extensions.github.io/eo/v2.0.0/schema.json"]);
    item["properties"]["eo:cloud_cover"] = 101.into();
    assert!(!schemas.faults(&item).is_empty());
}

#[test]
fn every_bundled_schema_compiles_without_fetching() {
    let mut schemas = Schemas::default();
    for root in [repository("schemas"), repository("schemas/derived")] {
        for path in documents(&root) {
            let path = path.strip_prefix(&root).unwrap().to_str().unwrap();
            if !path.starts_with("derived") {
                schemas.get(&format!("https://{path}"));
            }
        }
    }
    assert!(schemas.0.len() > 30, "{}", schemas.0.len());
}
