//! For those who run the server: is it alive, is it ready, what does it do.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::{counter, gauge};

use super::error::{ApiError, ErrorBody};
use super::process;
use super::state::App;
use crate::search::{Search, SearchError};

/// How long a server that is ready may take to say so.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "Operations", responses((status = 200, description = "Alive", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The catalogue answers: runs a real search, and has its threads do something.
#[utoipa::path(get, path = "/readyz", tag = "Operations", responses(
    (status = 200, description = "Ready", body = String),
    (status = 503, description = "The catalogue cannot answer", body = ErrorBody),
))]
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, ApiError> {
    let search = Search { limit: 1, ..Search::default() };
    let works = async {
        app.backend.page(&search).await?;
        app.pool.search(|| ()).await;
        Ok::<_, SearchError>(())
    };
    let reason = match tokio::time::timeout(PATIENCE, works).await {
        Ok(Ok(())) => return Ok("ready\n"),
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => format!("a search took more than {} s", PATIENCE.as_secs()),
    };
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "NotReady", reason))
}

/// Counters and histograms in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "Operations", responses(
    (status = 200, description = "Metrics", body = String, content_type = "text/plain"),
))]
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    let blocks = app.engine.blocks();
    set("cairn_items", app.backend.about().await?.items);
    set("cairn_block_cache_bytes", blocks.kept_bytes());
    let headers = app.engine.headers();
    set("cairn_header_cache_bytes", headers.kept_bytes().await);
    counter!("cairn_header_cache_hits_total").absolute(headers.hits());
    counter!("cairn_header_cache_misses_total").absolute(headers.misses());
    counter!("cairn_block_cache_hits_total").absolute(blocks.hits());
    counter!("cairn_block_cache_misses_total").absolute(blocks.misses());
    gauge!("cairn_decode_seconds_total").set(blocks.decoding().as_secs_f64());
    let [searches, others] = app.pool.waiting();
    for (work, waiting) in [("search", searches), ("other", others)] {
        number(&gauge!("cairn_pool_waiting", "work" => work), waiting);
    }
    for (queue, gate) in [
        ("search", &app.gates.searches),
        ("patch", app.engine.answers()),
        ("asset", &app.gates.transfers),
        ("body", &app.gates.bodies),
    ] {
        number(&gauge!("cairn_queue_bytes", "queue" => queue), gate.held_bytes());
        number(&gauge!("cairn_queue_waiting", "queue" => queue), gate.waiting());
        counter!("cairn_queue_refused_total", "queue" => queue).absolute(gate.refused());
    }
    let disk = headers.storage().disk_cache();
    let [bytes, files, queued_bytes] =
        disk.map_or([0; 3], |disk| [disk.kept_bytes(), disk.kept_files(), disk.queued_bytes()]);
    set("cairn_disk_cache_bytes", bytes);
    set("cairn_disk_cache_files", files);
    set("cairn_disk_cache_queued_bytes", queued_bytes);
    let [hits, hit_bytes, misses, dropped, errors] = disk
        .map_or([0; 5], |disk| [disk.hits(), disk.hit_bytes(), disk.misses(), disk.dropped(), disk.errors()]);
    counter!("cairn_disk_cache_hits_total").absolute(hits);
    counter!("cairn_disk_cache_hit_bytes_total").absolute(hit_bytes);
    counter!("cairn_disk_cache_misses_total").absolute(misses);
    counter!("cairn_disk_cache_dropped_total").absolute(dropped);
    counter!("cairn_disk_cache_errors_total").absolute(errors);
    for (name, of) in app.engine.store().by_kind() {
        counter!("cairn_store_requests_total", "store" => name).absolute(of.requests());
        counter!("cairn_store_bytes_total", "store" => name).absolute(of.bytes());
        counter!("cairn_store_retries_total", "store" => name).absolute(of.retries());
        counter!("cairn_store_errors_total", "store" => name).absolute(of.errors());
    }
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    set("cairn_tasks", tasks as u64);
    for (name, value) in process::figures() {
        set(name, value);
    }
    let text = app.settings.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text.unwrap_or_default()).into_response())
}

fn set(name: &'static str, value: u64) {
    number(&gauge!(name), value);
}

#[expect(clippy::cast_precision_loss, reason = "a gauge")]
fn number(gauge: &metrics::Gauge, value: u64) {
    gauge.set(value as f64);
}
