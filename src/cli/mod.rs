//! The command line: one file per verb.
//!
//! In: arguments, environment, `cairn.toml`. Out: an exit status: 0, 1 with one clear line on standard error, or 2 for
//! wrong usage.

mod addresses;
mod build;
mod config;
mod convert;
mod demo;
mod fetch;
mod index;
mod keeper;
mod loaded;
mod logs;
mod progress;
mod serve;
mod shell;
mod transfer;
mod upload;
mod validate;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// A STAC catalogue server with a data proxy.
#[derive(Debug, Parser)]
#[command(name = "cairn", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a small Sentinel-2-like COG time series, build its catalogue, serve it
    Demo(demo::DemoArgs),
    /// Serve the STAC API, /patch, the data proxy and the OpenAPI UI
    Serve(serve::ServeArgs),
    /// Scan the rasters under SRC and write a static STAC tree to DEST
    Build(build::BuildArgs),
    /// Write a catalogue's Items as one stac-geoparquet or ndjson file, or its snapshot beside the tree
    Index(index::IndexArgs),
    /// Print the OpenAPI document of the server
    #[command(hide = true)]
    Openapi,
    /// Any raster that GDAL reads, or a Sentinel-2 SAFE product, to COG
    Convert(Box<convert::ConvertArgs>),
    /// Copy a folder tree to a store, keeping its structure; or a set of images, with its STAC documents
    Upload(upload::UploadArgs),
    /// Take in new files as they appear (not in this version)
    Watch(Later),
    /// Download the assets that match a search on another STAC API
    Fetch(fetch::FetchArgs),
    /// Check every object against the STAC JSON schemas, and every link and asset for existence
    Validate(validate::ValidateArgs),
    /// Benchmark random patches over a catalogue (not in this version)
    Bench(Later),
}

/// The arguments of a command that this version lacks.
#[derive(Debug, Args)]
struct Later {
    /// Whatever the command will take
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<String>,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Build(args) => build::run(&args),
        Command::Index(args) => index::run(&args),
        Command::Openapi => openapi(),
        Command::Convert(args) => convert::run(&args),
        Command::Upload(args) => upload::run(&args),
        Command::Watch(_) => Err(later("watch")),
        Command::Fetch(args) => fetch::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Bench(_) => Err(later("bench")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn later(command: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "this version has no '{command}' yet; it has demo, convert, build, validate, serve, upload, fetch and index"
    )
}

#[expect(clippy::print_stdout, reason = "the command's whole purpose")]
fn openapi() -> anyhow::Result<()> {
    println!("{}", crate::api::openapi().to_pretty_json()?);
    Ok(())
}

/// Until the user or the system asks the command to end.
async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Ends the process while other threads are within GDAL, which must not be taken down under them.
#[cfg(feature = "gdal")]
fn leave(error: &anyhow::Error) -> ! {
    progress::error(error);
    signal_hook::low_level::exit(1)
}

/// Tasks that a thread of the runtime goes on with before it looks whether a connection has news: with the usual 61, a small
/// request waits while large answers are copied.
const TASKS_BETWEEN_LOOKS: u32 = 8;

/// A runtime for one command.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(TASKS_BETWEEN_LOOKS)
        .build()?)
}
