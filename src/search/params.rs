//! Named parameters as a query string or a JSON body gives them, read into checked values one by one.
//!
//! Each read takes its parameter out; what is left at the end was not asked for by anybody and is refused by name.

use serde_json::{Map, Value};

/// What is wrong with a parameter: names it and says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// Its value cannot be used.
    #[error("{name}: {problem}")]
    Invalid {
        /// The parameter.
        name: String,
        /// What was expected, and what was found.
        problem: String,
    },
    /// Nobody knows it.
    #[error("{name}: no such parameter here; there are: {known}")]
    Unknown {
        /// The parameter.
        name: String,
        /// The names that are.
        known: String,
    },
    /// It belongs to a later version.
    #[error("{name}: not built in this version{hint}")]
    NotBuilt {
        /// The parameter.
        name: String,
        /// What to do instead, if anything.
        hint: &'static str,
    },
    /// The body is no JSON object.
    #[error("the body is a JSON object with the parameters as its members: {problem}")]
    Body {
        /// What it is instead.
        problem: String,
    },
}

/// Where the parameters came from decides how lists are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Query,
    Body,
    /// A body in which lists may also be comma-separated strings.
    LenientBody,
}

/// Parameters that have not been read yet.
#[derive(Debug, Clone)]
pub struct Params {
    values: Map<String, Value>,
    origin: Origin,
}

impl Params {
    /// The decoded pairs of a query string.
    ///
    /// # Errors
    /// When a name is given twice.
    pub fn from_query(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, ParamError> {
        let mut values = Map::new();
        for (name, value) in pairs {
            if values.insert(name.clone(), Value::String(value)).is_some() {
                return Err(ParamError::Invalid { name, problem: "given twice".to_owned() });
            }
        }
        Ok(Self { values, origin: Origin::Query })
    }

    /// A JSON body as STAC writes it: lists are arrays.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn from_body(body: &[u8]) -> Result<Self, ParamError> {
        Self::parse_body(body, Origin::Body)
    }

    /// A JSON body in which lists may also be the comma-separated strings of the query form.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn from_lenient_body(body: &[u8]) -> Result<Self, ParamError> {
        Self::parse_body(body, Origin::LenientBody)
    }

    fn parse_body(body: &[u8], origin: Origin) -> Result<Self, ParamError> {
        let problem = |problem: String| ParamError::Body { problem };
        match serde_json::from_slice(body) {
            Ok(Value::Object(values)) => Ok(Self { values, origin }),
            Ok(_) => Err(problem("it is another kind of JSON".to_owned())),
            Err(error) => Err(problem(error.to_string())),
        }
    }

    /// Adds a parameter that the path gives.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// True when the parameter is there and has a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|v| !v.is_null())
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name).filter(|v| !v.is_null())
    }

    /// True when a body gives the parameter as null, where that is not the same as leaving it out.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(Value::is_null)
    }

    /// The parameter as it came; of a query string a text.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.take(name)
    }

    /// A text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ParamError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(invalid(name, "a string", &other)),
        }
    }

    /// A finite number.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&mut self, name: &str) -> Result<Option<f64>, ParamError> {
        self.take(name).map(|value| self.as_number(name, &value)).transpose()
    }

    /// An integer of at least `low`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn integer(&mut self, name: &str, low: i64) -> Result<Option<i64>, ParamError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = match &value {
            Value::String(text) if self.origin != Origin::Body => whole_number(text.trim()),
            other => other.as_i64().or_else(|| other.as_u64().map(|_| i64::MAX)),
        };
        match number {
            Some(number) if number >= low => Ok(Some(number)),
            _ => Err(invalid(name, &format!("an integer of at least {low}"), &value)),
        }
    }

    /// A list of texts; a plain string in a STAC body counts as a list of one.
    ///
    /// # Errors
    /// When it is something else, or holds an empty text.
    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, ParamError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wrong = || invalid(name, "a list of strings", &value);
        let list: Vec<String> = match &value {
            Value::String(text) if self.origin == Origin::Body => vec![text.clone()],
            Value::String(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            Value::Array(list) => list
                .iter()
                .map(|v| v.as_str().map(str::to_owned).ok_or_else(wrong))
                .collect::<Result<_, _>>()?,
            _ => return Err(wrong()),
        };
        if list.iter().any(String::is_empty) {
            return Err(ParamError::Invalid {
                name: name.to_owned(),
                problem: "a name in the list is empty".to_owned(),
            });
        }
        Ok(Some(list))
    }

    /// A list of finite numbers; one number alone counts as a list of one where lists may be strings.
    ///
    /// # Errors
    /// When it is something else.
    pub fn numbers(&mut self, name: &str) -> Result<Option<Vec<f64>>, ParamError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let list = match &value {
            Value::Array(list) => list
                .iter()
                .map(|v| v.as_f64().ok_or_else(|| invalid(name, "a list of numbers", &value)))
                .collect::<Result<_, _>>()?,
            Value::String(text) if self.origin != Origin::Body => text
                .split(',')
                .map(|part| self.as_number(name, &Value::String(part.to_owned())))
                .collect::<Result<_, _>>()?,
            Value::Number(_) if self.origin == Origin::LenientBody => vec![self.as_number(name, &value)?],
            _ => return Err(invalid(name, "a list of numbers", &value)),
        };
        Ok(Some(list))
    }

    /// A JSON value; a query string holds it as text.
    ///
    /// # Errors
    /// When the text is no JSON.
    pub fn json(&mut self, name: &str) -> Result<Option<Value>, ParamError> {
        match self.take(name) {
            Some(Value::String(text)) if self.origin != Origin::Body => {
                serde_json::from_str(&text).map(Some).map_err(|error| ParamError::Invalid {
                    name: name.to_owned(),
                    problem: format!("expected JSON: {error}"),
                })
            }
            other => Ok(other),
        }
    }

    /// Refuses a parameter where something else stands for it.
    ///
    /// # Errors
    /// When it is there; `why` says what stands for it.
    pub fn refuse(&self, name: &str, why: &str) -> Result<(), ParamError> {
        if self.values.contains_key(name) {
            return Err(ParamError::Invalid { name: name.to_owned(), problem: why.to_owned() });
        }
        Ok(())
    }

    /// Refuses what nobody has read.
    ///
    /// # Errors
    /// Names the first parameter that is left, and the `known` ones.
    pub fn finish(self, known: &[&str]) -> Result<(), ParamError> {
        match self
            .values
            .into_iter()
            .find(|(name, value)| !value.is_null() || !known.contains(&name.as_str()))
        {
            Some((name, _)) => Err(ParamError::Unknown { name, known: known.join(", ") }),
            None => Ok(()),
        }
    }

    fn as_number(&self, name: &str, value: &Value) -> Result<f64, ParamError> {
        let number = match value {
            Value::String(text) if self.origin != Origin::Body => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        number.filter(|n: &f64| n.is_finite()).ok_or_else(|| invalid(name, "a finite number", value))
    }
}

/// An integer; one beyond all bounds counts as the largest, which callers clamp.
fn whole_number(text: &str) -> Option<i64> {
    let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().or(is_digits.then_some(i64::MAX))
}

/// The longest part of a client's value that an error repeats, in characters.
const SHOWN_CHARS: usize = 80;

fn invalid(name: &str, expected: &str, found: &Value) -> ParamError {
    let mut shown: String = found.to_string().chars().take(SHOWN_CHARS + 1).collect();
    if shown.chars().count() > SHOWN_CHARS {
        shown = shown.chars().take(SHOWN_CHARS).chain(['…']).collect();
    }
    ParamError::Invalid { name: name.to_owned(), problem: format!("expected {expected}, found {shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Params {
        Params::from_query(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))).expect("params")
    }

    #[test]
    fn both_forms_give_the_same_values() {
        let mut from_query = query(&[("bbox", "1,2,3,4"), ("ids", "a,b"), ("limit", "7")]);
        let mut from_body =
            Params::from_body(br#"{"bbox":[1,2,3,4],"ids":["a","b"],"limit":7}"#).expect("params");
        for params in [&mut from_query, &mut from_body] {
            assert_eq!(params.numbers("bbox"), Ok(Some(vec![1.0, 2.0, 3.0, 4.0])));
            assert_eq!(params.texts("ids"), Ok(Some(vec!["a".to_owned(), "b".to_owned()])));
            assert_eq!(params.integer("limit", 1), Ok(Some(7)));
        }
    }

    #[test]
    fn a_stac_body_takes_no_comma_separated_box_but_a_patch_body_does() {
        let body = br#"{"bbox":"1,2,3,4"}"#;
        assert!(Params::from_body(body).expect("params").numbers("bbox").is_err());
        assert!(Params::from_lenient_body(body).expect("params").numbers("bbox").is_ok());
    }

    #[test]
    fn faults_name_the_parameter() {
        assert!(
            Params::from_query([("a".to_owned(), String::new()), ("a".to_owned(), String::new())]).is_err()
        );
        let error = query(&[("limit", "0")]).integer("limit", 1).expect_err("too small");
        assert_eq!(error.to_string(), "limit: expected an integer of at least 1, found \"0\"");
        let error = query(&[("colections", "a")]).finish(&["collections"]).expect_err("unknown");
        assert!(error.to_string().starts_with("colections: no such parameter"));
        assert!(Params::from_body(b"[1]").is_err());
    }

    #[test]
    fn null_in_a_body_is_absence() {
        let mut params = Params::from_body(br#"{"limit":null,"ids":null}"#).expect("params");
        assert_eq!(params.integer("limit", 1), Ok(None));
        assert!(params.finish(&["ids"]).is_ok());
    }
}
