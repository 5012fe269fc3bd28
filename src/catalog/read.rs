//! Sources become one stream of what they hold, in load order.

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{StreamExt, stream};

use super::draft::{Batch, Press};
use super::lines::{Block, LinesError, blocks};
use super::seen::Seen;
use super::sources::{LoadError, Source};
use super::table::TableReader;
use crate::pool::Pool;
use crate::storage::{LocalCopy, Location, Places, Storage, StorageError};
use crate::tree::{Before, Document, Found, Kind, Parent, Sums, is_in_state, walk};

/// What comes out of a source; an error ends the load.
pub(super) type Reading = BoxStream<'static, Result<Found<Batch>, LoadError>>;

/// Findings of a tree that wait to be taken in; an Item is one.
const FOUND_AHEAD: usize = 512;

/// Reads one source, as far as `places` allow.
pub(super) async fn read(
    source: &Source,
    storage: &Storage,
    places: Option<&Places>,
    pool: &Pool,
    press: &Press,
    seen: &Arc<Seen>,
    sums: Sums,
) -> Result<Reading, LoadError> {
    match source {
        Source::Tree(root) => {
            let (press, seen) = (press.clone(), Arc::clone(seen));
            let listing = seen.listing(storage, &root.parent()).await.unwrap_or_default();
            let known = Box::new(move |location: &Location| {
                let state = seen.items_state(location)?;
                let is_current = listing.get(location).is_some_and(|meta| is_in_state(meta, &state));
                Some(Before { state, is_current })
            });
            let found =
                walk(storage, places.cloned(), pool, root, known, sums, move |item| press.item(item)).await?;
            Ok(ahead(found.map(Ok).boxed()))
        }
        Source::Ndjson(location) => {
            let document = state_of(storage, location, seen).await?;
            if document.is_same {
                return Ok(stream::iter([Ok(Found::Document(document))]).boxed());
            }
            let source = storage.open_whole(location).await?.into_reader();
            let lines = parsed(pool, press, location.clone(), blocks(source));
            Ok(stream::iter([Ok(Found::Document(document))]).chain(lines).boxed())
        }
        Source::StandardInput => {
            let location = Location::Local("/dev/stdin".into());
            let document = Document { location: location.clone(), state: None, md5: None, is_same: false };
            let lines = parsed(pool, press, location, blocks(std::io::stdin()));
            Ok(stream::iter([Ok(Found::Document(document))]).chain(lines).boxed())
        }
        Source::Table(location) => {
            let document = state_of(storage, location, seen).await?;
            if document.is_same {
                return Ok(stream::iter([Ok(Found::Document(document))]).boxed());
            }
            table(storage, pool, press, location, document).await
        }
    }
}

/// The same stream, read on while what came before is taken in.
fn ahead(mut reading: Reading) -> Reading {
    let (sender, receiver) = tokio::sync::mpsc::channel(FOUND_AHEAD);
    tokio::spawn(async move {
        loop {
            let found = tokio::select! {
                () = sender.closed() => return,
                found = reading.next() => found,
            };
            let Some(found) = found else { return };
            if sender.send(found).await.is_err() {
                return;
            }
        }
    });
    stream::unfold(receiver, async |mut found| found.recv().await.map(|one| (one, found))).boxed()
}

/// The state of a source that is one file.
async fn state_of(storage: &Storage, location: &Location, seen: &Seen) -> Result<Document, StorageError> {
    let state = Seen::state_of_file(&storage.meta(location).await?);
    let is_same = !state.is_empty() && seen.items_state(location).is_some_and(|before| before == state);
    Ok(Document { location: location.clone(), state: Some(state), md5: None, is_same })
}

/// Parses blocks of lines on the pool, several at once, in their order.
fn parsed(
    pool: &Pool,
    press: &Press,
    location: Location,
    lines: tokio::sync::mpsc::Receiver<Result<Block, LinesError>>,
) -> Reading {
    let (pool, press, at_once) = (pool.clone(), press.clone(), pool.width() + 1);
    let blocks = stream::unfold(lines, async |mut lines| lines.recv().await.map(|block| (block, lines)));
    blocks
        .map(move |block| {
            let (pool, press, location) = (pool.clone(), press.clone(), location.clone());
            async move {
                let block =
                    block.map_err(|source| LoadError::Lines { location: location.clone(), source })?;
                Ok(Found::Item(pool.run(move || press.lines(&location, &block)).await))
            }
        })
        .buffered(at_once)
        .boxed()
}

/// Reads a stac-geoparquet file, some rows at a time.
async fn table(
    storage: &Storage,
    pool: &Pool,
    press: &Press,
    location: &Location,
    document: Document,
) -> Result<Reading, LoadError> {
    let wrong = |location: &Location| {
        let location = location.clone();
        move |source| LoadError::Table { location, source: Box::new(source) }
    };
    let file = LocalCopy::of(storage, location).await?;
    let opened = tokio::task::spawn_blocking(move || TableReader::open(file.path())).await;
    let reader = opened.map_err(std::io::Error::other)?.map_err(wrong(location))?;
    let parents = reader.collections().into_iter().map(|collection| {
        Ok(Found::Parent(Parent { location: location.clone(), document: collection, kind: Kind::Collection }))
    });
    let head = stream::iter([Ok(Found::Document(document))]).chain(stream::iter(parents.collect::<Vec<_>>()));
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        for rows in reader.items() {
            let failed = rows.is_err();
            if sender.blocking_send(rows).is_err() || failed {
                return;
            }
        }
    });
    let (pool, press, at) = (pool.clone(), press.clone(), location.clone());
    let at_once = pool.width() + 1;
    let rows = stream::unfold(receiver, async |mut rows| rows.recv().await.map(|batch| (batch, rows)));
    let items = rows
        .map(move |rows| {
            let (pool, press, at) = (pool.clone(), press.clone(), at.clone());
            async move {
                let rows = rows.map_err(wrong(&at))?;
                Ok(Found::Item(pool.run(move || press.texts(&at, &rows)).await))
            }
        })
        .buffered(at_once);
    Ok(head.chain(items).boxed())
}
