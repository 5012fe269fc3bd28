//! One Item's document out of a part, with an error that names the Item.

use serde_json::Value;

use super::backend::SearchError;
use crate::catalog::{Part, Snapshot};
use crate::stac::{ItemBody, ItemError};

/// The document as it is spliced into answers.
pub(super) fn unpacked(snapshot: &Snapshot, part: &Part, row: u32) -> Result<ItemBody, SearchError> {
    let failed = |source| {
        let (collection, id) = named(snapshot, part, row);
        SearchError::Body { collection, id, source }
    };
    part.body(row).map_err(failed)
}

/// The document parsed.
pub(super) fn parsed(snapshot: &Snapshot, part: &Part, row: u32) -> Result<Value, SearchError> {
    let broken = ItemError::Field { field: "type", expected: "a JSON document" };
    let body = unpacked(snapshot, part, row)?;
    body.parse().map_err(|_never| unreadable(snapshot, part, row, broken))
}

/// Why nothing can be made of the document.
pub(super) fn unreadable(snapshot: &Snapshot, part: &Part, row: u32, source: ItemError) -> SearchError {
    let (collection, id) = named(snapshot, part, row);
    SearchError::Item { collection, id, source }
}

/// Ids of the Item and of its Collection, the Collection's first.
fn named(snapshot: &Snapshot, part: &Part, row: u32) -> (String, String) {
    (snapshot.slots()[part.collection(row) as usize].id.clone(), part.ids().get(row))
}
