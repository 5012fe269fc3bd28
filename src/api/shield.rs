//! What browsers are told so that nothing that Cairn serves can be turned against who looks at it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

/// Documents, arrays and assets are data: an SVG or an HTML page among the assets runs nothing and sends nothing.
const DATA: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);

/// Pages have scripts and styles of this server's own; those of the API browser write styles into its elements.
const PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Marks a page that this server wrote itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnPage;

/// The sites whose scripts may read answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origins {
    /// All: nothing here depends on cookies, and who may reach the server may read it.
    #[default]
    Any,
    /// These, such as `https://example.org`; none of them: only pages of this server itself.
    Only(Vec<HeaderValue>),
}

/// Adds to an answer what browsers are to know.
pub(super) fn shield(headers: &mut HeaderMap, is_own_page: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CONTENT_SECURITY_POLICY, if is_own_page { PAGE } else { DATA });
}

/// Lets scripts of other sites read.
pub(super) fn cors(origins: &Origins) -> CorsLayer {
    // Browsers that read COGs need those of ranges.
    let shown = [
        "accept-ranges",
        "cairn-crs",
        "cairn-dropped",
        "cairn-shape",
        "cairn-transform",
        "cairn-warning",
        "content-disposition",
        "content-length",
        "content-range",
        "etag",
        "location",
        "retry-after",
        "x-request-id",
    ];
    let layer = CorsLayer::new()
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ])
        // A `*` would not cover `Authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(shown.map(HeaderName::from_static));
    match origins {
        // Every origin gets the same answer: caches need not keep one for each.
        Origins::Any => layer.allow_origin(Any).vary([]),
        Origins::Only(list) => layer.allow_origin(list.clone()).vary([header::ORIGIN]),
    }
}
