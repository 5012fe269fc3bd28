//! Why nothing was changed.

use std::io;
use std::sync::Arc;

use crate::storage::StorageError;

/// Why nothing was changed. Messages name ids as the client knows them; only [`ChangeError::Store`] names locations.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChangeError {
    /// There is no such Collection.
    #[error("there is no Collection '{collection}'; make it first with POST /collections")]
    NoCollection {
        /// The id that was given.
        collection: String,
    },
    /// There is no such Item.
    #[error("the Collection '{collection}' has no Item '{id}'")]
    Missing {
        /// The Collection's id.
        collection: String,
        /// The id that was given.
        id: String,
    },
    /// They are there already.
    #[error("the Collection '{collection}' has {} already; PUT replaces what is there", named(ids))]
    Exists {
        /// The Collection's id.
        collection: String,
        /// The Items' ids; none when it is the Collection itself.
        ids: Vec<String>,
    },
    /// Another state is there than the condition names.
    #[error("{what} is not in the state that If-Match names; read it again")]
    Changed {
        /// The Item or Collection.
        what: String,
    },
    /// Others were first again and again, or one that may have died holds the place for some seconds yet.
    #[error("{what} is being written by others; try again in some seconds")]
    Conflict {
        /// The Item or Collection.
        what: String,
    },
    /// More changes wait than are kept waiting.
    #[error("too many changes wait for the Collection '{collection}'; try again in some seconds")]
    Busy {
        /// The Collection's id.
        collection: String,
    },
    /// Other Collections lie below it.
    #[error("other Collections lie below the Collection '{collection}'; delete those first")]
    NotEmpty {
        /// The Collection's id.
        collection: String,
    },
    /// A catalogue that is no tree, or lies where nothing can be written.
    #[error("{what} cannot be changed: {reason}")]
    NotWritable {
        /// The Collection, or the catalogue.
        what: String,
        /// Why, and what to do.
        reason: String,
    },
    /// What was sent can be no document of a tree.
    #[error("{what} cannot be written: {reason}")]
    Unfit {
        /// The Item or Collection.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A document of the tree is not what it should be.
    #[error("the tree's own document of {what} cannot be understood: {reason}")]
    Damaged {
        /// What it is of.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk or the store failed: not for clients.
    #[error(transparent)]
    Store(Arc<StorageError>),
}

impl From<StorageError> for ChangeError {
    fn from(error: StorageError) -> Self {
        match &error {
            // Clients are told nothing of places.
            StorageError::Unsupported { what, .. } => {
                Self::NotWritable { what: "the catalogue".to_owned(), reason: (*what).to_owned() }
            }
            StorageError::Io { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                let reason = format!("{source}; let the server's user write to its folder");
                Self::NotWritable { what: "the catalogue".to_owned(), reason }
            }
            _ => Self::Store(Arc::new(error)),
        }
    }
}

impl ChangeError {
    /// True when the disk or the store did not answer in time.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        matches!(self, Self::Store(error) if matches!(**error, StorageError::Stalled { .. }))
    }
}

/// The ids, the first few of many.
fn named(ids: &[String]) -> String {
    const NAMED: usize = 20;
    match ids {
        [] => "documents".to_owned(),
        [id] => format!("the Item '{id}'"),
        ids => {
            let some = ids.iter().take(NAMED).map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
            let more = ids.len().saturating_sub(NAMED);
            if more == 0 { format!("the Items {some}") } else { format!("the Items {some} and {more} more") }
        }
    }
}
