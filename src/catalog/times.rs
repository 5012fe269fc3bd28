//! Instants in eight bytes each, exactly: microseconds, or twelve bytes when one of them needs nanoseconds.

use std::io::{self, Write};
use std::ops::Range;

use chrono::{DateTime, Utc};

use super::parts::{PartsError, Reader, write_list};

/// An instant for each row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Times(Held);

#[derive(Debug, Clone, PartialEq)]
enum Held {
    Micros(Vec<i64>),
    Nanos { seconds: Vec<i64>, nanos: Vec<u32> },
}

impl Default for Times {
    fn default() -> Self {
        Self(Held::Micros(Vec::new()))
    }
}

impl FromIterator<DateTime<Utc>> for Times {
    fn from_iter<I: IntoIterator<Item = DateTime<Utc>>>(instants: I) -> Self {
        let instants = instants.into_iter();
        let mut times = Self(Held::Micros(Vec::with_capacity(instants.size_hint().0)));
        for instant in instants {
            times.push(instant);
        }
        times
    }
}

impl Times {
    /// Adds the instant of the next row.
    pub(crate) fn push(&mut self, instant: DateTime<Utc>) {
        let subsecond = instant.timestamp_subsec_nanos();
        if let Held::Micros(micros) = &mut self.0 {
            if subsecond.is_multiple_of(1000) && subsecond < 1_000_000_000 {
                micros.push(instant.timestamp_micros());
                return;
            }
            let seconds = micros.iter().map(|m| m.div_euclid(1_000_000)).collect();
            let nanos =
                micros.iter().map(|m| u32::try_from(m.rem_euclid(1_000_000) * 1000).unwrap_or(0)).collect();
            self.0 = Held::Nanos { seconds, nanos };
        }
        if let Held::Nanos { seconds, nanos } = &mut self.0 {
            seconds.push(instant.timestamp());
            nanos.push(subsecond);
        }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Held::Micros(micros) => micros.len(),
            Held::Nanos { seconds, .. } => seconds.len(),
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        match &self.0 {
            Held::Micros(micros) => micros.capacity() * 8,
            Held::Nanos { seconds, nanos } => seconds.capacity() * 8 + nanos.capacity() * 4,
        }
    }

    /// The row's instant.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> DateTime<Utc> {
        let row = row as usize;
        let instant = match &self.0 {
            Held::Micros(micros) => DateTime::from_timestamp_micros(micros[row]),
            Held::Nanos { seconds, nanos } => DateTime::from_timestamp(seconds[row], nanos[row]),
        };
        // Each came from an instant, or was looked at when it was read.
        instant.unwrap_or_default()
    }

    /// All instants in the order of the rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = DateTime<Utc>> {
        (0..self.rows()).map(|row| self.get(row))
    }

    /// True when no row is later than the one before it.
    #[cfg(test)]
    pub(crate) fn is_newest_first(&self) -> bool {
        self.iter().is_sorted_by(|a, b| a >= b)
    }

    /// Of rows that are newest first, the number of those later than `instant`.
    pub(crate) fn later_than(&self, instant: DateTime<Utc>) -> u32 {
        self.partition_point(|time| time > instant)
    }

    /// Of rows that are newest first, those from `start` to `end`, both included; `None` is an open end.
    pub(crate) fn rows_between(
        &self,
        start: Option<DateTime<Utc>>,
        end: Option<DateTime<Utc>>,
    ) -> Range<u32> {
        let first = end.map_or(0, |end| self.later_than(end));
        let past = start.map_or(self.rows(), |start| self.partition_point(|time| time >= start));
        first..past.max(first)
    }

    fn partition_point(&self, before: impl Fn(DateTime<Utc>) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.rows());
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.get(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn rows(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    /// Writes all instants.
    ///
    /// # Errors
    /// When `out` does not take them.
    pub(crate) fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        match &self.0 {
            Held::Micros(micros) => {
                out.write_all(&[0])?;
                write_list(micros, out)
            }
            Held::Nanos { seconds, nanos } => {
                out.write_all(&[1])?;
                write_list(seconds, out)?;
                write_list(nanos, out)
            }
        }
    }

    /// Reads what [`Times::to_parts`] wrote for so many rows. Whether they are in order is the caller's to ask.
    ///
    /// # Errors
    /// When the bytes are not such instants.
    pub(crate) fn from_parts(rows: usize, parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let invalid = |expected| PartsError::Invalid { what: "times", expected };
        let (held, fits) = match parts.u8("times")? {
            0 => {
                let micros: Vec<i64> = parts.counted("times")?;
                let ends =
                    [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC].map(|end| end.timestamp_micros());
                let fits = micros.iter().all(|m| (ends[0]..=ends[1]).contains(m));
                (Held::Micros(micros), fits)
            }
            1 => {
                let seconds: Vec<i64> = parts.counted("times")?;
                let nanos: Vec<u32> = parts.counted("times")?;
                let mut pairs = seconds.iter().zip(&nanos);
                let fits = seconds.len() == nanos.len()
                    && pairs.all(|(s, n)| DateTime::from_timestamp(*s, *n).is_some());
                (Held::Nanos { seconds, nanos }, fits)
            }
            _ => return Err(invalid("0 or 1")),
        };
        let times = Self(held);
        if !fits || times.len() != rows {
            return Err(invalid("an instant for each row"));
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instants() -> impl Strategy<Value = Vec<DateTime<Utc>>> {
        let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC].map(|end| end.timestamp());
        let seconds = prop_oneof![9 => 0_i64..40, 1 => ends[0]..=ends[1]];
        let micros = (0_u32..1_000_000).prop_map(|m| m * 1000);
        let nanos = prop_oneof![20 => Just(0), 20 => micros, 1 => 0_u32..1_000_000_000];
        let instant = (seconds, nanos).prop_map(|(s, n)| DateTime::from_timestamp(s, n).expect("in range"));
        prop::collection::vec(instant, 0..60)
    }

    proptest! {
        #[test]
        fn instants_come_back(instants in instants(), at: prop::sample::Index, flip in 1_u8..) {
            let times: Times = instants.iter().copied().collect();
            prop_assert!(times.iter().eq(instants.iter().copied()));
            let mut bytes = Vec::new();
            times.to_parts(&mut bytes).expect("memory");
            prop_assert_eq!(Times::from_parts(instants.len(), &mut Reader::new(&bytes)), Ok(times));
            let at = at.index(bytes.len());
            prop_assert!(Times::from_parts(instants.len(), &mut Reader::new(&bytes[..at])).is_err());
            bytes[at] ^= flip;
            if let Ok(damaged) = Times::from_parts(instants.len(), &mut Reader::new(&bytes)) {
                prop_assert_eq!(damaged.iter().count(), instants.len());
            }
        }

        #[test]
        fn rows_between_are_those_of_a_scan(mut instants in instants(), start in 0_i64..40, length in -2_i64..20, open: [bool; 2]) {
            instants.sort_by(|a, b| b.cmp(a));
            let times: Times = instants.iter().copied().collect();
            prop_assert!(times.is_newest_first());
            let [start, end] = [start, start + length].map(|s| DateTime::from_timestamp(s, 0).expect("in range"));
            let (start, end) = ((!open[0]).then_some(start), (!open[1]).then_some(end));
            let range = times.rows_between(start, end);
            for (row, instant) in (0..).zip(&instants) {
                let inside = start.is_none_or(|s| *instant >= s) && end.is_none_or(|e| *instant <= e);
                prop_assert_eq!(range.contains(&row), inside);
            }
        }
    }
}
