//! The asset proxy.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;

use super::error::{ApiError, ErrorBody};
use super::state::App;
use crate::asset::{self, Answer, Asked, Conditions, Found, Opened, inline};

/// The bytes of an asset, whole or some ranges of them.
#[utoipa::path(get, path = "/collections/{collection}/items/{item}/assets/{asset}", tag = "Assets",
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("item" = String, Path, description = "Id of the Item"),
        ("asset" = String, Path, description = "Key of the asset"),
        ("Range" = Option<String>, Header, description = "Ranges of bytes, 64 at most"),
        ("If-Range" = Option<String>, Header, description = "Strong ETag or date that the ranges are of"),
        ("If-None-Match" = Option<String>, Header, description = "ETags that the client has"),
        ("If-Modified-Since" = Option<String>, Header, description = "Date of what the client has"),
        ("If-Match" = Option<String>, Header, description = "Strong ETags that are meant"),
        ("If-Unmodified-Since" = Option<String>, Header, description = "Date of what is meant"),
    ),
    responses(
        (status = 200, description = "All bytes", content_type = "application/octet-stream"),
        (status = 206, description = "The range; several as multipart/byteranges", content_type = "application/octet-stream"),
        (status = 304, description = "The client has it"),
        (status = 403, description = "It lies outside the places that the server may read", body = ErrorBody),
        (status = 404, description = "No such asset", body = ErrorBody),
        (status = 412, description = "It is not the one that is meant", body = ErrorBody),
        (status = 416, description = "The ranges lie outside of the asset, or are too many", body = ErrorBody),
        (status = 502, description = "Its store failed", body = ErrorBody),
        (status = 504, description = "Its store did not answer", body = ErrorBody),
    ))]
pub(super) async fn asset(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    Path((collection, item, key)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = Asked {
        collection: &collection,
        item: &item,
        asset: &key,
        // RFC 9110 knows ranges of GET only.
        body: method == Method::GET,
        range: text(header::RANGE),
        conditions: Conditions {
            if_match: text(header::IF_MATCH),
            if_none_match: text(header::IF_NONE_MATCH),
            if_modified_since: text(header::IF_MODIFIED_SINCE),
            if_unmodified_since: text(header::IF_UNMODIFIED_SINCE),
            if_range: text(header::IF_RANGE),
        },
    };
    let Opened { found, answer } = app.proxy.open(app.backend.as_ref(), asked).await?;
    let mut response = respond(&found, answer, key);
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(&found.meta.etag));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(date) = asset::http_date(&found.meta) {
        headers.insert(header::LAST_MODIFIED, value(&date));
    }
    Ok(response)
}

fn respond(found: &Found, answer: Answer, key: String) -> Response {
    let all = found.meta.len;
    let (status, len, range, boundary, body) = match answer {
        Answer::NotModified => return StatusCode::NOT_MODIFIED.into_response(),
        Answer::PreconditionFailed => {
            let description = "the asset is not the one that If-Match or If-Unmodified-Since means";
            return ApiError::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", description)
                .into_response();
        }
        Answer::Unsatisfiable(error) => {
            let mut refused = ApiError::from(error).into_response();
            refused.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{all}")));
            return refused;
        }
        Answer::Whole(body) => (StatusCode::OK, all, None, None, body),
        Answer::Range(range, body) => {
            (StatusCode::PARTIAL_CONTENT, range.end - range.start, Some(range), None, Some(body))
        }
        Answer::Ranges { boundary, len, body } => {
            (StatusCode::PARTIAL_CONTENT, len, None, Some(boundary), Some(body))
        }
    };
    let body = body.map_or_else(Body::empty, |body| {
        // The status is sent: all that is left is to break off.
        Body::from_stream(
            body.inspect_err(move |error| tracing::error!(asset = key, "an asset breaks off: {error}")),
        )
    });
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(len));
    let media_type = match boundary {
        Some(boundary) => value(&format!("multipart/byteranges; boundary={boundary}")),
        None => value(found.media_type()),
    };
    headers.insert(header::CONTENT_TYPE, media_type);
    if let Some(range) = range {
        let shown = format!("bytes {}-{}/{all}", range.start, range.end - 1);
        headers.insert(header::CONTENT_RANGE, value(&shown));
    }
    if let Some(name) = found.file_name() {
        headers.insert(header::CONTENT_DISPOSITION, value(&inline(name)));
    }
    response
}

/// A header's value; one that a store made impossible is left empty.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
