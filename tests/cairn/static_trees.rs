//! Trees of other makers and versions load, and what they hold answers. Their origin: `tests/data/static-catalogs/README.md`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::http::{get, post};
use crate::server::{Server, repository};

fn serve(path: &str) -> Server {
    Server::of(repository("tests/data/static-catalogs").join(path))
}

fn ids(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn collections(server: &Server) -> BTreeSet<String> {
    ids(&get(&format!("{}/collections", server.url)).json()["collections"])
}

/// The ids of a collection's items; each of them must answer on its own and in a search, too.
fn items(server: &Server, collection: &str) -> BTreeSet<String> {
    let listed = get(&format!("{}/collections/{collection}/items", server.url));
    assert_eq!(listed.status, 200, "{collection}");
    let found = ids(&listed.json()["features"]);
    for id in &found {
        let item = get(&format!("{}/collections/{collection}/items/{id}", server.url));
        assert_eq!(item.status, 200, "{collection}/{id}");
        let item = item.json();
        assert_eq!((&item["id"], &item["collection"]), (&id.as_str().into(), &collection.into()));
        let question = serde_json::json!({"collections": [collection], "ids": [id]});
        assert_eq!(
            post(&format!("{}/search", server.url), &question).json()["numberMatched"],
            1,
            "{collection}/{id}"
        );
    }
    found
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn collections_in_nested_catalogs_keep_their_own_items() {
    let server = serve("test-case-1/catalog.json");
    assert_eq!(collections(&server), set(["area-1-1", "area-1-2", "area-2-1", "area-2-2"]));
    for area in ["area-1-1", "area-1-2", "area-2-1", "area-2-2"] {
        assert_eq!(items(&server, area), [format!("{area}-imagery"), format!("{area}-labels")].into());
    }
}

#[test]
fn a_tree_of_1_0_0_beta_2_whose_catalogs_have_no_type_loads() {
    let server = serve("planet-example-v1.0.0-beta.2/collection.json");
    assert_eq!(collections(&server), set(["planet-disaster-data"]));
    let found = items(&server, "planet-disaster-data");
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.contains("20170831_172754_101c"));
}

#[test]
fn collections_without_items_are_served() {
    let server = serve("cbers-partial/catalog.json");
    assert_eq!(collections(&server), set(["CBERS4AWFI", "CBERS4MUX", "CBERS4PAN10M", "CBERS4PAN5M"]));
    assert!(items(&server, "CBERS4MUX").is_empty());
    assert_eq!(get(&format!("{}/search", server.url)).json()["numberMatched"], 0);
}

#[test]
fn one_id_twice_in_a_collection_counts_once_with_a_warning() {
    let server = serve("stac-spec-examples/collection.json");
    assert_eq!(collections(&server), set(["simple-collection"]));
    assert_eq!(items(&server, "simple-collection"), set(["20201211_223832_CS2"]));
    // The first in load order is simple-item.json, which has no `title`.
    let item = get(&format!("{}/collections/simple-collection/items/20201211_223832_CS2", server.url)).json();
    assert!(item["properties"].get("title").is_none(), "{item}");
    assert!(server.logs("20201211_223832_CS2"), "{}", server.log());
}

#[test]
fn one_collection_id_in_two_documents_is_one_collection() {
    let server = serve("stac-spec-examples/catalog.json");
    let found = collections(&server);
    assert!(found.is_superset(&set(["extensions-collection", "sentinel-2"])), "{found:?}");
    let listed = get(&format!("{}/collections", server.url)).json();
    let same = listed["collections"].as_array().unwrap().iter().filter(|one| one["id"] == "sentinel-2");
    assert_eq!(same.count(), 1);
    assert_eq!(items(&server, "extensions-collection"), set(["proj-example"]));
    assert!(server.logs("sentinel-2"), "{}", server.log());
}
