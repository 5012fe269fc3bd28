//! Which blocks are being read and decoded at this moment, so that nobody reads their bytes a second time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a block begins in an opened raster: whatever image of it, no other block begins there.
pub(super) type Key = (u64, u64);

/// Blocks on their way; a clone is the same set.
#[derive(Debug, Clone, Default)]
pub(super) struct Landing {
    keys: Arc<Mutex<HashSet<Key>>>,
}

/// Blocks that one request reads; dropped when they are there, or when the request is given up.
#[derive(Debug)]
pub(super) struct Claims {
    landing: Landing,
    keys: Vec<Key>,
}

impl Landing {
    /// Claims the blocks that nobody has claimed, and says of each whether it is the caller's now.
    pub(super) fn claim(&self, keys: impl Iterator<Item = Key>) -> (Claims, Vec<bool>) {
        let mut claimed = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = Vec::new();
        let is_own = keys
            .map(|key| {
                let is_new = claimed.insert(key);
                if is_new {
                    own.push(key);
                }
                is_new
            })
            .collect();
        (Claims { landing: self.clone(), keys: own }, is_own)
    }

    /// Claims nothing: where no blocks are kept, each request reads for itself.
    pub(super) fn alone(&self, keys: impl Iterator<Item = Key>) -> (Claims, Vec<bool>) {
        (Claims { landing: self.clone(), keys: Vec::new() }, keys.map(|_| true).collect())
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let mut claimed = self.landing.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            claimed.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_claimed_by_one_until_it_is_there() {
        let landing = Landing::default();
        let (first, own) = landing.claim([(1, 10), (1, 20)].into_iter());
        assert_eq!(own, [true, true]);
        let (second, own) = landing.claim([(1, 20), (1, 30)].into_iter());
        assert_eq!(own, [false, true]);
        drop(first);
        let (_third, own) = landing.claim([(1, 20), (1, 30)].into_iter());
        assert_eq!(own, [true, false], "the second has the last one still");
        drop(second);
    }
}
