//! The bare server: pages of Items without a search.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt;
use serde::Serialize;
use serde_json::Value;

use crate::sentinel2::Generator;

/// First argument of the process that is this server; the second is the number of Items.
pub(crate) const ARGUMENT: &str = "--baseline";

/// Items kept as bytes, at most: 1.5 GB.
const SPLICED: u64 = 100_000;
/// Items kept as values, at most: these take six times as much.
const SERIALISED: usize = 5000;

struct Items {
    bytes: Vec<Vec<u8>>,
    values: Vec<Value>,
    asked: AtomicUsize,
}

#[derive(Serialize)]
struct FeatureCollection<'a> {
    r#type: &'static str,
    features: Vec<&'a Value>,
    links: [(); 0],
}

impl Items {
    /// Numbers that look like random ones, others with every question.
    fn picks(&self, count: usize, of: usize) -> impl Iterator<Item = usize> {
        let first = self.asked.fetch_add(count, Ordering::Relaxed);
        // A large odd factor scatters neighbours.
        (first..first + count).map(move |nth| (nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) % of)
    }
}

/// Serves until it is killed; says where on standard output.
pub(crate) fn serve(generator: &Generator, count: u64) -> anyhow::Result<()> {
    let bytes: Vec<Vec<u8>> = (0..count.min(SPLICED))
        .map(|index| {
            let mut item = Vec::with_capacity(16_384);
            generator.write_item(index, &mut item);
            item
        })
        .collect();
    let values =
        bytes.iter().take(SERIALISED).map(|item| serde_json::from_slice(item)).collect::<Result<_, _>>()?;
    let items = Arc::new(Items { bytes, values, asked: AtomicUsize::new(0) });
    let app = Router::new()
        .route("/spliced/{count}", get(spliced))
        .route("/serialised/{count}", get(serialised))
        .with_state(items);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let mut out = std::io::stdout();
        writeln!(out, "listening on http://{}", listener.local_addr()?)?;
        out.flush()?;
        let listener = listener.tap_io(|stream| {
            // A stream without it is only slower.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, app).await?)
    })
}

async fn spliced(State(items): State<Arc<Items>>, Path(count): Path<usize>) -> impl IntoResponse {
    let page: Vec<&[u8]> =
        items.picks(count, items.bytes.len()).map(|pick| items.bytes[pick].as_slice()).collect();
    let size: usize = page.iter().map(|item| item.len() + 1).sum();
    let mut body = Vec::with_capacity(size + 64);
    body.extend_from_slice(br#"{"type":"FeatureCollection","features":["#);
    for (nth, item) in page.into_iter().enumerate() {
        if nth > 0 {
            body.push(b',');
        }
        body.extend_from_slice(item);
    }
    body.extend_from_slice(br#"],"links":[]}"#);
    ([(CONTENT_TYPE, "application/geo+json")], body)
}

async fn serialised(State(items): State<Arc<Items>>, Path(count): Path<usize>) -> impl IntoResponse {
    let features = items.picks(count, items.values.len()).map(|pick| &items.values[pick]).collect();
    let page = FeatureCollection { r#type: "FeatureCollection", features, links: [] };
    // Values always serialise.
    let body = serde_json::to_vec(&page).unwrap_or_default();
    ([(CONTENT_TYPE, "application/geo+json")], body)
}
