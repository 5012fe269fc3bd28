//! How the server answers, whatever the question: representations, headers, errors, pages, its end.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::http::{Answer, delete, get, get_with, post, post_text, request};
use crate::server::{Server, cairn, repository, run};
use crate::{demo, http};

/// A server over four small collections of two items each.
fn small() -> Server {
    Server::of(repository("tests/data/static-catalogs/test-case-1/catalog.json"))
}

/// An error as the contract shapes it: `{"code", "description"}`, JSON, nothing of the inside.
fn error(answer: &Answer, status: u16, what: &str) -> String {
    assert_eq!(answer.status, status, "{what}: {}", String::from_utf8_lossy(&answer.body));
    assert!(answer.header("content-type").starts_with("application/json"), "{what}");
    let body = answer.json();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "description"], "{what}");
    assert!(body["code"].is_string(), "{what}");
    let description = body["description"].as_str().unwrap().to_owned();
    for inside in ["/work", "/tmp", env!("CARGO_MANIFEST_DIR"), "panicked", "src/", "unwrap"] {
        assert!(!description.contains(inside), "{what}: {description}");
    }
    description
}

#[test]
fn unknown_things_are_404_with_a_code_and_a_description() {
    let server = small();
    let paths = [
        "/nothing",
        "/collections/nothing",
        "/collections/nothing/items",
        "/collections/area-1-1/items/nothing",
        "/collections/nothing/items/area-1-1-imagery",
        "/collections/area-1-1/items/area-2-1-imagery",
    ];
    for path in paths {
        error(&get(&format!("{}{path}", server.url)), 404, path);
    }
}

#[test]
fn a_method_that_a_path_does_not_have_is_405() {
    let server = small();
    for path in ["/search", "/conformance", "/patch", "/"] {
        error(&delete(&format!("{}{path}", server.url)), 405, path);
    }
    error(&post(&format!("{}/conformance", server.url), &json!({})), 405, "POST /conformance");
}

#[test]
fn bad_search_parameters_are_400_and_named() {
    let server = small();
    let get_cases = [
        ("limit=-1", "limit"),
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,2,3,4,5", "bbox"),
        ("bbox=[1,2,3,4]", "bbox"),
        ("bbox=1,2,3,north", "bbox"),
        ("bbox=1,20,3,4", "bbox"),
        ("bbox=1,2,3,nan", "bbox"),
        ("bbox=1,2,3,4&intersects={\"type\":\"Point\",\"coordinates\":[1,2]}", "intersects"),
        ("intersects={\"type\":\"Pint\",\"coordinates\":[1,2]}", "intersects"),
        ("intersects=point", "intersects"),
        ("datetime=/", "datetime"),
        ("datetime=../..", "datetime"),
        ("datetime=2020-01-01", "datetime"),
        ("datetime=2020-01-01T00:00:00", "datetime"),
        ("datetime=2020-01-01T00:00:00%2B0100", "datetime"),
        ("datetime=2020-01-01T00:00:00,5Z", "datetime"),
        ("datetime=2020-13-01T00:00:00Z", "datetime"),
        ("datetime=2021-01-01T00:00:00Z/2020-01-01T00:00:00Z", "datetime"),
        ("datetime=2020-01-01T00:00:00Z/2021-01-01T00:00:00Z/2022-01-01T00:00:00Z", "datetime"),
        ("token=garbage", "token"),
        ("max_cloud_cover=cloudy", "max_cloud_cover"),
        ("colour=red", "colour"),
    ];
    for (query, name) in get_cases {
        let query = query
            .replace('[', "%5B")
            .replace(']', "%5D")
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        let description = error(&get(&format!("{}/search?{query}", server.url)), 400, &query);
        assert!(description.contains(name), "{query}: {description}");
    }
    let post_cases = [
        (json!({"bbox": "1,2,3,4"}), "bbox"),
        (json!({"bbox": [1, 2, 3]}), "bbox"),
        (json!({"bbox": [1, 2, 3, "4"]}), "bbox"),
        (json!({"limit": 0}), "limit"),
        (json!({"limit": "ten"}), "limit"),
        (json!({"datetime": "2020-01-01"}), "datetime"),
        (json!({"intersects": {"type": "Polygon", "coordinates": [[1, 2]]}}), "intersects"),
        (json!({"bbox": [1, 2, 3, 4], "intersects": {"type": "Point", "coordinates": [1, 2]}}), "intersects"),
        (json!({"colour": "red"}), "colour"),
    ];
    for (body, name) in post_cases {
        let description = error(&post(&format!("{}/search", server.url), &body), 400, &body.to_string());
        assert!(description.contains(name), "{body}: {description}");
    }
    for body in ["{", "[]", "", "{\"limit\": 1"] {
        error(&post_text(&format!("{}/search", server.url), body), 400, body);
    }
}

#[test]
fn a_limit_above_the_maximum_is_clamped() {
    let server = small();
    for limit in [10_000, 10_001, 1_000_000] {
        let found = get(&format!("{}/search?limit={limit}", server.url)).json();
        assert_eq!((&found["numberMatched"], &found["numberReturned"]), (&json!(8), &json!(8)), "{limit}");
    }
}

/// Follows `next` links to the end, by GET or POST as each link says.
fn pages(first: &Answer) -> Vec<Value> {
    let mut pages = vec![first.json()];
    while let Some(next) = link(pages.last().unwrap(), "next") {
        let href = next["href"].as_str().unwrap();
        let answer = if next["method"] == "POST" { post(href, &next["body"]) } else { get(href) };
        assert_eq!(answer.status, 200, "{next}");
        pages.push(answer.json());
        assert!(pages.len() <= 10, "the pages do not end");
    }
    pages
}

fn link(page: &Value, rel: &str) -> Option<Value> {
    page["links"].as_array().unwrap().iter().find(|link| link["rel"] == rel).cloned()
}

#[test]
fn pages_give_each_item_once_and_end_without_an_empty_one() {
    let server = small();
    let url = &server.url;
    let walks = [
        get(&format!("{url}/search?limit=3")),
        get(&format!("{url}/search?limit=4")),
        post(&format!("{url}/search"), &json!({"limit": 3})),
        post(&format!("{url}/search"), &json!({"limit": 1, "collections": ["area-1-1", "area-2-2"]})),
        get(&format!("{url}/collections/area-1-1/items?limit=1")),
    ];
    let expected = [8, 8, 8, 4, 2];
    for (first, expected) in walks.into_iter().zip(expected) {
        let pages = pages(&first);
        let mut seen = HashSet::new();
        for page in &pages {
            assert_eq!(page["numberMatched"], expected);
            let features = page["features"].as_array().unwrap();
            assert_eq!(page["numberReturned"], features.len());
            assert!(!features.is_empty());
            for feature in features {
                assert!(
                    seen.insert((feature["collection"].to_string(), feature["id"].to_string())),
                    "{feature}"
                );
            }
        }
        assert_eq!(seen.len(), expected);
    }
}

#[test]
fn html_is_for_those_who_ask_for_it_by_name() {
    let server = small();
    let kinds = [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/json", "application/json"),
        ("text/*, */*;q=0.8", "application/json"),
        ("text/html", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json, text/html;q=0.5", "application/json"),
    ];
    for (accept, kind) in kinds {
        let answer = get_with(&format!("{}/", server.url), &[("accept", accept)]);
        assert_eq!(answer.status, 200, "{accept}");
        assert!(
            answer.header("content-type").starts_with(kind),
            "{accept}: {}",
            answer.header("content-type")
        );
    }
    let page = get_with(&format!("{}/", server.url), &[("accept", "text/html")]);
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("api.html") && page.contains("area-1-1"), "{page}");
    let search = get_with(&format!("{}/search", server.url), &[("accept", "text/html,*/*;q=0.8")]);
    assert!(search.header("content-type").starts_with("application/geo+json"));
}

#[test]
fn every_answer_has_the_media_type_of_its_specification() {
    let server = small();
    let kinds = [
        ("/", "application/json"),
        ("/conformance", "application/json"),
        ("/collections", "application/json"),
        ("/collections/area-1-1", "application/json"),
        ("/collections/area-1-1/items", "application/geo+json"),
        ("/collections/area-1-1/items/area-1-1-imagery", "application/geo+json"),
        ("/search", "application/geo+json"),
        ("/api", "application/vnd.oai.openapi+json;version=3.1"),
        ("/api.html", "text/html"),
        ("/metrics", "text/plain"),
    ];
    for (path, kind) in kinds {
        let answer = get(&format!("{}{path}", server.url));
        assert_eq!(answer.status, 200, "{path}");
        let given = answer.header("content-type").replace("; ", ";");
        assert!(given.starts_with(kind), "{path}: {given}");
    }
    let landing = get(&format!("{}/", server.url)).json();
    assert_eq!(
        link(&landing, "service-desc").unwrap()["type"],
        "application/vnd.oai.openapi+json;version=3.1"
    );
}

#[test]
fn every_link_of_the_landing_page_resolves_and_self_is_where_it_was_found() {
    let server = small();
    let landing = get(&format!("{}/", server.url)).json();
    for link in landing["links"].as_array().unwrap() {
        let href = link["href"].as_str().unwrap();
        let answer = if link["method"] == "POST" { post(href, &json!({})) } else { get(href) };
        assert_eq!(answer.status, 200, "{link}");
    }
    let paths = ["/collections", "/collections/area-1-1", "/collections/area-1-1/items"];
    for path in paths.into_iter().chain(["/collections/area-1-1/items/area-1-1-imagery"]) {
        let url = format!("{}{path}", server.url);
        assert_eq!(link(&get(&url).json(), "self").unwrap()["href"], url.as_str());
    }
}

#[test]
fn the_ui_fetches_nothing_from_elsewhere() {
    let server = small();
    let page = String::from_utf8(get(&format!("{}/api.html", server.url)).body).unwrap();
    let page = page.replace(&server.url, "");
    for elsewhere in ["src=\"http", "src=\"//", "href=\"http", "href=\"//"] {
        assert!(!page.contains(elsewhere), "{page}");
    }
}

#[test]
fn links_begin_with_the_public_url_when_one_is_given() {
    let catalog = repository("tests/data/static-catalogs/test-case-1/catalog.json");
    let public = "https://example.org/stac";
    let serve = ["serve".as_ref(), catalog.as_os_str(), "--bind".as_ref(), "127.0.0.1:0".as_ref()];
    let by_flag = Server::start(cairn().args(serve).args(["--public-url", public]));
    let by_environment = Server::start(cairn().args(serve).env("CAIRN_PUBLIC_URL", public));
    for server in [by_flag, by_environment] {
        let landing = get(&format!("{}/", server.url)).json();
        for link in landing["links"].as_array().unwrap() {
            assert!(link["href"].as_str().unwrap().starts_with(public), "{link}");
        }
    }
}

#[test]
fn answers_are_compressed_only_when_asked() {
    let server = small();
    let url = format!("{}/search", server.url);
    for plain in ["", "identity", "*;q=0", "gzip;q=0"] {
        let answer = get_with(&url, &[("accept-encoding", plain)]);
        assert_eq!(answer.header("content-encoding"), "", "{plain}");
        assert_eq!(answer.json()["numberMatched"], 8);
    }
    let answer = get_with(&url, &[("accept-encoding", "gzip")]);
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(answer.body[..2], [0x1f, 0x8b]);
}

#[test]
fn pages_of_other_origins_may_read() {
    let server = small();
    let origin = ("origin", "https://browser.example");
    for path in ["/", "/search", "/collections/nothing"] {
        let answer = get_with(&format!("{}{path}", server.url), &[origin]);
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
    let asks = [
        origin,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let preflight = request("OPTIONS", &format!("{}/search", server.url), &asks);
    assert!((200..300).contains(&preflight.status), "{}", preflight.status);
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    let allowed = preflight.header("access-control-allow-headers").to_lowercase();
    assert!(allowed == "*" || allowed.contains("content-type"), "{allowed}");
}

#[test]
fn every_answer_has_a_request_id_and_keeps_the_callers() {
    let server = small();
    let url = format!("{}/conformance", server.url);
    let own: HashSet<_> = (0..3).map(|_| get(&url).header("x-request-id").to_owned()).collect();
    assert!(own.len() == 3 && !own.contains(""), "{own:?}");
    assert_eq!(get_with(&url, &[("x-request-id", "mine-1")]).header("x-request-id"), "mine-1");
}

#[test]
fn health_readiness_and_metrics_answer() {
    let server = small();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&format!("{}{path}", server.url)).status, 200, "{path}");
    }
    let metrics = String::from_utf8(get(&format!("{}/metrics", server.url)).body).unwrap();
    assert!(metrics.lines().any(|line| line.starts_with("# TYPE cairn_")), "{metrics}");
}

#[test]
fn sigterm_ends_with_0() {
    assert_eq!(small().signal("TERM"), Some(0));
}

#[test]
fn the_patch_headers_are_readable_from_other_origins() {
    let server = demo::serve();
    let collection = get(&format!("{}/collections", server.url)).json()["collections"][0].clone();
    let bbox: Vec<f64> = serde_json::from_value(collection["extent"]["spatial"]["bbox"][0].clone()).unwrap();
    let centre = [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])];
    let body = json!({"collections": [collection["id"]], "bands": ["B04"], "center": centre, "size": 8});
    let answer = http::post(&format!("{}/patch", server.url), &body);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert!(answer.header("cairn-shape").ends_with(",1,8,8"), "{}", answer.header("cairn-shape"));
    let exposed = get_with(&format!("{}/conformance", server.url), &[("origin", "https://browser.example")]);
    let exposed = exposed.header("access-control-expose-headers").to_lowercase();
    assert!(exposed == "*" || exposed.contains("cairn-shape"), "{exposed}");
}

#[test]
fn help_is_there_for_every_command_and_wrong_usage_is_2() {
    for command in ["demo", "serve", "build"] {
        let helped = run(cairn().args([command, "--help"]));
        assert_eq!(helped.status.code(), Some(0), "{command}");
        assert!(!helped.stdout.is_empty(), "{command}");
    }
    for wrong in [&["serve"][..], &["fly"], &["serve", "x.json", "--colour"], &["build", "one"]] {
        assert_eq!(run(cairn().args(wrong)).status.code(), Some(2), "{wrong:?}");
    }
    for later in ["convert", "upload", "watch", "fetch", "index", "bench"] {
        let told = run(cairn().args([later, "a", "b"]));
        if told.status.success() {
            continue;
        }
        let said = String::from_utf8(told.stderr).unwrap();
        assert_eq!(told.status.code(), Some(1), "{later}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{later}: {said}");
    }
}
