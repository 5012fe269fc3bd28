//! Items as they come from outside.

use serde_json::{Value, json};

use super::*;
use crate::stac::{ItemBody, ItemFacts};
use crate::storage::Location;
use crate::tree::Resolver;

/// What a test looks at.
#[derive(Debug)]
struct Seen {
    id: String,
    collection: String,
    bands: Vec<String>,
    bbox: Option<Bbox>,
    properties: Vec<(String, Scalar<'static>)>,
    body: ItemBody,
    warnings: Vec<String>,
}

fn parse_text(json: &[u8]) -> Result<Seen, ParseError> {
    let location = Location::parse("/data/tree/item.json").expect("a location");
    let resolver = Resolver::new(&location, &Value::Null);
    let source =
        ItemSource { location: &location, json, collection: None, parent_id: "items", resolver: &resolver };
    let (mut sets, mut writer) = (BandSets::default(), BodyWriter::default());
    // What the writer held before is no part of an Item.
    writer.name("other");
    let parsed = parse(&source, &mut sets, &mut writer)?;
    let owned = |scalar| match scalar {
        Scalar::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
        Scalar::Null => Scalar::Null,
        Scalar::Bool(value) => Scalar::Bool(value),
        Scalar::Number(value) => Scalar::Number(value),
        Scalar::Other => Scalar::Other,
    };
    Ok(Seen {
        id: parsed.id,
        collection: parsed.collection,
        bands: sets.all()[parsed.bands as usize].clone(),
        bbox: parsed.bbox,
        properties: parsed.properties.into_iter().map(|(n, s)| (n.into_owned(), owned(s))).collect(),
        body: parsed.body.to_body(),
        warnings: parsed.warnings,
    })
}

fn text(parsed: &Seen) -> String {
    let mut out = Vec::new();
    parsed.body.write(&mut out, |_, _| None, "");
    String::from_utf8(out).expect("UTF-8")
}

/// An Item's text with the given members besides those that it must have.
fn item(members: &str) -> String {
    format!(
        r#"{{"id":"i","collection":"c","geometry":null,"properties":{{"datetime":"2024-01-01T00:00:00Z"}}{members}}}"#
    )
}

#[test]
fn all_but_links_and_hrefs_stays_byte_for_byte() {
    let json = r#" { "type" : "Feature", "id":"a\u0062", "bbox":[ 1.50,2e0 ,3,4], "geometry":null,
        "properties":{"datetime":"2024-01-01T00:00:00Z","n":1.0e-05}, "links":[{"rel":"self","href":"./x.json"},
        {"rel":"license","href":"https://h/l"}], "collection":"c",
        "assets":{"B\"4":{"href":"./x.tif","gsd":10.0},"web":{"href":"https://h/y.tif?sig=1"},"none":{}} }"#;
    let parsed = parse_text(json.as_bytes()).expect("an Item");
    assert_eq!(
        text(&parsed),
        concat!(
            r#"{"type":"Feature","id":"a\u0062","bbox":[1.50,2e0,3,4],"geometry":null,"#,
            r#""properties":{"datetime":"2024-01-01T00:00:00Z","n":1.0e-05},"#,
            r#""assets":{"B\"4":{"href":"/data/tree/x.tif","gsd":10.0},"web":{"href":"https://h/y.tif"},"none":{}},"#,
            r#""collection":"c","links":[{"rel":"license","href":"https://h/l"}]}"#
        )
    );
    assert_eq!(parsed.id, "ab");
    assert_eq!(parsed.bbox.map(|bbox| bbox.to_array()), Some([1.5, 2.0, 3.0, 4.0]));
    assert!(parsed.body.has_local_hrefs());
}

#[test]
fn band_names_are_those_of_the_parsed_document() {
    for assets in [
        json!({"B04": {"href": "/x", "type": "IMAGE/TIFF; a=b"}, "t": {"href": "/t.png", "type": "image/png"}}),
        json!({"a": {"href": "/x.TIF"}, "b": {"href": "https://h/x.tiff?y#z"}, "c": {"href": "/x.tif.png"}}),
        json!({"a": {"href": "/x.tif", "bands": [{"name": "B1", "eo:common_name": "red"}, {"name": "B2"}]}}),
        json!({"a": {"href": "/x", "eo:bands": [{"name": "B1", "common_name": "red"}], "raster:bands": [{}]}}),
        json!({"a": {"href": "/x", "bands": [], "raster:bands": [{"name": "r"}, {"common_name": "s"}]}}),
        json!({"a": {"href": "/x", "bands": [1, null, "a", [{}], {"name": 5, "common_name": "nir"}]}}),
        json!({"a": {"href": "/x", "bands": {"name": "b"}}, "b": {"href": 1, "bands": [{"name": "no"}]}}),
        json!({"a": {"href": "/x", "bands": [{}], "eo:bands": [{"name": "e"}, {"name": "beyond"}]}}),
        json!({"ä\n": {"href": "/x.tif"}, "b": {"href": "/x", "bands": [{"name": "\u{e9}\"\\"}]}}),
        json!({"a": {"type": "", "href": "/x.tif"}, "b": {"type": null, "href": "/x.tif"}, "c": {"type": "image/tif", "href": "/c.tif"}}),
    ] {
        let json = item(&format!(",\"assets\":{assets}"));
        let parsed = parse_text(json.as_bytes()).expect("an Item");
        let document = parsed.body.parse().expect("JSON");
        let facts = ItemFacts::from_document(&document).expect("facts");
        assert_eq!(parsed.bands, facts.band_names(), "{assets}");
    }
}

#[test]
fn items_that_describe_their_bands_alike_share_a_set() {
    let location = Location::parse("/data/items.ndjson").expect("a location");
    let resolver = Resolver::new(&location, &Value::Null);
    let (mut sets, mut writer) = (BandSets::default(), BodyWriter::default());
    let mut number = |href: &str, name: &str| {
        let bands = json!({"a": {"href": href, "eo:bands": [{"name": name}]}, "b": {"href": href}});
        let json = item(&format!(",\"assets\":{bands}"));
        let (location, json) = (&location, json.as_bytes());
        let source = ItemSource { location, json, collection: None, parent_id: "items", resolver: &resolver };
        parse(&source, &mut sets, &mut writer).expect("an Item").bands
    };
    let numbers = [("/1", "x"), ("/2", "x"), ("/3", "y"), ("/4", "x"), ("/5.tif", "x")];
    assert_eq!(numbers.map(|(href, name)| number(href, name)), [0, 0, 1, 0, 2]);
    assert_eq!(sets.all(), [vec!["a", "x"], vec!["a", "y"], vec!["a", "b", "x"]]);
}

#[test]
fn of_two_members_the_last_counts_at_every_level() {
    let assets = r#""assets":{"a":{"href":"/1","href":"/2"},"a":{"href":"/3","x":1,"x":2,"href":"/4"}}"#;
    let json = item(&format!(r#","id":"j","assets":{{}},{assets}"#));
    let parsed = parse_text(json.as_bytes()).expect("an Item");
    assert_eq!(parsed.id, "j");
    assert!(text(&parsed).contains(r#""assets":{"a":{"x":2,"href":"/4"}}"#), "{}", text(&parsed));
}

#[test]
fn properties_are_scalars_without_the_times() {
    let json = r#"{"id":"i","collection":"c","properties":{"datetime":"2024-01-01T00:00:00Z","a":1,"b":"x","a":null}}"#;
    let parsed = parse_text(json.as_bytes()).expect("an Item");
    assert_eq!(parsed.properties, [("b".into(), Scalar::Text("x".into())), ("a".into(), Scalar::Null)]);
}

#[test]
fn faults_say_what_was_expected() {
    let fault = |json: &str| {
        let error = parse_text(json.as_bytes()).expect_err("a fault");
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error}: {cause}")
    };
    for (json, want) in [
        ("{\"id\":", "not JSON: EOF while parsing a value at line 1 column 6"),
        ("[]", "not JSON: invalid type: sequence, expected a JSON object at line 1 column 0"),
        ("{\"assets\":null}", "not JSON: invalid type: null, expected a JSON object at line 1 column 14"),
        ("{}", "not an Item that can be served: an Item has properties: an object"),
        (r#"{"properties":{}}"#, "not an Item that can be served: an Item has id: a string"),
        (r#"{"id":"i","properties":{}}"#, "an Item has properties.datetime, or"),
        (r#"{"id":"i","properties":{"datetime":"today"}}"#, "cannot read properties.datetime"),
        (&item(r#","geometry":{"type":"Point","coordinates":[0,100]}"#), "cannot read geometry"),
        (&item(r#","assets":{"a":{"href":""}}"#), "asset 'a' has no usable href: a location is empty"),
        (&item(r#","assets":{"a":{"href":"gopher://x"}}"#), "gopher"),
        (&item(r#","x":1e999"#), "number out of range"),
        (&item(r#","x":"\ud800""#), "not JSON"),
        (&item(&format!(",\"x\":{}{}", "[".repeat(500), "]".repeat(500))), "recursion limit"),
    ] {
        assert!(fault(json).contains(want), "{}", fault(json));
    }
    let not_text = parse_text(b"{\"id\":\"\xff\"}").expect_err("a fault");
    assert!(not_text.to_string().contains("UTF-8"));
}

#[test]
fn what_can_be_put_right_is_a_warning() {
    let parsed = parse_text(br#"{"id":"i","properties":{"datetime":"2024-01-01T00:00:00Z"},"bbox":[1]}"#);
    let parsed = parsed.expect("an Item");
    assert_eq!(parsed.collection, "items");
    assert_eq!(parsed.warnings.len(), 2);
    assert!(parsed.warnings[0].contains("names no collection"));
    assert!(parsed.warnings[1].contains("bbox"));
}
