//! HTTP: thin handlers over [`crate::search`], [`crate::patch`] and [`crate::asset`].
//!
//! In: requests. Out: answers, each error by the one table in `error`. [`app`] is the whole server without a socket;
//! [`openapi`] is its description, generated from the handlers.

mod accept;
mod assets;
mod described;
mod docs;
mod error;
mod health;
mod items;
mod links;
mod measure;
mod page;
mod params;
mod patches;
mod stac;
mod state;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::from_fn;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use error::ApiError;
pub use error::ErrorBody;
pub use state::{App, AssetHrefs, Settings};

/// The largest body that a request may have, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 8 << 20;

/// The server: all routes and what surrounds them.
pub fn app(state: App) -> Router {
    let (router, _) = routes().split_for_parts();
    router
        .route("/api", get(docs::openapi))
        .route("/api.html", get(docs::ui))
        .route("/api-ui/{file}", get(docs::ui_file))
        .fallback(async || {
            ApiError::not_found("there is nothing at this path; /api.html lists what there is")
        })
        .method_not_allowed_fallback(async || {
            let description = "this path does not take this method; /api.html says which it takes";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", description)
        })
        .layer(from_fn(measure::measure))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(error::finish))
        .layer(cors())
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_failure(()))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(state)
}

/// The OpenAPI document of all routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<App> {
    // Arrays and assets are sent as they are: only documents are worth compressing.
    let documents = OpenApiRouter::new()
        .routes(routes!(stac::landing))
        .routes(routes!(stac::conformance))
        .routes(routes!(stac::collections))
        .routes(routes!(stac::collection))
        .routes(routes!(items::items))
        .routes(routes!(items::item))
        .routes(routes!(items::search_get, items::search_post))
        .layer(CompressionLayer::new());
    OpenApiRouter::with_openapi(docs::Frame::openapi())
        .merge(documents)
        .routes(routes!(assets::asset))
        .routes(routes!(patches::patch_get, patches::patch_post))
        .routes(routes!(patches::random_get, patches::random_post))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
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
        "content-range",
        "etag",
        "x-request-id",
    ];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(Any)
        .expose_headers(shown.map(HeaderName::from_static))
}

/// The span of a request: what it was, and its id.
fn span(request: &axum::extract::Request) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).unwrap_or("-");
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}
