//! One Item on its way into a part, its document packed already; made on the pool, many at once.

use std::ops::Range;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rapidhash::v3::rapidhash_v3;

use super::bodies::{Dictionaries, Packed};
use super::lines::Block;
use super::parse::{BandSets, Names, Parsed, Rows, parse};
use super::seen::Seen;
use super::snapshot::{RowId, Snapshot};
use crate::stac::{Bbox, BodyWriter, ItemTime};
use crate::storage::{Location, Storage};
use crate::tree::{ItemSource, Problem, Resolver};

/// An Item that is new, or not what it was.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) collection: String,
    pub(super) time: ItemTime,
    /// Number of its set of bands in the batch.
    pub(super) bands: u32,
    pub(super) geometry: Option<geo::Geometry>,
    pub(super) bbox: Option<Bbox>,
    /// Its cells in the batch's rows.
    pub(super) properties: Range<usize>,
    /// A hash of its document.
    pub(super) content: u64,
    pub(super) warnings: Vec<String>,
}

/// What became of one Item's text.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Taken in, with its document.
    Fresh(Box<Draft>, Packed),
    /// The snapshot of before has the same Item from the same document.
    Same(RowId),
    /// Left out.
    Bad(Problem),
}

/// Items that were parsed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Names of properties.
    pub(super) names: Names,
    /// Values of properties.
    pub(super) rows: Rows,
    /// Names of bands.
    pub(super) band_sets: BandSets,
    /// In the order of the source.
    pub(super) outcomes: Vec<Outcome>,
}

/// What parsing needs to know besides the text; a clone shares all.
#[derive(Debug, Clone)]
pub(super) struct Press {
    /// Of the Collections that have one by now.
    pub(super) dictionaries: Arc<ArcSwap<Dictionaries>>,
    /// The snapshot of before.
    pub(super) before: Arc<Snapshot>,
    /// The documents that it was read from.
    pub(super) seen: Arc<Seen>,
    /// Where documents come from.
    pub(super) storage: Storage,
}

impl Press {
    /// The one Item of a document.
    pub(super) fn item(&self, source: &ItemSource<'_>) -> Batch {
        let mut batch = Batch::default();
        let outcome = self.outcome(source, &mut batch, &mut BodyWriter::default());
        batch.outcomes.push(outcome);
        batch
    }

    /// The Items of some lines.
    pub(super) fn lines(&self, location: &Location, block: &Block) -> Batch {
        let resolver = Resolver::new(location, &serde_json::Value::Null).within(&self.storage);
        let (mut batch, mut writer) = (Batch::default(), BodyWriter::default());
        for (number, json) in block.lines() {
            if json.trim_ascii().is_empty() {
                continue;
            }
            let source =
                ItemSource { location, json, collection: None, parent_id: "items", resolver: &resolver };
            let outcome = match self.outcome(&source, &mut batch, &mut writer) {
                Outcome::Bad(problem) => {
                    Outcome::Bad(Problem { reason: format!("line {number}: {}", problem.reason), ..problem })
                }
                good => good,
            };
            batch.outcomes.push(outcome);
        }
        batch
    }

    /// Items of a table.
    pub(super) fn texts(&self, location: &Location, texts: &[Vec<u8>]) -> Batch {
        let resolver = Resolver::new(location, &serde_json::Value::Null).within(&self.storage);
        let (mut batch, mut writer) = (Batch::default(), BodyWriter::default());
        for json in texts {
            let source =
                ItemSource { location, json, collection: None, parent_id: "items", resolver: &resolver };
            let outcome = self.outcome(&source, &mut batch, &mut writer);
            batch.outcomes.push(outcome);
        }
        batch
    }

    fn outcome(&self, source: &ItemSource<'_>, batch: &mut Batch, writer: &mut BodyWriter) -> Outcome {
        let parsed = match parse(source, &mut batch.band_sets, writer) {
            Ok(parsed) => parsed,
            Err(error) => return Outcome::Bad(Problem::of(source.location.clone(), &error)),
        };
        let Parsed { id, collection, time, bands, geometry, bbox, properties, body, warnings } = parsed;
        let content = rapidhash_v3(body.payload());
        if warnings.is_empty() && !self.before.is_empty() {
            let known =
                self.before.collection(&collection).and_then(|(index, _)| self.before.find(index, &id));
            // One that moved to another document is new: a later load keeps Items by the document that they are in.
            let is_here = |at: &RowId| {
                let document = self.seen.at(self.before.part(*at).document(at.row));
                document.is_some_and(|document| document.location == *source.location)
            };
            let is_same = |at: &RowId| self.before.content(*at) == content && is_here(at);
            if let Some(at) = known.filter(is_same) {
                return Outcome::Same(at);
            }
        }
        let dictionaries = self.dictionaries.load();
        let frame =
            dictionaries.get(&collection).and_then(|dictionary| Packed::frame(body.payload(), dictionary));
        let packed = frame.unwrap_or_else(|| Packed::Body(body.to_body()));
        let properties = batch.rows.push(&properties, &mut batch.names);
        let draft = Draft { id, collection, time, bands, geometry, bbox, properties, content, warnings };
        Outcome::Fresh(Box::new(draft), packed)
    }
}
