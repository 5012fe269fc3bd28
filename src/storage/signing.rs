//! Read access handed on, through the one door to all stores.

use super::{Location, Scope, Signing, Storage, StorageError};

impl Storage {
    /// The container of a location in a store, whose href all hrefs in it begin with.
    ///
    /// # Errors
    /// When it is a local path, or names no container.
    pub fn container(&self, location: &Location) -> Result<Location, StorageError> {
        self.remote.container(location)
    }

    /// The locations that a container of an Azure account may have; `Location`s of other accounts are not among them.
    #[must_use]
    pub fn azure_containers(&self, account: &str, container: &str) -> Vec<Location> {
        self.remote.azure_containers(account, container)
    }

    /// What signs the objects of the location's container, for those who hold no credentials.
    ///
    /// # Errors
    /// When its settings cannot be used, or whoever gives credentials does not answer.
    pub async fn signing(&self, location: &Location, scope: Scope) -> Result<Signing, StorageError> {
        match location {
            Location::Local(_) => Ok(Signing::Open),
            Location::Remote(_) => self.remote.signing(location, scope).await,
        }
    }
}
