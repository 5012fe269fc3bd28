//! Tests of a column's rows that were worked out once into codes: one to three nanoseconds a row.

use std::ops::Bound;

use chrono::{DateTime, Utc};

use super::codes::{ELSEWHERE, values_of_width};
use super::column::Column;
use super::encoding::{Encoding, float_code, instant_of};
use super::integers::Integers;
use super::scalar::Cell;

/// What a test says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The value passes.
    Yes,
    /// It does not, or there is none.
    No,
    /// The column does not hold the value: the Item's body must be asked.
    AskBody,
}

/// A test for the rows of one column.
#[derive(Debug)]
pub(crate) struct Test<'a> {
    column: &'a Column,
    accepted: Accepted,
}

#[derive(Debug)]
enum Accepted {
    /// So many codes from the first on.
    Run { first: u64, count: u64 },
    /// A bit for each code.
    Set(Vec<u64>),
    /// Codes, ascending.
    List(Vec<u64>),
    /// Whether a value passes is for its body to say.
    Bodies,
}

impl Test<'_> {
    /// What the test says of a row.
    #[inline]
    pub(crate) fn holds(&self, row: u32) -> Verdict {
        let code = self.column.code(row);
        let passes = match &self.accepted {
            Accepted::Run { first, count } => code.wrapping_sub(*first) < *count,
            Accepted::Set(words) => {
                let word = usize::try_from(code / 64).ok().and_then(|at| words.get(at));
                word.is_some_and(|word| word >> (code % 64) & 1 == 1)
            }
            Accepted::List(codes) => codes.binary_search(&code).is_ok(),
            Accepted::Bodies if code <= ELSEWHERE => return Verdict::AskBody,
            Accepted::Bodies => false,
        };
        // A table instead of branches, which values at random would mislead.
        [Verdict::No, Verdict::Yes, Verdict::AskBody, Verdict::AskBody]
            [usize::from(passes) | usize::from(code == ELSEWHERE) << 1]
    }
}

impl Column {
    fn run(&self, first: u64, end: u64) -> Test<'_> {
        Test { column: self, accepted: Accepted::Run { first, count: end.saturating_sub(first) } }
    }

    fn nothing(&self) -> Test<'_> {
        self.run(0, 0)
    }

    fn bodies(&self) -> Test<'_> {
        Test { column: self, accepted: Accepted::Bodies }
    }

    /// Numbers between two bounds. Only numbers pass; -0 is 0, and nothing lies beyond a bound that is no number.
    pub(crate) fn compile_range(&self, low: Bound<f64>, high: Bound<f64>) -> Test<'_> {
        if [low, high].iter().any(|b| matches!(b, Bound::Included(x) | Bound::Excluded(x) if x.is_nan())) {
            return self.nothing();
        }
        match &self.encoding {
            Encoding::Decimal(integers) => {
                self.ordered(values_of_width(4), low, high, |code| integers.number(code))
            }
            Encoding::Float => {
                // The codes of -0 and 0 follow each other: a bound at zero lies before or after both.
                let before = |x: f64| float_code(if x == 0.0 { -0.0 } else { x });
                let after = |x: f64| float_code(if x == 0.0 { 0.0 } else { x }) + 1;
                let first = match low {
                    Bound::Included(x) => before(x),
                    Bound::Excluded(x) => after(x),
                    Bound::Unbounded => before(f64::NEG_INFINITY),
                };
                let end = match high {
                    Bound::Included(x) => after(x),
                    Bound::Excluded(x) => before(x),
                    Bound::Unbounded => after(f64::INFINITY),
                };
                self.run(first, end)
            }
            _ => self.nothing(),
        }
    }

    /// Date-times between two bounds. For texts in other forms the bodies must be asked.
    pub(crate) fn compile_instants(&self, low: Bound<DateTime<Utc>>, high: Bound<DateTime<Utc>>) -> Test<'_> {
        let integers = match &self.encoding {
            Encoding::Instant(integers, _) => integers,
            // Among them may be date-times in rarer forms.
            Encoding::Text(_) => return self.bodies(),
            _ => return self.nothing(),
        };
        let nanos = |instant: DateTime<Utc>| {
            i128::from(instant.timestamp()) * 1_000_000_000 + i128::from(instant.timestamp_subsec_nanos())
        };
        let unit = 10_i128.pow(9 - u32::from(integers.digits.min(9)));
        let of_code = |code| (i128::from(integers.base) + i128::from(code)) * unit;
        self.ordered(values_of_width(8), low.map(nanos), high.map(nanos), of_code)
    }

    /// Texts between two bounds, in the order of their bytes. For date-times the bodies must be asked.
    #[cfg(test)]
    pub(crate) fn compile_text_range(&self, low: Bound<&str>, high: Bound<&str>) -> Test<'_> {
        let dictionary = match &self.encoding {
            Encoding::Text(dictionary) => dictionary,
            Encoding::Instant(..) => return self.bodies(),
            _ => return self.nothing(),
        };
        self.ordered(dictionary.len() as u64, low, high, |code| dictionary.get(code))
    }

    /// Texts that are one of those given, date-times as they are written among them.
    pub(crate) fn compile_texts(&self, texts: &[&str]) -> Test<'_> {
        match &self.encoding {
            Encoding::Text(dictionary) => self.set(texts.iter().filter_map(|text| dictionary.find(text))),
            Encoding::Instant(integers, rules) => {
                let code = |text: &&str| {
                    let Cell::Instant(instant, style) = Cell::from(*text) else { return None };
                    let code = code_of(*integers, instant)?;
                    (rules.style(instant) == style).then_some(code)
                };
                let mut codes: Vec<u64> = texts.iter().filter_map(code).collect();
                codes.sort_unstable();
                Test { column: self, accepted: Accepted::List(codes) }
            }
            _ => self.nothing(),
        }
    }

    /// Texts for which `passes` holds, such as a pattern: it is asked once for each distinct text. For
    /// date-times the bodies must be asked.
    #[cfg(test)]
    pub(crate) fn compile_texts_where(&self, passes: impl Fn(&str) -> bool) -> Test<'_> {
        let dictionary = match &self.encoding {
            Encoding::Text(dictionary) => dictionary,
            Encoding::Instant(..) => return self.bodies(),
            _ => return self.nothing(),
        };
        self.set((0_u64..).zip(dictionary.iter()).filter(|(_, text)| passes(text)).map(|(code, _)| code))
    }

    /// Booleans of that value.
    #[cfg(test)]
    pub(crate) fn compile_bool(&self, value: bool) -> Test<'_> {
        match &self.encoding {
            Encoding::Bool => self.run(u64::from(value), u64::from(value) + 1),
            _ => self.nothing(),
        }
    }

    /// Codes below `end`, of which `value` makes ascending values.
    fn ordered<T: PartialOrd>(
        &self,
        end: u64,
        low: Bound<T>,
        high: Bound<T>,
        value: impl Fn(u64) -> T,
    ) -> Test<'_> {
        let first = match low {
            Bound::Unbounded => 0,
            Bound::Included(low) => partition_point(end, |code| value(code) < low),
            Bound::Excluded(low) => partition_point(end, |code| value(code) <= low),
        };
        let end = match high {
            Bound::Unbounded => end,
            Bound::Included(high) => partition_point(end, |code| value(code) <= high),
            Bound::Excluded(high) => partition_point(end, |code| value(code) < high),
        };
        self.run(first, end)
    }

    fn set(&self, codes: impl Iterator<Item = u64>) -> Test<'_> {
        let mut words = Vec::new();
        for code in codes {
            let Ok(at) = usize::try_from(code / 64) else { continue };
            if words.len() <= at {
                words.resize(at + 1, 0);
            }
            words[at] |= 1 << (code % 64);
        }
        Test { column: self, accepted: Accepted::Set(words) }
    }
}

/// The code of an instant, which no row need have.
fn code_of(integers: Integers, instant: DateTime<Utc>) -> Option<u64> {
    let unit = super::integers::POWERS[usize::from(integers.digits.min(9))];
    let fraction = i64::from(instant.timestamp_subsec_nanos()) / (super::integers::POWERS[9] / unit);
    let whole = instant.timestamp().checked_mul(unit)?.checked_add(fraction)?;
    let code = u64::try_from(i128::from(whole) - i128::from(integers.base)).ok()?;
    (code < ELSEWHERE && instant_of(integers, code) == Some(instant)).then_some(code)
}

/// The first code below `end` for which `before` does not hold.
fn partition_point(end: u64, before: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
