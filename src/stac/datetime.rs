//! Instants and intervals as STAC writes them: RFC 3339 with a zone, `..` or nothing for an open end.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// Why a text is no instant or interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatetimeError {
    /// Not RFC 3339 with a zone.
    #[error("'{text}' is not an RFC 3339 date-time with a zone, such as 2024-06-01T00:00:00Z")]
    Instant {
        /// As given.
        text: String,
    },
    /// Open on both sides, or more than two ends.
    #[error("'{text}' is not an interval: write start/end, where one of the two may be '..' or empty")]
    Interval {
        /// As given.
        text: String,
    },
    /// Backwards.
    #[error("the interval '{text}' ends before it starts")]
    Backwards {
        /// As given.
        text: String,
    },
}

/// Reads one RFC 3339 instant: lower-case `t` and `z` allowed, 0 to 9 fractional digits, a zone required.
///
/// # Errors
/// When the text has another form or impossible fields, such as a 30 February.
pub fn parse_instant(text: &str) -> Result<DateTime<Utc>, DatetimeError> {
    instant_fields(text).ok_or_else(|| DatetimeError::Instant { text: text.to_owned() })
}

fn instant_fields(text: &str) -> Option<DateTime<Utc>> {
    if !text.is_ascii() {
        return None;
    }
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let (time, rest) = (rest.strip_prefix(['T', 't'])?.get(..8)?, rest.get(9..)?);
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(digits) => {
            let end = digits.find(|c: char| !c.is_ascii_digit())?;
            (digits.get(..end).filter(|d| (1..=9).contains(&d.len()))?, digits.get(end..)?)
        }
        None => ("", rest),
    };
    let [year, month, day] = separated(date, b'-', [4, 2, 2])?;
    let [hour, minute, second] = separated(time, b':', [2, 2, 2])?;
    let offset_minutes = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = match zone.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let [hours, minutes] = separated(zone.get(1..)?, b':', [2, 2])?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            sign * i64::from(hours * 60 + minutes)
        }
    };
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    // RFC 3339 allows a leap second: it counts as the second that follows it.
    let leap = u32::from(second == 60);
    let naive = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?.and_hms_nano_opt(
        hour,
        minute,
        second - leap,
        nanos,
    )?;
    let shift = i64::from(leap) - offset_minutes * 60;
    naive.and_utc().checked_add_signed(chrono::Duration::seconds(shift))
}

/// Splits `text` at `separator` into numbers of exactly the given widths.
fn separated<const N: usize>(text: &str, separator: u8, widths: [usize; N]) -> Option<[u32; N]> {
    let mut fields = [0; N];
    let mut parts = text.split(char::from(separator));
    for (field, width) in fields.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *field = part.parse().ok()?;
    }
    parts.next().is_none().then_some(fields)
}

/// Writes an instant as STAC documents do: UTC, `Z`, fractional digits only where they are needed.
#[must_use]
pub fn format_instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A closed interval of time; `None` is an open end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    /// First instant that belongs to it.
    pub start: Option<DateTime<Utc>>,
    /// Last instant that belongs to it.
    pub end: Option<DateTime<Utc>>,
}

impl Interval {
    /// Reads an instant or `start/end` with `..` or nothing for one open end.
    ///
    /// # Errors
    /// As [`parse_instant`], and for intervals that are open on both sides or run backwards.
    pub fn parse(text: &str) -> Result<Self, DatetimeError> {
        let Some((first, second)) = text.split_once('/') else {
            let instant = parse_instant(text)?;
            return Ok(Self { start: Some(instant), end: Some(instant) });
        };
        let end = |part: &str| match part {
            "" | ".." => Ok(None),
            _ => parse_instant(part).map(Some),
        };
        if second.contains('/') {
            return Err(DatetimeError::Interval { text: text.to_owned() });
        }
        let interval = Self { start: end(first)?, end: end(second)? };
        match (interval.start, interval.end) {
            (None, None) => Err(DatetimeError::Interval { text: text.to_owned() }),
            (Some(a), Some(b)) if b < a => Err(DatetimeError::Backwards { text: text.to_owned() }),
            _ => Ok(interval),
        }
    }

    /// True when an Item that lasts from `start` to `end` has an instant in common with the interval.
    #[must_use]
    pub fn meets(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        self.start.is_none_or(|s| end >= s) && self.end.is_none_or(|e| start <= e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_read_strictly() {
        for good in [
            "2024-06-01T00:00:00Z",
            "2024-06-01t00:00:00z",
            "1985-04-12T23:20:50.52Z",
            "1996-12-19T16:39:57-00:00",
            "1996-12-19T16:39:57+08:30",
            "1985-04-12T23:20:50.123456789Z",
            "1990-12-31T23:59:60Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert!(parse_instant(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "2024-06-01",
            "2024-06-01T00:00:00",
            "2024-06-01 00:00:00Z",
            "2024-06-01T00:00:00+0100",
            "2024-06-01T00:00:00,5Z",
            "2024-06-01T00:00:00.Z",
            "2024-06-01T00:00:00.1234567890Z",
            "2024-02-30T00:00:00Z",
            "2024-06-01T24:00:00Z",
            "2024-06-01T00:00Z",
            "2024-06-01T00:00:00Zé",
            "24-06-01T00:00:00Z",
        ] {
            assert!(parse_instant(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_and_leap_seconds_become_utc() {
        let utc = |t| format_instant(parse_instant(t).expect("an instant"));
        assert_eq!(utc("2024-06-01T01:30:00+01:30"), "2024-06-01T00:00:00Z");
        assert_eq!(utc("1990-12-31T23:59:60Z"), "1991-01-01T00:00:00Z");
        assert_eq!(utc("2024-06-01T00:00:00.250Z"), "2024-06-01T00:00:00.250Z");
    }

    #[test]
    fn intervals_may_be_open_on_one_side_only() {
        for good in ["2024-01-01T00:00:00Z/..", "../2024-01-01T00:00:00Z", "/2024-01-01T00:00:00Z"] {
            assert!(Interval::parse(good).is_ok(), "{good}");
        }
        let day = "2024-01-01T00:00:00Z";
        for bad in
            ["/", "../..", "../", &format!("{day}/{day}/{day}"), "2024-01-02T00:00:00Z/2024-01-01T00:00:00Z"]
        {
            assert!(Interval::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_ends_belong_to_the_interval() {
        let t = |s| parse_instant(s).expect("an instant");
        let year = Interval::parse("2024-01-01T00:00:00Z/2024-12-31T00:00:00Z").expect("an interval");
        assert!(year.meets(t("2024-12-31T00:00:00Z"), t("2024-12-31T00:00:00Z")));
        assert!(year.meets(t("2023-01-01T00:00:00Z"), t("2025-01-01T00:00:00Z")));
        assert!(!year.meets(t("2024-12-31T00:00:01Z"), t("2025-01-01T00:00:00Z")));
    }
}
