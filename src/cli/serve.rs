//! `cairn serve`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::serve::ListenerExt;
use clap::Args;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config::{Config, ServeOptions};
use super::logs;
use crate::api::{self, App, Settings};
use crate::asset::Proxy;
use crate::catalog::{Catalog, LoadReport, Source};
use crate::cog::Headers;
use crate::patch::Engine;
use crate::pool::Pool;
use crate::search::{Backend, Memory};
use crate::storage::{Location, Places, Storage};

/// How long requests may take to end after SIGTERM.
const DRAIN: Duration = Duration::from_secs(10);

/// Problems of a catalogue that are logged one by one.
const PROBLEMS_SHOWN: usize = 100;

/// Arguments of `cairn serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Static catalogs or collections (walked through their links), ItemCollections, .ndjson, or - for ndjson on standard
    /// input; several make one catalogue
    #[arg(required = true, value_name = "CATALOG")]
    catalogs: Vec<String>,

    #[command(flatten)]
    options: ServeOptions,
}

/// Runs `cairn serve`.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.options.check()?;
    logs::start(config.log_format, config.quiet);
    let runtime = super::runtime()?;
    let ended = runtime.block_on(serve(&args.catalogs, config, |_| {}));
    // A disk that hangs holds its thread: nobody waits for that.
    runtime.shutdown_background();
    ended
}

/// Loads, listens, serves until told to stop. `ready` runs once the server listens, with its address.
pub(super) async fn serve(
    catalogs: &[String],
    config: Config,
    ready: impl FnOnce(&str) + Send,
) -> anyhow::Result<()> {
    for name in &config.without_effect {
        tracing::warn!("--{name} has no effect in this version");
    }
    let (storage, pool) = (Storage::default(), Pool::new()?);
    let sources = catalogs.iter().map(|text| Source::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let (catalog, report) = Catalog::load(sources, storage.clone(), pool.clone()).await?;
    tell(&report);
    let catalog = Arc::new(catalog);
    let places = Places::new(catalog.folders().into_iter().chain(config.allow.clone()).collect());
    tell_outside(&catalog, &places);

    let backend: Arc<dyn Backend> = Arc::new(Memory::new(Arc::clone(&catalog), pool.clone()));
    let headers = Headers::new(storage.clone());
    let engine =
        Engine::new(Arc::clone(&backend), headers, places.clone(), pool.clone(), config.max_patch_bytes);
    let settings = Settings {
        public_url: config.public_url.clone(),
        asset_hrefs: config.asset_hrefs,
        metrics: Some(PrometheusBuilder::new().install_recorder().context("cannot start the metrics")?),
    };
    let app = api::app(App {
        backend,
        engine,
        proxy: Proxy::new(storage, places),
        pool,
        settings: Arc::new(settings),
    });

    let listener =
        TcpListener::bind(config.bind).await.with_context(|| format!("cannot listen on {}", config.bind))?;
    let address = format!("http://{}", listener.local_addr()?);
    // Whoever waits for the line may send a signal at once: it must find its handler.
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(keep_fresh(catalog, config.refresh, signal(SignalKind::hangup())?));
    announce(&address);
    ready(&address);
    let stop = Arc::new(tokio::sync::Notify::new());
    let stopped = Arc::clone(&stop);
    // A small answer must not wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("cannot send small packets at once: {error}");
        }
    });
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        until_one_of(terminate, interrupt).await;
        tracing::info!("stopping: answers under way may take {} s more", DRAIN.as_secs());
        stopped.notify_one();
    });
    tokio::select! {
        ended = async { serving.await } => ended.context("the server ended")?,
        () = async { stop.notified().await; tokio::time::sleep(DRAIN).await } => {
            tracing::warn!("stopped with answers still under way");
        }
    }
    Ok(())
}

/// The one line that says where the server is.
#[expect(clippy::print_stdout, reason = "what starts the server waits for this line")]
fn announce(address: &str) {
    println!("listening on {address}");
}

async fn until_one_of(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Loads the catalogue again on SIGHUP, and when one of its documents has changed.
async fn keep_fresh(catalog: Arc<Catalog>, every: Option<Duration>, mut hangup: Signal) {
    let mut pause = every;
    loop {
        let asked = tokio::select! {
            heard = hangup.recv() => heard.is_some(),
            () = wait(pause) => false,
        };
        let start = Instant::now();
        let changed = asked || catalog.has_changed().await;
        // Looking at a large tree takes long: it may not take more than a twentieth of the time.
        pause = every.map(|every| every.max(start.elapsed() * 20));
        if !changed {
            continue;
        }
        match catalog.reload().await {
            Ok(report) => tell(&report),
            Err(error) => {
                tracing::error!("the catalogue stays as it was: {:#}", anyhow::Error::from(error));
            }
        }
    }
}

async fn wait(every: Option<Duration>) {
    match every {
        Some(every) => tokio::time::sleep(every).await,
        None => std::future::pending().await,
    }
}

fn tell(report: &LoadReport) {
    for (count, problem) in report.problems.iter().enumerate() {
        if count == PROBLEMS_SHOWN {
            tracing::warn!("… and {} more left out", report.problems.len() - count);
            break;
        }
        tracing::warn!(location = %problem.location, "left out: {}", problem.reason);
    }
    for warning in report.warnings.iter().take(PROBLEMS_SHOWN) {
        tracing::warn!(location = %warning.location, "{}", warning.reason);
    }
    tracing::info!(
        items = report.items,
        collections = report.collections,
        left_out = report.problems.len(),
        "the catalogue is loaded"
    );
}

/// Counts the assets that may not be read, and says what would admit them.
fn tell_outside(catalog: &Catalog, places: &Places) {
    let (count, folder) = catalog.assets_outside(places);
    if count == 0 {
        return;
    }
    let remedy = match folder {
        Some(folder) if folder.as_path() == Some(Path::new("/")) => {
            "they lie all over the disk; admit their folders with --allow".to_owned()
        }
        Some(folder) => format!("admit those on this disk with --allow {}", quoted(&folder)),
        None => "they lie in stores that this version does not read".to_owned(),
    };
    tracing::warn!("{count} assets lie outside the places that may be read: {remedy}");
}

/// A location as an argument of a shell.
pub(super) fn quoted(location: &Location) -> String {
    quoted_text(&location.to_string())
}

/// A text as an argument of a shell.
pub(super) fn quoted_text(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%=,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
