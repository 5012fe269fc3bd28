//! Puts packed bodies into chunks, in order, and trains the dictionaries.

use std::collections::HashMap;
use std::sync::Arc;

use super::chunk::{Chunk, OpenChunk};
use super::dictionary::{Dictionaries, Dictionary};
use super::packed::{frame_record, plain_record};
use super::{Bodies, BodyRef, Packed};
use crate::stac::ItemBody;

/// Bodies of one Collection that a dictionary is trained on.
const SAMPLE: usize = 1_200;

/// Their bytes, at most.
const SAMPLE_BYTES: usize = 20 << 20;

/// Bytes of bodies of all Collections that may wait for their dictionaries.
const MAX_WAITING_BYTES: usize = 256 << 20;

/// Bytes of a chunk that closes it.
const CHUNK_BYTES: usize = 4 << 20;

/// Builds [`Bodies`], or extends those of an earlier snapshot.
///
/// The bodies of a Collection that has no dictionary yet wait until there are enough of them to train one, or until the end.
#[derive(Debug, Default)]
pub(in crate::catalog) struct Packer {
    /// A chunk that still grows, or whose bodies wait, has its number already and is empty here.
    chunks: Vec<Option<Chunk>>,
    /// Number of the chunk that is open.
    open: Option<u32>,
    open_chunk: OpenChunk,
    waiting: HashMap<Box<str>, Waiting>,
    waiting_bytes: usize,
    dictionaries: Arc<Dictionaries>,
}

/// Bodies of one Collection; they become the chunk of that number.
#[derive(Debug)]
struct Waiting {
    chunk: u32,
    bodies: Vec<ItemBody>,
    bytes: usize,
}

impl Packer {
    /// A packer that adds to `bodies`: its references stay valid, its chunks are shared, and its Collections keep their
    /// dictionaries.
    pub(in crate::catalog) fn extend(bodies: &Bodies) -> Self {
        Self {
            chunks: bodies.chunks.iter().cloned().map(Some).collect(),
            dictionaries: Arc::clone(&bodies.dictionaries),
            ..Self::default()
        }
    }

    /// The dictionaries that there are by now, for those who pack the next bodies.
    pub(in crate::catalog) fn dictionaries(&self) -> &Arc<Dictionaries> {
        &self.dictionaries
    }

    /// Takes a body of the Collection of that id and says where it will lie. Every 1,200th body of a Collection without a
    /// dictionary takes long, some 0.4 seconds, as one is trained then.
    pub(in crate::catalog) fn push(&mut self, collection: &str, packed: Packed) -> BodyRef {
        let body = match packed {
            Packed::Frame { .. } => return self.append(collection, &packed),
            Packed::Body(body) => body,
        };
        match self.dictionaries.get(collection).cloned() {
            Some(dictionary) => self.append(collection, &Packed::new(body, Some(&dictionary))),
            None => self.wait(collection, body),
        }
    }

    /// Trains and packs what still waits.
    pub(in crate::catalog) fn finish(mut self) -> Bodies {
        let mut waiting: Vec<Box<str>> = self.waiting.keys().cloned().collect();
        waiting.sort_unstable();
        for collection in waiting {
            self.settle(&collection);
        }
        self.close();
        let chunks =
            self.chunks.into_iter().map(|chunk| chunk.unwrap_or_else(|| OpenChunk::default().close()));
        Bodies { chunks: Arc::new(chunks.collect()), dictionaries: self.dictionaries, own: None }
    }

    fn wait(&mut self, collection: &str, body: ItemBody) -> BodyRef {
        let bytes = body.payload().len();
        if !self.waiting.contains_key(collection) {
            let chunk = self.new_chunk();
            self.waiting.insert(collection.into(), Waiting { chunk, bodies: Vec::new(), bytes: 0 });
        }
        let Some(waiting) = self.waiting.get_mut(collection) else {
            return self.append(collection, &Packed::Body(body));
        };
        let at = BodyRef::new(waiting.chunk, u32::try_from(waiting.bodies.len()).unwrap_or(u32::MAX));
        waiting.bodies.push(body);
        waiting.bytes += bytes;
        self.waiting_bytes += bytes;
        if waiting.bodies.len() >= SAMPLE || waiting.bytes >= SAMPLE_BYTES {
            self.settle(collection);
        } else if self.waiting_bytes > MAX_WAITING_BYTES {
            let largest = self.waiting.iter().max_by_key(|(_, waiting)| waiting.bytes);
            if let Some(largest) = largest.map(|(id, _)| id.clone()) {
                self.settle(&largest);
            }
        }
        at
    }

    /// Trains the Collection's dictionary, where that pays, and packs those who waited for it.
    fn settle(&mut self, collection: &str) {
        let Some(waiting) = self.waiting.remove(collection) else { return };
        self.waiting_bytes -= waiting.bytes;
        let dictionary = Dictionary::train(&waiting.bodies).map(Arc::new);
        if let Some(dictionary) = &dictionary {
            Arc::make_mut(&mut self.dictionaries).insert(collection, Arc::clone(dictionary));
        }
        let mut chunk = OpenChunk::default();
        for body in waiting.bodies {
            let record = self.record(collection, &Packed::new(body, dictionary.as_ref()));
            chunk.push(&record);
        }
        self.chunks[waiting.chunk as usize] = Some(chunk.close());
    }

    fn append(&mut self, collection: &str, packed: &Packed) -> BodyRef {
        let record = self.record(collection, packed);
        self.push_record(&record)
    }

    /// Takes a record in as it is, packed with a dictionary that is here, if with any.
    pub(in crate::catalog) fn push_record(&mut self, record: &[u8]) -> BodyRef {
        if self.open_chunk.len() + record.len() > CHUNK_BYTES {
            self.close();
        }
        let number = self.open.unwrap_or_else(|| self.new_chunk());
        self.open = Some(number);
        BodyRef::new(number, self.open_chunk.push(record))
    }

    fn record(&mut self, collection: &str, packed: &Packed) -> Vec<u8> {
        match packed {
            Packed::Body(body) => plain_record(body),
            Packed::Frame { dictionary, frame } => {
                let number = self.dictionaries.number_of(collection, dictionary).unwrap_or_else(|| {
                    Arc::make_mut(&mut self.dictionaries).insert(collection, Arc::clone(dictionary))
                });
                frame_record(number, frame)
            }
        }
    }

    fn new_chunk(&mut self) -> u32 {
        self.chunks.push(None);
        u32::try_from(self.chunks.len() - 1).unwrap_or(u32::MAX)
    }

    fn close(&mut self) {
        if let Some(number) = self.open.take() {
            self.chunks[number as usize] = Some(self.open_chunk.close());
        }
    }
}
