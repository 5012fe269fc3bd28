//! The `Range` header of RFC 9110, section 14.

use std::ops::Range;

/// Ranges that one request may ask for.
const MAX_RANGES: usize = 64;

/// Ranges that lie closer together than this are one: the head of a part takes as many bytes.
const PART_HEAD_BYTES: u64 = 80;

/// A range of an object's bytes, half-open.
pub type ByteRange = Range<u64>;

/// The ranges cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// None of them touches the object.
    #[error("Range: no byte of it lies within the asset's {len} bytes")]
    Outside {
        /// Length of the object.
        len: u64,
    },
    /// More than are taken.
    #[error("Range: more than {MAX_RANGES} ranges; ask for fewer at once")]
    TooMany,
}

/// Reads a header's value for an object of `len` bytes: at least one range, none empty, no byte in two of them. Those that
/// overlap or nearly touch are joined, and all are then in the order of their bytes; else they are in the order asked for.
/// Nothing for a value that is to be passed over, another unit or no ranges at all: the whole object answers that.
///
/// # Errors
/// When no range lies inside the object, or there are too many.
pub(super) fn parse(value: &str, len: u64) -> Result<Option<Vec<ByteRange>>, RangeError> {
    let Some((unit, specs)) = value.trim().split_once('=') else { return Ok(None) };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Ok(None);
    }
    let mut ranges = Vec::new();
    let mut count = 0;
    for spec in specs.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        count += 1;
        if count > MAX_RANGES {
            return Err(RangeError::TooMany);
        }
        let Some(range) = one(spec, len) else { return Ok(None) };
        if !range.is_empty() {
            ranges.push(range);
        }
    }
    match (count, ranges.is_empty()) {
        (0, _) => Ok(None),
        (_, true) => Err(RangeError::Outside { len }),
        (_, false) => Ok(Some(joined(ranges))),
    }
}

/// One range, cut at the object's end; empty when it lies outside, nothing when it is none.
fn one(spec: &str, len: u64) -> Option<ByteRange> {
    let (first, last) = spec.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first.trim()), number(last.trim())) {
        (None, Some(suffix)) if first.trim().is_empty() => Some(len.saturating_sub(suffix)..len),
        (Some(start), None) if last.trim().is_empty() => Some(start..len),
        (Some(start), Some(last)) if start <= last => Some(start..last.saturating_add(1).min(len)),
        _ => None,
    }
}

fn joined(asked: Vec<ByteRange>) -> Vec<ByteRange> {
    let mut sorted = asked.clone();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<ByteRange> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start < last.end.saturating_add(PART_HEAD_BYTES) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    if joined.len() == asked.len() { asked } else { joined }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let found = |value: &str| parse(value, 1000);
        #[expect(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
        let range = |start, end| Ok(Some(vec![start..end]));
        assert_eq!(found("bytes=0-99"), range(0, 100));
        assert_eq!(found("Bytes= 900- "), range(900, 1000));
        assert_eq!(found("bytes=-100"), range(900, 1000));
        assert_eq!(found("bytes=-5000"), range(0, 1000));
        assert_eq!(found("bytes=990-99999999999999999999999"), range(990, 1000));
        for outside in ["bytes=1000-", "bytes=-0", "bytes=1000-1001,5000-"] {
            assert_eq!(found(outside), Err(RangeError::Outside { len: 1000 }), "{outside}");
        }
        assert_eq!(parse("bytes=-5", 0), Err(RangeError::Outside { len: 0 }));
        for passed_over in
            ["items=0-1", "bytes=", "bytes=,", "bytes", "bytes=a-b", "bytes=5-2", "bytes=0-1,x"]
        {
            assert_eq!(found(passed_over), Ok(None), "{passed_over}");
        }
    }

    #[test]
    fn several_ranges_keep_their_order_unless_they_overlap() {
        assert_eq!(parse("bytes=500-599, 0-9,,9999-", 1000), Ok(Some(vec![500..600, 0..10])));
        assert_eq!(parse("bytes=500-599,0-9,550-700", 1000), Ok(Some(vec![0..10, 500..701])));
        let many = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        assert!(parse(&many(MAX_RANGES), 1000).is_ok());
        assert_eq!(parse(&many(MAX_RANGES + 1), 1000), Err(RangeError::TooMany));
    }

    proptest! {
        #[test]
        fn no_byte_is_sent_twice_and_none_that_was_asked_for_is_missing(
            asked in prop::collection::vec((0_u64..1200, 0_u64..300), 1..12), len in 1_u64..1000,
        ) {
            let specs: Vec<_> = asked.iter().map(|(start, more)| format!("{start}-{}", start + more)).collect();
            let wanted = |byte: u64| asked.iter().any(|(start, more)| (*start..=start + more).contains(&byte));
            match parse(&format!("bytes={}", specs.join(",")), len) {
                Ok(ranges) => {
                    let ranges = ranges.unwrap_or_default();
                    prop_assert!(ranges.iter().all(|range| range.start < range.end && range.end <= len));
                    for byte in 0..len {
                        let times = ranges.iter().filter(|range| range.contains(&byte)).count();
                        prop_assert!(times <= 1 && (times == 1 || !wanted(byte)));
                    }
                }
                Err(_) => prop_assert!((0..len).all(|byte| !wanted(byte))),
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(value in "(bytes=)?[0-9,\\- a-z=]{0,60}", len: u64) {
            if let Ok(Some(ranges)) = parse(&value, len) {
                prop_assert!(!ranges.is_empty());
            }
        }
    }
}
