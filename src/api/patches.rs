//! `/patch` and `/patch/random`.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;

use super::error::{ApiError, ErrorBody};
use super::params::{WholeBody, from_query};
use super::state::App;
use crate::patch::{Batch, Format, RandomRequest, Request, encode};
use crate::search::Params;

/// One patch time series: an array (time, bands, rows, columns).
#[utoipa::path(get, path = "/patch", tag = "Patches",
    params(
        ("collections" = String, Query, description = "Ids of Collections, comma-separated", example = "sentinel-2-l2a"),
        ("bands" = Option<String>, Query, description = "Bands in the order of the array; by default all data bands of the finest resolution", example = "B04,B08"),
        ("bbox" = Option<String>, Query, description = "west,south,east,north: the smallest window on the grid that covers it"),
        ("center" = Option<String>, Query, description = "lon,lat of the middle, with size"),
        ("size" = Option<String>, Query, description = "height,width in pixels, or one number for both", example = "256"),
        ("datetime" = Option<String>, Query, description = "RFC 3339 instant, or start/end with .. for an open end"),
        ("ids" = Option<String>, Query, description = "Ids of Items, comma-separated"),
        ("max_cloud_cover" = Option<f64>, Query, description = "Upper bound of eo:cloud_cover in percent"),
        ("crs" = Option<String>, Query, description = "EPSG:n; this version answers in the sources' own"),
        ("resolution" = Option<f64>, Query, description = "Pixel size in units of crs; this version answers in the finest of the bands"),
        ("resampling" = Option<String>, Query, description = "nearest"),
        ("group_by" = Option<String>, Query, description = "solar_day (default) or item"),
        ("mask" = Option<String>, Query, description = "BAND:v1,v2,…: pixels whose BAND has one of these values become nodata", example = "SCL:3,8,9,10"),
        ("min_valid" = Option<f64>, Query, description = "0 to 1: drop time steps with a smaller share of valid pixels"),
        ("timestamps" = Option<u32>, Query, description = "Exactly so many time steps"),
        ("dtype" = Option<String>, Query, description = "native (default), float32 (scale and offset applied, NaN for nodata), or a NumPy name"),
        ("format" = Option<String>, Query, description = "npy (default), npz or json"),
        ("on_error" = Option<String>, Query, description = "fail (default) or drop the time steps that cannot be read"),
    ),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 403, description = "A source lies outside the places that the server may read", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
    ))]
pub(super) async fn patch_get(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    patch(&app, from_query(query.as_deref())?).await
}

/// One patch time series: an array (time, bands, rows, columns).
#[utoipa::path(post, path = "/patch", tag = "Patches",
    request_body(content = Value, description = "The parameters of the GET form; lists are arrays", content_type = "application/json"),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 403, description = "A source lies outside the places that the server may read", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
    ))]
pub(super) async fn patch_post(
    State(app): State<App>,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    patch(&app, Params::from_lenient_body(&body)?).await
}

/// A batch of random patch time series: an array (samples, time, bands, rows, columns).
#[utoipa::path(get, path = "/patch/random", tag = "Patches",
    params(
        ("collections" = String, Query, description = "Ids of Collections, comma-separated", example = "sentinel-2-l2a"),
        ("bands" = Option<String>, Query, description = "Bands in the order of the array", example = "B04,B08"),
        ("size" = String, Query, description = "height,width in pixels, or one number for both", example = "128"),
        ("seed" = Option<u64>, Query, description = "Fixes the sequence of samples (0)"),
        ("index" = Option<u64>, Query, description = "First sample of the sequence (0)"),
        ("count" = Option<u32>, Query, description = "Number of samples (1); more than one needs timestamps"),
        ("timestamps" = Option<u32>, Query, description = "Exactly so many time steps", example = "6"),
        ("within" = Option<String>, Query, description = "west,south,east,north that bounds the middles"),
        ("datetime" = Option<String>, Query, description = "RFC 3339 instant, or start/end with .. for an open end"),
        ("max_cloud_cover" = Option<f64>, Query, description = "Upper bound of eo:cloud_cover in percent"),
        ("format" = Option<String>, Query, description = "npy (default), npz or json"),
    ),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used, or no raster has room", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
    ))]
pub(super) async fn random_get(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    random(&app, from_query(query.as_deref())?).await
}

/// A batch of random patch time series: an array (samples, time, bands, rows, columns).
#[utoipa::path(post, path = "/patch/random", tag = "Patches",
    request_body(content = Value, description = "The parameters of the GET form; lists are arrays", content_type = "application/json"),
    responses(
        (status = 200, description = "The array", content_type = "application/x-npy"),
        (status = 400, description = "A parameter cannot be used, or no raster has room", body = ErrorBody),
        (status = 413, description = "The answer would be too large", body = ErrorBody),
        (status = 502, description = "A source cannot be read", body = ErrorBody),
    ))]
pub(super) async fn random_post(
    State(app): State<App>,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    random(&app, Params::from_lenient_body(&body)?).await
}

async fn patch(app: &App, params: Params) -> Result<Response, ApiError> {
    let request = Request::read(params)?;
    let batch = app.engine.patch(&request).await?;
    Ok(answer(app, batch, request.series.format).await)
}

async fn random(app: &App, params: Params) -> Result<Response, ApiError> {
    let request = RandomRequest::read(params)?;
    let batch = app.engine.random(&request).await?;
    Ok(answer(app, batch, request.series.format).await)
}

async fn answer(app: &App, batch: Batch, format: Format) -> Response {
    let encoded = app.pool.run(move || encode(&batch, format)).await;
    let length: usize = encoded.pieces.iter().map(bytes::Bytes::len).sum();
    let pieces = encoded.pieces.into_iter().map(Ok::<_, std::convert::Infallible>);
    let mut response = Body::from_stream(stream::iter(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(encoded.content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    for (name, value) in encoded.headers {
        // Numbers, codes and percent-encoded ids: always a header's value.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
