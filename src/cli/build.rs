//! `cairn build`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::index;
use super::progress::{Progress, say};
use super::shell::{quoted, quoted_text};
use crate::build::{self, Definition, Options, Report};
use crate::stac::parse_instant;
use crate::storage::Location;
use crate::tree::{Layout, Linking};

/// The table beside a tree.
const TABLE: &str = "items.parquet";

/// Arguments of `cairn build`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub(super) struct BuildArgs {
    /// Folder with COGs and GeoTIFFs
    #[arg(value_name = "SRC")]
    source: String,

    /// Folder for the tree
    #[arg(value_name = "DEST")]
    dest: String,

    /// What overrides the ordinary rules; catalogs/sentinel-2-l2a.toml shows every key
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,

    /// The time of rasters that do not tell theirs (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_instant(text))]
    datetime: Option<DateTime<Utc>>,

    /// How links are written
    #[arg(long, value_name = "TYPE", default_value = "self-contained")]
    catalog_type: CatalogType,

    /// The URL of the folder that the tree is published at
    #[arg(long, value_name = "URL")]
    root_href: Option<String>,

    /// Where Items lie, such as '{collection}/{year}/{id}': {year}, {month}, {day} or {any property} of theirs
    #[arg(long, value_name = "TEMPLATE", value_parser = |text: &str| Layout::parse(text))]
    layout: Option<Layout>,

    /// Make each folder that holds rasters a Collection, below the folders above it
    #[arg(long)]
    nested: bool,

    /// Give bands minimum, maximum, mean, deviation and share of valid pixels, at up to 1,024 pixels a side
    #[arg(long)]
    statistics: bool,

    /// Give bands a histogram and statistics
    #[arg(long)]
    histograms: bool,

    /// Give each Item a thumbnail.png
    #[arg(long)]
    thumbnails: bool,

    /// Leave out items.parquet, the Items as stac-geoparquet, and cairn.snapshot, from which `cairn serve` starts
    #[arg(long)]
    no_table: bool,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    quiet: bool,
}

/// `--catalog-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CatalogType {
    /// Relative links only
    SelfContained,
    /// Relative links, and the root says where it is; needs --root-href
    RelativePublished,
    /// Absolute links; needs --root-href
    AbsolutePublished,
}

/// Runs `cairn build`.
pub(super) fn run(args: &BuildArgs) -> anyhow::Result<()> {
    let linking = linking(args.catalog_type, args.root_href.as_deref())?;
    let definition = match &args.definition {
        Some(path) => Definition::read(path).with_context(|| format!("--definition {}", path.display()))?,
        None => Definition::default(),
    };
    let options = Options {
        source: local(&args.source, "SRC")?,
        dest: local(&args.dest, "DEST")?,
        definition,
        datetime: args.datetime,
        linking,
        layout: args.layout.clone(),
        nested: args.nested,
        statistics: args.statistics,
        histograms: args.histograms,
        thumbnails: args.thumbnails,
        table: (!args.no_table).then(|| TABLE.to_owned()),
    };
    let report = super::runtime()?.block_on(async {
        let report = build(&options, args.quiet).await?;
        if let (Some(table), Some(folder)) = (&options.table, report.catalog.parent()) {
            index::beside(folder, table, args.quiet).await?;
        }
        Ok::<_, anyhow::Error>(report)
    })?;
    let mut serve = format!("cairn serve {}", quoted_text(&args.dest));
    for folder in &report.outside {
        serve.push_str(" --allow ");
        serve.push_str(&quoted(&Location::from_path(folder)?));
    }
    told(&serve);
    let failed = report.problems.len();
    anyhow::ensure!(
        failed == 0,
        "{failed} of the inputs are missing from the catalogue; they are named above"
    );
    Ok(())
}

/// The type of the tree, with the place that it is published at.
fn linking(catalog_type: CatalogType, root_href: Option<&str>) -> anyhow::Result<Linking> {
    let root = || -> anyhow::Result<Location> {
        let text = root_href
            .context("this --catalog-type needs --root-href, the URL of the folder it is published at")?;
        anyhow::ensure!(
            !text.contains('?'),
            "--root-href: leave out the query, it would be written into every document"
        );
        let root = Location::parse(text).with_context(|| format!("--root-href {text}"))?;
        Ok(if root.file_name() == Some("catalog.json") { root.parent() } else { root })
    };
    Ok(match catalog_type {
        CatalogType::SelfContained => {
            anyhow::ensure!(
                root_href.is_none(),
                "--root-href goes with --catalog-type relative-published or absolute-published"
            );
            Linking::SelfContained
        }
        CatalogType::RelativePublished => Linking::RelativePublished { root: root()? },
        CatalogType::AbsolutePublished => Linking::AbsolutePublished { root: root()? },
    })
}

/// Builds, with progress, and says what could not be catalogued.
pub(super) async fn build(options: &Options, quiet: bool) -> anyhow::Result<Report> {
    let progress = Progress::new("rasters described", quiet);
    let report = build::run(&super::config::storage()?, options, &|at| {
        if let build::Progress::Reading { done, total } = at {
            progress.at(done, total);
        }
    })
    .await?;
    progress.finish();
    for warning in &report.warnings {
        say(&format!("warning: {warning}"));
    }
    for problem in &report.problems {
        say(&format!("left out: {problem}"));
    }
    if !quiet {
        say(&format!(
            "{} Items with {} assets in {} Collections, {} rasters read: {} documents, {} files new or changed, {} gone",
            report.items,
            report.assets,
            report.collections.len(),
            report.read,
            report.documents,
            report.changed,
            report.dropped
        ));
    }
    Ok(report)
}

/// The command that serves the result.
#[expect(clippy::print_stdout, reason = "what the user types next")]
fn told(command: &str) {
    println!("{command}");
}

fn local(text: &str, name: &str) -> anyhow::Result<PathBuf> {
    let location = Location::parse(text).with_context(|| format!("{name} {text}"))?;
    match location.as_path() {
        Some(path) => Ok(Path::to_owned(path)),
        None => anyhow::bail!("{name} {location}: this version builds from and to local folders only"),
    }
}
