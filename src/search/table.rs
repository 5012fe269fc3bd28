//! All Items that match, as a stac-geoparquet file that is made while it is sent.
//!
//! In: [`Matches`], and what makes the document of an Item. Out: the bytes of the file, a row group at a time. The first pass
//! over the Items, which finds the columns, ends before there is a byte; the second one writes rows. Each step runs on the
//! pool when somebody wants more bytes: a client that goes away stops the work, one that is slow slows it down. Memory: some
//! documents, one encoded row group, and the rows' numbers.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{BoxStream, ReadyChunks};
use futures::{Stream, StreamExt, stream};
use serde_json::Value;

use super::backend::{Collection, Item, Matches, SearchError};
use crate::catalog::{SchemaBuilder, TableError, TableWriter};
use crate::pool::Pool;

/// Items of one piece of work on the pool.
const ITEMS_AT_ONCE: usize = 64;

/// Why Items do not become a table.
#[derive(Debug, thiserror::Error)]
pub enum TableAnswerError {
    /// The Items cannot be had.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// An Item has no place in a table, or all together have too many fields.
    #[error("{0}")]
    Unfit(TableError),
    /// The table cannot be written.
    #[error(transparent)]
    Table(TableError),
}

impl From<TableError> for TableAnswerError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Item { .. } | TableError::TooManyColumns { .. } => Self::Unfit(error),
            _ => Self::Table(error),
        }
    }
}

type Items = ReadyChunks<BoxStream<'static, Result<Item, SearchError>>>;

/// The file's bytes; `document` makes what is written of an Item, the same in both passes. Of `collections` the file carries
/// those of the Items. An error of the stream means that the file is not whole.
///
/// # Errors
/// When an Item cannot be given, or has no place in a table.
pub async fn table(
    matches: Matches,
    collections: Vec<Collection>,
    document: impl FnMut(&Item) -> Value + Clone + Send + 'static,
    pool: Pool,
) -> Result<impl Stream<Item = Result<Vec<u8>, TableAnswerError>> + Send + 'static, TableAnswerError> {
    let mut items = matches.items().ready_chunks(ITEMS_AT_ONCE);
    let (mut schema, mut used) = (SchemaBuilder::new(), BTreeSet::new());
    while let Some(piece) = items.next().await {
        let mut document = document.clone();
        (schema, used) = pool
            .run(move || {
                for item in piece {
                    let item = item?;
                    schema.observe(&document(&item))?;
                    used.insert(item.collection);
                }
                Ok::<_, TableAnswerError>((schema, used))
            })
            .await?;
    }
    let sent = Sent::default();
    let mut writer = TableWriter::new(sent.clone(), schema.finish()?)?;
    for collection in collections.into_iter().filter(|collection| used.contains(&collection.id)) {
        writer.add_collection(collection.document)?;
    }
    let items = matches.items().ready_chunks(ITEMS_AT_ONCE);
    let writing = Writing { items, writer: Some(writer), sent, document, pool };
    Ok(stream::try_unfold(writing, Writing::next))
}

/// The second pass.
struct Writing<D> {
    items: Items,
    /// `None` after the end.
    writer: Option<TableWriter<Sent>>,
    sent: Sent,
    document: D,
    pool: Pool,
}

impl<D: FnMut(&Item) -> Value + Clone + Send + 'static> Writing<D> {
    /// Writes until there are bytes to send.
    async fn next(mut self) -> Result<Option<(Vec<u8>, Self)>, TableAnswerError> {
        while let Some(mut writer) = self.writer.take() {
            let piece = self.items.next().await;
            let mut document = self.document.clone();
            let wrote = move || {
                let Some(piece) = piece else {
                    writer.finish()?;
                    return Ok::<_, TableAnswerError>(None);
                };
                for item in piece {
                    writer.write(&document(&item?))?;
                }
                Ok(Some(writer))
            };
            self.writer = self.pool.run(wrote).await?;
            let bytes = self.sent.take();
            if !bytes.is_empty() {
                return Ok(Some((bytes, self)));
            }
        }
        Ok(None)
    }
}

/// Bytes on their way from the writer to the client.
#[derive(Debug, Clone, Default)]
struct Sent(Arc<Mutex<Vec<u8>>>);

impl Sent {
    fn take(&self) -> Vec<u8> {
        take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
