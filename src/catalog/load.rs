//! Sources become one snapshot: Collections merged, duplicates settled, missing Collections derived.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::parse::{Parsed, own_links, parse};
use super::snapshot::{Collection, Snapshot};
use super::sources::{LoadError, Source};
use crate::pool::Pool;
use crate::stac::{Bbox, format_instant};
use crate::storage::{Location, Storage};
use crate::tree::{Found, ItemSource, Kind, Parent, Problem, Resolver, walk};

/// What was loaded, and what was not.
#[derive(Debug, Default)]
pub struct LoadReport {
    /// Items in the snapshot.
    pub items: usize,
    /// Collections in the snapshot.
    pub collections: usize,
    /// Documents and Items that were left out.
    pub problems: Vec<Problem>,
    /// What was put right: documents that disagree, Collections that nobody defined.
    pub warnings: Vec<Problem>,
    /// Every document that was looked for.
    pub(super) documents: Vec<Location>,
}

/// What parsing made of one Item.
type Outcome = Result<(Location, Box<Parsed>), Problem>;

/// Loads all sources in their order.
pub(super) async fn load(
    sources: &[Source],
    storage: &Storage,
    pool: &Pool,
) -> Result<(Snapshot, LoadReport), LoadError> {
    let mut merge = Merge::default();
    for source in sources {
        let found = match source {
            Source::Tree(root) => {
                let walked = walk(storage, pool, root, parse_item).await?;
                merge.report.documents.extend(walked.documents);
                walked.found
            }
            Source::Ndjson(location) => {
                let bytes = storage.read(location).await?;
                merge.report.documents.push(location.clone());
                let location = location.clone();
                pool.run(move || parse_lines(&location, &bytes)).await
            }
            Source::StandardInput => {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes)?;
                let location = Location::Local("/dev/stdin".into());
                pool.run(move || parse_lines(&location, &bytes)).await
            }
        };
        for thing in found {
            merge.add(thing);
        }
    }
    Ok(pool.run(move || merge.finish()).await)
}

fn parse_item(source: &ItemSource<'_>) -> Outcome {
    match parse(source) {
        Ok(parsed) => Ok((source.location.clone(), Box::new(parsed))),
        Err(error) => Err(Problem::of(source.location.clone(), &error)),
    }
}

fn parse_lines(location: &Location, bytes: &[u8]) -> Vec<Found<Outcome>> {
    let resolver = Resolver::new(location, &Value::Null);
    bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(index, json)| {
            let source =
                ItemSource { location, json, collection: None, parent_id: "items", resolver: &resolver };
            Found::Item(parse_item(&source).map_err(|problem| Problem {
                reason: format!("line {}: {}", index + 1, problem.reason),
                ..problem
            }))
        })
        .collect()
}

/// Puts together what was found, in load order.
#[derive(Default)]
struct Merge {
    root: Option<(Option<String>, Option<String>)>,
    collections: Vec<Collection>,
    index: HashMap<String, u32>,
    items: Vec<(u32, Parsed)>,
    /// Items in load order, before the Collections that come after them are known.
    waiting: Vec<(Location, Parsed)>,
    report: LoadReport,
}

impl Merge {
    fn add(&mut self, found: Found<Outcome>) {
        match found {
            Found::Problem(problem) | Found::Item(Err(problem)) => self.report.problems.push(problem),
            Found::Item(Ok((location, parsed))) => {
                for reason in &parsed.warnings {
                    self.warn(&location, format!("Item '{}': {reason}", parsed.id));
                }
                self.waiting.push((location, *parsed));
            }
            Found::Parent(parent) => self.add_parent(parent),
        }
    }

    fn add_parent(&mut self, parent: Parent) {
        let text = |field: &str| parent.document.get(field).and_then(Value::as_str).map(str::to_owned);
        if self.root.is_none() {
            self.root = Some((text("title"), text("description")));
        }
        if parent.kind != Kind::Collection {
            return;
        }
        let Some(id) = text("id").filter(|id| !id.is_empty()) else {
            let reason = "a Collection has an id".to_owned();
            self.report.problems.push(Problem { location: parent.location, reason });
            return;
        };
        if self.index.contains_key(&id) {
            self.warn(
                &parent.location,
                format!("the Collection '{id}' is defined already; the first counts"),
            );
            return;
        }
        let document = served_collection(&parent);
        self.push_collection(Collection { id, document });
    }

    fn push_collection(&mut self, collection: Collection) {
        let index = u32::try_from(self.collections.len()).unwrap_or(u32::MAX);
        self.index.insert(collection.id.clone(), index);
        self.collections.push(collection);
    }

    fn warn(&mut self, location: &Location, reason: String) {
        self.report.warnings.push(Problem { location: location.clone(), reason });
    }

    fn finish(mut self) -> (Snapshot, LoadReport) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut orphans: Vec<(Location, Vec<Parsed>)> = Vec::new();
        let mut orphan_index: HashMap<String, usize> = HashMap::new();
        let mut seen: HashSet<(String, String)> = HashSet::new();
        for (location, item) in waiting {
            if !seen.insert((item.collection.clone(), item.id.clone())) {
                let reason = format!(
                    "the Item '{}' is in the Collection '{}' already; the first counts",
                    item.id, item.collection
                );
                self.warn(&location, reason);
            } else if let Some(index) = self.index.get(&item.collection) {
                self.items.push((*index, item));
            } else {
                let at = *orphan_index.entry(item.collection.clone()).or_insert_with(|| {
                    orphans.push((location, Vec::new()));
                    orphans.len() - 1
                });
                orphans[at].1.push(item);
            }
        }
        for (location, items) in orphans {
            let Some(id) = items.first().map(|item| item.collection.clone()) else { continue };
            self.warn(
                &location,
                format!("nobody defines the Collection '{id}': it is derived from its Items"),
            );
            let document = derived_collection(&id, &items);
            self.push_collection(Collection { id: id.clone(), document });
            let index = self.index[&id];
            self.items.extend(items.into_iter().map(|item| (index, item)));
        }
        let mut snapshot = Snapshot::build(self.collections, self.items);
        (snapshot.title, snapshot.description) = self.root.unwrap_or_default();
        self.report.items = snapshot.len();
        self.report.collections = snapshot.collections().len();
        (snapshot, self.report)
    }
}

/// A Collection's document with only the links that lead out of the catalogue, and absolute asset hrefs.
fn served_collection(parent: &Parent) -> Value {
    let mut document = parent.document.clone();
    let resolver = Resolver::new(&parent.location, &Value::Null);
    let source = ItemSource {
        location: &parent.location,
        json: &[],
        collection: None,
        parent_id: "",
        resolver: &resolver,
    };
    let links = document.get("links").cloned().unwrap_or_default();
    let own: Vec<Value> =
        own_links(&links, &source).iter().filter_map(|link| serde_json::from_str(link).ok()).collect();
    document["links"] = own.into();
    document["type"] = "Collection".into();
    if let Some(assets) = document.get_mut("assets").and_then(Value::as_object_mut) {
        assets.retain(|_, asset| {
            let href = asset.get("href").and_then(Value::as_str).unwrap_or_default();
            match crate::tree::public_href(&resolver, &parent.location, href) {
                Some(public) => {
                    asset["href"] = public.into();
                    true
                }
                None => false,
            }
        });
    }
    for (field, value) in [
        ("description", json!("A Collection without a description")),
        ("license", json!("other")),
        ("stac_version", json!("1.0.0")),
        (
            "extent",
            json!({"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}),
        ),
    ] {
        if document.get(field).is_none() {
            document[field] = value;
        }
    }
    document
}

/// A Collection for Items that name one which nobody defined.
fn derived_collection(id: &str, items: &[Parsed]) -> Value {
    let bbox = items
        .iter()
        .filter_map(|item| item.footprint.as_ref())
        .flat_map(|f| f.rects.iter())
        .map(|r| Bbox {
            west: r.min().x.max(-180.0),
            south: r.min().y,
            east: r.max().x.min(180.0),
            north: r.max().y,
        })
        .filter(|b| b.west <= b.east)
        .reduce(|a, b| a.union(&b))
        .map_or([-180.0, -90.0, 180.0, 90.0], |b| b.to_array());
    let first = items.iter().map(|item| item.time.first).min().map(format_instant);
    let last = items.iter().map(|item| item.time.last).max().map(format_instant);
    json!({
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": id,
        "description": format!("Derived from the Items that name the Collection {id}"),
        "license": "other",
        "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[first, last]]}},
        "links": []
    })
}
