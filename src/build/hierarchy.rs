//! The Catalogs and Collections above the Items: from the definition, and from nested folders.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use stac::Catalog;

use super::definition::Definition;
use crate::tree::Layout;

/// A Catalog or Collection of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Its id.
    pub(super) id: String,
    /// The id of the one that it lies in; else the root.
    pub(super) parent: Option<String>,
    /// Its folder in that of its parent.
    pub(super) folder: String,
    /// True for a Collection.
    pub(super) is_collection: bool,
}

/// Nodes, parents before their children.
#[derive(Debug, Default, Clone)]
pub(super) struct Hierarchy {
    nodes: Vec<Node>,
}

/// Two folders that would be one Collection.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the folders '{first}' and '{second}' would both be the collection '{id}'; rename one")]
pub struct SameFolder {
    /// The id.
    pub id: String,
    /// A folder below the source.
    pub first: String,
    /// Another one.
    pub second: String,
}

impl Hierarchy {
    /// The hierarchy over Collections, with the folder that each was made of where folders nest.
    pub(super) fn new(collections: &BTreeMap<String, Option<String>>, definition: &Definition) -> Self {
        let mut hierarchy = Self::default();
        let by_folder: BTreeMap<&str, &str> =
            collections.iter().filter_map(|(id, folder)| Some((folder.as_deref()?, id.as_str()))).collect();
        for (id, folder) in collections {
            match folder {
                Some(folder) if definition.collection(id).is_none() => hierarchy.nested(folder, &by_folder),
                _ => hierarchy.defined(id, definition),
            }
        }
        hierarchy
    }

    fn defined(&mut self, id: &str, definition: &Definition) {
        if self.nodes.iter().any(|node| node.id == id) {
            return;
        }
        let parent = definition.parent_of(id);
        if let Some(parent) = parent {
            self.defined(parent, definition);
        }
        let is_collection = definition.subcatalogs.iter().all(|subcatalog| subcatalog.id != id);
        let (id, parent) = (id.to_owned(), parent.map(str::to_owned));
        self.nodes.push(Node { folder: id.clone(), id, parent, is_collection });
    }

    /// Adds a folder, and those above it: Collections where they hold files themselves, else Catalogs.
    fn nested(&mut self, folder: &str, by_folder: &BTreeMap<&str, &str>) {
        let own = by_folder.get(folder);
        let id_of = |folder: &str| {
            by_folder.get(folder).map_or_else(|| folder.replace('/', "-"), |id| (*id).to_owned())
        };
        let id = id_of(folder);
        if self.nodes.iter().any(|node| node.id == id) {
            return;
        }
        let parent = folder.rsplit_once('/').map(|(above, _)| above);
        if let Some(above) = parent {
            self.nested(above, by_folder);
        }
        let name = folder.rsplit('/').next().unwrap_or(folder).to_owned();
        self.nodes.push(Node { id, parent: parent.map(id_of), folder: name, is_collection: own.is_some() });
    }

    /// The nodes, parents before their children.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// A node and those above it, the nearest first.
    pub(super) fn way_up<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a Node> {
        let parent = |node: &&'a Node| self.node(node.parent.as_deref()?);
        std::iter::successors(self.node(id), parent)
    }

    /// The folder of a Collection below the tree's root.
    pub(super) fn folder(&self, id: &str) -> PathBuf {
        let mut names: Vec<&str> = self.way_up(id).map(|node| node.folder.as_str()).collect();
        names.reverse();
        names.iter().fold(PathBuf::new(), |folder, name| Layout::branch(Path::new(&folder), name))
    }

    /// Leaves out what holds no Items, neither itself nor below.
    pub(super) fn keep_above(&mut self, with_items: &HashSet<String>) {
        let above: HashSet<String> =
            with_items.iter().flat_map(|id| self.way_up(id)).map(|node| node.id.clone()).collect();
        self.nodes.retain(|node| above.contains(&node.id));
    }
}

/// The document of a Catalog between the root and Collections.
pub(super) fn catalog_of(node: &Node, definition: &Definition) -> Catalog {
    let defined = definition.subcatalogs.iter().find(|subcatalog| subcatalog.id == node.id);
    let description = defined.and_then(|defined| defined.description.clone());
    let mut catalog =
        Catalog::new(&node.id, description.unwrap_or_else(|| format!("The collections of {}.", node.folder)));
    let title = defined.and_then(|defined| defined.title.clone());
    catalog.title = title.or_else(|| (node.folder != node.id).then(|| node.folder.clone()));
    catalog
}

/// Takes in the Collection of a file.
pub(super) fn add_folder(
    collections: &mut BTreeMap<String, Option<String>>,
    id: &str,
    folder: Option<String>,
) -> Result<(), SameFolder> {
    match (collections.get(id), folder) {
        (Some(Some(first)), Some(second)) if *first != second => {
            Err(SameFolder { id: id.to_owned(), first: first.clone(), second })
        }
        (Some(_), _) => Ok(()),
        (None, folder) => {
            collections.insert(id.to_owned(), folder);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_nest_as_deep_as_they_do() {
        let mut collections = BTreeMap::new();
        for folder in ["europe/finland/2024", "europe", "asia/japan"] {
            add_folder(&mut collections, &folder.replace('/', "-"), Some(folder.into())).expect("distinct");
        }
        let hierarchy = Hierarchy::new(&collections, &Definition::default());
        let kinds: Vec<(&str, bool)> =
            hierarchy.nodes().iter().map(|node| (node.id.as_str(), node.is_collection)).collect();
        assert_eq!(
            kinds,
            [
                ("asia", false),
                ("asia-japan", true),
                ("europe", true),
                ("europe-finland", false),
                ("europe-finland-2024", true)
            ]
        );
        assert_eq!(hierarchy.folder("europe-finland-2024"), Path::new("europe/finland/2024"));
        let clash = add_folder(&mut collections, "asia-japan", Some("asia-japan".into()));
        assert!(clash.is_err_and(|error| error.to_string().contains("asia/japan")));
    }

    #[test]
    fn a_definition_hangs_collections_below_others() {
        let text = "[[subcatalog]]\nid = \"maps\"\n[[collection]]\nid = \"a\"\nparent = \"maps\"\n\
                    [[collection]]\nid = \"b\"\nparent = \"a\"\n";
        let definition = Definition::parse(text).expect("sound");
        let collections = [("b".to_owned(), None)].into();
        let mut hierarchy = Hierarchy::new(&collections, &definition);
        assert_eq!(hierarchy.folder("b"), Path::new("maps/a/b"));
        assert_eq!(
            hierarchy.way_up("b").map(|node| node.id.as_str()).collect::<Vec<_>>(),
            ["b", "a", "maps"]
        );
        hierarchy.keep_above(&HashSet::new());
        assert!(hierarchy.nodes().is_empty());
    }
}
