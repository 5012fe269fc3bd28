//! `/patch` and `/patch/random`.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::described::{PatchPlace, RandomPlaces, Selection, Series};
use super::error::{ApiError, ErrorBody};
use super::params::{WholeBody, from_query};
use super::sending::whole;
use super::state::App;
use crate::patch::{Batch, Format, RandomRequest, Request, encode};
use crate::pool::Client;
use crate::search::Params;

/// One patch time series: an array (time, bands, rows, columns).
#[utoipa::path(get, path = "/patch", tag = "Patches",
    params(PatchPlace, Series, Selection),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 403, description = "A source lies outside the places that the server may read", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
        (status = 503, description = "Too many answers are being made: ask again after `Retry-After`", body = ErrorBody),
        (status = 504, description = "A source does not answer", body = ErrorBody),
    ))]
pub(super) async fn patch_get(
    State(app): State<App>,
    client: Client,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    patch(&app, client, &Request::read(from_query(query.as_deref())?)?).await
}

/// One patch time series: an array (time, bands, rows, columns).
#[utoipa::path(post, path = "/patch", tag = "Patches",
    request_body(content = Value, description = "The parameters of the GET form; lists are arrays", content_type = "application/json",
        example = json!({"collections": ["sentinel-2-l2a"], "bands": ["B04", "B08"], "center": [23.37, 61.25], "size": 256, "max_cloud_cover": 50})),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 403, description = "A source lies outside the places that the server may read", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
        (status = 503, description = "Too many answers are being made: ask again after `Retry-After`", body = ErrorBody),
        (status = 504, description = "A source does not answer", body = ErrorBody),
    ))]
pub(super) async fn patch_post(
    State(app): State<App>,
    client: Client,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let read = |body: &[u8]| -> Result<_, ApiError> { Ok(Request::read(Params::from_lenient_body(body)?)?) };
    let request = app.understand(body, read).await?;
    patch(&app, client, &request).await
}

/// A batch of random patch time series: an array (samples, time, bands, rows, columns).
#[utoipa::path(get, path = "/patch/random", tag = "Patches",
    params(RandomPlaces, Series, Selection),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used, or no raster has room", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
        (status = 503, description = "Too many answers are being made: ask again after `Retry-After`", body = ErrorBody),
        (status = 504, description = "A source does not answer", body = ErrorBody),
    ))]
pub(super) async fn random_get(
    State(app): State<App>,
    client: Client,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    random(&app, client, &RandomRequest::read(from_query(query.as_deref())?)?).await
}

/// A batch of random patch time series: an array (samples, time, bands, rows, columns).
#[utoipa::path(post, path = "/patch/random", tag = "Patches",
    request_body(content = Value, description = "The parameters of the GET form; lists are arrays", content_type = "application/json",
        example = json!({"collections": ["sentinel-2-l2a"], "bands": ["B04", "B08"], "size": 64, "seed": 7, "count": 4, "timestamps": 6})),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used, or no raster has room", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 429, description = "Too many requests of this client wait already: ask again after `Retry-After`", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
        (status = 503, description = "Too many answers are being made: ask again after `Retry-After`", body = ErrorBody),
        (status = 504, description = "A source does not answer", body = ErrorBody),
    ))]
pub(super) async fn random_post(
    State(app): State<App>,
    client: Client,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let read =
        |body: &[u8]| -> Result<_, ApiError> { Ok(RandomRequest::read(Params::from_lenient_body(body)?)?) };
    let request = app.understand(body, read).await?;
    random(&app, client, &request).await
}

async fn patch(app: &App, client: Client, request: &Request) -> Result<Response, ApiError> {
    let batch = app.engine.patch(request, client).await?;
    answer(app, batch, request.series.format).await
}

async fn random(app: &App, client: Client, request: &RandomRequest) -> Result<Response, ApiError> {
    let batch = app.engine.random(request, client).await?;
    answer(app, batch, request.series.format).await
}

async fn answer(app: &App, batch: Batch, format: Format) -> Result<Response, ApiError> {
    let (encoded, held) = app.pool.run(move || (encode(&batch, format), batch.held)).await;
    let encoded = encoded?;
    let length: usize = encoded.pieces.iter().map(bytes::Bytes::len).sum();
    let mut response = whole(encoded.pieces, held).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(encoded.content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    for (name, value) in encoded.headers {
        // Numbers, codes and percent-encoded ids: always a header's value.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    Ok(response)
}
