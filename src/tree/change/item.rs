//! An Item as a client sent it becomes the document of a tree.

use serde_json::{Map, Value};

use super::ChangeError;
use super::place::Tree;
use crate::storage::Location;
use crate::tree::links::is_structural;
use crate::tree::publish::item_links;

/// Where an Item's document is to be, and what it hangs on.
#[derive(Debug, Clone)]
pub(super) struct Hung {
    /// The Item's document.
    pub(super) at: Location,
    /// The document that links it.
    pub(super) parent: Location,
    /// Its Collection's document, and that one's title.
    pub(super) home: Location,
    pub(super) title: Option<String>,
}

/// The id of an Item or a Collection.
pub(super) fn id_of(document: &Value) -> Result<&str, ChangeError> {
    let unfit = || ChangeError::Unfit {
        what: "the document".to_owned(),
        reason: "it is to be a JSON object with an id".to_owned(),
    };
    document.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or_else(unfit)
}

/// The Item as its document is to be: its Collection named, linked as the tree's others, assets below the tree relative.
pub(super) fn settled(
    mut item: Value,
    collection: &str,
    tree: &Tree,
    hung: &Hung,
) -> Result<Value, ChangeError> {
    let path = tree.path(&hung.at)?;
    let root = (tree.path(&tree.root)?, tree.title.as_deref());
    let home = (tree.path(&hung.home)?, hung.title.as_deref());
    let own =
        item_links(&tree.linking, &path, (&root.0, root.1), &tree.path(&hung.parent)?, (&home.0, home.1));
    let own = own.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    let own = own.map_err(|error| ChangeError::Unfit {
        what: path.display().to_string(),
        reason: error.to_string(),
    })?;
    let Some(members) = item.as_object_mut() else {
        let reason = "it is to be a JSON object".to_owned();
        return Err(ChangeError::Unfit { what: "the Item".to_owned(), reason });
    };
    members.insert("collection".to_owned(), collection.into());
    set_links(members, own);
    settle_assets(members, tree, &hung.at);
    Ok(item)
}

/// The document's own links, then those that the client brought.
pub(super) fn set_links(members: &mut Map<String, Value>, own: Vec<Value>) {
    let brought = members.get_mut("links").map(Value::take).unwrap_or_default();
    let stays = |link: &Value| link.get("rel").and_then(Value::as_str).is_some_and(|rel| !is_structural(rel));
    let brought = brought.as_array().cloned().unwrap_or_default().into_iter();
    let links = own.into_iter().chain(brought.filter(stays)).collect();
    members.insert("links".to_owned(), Value::Array(links));
}

/// Makes asset hrefs relative where they are of this tree.
pub(super) fn settle_assets(members: &mut Map<String, Value>, tree: &Tree, at: &Location) {
    for (_, asset) in members.get_mut("assets").and_then(Value::as_object_mut).into_iter().flatten() {
        let href = asset.get("href").and_then(Value::as_str);
        if let Some(relative) = href.and_then(|href| tree.asset_href(at, href)) {
            asset["href"] = relative.into();
        }
    }
}
