//! Query strings and bodies become [`Params`].

use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::extract::Request;
use serde_json::Value;

use super::error::ApiError;
use crate::search::{ParamError, Params};

/// The parameters of a query string.
pub(super) fn from_query(query: Option<&str>) -> Result<Params, ParamError> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    Params::from_query(pairs.into_owned())
}

/// Takes `sign` out: true when asset hrefs are to be signed.
pub(super) fn take_sign(params: &mut Params) -> Result<bool, ParamError> {
    match params.value("sign") {
        None => Ok(false),
        Some(Value::Bool(sign)) => Ok(sign),
        Some(Value::String(text)) if matches!(text.as_str(), "true" | "false") => Ok(text == "true"),
        Some(other) => Err(ParamError::Invalid {
            name: "sign".to_owned(),
            problem: format!("expected true or false, found {other}"),
        }),
    }
}

/// A body, which was read before its handler runs.
pub(super) struct WholeBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for WholeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|rejection| ApiError::bad_body(rejection.body_text()))
    }
}
