//! `/patch` and `/patch/random` refuse by name what they cannot honour; they never ignore it.

use serde_json::{Map, Value, json};

use crate::demo;
use crate::http::{Answer, get, post};
use crate::server::Server;

/// What refuses a question: a status of 400 whose description has the parameter's name.
fn refused(answer: &Answer, name: &str, what: &str) {
    let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(120)]);
    assert_eq!(answer.status, 400, "{what}: {text}");
    let description = answer.json()["description"].as_str().unwrap().to_owned();
    assert!(description.contains(name), "{what}: {description}");
}

struct Demo {
    server: Server,
    collection: String,
    centre: [f64; 2],
    bbox: Vec<f64>,
}

impl Demo {
    fn start() -> Self {
        let server = demo::serve();
        let collection = get(&format!("{}/collections", server.url)).json()["collections"][0].clone();
        let bbox: Vec<f64> =
            serde_json::from_value(collection["extent"]["spatial"]["bbox"][0].clone()).unwrap();
        let centre = [f64::midpoint(bbox[0], bbox[2]), f64::midpoint(bbox[1], bbox[3])];
        let collection = collection["id"].as_str().unwrap().to_owned();
        Self { server, collection, centre, bbox }
    }

    fn patch(&self, body: &Map<String, Value>) -> Answer {
        post(&format!("{}/patch", self.server.url), &Value::Object(body.clone()))
    }

    fn random(&self, body: &Map<String, Value>) -> Answer {
        post(&format!("{}/patch/random", self.server.url), &Value::Object(body.clone()))
    }

    /// A small question that is answered.
    fn question(&self) -> Map<String, Value> {
        members(
            json!({"collections": [self.collection], "bands": ["B04"], "center": self.centre, "size": 16}),
        )
    }

    fn random_question(&self) -> Map<String, Value> {
        members(json!({"collections": [self.collection], "bands": ["B04"], "size": 16, "timestamps": 2}))
    }
}

fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// The question with members added, or taken away where null.
fn changed(question: &Map<String, Value>, change: Value) -> Map<String, Value> {
    let mut question = question.clone();
    for (name, value) in members(change) {
        if value.is_null() {
            question.remove(&name);
        } else {
            question.insert(name, value);
        }
    }
    question
}

#[test]
fn patch_refuses_each_bad_parameter_by_name() {
    let demo = Demo::start();
    let question = demo.question();
    assert_eq!(demo.patch(&question).status, 200);
    let over = demo.bbox.clone();
    let cases = [
        ("colour", json!({"colour": "red"})),
        ("Bands", json!({"Bands": ["B04"]})),
        ("limit", json!({"limit": 3})),
        ("collections", json!({"collections": null})),
        ("collections", json!({"collections": []})),
        ("collections", json!({"collections": 7})),
        ("bands", json!({"bands": ["B99"]})),
        ("bands", json!({"bands": [4]})),
        ("center", json!({"center": [24.9]})),
        ("center", json!({"center": [24.9, "north"]})),
        ("center", json!({"center": [24.9, 100]})),
        ("center", json!({"center": [24.9, 60, 3]})),
        ("center", json!({"center": null})),
        ("bbox", json!({"bbox": over})),
        ("bbox", json!({"center": null, "size": null, "bbox": [1, 2, 3]})),
        ("bbox", json!({"center": null, "size": null, "bbox": [1, 5, 3, 4]})),
        ("bbox", json!({"center": null, "size": null, "bbox": [1, 2, 3, "x"]})),
        ("size", json!({"size": null})),
        ("size", json!({"size": 0})),
        ("size", json!({"size": -4})),
        ("size", json!({"size": 2.5})),
        ("size", json!({"size": "big"})),
        ("size", json!({"size": [1, 2, 3]})),
        ("size", json!({"size": [16, 0]})),
        ("datetime", json!({"datetime": "2020-01-01"})),
        ("datetime", json!({"datetime": "../.."})),
        ("ids", json!({"ids": 5})),
        ("max_cloud_cover", json!({"max_cloud_cover": "cloudy"})),
        ("group_by", json!({"group_by": "month"})),
        ("timestamps", json!({"timestamps": -1})),
        ("timestamps", json!({"timestamps": "all"})),
        ("min_valid", json!({"min_valid": 1.5})),
        ("min_valid", json!({"min_valid": "much"})),
        ("resampling", json!({"resampling": "guess"})),
        ("crs", json!({"crs": "EPSG:none"})),
        ("crs", json!({"crs": "EPSG:999999"})),
        ("resolution", json!({"resolution": 0})),
        ("resolution", json!({"resolution": -10})),
        ("mask", json!({"mask": "SCL"})),
        ("mask", json!({"mask": "NOPE:3"})),
        ("dtype", json!({"dtype": "complex9"})),
        ("format", json!({"format": "jpeg"})),
        ("on_error", json!({"on_error": "shrug"})),
        ("seed", json!({"seed": 1})),
        ("within", json!({"within": [1, 2, 3, 4]})),
        ("count", json!({"count": 2})),
    ];
    for (name, change) in cases {
        let what = change.to_string();
        refused(&demo.patch(&changed(&question, change)), name, &what);
    }
    // With `bbox`, size sets the resolution: both together are refused.
    let both = json!({"center": null, "bbox": demo.bbox, "size": 16, "resolution": 10});
    refused(&demo.patch(&changed(&question, both)), "resolution", "size and resolution with bbox");
}

#[test]
fn patch_refuses_the_same_by_get() {
    let demo = Demo::start();
    let [lon, lat] = demo.centre;
    let url =
        format!("{}/patch?collections={}&bands=B04&center={lon},{lat}", demo.server.url, demo.collection);
    assert_eq!(get(&format!("{url}&size=16")).status, 200);
    assert_eq!(get(&format!("{url}&size=16,8")).status, 200);
    let cases = [
        ("size", ""),
        ("size", "&size=x"),
        ("size", "&size=1,2,3"),
        ("colour", "&size=16&colour=red"),
        ("bbox", "&size=16&bbox=1,2,3,4"),
        ("timestamps", "&size=16&timestamps=few"),
        ("format", "&size=16&format="),
        ("size", "&size=16&size=32"),
    ];
    for (name, query) in cases {
        refused(&get(&format!("{url}{query}")), name, query);
    }
}

#[test]
fn random_patches_refuse_each_bad_parameter_by_name() {
    let demo = Demo::start();
    let question = demo.random_question();
    assert_eq!(demo.random(&question).status, 200);
    let cases = [
        ("colour", json!({"colour": "red"})),
        ("collections", json!({"collections": null})),
        ("center", json!({"center": demo.centre})),
        ("bbox", json!({"bbox": demo.bbox})),
        ("size", json!({"size": null})),
        ("size", json!({"size": 0})),
        ("seed", json!({"seed": "x"})),
        ("seed", json!({"seed": -1})),
        ("index", json!({"index": -1})),
        ("index", json!({"index": 0.5})),
        ("count", json!({"count": 0})),
        ("count", json!({"count": "many"})),
        ("timestamps", json!({"timestamps": null, "count": 2})),
        ("within", json!({"within": [1, 2, 3]})),
        ("within", json!({"within": [-170, -45, -169, -44]})),
        ("align", json!({"align": "pixel"})),
    ];
    for (name, change) in cases {
        let what = change.to_string();
        refused(&demo.random(&changed(&question, change)), name, &what);
    }
}

#[test]
fn an_answer_over_the_bound_is_413_before_anything_is_read() {
    let demo = Demo::start();
    let huge = changed(&demo.question(), json!({"size": 30_000}));
    let answer = demo.patch(&huge);
    assert_eq!(answer.status, 413, "{}", String::from_utf8_lossy(&answer.body));
    assert!(answer.json()["description"].is_string());
}

#[test]
fn parameters_of_the_contract_are_honoured_or_refused_by_name() {
    let demo = Demo::start();
    // A corner of the raster, so that a part of the patch is nodata.
    let listed = get(&format!("{}/search?limit=1", demo.server.url)).json();
    let corner = listed["features"][0]["geometry"]["coordinates"][0][0].clone();
    let question = changed(&demo.question(), json!({"center": corner}));
    let plain = demo.patch(&question).body;
    let cases = [
        ("crs", json!({"crs": "EPSG:3857"})),
        ("resolution", json!({"resolution": 20})),
        ("resampling", json!({"resampling": "average", "resolution": 40})),
        ("mask", json!({"mask": "SCL:0,1,2,3,4,5,6,7,8,9,10,11"})),
        ("min_valid", json!({"min_valid": 1})),
        ("dtype", json!({"dtype": "float32"})),
        ("format", json!({"format": "safetensors"})),
        ("format", json!({"format": "geotiff"})),
        ("format", json!({"format": "zarr"})),
        ("filter", json!({"filter": "eo:cloud_cover < 0", "filter-lang": "cql2-text"})),
        ("query", json!({"query": {"eo:cloud_cover": {"lt": 0}}})),
        ("max_cloud_cover", json!({"max_cloud_cover": 0.001})),
    ];
    for (name, change) in cases {
        let what = change.to_string();
        let answer = demo.patch(&changed(&question, change));
        match answer.status {
            // Each of these changes the answer, so an equal one means that the parameter was ignored.
            200 => assert!(answer.body != plain, "{what} was ignored"),
            _ => refused(&answer, name, &what),
        }
    }
}
