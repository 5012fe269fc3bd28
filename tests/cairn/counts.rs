//! What the catalogue says of its Items as a whole: queryables, aggregations, Collections and children.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::http::get;
use crate::scenes::{COUNT, Scenes, escaped};

fn link<'a>(document: &'a Value, rel: &str) -> Option<&'a str> {
    document["links"].as_array().unwrap().iter().find(|link| link["rel"] == rel)?["href"].as_str()
}

const QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";

#[test]
fn queryables_say_what_items_hold() {
    let scenes = Scenes::serve();
    let landing = scenes.found("/");
    let collection = scenes.found("/collections/optical");
    for (holder, path) in [(&landing, "/queryables"), (&collection, "/collections/optical/queryables")] {
        let href = link(holder, QUERYABLES).unwrap();
        assert_eq!(href, format!("{}{path}", scenes.server.url));
        let answer = get(href);
        assert!(answer.header("content-type").starts_with("application/schema+json"));
        let schema = answer.json();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2019-09/schema");
        assert_eq!((&schema["$id"], &schema["type"]), (&href.into(), &"object".into()));
        assert_eq!(schema["additionalProperties"], true);
        let properties = &schema["properties"];
        for name in ["id", "collection", "geometry", "datetime"] {
            assert!(properties[name].is_object(), "{name}");
        }
        let cover = &properties["eo:cloud_cover"];
        assert_eq!(
            (&cover["type"], &cover["minimum"], &cover["maximum"]),
            (&json!("integer"), &json!(0.0), &json!(20.0))
        );
        assert_eq!(properties["platform"]["enum"], json!(["North-2", "north-1"]));
        assert_eq!(
            (&properties["created"]["format"], &properties["created"]["type"]),
            (&json!("date-time"), &json!("string"))
        );
        let validator = jsonschema::validator_for(
            &json!({"$schema": schema["$schema"], "properties": {"eo:cloud_cover": cover}}),
        );
        assert!(!validator.unwrap().is_valid(&json!({"eo:cloud_cover": 50})));
    }
    // Radar scenes are of one platform: every fourth is even.
    let radar = scenes.found("/collections/radar/queryables");
    assert_eq!(radar["properties"]["platform"]["enum"], json!(["north-1"]));
    assert_eq!(radar["properties"]["collection"]["enum"], json!(["radar"]));
    assert_eq!(scenes.get("/collections/nope/queryables").status, 404);
}

#[test]
fn queryables_need_no_other_document() {
    let scenes = Scenes::serve();
    for path in ["/queryables", "/collections/optical/queryables"] {
        let schema = scenes.found(path);
        assert_eq!(schema["properties"]["geometry"]["format"], "geometry-any", "{path}");
        assert!(!schema.to_string().contains("$ref"), "{path}: a browser would fetch what that names");
    }
}

#[test]
fn links_of_catalogs_and_collections_have_titles_that_tell_them_apart() {
    let scenes = Scenes::serve();
    let list = scenes.found("/collections");
    let children = scenes.found("/children");
    let documents = [
        scenes.found("/"),
        scenes.found("/collections/optical"),
        list["collections"][0].clone(),
        children["children"][1].clone(),
    ];
    for document in &documents {
        let mut titles = HashSet::new();
        for link in document["links"].as_array().unwrap() {
            let title = link["title"].as_str().unwrap_or_else(|| panic!("{link} has no title"));
            // A Collection, its root or its child may well share a title.
            let names_a_document =
                ["self", "root", "parent", "child"].contains(&link["rel"].as_str().unwrap());
            assert!(titles.insert(title.to_owned()) || names_a_document, "{link}: another link is called so");
        }
    }
    let titled = |document: &Value, rel: &str| {
        let links = document["links"].as_array().unwrap();
        links.iter().find(|link| link["rel"] == rel).unwrap()["title"].clone()
    };
    let children = documents[0]["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "child");
    let children: HashSet<_> = children.map(|link| link["title"].as_str().unwrap()).collect();
    assert_eq!(children, HashSet::from(["Light of the day", "Echoes of the night"]));
    assert_eq!(titled(&documents[1], "self"), "Light of the day");
    assert_eq!(titled(&documents[1], "root"), documents[0]["title"]);
}

fn aggregation(answer: &Value, name: &str) -> Value {
    answer["aggregations"].as_array().unwrap().iter().find(|a| a["name"] == name).unwrap().clone()
}

fn buckets(answer: &Value, name: &str) -> Vec<(String, u64)> {
    let found = aggregation(answer, name);
    let bucket =
        |bucket: &Value| (bucket["key"].as_str().unwrap().to_owned(), bucket["frequency"].as_u64().unwrap());
    found["buckets"].as_array().unwrap().iter().map(bucket).collect()
}

#[test]
fn aggregations_count_what_matches_by_get_and_post() {
    let scenes = Scenes::serve();
    let landing = scenes.found("/");
    let listed = get(link(&landing, "aggregations").unwrap()).json();
    let all: Vec<&str> =
        listed["aggregations"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(all.len(), 9, "{all:?}");
    let question = format!("aggregations={}&datetime_frequency_interval=month", all.join(","));
    let by_get = scenes.found(&format!("/aggregate?{question}"));
    let by_post =
        scenes.posted("/aggregate", &json!({"aggregations": all, "datetime_frequency_interval": "month"}));
    assert_eq!(by_get["type"], "AggregationCollection");
    assert_eq!(by_get["aggregations"], by_post["aggregations"]);
    assert_eq!(aggregation(&by_get, "total_count")["value"], COUNT);
    assert_eq!(aggregation(&by_get, "datetime_min")["value"], "2024-01-01T00:00:00Z");
    assert_eq!(aggregation(&by_get, "datetime_max")["value"], "2024-02-05T00:00:00Z");
    let january = scenes.count(|item| {
        let properties = &item["properties"];
        properties["datetime"]
            .as_str()
            .or(properties["start_datetime"].as_str())
            .unwrap()
            .starts_with("2024-01")
    }) as u64;
    assert_eq!(
        buckets(&by_get, "datetime_frequency"),
        [
            ("2024-01-01T00:00:00Z".to_owned(), january),
            ("2024-02-01T00:00:00Z".to_owned(), COUNT as u64 - january)
        ]
    );
    let missing = scenes.count(|item| item["properties"]["eo:cloud_cover"].is_null());
    let covers = aggregation(&by_get, "cloud_cover_frequency");
    assert_eq!(covers["overflow"], missing);
    assert_eq!((&covers["buckets"][1]["from"], &covers["buckets"][1]["to"]), (&json!(10.0), &json!(20.0)));
    let radar = scenes.count(|item| item["collection"] == "radar") as u64;
    assert_eq!(
        buckets(&by_get, "collection_frequency"),
        [("optical".to_owned(), COUNT as u64 - radar), ("radar".to_owned(), radar)]
    );
    for name in ["platform_frequency", "grid_code_frequency", "centroid_geohash_grid_frequency"] {
        let sum: u64 = buckets(&by_get, name).iter().map(|(_, count)| count).sum();
        assert_eq!(sum, COUNT as u64, "{name}");
    }
    let fine = scenes.found(
        "/aggregate?aggregations=centroid_geohash_grid_frequency&centroid_geohash_grid_frequency_precision=4",
    );
    assert!(buckets(&fine, "centroid_geohash_grid_frequency").iter().all(|(key, _)| key.len() == 4));
}

#[test]
fn every_search_parameter_restricts_what_is_counted() {
    let scenes = Scenes::serve();
    for question in [
        "collections=radar".to_owned(),
        "ids=s02,s03".to_owned(),
        "bbox=3,3,5,5".to_owned(),
        "datetime=2024-01-02T00:00:00Z/2024-01-04T00:00:00Z".to_owned(),
        "max_cloud_cover=10".to_owned(),
        "q=lake".to_owned(),
        format!("filter={}", escaped("platform = 'north-1'")),
        format!("query={}", escaped(r#"{"eo:cloud_cover": {"gt": 5}}"#)),
    ] {
        let found = scenes.found(&format!("/search?{question}"))["numberMatched"].clone();
        assert!(found.as_u64().unwrap() > 0 && found != COUNT, "{question}");
        let counted = scenes.found(&format!("/aggregate?aggregations=total_count&{question}"));
        assert_eq!(aggregation(&counted, "total_count")["value"], found, "{question}");
    }
    let radar = scenes.found("/collections/radar/items")["numberMatched"].clone();
    let counted = scenes.found("/collections/radar/aggregate?aggregations=total_count");
    assert_eq!(aggregation(&counted, "total_count")["value"], radar);
    assert_eq!(scenes.found("/collections/radar/aggregations")["aggregations"].as_array().unwrap().len(), 9);
    assert_eq!(scenes.found("/aggregate")["aggregations"], json!([]));
    for path in ["/collections/nope/aggregate", "/collections/nope/aggregations"] {
        assert_eq!(scenes.get(path).status, 404, "{path}");
    }
    for (query, name) in [
        ("aggregations=sum", "aggregations"),
        ("datetime_frequency_interval=hour", "datetime_frequency_interval"),
        ("centroid_geohash_grid_frequency_precision=13", "centroid_geohash_grid_frequency_precision"),
        ("bbox=1,2", "bbox"),
        ("colour=red", "colour"),
    ] {
        assert!(scenes.refused(&format!("/aggregate?{query}"), None).starts_with(name), "{query}");
    }
}

#[test]
fn children_are_what_the_landing_page_links_to() {
    let scenes = Scenes::serve();
    let landing = scenes.found("/");
    let linked: Vec<Value> = landing["links"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|link| link["rel"] == "child")
        .map(|link| get(link["href"].as_str().unwrap()).json())
        .collect();
    let children = get(link(&landing, "children").unwrap()).json();
    assert_eq!(children["children"], Value::from(linked));
    assert_eq!(children["children"].as_array().unwrap().len(), 2);
    assert_eq!(link(&children, "self").unwrap(), format!("{}/children", scenes.server.url));
}

#[test]
fn collections_are_searched_sorted_and_paged() {
    let scenes = Scenes::serve();
    for (question, expected) in [
        (String::new(), "optical,radar"),
        ("bbox=0,0,1,1".to_owned(), "radar"),
        ("datetime=2021-01-01T00:00:00Z".to_owned(), "optical"),
        ("q=NIGHT,nothing".to_owned(), "radar"),
        (format!("filter={}", escaped("id = 'radar'")), "radar"),
        (format!("query={}", escaped(r#"{"title": {"startsWith": "Light"}}"#)), "optical"),
        ("sortby=-id".to_owned(), "radar,optical"),
        ("sortby=-title&limit=1".to_owned(), "optical"),
        ("q=nothing".to_owned(), ""),
    ] {
        let found = scenes.found(&format!("/collections?{question}"));
        let ids: Vec<&str> =
            found["collections"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids.join(","), expected, "{question}");
        assert_eq!(found["numberReturned"], ids.len(), "{question}");
    }
    let first = scenes.found("/collections?limit=1");
    assert_eq!((&first["numberMatched"], &first["numberReturned"]), (&json!(2), &json!(1)));
    let second = get(link(&first, "next").unwrap()).json();
    assert_eq!(second["collections"][0]["id"], "radar");
    assert!(link(&second, "next").is_none());
    let few = scenes.found("/collections?fields=-description")["collections"][0].clone();
    assert!(few.get("description").is_none() && few["keywords"].is_array() && few["extent"].is_object());
    for (query, name) in
        [("bbox=1", "bbox"), ("limit=0", "limit"), ("token=x", "token"), ("ids=a", "ids"), ("q=", "q")]
    {
        assert!(scenes.refused(&format!("/collections?{query}"), None).starts_with(name), "{query}");
    }
}
