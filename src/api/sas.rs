//! Signatures for clients that hold no credentials: the Planetary Computer's signing API.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, header};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, ErrorBody};
use super::params::from_query;
use super::state::App;
use crate::pool::Client;
use crate::search::ParamError;

/// Nobody but the client keeps it, and the client until it ends.
const UNSTORED: [(HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))];

/// A URL with its signature.
#[derive(Serialize, ToSchema)]
pub(super) struct SignedLink {
    /// When the signature ends (RFC 3339, UTC)
    #[serde(rename = "msft:expiry")]
    #[schema(example = "2026-01-01T00:00:00Z")]
    expiry: String,
    /// The URL with its signature
    href: String,
}

/// A query that opens a container for reading.
#[derive(Serialize, ToSchema)]
pub(super) struct SasToken {
    /// When the token ends (RFC 3339, UTC)
    #[serde(rename = "msft:expiry")]
    #[schema(example = "2026-01-01T00:00:00Z")]
    expiry: String,
    /// The query, without a question mark
    #[schema(example = "sv=2022-11-02&st=…&se=…&sr=c&sp=rl&sig=…")]
    token: String,
}

/// What is to be signed; read by [`crate::search`]'s parameters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI generator only")]
pub(super) struct ToSign {
    /// URL of an object, as the catalogue has it
    #[param(example = "https://account.blob.core.windows.net/container/image.tif")]
    href: String,
}

type Unstored<T> = ([(HeaderName, HeaderValue); 1], Json<T>);

/// Sign one URL.
#[utoipa::path(get, path = "/sas/v1/sign", tag = "Signing", params(ToSign),
    responses(
        (status = 200, description = "The URL with a signature for reading", body = SignedLink),
        (status = 400, description = "It is no URL of an object in a store", body = ErrorBody),
        (status = 403, description = "It lies outside the places that the server may read", body = ErrorBody),
        (status = 404, description = "The server has nothing to sign it with, or it needs no signature", body = ErrorBody),
        (status = 429, description = "Too many requests; see Retry-After", body = ErrorBody),
    ))]
pub(super) async fn sign(
    State(app): State<App>,
    client: Client,
    RawQuery(query): RawQuery,
) -> Result<Unstored<SignedLink>, ApiError> {
    app.sign_rate.take(client)?;
    let mut params = from_query(query.as_deref())?;
    let missing = || ParamError::Invalid {
        name: "href".to_owned(),
        problem: "expected the URL of an object in a store".to_owned(),
    };
    let href = params.text("href")?.ok_or_else(missing)?;
    params.finish(&["href"])?;
    let signed = app.signer.sign(&href).await?;
    Ok((UNSTORED, Json(SignedLink { expiry: expiry(signed.expires), href: signed.href })))
}

/// A token for the container of a Collection.
#[utoipa::path(get, path = "/sas/v1/token/{collection}", tag = "Signing",
    params(("collection" = String, Path, description = "Id of the Collection")),
    responses(
        (status = 200, description = "A token that opens the Azure container of the Collection's assets for reading", body = SasToken),
        (status = 403, description = "Not all of the container may be read", body = ErrorBody),
        (status = 404, description = "No such Collection, or no token for it", body = ErrorBody),
        (status = 429, description = "Too many requests; see Retry-After", body = ErrorBody),
    ))]
pub(super) async fn token_of_collection(
    State(app): State<App>,
    client: Client,
    Path(collection): Path<String>,
) -> Result<Unstored<SasToken>, ApiError> {
    app.sign_rate.take(client)?;
    let token = app.signer.token_of_collection(app.backend.as_ref(), &collection).await?;
    Ok((UNSTORED, Json(SasToken { expiry: expiry(token.expires), token: token.token })))
}

/// A token for a container.
#[utoipa::path(get, path = "/sas/v1/token/{account}/{container}", tag = "Signing",
    params(
        ("account" = String, Path, description = "Azure storage account"),
        ("container" = String, Path, description = "Container in it"),
    ),
    responses(
        (status = 200, description = "A token that opens the container for reading", body = SasToken),
        (status = 403, description = "Not all of the container may be read", body = ErrorBody),
        (status = 404, description = "The server has nothing to sign it with", body = ErrorBody),
        (status = 429, description = "Too many requests; see Retry-After", body = ErrorBody),
    ))]
pub(super) async fn token_of_container(
    State(app): State<App>,
    client: Client,
    Path((account, container)): Path<(String, String)>,
) -> Result<Unstored<SasToken>, ApiError> {
    app.sign_rate.take(client)?;
    let token = app.signer.token_of_container(&account, &container).await?;
    Ok((UNSTORED, Json(SasToken { expiry: expiry(token.expires), token: token.token })))
}

fn expiry(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
