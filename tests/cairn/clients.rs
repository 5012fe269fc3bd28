//! Clients of other makers ask; the catalogue's files, read the plain way, say what is right.

use std::path::Path;

use crate::python::script;
use crate::scenes::Scenes;
use crate::server::Server;
use crate::{demo, http, soak};

#[test]
fn stac_api_validator_finds_no_error() {
    let server = demo::serve();
    let collections = http::get(&format!("{}/collections", server.url)).json();
    let collection = &collections["collections"][0];
    let bbox: Vec<f64> = serde_json::from_value(collection["extent"]["spatial"]["bbox"][0].clone()).unwrap();
    let (west, south, east, north) = (bbox[0], bbox[1], bbox[2], bbox[3]);
    let geometry = serde_json::json!({
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    });
    let classes = [
        "core",
        "collections",
        "features",
        "item-search",
        "children",
        "filter",
        "item-search#fields",
        "item-search#query",
        "item-search#sort",
        "features#fields",
        "features#query",
        "features#sort",
    ]
    .map(|class| ["--conformance", class]);
    let newest = http::get(&format!("{}/search?limit=1", server.url)).json();
    let cover = newest["features"][0]["properties"]["eo:cloud_cover"].to_string();
    let queries = [
        ["--fields-nested-property", "properties.eo:cloud_cover"],
        ["--query-comparison-field", "eo:cloud_cover"],
        ["--query-eq-value", &cover],
        ["--query-neq-value", &cover],
        ["--query-lt-value", "60"],
        ["--query-lte-value", "60"],
        ["--query-gt-value", "1"],
        ["--query-gte-value", "1"],
        ["--query-substring-field", "platform"],
        ["--query-starts-with-value", "sentinel"],
        ["--query-ends-with-value", "2a"],
        ["--query-contains-value", "tinel"],
        ["--query-in-field", "platform"],
        // The validator looks for one of the values among the characters of what was found: the last one is for that.
        ["--query-in-values", "sentinel-2a,sentinel-2b,s"],
    ];
    let said = script(
        "validator.py",
        ["--root-url", &server.url, "--collection", collection["id"].as_str().unwrap()]
            .into_iter()
            .chain(["--geometry", &geometry.to_string()])
            .chain(classes.into_iter().flatten())
            .chain(queries.into_iter().flatten()),
    );
    assert!(said.contains("Errors: none"), "{said}");
}

/// Searches a catalogue at random and compares with a scan of its files.
fn search_against_scan(server: &Server, catalog: &Path, name: &str) {
    let count = soak::times(200).to_string();
    let said = script("search_against_scan.py", [server.url.as_ref(), catalog.as_os_str(), count.as_ref()]);
    soak::figure(&format!("searches of the {name} tree through pystac-client"), &said);
}

#[test]
fn pystac_client_finds_in_the_demo_what_a_scan_of_the_files_finds() {
    search_against_scan(&demo::serve(), &demo::catalog(), "demo");
}

#[test]
fn pystac_client_finds_in_an_awkward_tree_what_a_scan_of_the_files_finds() {
    let folder = tempfile::tempdir().unwrap();
    script("make_scattered.py", [folder.path()]);
    let catalog = folder.path().join("catalog.json");
    search_against_scan(&Server::of(&catalog), &catalog, "scattered");
}

#[test]
fn pystac_client_asks_all_it_can_without_a_warning() {
    let scenes = Scenes::serve();
    let folder = tempfile::tempdir().unwrap();
    script("make_scattered.py", [folder.path()]);
    let catalog = folder.path().join("catalog.json");
    let scattered = Server::of(&catalog);
    let (scenes_file, scenes_url) = (scenes.file(), &scenes.server.url);
    script(
        "pystac_client_search.py",
        [scenes_url.as_ref(), scenes_file.as_os_str(), scattered.url.as_ref(), catalog.as_os_str()],
    );
}

#[test]
fn pystac_opens_the_demo_tree() {
    script("open_tree.py", [demo::catalog()]);
}

/// Random patches of a catalogue, compared with rasterio's windows.
fn patches_against_rasterio(server: &Server, catalog: &Path, name: &str) {
    let count = soak::times(200).to_string();
    let said =
        script("patches_against_rasterio.py", [server.url.as_ref(), catalog.as_os_str(), count.as_ref()]);
    soak::figure(&format!("patches of the {name} set"), &said);
}

#[test]
fn patches_of_the_demo_equal_the_windows_that_rasterio_reads() {
    patches_against_rasterio(&demo::serve(), &demo::catalog(), "demo");
}

#[test]
fn patches_of_overlapping_scenes_equal_mosaics_made_with_numpy() {
    let folder = tempfile::tempdir().unwrap();
    script("make_mosaics.py", [folder.path()]);
    let catalog = folder.path().join("items.json");
    patches_against_rasterio(&Server::of(&catalog), &catalog, "mosaics");
}

#[test]
fn a_patch_is_the_same_array_in_every_format_to_the_library_of_each() {
    script("patch_formats.py", [&demo::serve().url]);
}

/// Random patches from two servers over one catalogue.
fn random_patches(one: &Server, other: &Server, catalog: &Path, name: &str) {
    let count = soak::times(12).to_string();
    let arguments = [one.url.as_ref(), other.url.as_ref(), catalog.as_os_str(), count.as_ref()];
    soak::figure(&format!("/patch/random over the {name} set"), &script("random_patches.py", arguments));
}

#[test]
fn random_patches_of_the_demo_are_the_same_from_every_replica_and_lie_inside_rasters() {
    random_patches(&demo::serve(), &demo::serve(), &demo::catalog(), "demo");
}

#[test]
fn random_patches_of_overlapping_scenes_are_the_same_from_every_replica_and_lie_inside_rasters() {
    let folder = tempfile::tempdir().unwrap();
    script("make_mosaics.py", [folder.path()]);
    let catalog = folder.path().join("items.json");
    random_patches(&Server::of(&catalog), &Server::of(&catalog), &catalog, "mosaics");
}
