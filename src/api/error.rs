//! The one table of statuses: every error that reaches a client gets its status and words here.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::asset::{AssetError, RangeError, SignError, TooFast};
use crate::patch::PatchError;
use crate::search::{ParamError, SearchError, TableAnswerError};

/// The body of every error.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErrorBody {
    /// A word for programs, such as `InvalidParameter`.
    pub code: &'static str,
    /// A sentence for people: what was wrong, and what was expected.
    pub description: String,
}

/// An error on its way to a client.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    /// What the log gets besides.
    cause: Option<String>,
    /// When to ask again.
    retry_after: Option<Duration>,
}

/// What the log gets of an answer with status 500 and above.
#[derive(Debug, Clone)]
struct Fault {
    body: ErrorBody,
    cause: Option<String>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, description: impl Into<String>) -> Self {
        Self {
            status,
            body: ErrorBody { code, description: description.into() },
            cause: None,
            retry_after: None,
        }
    }

    pub(super) fn not_found(description: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", description)
    }

    pub(super) fn no_collection(id: &str) -> Self {
        Self::not_found(format!("there is no Collection '{id}'; /collections lists them"))
    }

    /// For a handler that panicked.
    pub(super) fn panicked(said: String) -> Self {
        let description = "something went wrong here";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", description).caused_by(said)
    }

    fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl std::fmt::Display for ApiError {
    /// For the log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.body.description)?;
        self.cause.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl From<ParamError> for ApiError {
    fn from(error: ParamError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameter", error.to_string())
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", error.to_string()).caused_by(cause)
    }
}

impl From<TableAnswerError> for ApiError {
    fn from(error: TableAnswerError) -> Self {
        match error {
            TableAnswerError::Search(error) => error.into(),
            TableAnswerError::Unfit(reason) => {
                let description =
                    format!("no table holds all of these: {reason}; ask for application/x-ndjson");
                Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", description)
            }
            TableAnswerError::Table(error) => {
                let description = "the table cannot be written";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", description)
                    .caused_by(error.to_string())
            }
        }
    }
}

impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        let (status, code) = match &error {
            PatchError::Search(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            PatchError::Forbidden { .. } => (StatusCode::FORBIDDEN, "Forbidden"),
            PatchError::Source { .. } | PatchError::Replaced { .. } => {
                (StatusCode::BAD_GATEWAY, "SourceFailed")
            }
            PatchError::Stalled { .. } => (StatusCode::GATEWAY_TIMEOUT, "SourceStalled"),
            PatchError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "Busy"),
            PatchError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge"),
            PatchError::Param(_)
            | PatchError::NoBand { .. }
            | PatchError::Grid(_)
            | PatchError::CannotHold { .. }
            | PatchError::NoPlace { .. } => (StatusCode::BAD_REQUEST, "InvalidParameter"),
        };
        let mut answer = Self::new(status, code, error.to_string());
        if let PatchError::Busy(busy) = &error {
            answer.retry_after = Some(busy.retry_after());
        }
        match error.cause() {
            Some(cause) => answer.caused_by(cause),
            None => answer,
        }
    }
}

impl From<AssetError> for ApiError {
    fn from(error: AssetError) -> Self {
        let (status, code, cause) = match &error {
            AssetError::NotFound { .. } => (StatusCode::NOT_FOUND, "NotFound", None),
            AssetError::Forbidden { location, .. } => {
                (StatusCode::FORBIDDEN, "Forbidden", Some(location.to_string()))
            }
            AssetError::Missing { location, .. } => {
                (StatusCode::NOT_FOUND, "NotFound", Some(location.to_string()))
            }
            AssetError::Stalled { source, .. } => {
                (StatusCode::GATEWAY_TIMEOUT, "SourceStalled", Some(source.to_string()))
            }
            AssetError::Storage { source, .. } => {
                (StatusCode::BAD_GATEWAY, "SourceFailed", Some(source.to_string()))
            }
            AssetError::Search(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError", None),
        };
        let answer = Self::new(status, code, error.to_string());
        match cause {
            Some(cause) => answer.caused_by(cause),
            None => answer,
        }
    }
}

impl From<RangeError> for ApiError {
    fn from(error: RangeError) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", error.to_string())
    }
}

impl From<SignError> for ApiError {
    fn from(error: SignError) -> Self {
        let (status, code) = match &error {
            SignError::NotInStore { .. } | SignError::TooMany { .. } => {
                (StatusCode::BAD_REQUEST, "InvalidParameter")
            }
            SignError::Forbidden { .. } | SignError::OnlyInPart { .. } => {
                (StatusCode::FORBIDDEN, "Forbidden")
            }
            SignError::Unable { .. } | SignError::NoCollection { .. } | SignError::NoToken { .. } => {
                (StatusCode::NOT_FOUND, "NotFound")
            }
            SignError::Stalled { .. } => (StatusCode::GATEWAY_TIMEOUT, "SourceStalled"),
            SignError::Storage { .. } => (StatusCode::BAD_GATEWAY, "SourceFailed"),
            SignError::Search(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        };
        let answer = Self::new(status, code, error.to_string());
        match std::error::Error::source(&error) {
            Some(cause) => answer.caused_by(cause.to_string()),
            None => answer,
        }
    }
}

impl From<TooFast> for ApiError {
    fn from(error: TooFast) -> Self {
        let mut answer = Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", error.to_string());
        answer.retry_after = Some(error.retry_after);
        answer
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self.body)).into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        if self.status.is_server_error() {
            response.extensions_mut().insert(Fault { body: self.body, cause: self.cause });
        } else if let Some(cause) = self.cause {
            tracing::info!(cause, "{}", self.body.description);
        }
        response
    }
}

/// Logs each failure of the server once, and gives the client the request's id.
pub(super) fn finish(mut response: Response, method: &str, path: &str, id: &str) -> Response {
    let status = response.status();
    if !status.is_server_error() {
        return response;
    }
    let fault = response.extensions_mut().remove::<Fault>();
    let (code, description, cause) = match fault {
        Some(fault) => (fault.body.code, fault.body.description, fault.cause),
        None => ("InternalError", "something went wrong here".to_owned(), None),
    };
    tracing::error!(id, method, path, cause, "{description}");
    let body = ErrorBody { code, description: format!("{description} (request {id})") };
    let mut told = (status, Json(body)).into_response();
    if let Some(wait) = response.headers().get(header::RETRY_AFTER) {
        told.headers_mut().insert(header::RETRY_AFTER, wait.clone());
    }
    told.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    told
}
