//! `cairn fetch`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use url::Url;

use super::progress::{Progress, say};
use super::transfer::count_of_bytes;
use super::upload::stopped;
use crate::build;
use crate::fetch::{self, FAILED, MOVED, Options, Periods};
use crate::pool::Pool;
use crate::source::api::{self, Query, Signer};
use crate::stac::{Bbox, parse_instant};
use crate::storage::Location;

/// The folder of the catalogue of what came, in DEST.
const CATALOG: &str = "catalog";

/// Arguments of `cairn fetch`.
#[derive(Debug, Args)]
pub(super) struct FetchArgs {
    /// URL of a STAC API
    #[arg(value_name = "API")]
    api: String,

    /// Folder for Items and their assets; a second run goes on where the first was cut off
    #[arg(value_name = "DEST")]
    dest: PathBuf,

    /// Collections to search; left out: all
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    collection: Vec<String>,

    /// W,S,E,N in degrees
    #[arg(long, value_name = "BBOX", allow_hyphen_values = true, value_parser = |text: &str| Bbox::parse(text))]
    bbox: Option<Bbox>,

    /// START/END, dates or RFC 3339; END may be ..; searched day by day
    #[arg(long, value_name = "INTERVAL", value_parser = interval)]
    datetime: Option<(DateTime<Utc>, DateTime<Utc>)>,

    /// MGRS tile, such as 35VLH
    #[arg(long, value_name = "TILE")]
    tile: Option<String>,

    /// Percent of clouds at most
    #[arg(long, value_name = "PERCENT")]
    max_cloud_cover: Option<f64>,

    /// Keys of assets to download; left out: all
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    asset: Vec<String>,

    /// Downloads at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,

    /// What DEST may take on the disk at most, such as 200G; files whose size is told neither by the Item nor by their server are
    /// counted as they come, and stopped
    #[arg(long, value_name = "BYTES", value_parser = disk_bytes)]
    max_disk: Option<u64>,

    /// URL that signs hrefs: GET URL?href=… answers {"href": …}, as /sas/v1/sign of the Planetary Computer and of Cairn
    #[arg(long, value_name = "URL", value_parser = web_url)]
    sign: Option<Url>,

    /// Work through --datetime period by period: fetch, --then, --move-to, free the disk, go on; a run that was cut off goes on
    /// with the period it was at
    #[arg(long, value_name = "PERIOD", requires = "datetime")]
    per: Option<Per>,

    /// Shell command that each period is given to; {dir} stands for the folder of what came, {out} for an empty one: where it
    /// is used, what the command writes there is the result, else what is in {dir} afterwards
    #[arg(long, value_name = "COMMAND", requires = "per")]
    then: Option<String>,

    /// Folder or URL that results are moved to, each held against the local one before that goes [default: DEST]
    #[arg(long, value_name = "LOCATION", requires = "per")]
    move_to: Option<String>,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    quiet: bool,
}

/// `--per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Per {
    /// From the first of each month (UTC)
    Month,
    /// From each Monday
    Week,
    /// Each day
    Day,
}

/// Runs `cairn fetch`.
pub(super) fn run(args: &FetchArgs) -> anyhow::Result<()> {
    let options = options(args)?;
    super::runtime()?.block_on(fetch(&options, args.quiet))
}

fn options(args: &FetchArgs) -> anyhow::Result<Options> {
    let per = args.per.map(|per| match per {
        Per::Month => api::Per::Month,
        Per::Week => api::Per::Week,
        Per::Day => api::Per::Day,
    });
    let move_to = args.move_to.as_deref().map(Location::parse).transpose()?;
    Ok(Options {
        api: args.api.clone(),
        dest: args.dest.clone(),
        query: Query {
            collections: args.collection.clone(),
            bbox: args.bbox,
            tile: args.tile.as_ref().map(|tile| tile.trim_start_matches('T').to_ascii_uppercase()),
            max_cloud_cover: args.max_cloud_cover,
        },
        interval: args.datetime,
        assets: args.asset.clone(),
        jobs: usize::from(args.jobs),
        max_disk: args.max_disk,
        signer: args.sign.clone().map(Signer::new),
        periods: per.map(|per| Periods { per, then: args.then.clone(), move_to }),
    })
}

async fn fetch(options: &Options, quiet: bool) -> anyhow::Result<()> {
    let (storage, pool, stop) = (super::config::storage()?, Pool::new()?, stopped());
    let what = if options.periods.is_some() { "periods done" } else { "days searched" };
    let progress = Progress::new(what, quiet);
    let told = |at: fetch::Progress<'_>| match at {
        fetch::Progress::Windows(done, total) => progress.at(done, total),
        fetch::Progress::Period(name, what) => progress.note(&format!("{name}: {what}")),
        fetch::Progress::Waiting => {
            progress.note("waiting for another cairn fetch in DEST, or for the command that one left behind");
        }
    };
    let report = fetch::run(&storage, &pool, options, stop.clone(), &told).await;
    progress.finish();
    let report = report?;
    if !quiet {
        let fetch::Report { items, new, there, done_before, failures } = &report;
        let failed = failures.len();
        let mut line =
            format!("{items} Items: {new} files came, {there} were there already, {failed} failed");
        if *done_before > 0 {
            line = format!("{line}; {done_before} periods were done before");
        }
        say(&line);
    }
    catalogue(options, &report, stop, quiet).await?;
    let failed = report.failures.len();
    anyhow::ensure!(
        failed == 0,
        "{failed} files did not come; they are named in {}; run the command again",
        options.dest.join(FAILED).display()
    );
    Ok(())
}

/// Builds the catalogue of what is here; of what was moved elsewhere there is a list of Items.
async fn catalogue(
    options: &Options,
    report: &fetch::Report,
    mut stop: tokio::sync::watch::Receiver<bool>,
    quiet: bool,
) -> anyhow::Result<()> {
    if let Some(to) = options.periods.as_ref().and_then(|periods| periods.move_to.as_ref()) {
        let moved = options.dest.join(MOVED);
        if !quiet && std::fs::metadata(&moved).is_ok_and(|metadata| metadata.len() > 0) {
            say(&format!("serve what was moved with: cairn serve {} --allow {to}", moved.display()));
        }
        return Ok(());
    }
    if report.new + report.there + report.done_before == 0 {
        return Ok(());
    }
    let dest = std::path::absolute(&options.dest)?;
    let building =
        build::Options { source: dest.clone(), dest: dest.join(CATALOG), ..build::Options::default() };
    tokio::select! {
        built = super::build::build(&building, quiet) => built.map(|_report| ()),
        Ok(_) = stop.wait_for(|stopped| *stopped) => Err(fetch::FetchError::Interrupted.into()),
    }
}

/// A size, such as `200G`.
fn disk_bytes(text: &str) -> Result<u64, String> {
    count_of_bytes(text)
        .ok_or_else(|| format!("'{text}' is no size; write for example 500M, 20G or 2T (bytes)"))
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| "give a URL that begins with http:// or https://".to_owned())
}

/// `START/END`; a date alone means all of its day, `..` as END means now.
fn interval(text: &str) -> Result<(DateTime<Utc>, DateTime<Utc>), String> {
    let instant = |text: &str, of_day: &str| {
        let whole = if text.len() == 10 { format!("{text}T{of_day}Z") } else { text.to_owned() };
        parse_instant(&whole).map_err(|error| format!("'{text}': {error}"))
    };
    let (start, end) = text.split_once('/').unwrap_or((text, text));
    let start = instant(start, "00:00:00")?;
    let end = if end == ".." || end.is_empty() { Utc::now() } else { instant(end, "23:59:59.999999999")? };
    if end < start { Err(format!("'{text}' ends before it begins")) } else { Ok((start, end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_dates_or_instants() {
        let (start, end) = interval("2024-01-01/2024-12-31").expect("an interval");
        assert_eq!(start.to_rfc3339(), "2024-01-01T00:00:00+00:00");
        assert_eq!(end.to_rfc3339(), "2024-12-31T23:59:59.999999999+00:00");
        assert!(interval("2024-01-01/..").is_ok_and(|(_, end)| end <= Utc::now()));
        assert!(interval("2024-01-02/2024-01-01").is_err_and(|error| error.contains("before")));
        assert!(interval("soon").is_err());
    }
}
