//! What a client may ask a property for: its kind, its range, its few texts.

use chrono::{DateTime, Utc};

use super::codes::{ELSEWHERE, MISSING, NULL};
use super::column::Column;
use super::encoding::{Encoding, instant_of};
use super::scalar::Cell;

/// Distinct texts are listed up to this many.
pub(crate) const MAX_LISTED_TEXTS: usize = 64;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers, not all of them whole.
    Number,
    /// Whole numbers.
    Integer,
    /// Texts.
    Text,
    /// `true` and `false`.
    Boolean,
    /// Texts that are date-times.
    DateTime,
    /// Values that the column holds and others that it does not, or only such.
    Mixed,
    /// No value but `null`.
    Nothing,
}

/// The lowest and the highest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Extremes {
    /// Of numbers.
    Numbers(f64, f64),
    /// Of date-times.
    Instants(DateTime<Utc>, DateTime<Utc>),
}

/// Some rows of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary<'a> {
    /// What the values are.
    pub(crate) kind: Kind,
    /// Rows that have the property, `null` or not.
    pub(crate) rows: usize,
    /// Rows where it is `null`.
    pub(crate) nulls: usize,
    /// Rows where only the body knows it; all else here leaves them out.
    pub(crate) elsewhere: usize,
    /// The lowest and the highest number or date-time.
    pub(crate) extremes: Option<Extremes>,
    /// The distinct texts, sorted, when there are at most [`MAX_LISTED_TEXTS`].
    pub(crate) texts: Option<Vec<&'a str>>,
}

impl Column {
    /// Of all rows.
    pub(crate) fn summary(&self) -> Summary<'_> {
        self.summary_of_codes(self.codes.iter())
    }

    /// Of some rows, such as a collection's. Each row counts as often as it comes.
    pub(crate) fn summary_of(&self, rows: impl Iterator<Item = u32>) -> Summary<'_> {
        self.summary_of_codes(rows.map(|row| self.code(row)))
    }

    fn summary_of_codes(&self, codes: impl Iterator<Item = u64>) -> Summary<'_> {
        let (mut rows, mut nulls, mut elsewhere) = (0, 0, 0);
        let mut seen = Seen { range: None, is_whole: true, texts: Vec::new() };
        for code in codes {
            rows += usize::from(code != MISSING);
            match code {
                MISSING => {}
                NULL => nulls += 1,
                ELSEWHERE => elsewhere += 1,
                _ => seen.add(code, &self.encoding),
            }
        }
        let kind = match &self.encoding {
            _ if elsewhere > 0 => Kind::Mixed,
            _ if seen.range.is_none() => Kind::Nothing,
            Encoding::Nothing => Kind::Nothing,
            Encoding::Bool => Kind::Boolean,
            Encoding::Decimal(_) | Encoding::Float if seen.is_whole => Kind::Integer,
            Encoding::Decimal(_) | Encoding::Float => Kind::Number,
            Encoding::Text(_) => Kind::Text,
            Encoding::Instant(..) => Kind::DateTime,
        };
        let extremes = seen.range.and_then(|(low, high)| match &self.encoding {
            Encoding::Instant(integers, _) => {
                Some(Extremes::Instants(instant_of(*integers, low)?, instant_of(*integers, high)?))
            }
            encoding => match (encoding.cell(low), encoding.cell(high)) {
                (Cell::Number(low), Cell::Number(high)) => Some(Extremes::Numbers(low, high)),
                _ => None,
            },
        });
        let texts = match &self.encoding {
            Encoding::Text(dictionary) if seen.texts.len() <= MAX_LISTED_TEXTS => {
                Some(seen.texts.iter().map(|code| dictionary.get(*code)).collect())
            }
            _ => None,
        };
        Summary { kind, rows, nulls, elsewhere, extremes, texts }
    }
}

/// The values that came by so far.
struct Seen {
    range: Option<(u64, u64)>,
    is_whole: bool,
    /// Codes of texts, ascending: one more than are listed, at most.
    texts: Vec<u64>,
}

impl Seen {
    #[inline]
    fn add(&mut self, code: u64, encoding: &Encoding) {
        self.range = Some(self.range.map_or((code, code), |(low, high)| (low.min(code), high.max(code))));
        match encoding {
            Encoding::Text(_) if self.texts.len() <= MAX_LISTED_TEXTS => {
                if let Err(at) = self.texts.binary_search(&code) {
                    self.texts.insert(at, code);
                }
            }
            Encoding::Decimal(_) | Encoding::Float if self.is_whole => {
                self.is_whole = matches!(encoding.cell(code), Cell::Number(number) if number.fract() == 0.0);
            }
            _ => {}
        }
    }
}
