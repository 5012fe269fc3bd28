//! `cairn fetch`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use futures::{StreamExt as _, stream};
use serde_json::{Map, Value, json};
use url::Url;

use super::progress::{Progress, say};
use crate::build::Options;
use crate::source::api::{Checked, Client, Query, days, download};
use crate::stac::{Bbox, parse_instant};
use crate::tree::Layout;

/// The folder of the catalogue of what came, in DEST.
const CATALOG: &str = "catalog";
/// What did not come, in DEST.
const FAILED: &str = "failed.ndjson";

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

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    quiet: bool,
}

/// Runs `cairn fetch`.
pub(super) fn run(args: &FetchArgs) -> anyhow::Result<()> {
    super::runtime()?.block_on(fetch(args))
}

async fn fetch(args: &FetchArgs) -> anyhow::Result<()> {
    let client = Client::open(&args.api).await?;
    let query = Query {
        collections: args.collection.clone(),
        bbox: args.bbox,
        tile: args.tile.as_ref().map(|tile| tile.trim_start_matches('T').to_ascii_uppercase()),
        max_cloud_cover: args.max_cloud_cover,
    };
    tokio::fs::create_dir_all(&args.dest).await.with_context(|| format!("DEST {}", args.dest.display()))?;
    let dest = std::path::absolute(&args.dest)?;
    let windows = match args.datetime {
        Some((start, end)) => days(start, end).into_iter().map(Some).collect(),
        None => vec![None],
    };
    let (mut seen, mut totals, mut failed) = (HashSet::new(), Totals::default(), Vec::new());
    let progress = Progress::new("days searched", args.quiet);
    let count = windows.len();
    for (n, window) in windows.into_iter().enumerate() {
        let mut wanted = Vec::new();
        for item in client.window(&query, window).await? {
            match Wanted::new(&item, args, &dest) {
                // One that lasts over midnight is found twice.
                Some(item) if seen.insert((item.collection.clone(), item.id.clone())) => wanted.push(item),
                Some(_) => {}
                None => failed.push(
                    json!({"item": item.get("id"), "error": "the API gives it no id, collection or assets"}),
                ),
            }
        }
        for item in wanted {
            totals.items += 1;
            item.fetch(&client, usize::from(args.jobs), &mut totals, &mut failed).await?;
        }
        progress.at(n + 1, count);
    }
    progress.finish();
    record(&dest.join(FAILED), &failed)?;
    if !args.quiet {
        let Totals { items, new, there } = totals;
        say(&format!("{items} Items: {new} files came, {there} were there already, {} failed", failed.len()));
    }
    if totals.new + totals.there > 0 {
        let options = Options { source: dest.clone(), dest: dest.join(CATALOG), ..Options::default() };
        super::build::build(&options, args.quiet).await?;
    }
    anyhow::ensure!(
        failed.is_empty(),
        "{} files did not come; they are named in {}; run the command again",
        failed.len(),
        dest.join(FAILED).display()
    );
    Ok(())
}

/// What became of all files.
#[derive(Debug, Default)]
struct Totals {
    items: usize,
    new: usize,
    there: usize,
}

/// An Item that is wanted.
struct Wanted {
    collection: String,
    id: String,
    /// Its document on this disk.
    document: PathBuf,
    item: Value,
    files: Vec<File>,
}

/// One of its assets.
#[derive(Debug, Clone)]
struct File {
    key: String,
    href: String,
    name: String,
    checked: Checked,
}

impl Wanted {
    fn new(item: &Value, args: &FetchArgs, dest: &Path) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("id")?;
        let collection = text("collection")?;
        let branch = Layout::branch(Path::new(""), &collection);
        let document = dest.join(Layout::item(&branch, &[], &id));
        let mut names = HashSet::new();
        let mut files = Vec::new();
        for (key, asset) in item.get("assets")?.as_object()? {
            if !args.asset.is_empty() && !args.asset.contains(key) {
                continue;
            }
            let href = asset.get("href").and_then(Value::as_str)?.to_owned();
            let mut name = file_name(key, &href, asset.get("type").and_then(Value::as_str));
            if !names.insert(name.clone()) {
                name = format!("{}_{name}", plain(key));
                names.insert(name.clone());
            }
            let checked = Checked {
                size: asset.get("file:size").and_then(Value::as_u64),
                checksum: asset.get("file:checksum").and_then(Value::as_str).map(str::to_owned),
            };
            files.push(File { key: key.clone(), href, name, checked });
        }
        Some(Self { collection, id, document, item: item.clone(), files })
    }

    /// Downloads its files, and writes the Item with those that came.
    async fn fetch(
        self,
        client: &Client,
        at_once: usize,
        totals: &mut Totals,
        failed: &mut Vec<Value>,
    ) -> anyhow::Result<()> {
        let folder = self.document.parent().unwrap_or(Path::new(".")).to_owned();
        let folder = &folder;
        let fetched: Vec<(File, Result<bool, String>)> = stream::iter(self.files.clone())
            .map(|file| async move {
                let came = match Url::parse(&file.href) {
                    Ok(url) if matches!(url.scheme(), "http" | "https") => {
                        let came = download(client, &url, &folder.join(&file.name), &file.checked).await;
                        came.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
                    }
                    _ => Err(
                        "its href is no http:// or https:// URL, which is all that this version downloads"
                            .to_owned(),
                    ),
                };
                (file, came)
            })
            .buffer_unordered(at_once)
            .collect()
            .await;
        let mut came = Vec::new();
        for (file, result) in fetched {
            match result {
                Ok(is_new) => {
                    if is_new {
                        totals.new += 1;
                    } else {
                        totals.there += 1;
                    }
                    came.push(file);
                }
                Err(error) => {
                    let (collection, id, key) = (&self.collection, &self.id, &file.key);
                    failed.push(json!({"collection": collection, "item": id, "asset": key, "error": error}));
                }
            }
        }
        if came.is_empty() {
            return Ok(());
        }
        let item = localised(self.item, &came);
        let mut bytes = serde_json::to_vec_pretty(&item)?;
        bytes.push(b'\n');
        replace(&self.document, &bytes)
    }
}

/// The Item with the assets that came only, their hrefs those of the files, and a link to where it comes from.
fn localised(mut item: Value, came: &[File]) -> Value {
    let own = item.get("links").and_then(Value::as_array).and_then(|links| {
        let own = links.iter().find(|link| link.get("rel").and_then(Value::as_str) == Some("self"));
        let href = own?.get("href")?.as_str()?;
        Some(json!([{"rel": "canonical", "href": href.split('?').next(), "type": "application/geo+json"}]))
    });
    let assets = item.get("assets").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut kept = Map::new();
    for (key, mut asset) in assets {
        if let Some(file) = came.iter().find(|file| file.key == key)
            && let Some(fields) = asset.as_object_mut()
        {
            fields.insert("href".to_owned(), json!(format!("./{}", file.name)));
            kept.insert(key, asset);
        }
    }
    if let Some(fields) = item.as_object_mut() {
        fields.insert("assets".to_owned(), Value::Object(kept));
        fields.insert("links".to_owned(), own.unwrap_or_else(|| json!([])));
    }
    item
}

/// The name of an asset's file: the last part of its href, with an ending by its media type where that has none.
fn file_name(key: &str, href: &str, media_type: Option<&str>) -> String {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = plain(last);
    if name.contains('.') && !name.starts_with('.') {
        return name;
    }
    let ending = match media_type.and_then(|media_type| media_type.split(';').next()) {
        Some("image/tiff") => ".tif",
        Some("image/jp2") => ".jp2",
        Some("image/png") => ".png",
        Some("image/jpeg") => ".jpg",
        Some("application/json" | "application/geo+json") => ".json",
        Some("application/xml" | "text/xml") => ".xml",
        _ => "",
    };
    format!("{}{ending}", plain(key))
}

/// A name that is nothing but a name.
fn plain(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
        .take(150)
        .collect();
    if plain.starts_with('.') || plain.is_empty() { format!("_{plain}") } else { plain }
}

/// Writes what did not come, or takes the record of an earlier run away.
fn record(path: &Path, failed: &[Value]) -> anyhow::Result<()> {
    if failed.is_empty() {
        return match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        };
    }
    let mut lines: Vec<String> = failed.iter().map(Value::to_string).collect();
    lines.push(String::new());
    replace(path, lines.join("\n").as_bytes())
}

/// Writes a file whole: under another name first.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    written.with_context(|| format!("cannot write {}", path.display()))
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

    #[test]
    fn names_of_files_stay_in_their_folder() {
        assert_eq!(file_name("B04", "https://h/a/B04.tif?sig=x", None), "B04.tif");
        assert_eq!(
            file_name("B04", "https://h/assets/B04", Some("image/tiff; application=geotiff")),
            "B04.tif"
        );
        assert_eq!(file_name("../x", "https://h/..", None), "_..");
        assert_eq!(plain("a/b c"), "a_b_c");
    }
}
