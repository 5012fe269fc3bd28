//! HTTP: thin handlers over [`crate::search`], [`crate::patch`] and [`crate::asset`].
//!
//! In: requests. Out: answers, each error by the one table in `error`. [`app`] is the whole server without a socket;
//! [`openapi`] is its description, generated from the handlers.

mod accept;
mod aggregate;
mod assets;
mod bodies;
mod collections;
mod conditional;
mod described;
mod docs;
mod door;
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
mod process;
mod proxies;
mod queryables;
mod sas;
mod seats;
mod sending;
mod shield;
mod stac;
mod state;
mod stream;
mod transactions;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, DefaultPredicate};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use door::Door;
use error::ApiError;
pub use error::ErrorBody;
pub use proxies::{Network, NetworkError, Trusted};
pub use shield::Origins;
pub use state::{App, AssetHrefs, Gates, Parts, Settings};
pub use transactions::{TokenError, Tokens, Writing};

use crate::asset::HELD_BYTES;
use crate::pool::Client;

/// Answers below this size are not worth compressing, in bytes: they fit into one packet.
const MIN_COMPRESSED_BYTES: u64 = 1024;

/// The server: all routes and what surrounds them.
pub fn app(state: App) -> Router {
    let (documents, _) = documents().split_for_parts();
    let (assets, _) = assets().split_for_parts();
    let (others, _) = others().split_for_parts();
    let around_documents = ServiceBuilder::new()
        .layer(compression())
        .layer(from_fn_with_state(state.clone(), conditional::conditional));
    let around_all = ServiceBuilder::new()
        .layer(shield::cors(&state.settings.origins))
        .layer(from_fn_with_state(state.clone(), envelope::surround))
        // Bodies are bounded where they are read.
        .layer(DefaultBodyLimit::disable());
    documents
        .layer(around_documents)
        .merge(assets.layer(from_fn_with_state(state.clone(), transfer)))
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
    OpenApiRouter::with_openapi(docs::Frame::openapi())
        .merge(documents())
        .merge(assets())
        .merge(others())
        .into_openapi()
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

/// Bytes of assets, sent as they are.
fn assets() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(assets::asset))
}

/// Arrays, which are sent as they are, and what operators ask for.
fn others() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(transactions::routes())
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

/// Holds memory for the bytes of an asset until they are sent.
async fn transfer(
    State(app): State<App>,
    client: Client,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let held = app.gates.transfers.enter(client, HELD_BYTES).await?;
    let is_get = request.method() == Method::GET;
    let response = next.run(request).await;
    // All else is small, or has no body.
    Ok(if is_get && response.status().is_success() { sending::held(response, held) } else { response })
}
