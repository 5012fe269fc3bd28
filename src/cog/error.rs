//! What can be wrong with a file, a block's place in it, or a block's bytes.

use std::ops::Range;

use super::Codec;

/// Why a header could not be read, or not yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not an error of the file: this range, which lies within it, is to be fetched before the next try.
    #[error("bytes {}..{} of the file are needed to go on", .0.start, .0.end)]
    Missing(Range<u64>),
    /// The first bytes are no TIFF signature.
    #[error("expected a TIFF signature (II or MM, then 42 or 43), found {found}")]
    NotTiff {
        /// The first bytes, in hexadecimal.
        found: String,
    },
    /// The file contradicts itself or its own size.
    #[error("image {ifd}: {what}: expected {expected}, found {found}")]
    Corrupt {
        /// Which image file directory, from 0.
        ifd: usize,
        /// The tag or structure.
        what: &'static str,
        /// What would have been right.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A sound file of a kind that is not read here.
    #[error("image {ifd}: {what}: expected {expected}, found {found}; convert it with `cairn convert`")]
    Unsupported {
        /// Which image file directory, from 0.
        ifd: usize,
        /// The tag or structure.
        what: &'static str,
        /// What is supported.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
}

/// Why a block has no place in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The caller asked beyond the grid of blocks.
    #[error("band {band}, block row {row}, block column {col} lie outside {bands} x {down} x {across}")]
    NoSuchBlock {
        /// Band asked for, from 0.
        band: u16,
        /// Block row asked for, from 0.
        row: u32,
        /// Block column asked for, from 0.
        col: u32,
        /// Bands of the image.
        bands: u16,
        /// Rows of blocks.
        down: u32,
        /// Columns of blocks.
        across: u32,
    },
    /// The file says that the block lies where the file is not: truncated or corrupt.
    #[error(
        "block {block}: expected a place within the file's {file_len} bytes, found offset {offset} and \
         length {length}; is the file truncated?"
    )]
    OutsideFile {
        /// Index in the image's block table.
        block: usize,
        /// Offset in the file.
        offset: u64,
        /// Length in bytes.
        length: u64,
        /// Length of the file in bytes.
        file_len: u64,
    },
}

/// Why a block's bytes did not become pixels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A compression that is not read here.
    #[error("compression {codec} is not supported; convert the file with `cairn convert`")]
    Unsupported {
        /// The compression, by name.
        codec: Codec,
    },
    /// A block too large to be decoded at once.
    #[error(
        "a block takes {bytes} bytes, more than the limit of {limit}; convert the file to smaller blocks \
         with `cairn convert`"
    )]
    TooLarge {
        /// Decoded size of the block, or the memory that decoding it takes.
        bytes: u64,
        /// The limit, [`MAX_BLOCK_BYTES`](super::MAX_BLOCK_BYTES).
        limit: u64,
    },
    /// More rows asked for than the block has.
    #[error("{rows} rows asked of blocks of {block_height}")]
    NoSuchRows {
        /// Rows asked for.
        rows: u32,
        /// Rows of a block.
        block_height: u32,
    },
    /// The block's data end before the rows asked for do.
    #[error("{codec} block: expected at least {expected} bytes, found {found}")]
    Short {
        /// The compression.
        codec: Codec,
        /// Bytes of the rows asked for.
        expected: u64,
        /// Bytes that the data give, or can give at best.
        found: u64,
    },
    /// The compressed stream is broken.
    #[error("{codec} block of {length} compressed bytes is corrupt: {reason}")]
    Corrupt {
        /// The compression.
        codec: Codec,
        /// Compressed length in bytes.
        length: usize,
        /// What the decoder says.
        reason: String,
    },
}
