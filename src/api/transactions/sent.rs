//! The body of a write: JSON of a known kind, read whole in bounded memory and time.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::Value;

use crate::api::error::ApiError;
use crate::api::state::App;
use crate::pool::Permit;

/// The largest document that a write may bring, in bytes.
pub(super) const MAX_DOCUMENT_BYTES: usize = 8 << 20;

/// The largest ItemCollection, in bytes.
pub(super) const MAX_BULK_BYTES: usize = 32 << 20;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`, `application/geo+json`, or unsaid.
    Json,
    /// `application/merge-patch+json`
    MergePatch,
    /// `application/json-patch+json`
    JsonPatch,
    /// Anything else.
    Other,
}

impl Media {
    fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Self::Json };
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" | "application/geo+json" => Self::Json,
            "application/merge-patch+json" => Self::MergePatch,
            "application/json-patch+json" => Self::JsonPatch,
            _ => Self::Other,
        }
    }
}

/// A body of at most `MAX` bytes.
#[derive(Debug)]
pub(super) struct Sent<const MAX: usize> {
    pub(super) media: Media,
    pub(super) bytes: Bytes,
    /// Memory that is held for it.
    pub(super) held: Permit,
}

impl<const MAX: usize> Sent<MAX> {
    /// The body as a document.
    pub(super) fn document(&self) -> Result<Value, ApiError> {
        self.expect_json()?;
        parsed(&self.bytes)
    }

    /// Refuses what is not said to be a document.
    pub(super) fn expect_json(&self) -> Result<(), ApiError> {
        if self.media == Media::Json {
            return Ok(());
        }
        Err(unsupported("Content-Type is application/json or application/geo+json"))
    }
}

/// A body as JSON.
pub(super) fn parsed(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| invalid(format!("the body is not JSON: {error}")))
}

/// 400 for a body that says nothing that could be done.
pub(super) fn invalid(description: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "InvalidBody", description)
}

/// 415 with what is expected.
pub(super) fn unsupported(description: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", description)
}

impl<const MAX: usize> FromRequest<App> for Sent<MAX> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let headers = request.headers();
        let media = Media::of(headers);
        if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(unsupported("bodies are taken as they are, without a Content-Encoding"));
        }
        let too_large = || {
            let description = format!("the body is larger than {MAX} bytes; send its Items in several parts");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", description)
        };
        let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if said.is_some_and(|length: usize| length > MAX) {
            return Err(too_large());
        }
        let held = app.writing.room(said.unwrap_or(MAX)).await?;
        let mut pieces = request.into_body().into_data_stream();
        let read = async {
            let mut bytes = BytesMut::with_capacity(said.unwrap_or_default());
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|error| invalid(format!("the body broke off: {error}")))?;
                if bytes.len() + piece.len() > MAX {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes.freeze())
        };
        let bytes = tokio::time::timeout(PATIENCE, read).await.map_err(|_elapsed| {
            let description = format!("the body did not arrive within {} s", PATIENCE.as_secs());
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "Timeout", description)
        })??;
        Ok(Self { media, bytes, held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_names_alone() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().expect("a value"));
            Media::of(&headers)
        };
        assert_eq!(of("application/json; charset=utf-8"), Media::Json);
        assert_eq!(of("Application/Geo+JSON"), Media::Json);
        assert_eq!(of("application/merge-patch+json"), Media::MergePatch);
        assert_eq!(of("application/json-patch+json;x=1"), Media::JsonPatch);
        assert_eq!(of("application/x-www-form-urlencoded"), Media::Other);
        assert_eq!(Media::of(&HeaderMap::new()), Media::Json);
    }
}
