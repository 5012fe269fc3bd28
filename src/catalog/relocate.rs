//! A stored catalogue whose tree was copied to another place since: its hrefs and the states of its documents become those
//! of the new place.
//!
//! In: a catalogue as it was read from a file, and both places. Out: the one that reading the copy would give, as far as the
//! copy is like its original: relative hrefs lead below the new place, others stay. Each document's state becomes the MD5 of its
//! bytes as they were read, which is the `ETag` that S3 gives to a copy: a listing then tells the documents that differ. Where
//! `ETag`s are made otherwise, the next look reads each document once.
//!
//! Cost: each Item's document is unpacked and packed again, some 20 microseconds of one core for 15 KB.

use std::sync::Arc;

use rapidhash::v3::rapidhash_v3;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde_json::Value;

use super::bodies::{BodyError, Packed, Packer};
use super::seen::Remembered;
use super::snapshot::{Collection, View};
use super::sources::Source;
use crate::storage::{Location, hexadecimal};

/// Items that are packed at once, on all threads of the pool that this runs on.
const PACKED_AT_ONCE: usize = 2_000;

/// From the folder that a tree lay in to the one that it lies in.
#[derive(Debug)]
pub(super) struct Relocation {
    from: Location,
    to: Location,
}

impl Relocation {
    /// For a tree whose root was read from one of these; nothing when it is not one tree under the same name.
    pub(super) fn between(of: &[String], sources: &[Source]) -> Option<Self> {
        let ([of], [Source::Tree(root)]) = (of, sources) else { return None };
        let old = Location::parse(of).ok()?;
        (old.file_name() == root.file_name()).then(|| Self { from: old.parent(), to: root.parent() })
    }

    /// Where what lay there lies now, seen from the tree; nothing when no relative path leads there.
    fn location(&self, old: &Location) -> Option<Location> {
        let common = self.from.common(old)?;
        let mut folder = self.to.clone();
        for _ in self.from.relative_to(&common)?.split('/').filter(|name| !name.is_empty()) {
            let above = folder.parent();
            if above == folder {
                return None;
            }
            folder = above;
        }
        folder.child(&old.relative_to(&common)?).ok()
    }

    fn href(&self, old: &str) -> Option<String> {
        Some(self.location(&Location::parse(old).ok()?)?.to_href())
    }

    /// Moves the documents of all rows and gives the sum over the contents of those that count, and for each document of the
    /// catalogue the Collection of its Items; nothing for those that have to be read again.
    pub(super) fn rows(
        &self,
        views: &mut [View],
        slots: &[Collection],
        documents: usize,
    ) -> Result<(u128, Vec<Option<String>>), BodyError> {
        let Some(last) = views.last() else { return Ok((0, vec![None; documents])) };
        let mut packer = Packer::extend(&last.part.bodies().without_chunks());
        let (mut moved, mut content) = (Vec::new(), 0_u128);
        let mut owners: Vec<Option<String>> = vec![None; documents];
        let mut is_doubtful = vec![false; documents];
        for view in views.iter() {
            let (part, mut refs, mut contents) = (&view.part, Vec::new(), Vec::new());
            let rows: Vec<u32> = (0..part.len()).collect();
            for piece in rows.chunks(PACKED_AT_ONCE) {
                let dictionaries = Arc::clone(packer.dictionaries());
                let packed = piece.into_par_iter().map(|row| {
                    let body = part.body(*row)?.moved(|href| self.href(href));
                    let owner = &slots[part.collection(*row) as usize].id;
                    let hash = rapidhash_v3(body.payload());
                    let links_move = body.links_move();
                    Ok((*row, hash, links_move, Packed::new(body, dictionaries.get(owner))))
                });
                for (row, hash, links_move, packed) in packed.collect::<Result<Vec<_>, BodyError>>()? {
                    let (owner, document) = (&slots[part.collection(row) as usize].id, part.document(row));
                    refs.push(packer.push(owner, packed));
                    contents.push(hash);
                    if view.shows(row) {
                        content = content.wrapping_add(hash.into());
                        owners[document as usize].get_or_insert_with(|| owner.clone());
                        is_doubtful[document as usize] |= links_move;
                    }
                }
            }
            moved.push((refs, contents));
        }
        let bodies = packer.finish();
        for (view, (refs, contents)) in views.iter_mut().zip(moved) {
            // Nobody else has it yet.
            if let Some(part) = Arc::get_mut(&mut view.part) {
                (part.body, part.contents, part.bodies) = (refs, contents, bodies.clone());
            }
        }
        for (owner, is_doubtful) in owners.iter_mut().zip(is_doubtful) {
            owner.take_if(|_| is_doubtful);
        }
        Ok((content, owners))
    }

    /// Moves the hrefs of a Collection's links and assets below the tree; what leads to the server's own disk is left out, as
    /// when it is read.
    pub(super) fn collection(&self, collection: &mut Collection) {
        let is_kept = |object: &mut Value| {
            let href = object.get("href").and_then(Value::as_str).and_then(|href| Location::parse(href).ok());
            let Some(new) = href.filter(|old| old.is_below(&self.from)).and_then(|old| self.location(&old))
            else {
                return true;
            };
            object["href"] = new.to_href().into();
            new.as_path().is_none()
        };
        if let Some(links) = collection.document.get_mut("links").and_then(Value::as_array_mut) {
            links.retain_mut(is_kept);
        }
        if let Some(assets) = collection.document.get_mut("assets").and_then(Value::as_object_mut) {
            assets.retain(|_, asset| is_kept(asset));
        }
    }

    /// Moves what is remembered of a document whose Items are of the Collection `owner`.
    pub(super) fn document(&self, document: Remembered, owner: Option<&str>) -> Remembered {
        if !document.location.is_below(&self.from) {
            return document;
        }
        let location = self.location(&document.location).unwrap_or(document.location);
        // Catalogs and Collections are read with each look; this tells whether one is needed.
        let under = if document.is_parent { Some("parent") } else { owner };
        let state = document.state.map(|_| match (document.md5, under) {
            (Some(md5), Some(under)) => format!("\"{}\" {under}", hexadecimal(&md5)),
            _ => String::new(),
        });
        Remembered { location, state, ..document }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relocation(from: &str, to: &str) -> Relocation {
        let to = Source::parse(to).expect("a source");
        Relocation::between(&[from.to_owned()], &[to]).expect("a relocation")
    }

    #[test]
    fn places_are_seen_from_the_tree() {
        let moved = relocation("/work/demo/tree/catalog.json", "s3://b/set/tree/catalog.json");
        let href = |old: &str| moved.href(old);
        assert_eq!(href("/work/demo/tree/c/i.json").as_deref(), Some("s3://b/set/tree/c/i.json"));
        assert_eq!(href("/work/demo/cogs/a b.tif").as_deref(), Some("s3://b/set/cogs/a%20b.tif"));
        assert_eq!(href("/else/x.tif"), None, "above the bucket there is nothing");
        let back = relocation("s3://b/set/tree/catalog.json", "/work/demo/tree/catalog.json");
        assert_eq!(back.href("s3://b/set/cogs/a%20b.tif").as_deref(), Some("/work/demo/cogs/a b.tif"));
        assert_eq!(back.href("https://h/x.tif"), None);
    }

    #[test]
    fn only_a_tree_under_the_same_name_moves() {
        let other = Source::parse("/b/collection.json").expect("a source");
        assert!(Relocation::between(&["/a/catalog.json".to_owned()], &[other]).is_none());
        let table = Source::parse("/b/catalog.parquet").expect("a source");
        assert!(Relocation::between(&["/a/catalog.parquet".to_owned()], &[table]).is_none());
    }
}
