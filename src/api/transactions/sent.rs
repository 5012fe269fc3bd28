//! The body of a write: JSON of a known kind.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;

use crate::api::error::ApiError;
use crate::api::params::WholeBody;
use crate::api::state::App;

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

/// A body, which was read before its handler runs.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) media: Media,
    pub(super) bytes: Bytes,
}

impl Sent {
    /// The body as a document.
    pub(super) async fn document(self, app: &App) -> Result<Value, ApiError> {
        self.expect_json()?;
        app.understand(self.bytes, parsed).await
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

impl FromRequest<App> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let media = Media::of(request.headers());
        let WholeBody(bytes) = WholeBody::from_request(request, app).await?;
        Ok(Self { media, bytes })
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
