//! The whole catalogue at one moment: Collections, and the Items in one part or a few.
//!
//! Nearly all Items are in one large part. What a reload changes a little is kept beside it: a small part with what is new,
//! and a list of rows of the large one that no longer count. When that grows past a twentieth of the whole, one part is
//! made of both; packed bodies are shared between the old and the new, so that this takes the memory of the columns only.
//! What is written through comes in parts of its own until the next reload, few of each size: see `written`.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};

use chrono::{DateTime, Utc};
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

use super::bodies::BodyError;
use super::part::{Part, Weight};
use crate::stac::ItemBody;

/// Snapshots built by this process.
static GENERATIONS: AtomicU64 = AtomicU64::new(0);

/// A Collection as it is served.
#[derive(Debug, Clone)]
pub struct Collection {
    /// Its id.
    pub id: String,
    /// Its document: only links that lead out of the catalogue, absolute hrefs.
    pub document: serde_json::Value,
}

/// The whole catalogue at one moment; a clone shares what is large.
#[derive(Debug, Default, Clone)]
pub struct Snapshot {
    /// Title of the root, where it has one.
    pub(super) title: Option<String>,
    /// As in the root's document.
    pub(super) description: Option<String>,
    pub(super) generation: u64,
    /// A sum over the contents of all Items: the same for the same Items, whatever their order.
    pub(super) content: u128,
    /// What rows name by index; some may be gone.
    pub(super) slots: Arc<Vec<Collection>>,
    /// Indices of the Collections that there are, in load order.
    pub(super) shown: Vec<u32>,
    pub(super) views: Vec<View>,
    pub(super) version: u128,
}

/// A part and which of its rows no longer count.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) part: Arc<Part>,
    /// Ascending.
    pub(crate) hidden: Arc<[u32]>,
}

/// An Item of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowId {
    pub(crate) part: u32,
    pub(crate) row: u32,
}

impl View {
    /// True when the row counts.
    pub(crate) fn shows(&self, row: u32) -> bool {
        self.hidden.is_empty() || self.hidden.binary_search(&row).is_err()
    }

    /// Rows that count.
    pub(crate) fn len(&self) -> usize {
        self.part.len() as usize - self.hidden.len()
    }
}

impl Snapshot {
    /// A number that no other snapshot of this process has.
    pub(super) fn next_generation() -> u64 {
        GENERATIONS.fetch_add(1, atomic::Ordering::Relaxed) + 1
    }

    /// Title of the root, where it has one.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Description of the root, where it has one.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Tells this snapshot from all others of the process.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A hash of all that is served: equal for the same catalogue on every server, whenever it was loaded.
    #[must_use]
    pub fn version(&self) -> u128 {
        self.version
    }

    /// Works the version out; everything else is final then.
    pub(super) fn set_version(&mut self) {
        let mut bytes = self.content.to_le_bytes().to_vec();
        for text in [&self.title, &self.description].into_iter().flatten() {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        for collection in self.collections() {
            bytes.extend_from_slice(collection.document.to_string().as_bytes());
        }
        self.version = hash128(&bytes);
    }

    /// Number of Items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.views.iter().map(View::len).sum()
    }

    /// True without any Item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The Collections in load order.
    #[must_use]
    pub fn collections(&self) -> impl ExactSizeIterator<Item = &Collection> {
        self.shown.iter().map(|index| &self.slots[*index as usize])
    }

    /// The Collection of that id, and the index that rows name it by.
    #[must_use]
    pub fn collection(&self, id: &str) -> Option<(u32, &Collection)> {
        let found = self.shown.iter().find(|index| self.slots[**index as usize].id == id)?;
        Some((*found, &self.slots[*found as usize]))
    }

    /// All that rows name by index.
    pub(crate) fn slots(&self) -> &[Collection] {
        &self.slots
    }

    /// The parts that the Items are in.
    pub(crate) fn views(&self) -> &[View] {
        &self.views
    }

    /// The part that holds the row.
    pub(crate) fn part(&self, at: RowId) -> &Part {
        &self.views[at.part as usize].part
    }

    /// All rows that count, part by part.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowId> {
        (0..).zip(&self.views).flat_map(|(part, view)| {
            (0..view.part.len()).filter(|row| view.shows(*row)).map(move |row| RowId { part, row })
        })
    }

    /// Where an Item is.
    #[must_use]
    pub fn find(&self, collection: u32, id: &str) -> Option<RowId> {
        self.with_id(id).find(|at| self.part(*at).collection(at.row) == collection)
    }

    /// Where the Items of that id are, one for each Collection that has one.
    pub fn with_id<'a>(&'a self, id: &'a str) -> impl Iterator<Item = RowId> + 'a {
        (0..).zip(&self.views).flat_map(move |(part, view)| {
            view.part
                .ids
                .rows_with_id(id)
                .filter(move |row| view.shows(*row))
                .map(move |row| RowId { part, row })
        })
    }

    /// The Item's id.
    #[must_use]
    pub fn id(&self, at: RowId) -> String {
        self.part(at).ids.get(at.row)
    }

    /// The id of the Item's Collection.
    #[must_use]
    pub fn collection_id(&self, at: RowId) -> &str {
        &self.slots[self.part(at).collection(at.row) as usize].id
    }

    /// What the Item is ordered by.
    #[must_use]
    pub fn start(&self, at: RowId) -> DateTime<Utc> {
        self.part(at).times.get(at.row)
    }

    /// A hash of the Item's document.
    #[must_use]
    pub fn content(&self, at: RowId) -> u64 {
        self.part(at).contents[at.row as usize]
    }

    /// The Item's document.
    ///
    /// # Errors
    /// When the packed document is damaged.
    pub(crate) fn body(&self, at: RowId) -> Result<ItemBody, BodyError> {
        self.part(at).body(at.row)
    }

    /// The order of answers: newest first, then by id, then by Collection.
    #[must_use]
    pub fn compare(&self, a: RowId, b: RowId) -> Ordering {
        if a.part == b.part {
            return a.row.cmp(&b.row);
        }
        let key = |at: RowId| (self.id(at), self.collection_id(at));
        self.start(b).cmp(&self.start(a)).then_with(|| key(a).cmp(&key(b)))
    }

    /// Bytes of memory, by purpose.
    #[must_use]
    pub fn weight(&self) -> Weight {
        self.views.iter().map(|view| view.part.weight()).fold(Weight::default(), |a, b| Weight {
            columns: a.columns + b.columns,
            trees: a.trees + b.trees,
            shapes: a.shapes + b.shapes,
            // Parts made from each other share their chunks.
            bodies: a.bodies.max(b.bodies),
        })
    }
}

/// The same on every machine.
pub(super) fn hash128(bytes: &[u8]) -> u128 {
    const LOW: RapidSecrets = RapidSecrets::seed(1);
    const HIGH: RapidSecrets = RapidSecrets::seed(2);
    u128::from(rapidhash_v3_seeded(bytes, &LOW)) | u128::from(rapidhash_v3_seeded(bytes, &HIGH)) << 64
}
