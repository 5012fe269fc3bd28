//! A part of a catalogue: rows of typed columns, a spatial index, packed bodies. It never changes.
//!
//! Rows are Items in the order that answers have: newest first, then by id, then by Collection.

use std::collections::HashMap;
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
    orders: Mutex<HashMap<String, Option<Arc<[u32]>>>>,
    /// By name of a column: whether it holds all values.
    complete: Mutex<HashMap<String, bool>>,
    /// By Collection: its rows; only where there are several.
    members: Mutex<HashMap<u32, Arc<[u32]>>>,
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

    /// The rows that have a value in that column, ascending by value, then by row; made when it is first asked for. Nothing
    /// when the column does not hold all values.
    pub(crate) fn order(&self, name: &str, column: &Column) -> Option<Arc<[u32]>> {
        let known = self.kept.orders.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(order) = known {
            return order;
        }
        // Two that ask at once do the work twice; none waits for a lock.
        let order: Option<Arc<[u32]>> = column.sort_order().map(Into::into);
        self.kept
            .orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), order.clone());
        order
    }

    /// True when the column orders its rows as their values are ordered, without a look at any document.
    pub(crate) fn is_complete(&self, name: &str, column: &Column) -> bool {
        let known = self.kept.complete.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        known.unwrap_or_else(|| {
            let complete = column.is_complete();
            self.kept
                .complete
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name.to_owned(), complete);
            complete
        })
    }

    /// The rows of a Collection, ascending; made when first asked for.
    pub(crate) fn members(&self, collection: u32) -> Arc<[u32]> {
        let known =
            self.kept.members.lock().unwrap_or_else(PoisonError::into_inner).get(&collection).cloned();
        if let Some(rows) = known {
            return rows;
        }
        let rows: Arc<[u32]> =
            (0..self.len()).filter(|row| self.collections.get(*row) == collection).collect();
        let mut members = self.kept.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.insert(collection, Arc::clone(&rows));
        rows
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
