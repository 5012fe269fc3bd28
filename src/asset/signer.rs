//! Who may have what signed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::error::SignError;
use super::signatures::{Root, Signatures};
use crate::search::{Backend, Item, Search};
use crate::storage::{Grant, Location, Places, Scope, Signing, Storage, StorageError};

/// What signs for clients; a clone is the same one.
#[derive(Debug, Clone)]
pub struct Signer {
    storage: Storage,
    places: Places,
}

/// An href with a signature. `Debug` does not show it.
pub struct Signed {
    /// The href.
    pub href: String,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

/// The query that opens a container. `Debug` does not show it.
pub struct Token {
    /// The query, without a question mark.
    pub token: String,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The most signatures of one answer that take a millisecond each.
const MAX_SLOW: usize = 2000;

const NOTHING_NEEDED: &str = "this server reads it without credentials, and so can you";

impl Signer {
    /// Signs by the credentials of `storage` what `places` allow.
    #[must_use]
    pub fn new(storage: Storage, places: Places) -> Self {
        Self { storage, places }
    }

    /// Signs one href. Its container is opened as a whole only where all of it is allowed.
    ///
    /// # Errors
    /// When it is none of a store, lies outside the allowed places, or cannot be signed.
    pub async fn sign(&self, href: &str) -> Result<Signed, SignError> {
        let what = href.split(['?', '#']).next().unwrap_or_default().to_owned();
        let not_in_store = || SignError::NotInStore { href: what.clone() };
        let location = match Location::parse(href) {
            Ok(Location::Remote(url)) => self.storage.public(plain(url).ok_or_else(not_in_store)?),
            Ok(Location::Local(_)) | Err(_) => return Err(not_in_store()),
        };
        if !self.places.allow(&location) {
            return Err(SignError::Forbidden { what });
        }
        let root = self.storage.container(&location).map_err(|_no_container| not_in_store())?;
        let grant = self.grant(&location, &root, &what).await?;
        let signed = grant.sign(&location).ok_or_else(not_in_store)?;
        Ok(Signed { href: signed, expires: grant.expires() })
    }

    async fn grant(&self, location: &Location, root: &Location, what: &str) -> Result<Arc<Grant>, SignError> {
        match self.storage.signing(location, self.scope(root)).await? {
            Signing::Granted(grant) => Ok(grant),
            Signing::Unable(why) => Err(SignError::Unable { what: what.to_owned(), why }),
            Signing::Open => Err(SignError::Unable { what: what.to_owned(), why: NOTHING_NEEDED }),
        }
    }

    fn scope(&self, root: &Location) -> Scope {
        if self.places.allow(root) { Scope::Container } else { Scope::Object }
    }

    /// The token of an Azure container, all of which is allowed.
    ///
    /// # Errors
    /// When it is not, or cannot be signed.
    pub async fn token_of_container(&self, account: &str, container: &str) -> Result<Token, SignError> {
        let what = format!("{account}/{container}");
        let is_name = |text: &str| {
            !text.is_empty()
                && text.len() <= 63
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'$')
        };
        let all = if is_name(account) && is_name(container) {
            self.storage.azure_containers(account, container)
        } else {
            Vec::new()
        };
        match all.iter().find(|root| self.places.allow(root)) {
            Some(root) => self.token(root, what).await,
            None if all.iter().any(|root| self.places.reach_into(root)) => {
                Err(SignError::OnlyInPart { what })
            }
            None => Err(SignError::Forbidden { what }),
        }
    }

    async fn token(&self, root: &Location, what: String) -> Result<Token, SignError> {
        let grant = self.grant(root, root, &what).await?;
        let why = "its store has no tokens for containers";
        let token = grant.token().ok_or(SignError::Unable { what, why })?;
        Ok(Token { token, expires: grant.expires() })
    }

    /// The token of the one Azure container that the newest Item of a Collection has its assets in, or that the Collection
    /// names (`msft:storage_account`, `msft:container`).
    ///
    /// # Errors
    /// When there is no such Collection or no such container, it is not allowed, or cannot be signed.
    pub async fn token_of_collection(&self, backend: &dyn Backend, id: &str) -> Result<Token, SignError> {
        let no_token = |why| SignError::NoToken { collection: id.to_owned(), why };
        let collection = backend.collection(id).await?;
        let collection = collection.ok_or_else(|| SignError::NoCollection { collection: id.to_owned() })?;
        let member = |name: &str| collection.document.get(name).and_then(Value::as_str);
        if let (Some(account), Some(container)) = (member("msft:storage_account"), member("msft:container")) {
            return self.token_of_container(account, container).await;
        }
        let question = Search { collections: Some(vec![id.to_owned()]), limit: 1, ..Search::default() };
        let newest = backend.page(&question).await?.items.pop();
        let newest = newest.ok_or_else(|| no_token("it has no Items"))?;
        let roots = newest.body.hrefs().filter_map(|(_, href)| {
            let location = Location::parse(&href).ok().filter(|at| at.as_path().is_none())?;
            let root = self.storage.container(&location).ok()?;
            // Links to web pages are no containers.
            self.places.reach_into(&root).then_some(root)
        });
        let mut roots: Vec<Location> = roots.collect();
        roots.sort_unstable();
        roots.dedup();
        match roots.as_slice() {
            [] => Err(no_token("none of its assets lies in a container that this server may read")),
            [root] if self.places.allow(root) => self.token(root, id.to_owned()).await,
            [_] => Err(SignError::OnlyInPart { what: id.to_owned() }),
            _ => Err(no_token("its assets lie in several containers")),
        }
    }

    /// What signs the hrefs of these Items.
    ///
    /// # Errors
    /// When whoever gives credentials does not answer. A container whose settings cannot be used has no signatures.
    pub async fn signatures(&self, items: &[Item]) -> Result<Signatures, SignError> {
        let mut signatures = Signatures::new(self.places.clone());
        let mut slow = 0;
        for (_, href) in items.iter().flat_map(|item| item.body.hrefs()) {
            if !signatures.knows(&href) {
                self.ask_for(&href, &mut signatures).await?;
            }
            slow += usize::from(signatures.are_slow(&href));
            if slow > MAX_SLOW {
                return Err(SignError::TooMany { most: MAX_SLOW });
            }
        }
        Ok(signatures)
    }

    /// Adds what signs the container of an href, if it is one.
    async fn ask_for(&self, href: &str, signatures: &mut Signatures) -> Result<(), SignError> {
        let Ok(location) = Location::parse(href) else { return Ok(()) };
        let Ok(root) = self.storage.container(&location) else { return Ok(()) };
        let is_reached = self.places.reach_into(&root);
        // Outside of the allowed places nothing is signed.
        let mut signing = Signing::Open;
        if is_reached {
            signing = match self.storage.signing(&location, self.scope(&root)).await {
                Ok(signing) => signing,
                Err(StorageError::Settings { reason, .. }) => {
                    tracing::warn!(container = %root, "hrefs are not signed: {reason}");
                    Signing::Unable("its settings cannot be used")
                }
                Err(error) => return Err(error.into()),
            };
        }
        if is_reached || signatures.has_room() {
            let (prefix, is_whole) = (root.to_href(), self.places.allow(&root));
            signatures.add(Root { prefix, is_whole, signing });
        }
        Ok(())
    }
}

/// The object that a URL names, without whoever it is asked for by: an older signature, a user.
fn plain(mut url: Url) -> Option<Location> {
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(Location::Remote(url))
}
