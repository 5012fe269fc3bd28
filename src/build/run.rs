//! The whole way from a folder to a tree.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use stac::{Catalog, Item};

use super::bands::Context;
use super::cloud::cover_percent;
use super::collection::collection_of;
use super::definition::Definition;
use super::describe::{Described, describe, time_of};
use super::group::{Group, Member, Rules};
use super::inspect::inspect;
use super::known;
use super::options::{BuildError, Options, Progress};
use super::report::{Problem, Report};
use super::scan::{Scan, scan};
use super::takeover::take;
use crate::storage::{Location, Storage};
use crate::tree::{Branch, publish};

/// Describes all rasters below a folder and writes them as a static tree.
///
/// Files that cannot be catalogued are named in the report and do not keep the others from the tree. Memory holds all Items
/// at once, some 5 KB each. `progress` is called from this task only.
///
/// # Errors
/// When the source is no folder or holds nothing at all, or the tree cannot be written.
pub async fn run(
    storage: &Storage,
    options: &Options,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Report, BuildError> {
    let source = std::fs::canonicalize(&options.source)
        .map_err(|source| BuildError::Source { path: options.source.clone(), source })?;
    if source.is_file() {
        return Err(BuildError::SourceIsFile { path: options.source.clone() });
    }
    let dest = options.dest.clone();
    let found = blocking({
        let (source, dest) = (source.clone(), dest.clone());
        move || scan(&source, &dest)
    })
    .await?;
    if found.rasters.is_empty() && found.documents.is_empty() && found.failures.is_empty() {
        return Err(BuildError::Empty { path: options.source.clone() });
    }
    let source_name = source.file_name().map_or_else(|| "catalog".into(), |name| name.to_string_lossy());
    let rules = Rules { definition: &options.definition, source_name: &source_name };
    let mut build = Build { storage, options, rules, report: Report::default(), items: BTreeMap::new() };
    build.describe_all(found, progress).await?;
    let Build { rules, mut report, items, .. } = build;

    let branches: Vec<Branch> = items
        .into_iter()
        .map(|(id, items)| {
            let items: Vec<Item> = items.into_iter().map(|entry| entry.item).collect();
            Branch { collection: collection_of(&id, &items, rules.definition_of(&id)), items }
        })
        .collect();
    report.collections = branches.iter().map(|b| (b.collection.id.clone(), b.items.len())).collect();
    report.items = branches.iter().map(|b| b.items.len()).sum();
    report.assets = branches.iter().flat_map(|b| &b.items).map(|item| item.assets.len()).sum();
    let root = root_of(&options.definition, &source_name);
    progress(Progress::Writing { items: report.items });
    let published = blocking(move || publish(&dest, root, branches)).await??;
    let dest = published.root.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    if !dest.is_some_and(|dest| source.starts_with(dest)) {
        report.outside.insert(0, source);
    }
    report.catalog = published.root;
    report.documents = published.documents;
    report.changed = published.changed;
    Ok(report)
}

fn root_of(definition: &Definition, source_name: &str) -> Catalog {
    let catalog = &definition.catalog;
    let id = catalog.id.clone().unwrap_or_else(|| source_name.to_owned());
    let description = catalog.description.clone();
    let description =
        description.unwrap_or_else(|| format!("The rasters of {source_name}, described by Cairn."));
    let mut root = Catalog::new(id, description);
    root.title.clone_from(&catalog.title);
    root
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, BuildError> {
    tokio::task::spawn_blocking(work).await.map_err(|_join| BuildError::Interrupted)
}

/// An Item and the file that it comes from.
#[derive(Debug)]
struct Entry {
    item: Item,
    from: PathBuf,
}

/// A build under way.
struct Build<'a> {
    storage: &'a Storage,
    options: &'a Options,
    rules: Rules<'a>,
    report: Report,
    /// Items by Collection.
    items: BTreeMap<String, Vec<Entry>>,
}

/// What became of one group of files.
#[derive(Debug, Default)]
struct Outcome {
    item: Option<Item>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// True when the time is that of a file's last change.
    time_is_guess: bool,
}

impl Build<'_> {
    async fn describe_all(
        &mut self,
        found: Scan,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), BuildError> {
        for (path, error) in &found.failures {
            self.report.problems.push(Problem::of(path, error));
        }
        let Scan { mut rasters, documents, .. } = found;
        let (taken, problems) = blocking(move || {
            let mut problems = Vec::new();
            let mut taken = Vec::new();
            for document in documents {
                let path = document.path.clone();
                match take(document) {
                    Ok(item) => taken.extend(item),
                    Err(error) => problems.push(Problem::of(path, &error)),
                }
            }
            (taken, problems)
        })
        .await?;
        self.report.problems.extend(problems);
        let mut covered = HashSet::new();
        let mut entries = Vec::new();
        for taken in taken {
            for file in &taken.files {
                if !file.exists() {
                    let (file, document) = (file.display(), taken.document.path.display());
                    self.report.warnings.push(format!("{document} names {file}, which is not there"));
                }
            }
            covered.extend(taken.files);
            let (collection, ..) = self.rules.collection_of(&taken.document.relative);
            entries.push((collection, Entry { item: taken.item, from: taken.document.path }));
        }
        rasters.retain(|file| !covered.contains(&file.path));
        let (groups, clashes) = self.rules.group(rasters);
        for clash in clashes {
            let reason =
                format!("both are the asset '{}' of the Item '{}'; the first counts", clash.key, clash.id);
            self.report.problems.push(Problem { files: vec![clash.first, clash.left_out], reason });
        }
        let described = self.describe_groups(&groups, progress).await;
        let mut guessed: Vec<String> = Vec::new();
        for (group, outcome) in groups.into_iter().zip(described) {
            self.report.problems.extend(outcome.problems);
            self.report.warnings.extend(outcome.warnings);
            if let Some(item) = outcome.item {
                if outcome.time_is_guess {
                    guessed.push(item.id.clone());
                }
                let from = group.members.into_iter().next().map(|m| m.file.path).unwrap_or_default();
                entries.push((group.collection, Entry { item, from }));
            }
        }
        if let Some(first) = guessed.first() {
            self.report.warnings.push(format!(
                "{} Items have the time of their files' last change, such as '{first}': nothing else tells it; give \
                 `--datetime` or a definition",
                guessed.len()
            ));
        }
        self.keep_distinct(entries);
        Ok(())
    }

    /// Describes groups, some at a time, in their order.
    async fn describe_groups(
        &self,
        groups: &[Group],
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Vec<Outcome> {
        let total = groups.iter().map(|g| g.members.len()).sum();
        let done = AtomicUsize::new(0);
        let at_once = 2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        progress(Progress::Reading { done: 0, total });
        let described = futures::stream::iter(groups)
            .map(|group| async {
                let outcome = self.describe_group(group).await;
                let done = done.fetch_add(group.members.len(), Ordering::Relaxed) + group.members.len();
                progress(Progress::Reading { done, total });
                outcome
            })
            .buffered(at_once);
        described.collect().await
    }

    async fn describe_group(&self, group: &Group) -> Outcome {
        let mut outcome = Outcome::default();
        let definition = self.rules.definition_of(&group.collection);
        let mut parts = Vec::with_capacity(group.members.len());
        for member in &group.members {
            match self.inspect(member, definition.and_then(|d| d.epsg)).await {
                Ok(part) => {
                    if let Some(codec) = part.raster.unreadable {
                        outcome.warnings.push(format!(
                            "{}: /patch cannot read {codec} compression; convert it with `cairn convert`",
                            member.file.path.display()
                        ));
                    }
                    parts.push(part);
                }
                Err(problem) => outcome.problems.push(problem),
            }
        }
        // Nothing of it could be read: no Item, whatever time a definition knows.
        if parts.is_empty() {
            return outcome;
        }
        let tokens = group.members.iter().filter_map(|m| m.band.as_deref());
        let path = group.members.first().map(|m| m.file.relative.as_str()).unwrap_or_default();
        let context = Context { definition, is_sentinel_2: known::is_sentinel_2(tokens, path) };
        let fallback = definition.and_then(super::definition::CollectionDefinition::fallback_time);
        let Some(time) = time_of(&parts, fallback.or(self.options.datetime)) else { return outcome };
        let mut cover = None;
        if let Some(wanted) = definition.and_then(|d| d.cloud_cover.as_ref())
            && let Some(part) = parts.iter().find(|p| p.member.band.as_deref() == Some(&wanted.band))
        {
            let nodata = context.defined(&wanted.band).and_then(|band| band.nodata);
            match cover_percent(self.storage, &part.member.file.path, &wanted.values, nodata).await {
                Ok(percent) => cover = percent,
                Err(error) => outcome.problems.push(Problem::of(&part.member.file.path, &error)),
            }
        }
        match describe(group, &parts, time, cover, context) {
            Ok(item) => {
                outcome.time_is_guess = time.is_guess;
                outcome.item = Some(item);
            }
            Err(error) => {
                let mut problem = Problem::of(PathBuf::new(), &error);
                problem.files = parts.into_iter().map(|p| p.member.file.path).collect();
                outcome.problems.push(problem);
            }
        }
        outcome
    }

    async fn inspect(&self, member: &Member, epsg: Option<u32>) -> Result<Described, Problem> {
        let path = &member.file.path;
        let raster = inspect(self.storage, path, epsg).await.map_err(|e| Problem::of(path, &e))?;
        let modified = self.modified(path).await?;
        Ok(Described { member: member.clone(), raster, modified })
    }

    async fn modified(&self, path: &Path) -> Result<DateTime<Utc>, Problem> {
        let location = Location::from_path(path).map_err(|e| Problem::of(path, &e))?;
        let meta = self.storage.meta(&location).await.map_err(|e| Problem::of(path, &e))?;
        Ok(meta.modified)
    }

    /// Keeps the first Item of each id in a Collection; the order is that of files, documents before rasters.
    fn keep_distinct(&mut self, entries: Vec<(String, Entry)>) {
        let mut first: HashMap<(String, String), PathBuf> = HashMap::new();
        for (collection, entry) in entries {
            let id = (collection.clone(), entry.item.id.clone());
            if let Some(other) = first.get(&id) {
                let reason = format!(
                    "both are the Item '{}' of the Collection '{collection}'; the first counts: rename one, or give \
                     them ids by `item` in a definition",
                    entry.item.id
                );
                self.report.problems.push(Problem { files: vec![other.clone(), entry.from], reason });
                continue;
            }
            first.insert(id, entry.from.clone());
            self.items.entry(collection).or_default().push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stripped 4 × 4 TIFF of bytes in EPSG:4326, its corner at 10° E, 50° N, or anywhere unknown.
    fn tiff(located: bool) -> Vec<u8> {
        let mut tags: Vec<(u16, u16, Vec<u8>)> = Vec::new();
        let short = |v: u16| v.to_le_bytes().to_vec();
        for (tag, value) in [(256, 4), (257, 4), (258, 8), (259, 1), (262, 1), (277, 1), (278, 4)] {
            tags.push((tag, 3, short(value)));
        }
        tags.push((273, 4, 8_u32.to_le_bytes().to_vec()));
        tags.push((279, 4, 16_u32.to_le_bytes().to_vec()));
        if located {
            let doubles = |v: &[f64]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
            tags.push((33_550, 12, doubles(&[0.5, 0.5, 0.0])));
            tags.push((33_922, 12, doubles(&[0.0, 0.0, 0.0, 10.0, 50.0, 0.0])));
            let keys = [1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326_u16];
            tags.push((34_735, 3, keys.iter().flat_map(|v| v.to_le_bytes()).collect()));
        }
        tags.sort_by_key(|(tag, ..)| *tag);
        let mut file = b"II*\0\x18\0\0\0".to_vec();
        file.extend([7; 16]);
        let number = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
        let mut tail = Vec::new();
        let tail_at = file.len() + 2 + 12 * tags.len() + 4;
        file.extend(u16::try_from(tags.len()).expect("few").to_le_bytes());
        for (tag, kind, bytes) in tags {
            let size = match kind {
                3 => 2,
                4 => 4,
                _ => 8,
            };
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(number(bytes.len() / size));
            if bytes.len() <= 4 {
                let mut value = bytes;
                value.resize(4, 0);
                file.extend(value);
            } else {
                file.extend(number(tail_at + tail.len()));
                tail.extend(bytes);
            }
        }
        file.extend(number(0));
        file.extend(tail);
        file
    }

    fn write(path: &Path, bytes: &[u8]) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    async fn built(source: &Path, dest: &Path) -> Result<Report, BuildError> {
        let options = Options { source: source.to_owned(), dest: dest.to_owned(), ..Options::default() };
        run(&Storage::default(), &options, &|_progress| {}).await
    }

    fn read(path: &Path) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(path).expect("a document")).expect("JSON")
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_and_the_rest_is_built() {
        let dir = tempfile::tempdir().expect("a folder");
        let src = dir.path().join("src");
        for (name, bytes) in [
            ("c/a_20240105_B04.tif", tiff(true)),
            ("c/a_20240105_SCL.tif", tiff(true)),
            ("c/nowhere.tif", tiff(false)),
            ("c/broken.tif", b"no TIFF".to_vec()),
            ("c/x/twin.tif", tiff(true)),
            ("c/y/twin.tif", tiff(true)),
        ] {
            write(&src.join(name), &bytes);
        }
        // The tree lies below the source: it is not scanned.
        let dest = src.join("tree");
        let report = built(&src, &dest).await.expect("a tree");
        assert_eq!(report.collections, [("c".to_owned(), 2)]);
        let told: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told.iter().any(|p| p.contains("broken.tif") && p.contains("signature")), "{told:#?}");
        assert!(told.iter().any(|p| p.contains("nowhere.tif") && p.contains("gdal_edit")), "{told:#?}");
        let twins = |p: &String| p.contains("x/twin.tif") && p.contains("y/twin.tif");
        assert!(told.iter().any(twins), "{told:#?}");
        assert_eq!(report.warnings.len(), 1, "twin.tif has no time");
        let item = read(&dest.join("c/a_20240105/a_20240105.json"));
        assert_eq!(item["properties"]["datetime"], "2024-01-05T00:00:00Z");
        assert_eq!(item["assets"]["B04"]["href"], "../../../c/a_20240105_B04.tif");
        assert_eq!(item["bbox"], serde_json::json!([10.0, 48.0, 12.0, 50.0]));

        let again = built(&src, &dest).await.expect("a tree");
        assert_eq!((again.changed, again.items), (0, 2));
    }

    #[tokio::test]
    async fn items_beside_rasters_are_taken_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let src = dir.path().join("src");
        write(&src.join("c/p/B04.tif"), &tiff(true));
        write(&src.join("c/p/B05.tif"), &tiff(true));
        let item = serde_json::json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "kept", "geometry": null, "links": [],
            "properties": {"datetime": "2020-02-02T00:00:00Z", "mine": 1},
            "assets": {"red": {"href": "./B04.tif"}}
        });
        write(&src.join("c/p/kept.json"), item.to_string().as_bytes());
        let dest = dir.path().join("tree");
        let report = built(&src, &dest).await.expect("a tree");
        assert_eq!((report.items, report.problems.len()), (2, 0));
        assert_eq!(report.outside.len(), 1);
        let kept = read(&dest.join("c/kept/kept.json"));
        assert_eq!(kept["assets"]["red"]["href"], "../../../src/c/p/B04.tif");
        assert_eq!(kept["properties"]["mine"], 1);
        assert!(dest.join("c/B05/B05.json").is_file(), "a raster that the Item does not name");
    }

    #[tokio::test]
    async fn a_source_without_rasters_is_an_error() {
        let dir = tempfile::tempdir().expect("a folder");
        let error = built(dir.path(), &dir.path().join("tree")).await.expect_err("empty");
        assert!(matches!(error, BuildError::Empty { .. }));
        let error = built(&dir.path().join("none"), dir.path()).await.expect_err("no folder");
        assert!(error.to_string().contains("none"), "{error}");
    }
}
