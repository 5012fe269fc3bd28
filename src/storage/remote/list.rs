//! What lies below a folder of a store.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};

use super::read::meta_of;
use super::{Remote, is_denied, translated};
use crate::storage::counters::StoreKind;
use crate::storage::{Entry, Location, StorageError};

impl Remote {
    /// All objects below the folder, in the order of the store; a web server tells of none.
    pub(in crate::storage) fn list(
        self: &Arc<Self>,
        folder: &Location,
    ) -> BoxStream<'static, Result<Entry, StorageError>> {
        let (this, folder) = (Arc::clone(self), folder.clone());
        stream::once(async move {
            let (store, path) = match this.store(&folder) {
                Ok(found) => found,
                Err(error) => return stream::iter([Err(error)]).boxed(),
            };
            if store.address.kind == StoreKind::Http {
                let what = "a web server has no listing that Cairn reads; name a document in it";
                return stream::iter([Err(StorageError::Unsupported { location: folder, what })]).boxed();
            }
            let mut access = store.access.load_full();
            let mut entries = access.objects().list(Some(&path)).peekable();
            let first_denied = {
                let first = std::pin::Pin::new(&mut entries).peek().await;
                first.is_some_and(|first| first.as_ref().is_err_and(is_denied))
            };
            if first_denied {
                access = match this.renew(&store, &folder, &access).await {
                    Ok(access) => access,
                    Err(error) => return stream::iter([Err(error)]).boxed(),
                };
                entries = access.objects().list(Some(&path)).peekable();
            }
            entries
                .map(move |entry| match entry {
                    Ok(meta) => {
                        let location = store.address.location_of(&meta.location);
                        Ok(Entry { location, meta: meta_of(&meta) })
                    }
                    Err(error) => Err(translated(&error, &folder)),
                })
                .boxed()
        })
        .flatten()
        .boxed()
    }

    /// True for stores that list what they hold.
    pub(in crate::storage) fn lists(&self, location: &Location) -> bool {
        self.store(location).is_ok_and(|(store, _)| store.address.kind != StoreKind::Http)
    }
}
