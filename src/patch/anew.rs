//! What is asked of an engine; a raster that is replaced meanwhile is read anew.

use super::engine::Engine;
use super::error::PatchError;
use super::patch::Batch;
use super::request::{RandomRequest, Request};
use crate::pool::Client;

impl Engine {
    /// One patch time series; the memory for it is the client's, who takes turns with others.
    ///
    /// # Errors
    /// As [`PatchError`] says; nothing is answered unless all of it was read.
    pub async fn patch(&self, request: &Request, client: Client) -> Result<Batch, PatchError> {
        let first = self.series(request, client).await;
        self.unless_replaced(first, self.series(request, client)).await
    }

    /// A batch of random patch time series, as [`Engine::patch`].
    ///
    /// # Errors
    /// As [`PatchError`] says; nothing is answered unless all of it was read.
    pub async fn random(&self, request: &RandomRequest, client: Client) -> Result<Batch, PatchError> {
        let first = self.samples(request, client).await;
        self.unless_replaced(first, self.samples(request, client)).await
    }

    /// Reads once more, from the headers on, when a raster turned out to be another than its header was read from.
    async fn unless_replaced(
        &self,
        first: Result<Batch, PatchError>,
        again: impl Future<Output = Result<Batch, PatchError>>,
    ) -> Result<Batch, PatchError> {
        if let Err(PatchError::Replaced { .. }) = first {
            return again.await;
        }
        first
    }
}
