//! Stores behind a network: S3, Azure, Google Cloud, web servers.
//!
//! In: a [`Location`] with a scheme. `address` takes it apart, `open` finds endpoint and credentials and makes a client of its
//! container once, `wire` carries every request. Out: the same facts and bytes as from the disk; `signing` hands
//! read access on. A container whose
//! store denies a request is opened anew once, with credentials as they are then.

mod address;
mod azure;
mod backoff;
mod container;
mod failure;
mod list;
mod open;
mod pace;
mod profile;
mod read;
mod resolver;
mod s3;
mod signing;
mod speed;
mod upload;
mod wire;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use super::counters::{Counters, StoreKind};
use super::settings::Settings;
use super::{Location, Secret, StorageError};
use address::Address;
use failure::{is_denied, translated};
use wire::Host;

pub(super) use read::is_strong;
pub use signing::{Grant, Scope, Signing};
pub(super) use upload::Upload;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections to one host that are kept for further requests.
const KEPT_CONNECTIONS: usize = 128;

/// All stores behind a network.
pub(super) struct Remote {
    settings: Settings,
    counters: Arc<Counters>,
    client: OnceLock<Result<reqwest::Client, String>>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    stores: Mutex<HashMap<String, Arc<Store>>>,
    /// Queries that came with locations, by what they open.
    tickets: Mutex<Vec<(Location, Secret)>>,
    /// Azure accounts elsewhere than in Azure's own cloud.
    endpoints: Vec<Url>,
    grants: signing::Grants,
}

/// One container.
struct Store {
    address: Address,
    access: ArcSwap<Access>,
    renewing: tokio::sync::Mutex<()>,
}

/// A client of a container, with the credentials of one moment.
struct Access {
    objects: Arc<dyn ObjectStore>,
    is_web_server: bool,
    host: Arc<Host>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

impl Remote {
    pub(super) fn new(settings: Settings, counters: Arc<Counters>) -> Self {
        Self {
            endpoints: azure::endpoints(settings.all(), &settings.environment),
            settings,
            counters,
            client: OnceLock::new(),
            hosts: Mutex::default(),
            stores: Mutex::default(),
            tickets: Mutex::default(),
            grants: signing::Grants::new(),
        }
    }

    /// The location with the URL of its account instead of `az://`, when the account is known.
    pub(super) fn public(&self, location: Location) -> Location {
        let Location::Remote(url) = &location else { return location };
        if url.scheme() != "az" {
            return location;
        }
        let Ok(address) = Address::of(&location, &self.endpoints) else { return location };
        let settings = self.store_settings(&location);
        match azure::public_root(&address, &settings, &self.settings.environment) {
            Some(root) => Location::Remote(root).below(address.path.as_ref()),
            None => location,
        }
    }

    /// The location as all others name it: the query (a signature) is kept here for the whole container, or for the folder on
    /// a web server; `az://` becomes the URL of its account, when that is known.
    pub(super) fn adopt(&self, location: Location) -> Location {
        let Location::Remote(url) = &location else { return location };
        let mut plain = url.clone();
        plain.set_query(None);
        let plain = self.public(Location::Remote(plain));
        let Ok(address) = Address::of(&plain, &self.endpoints) else { return location };
        if let Some(query) = url.query().filter(|query| !query.is_empty()) {
            let opens = match address.kind {
                StoreKind::Http => plain.parent(),
                _ => Location::Remote(address.root),
            };
            let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
            tickets.retain(|(of, _)| *of != opens);
            tickets.push((opens, Secret::new(query)));
        }
        plain
    }

    /// The query that came with a location above this one, or with this one.
    fn ticket(&self, location: &Location) -> Option<Secret> {
        if let Location::Remote(url) = location
            && let Some(query) = url.query().filter(|query| !query.is_empty())
        {
            return Some(Secret::new(query));
        }
        let tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.iter().rev().find(|(opens, _)| location.is_below(opens)).map(|(_, ticket)| ticket.clone())
    }

    /// The container that holds the location, opened at its first use.
    fn store(&self, location: &Location) -> Result<(Arc<Store>, Path), StorageError> {
        let address = Address::of(location, &self.endpoints)?;
        let ticket = self.ticket(location);
        let set = self.settings.of(location).map_or(usize::MAX, |(nth, _)| nth);
        // The ticket tells stores of one container apart; the map is never shown.
        let key = format!("{} {set} {}", address.root, ticket.as_ref().map_or("", Secret::reveal));
        let path = address.path.clone();
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(&key) {
            return Ok((Arc::clone(store), path));
        }
        let access = self.open(location, &address, ticket)?;
        let store = Arc::new(Store {
            address,
            access: ArcSwap::from_pointee(access),
            renewing: tokio::sync::Mutex::default(),
        });
        stores.insert(key, Arc::clone(&store));
        Ok((store, path))
    }

    /// What lies below `root` is kept in memory.
    pub(super) fn keep_in_memory(&self, root: &Location) -> Result<(), StorageError> {
        let address = Address::of(root, &self.endpoints)?;
        let memory = Arc::new(object_store::memory::InMemory::new());
        let access = Access { objects: memory, is_web_server: false, host: Arc::new(Host::new()) };
        let key = format!("{} {} ", address.root, usize::MAX);
        let store =
            Store { address, access: ArcSwap::from_pointee(access), renewing: tokio::sync::Mutex::default() };
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::new(store));
        Ok(())
    }

    /// Runs a request, once more with renewed credentials when it is denied.
    async fn run<T, F>(
        &self,
        location: &Location,
        request: impl Fn(Arc<Access>, Path) -> F + Send + Sync,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = object_store::Result<T>> + Send,
    {
        let (store, path) = self.store(location)?;
        let access = store.access.load_full();
        let answer = match request(Arc::clone(&access), path.clone()).await {
            Err(error) if is_denied(&error) => {
                let renewed = self.renew(&store, location, &access).await?;
                request(renewed, path).await
            }
            answer => answer,
        };
        answer.map_err(|error| translated(&error, location))
    }

    /// Opens the container anew, unless somebody else did since `stale` was taken.
    async fn renew(
        &self,
        store: &Store,
        location: &Location,
        stale: &Arc<Access>,
    ) -> Result<Arc<Access>, StorageError> {
        let _one_at_a_time = store.renewing.lock().await;
        let now = store.access.load_full();
        if !Arc::ptr_eq(&now, stale) {
            return Ok(now);
        }
        let renewed = Arc::new(self.open(location, &store.address, self.ticket(location))?);
        store.access.store(Arc::clone(&renewed));
        Ok(renewed)
    }

    /// Bytes between two ranges that are as cheap to read as another request is.
    pub(super) fn gap_bytes(&self, location: &Location) -> u64 {
        self.store(location).map_or(0, |(store, _)| store.access.load().host.speed.gap_bytes())
    }
}
