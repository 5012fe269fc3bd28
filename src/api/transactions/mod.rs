//! The transaction extensions: Items and Collections are made, replaced, changed and deleted.
//!
//! In: a request with one of the operator's tokens ([`tokens`]), asked for before anything else of it is looked at, its body
//! ([`sent`]) too, which may be larger than a question's ([`Written`]); what it asks of the state of what is there ([`precondition`]). A PATCH is applied
//! to the document that the tree has now ([`edit`]); hrefs that answers made up become those of the tree again ([`hrefs`]).
//! What is to be written is held against its schemas and its Collection ([`rules`]), an ItemCollection as a whole
//! ([`bulk`]). Out: [`crate::tree::Writer`] has written it, or nothing was.

mod bulk;
mod collections;
mod edit;
mod hrefs;
mod items;
mod precondition;
mod rules;
mod sent;
mod tokens;
mod written;

use axum::http::Method;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::bodies;
use super::state::App;
pub use tokens::{TokenError, Tokens};
pub use written::Writing;

/// What the server holds to once it takes writes.
pub(super) const CONFORMANCE: &[&str] = &[
    "https://api.stacspec.org/v1.0.0/ogcapi-features/extensions/transaction",
    "https://api.stacspec.org/v1.0.0/collections/extensions/transaction",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
];

/// The largest ItemCollection, in bytes.
const MAX_BULK_BYTES: usize = 32 << 20;

/// What a request writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// One document.
    Document,
    /// An Item, or many.
    Items,
}

impl Written {
    /// What a request of that method writes to that path, as routes are written; nothing where it is none of [`routes`].
    pub(super) fn at(method: &Method, path: &str) -> Option<Self> {
        match (method, path) {
            (&Method::POST, "/collections/{collection}/items") => Some(Self::Items),
            (&Method::POST, "/collections")
            | (
                &Method::PUT | &Method::PATCH | &Method::DELETE,
                "/collections/{collection}" | "/collections/{collection}/items/{item}",
            ) => Some(Self::Document),
            _ => None,
        }
    }

    /// The largest body of it.
    pub(super) fn max_bytes(self) -> usize {
        match self {
            Self::Document => bodies::MAX_BYTES,
            Self::Items => MAX_BULK_BYTES,
        }
    }
}

/// All that writes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(collections::post))
        .routes(routes!(collections::put, collections::patch, collections::delete))
        .routes(routes!(items::post))
        .routes(routes!(items::put, items::patch, items::delete))
}
