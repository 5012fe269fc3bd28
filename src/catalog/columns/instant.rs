//! Date-times in the forms that catalogues write, from which the text can be made again byte for byte.
//!
//! `2024-12-03T17:46:29.024Z`: 0, 3, 6 or 9 digits of a second, and `Z` or `+00:00`. All else stays a text: no zone but
//! UTC, no lower case, no leap second. Writers differ in what they do with a second that has no fraction; a column keeps
//! the [`Rules`] under which all of its texts so far come out right, and so needs no style for each cell.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// How the text of a date-time was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InstantText {
    /// 0, 3, 6 or 9.
    digits: u8,
    /// `+00:00` instead of `Z`.
    offset: bool,
}

impl InstantText {
    /// The instant and the style of a text; `None` when the text could not be made again from them.
    pub(crate) fn parse(text: &str) -> Option<(DateTime<Utc>, Self)> {
        let bytes = text.as_bytes();
        let (head, rest) = bytes.split_first_chunk::<19>()?;
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] = *head
        else {
            return None;
        };
        let year = number(&[y1, y2, y3, y4])?;
        let (month, day) = (number(&[m1, m2])?, number(&[d1, d2])?);
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
        let (fraction, zone) = match rest.split_first()? {
            (b'.', rest) => rest.split_at_checked(rest.iter().position(|b| !b.is_ascii_digit())?)?,
            _ => (&[][..], rest),
        };
        let offset = match zone {
            b"Z" => false,
            b"+00:00" => true,
            _ => return None,
        };
        let (digits, scale) = match fraction.len() {
            0 if rest.len() == zone.len() => (0, 0),
            3 => (3, 1_000_000),
            6 => (6, 1_000),
            9 => (9, 1),
            _ => return None,
        };
        let nanos = number(fraction)? * scale;
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        let instant = date.and_hms_nano_opt(hour, minute, second, nanos)?.and_utc();
        Some((instant, Self { digits, offset }))
    }

    /// The text that the instant was read from.
    pub(crate) fn write(self, instant: DateTime<Utc>) -> String {
        let format = match self.digits {
            0 => SecondsFormat::Secs,
            3 => SecondsFormat::Millis,
            6 => SecondsFormat::Micros,
            _ => SecondsFormat::Nanos,
        };
        instant.to_rfc3339_opts(format, !self.offset)
    }
}

/// The number that at most nine ASCII digits write.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| match digit {
        b'0'..=b'9' => Some(sum * 10 + u32::from(digit - b'0')),
        _ => None,
    })
}

/// The ways of writing that would give back every text of a column, as bits: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules(u16);

/// For each bit of the lower half: how many digits a second with, and one without a fraction has. `None`: as few of 0, 3,
/// 6, 9 as say it. The upper half is the same with `+00:00`.
const RULES: [(Option<u8>, u8); 8] = [
    (Some(0), 0),
    (Some(3), 3),
    (Some(6), 6),
    (Some(9), 9),
    (Some(3), 0),
    (Some(6), 0),
    (Some(9), 0),
    (None, 0),
];

impl Rules {
    /// The rules that write `instant` in this style; none when the instant needs more digits than the style has.
    pub(super) fn of(instant: DateTime<Utc>, style: InstantText) -> Option<Self> {
        let nanos = instant.timestamp_subsec_nanos();
        let fits = RULES.iter().enumerate().filter(|(_, rule)| digits_under(**rule, nanos) == style.digits);
        let bits = fits.fold(0, |bits, (bit, _)| bits | 1 << bit);
        let exact = style.digits >= least_digits(nanos) && nanos < 1_000_000_000;
        (exact && bits != 0).then_some(Self(if style.offset { bits << 8 } else { bits }))
    }

    /// The rules that are in both.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        Some(Self(self.0 & other.0)).filter(|both| both.0 != 0)
    }

    /// How `instant` is written under any of the rules: they all agree on the instants that they were made for.
    pub(super) fn style(self, instant: DateTime<Utc>) -> InstantText {
        let bit = self.0.trailing_zeros() as usize;
        let rule = RULES[bit % RULES.len()];
        InstantText {
            digits: digits_under(rule, instant.timestamp_subsec_nanos()),
            offset: bit >= RULES.len(),
        }
    }

    /// As on disk.
    pub(super) fn bits(self) -> u16 {
        self.0
    }

    /// From disk; one rule must be left.
    pub(super) fn from_bits(bits: u16) -> Option<Self> {
        (bits != 0).then_some(Self(bits))
    }
}

fn digits_under((with, without): (Option<u8>, u8), nanos: u32) -> u8 {
    if nanos == 0 { without } else { with.unwrap_or(least_digits(nanos)) }
}

/// The digits of a second, 0, 3, 6 or 9, that say `nanos` exactly.
pub(super) fn least_digits(nanos: u32) -> u8 {
    match nanos {
        0 => 0,
        n if n.is_multiple_of(1_000_000) => 3,
        n if n.is_multiple_of(1_000) => 6,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(text: &str) -> Rules {
        let (instant, style) = InstantText::parse(text).expect("an instant");
        Rules::of(instant, style).expect("a rule")
    }

    #[test]
    fn other_forms_stay_texts() {
        for text in [
            "",
            "2024-12-03",
            "2024-12-03T17:46:29",
            "2024-12-03t17:46:29Z",
            "2024-12-03 17:46:29Z",
            "2024-12-03T17:46:29.Z",
            "2024-12-03T17:46:29.1Z",
            "2024-12-03T17:46:29.0240Z",
            "2024-12-03T17:46:29.024",
            "2024-12-03T17:46:29-00:00",
            "2024-12-03T17:46:29+01:00",
            "2024-12-03T17:46:60Z",
            "2024-02-30T17:46:29Z",
            "2024-12-03T24:00:00Z",
            "+024-12-03T17:46:29Z",
            "2024-12-03T17:46:29Zé",
        ] {
            assert_eq!(InstantText::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_writer_that_leaves_out_an_empty_fraction_is_understood() {
        let both =
            rules("2024-01-01T00:00:00Z").and(rules("2024-01-01T00:00:00.024Z")).expect("a rule for both");
        for text in ["2024-01-01T00:00:05Z", "2024-01-01T00:00:05.900Z"] {
            let (instant, _) = InstantText::parse(text).expect("an instant");
            assert_eq!(both.style(instant).write(instant), text);
        }
        assert_eq!(both.and(rules("2024-01-01T00:00:00.000Z")), None);
        assert_eq!(both.and(rules("2024-01-01T00:00:00+00:00")), None);
        assert_eq!(rules("2024-01-01T00:00:00.000Z").and(rules("2024-01-01T00:00:00Z")), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(
            seconds in -62_000_000_000_i64..253_000_000_000,
            nanos in prop_oneof![Just(0_u32), Just(500_000_000), 0_u32..1_000_000_000],
            digits in prop::sample::select(vec![0_u8, 3, 6, 9]),
            offset: bool,
        ) {
            let instant = DateTime::from_timestamp(seconds, nanos).expect("in range");
            let style = InstantText { digits, offset };
            let text = style.write(instant);
            let (read, style) = InstantText::parse(&text).expect("the form that it writes");
            prop_assert_eq!(style.write(read), text.clone());
            let rules = Rules::of(read, style).expect("a rule");
            prop_assert_eq!(rules.style(read).write(read), text);
        }

        #[test]
        fn no_text_is_changed(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,9})?(Z|\\+00:00)") {
            if let Some((instant, style)) = InstantText::parse(&text) {
                prop_assert_eq!(style.write(instant), text);
            }
        }
    }
}
