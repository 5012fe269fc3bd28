//! What a bulk write is about to link, where several documents will link it: written before the first of them, removed after
//! the last. Whoever finds one whose writer died carries it out.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ChangeError;
use super::place::Tree;
use crate::storage::Location;

/// Folder of intents in a tree's.
pub(super) const FOLDER: &str = ".cairn/intents";

/// An intent as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    /// The Collection's id.
    pub(super) collection: String,
    /// Paths of the Items' documents below the tree's folder.
    pub(super) items: Vec<String>,
}

impl Intent {
    /// A place for a new one.
    pub(super) fn place(tree: &Tree) -> Result<Location, ChangeError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Two servers may have the same number of a process, but hardly at the same nanosecond.
        let name = format!("{FOLDER}/{:x}-{:x}.json", since.as_nanos(), std::process::id());
        tree.at(name.as_ref())
    }

    pub(super) fn new(tree: &Tree, collection: &str, items: &[Location]) -> Result<Self, ChangeError> {
        let path = |at: &Location| tree.path(at).map(|path| path.to_string_lossy().into_owned());
        let items = items.iter().map(path).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { collection: collection.to_owned(), items })
    }

    pub(super) fn bytes(&self) -> Result<Bytes, ChangeError> {
        let unfit = |error: serde_json::Error| ChangeError::Unfit {
            what: "an intent".to_owned(),
            reason: error.to_string(),
        };
        serde_json::to_vec(self).map(Bytes::from).map_err(unfit)
    }
}
