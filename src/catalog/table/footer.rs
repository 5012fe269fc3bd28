//! A Parquet file's footer is checked before the Parquet reader trusts it.
//!
//! The reader follows the footer's schema by recursion and reserves memory for as many members as a list claims. Here the
//! footer (Thrift, compact protocol) is walked once without either: lists must fit into the bytes that are there, and
//! groups may nest only so deep.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Longest footer that is read, in bytes: about a hundred row groups of ten thousand columns.
const MAX_BYTES: u64 = 256 << 20;
/// Groups in groups deeper than this are refused.
const MAX_DEPTH: usize = 100;
const MAGIC: &[u8; 4] = b"PAR1";

/// What is wrong with a footer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FooterError {
    #[error("cannot read it")]
    Io(#[from] std::io::Error),
    #[error("expected it to begin and end with PAR1")]
    Magic,
    #[error("its footer claims {claimed} bytes, more than the file has or than {MAX_BYTES}")]
    Length { claimed: u64 },
    #[error("its footer is damaged")]
    Damaged,
    #[error("its columns are nested deeper than {MAX_DEPTH}")]
    Depth,
}

/// Reads the footer's bytes from the end of the file.
pub(super) fn read(file: &File) -> Result<Vec<u8>, FooterError> {
    let len = file.metadata()?.len();
    let Some(end) = len.checked_sub(8).filter(|end| *end >= 4) else { return Err(FooterError::Magic) };
    let (mut head, mut tail) = ([0; 4], [0; 8]);
    file.read_exact_at(&mut head, 0)?;
    file.read_exact_at(&mut tail, end)?;
    let [a, b, c, d, magic @ ..] = tail;
    if head != *MAGIC || magic != *MAGIC {
        return Err(FooterError::Magic);
    }
    let claimed = u64::from(u32::from_le_bytes([a, b, c, d]));
    let start = end.checked_sub(claimed).filter(|start| *start >= 4 && claimed <= MAX_BYTES);
    let start = start.ok_or(FooterError::Length { claimed })?;
    let mut footer = vec![0; usize::try_from(claimed).map_err(|_too_long| FooterError::Length { claimed })?];
    file.read_exact_at(&mut footer, start)?;
    check(&footer)?;
    Ok(footer)
}

/// Walks over the footer.
fn check(footer: &[u8]) -> Result<(), FooterError> {
    let mut thrift = Thrift { rest: footer };
    let mut id = 0;
    while let Some(kind) = thrift.field(&mut id)? {
        match (id, kind) {
            (2, Thrift::LIST) => thrift.schema()?,
            _ => thrift.skip(kind, 0)?,
        }
    }
    Ok(())
}

struct Thrift<'a> {
    rest: &'a [u8],
}

impl Thrift<'_> {
    const LIST: u8 = 9;
    const STRUCT: u8 = 12;
    const I32: u8 = 5;

    fn byte(&mut self) -> Result<u8, FooterError> {
        let (byte, rest) = self.rest.split_first().ok_or(FooterError::Damaged)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn bytes(&mut self, count: u64) -> Result<(), FooterError> {
        let count = usize::try_from(count).map_err(|_too_many| FooterError::Damaged)?;
        self.rest = self.rest.get(count..).ok_or(FooterError::Damaged)?;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, FooterError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(FooterError::Damaged)
    }

    fn integer(&mut self) -> Result<i64, FooterError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// The type of the next field and, in `id`, its number; `None` at the end of the struct.
    fn field(&mut self, id: &mut i64) -> Result<Option<u8>, FooterError> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        *id = if head >> 4 == 0 { self.integer()? } else { id.saturating_add(i64::from(head >> 4)) };
        Ok(Some(head & 0x0f))
    }

    /// The member type and the length of a list, which the bytes left can hold.
    fn list(&mut self) -> Result<(u8, u64), FooterError> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        if count > self.rest.len() as u64 { Err(FooterError::Damaged) } else { Ok((head & 0x0f, count)) }
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), FooterError> {
        if depth > MAX_DEPTH {
            return Err(FooterError::Depth);
        }
        match kind {
            // Booleans: their value is in the type.
            1 | 2 => Ok(()),
            3 => self.bytes(1),
            4..=6 => self.varint().map(drop),
            7 => self.bytes(8),
            8 => {
                let count = self.varint()?;
                self.bytes(count)
            }
            Self::LIST | 10 => {
                let (kind, count) = self.list()?;
                // In a list, a boolean is a byte.
                let kind = if matches!(kind, 1 | 2) { 3 } else { kind };
                (0..count).try_for_each(|_| self.skip(kind, depth + 1))
            }
            Self::STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
                Ok(())
            }
            // Parquet's footer has no maps.
            _ => Err(FooterError::Damaged),
        }
    }

    /// The list of schema elements: a tree in the order of a walk, each with the count of its children.
    fn schema(&mut self) -> Result<(), FooterError> {
        let (kind, count) = self.list()?;
        if kind != Self::STRUCT {
            return Err(FooterError::Damaged);
        }
        // How many children are still due on each level.
        let mut due: Vec<u64> = Vec::new();
        for _ in 0..count {
            let (mut id, mut children) = (0, 0);
            while let Some(kind) = self.field(&mut id)? {
                if (id, kind) == (5, Self::I32) {
                    children = u64::try_from(self.integer()?).map_err(|_negative| FooterError::Damaged)?;
                } else {
                    self.skip(kind, 0)?;
                }
            }
            if children > count {
                return Err(FooterError::Damaged);
            }
            if let Some(level) = due.last_mut() {
                *level -= 1;
            }
            due.push(children);
            while due.last() == Some(&0) {
                due.pop();
            }
            if due.len() > MAX_DEPTH {
                return Err(FooterError::Depth);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A footer of groups, each in the one before, and a column in the innermost.
    fn nested(levels: usize) -> Vec<u8> {
        let mut footer = vec![0x15, 2, 0x19, 0xfc];
        let mut count = levels + 1;
        while count >= 0x80 {
            footer.push(u8::try_from(count & 0x7f).expect("7 bits") | 0x80);
            count >>= 7;
        }
        footer.push(u8::try_from(count).expect("7 bits"));
        for _ in 0..levels {
            // Field 3: optional; 4: the name `g`; 5: one child.
            footer.extend_from_slice(&[0x35, 2, 0x18, 1, b'g', 0x15, 2, 0]);
        }
        footer.extend_from_slice(&[0x15, 2, 0x25, 2, 0x18, 1, b'x', 0, 0]);
        footer
    }

    #[test]
    fn groups_nest_only_so_deep() {
        assert!(check(&nested(50)).is_ok());
        assert!(matches!(check(&nested(100_000)), Err(FooterError::Depth)));
    }

    #[test]
    fn a_list_that_claims_more_than_there_is_is_damage() {
        for list in [[0x15, 2, 0x19, 0xfc], [0x15, 2, 0x49, 0xfc]] {
            let mut footer = list.to_vec();
            footer.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0]);
            assert!(matches!(check(&footer), Err(FooterError::Damaged)));
        }
        let children = [0x15, 2, 0x19, 0x1c, 0x55, 0xfe, 0xff, 0xff, 0xff, 0xf, 0, 0];
        assert!(matches!(check(&children), Err(FooterError::Damaged)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }
    }
}
