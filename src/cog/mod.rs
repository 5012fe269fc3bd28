//! A (Cloud Optimized) `GeoTIFF`'s bytes → pixels. Only `open` and `headers` fetch anything; all else works on bytes that it is given.
//!
//! In: byte ranges of files that are not trusted. Out: what the file says of itself
//! ([`Header`]), where each block lies ([`Image::block_range`]), and a block's samples in little-endian order
//! ([`decode_block`]), to be cropped into an array ([`BlockView::copy_band`]).
//!
//! Classic TIFF and `BigTIFF`, both byte orders, tiles and strips, chunky and separate bands; integers of 8 to 64 bits and
//! floats of 16 to 64; no compression, deflate, LZW, Zstandard, `PackBits`, and their predictors; LERC, JPEG, `WebP`.
//! Anything else is refused by name. A file can cost no more memory than its length justifies, a block no more than
//! [`MAX_BLOCK_BYTES`] and some slack. Everything here is CPU work: call it off the runtime's threads.

mod chunks;
mod codec;
mod copy;
mod decode;
mod error;
mod geo;
mod header;
mod headers;
mod ifd;
mod image;
mod inflate;
mod jpeg;
mod layout;
mod ledger;
mod lerc;
mod metadata;
mod nodata;
mod open;
mod predictor;
mod prefetch;
mod samples;
mod source;
mod table;
mod tag;
#[cfg(test)]
mod tiny;
mod webp;

pub use chunks::Chunks;
pub use codec::Codec;
pub use copy::BlockView;
pub use decode::{MAX_BLOCK_BYTES, decode_block, likely_bytes};
pub use error::{BlockError, DecodeError, ParseError};
pub use geo::Geo;
pub use header::{Header, Level};
pub use headers::Headers;
pub use image::{Image, Predictor};
pub use layout::Planar;
pub use ledger::LedgerError;
pub use metadata::BandMeta;
pub use nodata::Nodata;
pub use open::{OpenError, Opened, open};
pub use samples::{ExtraSample, Photometric};
pub use source::ByteOrder;
