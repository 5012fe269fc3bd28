//! Why a filter is refused.

use crate::stac::{BboxError, GeometryError};

/// What is wrong with a filter, and what to write instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// A text that is longer than anyone writes.
    #[error(
        "the filter has {length} bytes, at most {limit} are read; send long lists and shapes as cql2-json with POST"
    )]
    TooLong {
        /// Bytes of the text.
        length: usize,
        /// Most bytes that are read.
        limit: usize,
    },
    /// Brackets, NOTs, signs and arithmetic inside one another.
    #[error(
        "the filter is nested more than {limit} deep; take brackets out, or write IN instead of many ORs"
    )]
    TooDeep {
        /// Deepest nesting that is read.
        limit: usize,
    },
    /// More parts than are read.
    #[error("the filter has more than {limit} {what}")]
    TooMany {
        /// Of what there are too many.
        what: &'static str,
        /// Most that are read.
        limit: usize,
    },
    /// Not CQL2 text.
    #[error("cannot read the filter at character {position}, near '{near}': expected {expected}")]
    Syntax {
        /// Which character, counted from 1.
        position: usize,
        /// What stands there.
        near: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A function or operator that nobody defined.
    #[error("unknown function or operator '{name}'; there are {known}")]
    UnknownOperator {
        /// As given.
        name: String,
        /// All names, with commas between them.
        known: String,
    },
    /// Too few or too many arguments.
    #[error("'{operator}' takes {expected}, not {found}")]
    Arguments {
        /// Its name in CQL2.
        operator: &'static str,
        /// How many of what it takes.
        expected: &'static str,
        /// How many there are.
        found: usize,
    },
    /// An argument of a kind that can never fit.
    #[error("'{operator}' needs {expected}, not {found}")]
    Operand {
        /// Its name in CQL2.
        operator: &'static str,
        /// What fits.
        expected: &'static str,
        /// What there is.
        found: String,
    },
    /// A JSON value that is no expression.
    #[error("{found} is no CQL2 expression: expected {expected}")]
    Expression {
        /// What there is.
        found: String,
        /// What fits.
        expected: &'static str,
    },
    /// A literal time that names none.
    #[error("'{text}' is not {expected}")]
    Time {
        /// As given.
        text: String,
        /// What fits, with an example.
        expected: &'static str,
    },
    /// A literal shape that is none.
    #[error("a geometry in the filter: {source}")]
    Geometry {
        /// What is wrong with it.
        source: GeometryError,
    },
    /// A literal box that is none.
    #[error("a BBOX in the filter: {source}")]
    Bbox {
        /// What is wrong with it.
        source: BboxError,
    },
    /// `IN ()`.
    #[error("IN needs at least one value between its brackets, as in platform IN ('sentinel-2a')")]
    EmptyList,
    /// An operator that the query extension does not have.
    #[error("unknown operator '{name}' for '{property}' in query; there are {known}")]
    QueryOperator {
        /// As given.
        name: String,
        /// For which property.
        property: String,
        /// All names, with commas between them.
        known: String,
    },
    /// A value in `query` that does not fit its operator.
    #[error("query needs {expected} for '{place}', not {found}")]
    QueryValue {
        /// The property, and the operator where there is one.
        place: String,
        /// What fits.
        expected: &'static str,
        /// What there is.
        found: String,
    },
}

/// The longest piece of a client's words that an error repeats, in characters.
const MAX_QUOTED: usize = 40;

/// The start of a text, for an error.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_QUOTED).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// A JSON value in a few words, for an error.
pub(super) fn described(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text '{}'", quoted(text)),
        Value::Array(values) => format!("an array of {}", values.len()),
        Value::Object(members) => match members.keys().next() {
            Some(first) => format!("an object with '{}'", quoted(first)),
            None => "an empty object".to_owned(),
        },
    }
}
