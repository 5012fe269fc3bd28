//! One asset's bytes, for clients that cannot reach its place.
//!
//! In: the ids of a Collection and an Item, and an asset's key. Out: where its bytes are and what they are ([`Found`]),
//! and a stream of any range of them. Only what lies under the allowed places is read.

mod range;

use bytes::Bytes;
use futures::stream::{self, Stream};
use serde_json::Value;

use crate::search::{Backend, SearchError};
use crate::storage::{Location, Meta, Places, Storage, StorageError};

pub use range::{ByteRange, RangeError};

/// Bytes read at once for a client: what a slow one holds in memory.
const PIECE_BYTES: u64 = 1 << 20;

/// What proxies assets.
#[derive(Debug, Clone)]
pub struct Proxy {
    storage: Storage,
    places: Places,
}

/// An asset that may be read.
#[derive(Debug)]
pub struct Found {
    location: Location,
    /// Length and `ETag` of its bytes.
    pub meta: Meta,
    /// Its media type, as the Item says.
    pub media_type: String,
    /// The last part of its href, for those who save it.
    pub file_name: Option<String>,
}

/// Why an asset cannot be had. Messages name ids, never places; those are in `source`.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// No such Item or asset.
    #[error(
        "the Item '{item}' of the Collection '{collection}' has no asset '{asset}', or there is no such Item"
    )]
    NotFound {
        /// Id of the Collection.
        collection: String,
        /// Id of the Item.
        item: String,
        /// Key of the asset.
        asset: String,
    },
    /// Outside the allowed places.
    #[error("the asset '{asset}' lies outside the places that this server may read")]
    Forbidden {
        /// Key of the asset.
        asset: String,
        /// Where it lies.
        location: Location,
    },
    /// The Item names it, but its bytes are not there.
    #[error("the asset '{asset}' is in the catalogue, but its file is not there")]
    Missing {
        /// Key of the asset.
        asset: String,
        /// Where it should lie.
        location: Location,
    },
    /// Its store does not answer.
    #[error("the asset '{asset}' cannot be read in time")]
    Stalled {
        /// Key of the asset.
        asset: String,
        /// Where and how long.
        source: StorageError,
    },
    /// Its bytes cannot be read.
    #[error("the bytes of the asset '{asset}' cannot be read")]
    Storage {
        /// Key of the asset.
        asset: String,
        /// Why.
        source: StorageError,
    },
    /// The Items cannot be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
}

impl Proxy {
    /// A proxy that reads from `storage` what `places` allow.
    #[must_use]
    pub fn new(storage: Storage, places: Places) -> Self {
        Self { storage, places }
    }

    /// Finds an asset.
    ///
    /// # Errors
    /// When there is none, it lies outside the allowed places, or its bytes are not there.
    pub async fn find(
        &self,
        backend: &dyn Backend,
        collection: &str,
        item: &str,
        asset: &str,
    ) -> Result<Found, AssetError> {
        let not_found = || AssetError::NotFound {
            collection: collection.to_owned(),
            item: item.to_owned(),
            asset: asset.to_owned(),
        };
        let found = backend.item(collection, item).await?.ok_or_else(not_found)?;
        let (_, href) = found.body.hrefs().find(|(key, _)| *key == asset).ok_or_else(not_found)?;
        let Ok(location) = Location::parse(&href) else { return Err(not_found()) };
        if !self.storage.admits(&self.places, &location).await {
            return Err(AssetError::Forbidden { asset: asset.to_owned(), location });
        }
        let meta = self.storage.meta(&location).await.map_err(|source| {
            let asset = asset.to_owned();
            match source {
                StorageError::NotFound { location } => AssetError::Missing { asset, location },
                source @ StorageError::Stalled { .. } => AssetError::Stalled { asset, source },
                source => AssetError::Storage { asset, source },
            }
        })?;
        let document = found.body.parse().unwrap_or_default();
        let described = document.get("assets").and_then(|assets| assets.get(asset));
        let media_type = described.and_then(|a| a.get("type")).and_then(Value::as_str);
        Ok(Found {
            meta,
            media_type: media_type.unwrap_or("application/octet-stream").to_owned(),
            file_name: location.file_name().map(str::to_owned),
            location,
        })
    }

    /// The bytes of a range, read piece by piece as the client takes them; the object is pinned by its `ETag`.
    pub fn stream(
        &self,
        found: &Found,
        range: ByteRange,
    ) -> impl Stream<Item = Result<Bytes, StorageError>> + Send + 'static {
        let (storage, location, etag) =
            (self.storage.clone(), found.location.clone(), found.meta.etag.clone());
        stream::try_unfold(range.start, move |at| {
            let (storage, location, etag) = (storage.clone(), location.clone(), etag.clone());
            async move {
                if at >= range.end {
                    return Ok(None);
                }
                let piece = at..range.end.min(at + PIECE_BYTES);
                let parts = storage.read_ranges(&location, &etag, std::slice::from_ref(&piece)).await?;
                Ok(parts.into_iter().next().map(|bytes| (bytes, piece.end)))
            }
        })
    }
}
