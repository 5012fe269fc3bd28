//! The states of documents that were written through, until the next load sees them.

use std::collections::{BTreeMap, HashMap};

use super::seen::{Remembered, Seen};
use crate::storage::Location;

/// Documents that were written since the last load, beside what that has seen.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Those that it has not, numbered on.
    fresh: Vec<Remembered>,
    index: HashMap<Location, u32>,
    /// Those that it has, by number.
    again: BTreeMap<u32, Remembered>,
}

impl Noted {
    /// Remembers a document, and gives its number.
    pub(super) fn note(&mut self, seen: &Seen, document: Remembered) -> u32 {
        let known = seen.number(&document.location);
        if let Some(number) = known {
            self.again.insert(number, document);
            return number;
        }
        let first = u32::try_from(seen.documents().len()).unwrap_or(u32::MAX);
        let next = first + u32::try_from(self.fresh.len()).unwrap_or(u32::MAX);
        let number = *self.index.entry(document.location.clone()).or_insert(next);
        match self.fresh.get_mut((number - first) as usize) {
            Some(known) => *known = document,
            None => self.fresh.push(document),
        }
        number
    }

    /// Where the document of that number is.
    pub(super) fn location<'a>(&'a self, seen: &'a Seen, number: u32) -> Option<&'a Location> {
        if let Some(document) = seen.at(number) {
            return Some(&document.location);
        }
        let at = (number as usize).checked_sub(seen.documents().len())?;
        self.fresh.get(at).map(|document| &document.location)
    }

    /// True while nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.again.is_empty()
    }

    /// All that is remembered, in one.
    pub(super) fn within(self, seen: &Seen) -> Seen {
        let mut seen = Seen::clone(seen);
        for document in self.again.into_values().chain(self.fresh) {
            seen.remember(document);
        }
        seen
    }
}
