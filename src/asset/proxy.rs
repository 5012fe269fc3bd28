//! A request for an asset becomes an answer, without HTTP's own types.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::error::AssetError;
use super::multipart::Multipart;
use super::precondition::{Conditions, Verdict};
use super::range::{self, ByteRange, RangeError};
use super::reading::{Body, Piece, read};
use crate::search::Backend;
use crate::storage::{LocalState, Location, Meta, Places, Storage, StorageError};

/// Assets whose places are kept, and objects of stores whose lengths are.
const KEPT: u64 = 8192;

/// How long the length and the `ETag` of an object in a store are kept; one that was replaced meanwhile shows itself when it
/// is read.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// What proxies assets; a clone is the same one.
#[derive(Debug, Clone)]
pub struct Proxy {
    storage: Storage,
    places: Places,
    /// By the catalogue's version and the ids.
    named: moka::sync::Cache<(u128, String), Arc<Named>>,
    metas: moka::sync::Cache<Location, Meta>,
}

/// What a catalogue says of an asset.
#[derive(Debug)]
struct Named {
    key: String,
    location: Location,
    media_type: String,
    file_name: Option<String>,
}

/// An asset that may be read.
#[derive(Debug)]
pub struct Found {
    named: Arc<Named>,
    /// Length, age and `ETag` of its bytes.
    pub meta: Meta,
}

impl Found {
    /// Its media type, as the Item says.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.named.media_type
    }

    /// The last part of its href, for those who save it.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.named.file_name.as_deref()
    }
}

/// What a request says.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Id of the Collection.
    pub collection: &'a str,
    /// Id of the Item.
    pub item: &'a str,
    /// Key of the asset.
    pub asset: &'a str,
    /// False: nobody wants the bytes.
    pub body: bool,
    /// `Range`
    pub range: Option<&'a str>,
    /// What the client has.
    pub conditions: Conditions<'a>,
}

/// An asset, and what to answer.
#[derive(Debug)]
pub struct Opened {
    /// The asset.
    pub found: Found,
    /// What to answer.
    pub answer: Answer,
}

/// What to answer.
pub enum Answer {
    /// The client has it.
    NotModified,
    /// It is not the one that the client means.
    PreconditionFailed,
    /// No range of it can be had.
    Unsatisfiable(RangeError),
    /// All of it; no body when nobody wants one.
    Whole(Option<Body>),
    /// One range.
    Range(ByteRange, Body),
    /// Several ranges, in a body of that length.
    Ranges {
        /// What parts them.
        boundary: String,
        /// Bytes of the body.
        len: u64,
        /// The body.
        body: Body,
    },
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotModified => "NotModified",
            Self::PreconditionFailed => "PreconditionFailed",
            Self::Unsatisfiable(_) => "Unsatisfiable",
            Self::Whole(_) => "Whole",
            Self::Range(..) => "Range",
            Self::Ranges { .. } => "Ranges",
        })
    }
}

impl Proxy {
    /// A proxy that reads from `storage` what `places` allow.
    #[must_use]
    pub fn new(storage: Storage, places: Places) -> Self {
        let metas = moka::sync::Cache::builder().max_capacity(KEPT).time_to_live(KEPT_FOR).build();
        Self { storage, places, named: moka::sync::Cache::new(KEPT), metas }
    }

    /// Finds the asset and reads its first bytes.
    ///
    /// # Errors
    /// When there is none, it lies outside the allowed places, or its bytes are not there or cannot be read.
    pub async fn open(&self, backend: &dyn Backend, asked: Asked<'_>) -> Result<Opened, AssetError> {
        let named = self.named(backend, &asked).await?;
        let is_now = !asked.body || asked.conditions.ask_for_now();
        let meta = self.meta(&named, is_now).await?;
        match self.answer(&named, &meta, &asked).await {
            // What was known of it is old.
            Err(StorageError::Changed { .. }) => {
                let meta = self.meta(&named, true).await?;
                let answer = self.answer(&named, &meta, &asked).await;
                let answer = answer.map_err(|error| AssetError::of(&named.key, error))?;
                Ok(Opened { found: Found { named, meta }, answer })
            }
            Err(error) => Err(AssetError::of(&named.key, error)),
            Ok(answer) => Ok(Opened { found: Found { named, meta }, answer }),
        }
    }

    async fn answer(&self, named: &Named, meta: &Meta, asked: &Asked<'_>) -> Result<Answer, StorageError> {
        match asked.conditions.verdict(meta) {
            Verdict::NotModified => return Ok(Answer::NotModified),
            Verdict::Failed => return Ok(Answer::PreconditionFailed),
            Verdict::Proceed if !asked.body => return Ok(Answer::Whole(None)),
            Verdict::Proceed => {}
        }
        let range = asked.range.filter(|_| asked.conditions.range_holds(meta, Utc::now()));
        let ranges = match range.map(|value| range::parse(value, meta.len)).transpose() {
            Ok(ranges) => ranges.flatten().unwrap_or_default(),
            Err(error) => return Ok(Answer::Unsatisfiable(error)),
        };
        let read = |pieces| read(&self.storage, &named.location, meta, pieces);
        match ranges.as_slice() {
            [] => Ok(Answer::Whole(Some(read(vec![Piece::Range(0..meta.len)]).await?))),
            [range] => Ok(Answer::Range(range.clone(), read(vec![Piece::Range(range.clone())]).await?)),
            several => {
                let parts = Multipart::new(several, meta.len, &named.media_type);
                let len = parts.len(several);
                let framed = parts.heads.into_iter().zip(several.iter().cloned());
                let framed = framed.flat_map(|(head, range)| [Piece::Text(head), Piece::Range(range)]);
                let pieces = framed.chain([Piece::Text(parts.tail)]).collect();
                Ok(Answer::Ranges { boundary: parts.boundary, len, body: read(pieces).await? })
            }
        }
    }

    /// What the catalogue says of the asset; kept while the catalogue stays as it is.
    async fn named(&self, backend: &dyn Backend, asked: &Asked<'_>) -> Result<Arc<Named>, AssetError> {
        let Asked { collection, item, asset, .. } = *asked;
        let key = backend.version().map(|version| (version, format!("{collection}\0{item}\0{asset}")));
        if let Some(known) = key.as_ref().and_then(|key| self.named.get(key)) {
            return Ok(known);
        }
        let not_found = || AssetError::NotFound {
            collection: collection.to_owned(),
            item: item.to_owned(),
            asset: asset.to_owned(),
        };
        let found = backend.item(collection, item).await?.ok_or_else(not_found)?;
        let (_, href) = found.body.hrefs().find(|(key, _)| *key == asset).ok_or_else(not_found)?;
        let Ok(location) = Location::parse(&href) else { return Err(not_found()) };
        let document = found.body.parse().unwrap_or_default();
        let described = document.get("assets").and_then(|assets| assets.get(asset));
        let media_type = described.and_then(|a| a.get("type")).and_then(Value::as_str);
        let named = Arc::new(Named {
            key: asset.to_owned(),
            media_type: media_type.filter(|text| is_media_type(text)).unwrap_or(UNKNOWN).to_owned(),
            file_name: location.file_name().map(|name| match &location {
                Location::Local(_) => name.to_owned(),
                Location::Remote(_) => percent_decode_str(name).decode_utf8_lossy().into_owned(),
            }),
            location,
        });
        if let Some(key) = key {
            self.named.insert(key, Arc::clone(&named));
        }
        Ok(named)
    }

    /// What the object is: one look at the disk, and at a store one request, unless it is known and need not be of `now`.
    async fn meta(&self, named: &Named, now: bool) -> Result<Meta, AssetError> {
        let location = &named.location;
        let forbidden = || AssetError::Forbidden { asset: named.key.clone(), location: location.clone() };
        let failed = |error| AssetError::of(&named.key, error);
        if location.as_path().is_some() {
            let mut states = self.storage.local_states(&self.places, std::slice::from_ref(location)).await;
            return match states.pop().transpose().map_err(failed)? {
                Some(LocalState::File(meta)) => Ok(meta),
                Some(LocalState::InStore | LocalState::Outside) | None => Err(forbidden()),
            };
        }
        if !self.places.allow(location) {
            return Err(forbidden());
        }
        if let Some(meta) = self.metas.get(location).filter(|_| !now) {
            return Ok(meta);
        }
        let meta = self.storage.meta(location).await.map_err(failed)?;
        self.metas.insert(location.clone(), meta.clone());
        Ok(meta)
    }
}

/// The type of what nobody gave one.
const UNKNOWN: &str = "application/octet-stream";

/// True for a text that can stand in a header and has the form of a type: it comes from a document.
fn is_media_type(text: &str) -> bool {
    text.len() <= 255 && text.contains('/') && text.bytes().all(|b| (0x20..0x7f).contains(&b))
}
