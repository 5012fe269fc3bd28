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
    Catalog(Catalog),
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
        let mut catalog =
            Catalog::new(format!("{}-{label}", above.id), format!("Items of {title} from {label}"));
        catalog.title = Some(label);
        catalog.links.clear();
        catalog.links.extend(self.linking.own(&at, false));
        let root = Link::root(self.linking.href(&at, &Layout::root()));
        catalog.links.push(titled(root, self.root_title));
        catalog.links.push(Link::parent(self.linking.href(&at, parent_at)));
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
        let mut own: Vec<Link> = self.linking.own(at, false).map(Link::geojson).into_iter().collect();
        own.push(titled(Link::root(self.linking.href(at, &Layout::root())), self.root_title));
        own.push(Link::parent(self.linking.href(at, parent_at)));
        let collection = Link::collection(self.linking.href(at, &above.place.at));
        own.push(titled(collection, above.place.title.as_deref()));
        item.links.splice(0..0, own);
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

fn titled(link: Link, title: Option<&str>) -> Link {
    link.title(title.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, TimeZone};
    use serde_json::Value;

    use crate::storage::Location;

    fn branch(id: &str, parent: Option<&str>, count: u32) -> Branch {
        let start = Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single().expect("a date");
        let slot = |n: u32| Slot {
            id: format!("item {n:05}"),
            time: Some(start + Duration::hours(n.into())),
            key: n.into(),
            ..Slot::default()
        };
        Branch {
            document: BranchDocument::Collection(Box::new(Collection::new(id, "d"))),
            parent: parent.map(str::to_owned),
            folder: id.to_owned(),
            items: (0..count).map(slot).collect(),
        }
    }

    fn item(key: u64) -> Item {
        let mut item = Item::new(format!("item {key:05}"));
        item.properties.datetime = None;
        item.assets.insert("data".into(), Asset::new("/rasters/a b.tif"));
        item
    }

    fn written(dest: &Path, branches: Vec<Branch>, linking: Linking) -> Result<usize, PublishError> {
        let mut stage = Stage::open(dest)?;
        let plan = Plan { root: Catalog::new("r", "d"), branches, linking, by_folders: false };
        publish(&mut stage, plan, &mut |key| Ok(item(key)))?;
        Ok(stage.commit()?.changed)
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
        let branches = vec![
            branch("small/../x", None, 3),
            branch("large", None, 2_100),
            branch("below", Some("large"), 2),
        ];
        written(dest.path(), branches, Linking::SelfContained).expect("written");
        let root = dest.path().join("catalog.json");
        assert_eq!(walk(&root, &root).len(), 2_105);
        assert!(dest.path().join("large/2024/02/catalog.json").is_file());
        assert!(dest.path().join("large/below/collection.json").is_file());
        let item = read(&dest.path().join("large/item~2000000/item~2000000.json"));
        assert_eq!(item["collection"], "large");
        assert!(item["assets"]["data"]["href"].as_str().is_some_and(|h| h.ends_with("../rasters/a%20b.tif")));
    }

    #[test]
    fn the_second_run_changes_no_byte() {
        let dest = tempfile::tempdir().expect("a folder");
        let run = || written(dest.path(), vec![branch("c", None, 5)], Linking::SelfContained);
        assert_eq!(run().expect("written"), 7);
        assert_eq!(run().expect("written"), 0);
    }

    #[test]
    fn an_absolute_tree_has_no_relative_link() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = Location::parse("https://h/p/tree").expect("a location");
        let linking = Linking::AbsolutePublished { root };
        let far = written(&dir.path().join("tree"), vec![branch("c", None, 2)], linking.clone());
        assert!(matches!(far, Err(PublishError::Linking(_))), "the rasters are far away");
        let mut stage = Stage::open(&dir.path().join("tree")).expect("a stage");
        let plan = Plan {
            root: Catalog::new("r", "d"),
            branches: vec![branch("c", None, 2)],
            linking,
            by_folders: false,
        };
        publish(&mut stage, plan, &mut |key| Ok(Item::new(key.to_string()))).expect("written");
        stage.commit().expect("committed");
        let item = std::fs::read_to_string(dir.path().join("tree/c/item~2000001/item~2000001.json"));
        let item = item.expect("a document");
        assert!(!item.contains("\"href\": \"."), "{item}");
        assert!(item.contains("\"https://h/p/tree/c/item~2000001/item~2000001.json\""), "{item}");
    }

    #[test]
    fn clashing_ids_are_refused_and_nothing_is_left() {
        let dir = tempfile::tempdir().expect("a folder");
        let dest = dir.path().join("tree");
        let mut twice = branch("c", None, 1);
        twice.items.push(twice.items[0].clone());
        let error = written(&dest, vec![twice], Linking::SelfContained).expect_err("a clash");
        assert!(error.to_string().contains("item~2000000"), "{error}");
        let twice = vec![branch("c", None, 1), branch("c", None, 1)];
        let error = written(&dest, twice, Linking::SelfContained).expect_err("a clash");
        assert!(matches!(error, PublishError::SameBranch { .. }));
        let error =
            written(&dest, vec![branch("c", Some("x"), 1)], Linking::SelfContained).expect_err("a clash");
        assert!(matches!(error, PublishError::NoParent { .. }));
        assert!(!dest.exists());
    }
}
