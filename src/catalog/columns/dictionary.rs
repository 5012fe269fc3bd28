//! The distinct texts of a column.
//!
//! A column that grows gives each new text the next code; a finished one holds them sorted, so that codes compare as the
//! texts do. All texts lie in one string, four bytes of offset for each.

use std::hash::BuildHasher;
use std::io::{self, Write};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::super::parts::{PartsError, Reader, write_list};

/// Distinct texts, each with its index.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Dictionary {
    texts: String,
    ends: Vec<u32>,
}

impl Dictionary {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.texts.capacity() + self.ends.capacity() * 4
    }

    /// The text of a code, empty for one that was never given.
    pub(super) fn get(&self, code: u64) -> &str {
        let text = || {
            let index = usize::try_from(code).ok()?;
            let end = *self.ends.get(index)?;
            let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
            self.texts.get(start as usize..end as usize)
        };
        text().unwrap_or_default()
    }

    /// All texts in the order of their codes.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u64).map(|code| self.get(code))
    }

    fn push(&mut self, text: &str) {
        self.texts.push_str(text);
        self.ends.push(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
    }

    /// Number of texts that `before` holds for: it must hold for the first ones only.
    pub(super) fn partition_point(&self, before: impl Fn(&str) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.len() as u64);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.get(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The code of a text; the dictionary must be sorted.
    pub(super) fn find(&self, text: &str) -> Option<u64> {
        let code = self.partition_point(|other| other < text);
        (code < self.len() as u64 && self.get(code) == text).then_some(code)
    }

    /// The texts whose codes are `used`, sorted; and for each old code the new one.
    pub(super) fn sorted(&self, used: impl Fn(u64) -> bool) -> (Self, Vec<u32>) {
        let mut codes: Vec<u64> = (0..self.len() as u64).filter(|code| used(*code)).collect();
        codes.sort_unstable_by_key(|code| self.get(*code));
        let mut sorted = Self {
            texts: String::with_capacity(codes.iter().map(|c| self.get(*c).len()).sum()),
            ends: Vec::with_capacity(codes.len()),
        };
        let mut new_codes = vec![0; self.len()];
        for (new, old) in (0_u32..).zip(codes) {
            sorted.push(self.get(old));
            if let Some(code) = usize::try_from(old).ok().and_then(|at| new_codes.get_mut(at)) {
                *code = new;
            }
        }
        (sorted, new_codes)
    }

    /// Writes ends and texts.
    pub(super) fn to_parts(&self, out: &mut impl Write) -> io::Result<()> {
        write_list(&self.ends, out)?;
        write_list(self.texts.as_bytes(), out)
    }

    /// Reads what [`Dictionary::to_parts`] wrote of a sorted dictionary.
    pub(super) fn from_parts(parts: &mut Reader<'_>) -> Result<Self, PartsError> {
        let what = "texts of a column";
        let ends: Vec<u32> = parts.counted(what)?;
        let texts = parts.text(what)?.to_owned();
        let in_texts = ends.iter().all(|end| texts.is_char_boundary(*end as usize));
        if !in_texts || !ends.is_sorted() || ends.last().map_or(0, |end| *end as usize) != texts.len() {
            return Err(PartsError::Invalid { what, expected: "ends of texts, ascending" });
        }
        let dictionary = Self { texts, ends };
        if !dictionary.iter().is_sorted_by(|a, b| a < b) {
            return Err(PartsError::Invalid { what, expected: "distinct texts in their order" });
        }
        Ok(dictionary)
    }
}

/// A dictionary that takes more texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Growing {
    dictionary: Dictionary,
    codes: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The code of the text before: Items that follow each other are often alike.
    last: u64,
}

impl Growing {
    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.dictionary.bytes() + self.codes.capacity() * 5
    }

    pub(super) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// The code of a text, a new one where it is new; `None` when there is no room for it within `most_bytes`.
    pub(super) fn code(&mut self, text: &str, most_bytes: usize) -> Option<u64> {
        if self.dictionary.len() > 0 && self.dictionary.get(self.last) == text {
            return Some(self.last);
        }
        let hash = self.hasher.hash_one(text);
        let known = self.codes.find(hash, |code| self.dictionary.get(u64::from(*code)) == text);
        let code = if let Some(code) = known {
            *code
        } else {
            if self.dictionary.texts.len() + text.len() + 9 * (self.dictionary.len() + 1) > most_bytes {
                return None;
            }
            let code = u32::try_from(self.dictionary.len()).ok()?;
            self.dictionary.push(text);
            let Self { dictionary, codes, hasher, .. } = self;
            codes.insert_unique(hash, code, |code| hasher.hash_one(dictionary.get(u64::from(*code))));
            code
        };
        self.last = u64::from(code);
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_come_back_sorted(texts in prop::collection::vec(".{0,6}|[ab]{0,2}", 0..80)) {
            let mut growing = Growing::default();
            let codes: Vec<u64> = texts.iter().map(|t| growing.code(t, 1 << 20).expect("room")).collect();
            let (sorted, new_codes) = growing.dictionary().sorted(|_| true);
            for (text, code) in texts.iter().zip(codes) {
                prop_assert_eq!(growing.dictionary().get(code), text);
                let new = u64::from(new_codes[usize::try_from(code).expect("small")]);
                prop_assert_eq!(sorted.get(new), text);
                prop_assert_eq!(sorted.find(text), Some(new));
            }
            prop_assert!(sorted.iter().is_sorted_by(|a, b| a < b));
            prop_assert_eq!(sorted.find("not there"), None);
            let mut bytes = Vec::new();
            sorted.to_parts(&mut bytes).expect("memory");
            prop_assert_eq!(Dictionary::from_parts(&mut Reader::new(&bytes)), Ok(sorted));
        }
    }

    #[test]
    fn a_dictionary_without_room_takes_known_texts_only() {
        let mut growing = Growing::default();
        assert_eq!(growing.code("abc", 12), Some(0));
        assert_eq!(growing.code("d", 12), None);
        assert_eq!(growing.code("abc", 12), Some(0));
    }
}
