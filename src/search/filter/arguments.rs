//! What operators take: how many arguments, of which kinds.

use serde_json::Value;

use super::error::FilterError;
use super::expr::Term;
use super::text::GROUP;

pub(super) fn count(operator: &'static str, expected: &'static str, args: &[Value]) -> FilterError {
    FilterError::Arguments { operator, expected, found: args.len() }
}

pub(super) fn require(
    operator: &'static str,
    expected: &'static str,
    term: &Term,
    fits: impl Fn(&Term) -> bool,
) -> Result<(), FilterError> {
    match term.kind() {
        Some(kind) if !fits(term) => Err(FilterError::Operand { operator, expected, found: kind.to_owned() }),
        _ => Ok(()),
    }
}

pub(super) fn is_scalar(term: &Term) -> bool {
    !matches!(term, Term::Shape(_) | Term::Array(_) | Term::Interval(..))
}

pub(super) fn is_text(term: &Term) -> bool {
    matches!(term, Term::Text(_) | Term::Dated(..) | Term::Fold(..))
}

/// The arguments of a marked bracket.
pub(super) fn marked<'v>(value: &'v Value, mark: &str) -> Option<&'v [Value]> {
    let members = value.as_object()?;
    let is_marked = members.get("op").and_then(Value::as_str) == Some(mark);
    members.get("args").and_then(Value::as_array).filter(|_| is_marked).map(Vec::as_slice)
}

/// `('a')` and `'a'` are an array of one where an array is expected.
pub(super) fn as_array(value: &Value) -> Value {
    let inside = match marked(value, GROUP) {
        Some([only]) => only,
        _ => value,
    };
    if inside.is_object() || inside.is_array() || inside.is_null() {
        value.clone()
    } else {
        Value::Array(vec![inside.clone()])
    }
}
