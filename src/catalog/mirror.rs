//! What writes through the tree see of the catalogue, and tell it.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::document::served_collection;
use super::{Catalog, parse};
use crate::stac::{BodyWriter, tag};
use crate::storage::Location;
use crate::tree::{Change, ItemSource, Kind, Mirror, Parent};

impl Mirror for Catalog {
    fn locate(&self, collection: &str, id: &str) -> Option<Location> {
        self.shown.locate(collection, id)
    }

    fn item_tag(&self, item: &ItemSource<'_>) -> String {
        let mut writer = BodyWriter::default();
        match parse::parse(item, &mut parse::BandSets::default(), &mut writer) {
            Ok(parsed) => tag(parsed.body.payload()),
            Err(_not_shown) => tag(item.json),
        }
    }

    fn collection_tag(&self, location: &Location, document: &Value) -> String {
        let (location, document) = (location.clone(), document.clone());
        tag(served_collection(&Parent { location, document, kind: Kind::Collection }).to_string().as_bytes())
    }

    fn shows(&self, collection: &str) -> bool {
        self.snapshot().collection(collection).is_some()
    }

    fn committed(&self, changes: Vec<Change>) -> BoxFuture<'_, Vec<String>> {
        let (shown, storage) = (Arc::clone(&self.shown), self.storage.clone());
        self.pool.run(move || shown.take(&storage, &changes)).boxed()
    }
}
