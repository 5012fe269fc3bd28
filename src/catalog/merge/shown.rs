//! Which Collections there are, and in which order.

use std::collections::HashMap;

use super::Merge;

impl Merge {
    /// Collections in load order: those that are defined, then those that only Items name.
    pub(super) fn shown(&mut self, places: &HashMap<u32, u32>) -> Vec<u32> {
        let mut met: Vec<(u32, u32, bool)> =
            self.met.iter().map(|(slot, document)| (*slot, *document, true)).collect();
        let mut unread: HashMap<u32, u32> = HashMap::new();
        if !self.same.is_empty() {
            for at in self.before.rows().filter(|at| self.kept[at.part as usize].get(at.row)) {
                let part = self.before.part(at);
                let (slot, document) = (part.collection(at.row), part.document(at.row));
                let first = unread.entry(slot).or_insert(document);
                if places.get(&document) < places.get(first) {
                    *first = document;
                }
            }
        }
        // Within one document that was not read, the order of before.
        let before = self.before.shown.iter();
        met.extend(before.filter_map(|slot| Some((*slot, *unread.get(slot)?, false))));
        met.sort_by_key(|(_, document, _)| places.get(document));
        let mut shown = self.defined.clone();
        for (slot, document, is_read) in met {
            if shown.contains(&slot) {
                continue;
            }
            shown.push(slot);
            if is_read {
                let id = &self.slots[slot as usize].id;
                let reason = format!("nobody defines the Collection '{id}': it is derived from its Items");
                self.warn(document, reason);
            }
        }
        shown
    }
}
