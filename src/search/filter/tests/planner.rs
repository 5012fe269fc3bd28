//! Conjuncts as a planner sees them, the query extension, and filters joined.

use std::ops::Bound;

use serde_json::json;

use super::item;
use crate::search::filter::{Document, Filter, FilterError, Test, meets};
use crate::stac::parse_instant;

fn tests(filter: &Filter) -> Vec<Test<'_>> {
    filter.conjuncts().map(|conjunct| conjunct.test).collect()
}

#[test]
fn simple_conditions_are_recognised() {
    let filter = Filter::from_text(
        "eo:cloud_cover < 10 AND (5 <= gsd AND gsd BETWEEN 1 AND 20) AND platform IN ('b', 'a') AND id = 'x' \
         AND datetime >= TIMESTAMP('2024-01-01T00:00:00Z') AND T_DURING(datetime, INTERVAL('..', '2024-01-02')) \
         AND S_WITHIN(geometry, POINT(1 2)) AND S_INTERSECTS(POINT(1 2), geometry) AND NOT gsd = 5 \
         AND S_INTERSECTS(proj:geometry, POINT(1 2)) AND platform IN ('a', 5)",
    )
    .expect("a filter");
    assert_eq!(
        filter.properties(),
        ["eo:cloud_cover", "gsd", "platform", "id", "datetime", "geometry", "proj:geometry"]
    );
    let tests = tests(&filter);
    assert_eq!(tests.len(), 12);
    let range = |property, low, high| Test::Range { property, low, high };
    assert_eq!(tests[0], range(0, Bound::Unbounded, Bound::Excluded(10.0)));
    assert_eq!(tests[1], range(1, Bound::Included(5.0), Bound::Unbounded));
    assert_eq!(tests[2], range(1, Bound::Included(1.0), Bound::Included(20.0)));
    assert_eq!(tests[3], Test::Texts { property: 2, any_of: &["a".to_owned(), "b".to_owned()] });
    assert_eq!(tests[4], Test::Texts { property: 3, any_of: &["x".to_owned()] });
    let start = parse_instant("2024-01-01T00:00:00Z").expect("an instant");
    assert_eq!(tests[5], Test::Instants { property: 4, low: Bound::Included(start), high: Bound::Unbounded });
    assert!(matches!(tests[6], Test::Instants { property: 4, high: Bound::Excluded(_), .. }));
    assert!(matches!(tests[7], Test::Place { property: 5, exact: false, .. }));
    assert!(matches!(tests[8], Test::Place { property: 5, exact: true, .. }));
    assert!(tests[9..].iter().all(|test| *test == Test::Rest));
}

#[test]
fn bounds_of_time_say_what_the_condition_says() {
    let times =
        ["2024-06-14T00:00:00Z", "2024-06-15T00:00:00Z", "2024-06-15T12:00:00Z", "2024-06-16T00:00:00Z"];
    let instants = times.map(|text| parse_instant(text).expect("an instant"));
    for condition in [
        "datetime < DATE('2024-06-15')",
        "datetime <= DATE('2024-06-15')",
        "datetime = DATE('2024-06-15')",
        "datetime >= '2024-06-15'",
        "datetime > '2024-06-15T00:00:00Z'",
        "datetime BETWEEN '2024-06-15' AND '2024-06-15T12:00:00Z'",
        "T_AFTER(datetime, TIMESTAMP('2024-06-15T00:00:00Z'))",
        "T_BEFORE(datetime, DATE('2024-06-15'))",
        "T_DURING(datetime, INTERVAL('2024-06-14', '2024-06-16'))",
        "T_INTERSECTS(datetime, INTERVAL('2024-06-15', '2024-06-15'))",
    ] {
        let filter = Filter::from_text(condition).expect(condition);
        let Test::Instants { low, high, .. } = tests(&filter)[0] else { panic!("{condition} is no bound") };
        for (a, start) in instants.iter().enumerate() {
            for (b, end) in instants.iter().enumerate().skip(a) {
                let item = json!({"properties": {
                    "datetime": null, "start_datetime": times[a], "end_datetime": times[b]}});
                let holds = filter.matches(&Document::new(&item, filter.properties()));
                assert_eq!(
                    meets(low, high, *start, *end),
                    holds,
                    "{condition} of {} to {}",
                    times[a],
                    times[b]
                );
            }
        }
    }
}

#[test]
fn joined_filters_hold_together_with_one_numbering() {
    let item = item();
    let a = Filter::from_text("gsd = 10 AND platform LIKE 'Sent%'").expect("a filter");
    let b = Filter::from_query(&json!({"orbit": {"eq": 42}, "gsd": {"lt": 11}})).expect("a query");
    let both = a.clone().and(b);
    assert_eq!(both.properties(), ["gsd", "platform", "orbit"]);
    assert!(both.matches(&Document::new(&item, both.properties())));
    let never = a.and(Filter::from_text("bands IS NULL OR T_AFTER(datetime, created)").expect("a filter"));
    assert_eq!(never.properties(), ["gsd", "platform", "bands", "datetime", "created"]);
    assert!(!never.matches(&Document::new(&item, never.properties())));
}

#[test]
fn each_operator_of_query_holds() {
    let item = item();
    let holds = |query| {
        let filter = Filter::from_query(&query).unwrap_or_else(|e| panic!("{query}: {e}"));
        filter.matches(&Document::new(&item, filter.properties()))
    };
    for (operator, yes, no) in [
        ("eq", json!(10), json!(11)),
        ("neq", json!(11), json!(10)),
        ("lt", json!(11), json!(10)),
        ("lte", json!(10), json!(9)),
        ("gt", json!(9), json!(10)),
        ("gte", json!(10), json!(11)),
        ("in", json!([1, 10]), json!([1])),
    ] {
        assert!(holds(json!({"gsd": {operator: yes}})), "{operator}");
        assert!(!holds(json!({"gsd": {operator: no}})), "{operator}");
    }
    for (operator, yes, no) in
        [("startsWith", "100", "00%"), ("endsWith", "0%", "00"), ("contains", "00", "0_")]
    {
        assert!(holds(json!({"percent": {operator: yes}})), "{operator}");
        assert!(!holds(json!({"percent": {operator: no}})), "{operator}");
    }
    assert!(holds(json!({"bands": {"contains": "B02"}})));
    assert!(!holds(json!({"bands": {"contains": "B0"}})));
    assert!(holds(json!({"datetime": {"lt": "2024-06-15T13:00:00+02:00"}})));
    assert!(!holds(json!({"missing": {"neq": 1}})));
    assert!(holds(json!({"missing": {"eq": null}})));
    assert!(holds(json!({})));
    assert!(!holds(json!({"gsd": {"gt": 5, "lt": 8}})));
}

#[test]
fn faults_of_query_are_named() {
    let fault = |query| Filter::from_query(&query).expect_err("a fault").to_string();
    let like = fault(json!({"gsd": {"like": 5}}));
    assert!(like.contains("'like'") && like.contains("startsWith"), "{like}");
    assert!(fault(json!({"gsd": 5})).contains("'gsd'"));
    assert!(fault(json!([])).contains("query"));
    assert!(fault(json!({"gsd": {"in": []}})).contains("gsd.in"));
    assert!(fault(json!({"gsd": {"startsWith": 5}})).contains("gsd.startsWith"));
    let many: Vec<usize> = (0..10_001).collect();
    assert!(matches!(Filter::from_query(&json!({"gsd": {"in": many}})), Err(FilterError::TooMany { .. })));
}

#[test]
fn a_filter_may_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + std::fmt::Debug>() {}
    shared::<Filter>();
}
