//! Keeping what is served as it is in its place: looks for changes, reloads, snapshots for the next start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::Signal;

use super::loaded::tell;
use crate::catalog::Catalog;

/// When a catalogue in a store that was started from its snapshot is compared with its documents.
const FIRST_LOOK_AT_STORE: Duration = Duration::from_secs(10);

/// Keeps the catalogue as its documents are, and its snapshot on disk as the catalogue is.
pub(super) struct Keeper {
    pub(super) catalog: Arc<Catalog>,
    /// The folder that snapshots are kept in.
    pub(super) cache: Option<PathBuf>,
    /// The pause between two looks.
    pub(super) every: Option<Duration>,
    pub(super) is_remote: bool,
}

impl Keeper {
    /// Reads what changed on SIGHUP, and when one of the documents has changed. A catalogue that `is_stored` came from a
    /// snapshot, which may be older than its documents: it is compared at once; with a store, once the first requests for
    /// patches are through.
    pub(super) async fn keep_fresh(self, mut hangup: Signal, is_stored: bool) {
        let first_look = if self.is_remote { FIRST_LOOK_AT_STORE } else { Duration::ZERO };
        let mut pause = if is_stored { Some(first_look) } else { self.every };
        // A snapshot from beside the tree may be of another place: what was found out about the documents here is kept.
        let mut is_first = is_stored;
        if !is_stored {
            self.record();
            self.store().await;
        }
        loop {
            let asked = tokio::select! {
                heard = hangup.recv() => heard.is_some(),
                () = wait(pause) => false,
            };
            let start = Instant::now();
            if !asked && !self.catalog.has_changed().await {
                self.record();
            } else {
                match self.catalog.reload().await {
                    Ok(report) => {
                        tell(&report);
                        self.record();
                        let changed = report.fresh + report.gone + report.taken_in > 0;
                        if changed || std::mem::take(&mut is_first) {
                            self.store().await;
                        }
                    }
                    Err(error) => {
                        tracing::error!("the catalogue stays as it was: {:#}", anyhow::Error::from(error));
                    }
                }
            }
            // Looking at a large tree takes long: it may not take more than a twentieth of the time.
            pause = self.every.map(|every| every.max(start.elapsed() * 20));
        }
    }

    /// For `/metrics`: the catalogue is as its documents are now, and weighs this much.
    fn record(&self) {
        let weight = self.catalog.snapshot().weight();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        metrics::gauge!("cairn_snapshot_timestamp_seconds").set(now.as_secs_f64());
        for (of, bytes) in [
            ("columns", weight.columns),
            ("trees", weight.trees),
            ("shapes", weight.shapes),
            ("documents", weight.bodies),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!("cairn_snapshot_bytes", "of" => of).set(bytes as f64);
        }
    }

    /// Writes the snapshot for the next start.
    async fn store(&self) {
        let Some(folder) = self.cache.clone() else { return };
        let catalog = Arc::clone(&self.catalog);
        let at = folder.clone();
        match tokio::task::spawn_blocking(move || catalog.store_in(&at)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!("cannot keep a snapshot in {}: {error}", folder.display()),
            Err(error) => tracing::warn!("cannot keep a snapshot in {}: {error}", folder.display()),
        }
    }
}

async fn wait(every: Option<Duration>) {
    match every {
        Some(every) => tokio::time::sleep(every).await,
        None => std::future::pending().await,
    }
}
