//! The one table of statuses: every error that reaches a client gets its status and words here.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::asset::{AssetError, RangeError, SignError, TooFast};
use crate::patch::PatchError;
use crate::pool::Busy;
use crate::search::{ParamError, SearchError, TableAnswerError};
use crate::tree::{ChangeError, in_one_line};

/// When a write that others were in the way of may be tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(2);

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
    /// What tells a client how to come again.
    header: Option<Box<(HeaderName, HeaderValue)>>,
    /// A write found another state than the one that it was made from.
    overtaken: bool,
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
            header: None,
            overtaken: false,
        }
    }

    /// The same with a header, which only answers below 500 have.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// True when another writer was faster.
    pub(super) fn was_overtaken(&self) -> bool {
        self.overtaken
    }

    pub(super) fn not_found(description: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", description)
    }

    pub(super) fn no_collection(id: &str) -> Self {
        Self::not_found(format!("there is no Collection '{id}'; /collections lists them"))
    }

    /// 503 for a write that others are in the way of.
    pub(super) fn busy(description: impl Into<String>) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", description);
        error.retry_after = Some(WRITE_AGAIN);
        error
    }

    pub(super) fn bad_body(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidBody", description)
    }

    /// For a handler that panicked.
    pub(super) fn panicked(said: String) -> Self {
        let description = "something went wrong here";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", description).caused_by(said)
    }

    /// Its status.
    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
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
        let cause = std::error::Error::source(&error).map(in_one_line).unwrap_or_default();
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
                    .caused_by(in_one_line(&error))
            }
        }
    }
}

impl From<Busy> for ApiError {
    fn from(busy: Busy) -> Self {
        let (status, code) = match busy {
            Busy::Full => (StatusCode::SERVICE_UNAVAILABLE, "Busy"),
            Busy::OwnLine => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
        };
        Self { retry_after: Some(busy.retry_after()), ..Self::new(status, code, busy.to_string()) }
    }
}

impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        if let PatchError::Busy(busy) = error {
            return busy.into();
        }
        let (status, code) = match &error {
            PatchError::Busy(_) | PatchError::Search(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
            }
            PatchError::Forbidden { .. } => (StatusCode::FORBIDDEN, "Forbidden"),
            PatchError::Source { .. } | PatchError::Replaced { .. } => {
                (StatusCode::BAD_GATEWAY, "SourceFailed")
            }
            PatchError::Stalled { .. } => (StatusCode::GATEWAY_TIMEOUT, "SourceStalled"),
            PatchError::TooLarge { .. } | PatchError::TooMany { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge")
            }
            PatchError::Param(_)
            | PatchError::NoBand { .. }
            | PatchError::Grid(_)
            | PatchError::CannotHold { .. }
            | PatchError::NoPlace { .. } => (StatusCode::BAD_REQUEST, "InvalidParameter"),
        };
        let answer = Self::new(status, code, error.to_string());
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
                (StatusCode::GATEWAY_TIMEOUT, "SourceStalled", Some(in_one_line(source)))
            }
            AssetError::Storage { source, .. } => {
                (StatusCode::BAD_GATEWAY, "SourceFailed", Some(in_one_line(source)))
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

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        let (status, code) = match &error {
            ChangeError::NoCollection { .. } | ChangeError::Missing { .. } => {
                (StatusCode::NOT_FOUND, "NotFound")
            }
            ChangeError::Exists { .. } | ChangeError::NotEmpty { .. } => (StatusCode::CONFLICT, "Conflict"),
            ChangeError::Changed { .. } => (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
            ChangeError::Conflict { .. } | ChangeError::Busy { .. } => return Self::busy(error.to_string()),
            ChangeError::NotWritable { .. } => (StatusCode::FORBIDDEN, "Forbidden"),
            ChangeError::Unfit { .. } => (StatusCode::BAD_REQUEST, "InvalidBody"),
            ChangeError::Damaged { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            ChangeError::Store(_) if error.is_stalled() => (StatusCode::GATEWAY_TIMEOUT, "StoreStalled"),
            ChangeError::Store(_) => (StatusCode::BAD_GATEWAY, "StoreFailed"),
        };
        if let ChangeError::Store(source) = &error {
            let description =
                "the catalogue's store failed, and what was sent may not have been written; ask again";
            return Self::new(status, code, description).caused_by(in_one_line(source));
        }
        let mut answer = Self::new(status, code, error.to_string());
        answer.overtaken = matches!(error, ChangeError::Changed { .. });
        answer
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
            Some(cause) => answer.caused_by(in_one_line(cause)),
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
        if let Some(header) = self.header {
            let (name, value) = *header;
            response.headers_mut().insert(name, value);
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
