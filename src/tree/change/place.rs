//! A tree that is written to: where its documents are, and how they link one another.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ChangeError;
use super::link_document::LinkDocument;
use crate::storage::{Location, Storage};
use crate::tree::href::relative_href;
use crate::tree::linking::Linking;
use crate::tree::links::{Kind, Resolver, kind_of, links_of};

/// A tree by its root.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) root: Location,
    /// The folder that the root lies in; all that is written lies below it.
    pub(super) folder: Location,
    pub(super) linking: Linking,
    pub(super) resolver: Resolver,
    pub(super) title: Option<String>,
    /// True when the root is a Catalog: it can link further Collections.
    pub(super) is_catalog: bool,
}

impl Tree {
    /// A tree by its root's document.
    pub(super) fn new(root: &LinkDocument, storage: &Storage) -> Self {
        let (at, document) = (&root.location, &root.document);
        Self {
            root: at.clone(),
            folder: at.parent(),
            linking: linking_of(at, document),
            resolver: Resolver::new(at, document).within(storage),
            title: root.title().map(str::to_owned),
            is_catalog: matches!(kind_of(document), Ok(Kind::Catalog)),
        }
    }

    /// The path of a document below the tree's folder.
    pub(super) fn path(&self, location: &Location) -> Result<PathBuf, ChangeError> {
        location.relative_to(&self.folder).map(PathBuf::from).ok_or_else(|| {
            tracing::warn!(
                "{location} lies outside of its tree's folder {}: it cannot be changed",
                self.folder
            );
            ChangeError::NotWritable {
                what: "a document outside of its tree's folder".to_owned(),
                reason: "serve the tree that it is part of".to_owned(),
            }
        })
    }

    /// What lies at a path below the tree's folder.
    pub(super) fn at(&self, path: &Path) -> Result<Location, ChangeError> {
        self.folder.child(&path.to_string_lossy()).map_err(|error| ChangeError::Unfit {
            what: path.display().to_string(),
            reason: error.to_string(),
        })
    }

    /// The href from one document of the tree to another, as the tree's other links are written.
    pub(super) fn href(&self, from: &Location, to: &Location) -> Result<String, ChangeError> {
        Ok(self.linking.href(&self.path(from)?, &self.path(to)?))
    }

    /// The place in the list of `document` of its link of that relation to `target`.
    pub(super) fn find(&self, document: &LinkDocument, rel: &str, target: &Location) -> Option<usize> {
        let usual = self.href(&document.location, target).ok();
        let by_text = document.links(rel).find(|(_, href)| Some(*href) == usual.as_deref());
        let by_place = || {
            document.links(rel).find(|(_, href)| {
                self.resolver.resolve(&document.location, href).is_ok_and(|at| at == *target)
            })
        };
        by_text.or_else(by_place).map(|(index, _)| index)
    }

    /// Where the links of that relation lead.
    pub(super) fn targets(&self, document: &LinkDocument, rel: &str) -> Vec<Location> {
        let resolve = |(_, href)| self.resolver.resolve(&document.location, href).ok();
        document.links(rel).filter_map(resolve).collect()
    }

    /// An asset's href as the document `at` is to have it: relative below the tree's folder where its links are relative.
    pub(super) fn asset_href(&self, at: &Location, href: &str) -> Option<String> {
        if matches!(self.linking, Linking::AbsolutePublished { .. }) || href.contains(['?', '#']) {
            return None;
        }
        let is_absolute = href.starts_with('/') || href.contains("://");
        let target = is_absolute.then(|| Location::parse(href).ok()).flatten()?;
        relative_href(&self.path(at).ok()?, Path::new(&target.relative_to(&self.folder)?))
    }
}

/// How a tree's documents link one another, told by its root.
fn linking_of(at: &Location, document: &Value) -> Linking {
    let links = links_of(document);
    let own = links.iter().find(|link| link.rel == "self").and_then(|link| at.join(&link.href).ok());
    let Some(root) = own.map(|own| own.parent()) else { return Linking::SelfContained };
    let is_absolute = |href: &str| href.starts_with('/') || href.contains("://");
    let below = links.iter().find(|link| matches!(link.rel.as_str(), "child" | "item"));
    let root_link = || links.iter().find(|link| link.rel == "root");
    if below.or_else(root_link).is_some_and(|link| is_absolute(&link.href)) {
        Linking::AbsolutePublished { root }
    } else {
        Linking::RelativePublished { root }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tree(links: &Value) -> Tree {
        let root = Location::parse("s3://b/t/catalog.json").expect("a location");
        let document = json!({"type": "Catalog", "id": "r", "links": links});
        Tree::new(&LinkDocument::new(root, document), &Storage::default())
    }

    #[test]
    fn a_root_tells_how_its_tree_is_linked() {
        let own = json!({"rel": "self", "href": "https://h/p/catalog.json"});
        assert_eq!(
            tree(&json!([{"rel": "child", "href": "./c/collection.json"}])).linking,
            Linking::SelfContained
        );
        let root = Location::parse("https://h/p").expect("a location");
        assert_eq!(
            tree(&json!([own, {"rel": "child", "href": "./c/collection.json"}])).linking,
            Linking::RelativePublished { root: root.clone() }
        );
        assert_eq!(
            tree(&json!([own, {"rel": "child", "href": "https://h/p/c/collection.json"}])).linking,
            Linking::AbsolutePublished { root }
        );
    }

    #[test]
    fn assets_below_the_tree_become_relative_and_others_stay() {
        let tree = tree(&json!([]));
        let at = Location::parse("s3://b/t/c/i/i.json").expect("a location");
        assert_eq!(tree.asset_href(&at, "s3://b/t/c/i/x.tif").as_deref(), Some("./x.tif"));
        assert_eq!(tree.asset_href(&at, "s3://b/other/x.tif"), None);
        assert_eq!(tree.asset_href(&at, "./x.tif"), None);
        assert_eq!(tree.asset_href(&at, "s3://b/t/x.tif?v=1"), None);
    }
}
