//! Which Items: CQL2 and the query extension, evaluated by the `cql2` crate over parsed documents.

use cql2::Expr;
use serde_json::{Map, Value, json};

/// Why a filter cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct FilterError {
    /// What was expected, and what was found.
    pub problem: String,
}

/// A predicate over Items.
#[derive(Debug, Clone)]
pub struct Filter {
    expression: Expr,
    properties: Vec<String>,
}

impl Filter {
    /// Reads CQL2 text.
    ///
    /// # Errors
    /// When it is not CQL2.
    pub fn from_text(text: &str) -> Result<Self, FilterError> {
        cql2::parse_text(text)
            .map_err(|error| FilterError { problem: format!("not CQL2 text: {error}") })
            .map(Self::of)
    }

    /// Reads CQL2 JSON.
    ///
    /// # Errors
    /// When it is not CQL2.
    pub fn from_json(value: &Value) -> Result<Self, FilterError> {
        let problem =
            |error: &dyn std::fmt::Display| FilterError { problem: format!("not CQL2 JSON: {error}") };
        if !value.is_object() {
            return Err(problem(&"expected an object"));
        }
        let expression = Expr::try_from(value.clone()).map_err(|error| problem(&error))?;
        Ok(Self::of(expression))
    }

    /// Reads the object of the query extension: `{PROPERTY: {OPERATOR: VALUE}}`.
    ///
    /// # Errors
    /// When it has another form or an operator that is none.
    pub fn from_query(value: &Value) -> Result<Self, FilterError> {
        let wrong = |problem: &str| FilterError { problem: problem.to_owned() };
        let object =
            |value: &Value| value.as_object().cloned().filter(|members: &Map<_, _>| !members.is_empty());
        let properties = object(value).ok_or_else(|| wrong("expected {PROPERTY: {OPERATOR: VALUE}}"))?;
        let mut parts = Vec::new();
        for (name, operators) in properties {
            let expected = || wrong(&format!("expected {{OPERATOR: VALUE}} for '{name}'"));
            let property = json!({"property": name.strip_prefix("properties.").unwrap_or(&name)});
            for (operator, value) in object(&operators).ok_or_else(expected)? {
                let text = || {
                    value.as_str().map(|t| t.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
                };
                let pattern = |before: &str, after: &str| {
                    text().map(|text| json!(format!("{before}{text}{after}"))).ok_or_else(expected)
                };
                let (op, value) = match operator.as_str() {
                    "eq" if bound(value.clone()) != value => {
                        let either = [&value, &bound(value.clone())]
                            .map(|value| json!({"op": "=", "args": [property, value]}));
                        parts.push(json!({"op": "or", "args": either}));
                        continue;
                    }
                    "eq" => ("=", value),
                    "neq" => ("<>", bound(value)),
                    "lt" => ("<", bound(value)),
                    "lte" => ("<=", bound(value)),
                    "gt" => (">", bound(value)),
                    "gte" => (">=", bound(value)),
                    "in" => ("in", value),
                    "startsWith" => ("like", pattern("", "%")?),
                    "endsWith" => ("like", pattern("%", "")?),
                    "contains" => ("like", pattern("%", "%")?),
                    other => {
                        return Err(wrong(&format!(
                            "'{other}' is no operator; there are eq, neq, lt, lte, gt, gte, in, startsWith, endsWith, contains"
                        )));
                    }
                };
                parts.push(json!({"op": op, "args": [property, value]}));
            }
        }
        Self::from_json(&json!({"op": "and", "args": parts}))
    }

    /// Both must hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let args = vec![Box::new(self.expression), Box::new(other.expression)];
        Self::of(Expr::Operation { op: "and".to_owned(), args })
    }

    /// The names of the properties that it looks at.
    #[must_use]
    pub fn properties(&self) -> &[String] {
        &self.properties
    }

    /// True when it holds for the document of an Item.
    #[must_use]
    pub fn matches(&self, item: &Value) -> bool {
        self.expression.clone().matches(Some(item)).unwrap_or(false)
    }

    fn of(expression: Expr) -> Self {
        let mut properties = Vec::new();
        if let Ok(value) = Value::try_from(expression.clone()) {
            collect(&value, &mut properties);
        }
        Self { expression, properties }
    }
}

/// What to compare with. Clients that read `eo:cloud_cover<20` send the number as a text.
fn bound(value: Value) -> Value {
    let number = value.as_str().and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
    number.map_or(value, Value::from)
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = members.get("property").and_then(Value::as_str) {
                found.push(name.to_owned());
            }
            members.values().for_each(|value| collect(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_to_say_the_same() {
        let item =
            |cover: f64| json!({"id": "a", "properties": {"eo:cloud_cover": cover, "platform": "s2_a"}});
        let json = json!({"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]});
        for filter in [
            Filter::from_text("eo:cloud_cover < 20").expect("text"),
            Filter::from_json(&json).expect("JSON"),
            Filter::from_query(&json!({"eo:cloud_cover": {"lt": 20}})).expect("query"),
            Filter::from_query(&json!({"eo:cloud_cover": {"lt": "20"}})).expect("query"),
            Filter::from_text("id = 'a'").expect("text").and(Filter::from_json(&json).expect("JSON")),
        ] {
            assert!(filter.matches(&item(10.0)) && !filter.matches(&item(30.0)), "{filter:?}");
            assert!(filter.properties().contains(&"eo:cloud_cover".to_owned()), "{filter:?}");
        }
    }
}
