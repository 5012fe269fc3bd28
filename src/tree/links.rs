//! One document of a static tree: what it is, and what it links.

use std::borrow::Cow;

use serde_json::Value;

use crate::storage::{Location, LocationError, Storage, is_plain_url, plain_href};

/// The kinds of documents that a tree is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Groups other documents.
    Catalog,
    /// Groups Items and describes them.
    Collection,
    /// One Item.
    Item,
    /// A `FeatureCollection` of Items.
    ItemCollection,
}

/// Why bytes are no document of a tree.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// Not JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// JSON, but no STAC object.
    #[error("not a STAC Catalog, Collection, Item or ItemCollection: {reason}")]
    NotStac {
        /// What was found instead.
        reason: String,
    },
}

/// A link of a document.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its relation type.
    pub rel: String,
    /// Its href as written.
    pub href: String,
}

/// Relations that say where a document is in its tree, or in an API.
const STRUCTURAL: [&str; 14] = [
    "self",
    "root",
    "parent",
    "collection",
    "child",
    "item",
    "items",
    "next",
    "prev",
    "data",
    "search",
    "aggregate",
    "aggregations",
    "conformance",
];

/// True for a relation that a tree or a server writes itself, whatever a client brings.
pub(crate) fn is_structural(rel: &str) -> bool {
    STRUCTURAL.contains(&rel) || rel.starts_with("http://www.opengis.net/def/rel/ogc/")
}

/// Tells what a parsed document is; also for the versions before 1.0, which had no `type` on catalogs.
///
/// # Errors
/// When it is none of the four.
pub fn kind_of(document: &Value) -> Result<Kind, KindError> {
    let has = |field: &str| document.get(field).is_some();
    match document.get("type").and_then(Value::as_str) {
        Some("Catalog") => Ok(Kind::Catalog),
        Some("Collection") => Ok(Kind::Collection),
        Some("Feature") => Ok(Kind::Item),
        Some("FeatureCollection") => Ok(Kind::ItemCollection),
        None if has("id") && has("links") && has("extent") => Ok(Kind::Collection),
        None if has("id") && has("links") => Ok(Kind::Catalog),
        Some(other) => Err(KindError::NotStac { reason: format!("its type is '{other}'") }),
        None if document.is_object() => {
            Err(KindError::NotStac { reason: "it has no type, or no id and links".to_owned() })
        }
        None => Err(KindError::NotStac { reason: "it is no JSON object".to_owned() }),
    }
}

/// The links of a document, in its order; entries that are no links are passed over.
#[must_use]
pub fn links_of(document: &Value) -> Vec<Link> {
    let list = document.get("links").and_then(Value::as_array);
    let link = |value: &Value| {
        let text = |field| value.get(field).and_then(Value::as_str).map(str::to_owned);
        Some(Link { rel: text("rel")?, href: text("href")? })
    };
    list.into_iter().flatten().filter_map(link).collect()
}

/// Resolves the hrefs of a tree that may have been copied from the place it was published at.
#[derive(Debug, Clone)]
pub struct Resolver {
    /// (folder that the root says it is at, folder that it was read from).
    moved: Option<(Location, Location)>,
    /// The folder that the root says it is at, also when that is where it was read from.
    home: Option<Location>,
    /// Knows the accounts that `az://` stands for.
    storage: Option<Storage>,
}

impl Resolver {
    /// Looks at the root's `self` link: when it names another place than the root was read from, absolute hrefs below
    /// that place mean documents below this one.
    #[must_use]
    pub fn new(root: &Location, document: &Value) -> Self {
        let published = links_of(document)
            .into_iter()
            .find(|link| link.rel == "self")
            .and_then(|link| root.join(&link.href).ok())
            .filter(|published| published.file_name() == root.file_name());
        let home = published.as_ref().map(Location::parent);
        let moved = published.filter(|published| published != root);
        Self { moved: moved.map(|published| (published.parent(), root.parent())), home, storage: None }
    }

    /// Writes `az://` hrefs as the URLs of the accounts that these stores know.
    #[must_use]
    pub fn within(self, storage: &Storage) -> Self {
        Self { storage: Some(storage.clone()), ..self }
    }

    /// The location that `href` in the document at `base` means.
    ///
    /// # Errors
    /// When the href is no location.
    pub fn resolve(&self, base: &Location, href: &str) -> Result<Location, LocationError> {
        let location = base.join(href)?;
        let location = match &self.storage {
            Some(storage) => storage.public(location),
            None => location,
        };
        let Some((published, here)) = &self.moved else { return Ok(location) };
        match location.relative_to(published) {
            Some(rest) => here.child(&rest),
            None => Ok(location),
        }
    }

    /// The href that answers show for `href` in the document at `base`: an absolute path or a URL without its query.
    ///
    /// # Errors
    /// When the href is no location.
    pub fn shown<'a>(&self, base: &Location, href: &'a str) -> Result<Cow<'a, str>, LocationError> {
        match plain_href(href) {
            Some(plain) if self.moved.is_none() => Ok(Cow::Borrowed(plain)),
            _ => Ok(Cow::Owned(self.resolve(base, href)?.to_href())),
        }
    }

    /// True when the href leads to another place once the tree lies at another: it is relative, or below the tree's own place.
    #[must_use]
    pub fn moves(&self, href: &str) -> bool {
        if !href.starts_with('/') && !href.contains("://") && !href.starts_with("file:") {
            return true;
        }
        let is_below = |home: &Location| Location::parse(href).is_ok_and(|at| at.is_below(home));
        self.home.as_ref().is_some_and(is_below)
    }

    /// True when [`public_href`] surely leaves `href` as it is, query and all.
    #[must_use]
    pub fn keeps(&self, href: &str) -> bool {
        self.moved.is_none() && is_plain_url(href)
    }
}

/// The absolute href that a client can follow: nothing when it leads to the server's own disk.
#[must_use]
pub fn public_href(resolver: &Resolver, base: &Location, href: &str) -> Option<String> {
    match resolver.resolve(base, href).ok()? {
        Location::Local(_) => None,
        Location::Remote(url) => Some(url.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_are_told_apart_in_old_versions_too() {
        let kind = |value: Value| kind_of(&value).ok();
        assert_eq!(kind(json!({"type": "Catalog"})), Some(Kind::Catalog));
        assert_eq!(kind(json!({"id": "a", "links": [], "extent": {}})), Some(Kind::Collection));
        assert_eq!(kind(json!({"id": "a", "links": []})), Some(Kind::Catalog));
        assert_eq!(kind(json!({"type": "Feature"})), Some(Kind::Item));
        assert_eq!(kind(json!({"type": "Topology"})), None);
        assert_eq!(kind(json!([1])), None);
    }

    #[test]
    fn a_copied_tree_is_read_where_it_lies() {
        let root = Location::parse("/copy/catalog.json").expect("a location");
        let links = json!({"links": [{"rel": "self", "href": "https://pub.example/tree/catalog.json"}]});
        let resolver = Resolver::new(&root, &links);
        let resolve = |href| resolver.resolve(&root, href).expect("a location").to_string();
        assert_eq!(resolve("https://pub.example/tree/a/item.json"), "/copy/a/item.json");
        assert_eq!(resolve("https://pub.example/other.tif"), "https://pub.example/other.tif");
        assert_eq!(resolve("./b.json"), "/copy/b.json");
        let moves = |href| resolver.moves(href);
        assert_eq!(
            ["../x.tif", "https://pub.example/tree/x.tif", "https://pub.example/x.tif", "/x.tif"].map(moves),
            [true, true, false, false]
        );
    }
}
