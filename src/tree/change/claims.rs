//! Places in a store that a writer has taken for documents which nothing links yet.
//!
//! A store has no locks: who creates the document at a place first has it, until the link is written. What a writer that
//! died left there is taken over once it has been seen unchanged for [`LEASE`], or is older than [`OLD`]; who wrote it gives
//! up after half of that time, so that never two hold one place.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;

use super::ChangeError;
use crate::storage::{Label, Location, Meta, Storage, StorageError, WriteMode};

/// How long a document that nothing links may be another writer's.
const LEASE: Duration = Duration::from_secs(20);

/// The age from which it surely is nobody's, whatever the clocks say.
const OLD: chrono::Duration = chrono::Duration::hours(1);

/// What STAC documents are, to a store.
pub(super) fn json_label() -> Label {
    Label { content_type: Some("application/json".to_owned()), metadata: Vec::new() }
}

#[derive(Debug)]
struct Claim {
    meta: Meta,
    bytes: Bytes,
    since: Instant,
}

/// The claims of one Collection's writer, and the places of others that it waits for.
#[derive(Debug, Default)]
pub(super) struct Claims {
    own: Mutex<HashMap<Location, Claim>>,
    others: Mutex<HashMap<Location, (String, Instant)>>,
}

impl Claims {
    /// Writes a document to a place that nothing links. Nothing while another writer has the place, or may have it.
    pub(super) async fn claim(
        &self,
        storage: &Storage,
        location: &Location,
        bytes: &Bytes,
    ) -> Result<Option<Meta>, ChangeError> {
        let own = {
            let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
            own.get(location).map(|claim| {
                let is_same = claim.bytes == *bytes && claim.since.elapsed() < LEASE / 2;
                (claim.meta.clone(), is_same)
            })
        };
        let mode = match own {
            Some((meta, true)) => return Ok(Some(meta)),
            Some((meta, false)) => WriteMode::IfMatch(meta.etag),
            None => WriteMode::Create,
        };
        match storage.write(location, bytes.clone(), mode, &json_label()).await {
            Ok(meta) => return Ok(Some(self.hold(location, meta, bytes))),
            Err(StorageError::Exists { .. } | StorageError::Changed { .. }) => self.release(location),
            Err(error) => return Err(error.into()),
        }
        let meta = match storage.meta(location).await {
            Ok(meta) => meta,
            // It went in the meantime.
            Err(StorageError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !self.is_given_up(location, &meta) {
            return Ok(None);
        }
        let mode = WriteMode::IfMatch(meta.etag);
        match storage.write(location, bytes.clone(), mode, &json_label()).await {
            Ok(meta) => Ok(Some(self.hold(location, meta, bytes))),
            Err(StorageError::Changed { .. } | StorageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn hold(&self, location: &Location, meta: Meta, bytes: &Bytes) -> Meta {
        let claim = Claim { meta: meta.clone(), bytes: bytes.clone(), since: Instant::now() };
        self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(location.clone(), claim);
        self.others.lock().unwrap_or_else(PoisonError::into_inner).remove(location);
        meta
    }

    /// Lets a place go: it is linked now, or another's.
    pub(super) fn release(&self, location: &Location) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).remove(location);
    }

    /// True while no claim is about to run out.
    pub(super) fn are_fresh<'a>(&self, mut locations: impl Iterator<Item = &'a Location>) -> bool {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        locations.all(|location| own.get(location).is_some_and(|claim| claim.since.elapsed() < LEASE / 2))
    }

    /// True when who wrote what lies there has surely died.
    fn is_given_up(&self, location: &Location, meta: &Meta) -> bool {
        if Utc::now() - meta.modified > OLD {
            return true;
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        // Places that nobody asked for again.
        others.retain(|_, (_, since)| since.elapsed() < LEASE * 10);
        let (etag, since) =
            others.entry(location.clone()).or_insert_with(|| (meta.etag.clone(), Instant::now()));
        if *etag != meta.etag {
            (*etag, *since) = (meta.etag.clone(), Instant::now());
        }
        since.elapsed() >= LEASE
    }
}
