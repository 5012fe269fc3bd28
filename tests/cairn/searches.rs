//! What `/search` can be asked besides place and time: filters, orders, fields, free text, by GET and POST.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::demo;
use crate::http::{get, post};
use crate::scenes::{COUNT, Scenes, escaped, names};

fn cover(item: &Value) -> Option<f64> {
    item["properties"]["eo:cloud_cover"].as_f64()
}

#[test]
fn filters_and_queries_choose_by_get_and_post() {
    let scenes = Scenes::serve();
    let clear = scenes.count(|item| cover(item).is_some_and(|cover| cover < 10.0));
    let clear_north = scenes.count(|item| {
        cover(item).is_some_and(|cover| cover < 10.0) && item["properties"]["platform"] == "north-1"
    });
    assert!(clear_north > 0 && clear_north < clear);
    let less = json!({"op": "<", "args": [{"property": "eo:cloud_cover"}, 10]});
    let north = json!({"platform": {"eq": "north-1"}});
    for (query, expected) in [
        (format!("filter={}", escaped("eo:cloud_cover < 10")), clear),
        (format!("filter={}&filter-lang=cql2-text", escaped("properties.eo:cloud_cover < 10")), clear),
        (format!("filter={}&filter-lang=cql2-json", escaped(&less.to_string())), clear),
        (format!("query={}", escaped(r#"{"eo:cloud_cover": {"lt": 10}}"#)), clear),
        (
            format!("filter={}&query={}", escaped("eo:cloud_cover < 10"), escaped(&north.to_string())),
            clear_north,
        ),
        (
            format!(
                "filter={}&filter-crs={}",
                escaped("id = 's02'"),
                escaped("http://www.opengis.net/def/crs/OGC/1.3/CRS84")
            ),
            1,
        ),
    ] {
        assert_eq!(scenes.found(&format!("/search?limit=3&{query}"))["numberMatched"], expected, "{query}");
        let optical =
            scenes.found(&format!("/collections/optical/items?{query}"))["numberMatched"].as_u64().unwrap();
        let radar =
            scenes.found(&format!("/collections/radar/items?{query}"))["numberMatched"].as_u64().unwrap();
        assert_eq!(optical + radar, expected as u64, "{query}");
    }
    for (body, expected) in [
        (json!({"filter": less}), clear),
        (json!({"filter": "eo:cloud_cover < 10", "filter-lang": "cql2-text"}), clear),
        (json!({"query": {"eo:cloud_cover": {"gte": 0, "lt": 10}}}), clear),
        (json!({"filter": less, "query": north}), clear_north),
        (json!({"filter": less, "query": north, "ids": ["nope"]}), 0),
    ] {
        assert_eq!(scenes.posted("/search", &body)["numberMatched"], expected, "{body}");
    }
}

#[test]
fn wrong_questions_are_400_and_named() {
    let scenes = Scenes::serve();
    for (query, name) in [
        ("filter=eo:cloud_cover+<", "filter"),
        ("filter=%7B&filter-lang=cql2-json", "filter"),
        ("filter-lang=sql", "filter-lang"),
        ("filter-crs=EPSG:4326", "filter-crs"),
        ("query=cloudy", "query"),
        ("query=%7B%22a%22:%7B%22near%22:1%7D%7D", "query"),
        ("sortby=", "sortby"),
        ("sortby=%2B", "sortby"),
        ("sortby=id,-id", "sortby"),
        ("fields=a,,b", "fields"),
        ("q=", "q"),
    ] {
        let query = query.replace('<', "%3C");
        let told = scenes.refused(&format!("/search?{query}"), None);
        assert!(told.starts_with(&format!("{name}: ")), "{query}: {told}");
        let told = scenes.refused(&format!("/collections/optical/items?{query}"), None);
        assert!(told.starts_with(&format!("{name}: ")), "{query}: {told}");
    }
    for (body, name) in [
        (json!({"filter": 7}), "filter"),
        (json!({"filter": {"op": "=", "args": [1, 1]}, "filter-lang": "cql2-text"}), "filter"),
        (json!({"query": []}), "query"),
        (json!({"query": {"a": 5}}), "query"),
        (json!({"sortby": {"field": "id"}}), "sortby"),
        (json!({"sortby": [{"field": "id", "direction": "up"}]}), "sortby"),
        (json!({"fields": null}), "fields"),
        (json!({"fields": 3}), "fields"),
        (json!({"fields": {"include": "id"}}), "fields"),
        (json!({"q": []}), "q"),
        (json!({"q": [3]}), "q"),
    ] {
        let told = scenes.refused("/search", Some(&body));
        assert!(told.starts_with(&format!("{name}: ")), "{body}: {told}");
    }
}

/// All pages of a question, joined: the Items in order.
fn walked(scenes: &Scenes, first: Value) -> Vec<Value> {
    let mut items = Vec::new();
    let mut page = first;
    loop {
        assert_eq!(page["numberMatched"], COUNT);
        items.extend(page["features"].as_array().unwrap().iter().cloned());
        let links = page["links"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["rel"] == "next") else { return items };
        let href = next["href"].as_str().unwrap();
        let answer = if next["method"] == "POST" { post(href, &next["body"]) } else { get(href) };
        assert_eq!(answer.status, 200, "{href}");
        page = answer.json();
        assert!(items.len() <= scenes.items.len(), "the pages do not end");
    }
}

#[test]
fn pages_of_any_order_give_each_item_once_across_ties_and_missing_values() {
    let scenes = Scenes::serve();
    for sortby in [
        "+eo:cloud_cover",
        "-eo:cloud_cover",
        "-platform,+eo:cloud_cover",
        "id",
        "-id",
        "collection,-id",
        "-datetime",
        "+datetime",
        "properties.created",
        "-end_datetime",
        "nothing",
    ] {
        let whole = names(&scenes.found(&format!("/search?sortby={}", escaped(sortby))));
        assert_eq!(whole.iter().collect::<HashSet<_>>().len(), COUNT, "{sortby}");
        for limit in [1, 3, 7] {
            let first = scenes.found(&format!("/search?limit={limit}&sortby={}", escaped(sortby)));
            let by_get = walked(&scenes, first);
            let first = scenes.posted("/search", &json!({"limit": limit, "sortby": sortby}));
            let by_post = walked(&scenes, first);
            for walked in [by_get, by_post] {
                assert_eq!(names(&json!({"features": walked})), whole, "{sortby}, {limit}");
            }
        }
    }
}

#[test]
fn orders_end_with_newest_first_and_put_missing_values_last() {
    let scenes = Scenes::serve();
    for direction in ["asc", "desc"] {
        let body = json!({"sortby": [{"field": "properties.eo:cloud_cover", "direction": direction}]});
        let page = scenes.posted("/search", &body);
        let items = page["features"].as_array().unwrap();
        let key = |item: &Value| {
            let sign = if direction == "asc" { 1.0 } else { -1.0 };
            let start = item["properties"]["datetime"].as_str();
            let start = start.or_else(|| item["properties"]["start_datetime"].as_str()).unwrap().to_owned();
            (cover(item).is_none(), cover(item).map(|cover| cover * sign), start)
        };
        for pair in items.windows(2) {
            let ((a_none, a_cover, a_start), (b_none, b_cover, b_start)) = (key(&pair[0]), key(&pair[1]));
            let ascends = (a_none, a_cover) <= (b_none, b_cover);
            assert!(ascends, "{direction}: {} before {}", pair[0]["properties"], pair[1]["properties"]);
            if (a_none, a_cover) == (b_none, b_cover) {
                let ties = |item: &Value, start: &str| {
                    (start.to_owned(), item["id"].to_string(), item["collection"].to_string())
                };
                let (a, b) = (ties(&pair[0], &a_start), ties(&pair[1], &b_start));
                assert!(
                    a.0 > b.0 || (a.0 == b.0 && (a.1, a.2) < (b.1, b.2)),
                    "{direction}: {a_start} {b_start}"
                );
            }
        }
    }
}

#[test]
fn a_token_of_another_order_is_400() {
    let scenes = Scenes::serve();
    let page = scenes.found("/search?limit=1&sortby=-eo:cloud_cover");
    let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").unwrap().clone();
    let token = next["href"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    for query in ["", "&sortby=eo:cloud_cover", "&sortby=-eo:cloud_cover,id"] {
        let told = scenes.refused(&format!("/search?token={token}{query}"), None);
        assert!(told.starts_with("token: ") && told.contains("sortby"), "{query}: {told}");
    }
}

#[test]
fn fields_show_what_is_asked_for_and_nothing_is_left_out_without_them() {
    let scenes = Scenes::serve();
    let whole = scenes.found("/search?ids=s02")["features"][0].clone();
    let defaults = json!({
        "type": "Feature", "stac_version": "1.0.0", "id": "s02", "collection": "optical",
        "geometry": whole["geometry"], "bbox": whole["bbox"], "links": whole["links"], "assets": whole["assets"],
        "properties": {"datetime": whole["properties"]["datetime"]}
    });
    for body in [json!({}), json!([]), json!(""), json!({"include": [], "exclude": null})] {
        let page = scenes.posted("/search", &json!({"ids": ["s02"], "fields": body}));
        assert_eq!(page["features"][0], defaults, "{body}");
    }
    assert_eq!(scenes.found("/search?ids=s02&fields=")["features"][0], defaults);
    let shown = |query: &str| {
        scenes.found(&format!("/collections/optical/items?ids=s02&fields={query}"))["features"][0].clone()
    };
    let some = shown("platform,properties.eo:cloud_cover,-geometry,-assets,-bbox");
    assert_eq!(some["properties"], json!({"eo:cloud_cover": 20, "platform": "north-1"}));
    let members: HashSet<&str> = some.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, HashSet::from(["type", "stac_version", "id", "collection", "properties"]));
    let mut rest = whole.clone();
    rest.as_object_mut().unwrap().remove("geometry");
    assert_eq!(shown("-geometry"), rest);
    let both = shown("properties,-properties.platform,assets.B04.title,-assets,id,-id");
    let mut properties = whole["properties"].clone();
    properties.as_object_mut().unwrap().remove("platform");
    assert_eq!(both["properties"], properties);
    assert_eq!(both["assets"], json!({"B04": {"title": "Red"}}));
    assert_eq!(both["id"], "s02");
    assert_eq!(scenes.found("/search?ids=none&fields=id")["features"], json!([]));
}

#[test]
fn free_text_finds_any_of_its_terms_in_any_case() {
    let scenes = Scenes::serve();
    let titled = scenes.count(|item| item["properties"]["title"].is_string());
    let north_1 = scenes.count(|item| item["properties"]["platform"] == "north-1");
    let either = scenes.count(|item| item["properties"]["title"].is_string() || item["id"] == "s02");
    for (q, expected) in [
        ("great lake", titled),
        ("LAKE", titled),
        ("lake great", 0),
        ("NORTH-1", north_1),
        ("s02,Great Lake", either),
        ("nothing", 0),
    ] {
        assert_eq!(scenes.found(&format!("/search?q={}", escaped(q)))["numberMatched"], expected, "{q}");
        let terms: Vec<&str> = q.split(',').collect();
        assert_eq!(scenes.posted("/search", &json!({"q": terms}))["numberMatched"], expected, "{q}");
    }
}

#[test]
fn patches_choose_items_by_filter_and_query() {
    let server = demo::serve();
    let collection = get(&format!("{}/collections", server.url)).json()["collections"][0].clone();
    let bbox: Vec<f64> = serde_json::from_value(collection["extent"]["spatial"]["bbox"][0].clone()).unwrap();
    let centre = [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])];
    let steps = |change: Value| {
        let mut body =
            json!({"collections": [collection["id"]], "bands": ["B04"], "center": centre, "size": 8});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = post(&format!("{}/patch", server.url), &body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.header("cairn-shape").split(',').next().unwrap().parse::<usize>().unwrap()
    };
    let all = steps(json!({}));
    let clear = steps(json!({"max_cloud_cover": 30}));
    assert!(0 < clear && clear < all, "{clear} of {all}");
    assert_eq!(steps(json!({"filter": "eo:cloud_cover <= 30"})), clear);
    assert_eq!(steps(json!({"query": {"eo:cloud_cover": {"lte": 30}}})), clear);
}
