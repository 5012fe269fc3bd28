//! Whole numbers of a power of ten as codes: cloud cover in millionths, date-times in milliseconds.
//!
//! A code is the distance from the lowest number, so that EPSG codes of UTM zones cost a byte each. A column that grows
//! leaves room on both sides of what it has seen, and moves or widens its codes when a number does not fit.

use super::codes::{Codes, values_of_width};

/// The powers of ten that a column may count in.
pub(super) const POWERS: [i64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Up to here, an `f64` holds whole numbers exactly, and a quotient of two of them has one nearest `f64` for each value.
const MOST_EXACT: i64 = 1 << 53;

/// What the codes of a finished column count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Integers {
    /// The number of code 0.
    pub(super) base: i64,
    /// Digits after the decimal point: the number is divided by ten to the power of it.
    pub(super) digits: u8,
}

impl Integers {
    /// The number before the division.
    #[inline]
    #[expect(clippy::cast_possible_wrap, reason = "two's complement: the sum is right where the number fits")]
    pub(super) fn whole(self, code: u64) -> i64 {
        self.base.wrapping_add(code as i64)
    }

    /// The number.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    pub(super) fn number(self, code: u64) -> f64 {
        self.whole(code) as f64 / power(self.digits) as f64
    }
}

#[inline]
fn power(digits: u8) -> i64 {
    POWERS.get(usize::from(digits)).copied().unwrap_or(i64::MAX)
}

/// The whole number and the digits, at least `digits`, that make this `f64` again bit for bit.
#[inline]
pub(super) fn decimal(value: f64, digits: u8) -> Option<(i64, u8)> {
    (digits..10).find_map(|digits| Some((whole_at(value, digits)?, digits)))
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "checked by computing it back"
)]
fn whole_at(value: f64, digits: u8) -> Option<i64> {
    let scaled = value * power(digits) as f64;
    let whole = (scaled + 0.5_f64.copysign(scaled)) as i64;
    let again = whole as f64 / power(digits) as f64;
    (again.to_bits() == value.to_bits() && whole.unsigned_abs() <= MOST_EXACT.unsigned_abs()).then_some(whole)
}

/// The codes' meaning while a column grows.
#[derive(Debug, Clone)]
pub(super) struct Growing {
    meaning: Integers,
    low: i64,
    high: i64,
    width: u32,
    /// Numbers are at most this far from 0.
    bound: i64,
    widest: u32,
}

impl Growing {
    /// For `f64`s: no code is wider than four bytes, where eight hold the number itself.
    pub(super) fn of_numbers(first: i64, digits: u8) -> Option<Self> {
        Self::new(first, digits, MOST_EXACT, 4)
    }

    /// For instants, in nanoseconds those from 1823 to 2116.
    pub(super) fn of_instants(first: i64, digits: u8) -> Option<Self> {
        Self::new(first, digits, 1 << 62, 8)
    }

    /// Nothing when the first number is beyond the bound already.
    fn new(first: i64, digits: u8, bound: i64, widest: u32) -> Option<Self> {
        let is_near = first.unsigned_abs() <= bound.unsigned_abs();
        // No lower than the bound: a file may have no base beyond it.
        let meaning = Integers { base: (first.max(126 - bound)) - 126, digits };
        is_near.then_some(Self { meaning, low: first, high: first, width: 1, bound, widest })
    }

    pub(super) fn meaning(&self) -> Integers {
        self.meaning
    }

    /// The code of `whole / 10^digits`, after the codes so far were made to fit beside it; `None` when they cannot.
    #[inline]
    pub(super) fn code(&mut self, codes: &mut Codes, whole: i64, digits: u8) -> Option<u64> {
        if digits == self.meaning.digits && whole.unsigned_abs() <= self.bound.unsigned_abs() {
            let code = whole.wrapping_sub(self.meaning.base).cast_unsigned();
            if code < values_of_width(self.width) {
                self.low = self.low.min(whole);
                self.high = self.high.max(whole);
                return Some(code);
            }
        }
        self.make_room(codes, whole, digits)
    }

    fn make_room(&mut self, codes: &mut Codes, whole: i64, digits: u8) -> Option<u64> {
        let old = self.meaning;
        let most_digits = old.digits.max(digits);
        let factor = power(most_digits - old.digits);
        let fits = |number: i64| (-self.bound..=self.bound).contains(&number).then_some(number);
        let whole = whole.checked_mul(power(most_digits - digits)).and_then(fits)?;
        let low = self.low.checked_mul(factor).and_then(fits)?.min(whole);
        let high = self.high.checked_mul(factor).and_then(fits)?.max(whole);
        let span = high.abs_diff(low);
        let mut widths = [1, 2, 4, 8].into_iter().filter(|w| (self.width..=self.widest).contains(w));
        let width = widths.find(|width| span < values_of_width(*width))?;
        let slack = (values_of_width(width) - 1 - span) / 2;
        let base = if width == 8 { -self.bound } else { (low - slack.cast_signed()).max(-self.bound) };
        *codes = codes.map(values_of_width(width) - 1, |code| {
            old.whole(code).wrapping_mul(factor).wrapping_sub(base).cast_unsigned()
        });
        let meaning = Integers { base, digits: most_digits };
        *self = Self { meaning, low, high, width, ..*self };
        Some(whole.wrapping_sub(base).cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_told_from_other_numbers() {
        assert_eq!(decimal(0.146_308, 0), Some((146_308, 6)));
        assert_eq!(decimal(3e-5, 0), Some((3, 5)));
        assert_eq!(decimal(7.0, 2), Some((700, 2)));
        assert_eq!(decimal(-7.5, 0), Some((-75, 1)));
        for other in
            [-0.0, 0.1 + 0.2, 63.901_981_808_830_1, 1e300, 1e-300, f64::MAX, 9_007_199_254_740_993.0 * 2.0]
        {
            assert_eq!(decimal(other, 0), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn numbers_keep_their_values_while_codes_move(
            numbers in prop::collection::vec((
                prop_oneof![-300_i64..300, -70_000_i64..70_000, any::<i32>().prop_map(i64::from), any::<i64>()],
                prop::sample::select(vec![0_u8, 0, 0, 3, 6, 9]),
            ), 1..50),
            instants: bool,
        ) {
            let make = if instants { Growing::of_instants } else { Growing::of_numbers };
            let (first, digits) = numbers[0];
            prop_assume!(first.abs_diff(0) <= 1 << 53);
            let mut growing = make(first, digits).expect("within the bound");
            let mut codes = Codes::default();
            let mut held = Vec::new();
            for (whole, digits) in numbers {
                if let Some(code) = growing.code(&mut codes, whole, digits) {
                    codes.push(code);
                    held.push((whole, digits));
                } else {
                    // Refused is what no code is wide enough for, beside those that are held.
                    let most_digits = digits.max(growing.meaning.digits);
                    let scaled = |(whole, digits): (i64, u8)| i128::from(whole) * i128::from(power(most_digits - digits));
                    let all = || held.iter().copied().chain([(whole, digits)]).map(scaled);
                    let span = all().max().expect("one") - all().min().expect("one");
                    let is_far = all().any(|number| number.abs() > i128::from(growing.bound));
                    prop_assert!(is_far || span >= i128::from(values_of_width(growing.widest)));
                }
            }
            let meaning = growing.meaning();
            for (code, (whole, digits)) in codes.iter().zip(held) {
                prop_assert_eq!(meaning.whole(code), whole * power(meaning.digits - digits));
            }
        }

        #[test]
        fn a_decimal_is_computed_back(whole in -1_000_000_000_i64..1_000_000_000, digits in 0_u8..10) {
            let value = Integers { base: 0, digits }.number(whole.cast_unsigned());
            if value.to_bits() != (-0.0_f64).to_bits() {
                let (found, at) = decimal(value, 0).expect("a decimal");
                prop_assert!(at <= digits);
                prop_assert_eq!(Integers { base: found, digits: at }.number(0).to_bits(), value.to_bits());
                // More digits never change it.
                let finer = Integers { base: found * 10, digits: at + 1 };
                prop_assert!(at == 9 || finer.number(0).to_bits() == value.to_bits());
            }
        }
    }
}
