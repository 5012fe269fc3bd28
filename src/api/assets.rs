//! The asset proxy.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, ErrorBody};
use super::state::App;
use crate::asset::ByteRange;

/// The bytes of an asset, whole or one range of them.
#[utoipa::path(get, path = "/collections/{collection}/items/{item}/assets/{asset}", tag = "Assets",
    params(
        ("collection" = String, Path, description = "Id of the Collection"),
        ("item" = String, Path, description = "Id of the Item"),
        ("asset" = String, Path, description = "Key of the asset"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-None-Match" = Option<String>, Header, description = "ETags that the client has"),
        ("If-Range" = Option<String>, Header, description = "ETag that the range is of"),
    ),
    responses(
        (status = 200, description = "All bytes", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 304, description = "The client has it"),
        (status = 403, description = "It lies outside the places that the server may read", body = ErrorBody),
        (status = 404, description = "No such asset", body = ErrorBody),
        (status = 416, description = "The range lies outside of the asset", body = ErrorBody),
    ))]
pub(super) async fn asset(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    Path((collection, item, key)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let found = app.proxy.find(app.backend.as_ref(), &collection, &item, &key).await?;
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let etag = found.meta.etag.as_str();
    let names_it =
        |list: &str| list.split(',').any(|t| t.trim() == "*" || t.trim().trim_start_matches("W/") == etag);
    let mut response = if text(header::IF_NONE_MATCH).is_some_and(names_it) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let is_current = text(header::IF_RANGE).is_none_or(|of| of == etag);
        // RFC 9110 knows ranges of GET only.
        let asked = text(header::RANGE).filter(|_| is_current && method == Method::GET);
        let len = found.meta.len;
        let range = match asked.map(|value| ByteRange::parse(value, len)).transpose() {
            Ok(range) => range.flatten(),
            Err(error) => {
                let mut refused = ApiError::from(error).into_response();
                refused.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{len}")));
                return Ok(refused);
            }
        };
        let bytes = range.unwrap_or(ByteRange::whole(len));
        let body = match method {
            Method::HEAD => Body::empty(),
            _ => Body::from_stream(app.proxy.stream(&found, bytes)),
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
        headers.insert(header::CONTENT_TYPE, value(&found.media_type));
        if let Some(name) = &found.file_name {
            let name: String = name.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
            headers.insert(header::CONTENT_DISPOSITION, value(&format!("inline; filename=\"{name}\"")));
        }
        if range.is_some() {
            let shown = format!("bytes {}-{}/{len}", bytes.start, bytes.end - 1);
            headers.insert(header::CONTENT_RANGE, value(&shown));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        response
    };
    response.headers_mut().insert(header::ETAG, value(etag));
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

/// A header's value; one that a document made impossible is left empty.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
