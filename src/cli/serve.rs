//! `cairn serve`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config::{Config, ServeOptions};
use super::keeper::Keeper;
use super::loaded::{tell, tell_outside};
use super::logs;
use crate::api::{self, App, Door, Gates, Parts, Settings, Writing};
use crate::asset::{Proxy, Rate, Signer};
use crate::catalog::{Catalog, Source};
use crate::cog::Headers;
use crate::patch::Engine;
use crate::pool::Pool;
use crate::search::{Backend, Memory};
use crate::storage::{DiskCache, Storage};
use crate::tree::{Mirror, Problem, Writer};

/// How often headers of rasters that were opened since are written down.
const HEADERS_SAVED_EVERY: Duration = Duration::from_secs(10);

/// Descriptors for all but connections: files, connections to stores.
const OTHER_DESCRIPTORS: usize = 512;

/// Bounds of the buckets that latencies are counted in, in seconds.
const LATENCIES: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0];

/// Arguments of `cairn serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Static catalogs or collections (walked through their links), ItemCollections, .ndjson, .parquet (stac-geoparquet), or
    /// - for ndjson on standard input; several make one catalogue
    #[arg(required = true, value_name = "CATALOG")]
    catalogs: Vec<String>,

    #[command(flatten)]
    options: ServeOptions,

    /// Read the settings and the catalogue, say what is wrong with them, and end: with 0 when nothing is
    #[arg(long)]
    check: bool,
}

/// Runs `cairn serve`.
pub(super) fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.options.check()?;
    logs::start(config.log_format, config.quiet);
    let runtime = super::runtime()?;
    let ended = runtime.block_on(async {
        if args.check {
            check(&args.catalogs, config).await
        } else {
            serve(&args.catalogs, config, |_| {}).await
        }
    });
    // A disk that hangs holds its thread: nobody waits for that.
    runtime.shutdown_background();
    ended
}

/// Reads the catalogue from its documents, and says what is wrong with it.
async fn check(catalogs: &[String], config: Config) -> anyhow::Result<()> {
    let storage = Storage::new(config.stores);
    let sources = catalogs.iter().map(|text| Source::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let (catalog, report) = Catalog::read(sources, storage, Pool::new()?, config.allow).await?;
    tell(&report);
    tell_outside(&catalog, &catalog.places())?;
    let count = report.problems.len();
    anyhow::ensure!(
        count == 0,
        "{count} documents or Items of the catalogue cannot be served; they are named above"
    );
    Ok(())
}

/// Loads, listens, serves until told to stop. `ready` runs once the server listens, with its address.
pub(super) async fn serve(
    catalogs: &[String],
    config: Config,
    ready: impl FnOnce(&str) + Send,
) -> anyhow::Result<()> {
    let (mut storage, pool) = (Storage::new(config.stores.clone()), Pool::new()?);
    if let Some((folder, limit_bytes)) = config.ranges {
        storage = storage.with_disk_cache(DiskCache::new(folder, limit_bytes));
    }
    let sources = catalogs.iter().map(|text| Source::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let is_remote = sources.iter().any(Source::is_remote);
    let start = Instant::now();
    let (catalog, started) =
        Catalog::open(sources, storage.clone(), pool.clone(), config.cache_dir.as_deref(), config.allow)
            .await?;
    for (location, error) in &started.refused {
        let reason = Problem::of(location.clone(), error).reason;
        tracing::warn!("the snapshot {location} is not used: {reason}");
    }
    let is_stored = started.from.is_some();
    match &started.from {
        Some(location) => tracing::info!(
            items = catalog.snapshot().len(),
            seconds = start.elapsed().as_secs_f32(),
            "the catalogue is loaded from its snapshot {location}"
        ),
        None => tell(&started.report),
    }
    if is_stored && config.tokens.are_given() {
        // What this server acknowledged before it ended may be younger than the snapshot.
        tell(&catalog.reload().await?);
    }
    let catalog = Arc::new(catalog);
    let places = catalog.places();
    tell_outside(&catalog, &places)?;

    let backend: Arc<dyn Backend> = Arc::new(Memory::new(Arc::clone(&catalog), pool.clone()));
    let headers = Headers::new(storage.clone());
    let known = KnownRasters::new(headers.clone(), config.cache_dir.as_deref());
    known.restore().await;
    let engine = Engine::new(Arc::clone(&backend), headers, places.clone(), pool.clone(), config.limits);
    let settings = Settings {
        public_url: config.public_url.clone(),
        asset_hrefs: config.asset_hrefs,
        tokens: config.tokens.clone(),
        origins: config.origins.clone(),
        trusted: config.trusted.clone(),
        metrics: Some(recorder().context("cannot start the metrics")?),
    };
    let proxy = Proxy::new(storage.clone(), places.clone());
    let signer = Signer::new(storage.clone(), places);
    let trees = catalog.trees();
    let mirror: Arc<dyn Mirror> = Arc::clone(&catalog) as Arc<dyn Mirror>;
    let writer = (!trees.is_empty()).then(|| Writer::new(storage, pool.clone(), trees, mirror));
    if let Some(writer) = writer.clone().filter(|_| config.tokens.are_given()) {
        let finished = writer.recover().await;
        if finished > 0 {
            tracing::info!(finished, "writes that a server left unfinished are brought to their end");
        }
        tokio::spawn(writer.keep());
    }
    let writing = Writing::new(writer);
    let app = api::app(App::new(Parts {
        backend,
        engine,
        proxy,
        signer,
        sign_rate: Rate::default(),
        writing,
        pool,
        gates: Gates::default(),
        settings,
    }));

    let listener =
        TcpListener::bind(config.bind).await.with_context(|| format!("cannot listen on {}", config.bind))?;
    let address = format!("http://{}", listener.local_addr()?);
    // Whoever waits for the line may send a signal at once: it must find its handler.
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let every = config.refresh.pause(is_remote);
    let keeper = Keeper { catalog, cache: config.cache_dir.clone(), every, is_remote };
    tokio::spawn(keeper.keep_fresh(signal(SignalKind::hangup())?, is_stored));
    tokio::spawn(known.clone().keep());
    announce(&address);
    ready(&address);
    let drain = config.drain;
    let stop = async move {
        until_one_of(terminate, interrupt).await;
        tracing::info!("stopping: answers under way may take {} s more", drain.as_secs());
    };
    let door = Door::new(listener, config.trusted, connections(config.max_connections));
    if !door.serve(app, stop, drain).await {
        tracing::warn!("stopped with answers still under way");
    }
    known.save().await;
    Ok(())
}

/// What `/metrics` reads.
fn recorder() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    let seconds = Matcher::Full("cairn_http_request_seconds".to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(seconds, &LATENCIES)?.install_recorder()
}

/// As many connections as are wanted and there are descriptors for; the system is asked for as many as it allows.
fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!("cannot have more descriptors: {error}");
        }
    }
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return wanted };
    let most = usize::try_from(descriptors).unwrap_or(usize::MAX).saturating_sub(OTHER_DESCRIPTORS).max(16);
    if most < wanted {
        tracing::warn!(
            "{descriptors} descriptors are enough for {most} connections only; raise them with ulimit -n"
        );
    }
    wanted.min(most)
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

/// Keeps what is known of rasters in the cache folder, so that the next server need not read their headers.
#[derive(Clone)]
struct KnownRasters {
    headers: Headers,
    file: Option<PathBuf>,
}

impl KnownRasters {
    fn new(headers: Headers, cache: Option<&Path>) -> Self {
        Self { headers, file: cache.map(|folder| folder.join("headers")) }
    }

    async fn restore(&self) {
        let Some(file) = &self.file else { return };
        match self.headers.restore(file).await {
            Ok(count) => tracing::info!(count, "headers of rasters are known from earlier"),
            Err(error) => tracing::warn!("{:#}", anyhow::Error::from(error)),
        }
    }

    async fn keep(self) {
        loop {
            tokio::time::sleep(HEADERS_SAVED_EVERY).await;
            self.save().await;
        }
    }

    async fn save(&self) {
        let Self { headers, file: Some(file) } = self.clone() else { return };
        match tokio::task::spawn_blocking(move || headers.save(&file)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("{:#}", anyhow::Error::from(error)),
            Err(error) => tracing::warn!("cannot keep the headers of rasters: {error}"),
        }
    }
}
