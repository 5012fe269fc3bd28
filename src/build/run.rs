//! The whole way from a folder to a tree.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures::StreamExt as _;
use stac::Catalog;

use super::definition::Definition;
use super::entry::{Entry, Maker};
use super::facts::{self, Facts};
use super::gather::{Finished, Gathering};
use super::group::Rules;
use super::hierarchy::{Hierarchy, add_folder};
use super::options::{BuildError, Options, Progress};
use super::report::{Problem, Report};
use super::scan::{Found, Scan, scan};
use super::takeover::{Taken, take};
use crate::pool::{Pool, blocking};
use crate::storage::Storage;
use crate::tree::{Layout, Stage, publish};

/// Describes all rasters below a folder and writes them as a static tree, in the place of an earlier one.
///
/// Files that cannot be catalogued are named in the report and do not keep the others from the tree. Memory holds paths, ids
/// and times, some 1 KB an Item; Items pass through a scratch file. `progress` is called from this task only.
///
/// # Errors
/// When the source is no folder or holds nothing at all, or the tree cannot be written.
pub async fn run(
    storage: &Storage,
    options: &Options,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Report, BuildError> {
    let started = SystemTime::now();
    let options = Arc::new(options.clone());
    let source = std::fs::canonicalize(&options.source)
        .map_err(|source| BuildError::Source { path: options.source.clone(), source })?;
    if source.is_file() {
        return Err(BuildError::SourceIsFile { path: options.source.clone() });
    }
    let layout = Arc::new(match &options.layout {
        Some(layout) => layout.clone(),
        None => options.definition.layout()?,
    });
    let source: Arc<Path> = source.into();
    let Sorted { entries, hierarchy, report, source_name } = blocking({
        let (source, options) = (Arc::clone(&source), Arc::clone(&options));
        move || sort(&source, &options)
    })
    .await?;
    let (stage, known) = blocking({
        let dest = options.dest.clone();
        move || {
            let stage = Stage::open(&dest)?;
            let known = Facts::open(&stage.old(Path::new(facts::AT)));
            Ok::<_, BuildError>((stage, known))
        }
    })
    .await?;
    let dest: Arc<Path> = stage.dest().into();
    let maker = Maker {
        storage: storage.clone(),
        pool: Pool::new()?,
        options: Arc::clone(&options),
        layout: Arc::clone(&layout),
        hierarchy: Arc::clone(&hierarchy),
        known: Arc::new(known),
        source: Arc::clone(&source),
        dest: Arc::clone(&dest),
    };
    let gathering = Gathering::new(Arc::clone(&options), hierarchy, stage, report)?;
    let gathering = make_all(&maker, entries, gathering, progress).await?;
    drop(maker);
    progress(Progress::Writing { items: gathering.report.items });
    let root = root_of(&options.definition, &source_name);
    let mut report = blocking(move || {
        let finished = gathering.finish(root, layout.has_folders())?;
        let Finished { mut stage, mut report, spooled, plan } = finished;
        report.documents = publish(&mut stage, plan, &mut |key| spooled.get(key))?;
        let committed = stage.commit()?;
        (report.changed, report.dropped) = (committed.changed, committed.dropped);
        if committed.one_by_one {
            report.warnings.push(
                "the tree was written document by document, as its folder cannot be exchanged for another in one step \
                 (a mount point, or a parent folder that is not writable)"
                    .to_owned(),
            );
        }
        if report.read > 0 {
            Facts::confirm(&dest, started)?;
        }
        report.catalog = dest.join(Layout::root());
        Ok::<_, BuildError>(report)
    })
    .await?;
    let folder = report.catalog.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    if !folder.is_some_and(|folder| source.starts_with(folder)) {
        report.outside.insert(0, source.to_path_buf());
    }
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

/// What lies below the source, sorted into Items to be.
struct Sorted {
    /// Documents before rasters, in the order of their files.
    entries: Vec<Entry>,
    hierarchy: Arc<Hierarchy>,
    report: Report,
    source_name: String,
}

fn sort(source: &Path, options: &Options) -> Result<Sorted, BuildError> {
    let Scan { mut rasters, documents, failures } = scan(source, &options.dest);
    if rasters.is_empty() && documents.is_empty() && failures.is_empty() {
        return Err(BuildError::Empty { path: options.source.clone() });
    }
    let name = source.file_name().map_or_else(|| "catalog".into(), |name| name.to_string_lossy());
    let rules = Rules {
        definition: &options.definition,
        source_name: &name,
        nested: options.nested || options.definition.catalog.nested,
    };
    let mut report = Report::default();
    report.problems.extend(failures.iter().map(|(path, error)| Problem::of(path, error)));
    let mut collections = BTreeMap::new();
    let mut folder_of = |file: &Found, collection: &str| {
        let by_folder = rules.by_folder(&file.relative);
        let folder = by_folder.folder.filter(|_| rules.nested && by_folder.id == collection);
        add_folder(&mut collections, collection, folder)
    };
    let mut covered = HashSet::new();
    let mut entries = Vec::new();
    for document in documents {
        let path = document.path.clone();
        match take(document) {
            Ok(None) => {}
            Ok(Some(Taken { document, files, .. })) => {
                for file in files.iter().filter(|file| !file.exists()) {
                    let (file, document) = (file.display(), document.path.display());
                    report.warnings.push(format!("{document} names {file}, which is not there"));
                }
                covered.extend(files);
                let (collection, ..) = rules.collection_of(&document.relative);
                folder_of(&document, &collection)?;
                entries.push(Entry::Taken { collection, document });
            }
            Err(error) => report.problems.push(Problem::of(path, &error)),
        }
    }
    rasters.retain(|file| !covered.contains(&file.path));
    let (groups, clashes) = rules.group(rasters);
    for clash in clashes {
        let reason =
            format!("both are the asset '{}' of the Item '{}'; the first counts", clash.key, clash.id);
        report.problems.push(Problem { files: vec![clash.first, clash.left_out], reason });
    }
    for group in groups {
        if let Some(member) = group.members.first() {
            folder_of(&member.file, &group.collection)?;
        }
        entries.push(Entry::Group(group));
    }
    let hierarchy = Arc::new(Hierarchy::new(&collections, &options.definition));
    Ok(Sorted { entries, hierarchy, report, source_name: name.into_owned() })
}

/// Makes Items, some at a time, and gathers them in their order.
async fn make_all(
    maker: &Maker,
    entries: Vec<Entry>,
    mut gathering: Gathering,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Gathering, BuildError> {
    let total = entries.iter().map(Entry::rasters).sum();
    let mut done = 0;
    let at_once = 2 * maker.pool.width();
    progress(Progress::Reading { done: 0, total });
    let mut made = futures::stream::iter(entries)
        .map(|entry| async {
            let outcome = maker.make(&entry).await;
            (entry, outcome)
        })
        .buffered(at_once);
    while let Some((entry, outcome)) = made.next().await {
        gathering.add(&entry, outcome)?;
        done += entry.rasters();
        progress(Progress::Reading { done, total });
    }
    Ok(gathering)
}
