//! What the bodies of one Collection have in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use zstd::zstd_safe::{CDict, DDict};

use crate::stac::ItemBody;

/// Bytes of a dictionary at most. Measured on Sentinel-2 Items: 16 KiB make them 4 % larger, 64 and 128 KiB too.
pub(super) const MAX_BYTES: usize = 32 << 10;

/// Bodies that it takes to train one. Fewer save less memory than the dictionary itself takes.
pub(super) const MIN_SAMPLE: usize = 64;

/// A sample is so many times the size of the dictionary at least: the trainer's own advice is 10 to 100.
const SAMPLE_RATIO: usize = 20;

/// A dictionary smaller than this holds nothing worth the trouble.
const MIN_BYTES: usize = 1 << 10;

/// The level of compression. Levels up to 4 take 11 to 14 microseconds for 15 KB, and this one is the best of them; level 5
/// takes 42 for 6 % less.
pub(super) const LEVEL: i32 = 3;

/// What a trained dictionary begins with; an identifier of four bytes follows.
const MAGIC: [u8; 4] = [0x37, 0xA4, 0x30, 0xEC];

/// Bytes are no dictionary.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the dictionary of the Collection '{collection}' is damaged")]
pub struct DictionaryError {
    collection: String,
}

/// The dictionary of one Collection, ready for use.
pub(in crate::catalog) struct Dictionary {
    bytes: Box<[u8]>,
    decoder: DDict<'static>,
    /// Made when it is first needed: a server that only reads needs none.
    encoder: OnceLock<Option<CDict<'static>>>,
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dictionary({} bytes)", self.bytes.len())
    }
}

impl Dictionary {
    /// Takes back what [`Dictionary::bytes`] gave; nothing when that is damaged.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let decoder = DDict::try_create(bytes)?;
        Some(Self { bytes: bytes.into(), decoder, encoder: OnceLock::new() })
    }

    /// Trains a dictionary, 20 milliseconds for each megabyte of sample; nothing when there is too little to learn.
    pub(super) fn train(sample: &[ItemBody]) -> Option<Self> {
        let lens: Vec<usize> = sample.iter().map(|body| body.payload().len()).collect();
        let bytes = (lens.iter().sum::<usize>() / SAMPLE_RATIO).min(MAX_BYTES);
        if sample.len() < MIN_SAMPLE || bytes < MIN_BYTES {
            return None;
        }
        let text = sample.iter().map(ItemBody::payload).collect::<Vec<_>>().concat();
        let mut bytes = zstd::dict::from_continuous(&text, &lens, bytes).ok()?;
        // Without an identifier, which would stand in each packed body: a body's record names its dictionary already.
        if bytes.starts_with(&MAGIC)
            && let Some(identifier) = bytes.get_mut(MAGIC.len()..2 * MAGIC.len())
        {
            identifier.fill(0);
        }
        Self::from_bytes(&bytes)
    }

    /// The dictionary itself, for a file.
    pub(in crate::catalog) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn decoder(&self) -> &DDict<'static> {
        &self.decoder
    }

    pub(super) fn encoder(&self) -> Option<&CDict<'static>> {
        self.encoder.get_or_init(|| CDict::try_create(&self.bytes, LEVEL)).as_ref()
    }
}

/// The dictionaries of a catalogue by the ids of their Collections, numbered in the order they came.
#[derive(Debug, Clone, Default)]
pub(in crate::catalog) struct Dictionaries {
    list: Vec<(Box<str>, Arc<Dictionary>)>,
    numbers: HashMap<Box<str>, u32>,
}

impl Dictionaries {
    /// Takes back ids and bytes as [`Dictionaries::iter`] gave them.
    ///
    /// # Errors
    /// When one is damaged.
    pub(in crate::catalog) fn from_parts<'a>(
        parts: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, DictionaryError> {
        let mut dictionaries = Self::default();
        for (id, bytes) in parts {
            let dictionary =
                Dictionary::from_bytes(bytes).ok_or_else(|| DictionaryError { collection: id.to_owned() })?;
            dictionaries.insert(id, Arc::new(dictionary));
        }
        Ok(dictionaries)
    }

    /// The dictionary of the Collection of that id, where it has one.
    pub(in crate::catalog) fn get(&self, collection: &str) -> Option<&Arc<Dictionary>> {
        self.numbers.get(collection).and_then(|number| self.by_number(*number))
    }

    /// Ids of Collections and their dictionaries in the order of their numbers.
    pub(in crate::catalog) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Arc<Dictionary>)> {
        self.list.iter().map(|(id, dictionary)| (id.as_ref(), dictionary))
    }

    pub(super) fn by_number(&self, number: u32) -> Option<&Arc<Dictionary>> {
        self.list.get(number as usize).map(|(_, dictionary)| dictionary)
    }

    /// The number of a dictionary that bodies of that Collection are packed with.
    pub(super) fn number_of(&self, collection: &str, dictionary: &Arc<Dictionary>) -> Option<u32> {
        let is_it = |number: &u32| self.by_number(*number).is_some_and(|own| Arc::ptr_eq(own, dictionary));
        let usual = self.numbers.get(collection).copied().filter(is_it);
        usual.or_else(|| (0..).take(self.list.len()).find(is_it))
    }

    /// Adds a dictionary and gives its number; the first of a Collection is the one for its next bodies.
    pub(super) fn insert(&mut self, collection: &str, dictionary: Arc<Dictionary>) -> u32 {
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.numbers.entry(collection.into()).or_insert(number);
        self.list.push((collection.into(), dictionary));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_dictionary_is_refused() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 12]);
        let error = Dictionaries::from_parts([("c", bytes.as_slice())]).expect_err("an error");
        assert!(error.to_string().contains("'c'"));
    }

    #[test]
    fn the_first_dictionary_of_a_collection_counts() {
        let (one, two) = (b"any text is a dictionary".as_slice(), b"and so is this".as_slice());
        let dictionaries = Dictionaries::from_parts([("c", one), ("c", two)]).expect("dictionaries");
        assert_eq!(dictionaries.get("c").map(|d| d.bytes()), Some(one));
        let second = dictionaries.by_number(1).expect("a dictionary");
        assert_eq!(dictionaries.number_of("c", second), Some(1));
    }
}
