//! A store that takes its time: files of a folder, each answer so much later.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

#[derive(Clone)]
struct Store {
    folder: PathBuf,
    latency: Duration,
    requests: Arc<AtomicU64>,
}

pub(crate) fn router(folder: PathBuf, latency: Duration) -> Router {
    let store = Store { folder, latency, requests: Arc::default() };
    Router::new().route("/requests", get(count)).route("/{*path}", get(object)).with_state(store)
}

async fn count(State(store): State<Store>) -> String {
    store.requests.load(Ordering::Relaxed).to_string()
}

async fn object(
    State(store): State<Store>,
    method: Method,
    Path(path): Path<String>,
    asked: HeaderMap,
) -> Response {
    store.requests.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(store.latency).await;
    let Ok(file) = std::fs::File::open(store.folder.join(path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let metadata = file.metadata().unwrap();
    let len = metadata.len();
    let modified: chrono::DateTime<chrono::Utc> = metadata.modified().unwrap().into();
    let text = |name| asked.get(name).and_then(|value| value.to_str().ok());
    let range = text(header::RANGE).and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        let from: u64 = from.parse().ok()?;
        Some(from..to.parse::<u64>().map_or(len, |to| (to + 1).min(len)))
    });
    let range_or_all = range.clone().unwrap_or(0..len);
    let shared = [
        (header::ETAG, format!("\"{len}-{}\"", modified.timestamp_micros())),
        (header::LAST_MODIFIED, modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    if method == Method::HEAD {
        return (shared, [(header::CONTENT_LENGTH, len.to_string())]).into_response();
    }
    let mut body = vec![0; usize::try_from(range_or_all.end - range_or_all.start).unwrap()];
    file.read_exact_at(&mut body, range_or_all.start).unwrap();
    match range {
        Some(range) => {
            let place = format!("bytes {}-{}/{len}", range.start, range.end - 1);
            (StatusCode::PARTIAL_CONTENT, shared, [(header::CONTENT_RANGE, place)], body).into_response()
        }
        None => (shared, body).into_response(),
    }
}
