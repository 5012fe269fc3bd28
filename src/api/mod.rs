//! HTTP: thin handlers over [`crate::search`], [`crate::patch`] and [`crate::asset`].
//!
//! In: requests. Out: answers, each error by the one table in `error`. [`app`] is the whole server without a socket;
//! [`openapi`] is its description, generated from the handlers.

mod accept;
mod aggregate;
mod assets;
mod collections;
mod conditional;
mod described;
mod docs;
mod envelope;
mod error;
mod export;
mod health;
mod hrefs;
mod items;
mod links;
mod page;
mod params;
mod patches;
mod queryables;
mod sas;
mod sending;
mod stac;
mod state;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, DefaultPredicate};
use tower_http::cors::{Any, CorsLayer};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use error::ApiError;
pub use error::ErrorBody;
pub use state::{App, AssetHrefs, Parts, Settings};

/// The largest body that a request may have, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;

/// Answers below this size are not worth compressing, in bytes: they fit into one packet.
const MIN_COMPRESSED_BYTES: u64 = 1024;

/// The server: all routes and what surrounds them.
pub fn app(state: App) -> Router {
    let (documents, _) = documents().split_for_parts();
    let (others, _) = others().split_for_parts();
    let around_documents = ServiceBuilder::new()
        .layer(compression())
        .layer(from_fn_with_state(state.clone(), conditional::conditional));
    let around_all = ServiceBuilder::new()
        .layer(cors())
        .layer(from_fn(envelope::surround))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    documents
        .layer(around_documents)
        .merge(others)
        .route("/api", get(docs::openapi).layer(compression()))
        .route("/api.html", get(docs::ui))
        .route("/api-ui/{file}", get(docs::ui_file))
        .fallback(async || {
            ApiError::not_found("there is nothing at this path; /api.html lists what there is")
        })
        .method_not_allowed_fallback(async || {
            let description = "this path does not take this method; /api.html says which it takes";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", description)
        })
        .layer(around_all)
        .with_state(state)
}

/// The OpenAPI document of all routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    OpenApiRouter::with_openapi(docs::Frame::openapi()).merge(documents()).merge(others()).into_openapi()
}

/// What describes the catalogue: cached by its content, compressed where the client asks.
fn documents() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(stac::landing))
        .routes(routes!(stac::conformance))
        .routes(routes!(collections::collections))
        .routes(routes!(collections::collection))
        .routes(routes!(collections::children))
        .routes(routes!(items::items))
        .routes(routes!(items::item))
        .routes(routes!(items::search_get, items::search_post))
        .routes(routes!(queryables::queryables))
        .routes(routes!(queryables::of_collection))
        .routes(routes!(aggregate::aggregations))
        .routes(routes!(aggregate::aggregations_of_collection))
        .routes(routes!(aggregate::aggregate_get, aggregate::aggregate_post))
        .routes(routes!(aggregate::aggregate_of_collection))
}

/// Arrays and assets, which are sent as they are, and what operators ask for.
fn others() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(assets::asset))
        .routes(routes!(sas::sign))
        .routes(routes!(sas::token_of_collection))
        .routes(routes!(sas::token_of_container))
        .routes(routes!(patches::patch_get, patches::patch_post))
        .routes(routes!(patches::random_get, patches::random_post))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// Compression where `Accept-Encoding` names gzip, br or zstd, at the level that keeps up with a network.
fn compression() -> CompressionLayer<And<And<SizeAbove, DefaultPredicate>, NotForContentType>> {
    let worth_it = SizeAbove::new(MIN_COMPRESSED_BYTES)
        .and(DefaultPredicate::new())
        // Compressed already.
        .and(NotForContentType::const_new(links::PARQUET));
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_it)
}

/// Data loaders and browsers on any site may read; nothing here depends on cookies.
fn cors() -> CorsLayer {
    // Browsers that read COGs need those of ranges.
    let shown = [
        "accept-ranges",
        "cairn-crs",
        "cairn-dropped",
        "cairn-shape",
        "cairn-transform",
        "content-length",
        "content-disposition",
        "content-range",
        "etag",
        "x-request-id",
    ];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(Any)
        .expose_headers(shown.map(HeaderName::from_static))
        // Every origin gets the same answer: caches need not keep one for each.
        .vary([])
}
