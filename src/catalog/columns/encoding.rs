//! What the codes of a column mean. In every encoding codes ascend as values do.

use chrono::{DateTime, Utc};

use super::codes::{ELSEWHERE, MISSING, NULL};
use super::dictionary::Dictionary;
use super::instant::{Rules, least_digits};
use super::integers::{Integers, POWERS};
use super::scalar::Cell;

/// The meaning of a finished column's codes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Encoding {
    /// There are no values, marks only.
    Nothing,
    /// 0 and 1.
    Bool,
    /// Numbers with few digits after the decimal point.
    Decimal(Integers),
    /// The bits of an `f64`, turned so that they ascend.
    Float,
    /// Codes of a sorted dictionary.
    Text(Dictionary),
    /// Instants since 1970, and how they are written.
    Instant(Integers, Rules),
}

impl Encoding {
    /// The cell that a code stands for.
    #[inline]
    pub(super) fn cell(&self, code: u64) -> Cell<'_> {
        match (code, self) {
            (MISSING, _) => Cell::Missing,
            (NULL, _) => Cell::Null,
            (ELSEWHERE, _) | (_, Self::Nothing) => Cell::Elsewhere,
            (_, Self::Bool) => Cell::Bool(code != 0),
            (_, Self::Decimal(integers)) => Cell::Number(integers.number(code)),
            (_, Self::Float) => Cell::Number(float_value(code)),
            (_, Self::Text(dictionary)) => Cell::Text(dictionary.get(code)),
            (_, Self::Instant(integers, rules)) => match instant_of(*integers, code) {
                Some(instant) => Cell::Instant(instant, rules.style(instant)),
                None => Cell::Elsewhere,
            },
        }
    }
}

/// The code of a number; codes ascend as numbers do, -0 before 0.
#[inline]
pub(super) fn float_code(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

/// The number of a code.
#[inline]
pub(super) fn float_value(code: u64) -> f64 {
    f64::from_bits(if code >> 63 == 0 { !code } else { code & !(1 << 63) })
}

/// An instant as whole units of 10^-digits seconds, with as few digits of 0, 3, 6 and 9 as it takes.
pub(super) fn instant_whole(instant: DateTime<Utc>) -> Option<(i64, u8)> {
    let nanos = instant.timestamp_subsec_nanos();
    let digits = least_digits(nanos);
    let fraction = i64::from(nanos) / POWERS[usize::from(9 - digits)];
    Some((instant.timestamp().checked_mul(POWERS[usize::from(digits)])?.checked_add(fraction)?, digits))
}

/// The instant of a code.
pub(super) fn instant_of(integers: Integers, code: u64) -> Option<DateTime<Utc>> {
    let unit = POWERS[usize::from(integers.digits.min(9))];
    let whole = integers.whole(code);
    let nanos = whole.rem_euclid(unit) * (POWERS[9] / unit);
    DateTime::from_timestamp(whole.div_euclid(unit), u32::try_from(nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_of_floats_ascend(a in any::<f64>(), b in any::<f64>()) {
            prop_assert_eq!(float_value(float_code(a)).to_bits(), a.to_bits());
            prop_assert_eq!(float_code(a).cmp(&float_code(b)), a.total_cmp(&b));
        }

        #[test]
        fn instants_come_back(seconds in -62_000_000_000_i64..253_000_000_000, nanos in 0_u32..1_000_000_000) {
            let instant = DateTime::from_timestamp(seconds, nanos).expect("in range");
            if let Some((base, digits)) = instant_whole(instant) {
                prop_assert_eq!(instant_of(Integers { base, digits }, 0), Some(instant));
            }
        }
    }
}
