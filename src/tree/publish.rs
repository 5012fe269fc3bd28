//! Writing a whole tree: Items first, then what links them, the root last.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use stac::{Catalog, Collection, Item, Link};

use super::document::{self, DocumentError};
use super::layout::{Layout, relative_href};
use super::shelf::{Shelf, shelve};

/// A Collection with its Items. Their links are set here; an asset's href may be an absolute path, which becomes relative
/// to the Item's document, or a URL, which stays.
#[derive(Debug, Clone)]
pub struct Branch {
    /// The Collection, complete but for its links.
    pub collection: Collection,
    /// Its Items, complete but for links and `collection`.
    pub items: Vec<Item>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The root catalog.
    pub root: PathBuf,
    /// Documents in the tree.
    pub documents: usize,
    /// Those of them whose bytes changed.
    pub changed: usize,
}

/// Why a tree could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// One of its documents could not be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Two Collections with one id.
    #[error("two Collections have the id '{id}'; give one of them another id")]
    SameCollection {
        /// The id.
        id: String,
    },
    /// Two Items with one id in a Collection.
    #[error("two Items of the Collection '{collection}' have the id '{id}'; give one of them another id")]
    SameItem {
        /// The Collection's id.
        collection: String,
        /// The Item's id.
        id: String,
    },
    /// Where to write is not known.
    #[error("cannot tell the full path of {}", path.display())]
    Destination {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Writes a self-contained tree below `dest` and returns its root.
///
/// Every document is written under a temporary name and renamed, and every link leads to a document that is there
/// already: stopping at any moment leaves the previous tree or a consistent newer part of it. Documents of an earlier tree that
/// are no longer linked stay where they are.
///
/// # Errors
/// When ids clash, before anything is written; when a document cannot be written.
pub fn publish(dest: &Path, mut root: Catalog, mut branches: Vec<Branch>) -> Result<Published, PublishError> {
    let dest = std::path::absolute(dest)
        .map_err(|source| PublishError::Destination { path: dest.to_owned(), source })?;
    branches.sort_by(|a, b| a.collection.id.cmp(&b.collection.id));
    check_ids(&branches)?;
    let mut writer = Writer { dest: &dest, documents: 0, changed: 0 };
    for branch in &mut branches {
        branch.items.sort_by(|a, b| a.id.cmp(&b.id));
        writer.branch(branch, root.title.as_deref())?;
    }
    root.links.retain(|link| !link.is_structural());
    let at = Layout::root();
    root.links.push(titled(Link::root("./catalog.json"), root.title.as_deref()));
    for branch in &branches {
        let child = Link::child(href(&at, &Layout::collection(&branch.collection.id)));
        root.links.push(titled(child, branch.collection.title.as_deref()));
    }
    writer.write(&at, &root)?;
    Ok(Published { root: dest.join(at), documents: writer.documents, changed: writer.changed })
}

fn check_ids(branches: &[Branch]) -> Result<(), PublishError> {
    let mut collections = BTreeSet::new();
    for Branch { collection, items } in branches {
        if !collections.insert(&collection.id) {
            return Err(PublishError::SameCollection { id: collection.id.clone() });
        }
        let mut ids = BTreeSet::new();
        if let Some(item) = items.iter().find(|item| !ids.insert(&item.id)) {
            let (collection, id) = (collection.id.clone(), item.id.clone());
            return Err(PublishError::SameItem { collection, id });
        }
    }
    Ok(())
}

/// Writes documents below one folder and counts them.
struct Writer<'a> {
    dest: &'a Path,
    documents: usize,
    changed: usize,
}

/// Where a branch hangs: what all its documents link to.
struct Place<'a> {
    id: &'a str,
    title: Option<&'a str>,
    root_title: Option<&'a str>,
}

impl Writer<'_> {
    fn write(&mut self, at: &Path, document: &impl Serialize) -> Result<(), PublishError> {
        self.documents += 1;
        self.changed += usize::from(document::write(&self.dest.join(at), document)?);
        Ok(())
    }

    fn branch(&mut self, branch: &mut Branch, root_title: Option<&str>) -> Result<(), PublishError> {
        let Branch { collection, items } = branch;
        let shelves = shelve(&items.iter().map(time_of).collect::<Vec<_>>());
        let (id, title) = (collection.id.clone(), collection.title.clone());
        let place = Place { id: &id, title: title.as_deref(), root_title };
        let at = Layout::collection(&id);
        let below = self.below(&shelves, &at, &mut Vec::new(), &place, items)?;
        collection.links.retain(|link| !link.is_structural());
        collection.links.push(titled(Link::root(href(&at, &Layout::root())), root_title));
        collection.links.push(titled(Link::parent(href(&at, &Layout::root())), root_title));
        collection.links.extend(below);
        self.write(&at, collection)
    }

    /// Writes what is below the document `at` and returns the links to it.
    fn below(
        &mut self,
        what: &Shelf,
        at: &Path,
        names: &mut Vec<String>,
        place: &Place<'_>,
        items: &mut [Item],
    ) -> Result<Vec<Link>, PublishError> {
        match what {
            Shelf::Items(indices) => {
                let mut links = Vec::with_capacity(indices.len());
                for index in indices {
                    let Some(item) = items.get_mut(*index) else { continue };
                    let item_at = Layout::item(place.id, &item.id);
                    self.link_item(item, &item_at, at, place);
                    self.write(&item_at, item)?;
                    let link = Link::item(href(at, &item_at)).geojson();
                    links.push(titled(link, item.properties.title.as_deref()));
                }
                Ok(links)
            }
            Shelf::Shelves(shelves) => self.shelves(shelves, at, names, place, items),
        }
    }

    fn shelves(
        &mut self,
        shelves: &BTreeMap<String, Shelf>,
        at: &Path,
        names: &mut Vec<String>,
        place: &Place<'_>,
        items: &mut [Item],
    ) -> Result<Vec<Link>, PublishError> {
        let mut links = Vec::with_capacity(shelves.len());
        for (name, shelf) in shelves {
            names.push(name.clone());
            let shelf_at = Layout::shelf(place.id, names);
            let label = names.join("-");
            let below = self.below(shelf, &shelf_at, names, place, items)?;
            let mut catalog = Catalog::new(
                format!("{}-{label}", place.id),
                format!("Items of {} from {label}", place.title.unwrap_or(place.id)),
            );
            catalog.title = Some(label);
            catalog.links = vec![
                titled(Link::root(href(&shelf_at, &Layout::root())), place.root_title),
                Link::parent(href(&shelf_at, at)),
            ];
            catalog.links.extend(below);
            self.write(&shelf_at, &catalog)?;
            links.push(titled(Link::child(href(at, &shelf_at)), catalog.title.as_deref()));
            names.pop();
        }
        Ok(links)
    }

    /// Sets an Item's Collection and links, and makes its assets' paths relative to its document.
    fn link_item(&self, item: &mut Item, item_at: &Path, parent_at: &Path, place: &Place<'_>) {
        item.collection = Some(place.id.to_owned());
        item.links.retain(|link| !link.is_structural());
        let collection = href(item_at, &Layout::collection(place.id));
        let own = [
            titled(Link::root(href(item_at, &Layout::root())), place.root_title),
            Link::parent(href(item_at, parent_at)),
            titled(Link::collection(collection), place.title),
        ];
        item.links.splice(0..0, own);
        let document = self.dest.join(item_at);
        for asset in item.assets.values_mut() {
            if Path::new(&asset.href).is_absolute()
                && let Some(relative) = relative_href(&document, Path::new(&asset.href))
            {
                asset.href = relative;
            }
        }
    }
}

fn time_of(item: &Item) -> Option<chrono::DateTime<chrono::Utc>> {
    item.properties.datetime.or(item.properties.start_datetime)
}

fn titled(link: Link, title: Option<&str>) -> Link {
    link.title(title.map(str::to_owned))
}

/// From one document of the tree to another. Both are laid out here, so that a relative path always exists.
fn href(from: &Path, to: &Path) -> String {
    relative_href(from, to).unwrap_or_else(|| to.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone, Utc};
    use serde_json::Value;

    fn branch(id: &str, count: i64) -> Branch {
        let start = Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single().expect("a date");
        let item = |n: i64| {
            let mut item = Item::new(format!("item {n:05}"));
            item.properties.datetime = Some(start + Duration::hours(n));
            item.assets.insert("data".into(), stac::Asset::new("/rasters/a b.tif"));
            item
        };
        Branch { collection: Collection::new(id, "d"), items: (0..count).map(item).collect() }
    }

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(path).expect("a document")).expect("JSON")
    }

    /// Follows child and item links and returns the ids of the Items, checking each link back.
    fn walk(path: &Path, root: &Path) -> Vec<String> {
        let document = read(path);
        let folder = path.parent().expect("a folder");
        let resolve = |link: &Value| {
            folder
                .join(link["href"].as_str().expect("an href"))
                .canonicalize()
                .expect("a link that leads somewhere")
        };
        let links = document["links"].as_array().expect("links");
        let mut ids = Vec::new();
        let mut below = 0;
        for link in links {
            match link["rel"].as_str().expect("a rel") {
                "root" => assert_eq!(resolve(link), root.canonicalize().expect("a root")),
                "child" => ids.extend(walk(&resolve(link), root)),
                "item" => {
                    below += 1;
                    let item = read(&resolve(link));
                    assert_eq!(item["links"].as_array().map(Vec::len), Some(3));
                    ids.push(item["id"].as_str().expect("an id").to_owned());
                }
                "parent" | "collection" => drop(resolve(link)),
                other => panic!("an unexpected link: {other}"),
            }
        }
        assert!(below <= super::super::MAX_LINKED_ITEMS);
        ids
    }

    #[test]
    fn every_item_is_reached_once_by_relative_links() {
        let dest = tempfile::tempdir().expect("a folder");
        let branches = vec![branch("small/../x", 3), branch("large", 2_100)];
        let done = publish(dest.path(), Catalog::new("r", "d"), branches).expect("written");
        let ids = walk(&done.root, &done.root);
        assert_eq!(ids.len(), 2_103);
        assert!(dest.path().join("large/2024/02/catalog.json").is_file());
        let item = read(&dest.path().join("large/item~2000000/item~2000000.json"));
        assert_eq!(item["collection"], "large");
        assert!(item["assets"]["data"]["href"].as_str().is_some_and(|h| h.ends_with("../rasters/a%20b.tif")));
    }

    #[test]
    fn the_second_run_changes_no_byte() {
        let dest = tempfile::tempdir().expect("a folder");
        let run = || publish(dest.path(), Catalog::new("r", "d"), vec![branch("c", 5)]).expect("written");
        assert_eq!(run().changed, 7);
        assert_eq!(run(), Published { root: dest.path().join("catalog.json"), documents: 7, changed: 0 });
    }

    #[test]
    fn clashing_ids_are_refused_before_anything_is_written() {
        let dest = tempfile::tempdir().expect("a folder");
        let mut twice = branch("c", 1);
        twice.items.push(twice.items[0].clone());
        let error = publish(dest.path(), Catalog::new("r", "d"), vec![twice]).expect_err("a clash");
        assert!(error.to_string().contains("item 00000"), "{error}");
        assert_eq!(std::fs::read_dir(dest.path()).expect("listed").count(), 0);
    }
}
