//! Sources become a snapshot, from nothing or from what a snapshot before has of them already.

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::StreamExt;

use super::bodies::Packer;
use super::draft::Press;
use super::merge::Merge;
use super::read::read;
use super::seen::Seen;
use super::snapshot::Snapshot;
use super::sources::{LoadError, Source};
use crate::pool::Pool;
use crate::storage::{Places, Storage};
use crate::tree::{Problem, Sums};

/// Findings that are put together in one piece of work.
const FOUND_AT_ONCE: usize = 256;

/// What was loaded, and what was not.
#[derive(Debug, Default)]
pub struct LoadReport {
    /// Items in the snapshot.
    pub items: usize,
    /// Items that were not in the snapshot before as they are now.
    pub fresh: usize,
    /// Items of the snapshot before that are gone or another now.
    pub gone: usize,
    /// Items that were written through since the last load.
    pub taken_in: usize,
    /// Collections in the snapshot.
    pub collections: usize,
    /// Documents and Items that were left out.
    pub problems: Vec<Problem>,
    /// What was put right: documents that disagree, Collections that nobody defined.
    pub warnings: Vec<Problem>,
}

/// A catalogue as it was loaded.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) seen: Arc<Seen>,
}

/// Loads all sources in their order; what `before` has is not read again.
///
/// On threads that end with the load: only then does the allocator let go of what lies freed in their pages.
pub(super) async fn load(
    sources: &[Source],
    storage: &Storage,
    places: Option<&Places>,
    pool: &Pool,
    before: &Loaded,
    sums: Sums,
) -> Result<(Loaded, LoadReport), LoadError> {
    // The newest part's bodies hold those of all others.
    let packer =
        before.snapshot.views().last().map_or_else(Packer::default, |v| Packer::extend(v.part.bodies()));
    let dictionaries = Arc::new(ArcSwap::new(Arc::clone(packer.dictionaries())));
    let press = Press {
        dictionaries: Arc::clone(&dictionaries),
        before: Arc::clone(&before.snapshot),
        seen: Arc::clone(&before.seen),
        storage: storage.clone(),
    };
    let pool = &pool.alike()?;
    let mut merge = Merge::new(packer, &before.snapshot, &before.seen);
    for source in sources {
        let mut found = read(source, storage, places, pool, &press, &before.seen, sums)
            .await?
            .ready_chunks(FOUND_AT_ONCE);
        while let Some(some) = found.next().await {
            merge = pool
                .run(move || {
                    for one in some {
                        merge.add(one?)?;
                    }
                    Ok::<_, LoadError>(merge)
                })
                .await?;
            dictionaries.store(Arc::clone(merge.dictionaries()));
        }
    }
    drop(press);
    pool.run(move || merge.finish()).await
}
