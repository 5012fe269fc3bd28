//! What must hold of a row besides its place and its range of time.

use std::ops::{Bound, Range};
use std::sync::Arc;

use super::question::Question;
use super::record::{RowRecord, holding};
use crate::catalog::{Column, ColumnTest, Holding, Part, Snapshot, Verdict};
use crate::search::backend::SearchError;
use crate::search::filter::{Conjunct, Test};
use crate::stac::Interval;

/// What `max_cloud_cover` bounds.
const CLOUD_COVER: &str = "eo:cloud_cover";

/// Rows, and the ascending runs of them that count.
pub(super) type Runs = (Arc<[u32]>, Vec<Range<usize>>);

/// One condition on rows.
#[derive(Debug)]
pub(super) enum Condition<'a> {
    /// No row meets it.
    Never,
    /// Its Collection is among those, by index.
    Collections(Vec<bool>),
    /// Its set of bands is among those, by index.
    Bands(Vec<bool>),
    /// What it covers meets the interval.
    Span(Interval),
    /// Its id is among those, sorted.
    Ids(Vec<&'a str>),
    /// A column tells; where it does not, the conjunct of that number is put to the document.
    Column {
        column: &'a Column,
        name: &'a str,
        texts: Option<&'a [String]>,
        test: ColumnTest<'a>,
        conjunct: usize,
    },
    /// Its cloud cover is there and at most this, in percent.
    CloudCover { test: Option<ColumnTest<'a>>, most: f64 },
    /// The conjunct of that number, evaluated.
    Conjunct(usize),
    /// The words of `q`.
    Text,
}

/// The conditions of a question in one part, cheap ones first.
pub(super) fn conditions<'a>(
    snapshot: &'a Snapshot,
    part: &'a Part,
    question: &'a Question<'a>,
) -> Vec<Condition<'a>> {
    let search = question.search;
    let mut all = Vec::new();
    if let Some(wanted) = &search.collections {
        all.extend(collections(snapshot, part, wanted));
    }
    if !search.bands.is_empty() {
        let has_all = |set: &Vec<String>| search.bands.iter().all(|band| set.binary_search(band).is_ok());
        let sets: Vec<bool> = part.band_sets().iter().map(has_all).collect();
        if !sets.iter().all(|has| *has) {
            all.push(Condition::Bands(sets));
        }
    }
    if let Some(interval) = search.interval
        && !part.spans().is_empty()
    {
        all.push(Condition::Span(interval));
    }
    let mut dear = Vec::new();
    if let Some(most) = search.max_cloud_cover {
        match part.property(CLOUD_COVER) {
            Holding::Column(column) => {
                let test = column.compile_range(Bound::Unbounded, Bound::Included(most));
                all.push(Condition::CloudCover { test: Some(test), most });
            }
            Holding::NoItemHasIt => all.push(Condition::Never),
            Holding::Elsewhere => dear.push(Condition::CloudCover { test: None, most }),
        }
    }
    for (number, conjunct) in question.conjuncts.iter().enumerate() {
        if question.as_region == Some(number) {
            continue;
        }
        match of_conjunct(snapshot, part, question, number, conjunct) {
            Some(condition @ Condition::Conjunct(_)) => dear.push(condition),
            Some(condition) => all.push(condition),
            None => {}
        }
    }
    all.extend(dear);
    if search.text.is_some() {
        all.push(Condition::Text);
    }
    all
}

fn collections<'a>(snapshot: &Snapshot, part: &Part, wanted: &[String]) -> Option<Condition<'a>> {
    let is_wanted: Vec<bool> = snapshot.slots().iter().map(|slot| wanted.contains(&slot.id)).collect();
    match part.only_collection() {
        Some(only) if is_wanted.get(only as usize).copied().unwrap_or(false) => None,
        Some(_) => Some(Condition::Never),
        None => Some(Condition::Collections(is_wanted)),
    }
}

/// The condition that a conjunct is in this part; nothing when it holds of every row in the range of time.
fn of_conjunct<'a>(
    snapshot: &'a Snapshot,
    part: &'a Part,
    question: &'a Question<'a>,
    number: usize,
    conjunct: &'a Conjunct<'a>,
) -> Option<Condition<'a>> {
    let (property, texts) = match conjunct.test {
        Test::Range { property, .. } | Test::Instants { property, .. } => (property, None),
        Test::Texts { property, any_of } => (property, Some(any_of)),
        Test::Place { .. } | Test::Rest => return Some(Condition::Conjunct(number)),
    };
    let name = question.name(property);
    match (name, texts) {
        ("id", Some(texts)) => {
            let mut ids: Vec<&str> = texts.iter().map(String::as_str).collect();
            ids.sort_unstable();
            return Some(Condition::Ids(ids));
        }
        ("collection", Some(texts)) => return collections(snapshot, part, texts),
        ("datetime", None) if matches!(conjunct.test, Test::Instants { .. }) && part.spans().is_empty() => {
            return None;
        }
        _ => {}
    }
    let column = match holding(part, name) {
        Holding::Column(column) => column,
        Holding::NoItemHasIt => return Some(Condition::Never),
        Holding::Elsewhere => return Some(Condition::Conjunct(number)),
    };
    let test = match conjunct.test {
        Test::Range { low, high, .. } => column.compile_range(low, high),
        Test::Instants { low, high, .. } => column.compile_instants(low, high),
        Test::Texts { any_of, .. } => {
            column.compile_texts(&any_of.iter().map(String::as_str).collect::<Vec<_>>())
        }
        Test::Place { .. } | Test::Rest => return Some(Condition::Conjunct(number)),
    };
    Some(Condition::Column { column, name, texts, test, conjunct: number })
}

impl<'a> Condition<'a> {
    /// True when the row meets it.
    pub(super) fn holds(&self, row: u32, record: &RowRecord<'a>) -> Result<bool, SearchError> {
        Ok(match self {
            Self::Never => false,
            Self::Collections(wanted) => wanted[record.part().collection(row) as usize],
            Self::Bands(sets) => sets[record.part().band_set(row) as usize],
            Self::Span(interval) => {
                let (first, last) = record.part().span(row);
                interval.meets(first, last)
            }
            Self::Ids(ids) => ids.binary_search(&record.id()).is_ok(),
            Self::Column { test, conjunct, .. } => match test.holds(row) {
                Verdict::Yes => true,
                Verdict::No => false,
                Verdict::AskBody => record.conjunct_holds(*conjunct)?,
            },
            Self::CloudCover { test, most } => match test.as_ref().map(|test| test.holds(row)) {
                Some(Verdict::Yes) => true,
                Some(Verdict::No) => false,
                None | Some(Verdict::AskBody) => {
                    let own = record.property(CLOUD_COVER)?.and_then(serde_json::Value::as_f64);
                    own.is_some_and(|percent| percent <= *most)
                }
            },
            Self::Conjunct(number) => record.conjunct_holds(*number)?,
            Self::Text => record.text_occurs()?,
        })
    }

    /// The rows that can meet it, as runs of an ascending list, where that is known without a look at each; only when there
    /// are fewer than `most`; what would first have to be made of all rows, only where `may_make` holds.
    pub(super) fn candidates(&self, part: &'a Part, most: u64, may_make: bool) -> Option<Runs> {
        match self {
            Self::Never => Some((Arc::default(), Vec::new())),
            Self::Ids(ids) => {
                let mut rows: Vec<u32> = ids.iter().flat_map(|id| part.ids().rows_with_id(id)).collect();
                rows.sort_unstable();
                rows.dedup();
                let run = 0..rows.len();
                Some((rows.into(), vec![run]))
            }
            Self::Collections(wanted) => {
                let mut wanted = (0..).zip(wanted).filter(|(_, wanted)| **wanted);
                let (Some((only, _)), None) = (wanted.next(), wanted.next()) else { return None };
                let rows = part.members(only, may_make)?;
                let run = 0..rows.len();
                Some((rows, vec![run]))
            }
            Self::Column { column, name, texts: Some(texts), .. } if most > FEW_ROWS => {
                let order = part.order(name, column, may_make)?;
                let runs = texts.iter().filter_map(|text| {
                    let compare = |row: &u32| column.compare_text(*row, text);
                    let from = order.partition_point(|row| compare(row).is_lt());
                    let to = from + order[from..].partition_point(|row| compare(row).is_eq());
                    (from < to).then_some(from..to)
                });
                let runs = runs.collect();
                Some((order, runs))
            }
            _ => None,
        }
    }
}

/// Rows that are looked at one by one before an order is made of a column.
const FEW_ROWS: u64 = 20_000;
