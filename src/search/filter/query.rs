//! The STAC query extension: `{"eo:cloud_cover": {"lt": 10}}`.

use serde_json::{Map, Value};

use super::check::Checker;
use super::error::{FilterError, described, quoted};
use super::expr::{List, Predicate, Term};
use super::like::Pattern;
use super::literal;
use super::operator::{Comparison, Sets};

const OPERATORS: &str = "eq, neq, lt, lte, gt, gte, startsWith, endsWith, contains, in";

/// Most conditions of one query.
const MAX_CONDITIONS: usize = 1_000;

/// Most values of one `in`.
const MAX_LIST: usize = 10_000;

/// Reads a query: all of its conditions must hold.
///
/// # Errors
/// Names the property and what was expected.
pub(super) fn read(value: &Value, checker: &mut Checker<'_>) -> Result<Vec<Predicate>, FilterError> {
    let expected = "an object of properties, such as {\"eo:cloud_cover\": {\"lt\": 10}},";
    let mut conditions = Vec::new();
    for (name, tests) in object(value, "query", expected)? {
        let expected = "an object of operators, such as {\"lt\": 10},";
        let property = checker.property(name);
        for (operator, wanted) in object(tests, name, expected)? {
            if conditions.len() == MAX_CONDITIONS {
                return Err(FilterError::TooMany { what: "conditions", limit: MAX_CONDITIONS });
            }
            conditions.push(condition(name, property, operator, wanted)?);
        }
    }
    Ok(conditions)
}

fn object<'a>(
    value: &'a Value,
    place: &str,
    expected: &'static str,
) -> Result<&'a Map<String, Value>, FilterError> {
    let refusal = || FilterError::QueryValue { place: quoted(place), expected, found: described(value) };
    value.as_object().ok_or_else(refusal)
}

fn condition(name: &str, property: usize, operator: &str, wanted: &Value) -> Result<Predicate, FilterError> {
    let term = Term::Property(property);
    let refusal = |expected| FilterError::QueryValue {
        place: format!("{}.{operator}", quoted(name)),
        expected,
        found: described(wanted),
    };
    let compare = |comparison| {
        let constant = scalar(wanted).ok_or_else(|| refusal("a number, a text or a flag"))?;
        let with = |constant| Predicate::Compare(comparison, Term::Property(property), constant);
        // Clients that read the query from a command line send numbers as texts: a number is compared with the number.
        Ok(
            match wanted
                .as_str()
                .and_then(|text| text.parse::<f64>().ok())
                .filter(|number| number.is_finite())
            {
                Some(number) => Predicate::Or(vec![with(Term::Number(number)), with(constant)]),
                None => with(constant),
            },
        )
    };
    let text = || wanted.as_str().ok_or_else(|| refusal("a text"));
    match operator {
        "eq" if wanted.is_null() => Ok(Predicate::IsNull(term)),
        "neq" if wanted.is_null() => Ok(Predicate::Not(Box::new(Predicate::IsNull(term)))),
        "eq" => compare(Comparison::Equal),
        "neq" => compare(Comparison::NotEqual),
        "lt" => compare(Comparison::Less),
        "lte" => compare(Comparison::LessOrEqual),
        "gt" => compare(Comparison::Greater),
        "gte" => compare(Comparison::GreaterOrEqual),
        "startsWith" => Ok(Predicate::Like(term, Pattern::new(&(escaped(text()?) + "%")))),
        "endsWith" => Ok(Predicate::Like(term, Pattern::new(&("%".to_owned() + &escaped(text()?))))),
        "contains" => {
            // A text holds a piece of text, an array an element.
            let element = scalar(wanted).ok_or_else(|| refusal("a text, or an element of an array"))?;
            let holds = Predicate::Sets(Sets::Contains, term.clone(), Term::Array(vec![element]));
            Ok(match wanted.as_str() {
                Some(text) => {
                    let pattern = Pattern::new(&format!("%{}%", escaped(text)));
                    Predicate::Or(vec![Predicate::Like(term, pattern), holds])
                }
                None => holds,
            })
        }
        "in" => {
            let members = wanted.as_array().filter(|members| !members.is_empty());
            let members = members.ok_or_else(|| refusal("an array of at least one value"))?;
            if members.len() > MAX_LIST {
                return Err(FilterError::TooMany { what: "values in one list", limit: MAX_LIST });
            }
            let terms: Option<Vec<Term>> = members.iter().map(scalar).collect();
            let terms = terms.ok_or_else(|| refusal("an array of numbers, texts or flags"))?;
            Ok(Predicate::In(term, List::new(terms)))
        }
        _ => Err(FilterError::QueryOperator {
            name: quoted(operator),
            property: quoted(name),
            known: OPERATORS.to_owned(),
        }),
    }
}

fn scalar(value: &Value) -> Option<Term> {
    match value {
        Value::Bool(flag) => Some(Term::Bool(*flag)),
        Value::Number(number) => number.as_f64().map(Term::Number),
        Value::String(text) => Some(literal::text(text)),
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
