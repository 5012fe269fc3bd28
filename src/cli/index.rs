//! `cairn index`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::progress::{Progress, say};
use crate::catalog::{Catalog, LoadReport, Refused, Snapshot, Source, Stage};
use crate::pool::Pool;
use crate::storage::{Label, LocalCopy, Location};
use crate::tree::INDEXED;

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Lines about single documents and Items.
const LINES_SHOWN: usize = 1000;

/// Arguments of `cairn index`.
#[derive(Debug, Args)]
#[command(
    override_usage = "cairn index [OPTIONS] <CATALOG>... <DEST>\n       cairn index [OPTIONS] --snapshot <CATALOG>"
)]
pub(super) struct IndexArgs {
    /// Catalogues as `cairn serve` takes them; then DEST, the file to write: .parquet (stac-geoparquet) or .ndjson (one Item a
    /// line, without Collections)
    #[arg(required = true, value_name = "CATALOG... DEST")]
    paths: Vec<String>,

    /// Write cairn.snapshot beside the tree instead, from which `cairn serve` starts fast; takes one CATALOG and no DEST
    #[arg(long)]
    snapshot: bool,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    quiet: bool,
}

/// A form that Items are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Lines,
}

/// Runs `cairn index`.
pub(super) fn run(args: &IndexArgs) -> anyhow::Result<()> {
    let runtime = super::runtime()?;
    if args.snapshot {
        return runtime.block_on(snapshot(args));
    }
    let (dest, catalogs) = args.paths.split_last().context("expected CATALOG... DEST")?;
    anyhow::ensure!(
        !catalogs.is_empty(),
        "expected CATALOG... DEST: the catalogues, then the file to write; or --snapshot CATALOG"
    );
    let sources = sources(catalogs)?;
    let form = form_of(dest)?;
    let location = Location::parse(dest).context("DEST")?;
    let path = location.as_path().unwrap_or(Path::new(""));
    for source in &sources {
        let is_own =
            source.location() == Some(&location) || source.path().is_some_and(|own| is_same(own, path));
        anyhow::ensure!(!is_own, "{location} is one of the catalogues; name another file");
    }
    runtime.block_on(items(args, sources, form, &location))
}

/// Writes all Items to a file.
async fn items(args: &IndexArgs, sources: Vec<Source>, form: Form, dest: &Location) -> anyhow::Result<()> {
    let (storage, pool) = (super::config::storage()?, Pool::new()?);
    // What goes to a store is a file on this disk first.
    let copy = dest.as_path().is_none().then(LocalCopy::empty);
    let path = dest.as_path().or(copy.as_ref().map(LocalCopy::path)).unwrap_or(Path::new("")).to_owned();
    // Before the load, which may take long: whether there can be a file at all.
    let (part, file) = Part::create(&path)?;
    let (catalog, report) = Catalog::load(sources, storage.clone(), pool.clone()).await?;
    tell(&report);
    let snapshot = catalog.snapshot();
    let total = snapshot.len();
    let (refused, bytes) = write(&pool, snapshot, (form, None), &path, file, args.quiet).await?;
    part.publish()?;
    if copy.is_some() {
        let media_type = match form {
            Form::Table => "application/vnd.apache.parquet",
            Form::Lines => "application/x-ndjson",
        };
        let label = Label { content_type: Some(media_type.to_owned()), ..Label::default() };
        storage.upload(&path, &storage.adopt(dest.clone()), &label).await?;
    }
    if !args.quiet {
        let items = total - refused.count;
        say(&format!("{items} Items in {bytes} bytes: {dest}"));
    }
    for reason in &refused.reasons {
        say(&format!("left out: {reason}"));
    }
    more(refused.count, refused.reasons.len());
    anyhow::ensure!(
        refused.count == 0,
        "{} Items are not in the table; an .ndjson file would take them",
        refused.count
    );
    complete(&report)
}

/// Writes all Items to a file that has been made for `path`, in a form, a table perhaps beside the tree in a folder; says which had no place, and how long the file is.
async fn write(
    pool: &Pool,
    snapshot: Arc<Snapshot>,
    (form, beside): (Form, Option<PathBuf>),
    path: &Path,
    file: File,
    quiet: bool,
) -> anyhow::Result<(Refused, u64)> {
    let total = snapshot.len();
    let written = pool.run(move || {
        let progress = [Stage::Columns, Stage::Items].map(|stage| {
            let what = if stage == Stage::Columns { "Items looked at" } else { "Items written" };
            (stage, Progress::new(what, quiet))
        });
        let told = |stage, done| {
            for (_, progress) in progress.iter().filter(|(of, _)| *of == stage) {
                progress.at(done, total);
            }
        };
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        let refused = match form {
            Form::Table => snapshot.write_table(&mut out, beside.as_deref(), told)?,
            Form::Lines => {
                snapshot.write_lines(&mut out, told)?;
                Refused::default()
            }
        };
        for (_, progress) in &progress {
            progress.finish();
        }
        out.flush()?;
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok::<_, anyhow::Error>((refused, file.metadata()?.len()))
    });
    written.await.with_context(|| format!("{} is not written", path.display()))
}

/// Writes the table and the snapshot of a tree on this disk into its folder, unless both are there and of its present
/// documents.
pub(super) async fn beside(folder: &Path, table: &str, quiet: bool) -> anyhow::Result<()> {
    let (table, mark) = (folder.join(table), folder.join(INDEXED));
    let sources = vec![Source::Tree(Location::from_path(&folder.join("catalog.json"))?)];
    let snapshot = Catalog::beside(&sources);
    let snapshot =
        snapshot.as_ref().and_then(Location::as_path).context("a tree on this disk has a folder")?;
    if [table.as_path(), &mark, snapshot].iter().all(|path| path.exists()) {
        return Ok(());
    }
    let pool = Pool::new()?;
    let (part, file) = Part::create(&table)?;
    let (catalog, report) = Catalog::load_to_store(sources, super::config::storage()?, pool.clone()).await?;
    tell(&report);
    let (refused, _) =
        write(&pool, catalog.snapshot(), (Form::Table, Some(folder.to_owned())), &table, file, quiet).await?;
    part.publish()?;
    for reason in &refused.reasons {
        say(&format!("warning: not in {}: {reason}", table.display()));
    }
    more(refused.count, refused.reasons.len());
    Arc::new(catalog).store_beside().await?;
    fs::write(&mark, "").with_context(|| format!("cannot write {}", mark.display()))?;
    complete(&report)
}

/// Writes the snapshot beside the tree.
async fn snapshot(args: &IndexArgs) -> anyhow::Result<()> {
    let sources = sources(&args.paths)?;
    let several = "--snapshot takes one CATALOG, and no DEST: it is written beside it";
    anyhow::ensure!(Catalog::beside(&sources).is_some(), several);
    let (catalog, report) = Catalog::load_to_store(sources, super::config::storage()?, Pool::new()?).await?;
    tell(&report);
    let items = catalog.snapshot().len();
    let location =
        Arc::new(catalog).store_beside().await.context("cannot write the snapshot")?.context(several)?;
    if !args.quiet {
        say(&format!("{items} Items: {location}"));
    }
    complete(&report)
}

fn sources(catalogs: &[String]) -> anyhow::Result<Vec<Source>> {
    Ok(catalogs.iter().map(|text| Source::parse(text)).collect::<Result<_, _>>()?)
}

fn form_of(dest: &str) -> anyhow::Result<Form> {
    match Path::new(dest).extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => Ok(Form::Table),
        Some("ndjson") => Ok(Form::Lines),
        _ => anyhow::bail!("DEST has to end in .parquet (stac-geoparquet) or .ndjson (one Item a line)"),
    }
}

/// True when two paths lead to one file that there is.
fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Says what of the catalogue could not be loaded.
fn tell(report: &LoadReport) {
    for warning in report.warnings.iter().take(LINES_SHOWN) {
        say(&format!("warning: {}: {}", warning.location, warning.reason));
    }
    more(report.warnings.len(), LINES_SHOWN);
    for problem in report.problems.iter().take(LINES_SHOWN) {
        say(&format!("left out: {}: {}", problem.location, problem.reason));
    }
    more(report.problems.len(), LINES_SHOWN);
}

fn more(count: usize, shown: usize) {
    if count > shown {
        say(&format!("… and {} more", count - shown));
    }
}

fn complete(report: &LoadReport) -> anyhow::Result<()> {
    let failed = report.problems.len();
    anyhow::ensure!(
        failed == 0,
        "{failed} documents or Items of the catalogue could not be read; they are named above"
    );
    Ok(())
}

/// A file under a temporary name; it goes when it is dropped without being published.
#[derive(Debug)]
struct Part {
    temporary: Option<PathBuf>,
    path: PathBuf,
}

impl Part {
    fn create(path: &Path) -> anyhow::Result<(Self, File)> {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok((Self { temporary: Some(temporary), path: path.to_owned() }, file))
    }

    fn publish(mut self) -> anyhow::Result<()> {
        if let Some(temporary) = self.temporary.as_deref() {
            fs::rename(temporary, &self.path)
                .with_context(|| format!("cannot write {}", self.path.display()))?;
        }
        self.temporary = None;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        Ok(File::open(folder)?.sync_all()?)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // The first error counts; a temporary file that stays does no harm.
            drop(fs::remove_file(temporary));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_comes_from_the_ending() {
        assert_eq!(form_of("a/b.parquet").expect("a form"), Form::Table);
        assert_eq!(form_of("b.ndjson").expect("a form"), Form::Lines);
        for other in ["b.json", "b", ".parquet"] {
            let error = form_of(other).expect_err(other).to_string();
            assert!(error.contains(".parquet") && error.contains(".ndjson"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_published_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.ndjson");
        let count = || fs::read_dir(folder.path()).expect("a folder").count();
        let (part, _file) = Part::create(&path).expect("a file");
        assert_eq!(count(), 1);
        drop(part);
        assert_eq!(count(), 0);
        let (part, _file) = Part::create(&path).expect("a file");
        part.publish().expect("published");
        assert!(path.exists() && count() == 1);
    }
}
