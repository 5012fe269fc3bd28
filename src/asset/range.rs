//! The `Range` header of RFC 9110, section 14.

/// A range of an object's bytes, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
}

/// The range does not touch the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Range: no byte of it lies within the asset's {len} bytes")]
pub struct RangeError {
    /// Length of the object.
    pub len: u64,
}

impl ByteRange {
    /// The whole of an object.
    #[must_use]
    pub fn whole(len: u64) -> Self {
        Self { start: 0, end: len }
    }

    /// Reads a header's value for an object of `len` bytes. Nothing for a value that is to be passed over: another unit,
    /// several ranges, or no range at all; the whole object answers those.
    ///
    /// # Errors
    /// When the range lies outside of the object.
    pub fn parse(value: &str, len: u64) -> Result<Option<Self>, RangeError> {
        let Some(spec) = value.trim().strip_prefix("bytes=") else { return Ok(None) };
        let Some((first, last)) = spec.split_once('-').map(|(a, b)| (a.trim(), b.trim())) else {
            return Ok(None);
        };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        let range = match (number(first), number(last)) {
            (None, Some(suffix)) if first.is_empty() => Self { start: len.saturating_sub(suffix), end: len },
            (Some(start), None) if last.is_empty() => Self { start, end: len },
            (Some(start), Some(last)) if start <= last => {
                Self { start, end: last.saturating_add(1).min(len) }
            }
            _ => return Ok(None),
        };
        if range.start >= range.end { Err(RangeError { len }) } else { Ok(Some(range)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let range = |start, end| Ok(Some(ByteRange { start, end }));
        assert_eq!(ByteRange::parse("bytes=0-99", 1000), range(0, 100));
        assert_eq!(ByteRange::parse("bytes=900-", 1000), range(900, 1000));
        assert_eq!(ByteRange::parse("bytes=-100", 1000), range(900, 1000));
        assert_eq!(ByteRange::parse("bytes=-5000", 1000), range(0, 1000));
        assert_eq!(ByteRange::parse("bytes=990-2000", 1000), range(990, 1000));
        assert_eq!(ByteRange::parse("bytes=1000-", 1000), Err(RangeError { len: 1000 }));
        assert_eq!(ByteRange::parse("bytes=-0", 1000), Err(RangeError { len: 1000 }));
        for passed_over in ["items=0-1", "bytes=", "bytes=a-b", "bytes=5-2", "bytes=0-1,4-5"] {
            assert_eq!(ByteRange::parse(passed_over, 1000), Ok(None), "{passed_over}");
        }
    }
}
