//! Read access for those who hold no credentials: signatures by the server's own, good for a while.
//!
//! In: a location in a store. Out: a [`Grant`], which signs hrefs of the objects of one container without asking anybody.
//! `azure` makes shared access signatures, by the account's key or by a key that Azure gives to an identity; `v4` makes the
//! presigned URLs of S3 and of Google Cloud Storage. A grant is kept for its container and made anew before the last quarter
//! of its time, so that whoever gets one has that quarter at least.

mod azure;
mod delegation;
mod google;
mod s3;
mod v4;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use percent_encoding::percent_decode_str;
use url::Url;

use super::Remote;
use super::address::Address;
use crate::storage::counters::StoreKind;
use crate::storage::{Location, Secret, StorageError, in_one_line};

/// How long a grant is good for, unless said otherwise.
const USUAL: Duration = Duration::from_hours(1);
/// The shortest and the longest that can be said: S3, Google and Azure's delegated keys end after seven days.
const SHORTEST: Duration = Duration::from_secs(4);
const LONGEST: Duration = Duration::from_hours(6 * 24);
/// How far a store's clock may be behind ours.
const SKEW: TimeDelta = TimeDelta::minutes(5);
/// Grants that are kept.
const KEPT: u64 = 4096;
/// How long it is kept that there is nothing to sign, or nothing to sign with.
const RECHECKED: Duration = Duration::from_mins(1);

/// What a signature is to open, where its store can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of a container, and its listing.
    Container,
    /// One object.
    Object,
}

/// Whether the objects of a container can be signed.
#[derive(Debug, Clone)]
pub enum Signing {
    /// They are read without credentials.
    Open,
    /// They are read by credentials that cannot sign: why, and what would.
    Unable(&'static str),
    /// They can.
    Granted(Arc<Grant>),
}

/// What signs objects of one container. `Debug` shows no secret.
#[derive(Debug)]
pub struct Grant {
    /// The container, as locations have it; ends with a slash.
    root: Url,
    /// The container, as clients reach it; ends with a slash.
    base: String,
    span: Span,
    signer: Signer,
}

#[derive(Debug)]
enum Signer {
    /// The query that opens all of it.
    Token(Secret),
    /// Each blob gets a query of its own.
    Blobs(azure::Sas),
    /// Each object gets a URL of its own.
    Objects(v4::Presigner),
}

/// When signatures begin and end to be good, in whole seconds.
#[derive(Debug, Clone, Copy)]
struct Span {
    starts: DateTime<Utc>,
    expires: DateTime<Utc>,
}

impl Span {
    fn from_now(life: Duration) -> Self {
        let now = Utc::now().trunc_subsecs(0);
        let life = TimeDelta::from_std(life).unwrap_or(TimeDelta::hours(1));
        Self { starts: now - SKEW, expires: now + life }
    }

    fn seconds(&self) -> u64 {
        (self.expires - self.starts).num_seconds().unsigned_abs()
    }
}

impl Signing {
    /// Objects get URLs of their own, by what signs those of the container.
    fn by(presigner: v4::Presigner, address: &Address, span: Span) -> Self {
        let (root, signer) = (address.root.clone(), Signer::Objects(presigner));
        Self::Granted(Arc::new(Grant { root, base: String::new(), span, signer }))
    }
}

impl Grant {
    /// When the signatures end.
    #[must_use]
    pub fn expires(&self) -> DateTime<Utc> {
        self.span.expires
    }

    /// The query that opens the whole container; none where objects are signed one by one.
    #[must_use]
    pub fn token(&self) -> Option<String> {
        match &self.signer {
            Signer::Token(token) => Some(token.reveal().to_owned()),
            Signer::Blobs(_) | Signer::Objects(_) => None,
        }
    }

    /// True when a signature takes a millisecond, and not a thousandth of one.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        matches!(&self.signer, Signer::Objects(presigner) if presigner.is_slow())
    }

    /// The object's URL with its signature; nothing for one in another container.
    #[must_use]
    pub fn sign(&self, location: &Location) -> Option<String> {
        let Location::Remote(url) = location else { return None };
        if !location.is_below(&Location::Remote(self.root.clone())) {
            return None;
        }
        let rest = url.path().strip_prefix(self.root.path())?;
        let object = percent_decode_str(rest).decode_utf8().ok()?;
        match &self.signer {
            Signer::Token(token) => Some(format!("{}{rest}?{}", self.base, token.reveal())),
            Signer::Blobs(sas) => {
                Some(format!("{}{rest}?{}", self.base, sas.token(azure::Resource::Blob(&object))))
            }
            Signer::Objects(presigner) => Some(presigner.url(&object)),
        }
    }
}

/// Grants by container, scope and settings.
#[derive(Debug)]
pub(super) struct Grants {
    kept: moka::future::Cache<String, Signing>,
}

impl Grants {
    pub(super) fn new() -> Self {
        Self { kept: moka::future::Cache::builder().max_capacity(KEPT).expire_after(Renewal).build() }
    }
}

/// When a grant is made anew: before its last quarter.
struct Renewal;

impl moka::Expiry<String, Signing> for Renewal {
    fn expire_after_create(&self, _: &String, signing: &Signing, _: Instant) -> Option<Duration> {
        let Signing::Granted(grant) = signing else { return Some(RECHECKED) };
        let left = (grant.span.expires - Utc::now()).to_std().unwrap_or_default();
        Some(left.mul_f64(0.75))
    }
}

impl Remote {
    /// The container of a location, and of all whose href begins with its href.
    pub(in crate::storage) fn container(&self, location: &Location) -> Result<Location, StorageError> {
        Ok(Location::Remote(Address::of(location, &self.endpoints)?.root))
    }

    /// The locations that a container of an Azure account may have: in Azure's own cloud, and where settings place the account.
    pub(in crate::storage) fn azure_containers(&self, account: &str, container: &str) -> Vec<Location> {
        let own = format!("https://{account}{}/{container}/", super::address::BLOB_HOST);
        let elsewhere = self.endpoints.iter().map(|endpoint| {
            let endpoint = endpoint.as_str().trim_end_matches('/');
            format!("{endpoint}/{container}/")
        });
        let all = std::iter::once(own).chain(elsewhere).filter_map(|url| Location::parse(&url).ok());
        all.filter(|location| {
            let address = Address::of(location, &self.endpoints);
            address.is_ok_and(|address| {
                let settings = self.store_settings(location);
                let found =
                    super::azure::Container::resolve(&address, &settings, &self.settings.environment, None);
                found.is_ok_and(|found| found.account == account)
            })
        })
        .collect()
    }

    /// What signs the objects of the location's container; kept, and made once however many ask.
    pub(in crate::storage) async fn signing(
        &self,
        location: &Location,
        scope: Scope,
    ) -> Result<Signing, StorageError> {
        let address = Address::of(location, &self.endpoints)?;
        let set = self.settings.of(location).map_or(usize::MAX, |(nth, _)| nth);
        let key = format!("{} {set} {scope:?}", address.root);
        let made = self.grants.kept.try_get_with(key, self.make(location, &address, scope)).await;
        made.map_err(|error: Arc<StorageError>| same(&error))
    }

    async fn make(
        &self,
        location: &Location,
        address: &Address,
        scope: Scope,
    ) -> Result<Signing, StorageError> {
        let settings = self.store_settings(location);
        let asked = settings.sign_seconds.map_or(USUAL, Duration::from_secs);
        let span = Span::from_now(asked.clamp(SHORTEST, LONGEST));
        let failed = |reason: String| StorageError::Settings { location: location.clone(), reason };
        match address.kind {
            StoreKind::S3 => s3::signing(self, location, address, &settings, span).await,
            StoreKind::Google => {
                google::signing(address, &settings, &self.settings.environment, span).await.map_err(failed)
            }
            StoreKind::Azure => azure::signing(self, location, address, &settings, span, scope).await,
            StoreKind::Http | StoreKind::Local if self.ticket(location).is_some() => {
                Ok(Signing::Unable("its web server is read by a query that came with the catalogue"))
            }
            StoreKind::Http | StoreKind::Local => Ok(Signing::Open),
        }
    }
}

/// The error for each of those who waited for it.
fn same(error: &StorageError) -> StorageError {
    let location = error.location().clone();
    match error {
        StorageError::Settings { reason, .. } => StorageError::Settings { location, reason: reason.clone() },
        StorageError::Stalled { limit, .. } => StorageError::Stalled { location, limit: *limit },
        StorageError::Denied { status, code, .. } => {
            StorageError::Denied { location, status: *status, code: code.clone() }
        }
        StorageError::Unavailable { status, code, .. } => {
            StorageError::Unavailable { location, status: *status, code: code.clone() }
        }
        other => StorageError::Broken { location, reason: in_one_line(other) },
    }
}

#[cfg(test)]
mod tests;
