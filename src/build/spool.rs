//! Items on their way to the tree: written one after another to a scratch file, read back when their places are known.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;

use stac::Item;

use crate::stac::read_item;

/// Writes Items; the key of each is where it lies.
#[derive(Debug)]
pub(super) struct Spool {
    out: BufWriter<File>,
    len: u64,
}

/// Reads them back.
#[derive(Debug)]
pub(super) struct Spooled(File);

impl Spool {
    /// Begins with an empty file.
    pub(super) fn new(file: File) -> Self {
        Self { out: BufWriter::with_capacity(1 << 20, file), len: 0 }
    }

    /// Adds an Item as JSON and returns its key.
    pub(super) fn push(&mut self, json: &[u8]) -> io::Result<u64> {
        let key = self.len;
        self.out.write_all(&(json.len() as u64).to_le_bytes())?;
        self.out.write_all(json)?;
        self.len += 8 + json.len() as u64;
        Ok(key)
    }

    /// All Items are there.
    pub(super) fn finish(self) -> io::Result<Spooled> {
        Ok(Spooled(self.out.into_inner().map_err(io::IntoInnerError::into_error)?))
    }
}

impl Spooled {
    /// The Item of a key.
    pub(super) fn get(&self, key: u64) -> io::Result<Item> {
        let mut len = [0; 8];
        self.0.read_exact_at(&mut len, key)?;
        let len = usize::try_from(u64::from_le_bytes(len)).map_err(io::Error::other)?;
        let mut json = vec![0; len];
        self.0.read_exact_at(&mut json, key + 8)?;
        Ok(read_item(serde_json::from_slice(&json)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_back_by_their_keys() {
        let mut spool = Spool::new(tempfile::tempfile().expect("a file"));
        let keys = ["a", "b"].map(|id| {
            let json = serde_json::to_vec(&Item::new(id)).expect("JSON");
            spool.push(&json).expect("written")
        });
        let spooled = spool.finish().expect("written");
        assert_eq!(spooled.get(keys[1]).expect("an Item").id, "b");
        assert_eq!(spooled.get(keys[0]).expect("an Item").id, "a");
        assert!(spooled.get(1 << 20).is_err());
    }
}
