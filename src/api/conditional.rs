//! Answers that a client already has are not sent again.
//!
//! An Item or a Collection by itself is named by its own content ([`Content`]), which is what `If-Match` takes: writes elsewhere
//! do not change it. Any other answer is a function of what the catalogue holds, of the question and of the server's settings: its `ETag` is a hash of
//! these, known before any search runs and the same from every replica. It is weak, because the answer may be compressed on
//! its way. Caches may keep an answer but have to ask whether it still holds (`max-age=0, must-revalidate`): a catalogue
//! changes when it likes, and asking costs the server next to nothing. A POST to `/search` asks and changes nothing, so it is
//! answered in the same way, as HTTP's QUERY method is.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

use super::accept::prefers_html;
use super::error::ApiError;
use super::export::Export;
use super::links::Base;
use super::params::WholeBody;
use super::state::App;

const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");

/// What answers differ by, besides their address.
const VARY: HeaderValue = HeaderValue::from_static("accept, accept-encoding");

const SECRETS: RapidSecrets = RapidSecrets::seed(3);

/// What tells the one document of an answer from its other states, whatever else the catalogue holds.
#[derive(Debug, Clone)]
pub(super) struct Content {
    tag: String,
    beside: String,
}

impl Content {
    /// The document's tag, with quotes, and what else of the catalogue the answer shows.
    pub(super) fn new(tag: &str, beside: &str) -> Self {
        Self { tag: tag.to_owned(), beside: beside.to_owned() }
    }
}

/// The `ETag` of a document by itself: its tag, and after a `-` what tells this server's way of showing it from others.
pub(super) fn etag(
    app: &App,
    base: &Base,
    headers: &HeaderMap,
    tag: &str,
    beside: &str,
) -> Option<HeaderValue> {
    let form = format!("{}\0{}\0{beside}", settings(app, headers), base.root());
    let form = rapidhash_v3_seeded(form.as_bytes(), &SECRETS) >> 32;
    HeaderValue::try_from(format!("W/\"{}-{form:08x}\"", tag.trim_matches('"'))).ok()
}

/// What of the server's settings, and of what a request accepts, shows in answers.
fn settings(app: &App, headers: &HeaderMap) -> String {
    // What `Accept` comes to, not how a client writes it.
    let form = (prefers_html(headers), Export::asked(headers));
    let writes = app.takes_writes();
    format!("{} {:?} {writes} {form:?}", env!("CARGO_PKG_VERSION"), app.settings.asset_hrefs)
}

/// Answers 304 where the client has the answer, and else runs the request and names its answer.
pub(super) async fn conditional(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, mut body) = request.into_parts();
    let Ok(base) = Base::from_request_parts(&mut parts, &app).await;
    // Taken before the search: the answer may come from a later snapshot, and then the client asks once too often.
    let Some(version) = app.backend.version() else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let mut hashed = Vec::with_capacity(256);
    let settings = settings(&app, &parts.headers);
    hashed.extend_from_slice(&version.to_le_bytes());
    // A HEAD request asks for what GET answers.
    let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    for text in [&settings, method, base.root().as_str(), path] {
        hashed.extend_from_slice(text.as_bytes());
        hashed.push(0);
    }
    if parts.method == Method::POST {
        let WholeBody(bytes) =
            WholeBody::from_request(Request::from_parts(parts.clone(), body), &app).await?;
        hashed.push(0);
        hashed.extend_from_slice(&bytes);
        body = Body::from(bytes);
    }
    let mut name =
        HeaderValue::try_from(format!("W/\"{:016x}\"", rapidhash_v3_seeded(&hashed, &SECRETS))).ok();
    let known = parts.headers.clone();
    let mut response = if is_known(&known, name.as_ref()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        next.run(Request::from_parts(parts, body)).await
    };
    if let Some(Content { tag, beside }) = response.extensions_mut().remove::<Content>() {
        name = etag(&app, &base, &known, &tag, &beside);
        if is_known(&known, name.as_ref()) {
            response = StatusCode::NOT_MODIFIED.into_response();
        }
    }
    if matches!(response.status(), StatusCode::OK | StatusCode::NOT_MODIFIED) {
        let headers = response.headers_mut();
        headers.extend(name.map(|etag| (header::ETAG, etag)));
        headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
        headers.insert(header::VARY, VARY);
    }
    Ok(response)
}

/// True when `If-None-Match` names the `ETag`. `*` does not: whether there is an answer at all is not known yet.
fn is_known(headers: &HeaderMap, etag: Option<&HeaderValue>) -> bool {
    let Some(etag) = etag.and_then(|etag| etag.to_str().ok()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let own = opaque(etag);
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| list.split(',').any(|tag| opaque(tag) == own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_tags_weak_or_strong_is_enough() {
        let knows = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().expect("a value"));
            is_known(&headers, Some(&HeaderValue::from_static("W/\"12\"")))
        };
        assert!(knows("W/\"12\"") && knows("\"12\"") && knows("\"11\", W/\"12\""));
        assert!(!knows("*") && !knows("\"1\"") && !knows("12"));
    }
}
