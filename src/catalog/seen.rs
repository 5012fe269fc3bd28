//! The states of the documents that a catalogue was loaded from, to notice changes.

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};

use crate::storage::{Location, Storage};

/// Documents looked at at once.
const LOOK_AT_ONCE: usize = 16;

/// Each document with its `ETag`; nothing for one that was not there.
#[derive(Debug, Default)]
pub(super) struct Seen {
    documents: Vec<(Location, Option<String>)>,
}

impl Seen {
    /// Looks at documents that were read after `since`. One that was written after that may have been read before it was:
    /// it counts as changed.
    pub(super) async fn look(storage: &Storage, documents: &[Location], since: DateTime<Utc>) -> Self {
        let look = |location: Location| async move {
            let etag = match storage.meta(&location).await {
                Ok(meta) if meta.modified < since => Some(meta.etag),
                Ok(_) => Some(String::new()),
                Err(_) => None,
            };
            (location, etag)
        };
        Self {
            documents: stream::iter(documents.to_vec())
                .map(look)
                .buffer_unordered(LOOK_AT_ONCE)
                .collect()
                .await,
        }
    }

    /// True when one of the documents is in another state now.
    pub(super) async fn has_changed(&self, storage: &Storage) -> bool {
        let differs = |(location, seen): (Location, Option<String>)| async move {
            storage.meta(&location).await.ok().map(|meta| meta.etag) != seen
        };
        let mut differing = stream::iter(self.documents.clone()).map(differs).buffer_unordered(LOOK_AT_ONCE);
        while let Some(differs) = differing.next().await {
            if differs {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_removals_and_arrivals_are_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| Location::Local(folder.path().join(name));
        std::fs::write(folder.path().join("there"), "1").expect("write");
        let storage = Storage::default();
        let later = Utc::now() + chrono::Duration::seconds(5);
        let seen = Seen::look(&storage, &[at("there"), at("missing")], later).await;
        assert!(!seen.has_changed(&storage).await);
        std::fs::write(folder.path().join("missing"), "1").expect("write");
        assert!(seen.has_changed(&storage).await);
        std::fs::remove_file(folder.path().join("missing")).expect("remove");
        std::fs::write(folder.path().join("there"), "22").expect("write");
        assert!(seen.has_changed(&storage).await);
        assert!(Seen::look(&storage, &[at("there")], DateTime::UNIX_EPOCH).await.has_changed(&storage).await);
    }
}
