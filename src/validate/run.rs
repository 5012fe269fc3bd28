//! A walk through a catalogue: what its documents say of one another, and whether what they name is there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use serde_json::Value;

use super::document;
use super::extent::{Extents, Place};
use super::finding::{Finding, Report};
use super::raster;
use crate::cog;
use crate::pool::Pool;
use crate::stac::Schemas;
use crate::storage::{Location, Storage, StorageError, in_one_line};
use crate::tree::{Found, ItemSource, Kind, Parent, Resolver, Sums, WalkError, kind_of, links_of, walk};

/// Files looked for at once.
const AT_ONCE: usize = 32;
/// Links that the structure of a tree stands on.
const STRUCTURAL: [&str; 6] = ["root", "parent", "child", "item", "items", "collection"];

/// What is looked at besides the documents.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Holds rasters against what Items say of them.
    pub deep: bool,
    /// Checks that rasters are COGs.
    pub cog: bool,
}

/// Something that a document names.
struct Named {
    location: Location,
    /// Of a link; none for an asset.
    rel: Option<String>,
    href: String,
}

/// What one document is found to be.
struct Checked {
    location: Location,
    findings: Vec<Finding>,
    named: Vec<Named>,
    elsewhere: usize,
    /// Assets to be opened, by key.
    rasters: Vec<(String, Location)>,
    item: Option<ItemFacts>,
    document: Arc<Value>,
}

/// What of an Item is held against other documents.
struct ItemFacts {
    collection: Option<String>,
    id: String,
    place: Place,
    location: Location,
}

/// Checks a catalogue. `told` hears how many documents have been looked at.
///
/// # Errors
/// When its root cannot be read.
pub async fn run(
    storage: &Storage,
    pool: &Pool,
    root: &Location,
    options: Options,
    told: impl Fn(usize),
) -> Result<Report, WalkError> {
    let schemas = Arc::new(Schemas::default());
    let home = root.parent();
    let on_item = {
        let (schemas, home) = (Arc::clone(&schemas), home.clone());
        let opens = options.deep || options.cog;
        move |source: &ItemSource<'_>| Box::new(check_item(&schemas, source, &home, opens))
    };
    // The walk resolves hrefs as the server does: those of a tree that was copied lead into the copy.
    let bytes = storage.read(root).await?;
    let resolver = serde_json::from_slice::<Value>(&bytes).map(|document| Resolver::new(root, &document));
    let mut found = walk(storage, None, pool, root, Box::new(|_| None), Sums::Omitted, on_item).await?;
    let mut run = Run { storage, pool, options, report: Report::default(), there: HashMap::new() };
    let (mut extents, mut items) = (Extents::default(), Vec::new());
    let mut ids: HashMap<String, Location> = HashMap::new();
    let mut done = 0;
    while let Some(next) = found.next().await {
        match next {
            Found::Document(_) => continue,
            Found::Problem(problem) | Found::Outside(problem) => {
                run.report.add(Finding::error("document", &problem.location, problem.reason));
            }
            Found::Parent(parent) => {
                if let Some(finding) = taken_id(&mut ids, &parent) {
                    run.report.add(finding);
                }
                match parent.kind {
                    Kind::Collection => {
                        run.report.collections += 1;
                        let id = parent.document.get("id").and_then(Value::as_str).unwrap_or_default();
                        extents.declare(id, &parent.location, &parent.document);
                    }
                    _ => run.report.catalogs += 1,
                }
                if let Ok(resolver) = &resolver {
                    let (schemas, resolver, home) = (Arc::clone(&schemas), resolver.clone(), home.clone());
                    let checked = pool.run(move || check_parent(&schemas, &parent, &resolver, &home)).await;
                    run.follow(checked).await;
                }
            }
            Found::Item(mut checked) => {
                run.report.items += 1;
                items.extend(checked.item.take());
                run.follow(*checked).await;
            }
        }
        done += 1;
        told(done);
    }
    let mut report = run.report;
    let mut seen: HashMap<(Option<String>, String), Location> = HashMap::new();
    for ItemFacts { collection, id, place, location } in items {
        if let Some(collection) = &collection {
            extents.hold(collection, &id, &place);
        }
        let message = |first: &Location| format!("another Item of its Collection has the id '{id}': {first}");
        match seen.get(&(collection.clone(), id.clone())) {
            Some(first) => report.add(Finding::error("id", &location, message(first))),
            None => drop(seen.insert((collection, id), location)),
        }
    }
    for finding in extents.findings() {
        report.add(finding);
    }
    Ok(report)
}

/// Catalogs and Collections share one space of ids: that is how clients tell them apart.
fn taken_id(ids: &mut HashMap<String, Location>, parent: &Parent) -> Option<Finding> {
    let id = parent.document.get("id").and_then(Value::as_str)?;
    if let Some(first) = ids.get(id) {
        let message = format!("another Catalog or Collection has the id '{id}': {first}");
        return Some(Finding::error("id", &parent.location, message));
    }
    ids.insert(id.to_owned(), parent.location.clone());
    None
}

fn check_parent(schemas: &Schemas, parent: &Parent, resolver: &Resolver, home: &Location) -> Checked {
    let mut checked = Checked::new(parent.location.clone());
    checked.findings = document::check(schemas, &parent.location, &parent.document);
    checked.name(&parent.location, &parent.document, resolver, home);
    checked
}

fn check_item(schemas: &Schemas, source: &ItemSource<'_>, home: &Location, opens: bool) -> Checked {
    let mut checked = Checked::new(source.location.clone());
    let document: Value = match serde_json::from_slice(source.json) {
        Ok(document) => document,
        Err(error) => {
            checked.findings.push(Finding::error("document", source.location, error.to_string()));
            return checked;
        }
    };
    checked.findings = document::check(schemas, source.location, &document);
    if !matches!(kind_of(&document), Ok(Kind::Item)) {
        return checked;
    }
    checked.name(source.location, &document, source.resolver, home);
    let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    if let (Some(own), Some(above)) = (text("collection"), source.collection)
        && own != above
    {
        let message = format!("its collection is '{own}', but it lies in '{above}'");
        checked.findings.push(Finding::error("link", source.location, message));
    }
    let collection = source.collection.map(str::to_owned).or_else(|| text("collection"));
    checked.item = Some(ItemFacts {
        collection,
        id: text("id").unwrap_or_default(),
        place: Place::of(&document),
        location: source.location.clone(),
    });
    if opens {
        let assets = document.get("assets").and_then(Value::as_object);
        for (key, asset) in assets.into_iter().flatten() {
            let href = asset.get("href").and_then(Value::as_str).unwrap_or_default();
            if let Ok(location) = source.resolver.resolve(source.location, href)
                && raster::is_tiff(asset, &location)
            {
                checked.rasters.push((key.clone(), location));
            }
        }
        checked.document = Arc::new(document);
    }
    checked
}

impl Checked {
    fn new(location: Location) -> Self {
        let (findings, named, rasters) = (Vec::new(), Vec::new(), Vec::new());
        Self { location, findings, named, elsewhere: 0, rasters, item: None, document: Arc::new(Value::Null) }
    }

    /// Lists what a document links and holds; `home` is the folder of the catalogue.
    fn name(&mut self, location: &Location, document: &Value, resolver: &Resolver, home: &Location) {
        for link in links_of(document) {
            let is_structural = STRUCTURAL.contains(&link.rel.as_str());
            match resolver.resolve(location, &link.href) {
                // Where a document says that it is, it was found.
                Ok(_) if link.rel == "self" => {}
                Ok(target) if is_structural || target.as_path().is_some() || target.is_below(home) => {
                    self.named.push(Named { location: target, rel: Some(link.rel), href: link.href });
                }
                Ok(_) => self.elsewhere += 1,
                Err(error) => {
                    let message = format!("the link '{}' to {}: {error}", link.rel, link.href);
                    self.findings.push(Finding::error("link", location, message));
                }
            }
        }
        let assets = document.get("assets").and_then(Value::as_object);
        for (key, asset) in assets.into_iter().flatten() {
            let Some(href) = asset.get("href").and_then(Value::as_str) else { continue };
            let resolved = resolver.resolve(location, href);
            match resolved.and_then(|target| raster::object_of(asset, target)) {
                Ok(target) => self.named.push(Named { location: target, rel: None, href: key.clone() }),
                Err(error) => {
                    let message = format!("asset '{key}': {error}");
                    self.findings.push(Finding::error("asset", location, message));
                }
            }
        }
    }
}

/// A check under way.
struct Run<'a> {
    storage: &'a Storage,
    pool: &'a Pool,
    options: Options,
    report: Report,
    /// What is known of targets: none when they are there, else why not.
    there: HashMap<Location, Option<Missing>>,
}

impl Run<'_> {
    /// Looks for what a document names, and opens its rasters when that is asked for.
    async fn follow(&mut self, checked: Checked) {
        let Checked { location, findings, named, elsewhere, rasters, document, .. } = checked;
        for finding in findings {
            self.report.add(finding);
        }
        self.report.links_elsewhere += elsewhere;
        let mut targets: Vec<Location> = named.iter().map(|named| named.location.clone()).collect();
        let mut asked = HashSet::new();
        targets.retain(|target| !self.there.contains_key(target) && asked.insert(target.clone()));
        let storage = self.storage;
        let looked: Vec<(Location, Option<Missing>)> = stream::iter(targets)
            .map(|target| async move {
                let missing = look_for(storage, &target).await;
                (target, missing)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        self.there.extend(looked);
        for Named { location: target, rel, href } in named {
            if rel.is_some() {
                self.report.links += 1;
            } else {
                self.report.assets += 1;
            }
            let Some(Some(missing)) = self.there.get(&target) else { continue };
            let (check, what) = match &rel {
                Some(rel) => ("link", format!("the link '{rel}' to {href}")),
                None => ("asset", format!("asset '{href}' at {target}")),
            };
            let message = format!("{what}: {}", missing.reason);
            self.report.add(if missing.is_certain {
                Finding::error(check, &location, message)
            } else {
                Finding::warning(check, &location, message)
            });
        }
        for (key, raster) in rasters {
            // That it is not there was told.
            if self.there.get(&raster).is_some_and(Option::is_some) {
                continue;
            }
            for finding in self.open(&location, &key, &raster, &document).await {
                self.report.add(finding);
            }
        }
    }

    async fn open(
        &self,
        location: &Location,
        key: &str,
        raster: &Location,
        item: &Arc<Value>,
    ) -> Vec<Finding> {
        let unreadable = |error: &dyn std::error::Error| {
            vec![Finding::error("raster", location, format!("asset '{key}': {}", in_one_line(error)))]
        };
        let opened = match cog::open(self.storage, raster).await {
            Ok(opened) => opened,
            Err(error) => return unreadable(&error),
        };
        let front = 0..opened.len.min(16);
        let front = match self.storage.read_ranges(raster, &opened.etag, &[front]).await {
            Ok(mut parts) => parts.pop().unwrap_or_default(),
            Err(error) => return unreadable(&error),
        };
        let (location, key, item, options) =
            (location.clone(), key.to_owned(), Arc::clone(item), self.options);
        let check = move || {
            let mut findings = Vec::new();
            if let Some(asset) =
                item.get("assets").and_then(|assets| assets.get(&key)).filter(|_| options.deep)
            {
                findings.extend(raster::by_fields(&location, &key, &item, asset, &opened));
            }
            if options.cog {
                findings.extend(raster::by_structure(&location, &key, &opened.header, &front));
            }
            findings
        };
        self.pool.run(check).await
    }
}

/// Why something was not found.
struct Missing {
    reason: String,
    /// False when it may be there all the same.
    is_certain: bool,
}

async fn look_for(storage: &Storage, target: &Location) -> Option<Missing> {
    match storage.meta(target).await {
        Ok(_) => None,
        Err(StorageError::NotFound { .. }) => {
            Some(Missing { reason: "nothing is there".to_owned(), is_certain: true })
        }
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            Some(Missing { reason: format!("{error}{cause}"), is_certain: target.as_path().is_some() })
        }
    }
}
