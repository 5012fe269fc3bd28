//! `cairn validate`: its verdicts against pystac's, and what no schema can see.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::python::script;
use crate::server::{cairn, repository, run};
use crate::{cogs, demo};

/// The findings of a catalogue: kind of check, document, message; and the exit status.
fn findings(catalog: &Path, options: &[&str]) -> (Vec<[String; 4]>, Option<i32>) {
    let ran = run(cairn().arg("validate").arg(catalog).arg("--json").args(options));
    let report: Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|_| panic!("{}: {}", catalog.display(), String::from_utf8_lossy(&ran.stderr)));
    let text = |finding: &Value| {
        ["severity", "check", "location", "message"].map(|field| finding[field].as_str().unwrap().to_owned())
    };
    (report["findings"].as_array().unwrap().iter().map(text).collect(), ran.status.code())
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn documents(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            documents(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            into.push(path);
        }
    }
}

/// A change to an Item.
type Break = fn(&mut Value);

/// A sound Item, broken in some ways.
fn broken(folder: &Path) -> Vec<PathBuf> {
    let item = repository(
        "tests/data/static-catalogs/test-case-1/country-1/area-1-1/area-1-1-imagery/area-1-1-imagery.json",
    );
    let sound = read(&item);
    let breaks: [(&str, Break); 10] = [
        ("sound", |_| {}),
        ("no-id", |item| drop(item.as_object_mut().unwrap().remove("id"))),
        ("no-assets", |item| drop(item.as_object_mut().unwrap().remove("assets"))),
        ("no-datetime", |item| drop(item["properties"].as_object_mut().unwrap().remove("datetime"))),
        ("asset-without-href", |item| item["assets"]["x"] = json!({"title": "x"})),
        ("link-without-rel", |item| item["links"] = json!([{"href": "./x.json"}])),
        ("bbox-of-3", |item| item["bbox"] = json!([1, 2, 3])),
        ("gsd-text", |item| item["properties"]["gsd"] = json!("ten")),
        ("license-number", |item| item["properties"]["license"] = json!(5)),
        ("cloudy", |item| {
            item["stac_extensions"] = json!(["https://stac-extensions.github.io/eo/v1.1.0/schema.json"]);
            item["properties"]["eo:cloud_cover"] = json!(101);
        }),
    ];
    let mut paths = Vec::new();
    for (name, change) in breaks {
        let mut item = sound.clone();
        // Links that lead nowhere are no fault of a schema.
        item["links"] = json!([]);
        item.as_object_mut().unwrap().remove("collection");
        change(&mut item);
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, item.to_string()).unwrap();
        paths.push(path);
    }
    paths
}

#[test]
fn the_schemas_verdicts_are_those_of_pystac() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = broken(folder.path());
    let trees = ["cbers-partial", "planet-example-v1.0.0-beta.2", "test-case-1"];
    let trees = trees.map(|name| repository("tests/data/static-catalogs").join(name));
    for tree in &trees {
        documents(tree, &mut paths);
    }
    let said = script("validate_verdicts.py", &paths);
    let pystac: BTreeMap<&str, &str> =
        said.lines().filter(|line| line.starts_with('/')).filter_map(|line| line.split_once(' ')).collect();

    let roots = [
        "cbers-partial/catalog.json",
        "planet-example-v1.0.0-beta.2/collection.json",
        "test-case-1/catalog.json",
    ];
    let roots = roots.map(|name| repository("tests/data/static-catalogs").join(name));
    let mut ours: BTreeMap<String, &str> = BTreeMap::new();
    for root in roots.iter().chain(paths.iter().filter(|path| path.starts_with(folder.path()))) {
        for [severity, check, location, message] in findings(root, &[]).0 {
            if check != "schema" {
                continue;
            }
            let is_unknown = message.contains("not bundled") || message.contains("its stac_version is");
            let verdict = if is_unknown { "unknown" } else { "invalid" };
            assert!(severity == "error" || is_unknown, "{message}");
            let known = ours.entry(location).or_insert(verdict);
            if is_unknown {
                *known = verdict;
            }
        }
    }
    let mut differ = Vec::new();
    for (path, verdict) in &pystac {
        let own = ours.get(*path).copied().unwrap_or("valid");
        if !verdict.starts_with(own) {
            differ.push(format!("{path}: pystac {verdict}, cairn {own}"));
        }
    }
    assert_eq!(pystac.len(), paths.len(), "{said}");
    assert!(pystac.values().filter(|verdict| **verdict == "invalid").count() >= 8, "{said}");
    assert!(differ.is_empty(), "{differ:#?}");
}

/// Judged differently: its overviews are sub-directories, which GDAL shows and Cairn does not read.
const DIFFERENT: &str = "tiff_with_subifds.tif";

#[test]
fn the_structures_verdicts_are_those_of_rio_cogeo() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for set in ["gdal-gcore", "tiff-variants", "rio-tiler", "rio-cogeo", "rio-cogeo-validate"] {
        files.extend(cogs::files(&repository("tests/data/cogs").join(set)));
    }
    let said = script("cog_verdicts.py", &files);
    let rio: BTreeMap<&str, &str> =
        said.lines().filter_map(|line| line.split_once(' ').map(|(v, path)| (path, v))).collect();
    let item = |path: &PathBuf| {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": path, "geometry": null, "links": [],
            "properties": {"datetime": "2024-01-01T00:00:00Z"},
            "assets": {path.to_str().unwrap(): {"href": path, "type": "image/tiff; application=geotiff"}}
        })
    };
    let all = json!({"type": "FeatureCollection", "features": files.iter().map(item).collect::<Vec<_>>()});
    let catalog = folder.path().join("all.json");
    fs::write(&catalog, all.to_string()).unwrap();
    let found = findings(&catalog, &["--cog"]).0;
    let mut differ = Vec::new();
    for path in &files {
        let path = path.to_str().unwrap();
        let named = format!("asset '{path}'");
        let of_file: Vec<_> =
            found.iter().filter(|finding| finding[3].starts_with(&named) && finding[0] == "error").collect();
        let is_read = of_file.iter().all(|finding| finding[1] == "cog");
        // What one of the two cannot read it does not judge.
        if rio[path] == "unreadable" || !is_read || path.ends_with(DIFFERENT) {
            continue;
        }
        if (rio[path] == "cog") != of_file.is_empty() {
            differ.push(format!("{path}: rio-cogeo says {}, cairn {of_file:?}", rio[path]));
        }
    }
    assert!(rio.values().filter(|verdict| **verdict == "no").count() > 10, "{said}");
    assert!(differ.is_empty(), "{differ:#?}");
}

#[test]
fn what_no_schema_sees_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (source, tree) = (folder.path().join("src/c"), folder.path().join("tree"));
    fs::create_dir_all(&source).unwrap();
    let cogs = demo::catalog().parent().unwrap().with_file_name("cogs/sentinel-2-l2a");
    let product = fs::read_dir(cogs).unwrap().next().unwrap().unwrap().path();
    for name in ["a_20240101", "b_20240102", "d_20240103"] {
        fs::copy(product.join("B04.tif"), source.join(format!("{name}.tif"))).unwrap();
    }
    let built = run(cairn().arg("build").arg(folder.path().join("src")).arg(&tree));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    assert_eq!(findings(&tree, &["--deep", "--cog"]), (Vec::new(), Some(0)));

    let change = |at: &str, change: &dyn Fn(&mut Value)| {
        let path = tree.join(at);
        let mut document = read(&path);
        change(&mut document);
        fs::write(&path, document.to_string()).unwrap();
    };
    change("c/a_20240101/a_20240101.json", &|item| {
        item["assets"]["gone"] = json!({"href": "./gone.tif"});
        item["properties"]["datetime"] = json!("2030-01-01T00:00:00Z");
        item["assets"]["data"]["proj:shape"] = json!([1, 2]);
        item["assets"]["data"]["file:size"] = json!(7);
    });
    change("c/b_20240102/b_20240102.json", &|item| {
        item["id"] = json!("a_20240101");
        item["collection"] = json!("other");
        item["bbox"] = json!([0, 0, 1, 1]);
    });
    change("c/collection.json", &|collection| {
        let links = collection["links"].as_array_mut().unwrap();
        links.push(json!({"rel": "item", "href": "./nowhere/nowhere.json"}));
        links.push(json!({"rel": "license", "href": "./LICENSE.txt"}));
    });
    let (found, status) = findings(&tree, &["--deep"]);
    assert_eq!(status, Some(1));
    let expected = [
        ("asset", "a_20240101.json", "asset 'gone'"),
        ("extent", "collection.json", "lie outside of its extent"),
        ("raster", "a_20240101.json", "proj:shape is [1.0, 2.0]"),
        ("raster", "a_20240101.json", "file:size is 7"),
        ("id", "b_20240102.json", "has the id 'a_20240101'"),
        ("link", "b_20240102.json", "its collection is 'other', but it lies in 'c'"),
        ("bbox", "b_20240102.json", "outside of its bbox"),
        ("link", "collection.json", "./nowhere/nowhere.json: nothing is there"),
        ("link", "collection.json", "'license' to ./LICENSE.txt"),
        ("document", "nowhere.json", "does not exist"),
    ];
    for (check, document, message) in expected {
        let is = |finding: &[String; 4]| {
            finding[1] == check && finding[2].ends_with(document) && finding[3].contains(message)
        };
        assert!(found.iter().any(is), "{check} {document} {message}: {found:#?}");
    }
    let told = run(cairn().arg("validate").arg(&tree));
    assert_eq!(told.status.code(), Some(1));
    let lines = String::from_utf8(told.stdout).unwrap();
    assert!(lines.lines().any(|line| line.starts_with("error (asset): ")), "{lines}");
}
