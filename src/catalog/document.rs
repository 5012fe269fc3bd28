//! A Collection's document as it is served.

use serde_json::{Value, json};

use super::parse::own_links;
use super::snapshot::Snapshot;
use crate::stac::{Bbox, format_instant};
use crate::tree::{ItemSource, Parent, Resolver};

/// A Collection's document with only the links that lead out of the catalogue, and absolute asset hrefs.
pub(super) fn served_collection(parent: &Parent) -> Value {
    let mut document = parent.document.clone();
    let resolver = Resolver::new(&parent.location, &Value::Null);
    let source = ItemSource {
        location: &parent.location,
        json: &[],
        collection: None,
        parent_id: "",
        resolver: &resolver,
    };
    let links = document.get("links").cloned().unwrap_or_default();
    let own: Vec<Value> =
        own_links(&links, &source).iter().filter_map(|link| serde_json::from_str(link).ok()).collect();
    document["links"] = own.into();
    document["type"] = "Collection".into();
    if let Some(assets) = document.get_mut("assets").and_then(Value::as_object_mut) {
        assets.retain(|_, asset| {
            let href = asset.get("href").and_then(Value::as_str).unwrap_or_default();
            match crate::tree::public_href(&resolver, &parent.location, href) {
                Some(public) => {
                    asset["href"] = public.into();
                    true
                }
                None => false,
            }
        });
    }
    for (field, value) in [
        ("description", json!("A Collection without a description")),
        ("license", json!("other")),
        ("stac_version", json!("1.0.0")),
        (
            "extent",
            json!({"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}),
        ),
    ] {
        if document.get(field).is_none() {
            document[field] = value;
        }
    }
    document
}

/// A Collection for Items that name one which nobody defined; `slot` is what their rows name it by.
pub(super) fn derived_collection(snapshot: &Snapshot, slot: u32) -> Value {
    let mut bbox: Option<Bbox> = None;
    let mut times = None;
    for view in snapshot.views() {
        let part = &view.part;
        let mut is_used = vec![false; part.space().len()];
        for row in (0..part.len()).filter(|row| part.collection(*row) == slot && view.shows(*row)) {
            let (first, last) = part.span(row);
            let (earliest, latest) = times.unwrap_or((first, last));
            times = Some((first.min(earliest), last.max(latest)));
            if let Some(footprint) = part.space().footprint_of(row) {
                is_used[footprint as usize] = true;
            }
        }
        for (footprint, _) in (0..).zip(&is_used).filter(|(_, used)| **used) {
            for rect in part.space().rects(footprint) {
                let own = Bbox {
                    west: rect.min().x.max(-180.0),
                    south: rect.min().y,
                    east: rect.max().x.min(180.0),
                    north: rect.max().y,
                };
                if own.west <= own.east {
                    bbox = Some(bbox.map_or(own, |known| known.union(&own)));
                }
            }
        }
    }
    let id = &snapshot.slots()[slot as usize].id;
    let bbox = bbox.map_or([-180.0, -90.0, 180.0, 90.0], |b| b.to_array());
    let [first, last] =
        times.map_or([None, None], |(a, b)| [Some(format_instant(a)), Some(format_instant(b))]);
    json!({
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": id,
        "description": format!("Derived from the Items that name the Collection {id}"),
        "license": "other",
        "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[first, last]]}},
        "links": []
    })
}
