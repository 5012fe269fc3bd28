//! What is refused, and that nothing from outside brings the process down.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::item;
use crate::search::filter::{Document, Filter, FilterError};

fn fault(text: &str) -> FilterError {
    match Filter::from_text(text) {
        Err(fault) => fault,
        Ok(filter) => panic!("{text} was read as {filter:?}"),
    }
}

#[test]
fn operands_that_can_never_fit_are_refused_by_name() {
    for (text, name) in [
        ("S_INTERSECTS(geometry, 5)", "s_intersects"),
        ("s_within('a', geometry)", "s_within"),
        ("T_AFTER(datetime, 5)", "t_after"),
        ("T_AFTER(datetime, 'yesterday')", "t_after"),
        ("a_contains(bands, gsd + 1)", "a_contains"),
        ("gsd + 'a' = 5", "'+'"),
        ("gsd LIKE 5", "like"),
        ("5 LIKE 'a'", "like"),
        ("gsd LIKE platform", "like"),
        ("casei(5) = 'a'", "casei"),
        ("geometry = POINT(0 0)", "'='"),
        ("gsd IN (POINT(0 0))", "in"),
        ("S_INTERSECTS(geometry)", "s_intersects"),
        ("INTERVAL('2024-01-01') = datetime", "interval"),
    ] {
        let text_of_fault = fault(text).to_string();
        assert!(text_of_fault.contains(name), "{text}: {text_of_fault}");
    }
    assert!(matches!(fault("avg(gsd) = 5"), FilterError::UnknownOperator { name, .. } if name == "avg"));
}

#[test]
fn faults_of_text_say_where() {
    for (text, at) in [
        ("", 1),
        ("gsd =", 6),
        ("gsd = 5 AND", 12),
        ("(gsd = 5", 9),
        ("gsd = 5)", 8),
        ("gsd = 5 orbit = 3", 15),
        ("gsd = 5 = 3", 9),
        ("AND gsd", 1),
        ("gsd IN 5", 8),
        ("gsd BETWEEN 1", 14),
        ("S_INTERSECTS(geometry, POLYGON(0 0))", 32),
    ] {
        match fault(text) {
            FilterError::Syntax { position, .. } => assert_eq!(position, at, "{text}: {}", fault(text)),
            other => panic!("{text}: {other}"),
        }
    }
    assert_eq!(fault("gsd IN ()"), FilterError::EmptyList);
}

#[test]
fn literals_that_name_nothing_are_refused() {
    for text in [
        "datetime = TIMESTAMP('2024-13-01T00:00:00Z')",
        "datetime = TIMESTAMP('2024-01-01')",
        "datetime = DATE('2024-01-01T00:00:00Z')",
        "T_DURING(datetime, INTERVAL('2024-02-01', '2024-01-01'))",
        "T_DURING(datetime, INTERVAL('soon', '..'))",
    ] {
        assert!(matches!(fault(text), FilterError::Time { .. }), "{text}: {}", fault(text));
    }
    assert!(matches!(fault("S_INTERSECTS(geometry, BBOX(1,2,3))"), FilterError::Bbox { .. }));
    assert!(matches!(fault("S_INTERSECTS(geometry, POINT(1 200))"), FilterError::Geometry { .. }));
    assert!(matches!(
        fault("S_INTERSECTS(geometry, POLYGON((0 0, 1 0, 1 1, 0 1)))"),
        FilterError::Geometry { .. }
    ));
    assert!(matches!(fault("gsd + 5"), FilterError::Expression { .. }));
    assert!(matches!(fault("'a'"), FilterError::Expression { .. }));
}

#[test]
fn nesting_and_length_are_bounded_before_anything_recurses() {
    for deep in [
        "(".repeat(5_000) + "flag" + &")".repeat(5_000),
        "NOT ".repeat(5_000) + "flag",
        "f(".repeat(5_000) + "1" + &")".repeat(5_000),
        "gsd = ".to_owned() + &"-".repeat(5_000) + "1",
        "gsd = 1".to_owned() + &" + 1".repeat(5_000),
        "gsd = 2".to_owned() + &" ^ 2".repeat(5_000),
        "S_INTERSECTS(geometry, ".to_owned() + &"GEOMETRYCOLLECTION(".repeat(2_000) + "POINT(0 0)",
    ] {
        assert!(matches!(fault(&deep), FilterError::TooDeep { .. }), "{}", fault(&deep));
    }
    assert!(matches!(fault(&"a=".repeat(10_000)), FilterError::Syntax { .. }));
    assert!(matches!(fault(&"(".repeat(60)), FilterError::Syntax { .. }));
    assert!(matches!(fault(&" ".repeat(70_000)), FilterError::TooLong { .. }));
    let mut json = json!(true);
    for _ in 0..300 {
        json = json!({"op": "not", "args": [json]});
    }
    assert!(matches!(Filter::from_json(&json), Err(FilterError::TooDeep { .. })));
    let many: Vec<usize> = (0..10_001).collect();
    let long = json!({"op": "in", "args": [{"property": "gsd"}, many]});
    assert!(matches!(Filter::from_json(&long), Err(FilterError::TooMany { .. })));
    let line: Vec<[f64; 2]> = (0..100_001).map(|n| [f64::from(n % 180), 0.0]).collect();
    let line = json!({"type": "LineString", "coordinates": line});
    let long = json!({"op": "s_intersects", "args": [{"property": "geometry"}, line]});
    assert!(matches!(Filter::from_json(&long), Err(FilterError::TooMany { .. })));
}

#[test]
fn a_mistake_deep_inside_brackets_is_found_at_once() {
    // The grammar of the parser alone would try each bracket twice.
    let text = "(".repeat(60) + "gsd gsd" + &")".repeat(60);
    let begun = std::time::Instant::now();
    assert!(matches!(fault(&text), FilterError::Syntax { .. }));
    let nested = (0..55).fold("1".to_owned(), |inner, n| format!("({inner}, {n})"));
    assert!(Filter::from_text(&format!("a_contains(bands, {nested})")).is_ok());
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_]{0,8}".prop_map(Value::from),
        Just(json!({"property": "gsd"})),
        Just(json!({"property": "geometry"})),
        Just(json!({"property": "datetime"})),
        Just(json!({"type": "Point", "coordinates": [24.5, 60.5]})),
        Just(json!({"timestamp": "2024-06-15T10:00:00Z"})),
        Just(json!({"bbox": [24, 60, 25, 61]})),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        let args = prop::collection::vec(inner.clone(), 0..4);
        let names = prop::sample::select(vec![
            "and",
            "or",
            "not",
            "=",
            "<",
            "isNull",
            "between",
            "in",
            "like",
            "casei",
            "s_intersects",
            "s_within",
            "t_during",
            "t_equals",
            "a_contains",
            "+",
            "div",
            "nothing",
            "\u{1}group",
            "\u{1}array",
            "\u{1}shape",
        ]);
        prop_oneof![
            (names, args.clone()).prop_map(|(op, args)| json!({"op": op, "args": args})),
            args.clone().prop_map(Value::Array),
            args.clone().prop_map(|ends| json!({"interval": ends})),
            args.clone().prop_map(|corners| json!({"bbox": corners})),
            args.prop_map(|places| json!({"type": "Polygon", "coordinates": places})),
            ("[a-z]{1,9}", inner).prop_map(|(name, value)| json!({name: value})),
        ]
    })
}

fn try_out(filter: Result<Filter, FilterError>) {
    match filter {
        Ok(filter) => {
            let item = item();
            let document = Document::new(&item, filter.properties());
            let whole = filter.matches(&document);
            assert_eq!(filter.conjuncts().all(|conjunct| conjunct.holds(&document)), whole);
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_text_brings_it_down(text in any::<String>()) {
        try_out(Filter::from_text(&text));
    }

    #[test]
    fn no_heap_of_words_brings_it_down(words in prop::collection::vec(prop::sample::select(vec![
        "gsd", "platform", "(", ")", ",", "=", "<", "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "'a%'",
        "1", "-", "+", "div", "POINT(1 2)", "POINT", "EMPTY", "casei(", "DATE('2024-01-01')", "INTERVAL(", "'", "\"q\"",
        "true", "geometry", "s_within(", "bbox(", ".", "é", "\\",
    ]), 0..24)) {
        try_out(Filter::from_text(&words.join(" ")));
    }

    #[test]
    fn no_json_brings_it_down(value in any_json()) {
        try_out(Filter::from_json(&value));
        try_out(Filter::from_query(&value));
    }

    #[test]
    fn crooked_shapes_are_no_trouble(
        corners in prop::collection::vec((0_i32..4, 0_i32..4), 3..9),
        relation in prop::sample::select(vec!["equals", "touches", "within", "contains", "overlaps", "crosses", "intersects"]),
    ) {
        let mut ring: Vec<[i32; 2]> = corners.into_iter().map(|(x, y)| [24 + x, 60 + y]).collect();
        ring.push(ring[0]);
        let shape = json!({"type": "Polygon", "coordinates": [ring]});
        try_out(Filter::from_json(&json!({"op": format!("s_{relation}"), "args": [{"property": "geometry"}, shape]})));
    }
}
