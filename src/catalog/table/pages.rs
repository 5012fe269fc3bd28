//! The pages of a Parquet file, with a limit on what they may unfold to.
//!
//! A page's header claims how many bytes and values it unfolds to, and the Parquet reader reserves memory for them before
//! it looks at the page. The claims are read here first: those of all pages that one batch of rows needs come out of one
//! budget. The codecs that are built in (zstd, snappy) never unfold to more than was claimed.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that the pages for one batch of rows may unfold to.
const BUDGET_BYTES: u64 = 2 << 30;
/// Bytes that one page may unfold to.
const MAX_PAGE_BYTES: u64 = 256 << 20;
/// What a value takes at least while it is decoded: levels, an offset, a bit.
const VALUE_BYTES: u64 = 16;
/// Enough for a header without long statistics.
const HEADER_BYTES: usize = 4096;

/// A file from which the Parquet reader reads pages, and nothing else.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    file: Arc<File>,
    len: u64,
    left: Arc<AtomicU64>,
}

impl Pages {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), len, left: Arc::new(AtomicU64::new(BUDGET_BYTES)) })
    }

    /// Gives the next batch of rows the whole budget.
    pub(super) fn next_batch(&self) {
        self.left.store(BUDGET_BYTES, Ordering::Relaxed);
    }

    fn charge(&self, header: &[u8]) -> io::Result<()> {
        let claim = Claim::read(header).ok_or_else(|| damaged("a page header is damaged".to_owned()))?;
        if claim.bytes > MAX_PAGE_BYTES {
            return Err(damaged(format!("a page claims {} bytes, more than {MAX_PAGE_BYTES}", claim.bytes)));
        }
        let cost = claim.bytes.saturating_add(claim.values.saturating_mul(VALUE_BYTES));
        let spend = |left: u64| left.checked_sub(cost);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Ok(()),
            Err(_too_little) => {
                let limit = BUDGET_BYTES;
                Err(damaged(format!("the pages of one batch of rows claim more than {limit} bytes")))
            }
        }
    }
}

fn damaged(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Pages {
    type T = BufReader<Header>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::with_capacity(HEADER_BYTES, Header { pages: self.clone(), at: start, charged: false }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of a file of {}", self.len)));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads a page's header, and charges its claims with the first bytes.
#[derive(Debug)]
pub(super) struct Header {
    pages: Pages,
    at: u64,
    charged: bool,
}

impl Read for Header {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.pages.file.read_at(buffer, self.at)?;
        if !self.charged {
            self.pages.charge(&buffer[..count])?;
            self.charged = true;
        }
        self.at += count as u64;
        Ok(count)
    }
}

/// What a page says that it unfolds to.
#[derive(Debug, PartialEq, Eq)]
struct Claim {
    bytes: u64,
    values: u64,
}

impl Claim {
    /// From the first fields of a header (Thrift, compact protocol): kind of page, its bytes unfolded and folded, perhaps
    /// a checksum, and a struct of its kind that starts with the count of values.
    fn read(mut header: &[u8]) -> Option<Self> {
        const I32: u8 = 0x15;
        const STRUCT: u8 = 0x0c;
        let bytes = &mut header;
        let mut next = || -> Option<u64> {
            (byte(bytes)? == I32).then_some(())?;
            zigzag(bytes)
        };
        let (_kind, unfolded, _folded) = (next()?, next()?, next()?);
        let mut head = byte(bytes)?;
        if head == I32 {
            varint(bytes)?;
            head = byte(bytes)?;
        }
        let is_counted = head & 0x0f == STRUCT && bytes.first() == Some(&I32);
        let values = if is_counted {
            byte(bytes)?;
            zigzag(bytes)?
        } else {
            0
        };
        Some(Self { bytes: unfolded, values })
    }
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A number that is not negative.
fn zigzag(bytes: &mut &[u8]) -> Option<u64> {
    let value = varint(bytes)?;
    (value & 1 == 0).then_some(value >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_from_each_kind_of_page() {
        let data = [0x15, 0, 0x15, 0xc8, 1, 0x15, 0x28, 0x2c, 0x15, 0x14, 0x15, 0];
        assert_eq!(Claim::read(&data), Some(Claim { bytes: 100, values: 10 }));
        let with_checksum = [0x15, 0, 0x15, 0xc8, 1, 0x15, 0x28, 0x15, 7, 0x1c, 0x15, 0x14];
        assert_eq!(Claim::read(&with_checksum), Some(Claim { bytes: 100, values: 10 }));
        let negative = [0x15, 0, 0x15, 1, 0x15, 0x28, 0x2c, 0x15, 0x14];
        assert_eq!(Claim::read(&negative), None);
        assert_eq!(Claim::read(&data[..4]), None);
    }

    #[test]
    fn the_budget_is_that_of_one_batch() {
        let file = tempfile::tempfile().expect("a file");
        let pages = Pages::new(file).expect("pages");
        // 16 Mi values: a page of few bytes that unfolds to 256 MiB.
        let header = [0x15, 0, 0x15, 2, 0x15, 2, 0x2c, 0x15, 0x80, 0x80, 0x80, 0x10];
        for _ in 0..7 {
            pages.charge(&header).expect("within the budget");
        }
        assert!(pages.charge(&header).is_err());
        pages.next_batch();
        assert!(pages.charge(&header).is_ok());
        let huge = [0x15, 0, 0x15, 0xfe, 0xff, 0xff, 0xff, 0xf, 0x15, 2, 0x2c, 0x15, 2];
        assert!(pages.charge(&huge).expect_err("an error").to_string().contains("claims 2147483647 bytes"));
    }
}
