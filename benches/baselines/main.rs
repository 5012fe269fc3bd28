//! What patches are compared with in `benches/patch_ratios.py`: three programs in one.
//!
//! * `baselines limit`: reads a line of JSON at a time, `{"patches": [[{"file": …, "plane": 0, "window": [col, row, width,
//!   height]}, …], …]}`, and answers `{"seconds": …, "stored": …}`: what both cores need to inflate and unfilter exactly the
//!   blocks that these windows touch, all of each, one patch after the other, files in memory, and nothing else; and the bytes that they take in their files.
//! * `baselines bare BYTES`: a bare axum handler that sends so many bytes from memory.
//! * `baselines store FOLDER MILLISECONDS`: a store that answers each request so much later, ranges and `If-Match` included.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

mod limit;
mod store;

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["limit"] => limit::run(),
        ["bare", bytes] => {
            let body = Bytes::from(vec![1; bytes.parse().unwrap()]);
            serve(Router::new().route("/", get(move || async move { body })));
        }
        ["store", folder, latency] => {
            let latency = Duration::from_millis(latency.parse().unwrap());
            serve(store::router(folder.into(), latency));
        }
        _ => println!("usage: baselines limit | bare BYTES | store FOLDER MILLISECONDS"),
    }
}

/// Serves until it is killed; says where on standard output.
fn serve(app: Router) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("listening on http://{}", listener.local_addr().unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}
