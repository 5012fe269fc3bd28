//! The one walk over all places where a condition names a property.
//!
//! Each mention is told together with whether the property is taken for a time there: where it is compared with times, or
//! only asked whether it is there, the time alone tells, without the text.

use super::expr::{Predicate, Term};

impl Predicate {
    /// Calls `visit` with the number of each property that is named, and whether it is taken for a time there.
    pub(super) fn each_mention(&mut self, visit: &mut impl FnMut(&mut usize, bool)) {
        match self {
            Self::Constant(_) => {}
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().for_each(|part| part.each_mention(visit)),
            Self::Not(part) => part.each_mention(visit),
            Self::IsNull(term) => term.each_mention(matches!(term, Term::Property(_)), visit),
            Self::Flag(term) | Self::Like(term, _) => term.each_mention(false, visit),
            Self::Compare(_, a, b) => {
                let as_time = a.is_time() || b.is_time();
                for term in [a, b] {
                    term.each_mention(as_time, visit);
                }
            }
            Self::Between(term, low, high) => {
                let as_time = low.is_time() && high.is_time();
                for term in [term, low, high] {
                    term.each_mention(as_time, visit);
                }
            }
            Self::Temporal(_, a, b) => {
                for term in [a, b] {
                    term.each_mention(true, visit);
                }
            }
            Self::Spatial(_, a, b) | Self::Sets(_, a, b) => {
                for term in [a, b] {
                    term.each_mention(false, visit);
                }
            }
            Self::In(term, list) => {
                term.each_mention(false, visit);
                list.others.iter_mut().for_each(|term| term.each_mention(false, visit));
            }
        }
    }
}

impl Term {
    /// `as_time`: what a property is taken for that is this term, or an end of this interval.
    fn each_mention(&mut self, as_time: bool, visit: &mut impl FnMut(&mut usize, bool)) {
        match self {
            Self::Property(number) => visit(number, as_time),
            Self::Interval(start, end) => {
                [start, end].into_iter().flatten().for_each(|term| term.each_mention(as_time, visit));
            }
            Self::Array(terms) => terms.iter_mut().for_each(|term| term.each_mention(false, visit)),
            Self::Arithmetic(_, a, b) => {
                for term in [a, b] {
                    term.each_mention(false, visit);
                }
            }
            Self::Fold(_, term) => term.each_mention(false, visit),
            Self::Truth(predicate) => predicate.each_mention(visit),
            Self::Null
            | Self::Bool(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::Dated(..)
            | Self::Span(_)
            | Self::Shape(_) => {}
        }
    }

    /// True for a literal that is a time, or may be one.
    fn is_time(&self) -> bool {
        matches!(self, Self::Span(_) | Self::Dated(..))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;

    /// Names of the properties that a filter takes for times wherever it names them.
    fn times(text: &str) -> Vec<String> {
        let filter = Filter::from_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let is_time = |(number, _): &(usize, &String)| filter.takes_as_time(*number);
        filter.properties().iter().enumerate().filter(is_time).map(|(_, name)| name.clone()).collect()
    }

    #[test]
    fn a_property_is_a_time_only_where_nothing_takes_it_for_a_text() {
        let day = "TIMESTAMP('2024-01-05T00:00:00Z')";
        for text in [
            &format!("a > {day} AND a <= '2024-02-01T00:00:00Z'"),
            &format!("NOT (a BETWEEN '2024-01-01T00:00:00Z' AND {day} OR a IS NULL)"),
            &format!("T_AFTER(a, {day}) AND b = 'x'"),
            "T_DURING(INTERVAL(a, '..'), INTERVAL('2024-01-01T00:00:00Z', '..')) AND b > 1",
            &format!("(a > {day}) = TRUE AND b + 1 > 2"),
        ] {
            assert_eq!(times(text), ["a"], "{text}");
        }
        for text in [
            &format!("a > {day} AND a LIKE '2024%'"),
            "a = b",
            "a BETWEEN '2024-01-01T00:00:00Z' AND 'z'",
            "a IN ('2024-01-01T00:00:00Z')",
            &format!("a > {day} AND CASEI(a) = 'x'"),
            &format!("a > {day} AND (a LIKE 'x%') = TRUE"),
        ] {
            assert!(!times(text).contains(&"a".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_one_of_two_filters_takes_for_a_text_is_one_in_both() {
        let filter = |text: &str| Filter::from_text(text).expect(text);
        let both =
            filter("b = 1 AND a > TIMESTAMP('2024-01-05T00:00:00Z')").and(filter("a LIKE 'x%' AND c = 1"));
        assert_eq!(both.properties(), ["b", "a", "c"]);
        assert!(!both.takes_as_time(1));
        let both = filter("b = 1").and(filter("a > TIMESTAMP('2024-01-05T00:00:00Z')"));
        assert!(both.takes_as_time(1) && !both.takes_as_time(0));
    }
}
