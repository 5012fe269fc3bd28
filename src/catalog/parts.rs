//! Lists of numbers and texts to and from bytes: what the snapshot's file is made of.
//!
//! Numbers are little-endian, and lists are copied whole, so that reading costs what copying the memory costs. A length is
//! believed only as far as there are bytes for it.

use std::io::{self, Write};

/// Why bytes are no catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// The bytes end too early.
    #[error("{what} ends too early: {needed} bytes expected, {left} left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes that it has.
        needed: u64,
        /// Bytes that there are.
        left: u64,
    },
    /// A value that is never written.
    #[error("{what} is damaged: {expected} expected")]
    Invalid {
        /// What was being read.
        what: &'static str,
        /// What should be there.
        expected: &'static str,
    },
}

/// Reads from the front of a byte slice.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that are not read yet.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` bytes.
    pub(crate) fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], PartsError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(PartsError::Truncated {
            what,
            needed: len as u64,
            left: self.rest.len() as u64,
        })?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], PartsError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N, what)?);
        Ok(array)
    }

    /// One byte.
    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, PartsError> {
        Ok(u8::from_le_bytes(self.array(what)?))
    }

    /// Two bytes.
    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, PartsError> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    /// Four bytes.
    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, PartsError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// Eight bytes.
    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, PartsError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// Eight bytes with a sign.
    pub(crate) fn i64(&mut self, what: &'static str) -> Result<i64, PartsError> {
        Ok(i64::from_le_bytes(self.array(what)?))
    }

    /// A length in eight bytes: a number of rows, codes or bytes, which 32 bits and a half hold.
    pub(crate) fn length(&mut self, what: &'static str) -> Result<usize, PartsError> {
        let invalid = PartsError::Invalid { what, expected: "a length below 2^48" };
        let length = self.u64(what)?;
        usize::try_from(length).ok().filter(|_| length < 1 << 48).ok_or(invalid)
    }

    /// A list of `len` numbers.
    pub(crate) fn list<T: bytemuck::Pod>(
        &mut self,
        len: usize,
        what: &'static str,
    ) -> Result<Vec<T>, PartsError> {
        let needed = len.saturating_mul(size_of::<T>());
        Ok(bytemuck::pod_collect_to_vec(self.bytes(needed, what)?))
    }

    /// A list with its length before it, as [`write_list`] writes it.
    pub(crate) fn counted<T: bytemuck::Pod>(&mut self, what: &'static str) -> Result<Vec<T>, PartsError> {
        let len = self.length(what)?;
        self.list(len, what)
    }

    /// A text with its length before it, as [`write_list`] writes its bytes.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, PartsError> {
        let len = self.length(what)?;
        let invalid = PartsError::Invalid { what, expected: "UTF-8" };
        std::str::from_utf8(self.bytes(len, what)?).ok().ok_or(invalid)
    }
}

/// Writes the length in eight bytes, then the numbers.
pub(crate) fn write_list<T: bytemuck::Pod>(list: &[T], out: &mut impl Write) -> io::Result<()> {
    out.write_all(&(list.len() as u64).to_le_bytes())?;
    out.write_all(bytemuck::cast_slice(list))
}

#[cfg(target_endian = "big")]
compile_error!("lists are copied to and from files as they lie in memory, which is little-endian there");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_not_believed_beyond_the_bytes() {
        let mut bytes = Vec::new();
        write_list(&[1_u32, 2, 3], &mut bytes).expect("memory");
        assert_eq!(Reader::new(&bytes).counted::<u32>("list"), Ok(vec![1, 2, 3]));
        assert_eq!(
            Reader::new(&bytes[..19]).counted::<u32>("list"),
            Err(PartsError::Truncated { what: "list", needed: 12, left: 11 })
        );
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(Reader::new(&bytes).counted::<u32>("list").is_err());
        bytes[..8].copy_from_slice(&(1_u64 << 47).to_le_bytes());
        assert!(Reader::new(&bytes).counted::<u64>("list").is_err());
    }
}
