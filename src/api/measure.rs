//! Counts and times every request by what it asks for.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

/// Records `cairn_http_requests_total` and `cairn_http_request_seconds` (until the answer's head is ready).
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    // Clients invent methods, and each would stay for ever.
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let method = if known.contains(request.method()) { request.method().as_str() } else { "other" };
    let operation = format!("{method} {path}");
    let start = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("cairn_http_requests_total", "operation" => operation.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("cairn_http_request_seconds", "operation" => operation)
        .record(start.elapsed().as_secs_f64());
    response
}
