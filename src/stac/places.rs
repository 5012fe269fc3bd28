//! Where the keys and hrefs of assets stand in the JSON of an Item's body, as numbers before it:
//!
//! ```text
//! flags, number of hrefs, for each href: gap, length of the key, gap, twice the length of the href (one more: it moves)
//! {"id":…,"assets":{"B04":{"href":"https://…"}},…,"links":[…
//! ```
//!
//! The numbers before the JSON are written six bits a byte, least first, with 64 added to all bytes but the last: ASCII, so
//! that the whole is UTF-8. A gap counts from the end of the string before it, and lengths count the quotes: the numbers
//! differ little between the Items of a Collection, and compress to almost nothing.

use std::ops::Range;

use super::body::PayloadError;

/// The document itself brought links.
pub(super) const HAS_LINKS: usize = 1;
/// An href is a path on the server's own disk.
pub(super) const HAS_LOCAL_HREFS: usize = 2;
/// What its links say depends on where its document lies.
pub(super) const LINKS_MOVE: usize = 4;
/// Bits of a number in one byte of the header.
const GROUP_BITS: u32 = 6;
/// Added to a byte that another one follows.
const MORE: u8 = 1 << GROUP_BITS;

/// The places of one asset's key and href, as JSON strings with their quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AssetHref {
    pub(super) key: Range<usize>,
    pub(super) href: Range<usize>,
    /// True when the document has it relative to its own place, or to that of its tree.
    pub(super) moves: bool,
}

/// Writes what stands before the JSON in a payload; `json` ends inside its `links`.
pub(super) fn push_places(
    out: &mut String,
    json: &str,
    hrefs: &[AssetHref],
    has_links: bool,
    links_move: bool,
) {
    let is_local = |place: &AssetHref| json[place.href.clone()].starts_with("\"/");
    let mut flags = if has_links { HAS_LINKS } else { 0 };
    if links_move {
        flags |= LINKS_MOVE;
    }
    if hrefs.iter().any(is_local) {
        flags |= HAS_LOCAL_HREFS;
    }
    push_number(out, flags);
    push_number(out, hrefs.len());
    let mut end = 0;
    for AssetHref { key, href, moves } in hrefs {
        let len = href.len() << 1 | usize::from(*moves);
        for number in [key.start - end, key.len(), href.start - key.end, len] {
            push_number(out, number);
        }
        end = href.end;
    }
}

/// Reads the places before the JSON.
pub(super) struct Header<'a> {
    payload: &'a [u8],
    /// How far it is read.
    pub(super) at: usize,
    /// Hrefs that are still to come.
    pub(super) left: usize,
    end: usize,
}

impl<'a> Header<'a> {
    pub(super) fn new(payload: &'a str) -> Result<Self, PayloadError> {
        let mut header = Self { payload: payload.as_bytes(), at: 0, left: 0, end: 0 };
        let count = header.number().and_then(|_flags| header.number());
        header.left = count.ok_or(PayloadError::Header { at: header.at })?;
        Ok(header)
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(GROUP_BITS as usize) {
            let byte = *self.payload.get(self.at)?;
            if byte >= 2 * MORE {
                return None;
            }
            self.at += 1;
            let group = usize::from(byte & (MORE - 1));
            if group.leading_zeros() < shift {
                return None;
            }
            number |= group << shift;
            if byte < MORE {
                return Some(number);
            }
        }
        None
    }

    fn place(&mut self) -> Option<Range<usize>> {
        let start = self.end.checked_add(self.number()?)?;
        self.end = start.checked_add(self.number()?)?;
        Some(start..self.end)
    }
}

impl Iterator for Header<'_> {
    type Item = AssetHref;

    fn next(&mut self) -> Option<AssetHref> {
        if self.left == 0 {
            return None;
        }
        let key = self.place()?;
        let start = self.end.checked_add(self.number()?)?;
        let len = self.number()?;
        self.end = start.checked_add(len >> 1)?;
        self.left -= 1;
        Some(AssetHref { key, href: start..self.end, moves: len & 1 == 1 })
    }
}

fn push_number(out: &mut String, mut number: usize) {
    while number >= usize::from(MORE) {
        out.push(char::from(number.to_le_bytes()[0] & (MORE - 1) | MORE));
        number >>= GROUP_BITS;
    }
    out.push(char::from(number.to_le_bytes()[0]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(number: usize) {
            let mut text = String::new();
            push_number(&mut text, number);
            let mut header = Header { payload: text.as_bytes(), at: 0, left: 0, end: 0 };
            prop_assert_eq!(header.number(), Some(number));
        }
    }
}
