//! Headers on disk: a file that grows at its end, one checked record a header.
//!
//! A record is its length and CRC-32 (little-endian, four bytes each) and a [`Record`] as `postcard` writes it. What a crash
//! leaves of the last one is passed over; the file is then written anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::header::Header;
use super::open::Opened;
use crate::storage::Location;

/// First bytes of the file; the number changes with what [`Record`] holds.
const MAGIC: &[u8; 16] = b"cairn headers 01";

/// The file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot use {path} for the headers of rasters; see whether the folder of --cache-dir may be written to"
)]
pub struct LedgerError {
    /// The file.
    path: PathBuf,
    /// The system's own words.
    source: io::Error,
}

/// The file.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    path: &'a Path,
}

/// A header and the state of the object that it was read from.
#[derive(Debug, Serialize, Deserialize)]
struct Record<H> {
    href: String,
    etag: String,
    len: u64,
    header: H,
}

impl<'a> Ledger<'a> {
    pub(super) fn at(path: &'a Path) -> Self {
        Self { path }
    }

    /// Bytes of the file; 0 where there is none.
    pub(super) fn len(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// All headers, the newest of one object last, of at most some twice `limit` bytes; a file that is damaged gives what
    /// comes before the damage, and is written anew.
    pub(super) fn read(&self, limit: u64) -> Result<Vec<Opened>, LedgerError> {
        let mut bytes = Vec::new();
        match File::open(self.path) {
            Ok(file) => {
                file.take(limit.saturating_mul(3)).read_to_end(&mut bytes).map_err(|e| self.failed(e))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut all = Vec::new();
        let mut rest = bytes.strip_prefix(MAGIC).unwrap_or_default();
        while let Some((record, after)) = next_record(rest) {
            all.extend(record);
            rest = after;
        }
        if !rest.is_empty() || !bytes.starts_with(MAGIC) {
            tracing::warn!(file = %self.path.display(), headers = all.len(), "headers of rasters are damaged or of another version: the rest is read again when it is needed");
            self.replace(&all)?;
        }
        Ok(all)
    }

    pub(super) fn append(&self, headers: &[Arc<Opened>]) -> Result<(), LedgerError> {
        let mut bytes = if self.len() == 0 { MAGIC.to_vec() } else { Vec::new() };
        for opened in headers {
            write_record(opened, &mut bytes);
        }
        // In one call: readers and other servers of the folder see whole records.
        let write = || {
            self.path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            OpenOptions::new().append(true).create(true).open(self.path)?.write_all(&bytes)
        };
        write().map_err(|error| self.failed(error))
    }

    pub(super) fn replace(&self, headers: &[impl AsRef<Opened>]) -> Result<(), LedgerError> {
        let mut bytes = MAGIC.to_vec();
        for opened in headers {
            write_record(opened.as_ref(), &mut bytes);
        }
        let temporary = self.path.with_extension(format!("{}.tmp", std::process::id()));
        let written =
            std::fs::write(&temporary, &bytes).and_then(|()| std::fs::rename(&temporary, self.path));
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> LedgerError {
        LedgerError { path: self.path.to_owned(), source }
    }
}

impl AsRef<Self> for Opened {
    fn as_ref(&self) -> &Self {
        self
    }
}

fn write_record(opened: &Opened, out: &mut Vec<u8>) {
    let record = Record {
        // No query: it may be a secret, and changes.
        href: opened.location.to_href(),
        etag: opened.etag.clone(),
        len: opened.len,
        header: &opened.header,
    };
    let Ok(bytes) = postcard::to_allocvec(&record) else { return };
    let Ok(len) = u32::try_from(bytes.len()) else { return };
    out.extend(len.to_le_bytes());
    out.extend(crc32fast::hash(&bytes).to_le_bytes());
    out.extend(bytes);
}

/// The first record, if it can be used, and what follows; nothing at the end or at damage.
fn next_record(bytes: &[u8]) -> Option<(Option<Opened>, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*crc) {
        return None;
    }
    let record: Record<Header> = postcard::from_bytes(bytes).ok()?;
    let opened = Location::parse(&record.href)
        .ok()
        .map(|location| Opened::new(location, record.etag, record.len, record.header));
    Some((opened, rest))
}

#[cfg(test)]
mod tests {
    use super::super::source::ByteOrder;
    use super::super::tiny::{image, parse, tiff};
    use super::*;

    fn opened(name: &str) -> Arc<Opened> {
        let header = parse(&tiff(ByteOrder::Little, &[image(8, 10)], 400), 8).expect("sound");
        let location = Location::parse(name).expect("a location");
        Arc::new(Opened::new(location, "\"e\"".to_owned(), 400, header))
    }

    #[test]
    fn headers_come_back_and_the_torn_end_of_a_crash_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("headers");
        let ledger = Ledger::at(&path);
        assert_eq!(ledger.read(1 << 20).expect("nothing there").len(), 0);
        ledger.append(&[opened("/a.tif"), opened("s3://b/c.tif?sig=secret")]).expect("written");
        let whole = std::fs::read(&path).expect("the file");
        assert!(!whole.windows(6).any(|window| window == b"secret"));
        ledger.append(&[opened("/d.tif")]).expect("written");
        let all = ledger.read(1 << 20).expect("read");
        assert_eq!(
            all.iter().map(|o| o.location.to_href()).collect::<Vec<_>>(),
            ["/a.tif", "s3://b/c.tif", "/d.tif"]
        );
        assert_eq!(format!("{:?}", all[0].header), format!("{:?}", opened("/a.tif").header));
        let longer = std::fs::read(&path).expect("the file");
        for len in 0..longer.len() {
            std::fs::write(&path, &longer[..len]).expect("cut");
            let expected = if len < whole.len() { 0..=2 } else { 2..=2 };
            assert!(expected.contains(&ledger.read(1 << 20).expect("read").len()), "{len}");
            // What is left can be added to.
            ledger.append(&[opened("/e.tif")]).expect("written");
            let last = ledger.read(1 << 20).expect("read").pop().expect("at least one");
            assert_eq!(last.location.to_href(), "/e.tif", "{len}");
        }
    }
}
