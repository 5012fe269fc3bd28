//! The link documents of one Collection while they are being changed: read when first needed, and worked on in memory.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use stac::Link;

use super::ChangeError;
use super::link_document::{LinkDocument, is_shelf};
use super::place::Tree;
use super::widen::widen;
use crate::stac::item_time;
use crate::storage::{Location, Meta, Storage, StorageError};
use crate::tree::layout::Layout;
use crate::tree::publish::shelf_catalog;
use crate::tree::shelf::{MAX_LINKED_ITEMS, UNDATED};

/// Documents read at once.
const READ_AT_ONCE: usize = 64;

/// Links of one Collection's documents that are remembered, some hundred bytes each.
const MAX_KNOWN_LINKS: usize = 50_000;

/// The deepest shelves that are followed below a Collection.
const MAX_DEPTH: usize = 16;

/// A Collection's link documents.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) storage: &'a Storage,
    pub(super) tree: &'a Tree,
    /// The Collection's document.
    pub(super) home: Location,
    pub(super) collection: &'a str,
    pub(super) title: Option<String>,
    /// As they are to be.
    documents: HashMap<Location, LinkDocument>,
    /// Those that are not as they were, in the order in which they changed.
    changed: Vec<Location>,
    /// Times of Items that are linked here and not written yet.
    times: HashMap<Location, Option<DateTime<Utc>>>,
    /// Documents that link Items and no shelves, by the names that lead to them.
    shelves: HashMap<Vec<String>, Location>,
    /// What a new one is linked by.
    anchors: HashMap<Location, Location>,
    /// True when the Collection's document says more of its Items than before.
    pub(super) is_widened: bool,
    /// As they were read earlier: looked at again before they are believed.
    known: HashMap<Location, LinkDocument>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        storage: &'a Storage,
        tree: &'a Tree,
        collection: &'a str,
        home: LinkDocument,
        known: HashMap<Location, LinkDocument>,
    ) -> Self {
        let (location, title) = (home.location.clone(), home.title().map(str::to_owned));
        let documents = HashMap::from([(location.clone(), home)]);
        Self {
            storage,
            tree,
            home: location,
            collection,
            title,
            documents,
            changed: Vec::new(),
            times: HashMap::new(),
            shelves: HashMap::new(),
            anchors: HashMap::new(),
            is_widened: false,
            known,
        }
    }

    /// The document at that place, if there is one.
    pub(super) async fn document(
        &mut self,
        location: &Location,
    ) -> Result<Option<&LinkDocument>, ChangeError> {
        if !self.documents.contains_key(location) {
            let read = match self.known.remove(location) {
                Some(known) => known.renewed(self.storage).await?,
                None => LinkDocument::read(self.storage, location).await?,
            };
            let Some(read) = read else { return Ok(None) };
            self.documents.insert(location.clone(), read);
        }
        Ok(self.documents.get(location))
    }

    async fn existing(&mut self, location: &Location) -> Result<&LinkDocument, ChangeError> {
        let missing = || ChangeError::Damaged {
            what: location.to_string(),
            reason: "it is linked, but not there".to_owned(),
        };
        self.document(location).await?.ok_or_else(missing)
    }

    /// The document to be changed; one that was read before.
    pub(super) fn change(&mut self, location: &Location) -> Result<&mut LinkDocument, ChangeError> {
        let document = self.documents.get_mut(location).ok_or_else(|| ChangeError::Damaged {
            what: location.to_string(),
            reason: "it was not read".to_owned(),
        })?;
        if !std::mem::replace(&mut document.is_changed, true) {
            self.changed.push(location.clone());
        }
        Ok(document)
    }

    /// The Collection's own document.
    pub(super) fn home(&self) -> Option<&LinkDocument> {
        self.documents.get(&self.home)
    }

    /// Lets the Collection's document say that it has this Item too.
    pub(super) fn widen(&mut self, item: &Value) {
        if let Some(home) = self.documents.get_mut(&self.home) {
            self.is_widened |= widen(Arc::make_mut(&mut home.document), item);
        }
    }

    /// Remembers when an Item is that is linked here.
    pub(super) fn note_time(&mut self, item: &Location, time: Option<DateTime<Utc>>) {
        self.times.insert(item.clone(), time);
    }

    /// The documents whose links changed, in the order of changing.
    pub(super) fn changed(&self) -> impl Iterator<Item = &LinkDocument> {
        self.changed.iter().filter_map(|location| self.documents.get(location))
    }

    /// The document that is there already and whose writing makes the links of `document` count.
    pub(super) fn anchor<'b>(&'b self, document: &'b Location) -> &'b Location {
        let mut at = document;
        while let Some(parent) = self.anchors.get(at) {
            at = parent;
        }
        at
    }

    /// All that was read and is as it was, and what was `written`, for the next session.
    pub(super) fn into_known(self, written: &HashMap<Location, Meta>) -> HashMap<Location, LinkDocument> {
        let Self { documents, known: earlier, home, is_widened, .. } = self;
        let mut known = HashMap::with_capacity(documents.len() + earlier.len());
        let mut links = 0;
        for (location, mut document) in documents {
            match written.get(&location) {
                Some(meta) => document.read = Some(meta.clone()),
                None if document.is_changed || is_widened && location == home => continue,
                None => {}
            }
            document.is_changed = false;
            links += document.count_links();
            known.insert(location, document);
        }
        // Of those that nobody asked for this time as many as there is room for.
        for (location, document) in earlier {
            links += document.count_links();
            if links > MAX_KNOWN_LINKS {
                break;
            }
            known.insert(location, document);
        }
        known
    }

    /// The document below the Collection that links an Item's; `hints` are looked at first.
    pub(super) async fn find_link(
        &mut self,
        item: &Location,
        hints: &[Location],
    ) -> Result<Option<Location>, ChangeError> {
        let home = self.home.clone();
        for hint in hints.iter().chain([&home]) {
            let tree = self.tree;
            // A hint may name anything.
            if hint.is_below(&tree.folder)
                && let Ok(Some(document)) = self.document(hint).await
                && tree.find(document, "item", item).is_some()
                && self.is_reached(hint).await?
            {
                return Ok(Some(hint.clone()));
            }
        }
        let mut seen = HashSet::from([home.clone()]);
        let mut queue = VecDeque::from([home]);
        while let Some(at) = queue.pop_front() {
            let tree = self.tree;
            let Some(document) = self.document(&at).await? else { continue };
            if tree.find(document, "item", item).is_some() {
                return Ok(Some(at));
            }
            let below = tree.targets(document, "child");
            queue.extend(below.into_iter().filter(|child| is_shelf(child) && seen.insert(child.clone())));
        }
        Ok(None)
    }

    /// True when the Collection leads to that document: who died may have left one that nothing links.
    async fn is_reached(&mut self, document: &Location) -> Result<bool, ChangeError> {
        let (tree, mut at) = (self.tree, document.clone());
        for _ in 0..MAX_DEPTH {
            if at == self.home {
                return Ok(true);
            }
            let Some(document) = self.document(&at).await? else { return Ok(false) };
            let Some(parent) = tree.targets(document, "parent").into_iter().next() else { return Ok(false) };
            if !parent.is_below(&tree.folder) {
                return Ok(false);
            }
            let Some(above) = self.document(&parent).await? else { return Ok(false) };
            if tree.find(above, "child", &at).is_none() {
                return Ok(false);
            }
            at = parent;
        }
        Ok(false)
    }

    /// The document that is to link a new Item of that time: there is room for one more.
    pub(super) async fn shelf_for(&mut self, time: Option<DateTime<Utc>>) -> Result<Location, ChangeError> {
        let names = names_of(time);
        let shelf = (0..=names.len()).rev().find_map(|depth| self.shelves.get(&names[..depth]));
        if let Some(last) = shelf.and_then(|at| self.documents.get(at))
            && last.count_items() < MAX_LINKED_ITEMS
        {
            return Ok(last.location.clone());
        }
        let (mut at, mut path) = (self.home.clone(), Vec::<String>::new());
        while path.len() < MAX_DEPTH {
            let tree = self.tree;
            let document = self.existing(&at).await?;
            let mut shelves = tree.targets(document, "child");
            shelves.retain(is_shelf);
            let count = document.count_items();
            // A year without Items of its own holds months.
            let is_year = path.len() == 1 && names.len() > 1;
            if shelves.is_empty() && (!is_year || count > 0) {
                if count < MAX_LINKED_ITEMS {
                    // What lies deeper than the names is numbered: the last of them counts.
                    let depth = path.len().min(names.len());
                    self.shelves.insert(names[..depth].to_vec(), at.clone());
                    return Ok(at);
                }
                self.split(&at, &path).await?;
                continue;
            }
            let (name, found) = match names.get(path.len()) {
                Some(name) => {
                    let found = shelves.iter().find(|shelf| is_named(shelf, name)).cloned();
                    (name.clone(), found)
                }
                None => self.numbered(&shelves).await?,
            };
            at = match found {
                Some(shelf) => shelf,
                None => self.new_shelf(&at, &path, &name)?,
            };
            path.push(name);
        }
        let reason = format!("its catalogs are nested more than {MAX_DEPTH} deep");
        Err(ChangeError::Damaged { what: self.home.to_string(), reason })
    }

    /// The last of numbered shelves while it has room, else the name of the next.
    async fn numbered(&mut self, shelves: &[Location]) -> Result<(String, Option<Location>), ChangeError> {
        if let Some(last) = shelves.last() {
            let document = self.existing(last).await?;
            if document.count_items() < MAX_LINKED_ITEMS || document.links("child").next().is_some() {
                let name = last.parent().file_name().unwrap_or_default().to_owned();
                return Ok((name, Some(last.clone())));
            }
        }
        let mut number = shelves.len() + 1;
        while shelves.iter().any(|shelf| is_named(shelf, &format!("{number:04}"))) {
            number += 1;
        }
        Ok((format!("{number:04}"), None))
    }

    /// Makes a shelf below the document `at`, which lies at `path` below the Collection, and links it there.
    fn new_shelf(&mut self, at: &Location, path: &[String], name: &str) -> Result<Location, ChangeError> {
        let tree = self.tree;
        let folder = tree.path(&at.parent())?;
        let below = Layout::shelf(&folder, &[name.to_owned()]);
        let location = tree.at(&below)?;
        let mut label: Vec<&str> = path.iter().map(String::as_str).collect();
        label.push(name);
        let label = label.join("-");
        let root = (tree.path(&tree.root)?, tree.title.as_deref());
        let title = self.title.clone().unwrap_or_else(|| self.collection.to_owned());
        let catalog = shelf_catalog(
            &tree.linking,
            &below,
            (&root.0, root.1),
            &tree.path(at)?,
            (self.collection, &title, &label),
        );
        let document = serde_json::to_value(&catalog)
            .map_err(|error| ChangeError::Unfit { what: location.to_string(), reason: error.to_string() })?;
        let link = Link::child(tree.href(at, &location)?).title(Some(label));
        self.documents.insert(location.clone(), LinkDocument::new(location.clone(), document));
        self.anchors.insert(location.clone(), at.clone());
        self.change(&location)?;
        self.change(at)?.push(&link)?;
        Ok(location)
    }

    /// Moves the links to Items from the document `at`, which lies at `path` below the Collection, to shelves below it.
    async fn split(&mut self, at: &Location, path: &[String]) -> Result<(), ChangeError> {
        let (tree, storage) = (self.tree, self.storage);
        self.shelves.clear();
        let links = self.change(at)?.take_items()?;
        let located = links.into_iter().map(|(link, href)| {
            let item = tree.resolver.resolve(at, &href);
            item.map(|item| (link, item))
                .map_err(|error| ChangeError::Damaged { what: at.to_string(), reason: error.to_string() })
        });
        let located = located.collect::<Result<Vec<_>, _>>()?;
        let times: Vec<_> = located.iter().map(|(_, item)| time_of(storage, item, &self.times)).collect();
        let times: Vec<Option<DateTime<Utc>>> =
            stream::iter(times).buffered(READ_AT_ONCE).try_collect().await?;
        // A Collection's Items go to years and months at once.
        let levels = if path.is_empty() { 2 } else { 1 };
        let mut made: BTreeMap<Vec<String>, Location> = BTreeMap::new();
        for ((link, item), time) in located.into_iter().zip(times) {
            let names = names_of(time);
            let names: Vec<String> = names.get(path.len()..).unwrap_or_default().to_vec();
            let names = if names.is_empty() { vec!["0001".to_owned()] } else { names };
            let (mut shelf, mut below) = (at.clone(), path.to_vec());
            for name in names.into_iter().take(levels) {
                let parent = below.clone();
                below.push(name.clone());
                shelf = match made.get(&below) {
                    Some(known) => known.clone(),
                    None => self.new_shelf(&shelf, &parent, &name)?,
                };
                made.insert(below.clone(), shelf.clone());
            }
            let href = tree.href(&shelf, &item)?;
            self.change(&shelf)?.push_moved(link, href)?;
        }
        Ok(())
    }
}

/// The names of the shelves that an Item of that time belongs to, outermost first.
fn names_of(time: Option<DateTime<Utc>>) -> Vec<String> {
    match time {
        Some(time) => ["%Y", "%m", "%d"].map(|format| time.format(format).to_string()).to_vec(),
        None => vec![UNDATED.to_owned()],
    }
}

/// True for a shelf of that name; other tools write the sixth month as `6`.
fn is_named(shelf: &Location, name: &str) -> bool {
    let folder = shelf.parent();
    let own = folder.file_name().unwrap_or_default();
    let number = |text: &str| text.parse::<u32>().ok();
    own == name || number(own).is_some_and(|own| Some(own) == number(name))
}

/// What an Item is shelved by; one that cannot be understood has no time.
async fn time_of(
    storage: &Storage,
    item: &Location,
    known: &HashMap<Location, Option<DateTime<Utc>>>,
) -> Result<Option<DateTime<Utc>>, ChangeError> {
    if let Some(known) = known.get(item) {
        return Ok(*known);
    }
    match storage.read(item).await {
        Ok(bytes) => {
            let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            Ok(shelf_time(&document))
        }
        Err(StorageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The time that an Item is shelved by.
pub(super) fn shelf_time(item: &Value) -> Option<DateTime<Utc>> {
    item.get("properties").and_then(|properties| item_time(properties).ok()).map(|time| time.start)
}
