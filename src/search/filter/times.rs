//! Whether a property is taken for a time wherever a filter names it: then the time alone tells, without the text.

use super::expr::{Predicate, Term};

impl Predicate {
    /// True when the property with this number is only asked whether it is there, or compared with times.
    pub(super) fn takes_as_time(&self, property: usize) -> bool {
        let may_name = |term: &Term| term.may_name(property);
        let is_time = |term: &Term| matches!(term, Term::Span(_) | Term::Dated(..));
        match self {
            Self::Constant(_) | Self::Temporal(..) | Self::IsNull(Term::Property(_)) => true,
            Self::And(parts) | Self::Or(parts) => parts.iter().all(|part| part.takes_as_time(property)),
            Self::Not(part) => part.takes_as_time(property),
            Self::Flag(term) | Self::IsNull(term) | Self::Like(term, _) => !may_name(term),
            Self::Compare(_, Term::Property(_), other) | Self::Compare(_, other, Term::Property(_))
                if is_time(other) =>
            {
                true
            }
            Self::Between(Term::Property(_), low, high) if is_time(low) && is_time(high) => true,
            Self::Compare(_, a, b) | Self::Spatial(_, a, b) | Self::Sets(_, a, b) => {
                !may_name(a) && !may_name(b)
            }
            Self::Between(a, b, c) => ![a, b, c].into_iter().any(may_name),
            Self::In(term, list) => !may_name(term) && !list.others.iter().any(may_name),
        }
    }
}

impl Term {
    /// False when the property is certainly no part of the term.
    fn may_name(&self, property: usize) -> bool {
        match self {
            Self::Property(number) => *number == property,
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::Dated(..)
            | Self::Span(_)
            | Self::Shape(_) => false,
            Self::Interval(..) | Self::Array(_) | Self::Arithmetic(..) | Self::Fold(..) | Self::Truth(_) => {
                true
            }
        }
    }
}
