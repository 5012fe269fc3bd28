//! A part of a catalogue: rows of typed columns, a spatial index, packed bodies. It never changes.
//!
//! Rows are Items in the order that answers have: newest first, then by id, then by Collection.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::bodies::{Bodies, BodyError, BodyRef};
use super::codes::Codes;
use super::columns::{Column, Columns, Holding};
use super::ids::Ids;
use super::space::Space;
use super::spans::Spans;
use super::times::Times;
use crate::stac::ItemBody;

/// The Items of a part, column by column.
#[derive(Debug)]
pub(crate) struct Part {
    pub(super) ids: Ids,
    pub(super) times: Times,
    pub(super) spans: Spans,
    /// Index of each row's Collection in the snapshot.
    pub(super) collections: Codes,
    pub(super) band_sets: Vec<Vec<String>>,
    pub(super) band_set: Codes,
    pub(super) columns: Columns,
    pub(super) space: Space,
    pub(super) body: Vec<BodyRef>,
    pub(super) bodies: Bodies,
    /// A hash of each document.
    pub(super) contents: Vec<u64>,
    /// Number of the document that each row was read from.
    pub(super) documents: Codes,
    pub(super) kept: Kept,
}

/// What questions have needed before and others will need again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// By name of a column: its rows that have a value, in the order of the values.
    orders: Memo<String, Option<Arc<[u32]>>>,
    /// By name of a column: whether it holds all values.
    complete: Memo<String, bool>,
    /// By Collection: its rows; only where there are several.
    members: Memo<u32, Arc<[u32]>>,
}

/// Values that are made when they are first asked for.
#[derive(Debug)]
struct Memo<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    /// What is known; made by `make`, if there is one, where nothing is. Two that ask at once do the work twice; none waits
    /// for the other.
    fn get<Q: Eq + Hash + ToOwned<Owned = K> + ?Sized>(
        &self,
        key: &Q,
        make: Option<impl FnOnce() -> V>,
    ) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let locked = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = locked().get(key).cloned();
        if known.is_some() {
            return known;
        }
        let made = make?();
        locked().insert(key.to_owned(), made.clone());
        Some(made)
    }
}

/// Bytes of memory for each purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Times, ids, Collections, bands and properties.
    pub columns: usize,
    /// The tree of footprints, and which rows lie in each.
    pub trees: usize,
    /// The shapes of the footprints.
    pub shapes: usize,
    /// Packed documents.
    pub bodies: usize,
}

impl Part {
    /// Number of rows.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.body.len()).unwrap_or(u32::MAX)
    }

    /// Ids by row.
    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// What rows are ordered by, latest first.
    pub(crate) fn times(&self) -> &Times {
        &self.times
    }

    /// First and last instant that each row covers.
    pub(crate) fn spans(&self) -> &Spans {
        &self.spans
    }

    /// First and last instant that the row covers.
    pub(crate) fn span(&self, row: u32) -> (DateTime<Utc>, DateTime<Utc>) {
        self.spans.get(row, self.times.get(row))
    }

    /// Index of the row's Collection.
    pub(crate) fn collection(&self, row: u32) -> u32 {
        self.collections.get(row)
    }

    /// The Collection of all rows, where it is one.
    pub(crate) fn only_collection(&self) -> Option<u32> {
        match self.collections {
            Codes::Same(collection) => Some(collection),
            _ => None,
        }
    }

    /// Number of the document that the row was read from.
    pub(super) fn document(&self, row: u32) -> u32 {
        self.documents.get(row)
    }

    /// All packed documents.
    pub(super) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// Index into [`Part::band_sets`].
    pub(crate) fn band_set(&self, row: u32) -> u32 {
        self.band_set.get(row)
    }

    /// The distinct sets of band names that Items answer to, each sorted.
    pub(crate) fn band_sets(&self) -> &[Vec<String>] {
        &self.band_sets
    }

    /// Where a property is held.
    pub(crate) fn property(&self, name: &str) -> Holding<'_> {
        self.columns.holding(name)
    }

    /// The columns of properties.
    pub(crate) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Where Items lie.
    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    /// Where the row's document is kept.
    pub(crate) fn body_ref(&self, row: u32) -> BodyRef {
        self.body[row as usize]
    }

    /// The row's document.
    pub(crate) fn body(&self, row: u32) -> Result<ItemBody, BodyError> {
        self.bodies.unpack(self.body[row as usize])
    }

    /// The rows that have a value in that column, ascending by value, then by row. Nothing when the column does not hold all
    /// values, and when the order is not there yet and `may_make` does not hold: making it sorts all rows.
    pub(crate) fn order(&self, name: &str, column: &Column, may_make: bool) -> Option<Arc<[u32]>> {
        let make = || column.sort_order().map(Into::into);
        self.kept.orders.get(name, may_make.then_some(make)).flatten()
    }

    /// True when the column orders its rows as their values are ordered, without a look at any document.
    pub(crate) fn is_complete(&self, name: &str, column: &Column) -> bool {
        self.kept.complete.get(name, Some(|| column.is_complete())).unwrap_or(false)
    }

    /// The rows of a Collection, ascending. Nothing when they are not there yet and `may_make` does not hold: making them
    /// looks at all rows.
    pub(crate) fn members(&self, collection: u32, may_make: bool) -> Option<Arc<[u32]>> {
        let make = || (0..self.len()).filter(|row| self.collections.get(*row) == collection).collect();
        self.kept.members.get(&collection, may_make.then_some(make))
    }

    /// Bytes of memory, by purpose.
    pub(crate) fn weight(&self) -> Weight {
        let space = self.space.bytes();
        let columns = self.ids.bytes()
            + self.times.bytes()
            + self.spans.bytes()
            + self.collections.bytes()
            + self.band_set.bytes()
            + self.columns.bytes()
            + (size_of::<BodyRef>() + size_of::<u64>()) * self.body.len()
            + self.documents.bytes();
        Weight {
            columns,
            trees: space.tree + space.postings,
            shapes: space.geometry,
            bodies: self.bodies.bytes(),
        }
    }
}
