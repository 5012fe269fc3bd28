//! What surrounds every request: its id, its client, its body, its span, its metrics, and the last word on failures.
//!
//! One layer does all of it, because each layer of its own costs a boxed future and a clone of the service on every request.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;

use super::bodies;
use super::error::{ApiError, finish};
use super::shield::{OwnPage, shield};
use super::state::App;
use super::transactions::Written;
use crate::pool::Client;

/// The header that names a request.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the ids of this process begin with, so that those of replicas differ.
static PROCESS: LazyLock<String> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", std::process::id(), since.as_micros())
});

/// Requests without an id of their own so far.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The longest id that a client may give its request, in bytes.
const LONGEST_ID: usize = 128;

/// Gives the request an id where the client gave none, reads its body, runs it, counts and times it (`cairn_http_requests_total`, and
/// `cairn_http_request_seconds` until the answer's head is ready), turns a panic into an answer, logs a failure once.
pub(super) async fn surround(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    leave_out_any_encoding(request.headers_mut());
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_id(id)).cloned().unwrap_or_else(own_id);
    let client = app.settings.trusted.client(&request);
    request.extensions_mut().insert(client);
    let method = known_method(request.method());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::debug_span!("request", method, path = request.uri().path(), id = ?id);
    let run = async {
        let written = path.as_ref().and_then(|path| Written::at(request.method(), path.as_str()));
        if written.is_some()
            && let Err(error) = app.settings.tokens.admit(request.headers())
        {
            bodies::pass_over(request).await;
            return error.into_response();
        }
        let max = written.map_or(bodies::MAX_BYTES, Written::max_bytes);
        match bodies::read(max, request, &app.gates.bodies, client).await {
            // Memory is held for the body until nothing is left of it but the answer.
            Ok((request, _held)) => next.run(request).await,
            Err(error) => error.into_response(),
        }
    };
    let run = AssertUnwindSafe(run).catch_unwind();
    let outcome = if span.is_disabled() { run.await } else { run.instrument(span).await };
    let response = outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        ApiError::panicked(said).into_response()
    });
    let path = path.as_ref().map_or("unmatched", MatchedPath::as_str);
    record(&format!("{method} {path}"), response.status(), start);
    let mut response = finish(response, method, path, id.to_str().unwrap_or("-"));
    let is_own_page = response.extensions_mut().remove::<OwnPage>().is_some();
    shield(response.headers_mut(), is_own_page);
    response.headers_mut().insert(REQUEST_ID.clone(), id);
    response
}

fn record(operation: &str, status: StatusCode, start: Instant) {
    let operation = operation.to_owned();
    let status = status.as_str().to_owned();
    metrics::counter!("cairn_http_requests_total", "operation" => operation.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("cairn_http_request_seconds", "operation" => operation)
        .record(start.elapsed().as_secs_f64());
}

/// An id that stands in a log as it is.
fn is_id(value: &HeaderValue) -> bool {
    (1..=LONGEST_ID).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

fn own_id() -> HeaderValue {
    let id = format!("{}-{:x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("-"))
}

/// Takes `*` out of `Accept-Encoding`: a client that names no coding may know none, whatever it says.
fn leave_out_any_encoding(headers: &mut HeaderMap) {
    let Some(value) = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()) else {
        return;
    };
    if !value.contains('*') {
        return;
    }
    let named: Vec<&str> = value.split(',').filter(|coding| !coding.trim_start().starts_with('*')).collect();
    let named = HeaderValue::try_from(named.join(",")).unwrap_or(HeaderValue::from_static("identity"));
    headers.insert(header::ACCEPT_ENCODING, named);
}

/// The method's name. Clients invent methods, and each would stay in the metrics for ever.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_no_wish_for_a_coding() {
        for (asked, left) in [("*", ""), ("gzip, *;q=0.1", "gzip"), ("br", "br"), ("*;q=0", "")] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(asked));
            leave_out_any_encoding(&mut headers);
            assert_eq!(headers[header::ACCEPT_ENCODING], left, "{asked}");
        }
    }

    #[test]
    fn ids_differ() {
        assert_ne!(own_id(), own_id());
    }
}
