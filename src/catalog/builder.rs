//! Items in any order become a part.

use std::cmp::Ordering;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rapidhash::v3::rapidhash_v3;
use rayon::slice::ParallelSliceMut;

use super::bodies::{Bodies, BodyRef};
use super::codes::Codes;
use super::columns::{Cell, ColumnsBuilder};
use super::draft::Draft;
use super::ids::IdsBuilder;
use super::parse::Names;
use super::part::{Kept, Part};
use super::space::{NO_FOOTPRINT, SpaceBuilder, SpaceError};
use super::spans::Spans;
use super::times::Times;
use crate::stac::ItemTime;

/// Rows on their way into a part, numbered as they come.
#[derive(Debug)]
pub(super) struct PartBuilder {
    ids: IdsBuilder,
    starts: Times,
    /// Rows that cover more than an instant.
    ranges: HashMap<u32, (DateTime<Utc>, DateTime<Utc>)>,
    collections: Vec<u32>,
    band_sets: Vec<Vec<String>>,
    band_index: HashMap<Vec<String>, u32>,
    band_set: Vec<u32>,
    columns: ColumnsBuilder,
    space: SpaceBuilder,
    footprints: Vec<u32>,
    body: Vec<BodyRef>,
    contents: Vec<u64>,
    documents: Vec<u32>,
}

impl Default for PartBuilder {
    fn default() -> Self {
        Self {
            ids: IdsBuilder::new(),
            starts: Times::default(),
            ranges: HashMap::new(),
            collections: Vec::new(),
            band_sets: Vec::new(),
            band_index: HashMap::new(),
            band_set: Vec::new(),
            columns: ColumnsBuilder::new(),
            space: SpaceBuilder::new(),
            footprints: Vec::new(),
            body: Vec::new(),
            contents: Vec::new(),
            documents: Vec::new(),
        }
    }
}

impl PartBuilder {
    /// Rows so far.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.body.len()).unwrap_or(u32::MAX)
    }

    /// The id of a row.
    pub(super) fn id(&self, row: u32) -> &str {
        self.ids.get(row)
    }

    /// The Collection of a row.
    pub(super) fn collection(&self, row: u32) -> u32 {
        self.collections[row as usize]
    }

    /// The document that a row comes from.
    pub(super) fn document(&self, row: u32) -> u32 {
        self.documents[row as usize]
    }

    /// Names another place of a row's body.
    pub(super) fn set_body(&mut self, row: u32, body: BodyRef) {
        if let Some(known) = self.body.get_mut(row as usize) {
            *known = body;
        }
    }

    /// The numbers that the properties of a batch have here.
    pub(super) fn columns_of(&mut self, names: &Names) -> Vec<usize> {
        names.all().iter().map(|name| self.columns.column(name)).collect()
    }

    /// Takes an Item in; its properties are `cells` with the numbers of their columns.
    pub(super) fn add<'a>(
        &mut self,
        draft: Draft,
        (collection, document): (u32, u32),
        body: BodyRef,
        bands: u32,
        cells: impl Iterator<Item = (usize, Cell<'a>)>,
    ) -> Result<(), SpaceError> {
        let row = self.len();
        self.footprints.push(self.space.add(draft.geometry, draft.bbox)?);
        self.add_base(&draft.id, collection, document, body);
        self.add_time(row, draft.time);
        self.contents.push(draft.content);
        self.band_set.push(bands);
        for (column, cell) in cells {
            self.columns.push(row, column, cell);
        }
        Ok(())
    }

    /// Takes rows of an older part in.
    pub(super) fn add_rows(&mut self, part: &Part, rows: &[u32]) -> Result<(), SpaceError> {
        let first = self.len();
        let mut band_sets = vec![None; part.band_sets.len()];
        for (row, from) in (first..).zip(rows.iter().copied()) {
            let footprint = match part.space.footprint_of(from) {
                Some(footprint) => part.space.add_from(footprint, &mut self.space)?,
                None => NO_FOOTPRINT,
            };
            self.footprints.push(footprint);
            let (collection, document) = (part.collections.get(from), part.documents.get(from));
            self.add_base(&part.ids.get(from), collection, document, part.body[from as usize]);
            let (first, last) = part.span(from);
            self.add_time(row, ItemTime { start: part.times.get(from), first, last });
            self.contents.push(part.contents[from as usize]);
            let set = part.band_set.get(from) as usize;
            let bands = *band_sets[set].get_or_insert_with(|| self.bands(&part.band_sets[set]));
            self.band_set.push(bands);
        }
        self.columns.push_rows(first, &part.columns, rows);
        Ok(())
    }

    fn add_base(&mut self, id: &str, collection: u32, document: u32, body: BodyRef) {
        self.ids.push(id);
        self.collections.push(collection);
        self.documents.push(document);
        self.body.push(body);
    }

    fn add_time(&mut self, row: u32, time: ItemTime) {
        self.starts.push(time.start);
        if time.first != time.start || time.last != time.start {
            self.ranges.insert(row, (time.first, time.last));
        }
    }

    /// The number of a set of names of bands, sorted.
    pub(super) fn bands(&mut self, names: &[String]) -> u32 {
        if let Some(known) = self.band_index.get(names) {
            return *known;
        }
        let number = u32::try_from(self.band_sets.len()).unwrap_or(u32::MAX);
        self.band_sets.push(names.to_vec());
        self.band_index.insert(names.to_vec(), number);
        number
    }

    /// The sum of the contents of all rows but those in `without` (ascending).
    pub(super) fn content_without(&self, without: &[u32]) -> u128 {
        let all = self.contents.iter().fold(0_u128, |sum, content| sum.wrapping_add((*content).into()));
        let left_out = without.iter().map(|row| u128::from(self.contents[*row as usize]));
        left_out.fold(all, u128::wrapping_sub)
    }

    /// Rows whose Collection and id an earlier row has, each with that earlier row.
    pub(super) fn repeated(&self) -> Vec<(u32, u32)> {
        let mut hashes: Vec<(u64, u32)> = (0..self.len())
            .map(|row| {
                (rapidhash_v3(self.id(row).as_bytes()).wrapping_add(u64::from(self.collection(row))), row)
            })
            .collect();
        hashes.par_sort_unstable();
        let mut repeated = Vec::new();
        for same in hashes.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
            for (at, (_, row)) in same.iter().enumerate() {
                let twin = same[..at].iter().find(|(_, earlier)| {
                    self.collection(*earlier) == self.collection(*row) && self.id(*earlier) == self.id(*row)
                });
                if let Some((_, earlier)) = twin {
                    repeated.push((*row, *earlier));
                }
            }
        }
        repeated
    }

    /// The part of all rows but those in `without` (ascending). `names` are the ids of the Collections by index.
    pub(super) fn finish(self, names: &[&str], bodies: Bodies, without: &[u32]) -> Part {
        let mut order: Vec<u32> = (0..self.len()).filter(|row| without.binary_search(row).is_err()).collect();
        order.par_sort_unstable_by(|a, b| self.compare(names, *a, *b));
        let pick = |numbers: &[u32]| Codes::new(order.iter().map(|row| numbers[*row as usize]).collect());
        let times: Times = order.iter().map(|row| self.starts.get(*row)).collect();
        let span = |(row, start)| self.ranges.get(row).copied().unwrap_or((start, start));
        let spans = Spans::build(&times, order.iter().zip(times.iter()).map(span));
        let collections = pick(&self.collections);
        let band_set = pick(&self.band_set);
        let documents = pick(&self.documents);
        let body = order.iter().map(|row| self.body[*row as usize]).collect();
        let contents = order.iter().map(|row| self.contents[*row as usize]).collect();
        let footprints = order.iter().map(|row| self.footprints[*row as usize]).collect();
        drop((self.starts, self.ranges, self.band_set, self.documents, self.body, self.contents));
        let ids = self.ids.finish(&order, |row| self.collections[row as usize]);
        drop(self.collections);
        let space = self.space.finish(footprints);
        let columns = self.columns.finish(&order);
        Part {
            ids,
            times,
            spans,
            collections,
            band_sets: self.band_sets,
            band_set,
            columns,
            space,
            body,
            bodies,
            contents,
            documents,
            kept: Kept::default(),
        }
    }

    fn compare(&self, names: &[&str], a: u32, b: u32) -> Ordering {
        self.starts
            .get(b)
            .cmp(&self.starts.get(a))
            .then_with(|| self.id(a).cmp(self.id(b)))
            .then_with(|| names[self.collection(a) as usize].cmp(names[self.collection(b) as usize]))
    }
}
