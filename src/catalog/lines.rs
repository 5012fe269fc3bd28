//! A stream of lines, cut into blocks of whole lines of a few megabytes.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::mpsc;

use crate::stac::MAX_ITEM_BYTES;

/// Bytes read at once; a block is this and what completes its last line.
const BLOCK_BYTES: usize = 1 << 20;

/// Blocks read ahead of who takes them.
const READ_AHEAD: usize = 4;

/// Whole lines, and where in the file they stand.
#[derive(Debug)]
pub(super) struct Block {
    /// The lines, the last one perhaps without its end.
    pub(super) bytes: Vec<u8>,
    /// Number of the first line, from 1.
    pub(super) first_line: u64,
    /// Takes the memory back for another block.
    spent: Sender<Vec<u8>>,
}

impl Block {
    /// The lines without their ends, each with its number.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', &self.bytes).chain(std::iter::once(self.bytes.len()));
        let lines = ends.map(move |end| &self.bytes[std::mem::replace(&mut start, end + 1)..end]);
        (self.first_line..).zip(lines)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // At the end of the file nobody takes it.
        drop(self.spent.send(std::mem::take(&mut self.bytes)));
    }
}

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The source failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No end in sight.
    #[error("line {line} is longer than the {MAX_ITEM_BYTES} bytes that an Item may have; is this ndjson?")]
    TooLong {
        /// From 1.
        line: u64,
    },
}

/// Reads blocks on a thread of its own; the receiver's end bounds how far it reads ahead.
pub(super) fn blocks(source: impl Read + Send + 'static) -> mpsc::Receiver<Result<Block, LinesError>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut cutter = Cutter::new(source);
        while let Some(block) = cutter.next().transpose() {
            let failed = block.is_err();
            if sender.blocking_send(block).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

struct Cutter<R> {
    source: R,
    /// What was read after the last whole line.
    rest: Vec<u8>,
    next_line: u64,
    /// Memory of blocks that are done with: new memory costs more than reading into it.
    spent: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
}

impl<R: Read> Cutter<R> {
    fn new(source: R) -> Self {
        Self { source, rest: Vec::new(), next_line: 1, spent: channel() }
    }

    fn next(&mut self) -> Result<Option<Block>, LinesError> {
        let mut bytes = self.spent.1.try_recv().unwrap_or_default();
        bytes.clear();
        bytes.append(&mut self.rest);
        loop {
            let before = bytes.len();
            bytes.reserve(BLOCK_BYTES);
            let read = (&mut self.source).take(BLOCK_BYTES as u64).read_to_end(&mut bytes)?;
            if read == 0 {
                break;
            }
            if let Some(end) = memchr::memrchr(b'\n', &bytes[before..]) {
                self.rest.extend_from_slice(&bytes[before + end + 1..]);
                bytes.truncate(before + end + 1);
                break;
            }
            if bytes.len() > MAX_ITEM_BYTES {
                return Err(LinesError::TooLong { line: self.next_line });
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let first_line = self.next_line;
        self.next_line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Ok(Some(Block { bytes, first_line, spent: self.spent.0.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a few bytes at a time, as pipes do.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn blocks_are_whole_lines_and_all_of_them(
            lines in proptest::collection::vec("[a-z]{0,9}", 0..50),
            ends in any::<bool>(),
            step in 1..40_usize,
        ) {
            let mut text = lines.join("\n");
            if ends { text.push('\n'); }
            let mut cutter = Cutter::new(Trickle(text.clone().into_bytes(), step));
            let mut together = Vec::new();
            while let Some(block) = cutter.next().expect("a block") {
                let before = memchr::memchr_iter(b'\n', &together).count() as u64;
                prop_assert_eq!(block.first_line, before + 1);
                let own: Vec<&[u8]> = block.bytes.split(|byte| *byte == b'\n').collect();
                prop_assert_eq!(block.lines().map(|(_, line)| line).collect::<Vec<_>>(), own);
                together.extend_from_slice(&block.bytes);
            }
            prop_assert_eq!(together, text.into_bytes());
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let source = io::repeat(b'x').take(MAX_ITEM_BYTES as u64 * 2);
        let mut cutter = Cutter::new(source);
        assert!(matches!(cutter.next(), Err(LinesError::TooLong { line: 1 })));
    }
}
