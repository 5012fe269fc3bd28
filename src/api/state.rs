//! What all handlers share.

use std::sync::Arc;

use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusHandle;

use super::error::ApiError;
use super::proxies::Trusted;
use super::shield::Origins;
use super::transactions::{Tokens, Writing};
use crate::asset::{Proxy, Rate, Signer};
use crate::patch::Engine;
use crate::pool::{Gate, Pool};
use crate::search::{Backend, Collection};

/// The server: every layer and handler has a clone of its own, which is the same server.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// What a server is made of.
#[derive(Debug)]
pub struct Parts {
    /// The catalogue.
    pub backend: Arc<dyn Backend>,
    /// What makes patches.
    pub engine: Engine,
    /// What serves assets.
    pub proxy: Proxy,
    /// What writes.
    pub writing: Writing,
    /// What signs hrefs.
    pub signer: Signer,
    /// How often each client may have that done.
    pub sign_rate: Rate,
    /// Where CPU work goes.
    pub pool: Pool,
    /// Where requests wait for their turn.
    pub gates: Gates,
    /// What the operator chose.
    pub settings: Settings,
}

/// The largest body that is understood on a thread of the runtime, in bytes: some ten microseconds.
const UNDERSTOOD_AT_ONCE: usize = 8 << 10;

/// Bytes of bodies, in what becomes of them, at once.
const BODY_BYTES: u64 = 256 << 20;

/// Bytes of pages of Items, and of all that makes them, at once.
const SEARCH_BYTES: u64 = 512 << 20;

/// Bytes of assets on their way at once.
const TRANSFER_BYTES: u64 = 512 << 20;

/// Where requests of each kind wait for their turn, apart from those of other kinds; patches wait in their engine.
#[derive(Debug)]
pub struct Gates {
    pub(super) bodies: Gate,
    pub(super) searches: Gate,
    pub(super) transfers: Gate,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            bodies: Gate::halved(BODY_BYTES),
            searches: Gate::halved(SEARCH_BYTES),
            transfers: Gate::halved(TRANSFER_BYTES),
        }
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// A server of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// True when a client with a token can write.
    pub(super) fn takes_writes(&self) -> bool {
        self.settings.tokens.are_given() && self.writing.is_possible()
    }

    /// Does work that grows with a body: at once where that is small, else on the pool.
    pub(super) async fn understand<T: Send + 'static>(
        &self,
        body: Bytes,
        work: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> T {
        if body.len() <= UNDERSTOOD_AT_ONCE {
            return work(&body);
        }
        self.pool.search(move || work(&body)).await
    }

    /// The Collection with that id.
    ///
    /// # Errors
    ///
    /// 404 when there is none; what the backend answers.
    pub(super) async fn collection(&self, id: &str) -> Result<Collection, ApiError> {
        self.backend.collection(id).await?.ok_or_else(|| ApiError::no_collection(id))
    }
}

/// What the operator chose.
#[derive(Clone)]
pub struct Settings {
    /// Base of all links, without a trailing slash; `None`: as the request addresses the server.
    pub public_url: Option<String>,
    /// How asset hrefs are shown.
    pub asset_hrefs: AssetHrefs,
    /// Who may write.
    pub tokens: Tokens,
    /// The sites whose scripts may read answers.
    pub origins: Origins,
    /// The proxies that say who asks.
    pub trusted: Trusted,
    /// What `/metrics` reads; `None` in tests.
    pub metrics: Option<PrometheusHandle>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("public_url", &self.public_url)
            .field("asset_hrefs", &self.asset_hrefs)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

/// How asset hrefs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssetHrefs {
    /// As in the catalogue, made absolute, but the proxy's URL for assets on the server's own disk.
    #[default]
    Auto,
    /// Always as in the catalogue, made absolute: disk paths become visible.
    Original,
    /// Always the proxy's URL.
    Proxy,
    /// Signed where the server's credentials can; the proxy's URL for its own disk, and where they cannot.
    Signed,
}
