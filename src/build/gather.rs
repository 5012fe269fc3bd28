//! Items as they come, in their order: what is told of them at once, and what waits until the tree is written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stac::{Catalog, Item};

use super::agreement::Agreement;
use super::collection::Sums;
use super::entry::{Entry, Outcome};
use super::facts;
use super::hierarchy::{Hierarchy, catalog_of};
use super::options::{BuildError, Options};
use super::report::{Problem, Report};
use super::spool::{Spool, Spooled};
use crate::tree::{Branch, BranchDocument, Plan, Slot, Stage};

/// A build as far as its Items have come.
pub(super) struct Gathering {
    pub(super) options: Arc<Options>,
    pub(super) hierarchy: Arc<Hierarchy>,
    pub(super) stage: Stage,
    pub(super) report: Report,
    spool: Spool,
    /// What is kept for the next build, a line a raster.
    facts: BufWriter<File>,
    collections: BTreeMap<String, Gathered>,
    /// The file that each Item comes from, by Collection and id.
    first: HashMap<(String, String), PathBuf>,
    guessed: Vec<String>,
}

/// Of one Collection.
struct Gathered {
    sums: Sums,
    agreement: Agreement,
    slots: Vec<Slot>,
}

impl Gathering {
    pub(super) fn new(
        options: Arc<Options>,
        hierarchy: Arc<Hierarchy>,
        stage: Stage,
        report: Report,
    ) -> Result<Self, BuildError> {
        let spool = Spool::new(stage.scratch()?);
        let facts = BufWriter::new(stage.begin(Path::new(facts::AT))?);
        let collections = BTreeMap::new();
        let (first, guessed) = (HashMap::new(), Vec::new());
        Ok(Self { options, hierarchy, stage, report, spool, facts, collections, first, guessed })
    }

    /// Takes in what became of the next entry. Of several Items of one id the first counts.
    pub(super) fn add(&mut self, entry: &Entry, outcome: Outcome) -> Result<(), BuildError> {
        self.report.problems.extend(outcome.problems);
        self.report.warnings.extend(outcome.warnings);
        self.report.read += outcome.read;
        for fact in &outcome.facts {
            serde_json::to_writer(&mut self.facts, fact).map_err(std::io::Error::from)?;
            self.facts.write_all(b"\n")?;
        }
        let Some(item) = outcome.item else { return Ok(()) };
        let collection = entry.collection();
        let id = (collection.to_owned(), item.id.clone());
        if let Some(other) = self.first.get(&id) {
            let reason = format!(
                "both are the Item '{}' of the Collection '{collection}'; the first counts: rename one, or give them ids \
                 by `item` in a definition",
                item.id
            );
            self.report.problems.push(Problem { files: vec![other.clone(), entry.file()], reason });
            return Ok(());
        }
        self.first.insert(id, entry.file());
        if outcome.time_is_guess {
            self.guessed.push(item.id.clone());
        }
        if let Some((at, png)) = outcome.thumbnail {
            self.stage.put(&at, &png)?;
        }
        let key = self.spool.push(&outcome.json)?;
        self.sum_up(collection, &item);
        let slot = Slot {
            time: item.properties.datetime.or(item.properties.start_datetime),
            title: item.properties.title,
            id: item.id,
            folders: outcome.folders,
            key,
        };
        self.report.items += 1;
        self.report.assets += item.assets.len();
        self.gathered(collection).slots.push(slot);
        Ok(())
    }

    fn sum_up(&mut self, collection: &str, item: &Item) {
        let hierarchy = Arc::clone(&self.hierarchy);
        for node in hierarchy.way_up(collection).filter(|node| node.is_collection) {
            let gathered = self.gathered(&node.id);
            if node.id == collection {
                gathered.sums.add(item);
                gathered.agreement.add(item);
            } else {
                gathered.sums.add_below(item);
            }
        }
    }

    fn gathered(&mut self, collection: &str) -> &mut Gathered {
        let definition = self.options.definition.collection(collection);
        self.collections.entry(collection.to_owned()).or_insert_with(|| Gathered {
            sums: Sums::new(definition),
            agreement: Agreement::default(),
            slots: Vec::new(),
        })
    }

    /// All have come: the plan of the tree, and what it is to be written with.
    pub(super) fn finish(self, root: Catalog, layout_has_folders: bool) -> Result<Finished, BuildError> {
        let Self {
            options, hierarchy, mut stage, mut report, spool, facts, mut collections, guessed, ..
        } = self;
        facts.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        stage.end(Path::new(facts::AT))?;
        if let Some(first) = guessed.first() {
            report.warnings.push(format!(
                "{} Items have the time of their files' last change, such as '{first}': nothing else tells it; give \
                 `--datetime` or a definition",
                guessed.len()
            ));
        }
        let with_items: HashSet<String> = collections.keys().cloned().collect();
        let mut hierarchy = Arc::unwrap_or_clone(hierarchy);
        hierarchy.keep_above(&with_items);
        let table = options.table.as_ref().map(|name| stage.dest().join(name).to_string_lossy().into_owned());
        let mut branches = Vec::with_capacity(hierarchy.nodes().len());
        for node in hierarchy.nodes() {
            let Some(gathered) = collections.remove(&node.id).filter(|_| node.is_collection) else {
                let document = BranchDocument::Catalog(Box::new(catalog_of(node, &options.definition)));
                let (parent, folder) = (node.parent.clone(), node.folder.clone());
                branches.push(Branch { document, parent, folder, items: Vec::new() });
                continue;
            };
            let Gathered { sums, agreement, slots } = gathered;
            report.warnings.extend(agreement.warnings(&node.id));
            if !slots.is_empty() {
                report.collections.push((node.id.clone(), slots.len()));
            }
            let times = slots.iter().filter_map(|slot| slot.time).collect();
            let definition = options.definition.collection(&node.id);
            let collection = sums.collection(&node.id, &node.folder, definition, times, table.as_deref());
            branches.push(Branch {
                document: BranchDocument::Collection(Box::new(collection)),
                parent: node.parent.clone(),
                folder: node.folder.clone(),
                items: slots,
            });
        }
        let linking = options.linking.clone();
        let plan = Plan { root, branches, linking, by_folders: layout_has_folders };
        Ok(Finished { stage, report, spooled: spool.finish()?, plan })
    }
}

/// A tree that is ready to be written.
pub(super) struct Finished {
    pub(super) stage: Stage,
    pub(super) report: Report,
    pub(super) spooled: Spooled,
    pub(super) plan: Plan,
}
