//! Why an asset or a signature cannot be had. Messages name ids and what the client said, never places; those are in
//! `source` and `location`, for the log.

use crate::search::SearchError;
use crate::storage::{Location, StorageError};

/// Why an asset cannot be had.
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

impl AssetError {
    /// What a failure of the storage means for an asset.
    pub(super) fn of(asset: &str, source: StorageError) -> Self {
        let asset = asset.to_owned();
        match source {
            StorageError::NotFound { location } => Self::Missing { asset, location },
            source @ StorageError::Stalled { .. } => Self::Stalled { asset, source },
            source => Self::Storage { asset, source },
        }
    }
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The text is no location in a store.
    #[error(
        "href: '{href}' is no URL of an object in a store; expected one as https://ACCOUNT.blob.core.windows.net/container/path or s3://bucket/path"
    )]
    NotInStore {
        /// As given, without its query.
        href: String,
    },
    /// Outside the allowed places.
    #[error("'{what}' lies outside the places that this server may read; nothing is signed there")]
    Forbidden {
        /// What the client named, without its query.
        what: String,
    },
    /// Only a part of the container is allowed, and a token would open all of it.
    #[error(
        "a token would open all of '{what}', of which this server may read a part only; sign single hrefs by /sas/v1/sign, or have the server started with --allow for the whole container"
    )]
    OnlyInPart {
        /// What the client named.
        what: String,
    },
    /// What the server reads it by cannot sign.
    #[error("'{what}' cannot be signed: {why}")]
    Unable {
        /// What the client named, without its query.
        what: String,
        /// What the server has, and what would sign.
        why: &'static str,
    },
    /// More than are made at once.
    #[error(
        "limit: these Items have more than {most} hrefs whose signatures take long to make; ask for fewer Items"
    )]
    TooMany {
        /// The bound.
        most: usize,
    },
    /// No such Collection.
    #[error("there is no Collection '{collection}'; /collections lists them")]
    NoCollection {
        /// Its id.
        collection: String,
    },
    /// There is no one token for a Collection.
    #[error(
        "there is no token for the Collection '{collection}': {why}; sign its hrefs by /sas/v1/sign, or ask for its Items with sign=true"
    )]
    NoToken {
        /// Its id.
        collection: String,
        /// Why not.
        why: &'static str,
    },
    /// Whoever gives credentials does not answer.
    #[error("what is to be signed cannot be signed in time")]
    Stalled {
        /// Where and how long.
        source: StorageError,
    },
    /// Credentials or settings fail.
    #[error("what is to be signed cannot be signed now")]
    Storage {
        /// Why.
        source: StorageError,
    },
    /// The Items cannot be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
}

impl From<StorageError> for SignError {
    fn from(source: StorageError) -> Self {
        match source {
            source @ StorageError::Stalled { .. } => Self::Stalled { source },
            source => Self::Storage { source },
        }
    }
}
