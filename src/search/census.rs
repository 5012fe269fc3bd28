//! Queryables from the columns of a snapshot.
//!
//! A column tells kind, bounds and texts of all its rows. What no column holds is looked up in the documents of some Items,
//! evenly spread: those tell the kind only, unless they are all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::backend::SearchError;
use super::document::parsed;
use super::queryables::{Kind, MAX_TEXTS, Observed, Queryable};
use crate::catalog::{ColumnKind, Extremes, RowId, Snapshot, Summary};

/// Documents that are looked at.
const DOCUMENTS: usize = 256;

/// Answers that were given for a snapshot, by Collection; a clone shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    generation: u64,
    answers: BTreeMap<Option<String>, Arc<[Queryable]>>,
}

impl Kept {
    /// What the Items of a Collection, or of all, hold. A look at all columns is dear: it is done once for a snapshot.
    pub(super) fn of(
        &self,
        snapshot: &Snapshot,
        collection: Option<&str>,
    ) -> Result<Vec<Queryable>, SearchError> {
        let key = collection.map(str::to_owned);
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.generation != snapshot.generation() {
                *known = Known { generation: snapshot.generation(), answers: BTreeMap::new() };
            }
            if let Some(answer) = known.answers.get(&key) {
                return Ok(answer.to_vec());
            }
        }
        let answer = census(snapshot, collection)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.generation == snapshot.generation() {
            known.answers.insert(key, answer.clone().into());
        }
        Ok(answer)
    }
}

fn census(snapshot: &Snapshot, collection: Option<&str>) -> Result<Vec<Queryable>, SearchError> {
    let slot = match collection {
        None => None,
        Some(id) => match snapshot.collection(id) {
            Some((slot, _)) => Some(slot),
            None => return Ok(Vec::new()),
        },
    };
    let mut told: BTreeMap<String, Queryable> = BTreeMap::new();
    let mut open: Vec<String> = Vec::new();
    for view in snapshot.views() {
        let part = &view.part;
        let members = slot
            .filter(|slot| part.only_collection() != Some(*slot))
            .and_then(|slot| part.members(slot, true));
        for (name, column) in part.columns().iter() {
            let summary = match &members {
                Some(members) => column.summary_of(members.iter().copied()),
                None => column.summary(),
            };
            match queryable(name, &summary) {
                Some(own) => merge(&mut told, own),
                None if summary.elsewhere > 0 => open.push(name.to_owned()),
                None => {}
            }
        }
    }
    let is_wanted = |at: &RowId| slot.is_none_or(|slot| snapshot.part(*at).collection(at.row) == slot);
    let rows = || snapshot.rows().filter(is_wanted);
    let count = rows().count();
    let mut observed = Observed::default();
    for at in rows().step_by(count.div_ceil(DOCUMENTS).max(1)) {
        let document = parsed(snapshot, snapshot.part(at), at.row)?;
        if let Some(properties) = document.get("properties").and_then(Value::as_object) {
            observed.add(properties);
        }
    }
    let are_all = count <= DOCUMENTS;
    for mut seen in observed.finish() {
        if are_all {
            told.insert(seen.name.clone(), seen);
        } else if open.contains(&seen.name) || !told.contains_key(&seen.name) {
            (seen.texts, seen.bounds) = (Vec::new(), None);
            told.insert(seen.name.clone(), seen);
        }
    }
    Ok(told.into_values().collect())
}

/// What a column tells, when it holds all values.
fn queryable(name: &str, summary: &Summary<'_>) -> Option<Queryable> {
    let kind = match summary.kind {
        ColumnKind::Number => Kind::Number,
        ColumnKind::Integer => Kind::Integer,
        ColumnKind::Text => Kind::Text,
        ColumnKind::Boolean => Kind::Flag,
        ColumnKind::DateTime => Kind::Instant,
        ColumnKind::Mixed | ColumnKind::Nothing => return None,
    };
    let texts = summary.texts.as_ref().filter(|texts| texts.len() <= MAX_TEXTS);
    let bounds = match summary.extremes {
        Some(Extremes::Numbers(low, high)) => Some((low, high)),
        _ => None,
    };
    let texts = texts.into_iter().flatten().map(|text| (*text).to_owned()).collect();
    Some(Queryable { name: name.to_owned(), kind, texts, bounds })
}

/// Puts together what two parts tell of a property.
fn merge(told: &mut BTreeMap<String, Queryable>, own: Queryable) {
    let Some(known) = told.get_mut(&own.name) else {
        told.insert(own.name.clone(), own);
        return;
    };
    known.kind = match (known.kind, own.kind) {
        (a, b) if a == b => a,
        (Kind::Integer | Kind::Number, Kind::Integer | Kind::Number) => Kind::Number,
        (Kind::Text | Kind::Instant, Kind::Text | Kind::Instant) => Kind::Text,
        _ => Kind::Mixed,
    };
    known.bounds = match (known.bounds, own.bounds) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        _ => None,
    };
    known.texts = if known.texts.is_empty() || own.texts.is_empty() || known.kind != Kind::Text {
        Vec::new()
    } else {
        let mut texts = std::mem::take(&mut known.texts);
        texts.extend(own.texts);
        texts.sort_unstable();
        texts.dedup();
        if texts.len() > MAX_TEXTS { Vec::new() } else { texts }
    };
}
