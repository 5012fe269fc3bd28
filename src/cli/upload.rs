//! `cairn upload`.

use std::fmt::Write as _;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::sync::watch;

use super::config::user_cache;
use super::progress::say;
use super::transfer::{Transfer, bytes, count_of_bytes, duration, rate};
use crate::pool::Pool;
use crate::storage::{Location, Storage};
use crate::upload::set::{self, SetName, SetOptions, Transform};
use crate::upload::{self, CONCURRENCY, Filter, Options, Report, Retry};

/// Failures that are listed one by one; the rest are counted.
const LISTED: usize = 50;

/// Arguments of `cairn upload`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags that a user types")]
pub(super) struct UploadArgs {
    /// Folder or file to send: a path or a location in a store
    #[arg(value_name = "SRC")]
    source: String,

    /// Where to: a folder of a store (`s3://bucket/p`, `az://container/p`, …) or of the disk; a file when it ends in .tif
    #[arg(value_name = "DEST")]
    dest: String,

    /// What becomes of files that are there already
    #[arg(long, value_name = "WHEN", default_value = "changed")]
    overwrite: Overwrite,

    /// Only files that match, such as '*.tif' or 'tiles/**' (repeatable)
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,

    /// No files that match (repeatable)
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,

    /// Files under way at once
    #[arg(long, value_name = "N", default_value_t = CONCURRENCY, value_parser = at_least_one)]
    concurrency: usize,

    /// At most so many bytes a second, such as 500k, 20M or 1G
    #[arg(long, value_name = "BYTES", value_parser = byte_count)]
    bandwidth: Option<u64>,

    /// Make the bucket or container if it is not there
    #[arg(long)]
    create: bool,

    /// Afterwards, if all went well, remove from DEST what SRC does not have (of what the patterns name)
    #[arg(long)]
    delete: bool,

    /// Say what would be sent and removed, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Send only what failed the last time
    #[arg(long, conflicts_with = "delete")]
    retry_failed: bool,

    /// Publish the images of SRC as this set, such as red/angry/robin: STAC documents are made and linked by DEST/catalog.json
    #[arg(long, value_name = "NAME", requires = "set_version", conflicts_with_all = ["delete", "overwrite", "retry_failed"])]
    set: Option<String>,

    /// Version of the set; one that exists is never changed
    #[arg(long, value_name = "V", requires = "set")]
    set_version: Option<String>,

    /// What made the images of the set NAME that are sent, such as crop@2
    #[arg(long, value_name = "NAME@VERSION", requires = "set")]
    transform: Option<Transform>,

    /// How it was called
    #[arg(long, value_name = "TEXT", requires = "transform")]
    command_line: Option<String>,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    quiet: bool,
}

/// `--overwrite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Overwrite {
    /// They stay, whatever they hold
    Never,
    /// They are replaced when length or checksum differ
    Changed,
    /// They are replaced
    Always,
}

/// Runs `cairn upload`.
pub(super) fn run(args: &UploadArgs) -> anyhow::Result<()> {
    let storage = super::config::storage()?;
    let options = options(args, &storage)?;
    if let (Some(name), Some(version)) = (&args.set, &args.set_version) {
        let set = SetName::new(name, version, args.transform.clone())?;
        let options = SetOptions { set, command_line: args.command_line.clone(), upload: options };
        return super::runtime()?.block_on(publish(&storage, &options, &args.dest, args.quiet));
    }
    let retry = user_cache().map(|cache| Retry::of(&cache, &options.source, &options.dest));
    let options = match &retry {
        Some(retry) if args.retry_failed => Options { only: Some(retry.load()?), ..options },
        None if args.retry_failed => anyhow::bail!("--retry-failed needs a cache folder; set XDG_CACHE_HOME"),
        _ => options,
    };
    let report = super::runtime()?.block_on(upload(&storage, &options, args.quiet))?;
    tell(&report);
    if let (Some(retry), false) = (&retry, options.dry_run) {
        retry.keep(&report.unfinished())?;
    }
    complete(&report, ", or with --retry-failed for these files only")
}

/// What a dry run would do, and what failed.
fn tell(report: &Report) {
    for line in &report.plan {
        planned(line);
    }
    for failure in report.failures.iter().take(LISTED) {
        say(&format!("failed: {failure}"));
    }
    if report.failures.len() > LISTED {
        say(&format!("failed: {} further files", report.failures.len() - LISTED));
    }
}

fn complete(report: &Report, further: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        report.is_complete(),
        "{} of {} files could not be sent and {} were held back until what they name is there; run the same command \
         again{further}",
        report.failures.len(),
        report.files,
        report.held_back.len()
    );
    Ok(())
}

/// Publishes a set of images.
async fn publish(storage: &Storage, options: &SetOptions, dest: &str, quiet: bool) -> anyhow::Result<()> {
    let transfer = Transfer::new(quiet);
    let pool = Pool::new()?;
    let report = set::publish(storage, &pool, options, stopped(), &|at| transfer.at(at)).await?;
    let took = transfer.finish();
    if !quiet {
        say(&summary(&report.images, &options.upload, took));
    }
    for part in [&report.images, &report.documents] {
        tell(part);
        complete(part, "")?;
    }
    if !quiet && !options.upload.dry_run {
        let was = if report.was_there { "was there already" } else { "is published" };
        let root = shown(dest).trim_end_matches('/');
        say(&format!(
            "the set {} with {} images {was}; serve all sets with: cairn serve {root}/catalog.json",
            options.set, report.items
        ));
    }
    Ok(())
}

/// True once Ctrl-C is typed, or the process is asked to end.
pub(super) fn stopped() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        if super::interrupted().await.is_ok() {
            stop.send_replace(true);
        }
    });
    stopped
}

fn options(args: &UploadArgs, storage: &Storage) -> anyhow::Result<Options> {
    let location = |text: &str, name: &str| {
        let location = Location::parse(text).with_context(|| format!("{name} {}", shown(text)))?;
        anyhow::Ok(storage.adopt(location))
    };
    Ok(Options {
        overwrite: match args.overwrite {
            Overwrite::Never => upload::Overwrite::Never,
            Overwrite::Changed => upload::Overwrite::Changed,
            Overwrite::Always => upload::Overwrite::Always,
        },
        filter: Filter::new(&args.include, &args.exclude).context("--include or --exclude")?,
        concurrency: args.concurrency,
        bandwidth: args.bandwidth,
        create: args.create,
        delete: args.delete,
        dry_run: args.dry_run,
        ..Options::new(location(&args.source, "SRC")?, location(&args.dest, "DEST")?)
    })
}

/// A location without its query, which may be a signature.
fn shown(text: &str) -> &str {
    text.split('?').next().unwrap_or_default()
}

/// Uploads, with progress, until all is done or Ctrl-C is typed; says what was done.
async fn upload(storage: &Storage, options: &Options, quiet: bool) -> anyhow::Result<Report> {
    let transfer = Transfer::new(quiet);
    let pool = Pool::new()?;
    let report = upload::run(storage, &pool, options, stopped(), &|at| transfer.at(at)).await?;
    let took = transfer.finish();
    if !quiet {
        say(&summary(&report, options, took));
    }
    Ok(report)
}

fn summary(report: &Report, options: &Options, took: std::time::Duration) -> String {
    let verb = if options.dry_run { "would be sent" } else { "sent" };
    let mut text = format!("{} files: {} {verb} ({})", report.files, report.sent, bytes(report.sent_bytes));
    for (count, what) in [
        (report.same, "there already"),
        (report.kept, "left as they are"),
        (report.deleted, if options.dry_run { "would be removed" } else { "removed" }),
        (report.failures.len(), "failed"),
        (report.held_back.len(), "held back"),
    ] {
        if count > 0 {
            // Writing to a text cannot fail.
            let _infallible = write!(text, ", {count} {what}");
        }
    }
    let _infallible = write!(text, " in {}, {}/s", duration(took), rate(report.sent_bytes, took));
    text
}

/// What a dry run would do, for other programs to read.
#[expect(clippy::print_stdout, reason = "the output of a dry run")]
fn planned(line: &str) {
    println!("{line}");
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "give a whole number, 1 at least".to_owned())
}

/// A rate, such as `20M`.
fn byte_count(text: &str) -> Result<u64, String> {
    count_of_bytes(text)
        .ok_or_else(|| format!("'{text}' is no rate; write for example 500k, 20M or 1G (bytes a second)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, rate) in [
            ("500", 500),
            ("500k", 500_000),
            ("20M", 20_000_000),
            ("1.5GB/s", 1_500_000_000),
            ("2MiB", 2 << 20),
        ] {
            assert_eq!(byte_count(text), Ok(rate), "{text}");
        }
        for text in ["", "k", "-1M", "0", "fast", "5X"] {
            assert!(byte_count(text).is_err(), "{text}");
        }
    }
}
