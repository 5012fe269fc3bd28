//! An immutable catalogue in memory: typed columns, R-trees by segments of time, bodies.
//!
//! Rows are Items in the order that answers have: newest first, then by id, then by collection. A segment is a run of
//! [`SEGMENT_ROWS`] rows with an R-tree of its own, so that a question for the newest few in a place looks into as few
//! trees as it takes. Building costs a sort and one bulk load per segment, O(n log n); a question costs O(log n + k) per
//! segment for k candidates. Where all Items share a footprint, every Item of a segment is a candidate and the columns
//! decide: a scan of the segment.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};

use chrono::{DateTime, Utc};
use geo::{Geometry, Rect};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::footprint::Footprint;
use super::parse::Parsed;
use crate::stac::ItemBody;

/// Snapshots built by this process.
static GENERATIONS: AtomicU64 = AtomicU64::new(0);

/// Rows of a segment.
const SEGMENT_ROWS: usize = 16 * 1024;

/// A Collection as it is served.
#[derive(Debug, Clone)]
pub struct Collection {
    /// Its id.
    pub id: String,
    /// Its document: only links that lead out of the catalogue, absolute hrefs.
    pub document: serde_json::Value,
}

/// The whole catalogue at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Title and description of the root, where it has them.
    pub title: Option<String>,
    /// As in the root's document.
    pub description: Option<String>,
    generation: u64,
    collections: Vec<Collection>,
    rows: Rows,
    band_sets: Vec<Vec<String>>,
    segments: Vec<Segment>,
    /// Row numbers ordered by (id, collection).
    by_id: Vec<u32>,
}

/// The columns, one entry for each Item.
#[derive(Debug, Default)]
struct Rows {
    id: Vec<Box<str>>,
    collection: Vec<u32>,
    start: Vec<DateTime<Utc>>,
    first: Vec<DateTime<Utc>>,
    last: Vec<DateTime<Utc>>,
    /// NaN where the Item has no `eo:cloud_cover`.
    cloud_cover: Vec<f64>,
    band_set: Vec<u32>,
    footprint: Vec<Option<Footprint>>,
    body: Vec<Arc<ItemBody>>,
}

/// A run of rows with what finds them.
#[derive(Debug)]
struct Segment {
    rows: Range<u32>,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
    tree: RTree<Entry>,
}

type Entry = GeomWithData<Rectangle<[f64; 2]>, u32>;

impl Snapshot {
    /// Builds a snapshot; each Item's `collection` is an index into `collections`.
    pub(super) fn build(collections: Vec<Collection>, mut items: Vec<(u32, Parsed)>) -> Self {
        items.sort_by(|(a_collection, a), (b_collection, b)| {
            let name = |index: u32| collections.get(index as usize).map(|c| c.id.as_str());
            b.time
                .start
                .cmp(&a.time.start)
                .then_with(|| a.id.cmp(&b.id))
                .then_with(|| name(*a_collection).cmp(&name(*b_collection)))
        });
        let mut known: HashMap<Vec<String>, u32> = HashMap::new();
        let mut band_sets = Vec::new();
        let mut rows = Rows::default();
        for (collection, item) in items {
            let band_set = *known.entry(item.bands).or_insert_with_key(|names| {
                band_sets.push(names.clone());
                count(band_sets.len() - 1)
            });
            rows.id.push(item.id.into());
            rows.collection.push(collection);
            rows.start.push(item.time.start);
            rows.first.push(item.time.first);
            rows.last.push(item.time.last);
            rows.cloud_cover.push(item.cloud_cover.unwrap_or(f64::NAN));
            rows.band_set.push(band_set);
            rows.footprint.push(item.footprint);
            rows.body.push(Arc::new(item.body));
        }
        let segments = segments_of(&rows);
        let mut by_id: Vec<u32> = (0..count(rows.id.len())).collect();
        by_id.sort_by_key(|row| (&rows.id[*row as usize], rows.collection[*row as usize]));
        let generation = GENERATIONS.fetch_add(1, atomic::Ordering::Relaxed) + 1;
        Self { title: None, description: None, generation, collections, rows, band_sets, segments, by_id }
    }

    /// Tells this snapshot from all others of the process.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Number of Items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.id.len()
    }

    /// True without any Item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The Collections in load order.
    #[must_use]
    pub fn collections(&self) -> &[Collection] {
        &self.collections
    }

    /// The index of the Collection of that id.
    #[must_use]
    pub fn collection_index(&self, id: &str) -> Option<u32> {
        self.collections.iter().position(|c| c.id == id).map(count)
    }

    /// The row of an Item.
    #[must_use]
    pub fn row_of(&self, collection: u32, id: &str) -> Option<u32> {
        let rows = &self.rows;
        let found = self.by_id.binary_search_by(|row| {
            let row = *row as usize;
            (*rows.id[row]).cmp(id).then(rows.collection[row].cmp(&collection))
        });
        found.ok().map(|at| self.by_id[at])
    }

    /// The rows of the Items with that id, one for each Collection that has one.
    pub fn rows_with_id(&self, id: &str) -> impl Iterator<Item = u32> {
        let start = self.by_id.partition_point(|row| *self.rows.id[*row as usize] < *id);
        self.by_id[start..].iter().copied().take_while(move |row| *self.rows.id[*row as usize] == *id)
    }

    /// Of each segment, newest first: its rows, and the first and last instant that any of its Items covers.
    pub fn segments(&self) -> impl Iterator<Item = (Range<u32>, DateTime<Utc>, DateTime<Utc>)> {
        self.segments.iter().map(|s| (s.rows.clone(), s.earliest, s.latest))
    }

    /// The rows of segment `index` whose rectangle meets one of `rects`, ascending, each once.
    #[must_use]
    pub fn candidates(&self, index: usize, rects: &[Rect]) -> Vec<u32> {
        let Some(segment) = self.segments.get(index) else { return Vec::new() };
        let mut rows: Vec<u32> = rects
            .iter()
            .flat_map(|r| {
                let envelope = AABB::from_corners([r.min().x, r.min().y], [r.max().x, r.max().y]);
                segment.tree.locate_in_envelope_intersecting(envelope).map(|entry| entry.data)
            })
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The Item's id.
    #[must_use]
    pub fn id(&self, row: u32) -> &str {
        &self.rows.id[row as usize]
    }

    /// Index of the Item's Collection.
    #[must_use]
    pub fn collection_of(&self, row: u32) -> u32 {
        self.rows.collection[row as usize]
    }

    /// The id of the Item's Collection.
    #[must_use]
    pub fn collection_id(&self, row: u32) -> &str {
        &self.collections[self.collection_of(row) as usize].id
    }

    /// What the Item is ordered by.
    #[must_use]
    pub fn start(&self, row: u32) -> DateTime<Utc> {
        self.rows.start[row as usize]
    }

    /// First and last instant that the Item covers.
    #[must_use]
    pub fn span(&self, row: u32) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.rows.first[row as usize], self.rows.last[row as usize])
    }

    /// `eo:cloud_cover`, NaN where there is none.
    #[must_use]
    pub fn cloud_cover(&self, row: u32) -> f64 {
        self.rows.cloud_cover[row as usize]
    }

    /// Index into [`Snapshot::band_sets`].
    #[must_use]
    pub fn band_set(&self, row: u32) -> u32 {
        self.rows.band_set[row as usize]
    }

    /// The distinct sets of band names that Items answer to, each sorted.
    #[must_use]
    pub fn band_sets(&self) -> &[Vec<String>] {
        &self.band_sets
    }

    /// The Item's document.
    #[must_use]
    pub fn body(&self, row: u32) -> &Arc<ItemBody> {
        &self.rows.body[row as usize]
    }

    /// True when the Item's footprint has a point in common with one of the rectangles.
    #[must_use]
    pub fn meets_rects(&self, row: u32, rects: &[Rect]) -> bool {
        self.rows.footprint[row as usize]
            .as_ref()
            .is_some_and(|f| rects.iter().any(|rect| f.meets_rect(rect)))
    }

    /// True when the Item's footprint has a point in common with the shape.
    #[must_use]
    pub fn meets(&self, row: u32, shape: &Geometry) -> bool {
        self.rows.footprint[row as usize].as_ref().is_some_and(|f| f.meets(shape))
    }

    /// Where a row that is ordered as (start, id, collection) stands or would stand: the number of rows before it.
    #[must_use]
    pub fn rank(&self, start: DateTime<Utc>, id: &str, collection: &str) -> u32 {
        let (mut low, mut high) = (0, count(self.len()));
        while low < high {
            let middle = low + (high - low) / 2;
            let order = start
                .cmp(&self.start(middle))
                .then_with(|| self.id(middle).cmp(id))
                .then_with(|| self.collection_id(middle).cmp(collection));
            if order == Ordering::Less { low = middle + 1 } else { high = middle }
        }
        low
    }
}

fn segments_of(rows: &Rows) -> Vec<Segment> {
    let mut segments = Vec::new();
    let all = rows.id.len();
    for from in (0..all).step_by(SEGMENT_ROWS) {
        let to = (from + SEGMENT_ROWS).min(all);
        let entries = (from..to)
            .flat_map(|row| {
                let rects = rows.footprint[row].as_ref().map(|f| f.rects.as_slice()).unwrap_or_default();
                rects.iter().map(move |r| {
                    let rectangle = Rectangle::from_corners([r.min().x, r.min().y], [r.max().x, r.max().y]);
                    GeomWithData::new(rectangle, count(row))
                })
            })
            .collect();
        let firsts = rows.first[from..to].iter().min();
        let lasts = rows.last[from..to].iter().max();
        if let (Some(earliest), Some(latest)) = (firsts, lasts) {
            segments.push(Segment {
                rows: count(from)..count(to),
                earliest: *earliest,
                latest: *latest,
                tree: RTree::bulk_load(entries),
            });
        }
    }
    segments
}

/// Rows are numbered with 32 bits: four billion Items are more than a machine's memory holds.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
