//! `cairn validate`.

use std::path::Path;

use anyhow::Context;
use clap::Args;

use super::progress::{Progress, say};
use crate::pool::Pool;
use crate::storage::Location;
use crate::validate::{self, Options, Report};

/// Arguments of `cairn validate`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(super) struct ValidateArgs {
    /// A catalog.json, collection.json, Item or ItemCollection, or the folder of a tree
    #[arg(value_name = "CATALOG")]
    catalog: String,

    /// Hold every raster against what its Item says of it
    #[arg(long)]
    deep: bool,

    /// Check that every raster is a COG
    #[arg(long)]
    cog: bool,

    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,

    /// Say nothing but errors and warnings
    #[arg(long, short)]
    quiet: bool,
}

/// Runs `cairn validate`.
pub(super) fn run(args: &ValidateArgs) -> anyhow::Result<()> {
    let root = root(&args.catalog)?;
    let options = Options { deep: args.deep, cog: args.cog };
    let report = super::runtime()?.block_on(async {
        let progress = Progress::new("documents checked", args.quiet || args.json);
        // How many there are is known at the end only.
        let told = |done: usize| progress.at(done, done + 1);
        let report = validate::run(&super::config::storage()?, &Pool::new()?, &root, options, told).await;
        progress.finish();
        Ok::<_, anyhow::Error>(report?)
    })?;
    if args.json {
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        lines(&report, args.quiet);
    }
    anyhow::ensure!(report.errors == 0, "{} errors in {root}", report.errors);
    Ok(())
}

fn lines(report: &Report, quiet: bool) {
    for finding in &report.findings {
        print(&finding.to_string());
    }
    if report.left_out() > 0 {
        print(&format!("… and {} more", report.left_out()));
    }
    if !quiet {
        let Report { catalogs, collections, items, links, assets, errors, warnings, .. } = report;
        say(&format!(
            "{catalogs} Catalogs, {collections} Collections, {items} Items, {links} links, {assets} assets: {errors} errors, \
             {warnings} warnings; {} links to other sites were not followed",
            report.links_elsewhere
        ));
    }
}

#[expect(clippy::print_stdout, reason = "the command's whole purpose")]
fn print(line: &str) {
    println!("{line}");
}

/// The root document; a folder stands for the catalog or collection in it.
fn root(text: &str) -> anyhow::Result<Location> {
    let location = Location::parse(text).with_context(|| format!("CATALOG {text}"))?;
    let ending = location.file_name().and_then(|name| Path::new(name).extension()?.to_str());
    anyhow::ensure!(
        !matches!(ending, Some("parquet" | "geoparquet" | "ndjson" | "jsonl" | "geojsonl")),
        "CATALOG {location}: a table or a file of lines has no documents to check; name the tree that it was made from"
    );
    let Some(folder) = location.as_path().filter(|path| path.is_dir()) else { return Ok(location) };
    let names = ["catalog.json", "collection.json"].map(|name| folder.join(name));
    let found = names.iter().find(|path| path.exists());
    let found = found
        .with_context(|| format!("{} holds neither catalog.json nor collection.json", folder.display()))?;
    Ok(Location::from_path(found)?)
}
