//! Numbers as the real Items write them, straight into bytes.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// Writes `value / 10^decimals` without trailing zeros, but as a float: `3.0`, `0.146308`.
pub(super) fn push_decimal(out: &mut Vec<u8>, value: i64, decimals: usize) {
    let mut digits = [b'0'; 24];
    let mut rest = value.unsigned_abs();
    let mut at = digits.len();
    while rest > 0 || digits.len() - at <= decimals {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if value < 0 {
        out.push(b'-');
    }
    let point = digits.len() - decimals;
    let last = digits[point..].iter().rposition(|digit| *digit != b'0').unwrap_or(0);
    out.extend_from_slice(&digits[at..point]);
    out.push(b'.');
    out.extend_from_slice(digits.get(point..=point + last).unwrap_or(b"0"));
}

/// Writes an integer with leading zeros.
pub(super) fn push_padded(out: &mut Vec<u8>, value: u32, width: usize) {
    let mut digits = [b'0'; 10];
    let mut rest = value;
    let mut at = digits.len();
    while rest > 0 || digits.len() - at < width {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes `20241203T174629`.
pub(super) fn push_stamp(out: &mut Vec<u8>, time: DateTime<Utc>) {
    push_padded(out, time.year().unsigned_abs() * 10_000 + time.month() * 100 + time.day(), 8);
    out.push(b'T');
    push_padded(out, time.hour() * 10_000 + time.minute() * 100 + time.second(), 6);
}

/// Writes `2024-12-03T17:46:29.024000Z`.
pub(super) fn push_instant(out: &mut Vec<u8>, time: DateTime<Utc>) {
    push_padded(out, time.year().unsigned_abs(), 4);
    for (mark, value) in [
        (b'-', time.month()),
        (b'-', time.day()),
        (b'T', time.hour()),
        (b':', time.minute()),
        (b':', time.second()),
    ] {
        out.push(mark);
        push_padded(out, value, 2);
    }
    out.push(b'.');
    push_padded(out, time.timestamp_subsec_micros(), 6);
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_their_zeros_but_stay_floats() {
        for (value, decimals, text) in [
            (0, 6, "0.0"),
            (146_308, 6, "0.146308"),
            (-1_053_654_289, 7, "-105.3654289"),
            (100_000_000, 6, "100.0"),
            (30, 6, "0.00003"),
            (399_960, 0, "399960.0"),
            (-5, 1, "-0.5"),
        ] {
            let mut out = Vec::new();
            push_decimal(&mut out, value, decimals);
            assert_eq!(String::from_utf8(out).expect("ASCII"), text);
        }
    }

    #[test]
    fn times_are_written_as_stamps_and_instants() {
        let time = DateTime::from_timestamp_micros(1_733_247_989_024_000).expect("a time");
        let mut out = Vec::new();
        push_stamp(&mut out, time);
        out.push(b' ');
        push_instant(&mut out, time);
        assert_eq!(out, b"20241203T174629 2024-12-03T17:46:29.024000Z");
    }
}
