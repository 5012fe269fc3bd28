//! One image file directory: tags → values, over the bytes fetched so far.

use std::fmt::Display;
use std::ops::Range;

use super::error::ParseError;
use super::source::Source;
use super::tag::{self, Kind};

/// Most tags of one directory; real ones have about 20.
const MAX_TAGS: u64 = 4096;

/// One tag of a directory.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u16,
    field_type: u16,
    count: u64,
    /// The value itself where it fits, else its offset: 4 bytes, 8 if they are 64-bit.
    value: [u8; 8],
}

/// Some values of a tag as raw bytes, with kind and size in bytes of one.
#[derive(Debug)]
struct Values<'a> {
    kind: Kind,
    size: usize,
    bytes: &'a [u8],
}

/// One directory.
#[derive(Debug)]
pub(super) struct Ifd<'a> {
    pub(super) source: Source<'a>,
    /// Its place in the chain, from 0.
    pub(super) index: usize,
    /// Offset of the next one, 0 at the end.
    pub(super) next: u64,
    entries: Vec<Entry>,
}

impl<'a> Ifd<'a> {
    pub(super) fn read(source: Source<'a>, index: usize, at: u64) -> Result<Self, ParseError> {
        let what = "directory";
        // Widths of the number of tags, of one tag, of its count and value, of an offset.
        let (head, width, word) = if source.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = source.unsigned(index, what, at, head)?;
        if count == 0 || count > MAX_TAGS {
            return Err(ParseError::Corrupt {
                ifd: index,
                what,
                expected: format!("1 to {MAX_TAGS} tags"),
                found: count.to_string(),
            });
        }
        // `at + head` and `at + head + tags` lie in the file, as read.
        let tags = count * width;
        let order = source.order;
        let entries = source
            .bytes(index, what, at + head, tags)?
            .chunks_exact(if source.big { 20 } else { 12 })
            .map(|bytes| {
                let (tag, rest) = bytes.split_at(2);
                let (field_type, rest) = rest.split_at(2);
                let (count, rest) = rest.split_at(if source.big { 8 } else { 4 });
                let mut value = [0; 8];
                value.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                Entry {
                    tag: low_u16(order.unsigned(tag)),
                    field_type: low_u16(order.unsigned(field_type)),
                    count: order.unsigned(count),
                    value,
                }
            })
            .collect();
        // A file may end right after the last tag: GDAL reads it too.
        let link = at + head + tags;
        let next = if link.saturating_add(word) > source.file_len {
            0
        } else {
            source.unsigned(index, what, link, word)?
        };
        Ok(Self { source, index, next, entries })
    }

    /// True if the directory has the tag.
    pub(super) fn has(&self, tag: u16) -> bool {
        self.find(tag).is_some()
    }

    fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// Where at most `most` values of the tag lie, unless that is within the directory; the file may be shorter.
    pub(super) fn place(&self, tag: u16, most: u64) -> Option<Range<u64>> {
        let entry = self.find(tag)?;
        let (_, size) = tag::field_type(entry.field_type)?;
        let (size, word) = (size as u64, if self.source.big { 8 } else { 4 });
        if entry.count.saturating_mul(size) <= word {
            return None;
        }
        let start = self.offset(entry);
        Some(start..start.saturating_add(entry.count.min(most).saturating_mul(size)))
    }

    /// Where the values lie that do not fit into their entry.
    fn offset(&self, entry: &Entry) -> u64 {
        let (offset, _) = entry.value.split_at(if self.source.big { 8 } else { 4 });
        self.source.order.unsigned(offset)
    }

    /// At most `most` values of the tag.
    fn raw(&self, tag: u16, what: &'static str, most: u64) -> Result<Option<Values<'_>>, ParseError> {
        let Some(entry) = self.find(tag) else { return Ok(None) };
        let Some((kind, size)) = tag::field_type(entry.field_type) else {
            return Err(self.corrupt(what, "a known field type", entry.field_type));
        };
        let word = if self.source.big { 8 } else { 4 };
        let len = entry.count.min(most).saturating_mul(size as u64);
        let whole = entry.count.saturating_mul(size as u64);
        if whole <= word {
            let len = usize::try_from(len).unwrap_or(0);
            let bytes = entry.value.get(..len).unwrap_or_default();
            return Ok(Some(Values { kind, size, bytes }));
        }
        let bytes = self.source.bytes(self.index, what, self.offset(entry), len)?;
        Ok(Some(Values { kind, size, bytes }))
    }

    /// The tag's integers, of any width and sign, `most` at most, in order, given to `each`.
    /// False if there is no such tag.
    pub(super) fn each_integer(
        &self,
        tag: u16,
        what: &'static str,
        most: u64,
        mut each: impl FnMut(u64),
    ) -> Result<bool, ParseError> {
        let Some(Values { kind, size, bytes }) = self.raw(tag, what, most)? else {
            return Ok(false);
        };
        if !matches!(kind, Kind::Unsigned | Kind::Signed) {
            return Err(self.corrupt(what, "integers", format!("{kind:?} values")));
        }
        let sign = 1_u64 << (size * 8 - 1);
        for bytes in bytes.chunks_exact(size) {
            let number = self.source.order.unsigned(bytes);
            if kind == Kind::Signed && number & sign != 0 {
                return Err(self.corrupt(what, "no negative number", "one"));
            }
            each(number);
        }
        Ok(true)
    }

    /// The tag's integers, `most` at most; none without the tag.
    pub(super) fn integers(&self, tag: u16, what: &'static str, most: u64) -> Result<Vec<u64>, ParseError> {
        let mut numbers = Vec::new();
        self.each_integer(tag, what, most, |number| numbers.push(number))?;
        Ok(numbers)
    }

    /// The tag's first integer.
    pub(super) fn integer(&self, tag: u16, what: &'static str) -> Result<Option<u64>, ParseError> {
        Ok(self.integers(tag, what, 1)?.first().copied())
    }

    /// The tag's floating-point numbers, `most` at most; none without the tag.
    pub(super) fn floats(&self, tag: u16, what: &'static str, most: u64) -> Result<Vec<f64>, ParseError> {
        let Some(Values { kind, size, bytes }) = self.raw(tag, what, most)? else {
            return Ok(Vec::new());
        };
        if kind != Kind::Float {
            return Err(self.corrupt(what, "floating-point numbers", format!("{kind:?} values")));
        }
        let number = |bytes: &[u8]| {
            let bits = self.source.order.unsigned(bytes);
            u32::try_from(bits)
                .ok()
                .filter(|_| size == 4)
                .map_or(f64::from_bits(bits), |bits| f64::from(f32::from_bits(bits)))
        };
        Ok(bytes.chunks_exact(size).map(number).collect())
    }

    /// The tag's text up to its first NUL; bytes that are not UTF-8 become U+FFFD.
    pub(super) fn text(&self, tag: u16, what: &'static str) -> Result<Option<String>, ParseError> {
        /// Longest text read; the longest seen in the wild are some 100 KB of GDAL metadata.
        const MAX_TEXT_BYTES: u64 = 8 << 20;
        let Some(Values { kind, bytes, .. }) = self.raw(tag, what, MAX_TEXT_BYTES + 1)? else {
            return Ok(None);
        };
        if bytes.len() as u64 > MAX_TEXT_BYTES {
            return Err(self.unsupported(what, "at most 8 MiB of text", "more"));
        }
        // Some writers say BYTE for text.
        if !matches!(kind, Kind::Bytes | Kind::Unsigned) {
            return Err(self.corrupt(what, "text", format!("{kind:?} values")));
        }
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }

    /// The tag's bytes, of which there may be `most`.
    pub(super) fn bytes(&self, tag: u16, what: &'static str, most: u64) -> Result<Option<&[u8]>, ParseError> {
        match self.raw(tag, what, most + 1)? {
            Some(Values { size: 1, bytes, .. }) if bytes.len() as u64 <= most => Ok(Some(bytes)),
            Some(Values { size: 1, .. }) => Err(self.corrupt(what, format!("at most {most} bytes"), "more")),
            Some(Values { kind, .. }) => Err(self.corrupt(what, "bytes", format!("{kind:?} values"))),
            None => Ok(None),
        }
    }

    /// An error of this directory.
    pub(super) fn corrupt(
        &self,
        what: &'static str,
        expected: impl Display,
        found: impl Display,
    ) -> ParseError {
        ParseError::Corrupt {
            ifd: self.index,
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// A refusal of this directory.
    pub(super) fn unsupported(
        &self,
        what: &'static str,
        expected: &'static str,
        found: impl Display,
    ) -> ParseError {
        ParseError::Unsupported { ifd: self.index, what, expected, found: found.to_string() }
    }
}

/// The number that two bytes gave.
fn low_u16(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
