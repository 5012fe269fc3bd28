//! For those who run the server: is it alive, is it ready, what does it do.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::{ApiError, ErrorBody};
use super::state::App;
use crate::search::Search;

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "Alive", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The catalogue answers: runs a real search.
#[utoipa::path(get, path = "/readyz", tag = "Operations", responses(
    (status = 200, description = "Ready", body = String),
    (status = 503, description = "The catalogue cannot answer", body = ErrorBody),
))]
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, ApiError> {
    let search = Search { limit: 1, ..Search::default() };
    match app.backend.page(&search).await {
        Ok(_) => Ok("ready\n"),
        Err(error) => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "NotReady", error.to_string())),
    }
}

/// Counters and histograms in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses(
    (status = 200, description = "Metrics", body = String, content_type = "text/plain"),
))]
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    let items = app.backend.about().await?.items;
    let (store, blocks, answers) = (app.engine.store(), app.engine.blocks(), app.engine.answers());
    for (name, value) in [
        ("cairn_items", items),
        ("cairn_block_cache_bytes", blocks.kept_bytes()),
        ("cairn_answer_bytes_held", answers.held_bytes()),
        ("cairn_answers_waiting", answers.waiting()),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!(name).set(value as f64);
    }
    metrics::counter!("cairn_block_cache_hits_total").absolute(blocks.hits());
    metrics::counter!("cairn_block_cache_misses_total").absolute(blocks.misses());
    metrics::counter!("cairn_answers_refused_total").absolute(answers.refused());
    for (name, of) in store.by_kind() {
        metrics::counter!("cairn_store_requests_total", "store" => name).absolute(of.requests());
        metrics::counter!("cairn_store_bytes_total", "store" => name).absolute(of.bytes());
        metrics::counter!("cairn_store_retries_total", "store" => name).absolute(of.retries());
        metrics::counter!("cairn_store_errors_total", "store" => name).absolute(of.errors());
    }
    let text = app.settings.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text.unwrap_or_default()).into_response())
}
