//! Writing a whole tree into a [`Stage`]: Items first, then what links them, the root last.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;
use stac::{Asset, Catalog, Collection, Item, Link};

use super::layout::Layout;
use super::linking::{Linking, LinkingError};
use super::shelf::{Shelf, shelve, shelve_by};
use super::stage::{Stage, StageError};

/// A Catalog or a Collection with what hangs on it. Its links are set here.
#[derive(Debug, Clone)]
pub struct Branch {
    /// The document, complete but for its links.
    pub document: BranchDocument,
    /// The id of the branch that it hangs on; else the root. That one stands before it.
    pub parent: Option<String>,
    /// Its folder in that of its parent.
    pub folder: String,
    /// Its Items.
    pub items: Vec<Slot>,
}

/// What a branch is.
#[derive(Debug, Clone)]
pub enum BranchDocument {
    /// Groups Collections.
    Catalog(Box<Catalog>),
    /// Holds Items, and maybe further Collections.
    Collection(Box<Collection>),
}

/// An Item's place, known before its document is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slot {
    /// The Item's id.
    pub id: String,
    /// Its title.
    pub title: Option<String>,
    /// Its time, or the start of its interval.
    pub time: Option<DateTime<Utc>>,
    /// What [`Layout::folders`] says of it.
    pub folders: Vec<String>,
    /// Tells the caller which Item it is.
    pub key: u64,
}

/// A tree to be written.
#[derive(Debug)]
pub struct Plan {
    /// The root, complete but for its links.
    pub root: Catalog,
    /// All below it, parents before their children.
    pub branches: Vec<Branch>,
    /// How links are written.
    pub linking: Linking,
    /// True when Items are shelved by their folders, which a template named; else by time once they are many.
    pub by_folders: bool,
}

/// Why a tree could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file could not be written.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// An href cannot be written.
    #[error(transparent)]
    Linking(#[from] LinkingError),
    /// A document cannot be put as JSON.
    #[error("cannot put {} as JSON", path.display())]
    Encode {
        /// The document.
        path: PathBuf,
        /// What the encoder says.
        source: serde_json::Error,
    },
    /// An Item that was described cannot be had again.
    #[error("cannot read the Item '{id}' back from the scratch file beside the tree")]
    Item {
        /// The Item's id.
        id: String,
        /// What the system says.
        source: io::Error,
    },
    /// Two Catalogs or Collections with one id.
    #[error("two Catalogs or Collections have the id '{id}'; give one of them another id")]
    SameBranch {
        /// The id.
        id: String,
    },
    /// A parent that is not there.
    #[error(
        "'{id}' is to lie below '{parent}', which comes before it nowhere; check `parent` in the definition"
    )]
    NoParent {
        /// The branch's id.
        id: String,
        /// The parent's.
        parent: String,
    },
    /// Two documents of one name.
    #[error("two documents would be {}; give one of them another id, or use another layout", path.display())]
    SamePath {
        /// Relative to the tree's root.
        path: PathBuf,
    },
}

/// Writes the documents of a tree and returns how many there are; `item` gives the Item of a [`Slot::key`], complete but
/// for links and `collection`, its assets' hrefs absolute paths or URLs.
///
/// # Errors
/// When ids or paths clash, or a document cannot be written.
pub fn publish(
    stage: &mut Stage,
    plan: Plan,
    item: &mut dyn FnMut(u64) -> io::Result<Item>,
) -> Result<usize, PublishError> {
    let Plan { mut root, mut branches, linking, by_folders } = plan;
    let at = Layout::root();
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for branch in &branches {
        let parent = match &branch.parent {
            Some(parent) => places.get(parent).ok_or_else(|| PublishError::NoParent {
                id: branch.id().to_owned(),
                parent: parent.clone(),
            })?,
            None => &Place { folder: PathBuf::new(), at: at.clone(), title: root.title.clone() },
        };
        let folder = Layout::branch(&parent.folder, &branch.folder);
        let name = match branch.document {
            BranchDocument::Catalog(_) => "catalog.json",
            BranchDocument::Collection(_) => "collection.json",
        };
        let place = Place { at: folder.join(name), folder, title: branch.title().map(str::to_owned) };
        if places.insert(branch.id().to_owned(), place).is_some() {
            return Err(PublishError::SameBranch { id: branch.id().to_owned() });
        }
    }
    let root_title = root.title.clone();
    let mut writer =
        Writer { stage, linking: &linking, root_title: root_title.as_deref(), item, documents: 0 };
    // Deep ones first, so that a document follows all that it links.
    let ids: Vec<(String, Option<String>)> =
        branches.iter().map(|b| (b.id().to_owned(), b.parent.clone())).collect();
    for branch in branches.iter_mut().rev() {
        let Some(place) = places.get(branch.id()) else { continue };
        let parent = branch.parent.as_ref().and_then(|id| places.get(id));
        let children = children_of(Some(branch.id()), &ids, &places);
        writer.branch(branch, place, parent, &children, by_folders)?;
    }
    root.links.retain(|link| !link.is_structural());
    root.links.extend(linking.own(&at, true));
    root.links.push(titled(Link::root(linking.href(&at, &at)), root.title.as_deref()));
    for child in children_of(None, &ids, &places) {
        root.links.push(titled(Link::child(linking.href(&at, &child.at)), child.title.as_deref()));
    }
    writer.write(&at, &root)?;
    Ok(writer.documents)
}

/// The branches that hang on one, by their paths.
fn children_of<'a>(
    parent: Option<&str>,
    ids: &[(String, Option<String>)],
    places: &'a BTreeMap<String, Place>,
) -> Vec<&'a Place> {
    let own = ids.iter().filter(|(_, of)| of.as_deref() == parent);
    let mut children: Vec<&Place> = own.filter_map(|(id, _)| places.get(id)).collect();
    children.sort_by(|a, b| a.at.cmp(&b.at));
    children
}

impl Branch {
    fn id(&self) -> &str {
        match &self.document {
            BranchDocument::Catalog(catalog) => &catalog.id,
            BranchDocument::Collection(collection) => &collection.id,
        }
    }

    fn title(&self) -> Option<&str> {
        match &self.document {
            BranchDocument::Catalog(catalog) => catalog.title.as_deref(),
            BranchDocument::Collection(collection) => collection.title.as_deref(),
        }
    }
}

/// Where a branch is.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    at: PathBuf,
    title: Option<String>,
}

/// Writes documents and counts them.
struct Writer<'a> {
    stage: &'a mut Stage,
    linking: &'a Linking,
    root_title: Option<&'a str>,
    item: &'a mut dyn FnMut(u64) -> io::Result<Item>,
    documents: usize,
}

/// The Collection whose Items are being written.
struct Above<'a> {
    id: &'a str,
    place: &'a Place,
    items: &'a [Slot],
}

impl Writer<'_> {
    fn write(&mut self, at: &Path, document: &impl Serialize) -> Result<(), PublishError> {
        if self.stage.has(at) {
            return Err(PublishError::SamePath { path: at.to_owned() });
        }
        let mut bytes = serde_json::to_vec_pretty(document)
            .map_err(|source| PublishError::Encode { path: at.to_owned(), source })?;
        bytes.push(b'\n');
        self.stage.put(at, &bytes)?;
        self.documents += 1;
        Ok(())
    }

    fn branch(
        &mut self,
        branch: &mut Branch,
        place: &Place,
        parent: Option<&Place>,
        children: &[&Place],
        by_folders: bool,
    ) -> Result<(), PublishError> {
        branch.items.sort_by(|a, b| a.id.cmp(&b.id));
        let shelves = if by_folders {
            shelve_by(&branch.items.iter().map(|slot| slot.folders.as_slice()).collect::<Vec<_>>())
        } else {
            shelve(&branch.items.iter().map(|slot| slot.time).collect::<Vec<_>>())
        };
        let id = branch.id().to_owned();
        let above = Above { id: &id, place, items: &branch.items };
        let below = self.below(&shelves, &place.at, &mut Vec::new(), &above)?;
        let root = Layout::root();
        let (parent_at, parent_title) =
            parent.map_or((&root, self.root_title), |place| (&place.at, place.title.as_deref()));
        let mut links: Vec<Link> = self.linking.own(&place.at, false).into_iter().collect();
        links.push(titled(Link::root(self.linking.href(&place.at, &root)), self.root_title));
        links.push(titled(Link::parent(self.linking.href(&place.at, parent_at)), parent_title));
        for child in children {
            let link = Link::child(self.linking.href(&place.at, &child.at));
            links.push(titled(link, child.title.as_deref()));
        }
        links.extend(below);
        match &mut branch.document {
            BranchDocument::Catalog(catalog) => {
                catalog.links.retain(|link| !link.is_structural());
                catalog.links.splice(0..0, links);
                self.write(&place.at, catalog)
            }
            BranchDocument::Collection(collection) => {
                collection.links.retain(|link| !link.is_structural());
                collection.links.splice(0..0, links);
                self.settle(collection.assets.values_mut(), &place.at)?;
                self.write(&place.at, collection)
            }
        }
    }

    /// Writes what is below the document `at` and returns the links to it.
    fn below(
        &mut self,
        what: &Shelf,
        at: &Path,
        names: &mut Vec<String>,
        above: &Above<'_>,
    ) -> Result<Vec<Link>, PublishError> {
        let mut links = Vec::new();
        match what {
            Shelf::Items(indices) => {
                for slot in indices.iter().filter_map(|index| above.items.get(*index)) {
                    let item_at = Layout::item(&above.place.folder, &slot.folders, &slot.id);
                    self.item(slot, &item_at, at, above)?;
                    let link = Link::item(self.linking.href(at, &item_at)).geojson();
                    links.push(titled(link, slot.title.as_deref()));
                }
            }
            Shelf::Shelves(shelves) => {
                for (name, shelf) in shelves {
                    names.push(name.clone());
                    links.push(self.shelf(shelf, at, names, above)?);
                    names.pop();
                }
            }
        }
        Ok(links)
    }

    fn shelf(
        &mut self,
        shelf: &Shelf,
        parent_at: &Path,
        names: &mut Vec<String>,
        above: &Above<'_>,
    ) -> Result<Link, PublishError> {
        let at = Layout::shelf(&above.place.folder, names);
        let label = names.join("-");
        let below = self.below(shelf, &at, names, above)?;
        let title = above.place.title.as_deref().unwrap_or(above.id);
        let root = (Layout::root(), self.root_title);
        let mut catalog =
            shelf_catalog(self.linking, &at, (&root.0, root.1), parent_at, (above.id, title, &label));
        catalog.links.extend(below);
        self.write(&at, &catalog)?;
        Ok(titled(Link::child(self.linking.href(parent_at, &at)), catalog.title.as_deref()))
    }

    /// Writes an Item with its Collection and links, its assets' paths as hrefs.
    fn item(
        &mut self,
        slot: &Slot,
        at: &Path,
        parent_at: &Path,
        above: &Above<'_>,
    ) -> Result<(), PublishError> {
        let read = (self.item)(slot.key);
        let mut item = read.map_err(|source| PublishError::Item { id: slot.id.clone(), source })?;
        item.collection = Some(above.id.to_owned());
        item.links.retain(|link| !link.is_structural());
        let root = (Layout::root(), self.root_title);
        let collection = (above.place.at.as_path(), above.place.title.as_deref());
        item.links.splice(0..0, item_links(self.linking, at, (&root.0, root.1), parent_at, collection));
        self.settle(item.assets.values_mut(), at)?;
        self.write(at, &item)
    }

    /// Makes hrefs of the absolute paths of assets.
    fn settle<'a>(&self, assets: impl Iterator<Item = &'a mut Asset>, at: &Path) -> Result<(), PublishError> {
        for asset in assets {
            if Path::new(&asset.href).is_absolute() {
                asset.href = self.linking.asset(self.stage.dest(), at, Path::new(&asset.href))?;
            }
        }
        Ok(())
    }
}

/// The structural links of the Item at `at`; root and Collection with their titles.
pub(super) fn item_links(
    linking: &Linking,
    at: &Path,
    (root, root_title): (&Path, Option<&str>),
    parent_at: &Path,
    (collection_at, collection_title): (&Path, Option<&str>),
) -> Vec<Link> {
    let mut links: Vec<Link> = linking.own(at, false).map(Link::geojson).into_iter().collect();
    links.push(titled(Link::root(linking.href(at, root)), root_title));
    links.push(Link::parent(linking.href(at, parent_at)));
    links.push(titled(Link::collection(linking.href(at, collection_at)), collection_title));
    links
}

/// The catalog at `at` for some Items of a Collection of that id and title, still without links to them.
pub(super) fn shelf_catalog(
    linking: &Linking,
    at: &Path,
    (root, root_title): (&Path, Option<&str>),
    parent_at: &Path,
    (collection, title, label): (&str, &str, &str),
) -> Catalog {
    let mut catalog = Catalog::new(format!("{collection}-{label}"), format!("Items of {title} from {label}"));
    catalog.title = Some(label.to_owned());
    catalog.links.clear();
    catalog.links.extend(linking.own(at, false));
    catalog.links.push(titled(Link::root(linking.href(at, root)), root_title));
    catalog.links.push(Link::parent(linking.href(at, parent_at)));
    catalog
}

pub(super) fn titled(link: Link, title: Option<&str>) -> Link {
    link.title(title.map(str::to_owned))
}
