//! The plan of a search over a snapshot: which rows are looked at, in which order, and what they must hold.
//!
//! Named ids are looked up. A place is answered by the R-trees of those segments whose time can match. Anything else is a
//! scan of columns. Rows are numbered in the order of answers, so that a page is the first rows after the token's place,
//! and the count needs no bodies.

use geo::{BoundingRect, Rect};

use super::query::{Place, Search};
use crate::catalog::Snapshot;

/// Rows that match.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matches {
    /// The first rows of the page, at most `limit`.
    pub(super) rows: Vec<u32>,
    /// Rows that match in all, those before the page too.
    pub(super) matched: u64,
    /// True when rows follow the page.
    pub(super) more: bool,
}

/// A search compiled for one snapshot.
struct Predicate<'a> {
    snapshot: &'a Snapshot,
    search: &'a Search,
    /// By index of Collection; `None`: any.
    collections: Option<Vec<bool>>,
    /// By index of band set; `None`: any.
    band_sets: Option<Vec<bool>>,
    /// What candidates must meet on the R-trees; `None`: anywhere.
    rects: Option<Vec<Rect>>,
}

/// Finds the page that begins after the search's token, and counts all matches.
pub(super) fn matches(snapshot: &Snapshot, search: &Search) -> Matches {
    let from = search.token.as_ref().map_or(0, |token| {
        let rank = snapshot.rank(token.start, &token.id, &token.collection);
        let there = (rank as usize) < snapshot.len()
            && snapshot.start(rank) == token.start
            && snapshot.id(rank) == token.id
            && snapshot.collection_id(rank) == token.collection;
        if there { rank + 1 } else { rank }
    });
    if search.asks_for_all() {
        let all = u32::try_from(snapshot.len()).unwrap_or(u32::MAX);
        let end = u32::try_from(search.limit).map_or(all, |limit| from.saturating_add(limit).min(all));
        return Matches { rows: (from..end).collect(), matched: all.into(), more: end < all };
    }
    let mut found = Matches::default();
    for_each(snapshot, search, |row| {
        found.matched += 1;
        if row >= from {
            if found.rows.len() < search.limit {
                found.rows.push(row);
            } else {
                found.more = true;
            }
        }
    });
    found
}

/// All rows that match, in the order of answers.
pub(super) fn all(snapshot: &Snapshot, search: &Search) -> Vec<u32> {
    let mut rows = Vec::new();
    for_each(snapshot, search, |row| rows.push(row));
    rows
}

fn for_each(snapshot: &Snapshot, search: &Search, mut found: impl FnMut(u32)) {
    let predicate = Predicate::compile(snapshot, search);
    if let Some(ids) = &search.ids {
        let mut rows: Vec<u32> = ids.iter().flat_map(|id| snapshot.rows_with_id(id)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.into_iter().filter(|row| predicate.holds(*row)).for_each(found);
        return;
    }
    for (index, (rows, earliest, latest)) in snapshot.segments().enumerate() {
        if search.interval.is_some_and(|interval| !interval.meets(earliest, latest)) {
            continue;
        }
        match &predicate.rects {
            Some(rects) => {
                let candidates = snapshot.candidates(index, rects);
                candidates.into_iter().filter(|row| predicate.holds(*row)).for_each(&mut found);
            }
            None => rows.filter(|row| predicate.holds(*row)).for_each(&mut found),
        }
    }
}

impl<'a> Predicate<'a> {
    fn compile(snapshot: &'a Snapshot, search: &'a Search) -> Self {
        let collections = search.collections.as_ref().map(|wanted| {
            snapshot.collections().iter().map(|collection| wanted.contains(&collection.id)).collect()
        });
        let band_sets = (!search.bands.is_empty()).then(|| {
            let has_all = |set: &Vec<String>| search.bands.iter().all(|band| set.binary_search(band).is_ok());
            snapshot.band_sets().iter().map(has_all).collect()
        });
        let rects = search.place.as_ref().map(|place| match place {
            Place::Bbox(bbox) => bbox.parts(),
            Place::Shape(shape) => shape.bounding_rect().into_iter().collect(),
        });
        Self { snapshot, search, collections, band_sets, rects }
    }

    /// Cheap columns first, the exact shape last.
    fn holds(&self, row: u32) -> bool {
        let flag = |flags: &Option<Vec<bool>>, index: u32| {
            flags.as_ref().is_none_or(|flags| flags.get(index as usize).copied().unwrap_or(false))
        };
        flag(&self.collections, self.snapshot.collection_of(row))
            && flag(&self.band_sets, self.snapshot.band_set(row))
            && self.search.max_cloud_cover.is_none_or(|max| self.snapshot.cloud_cover(row) <= max)
            && self.search.interval.is_none_or(|interval| {
                let (first, last) = self.snapshot.span(row);
                interval.meets(first, last)
            })
            && match (&self.search.place, &self.rects) {
                (Some(Place::Shape(shape)), _) => self.snapshot.meets(row, shape),
                (Some(Place::Bbox(_)), Some(rects)) => self.snapshot.meets_rects(row, rects),
                _ => true,
            }
    }
}
