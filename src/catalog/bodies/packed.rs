//! One body packed and unpacked.
//!
//! A record is one number (seven bits a byte, least first, the highest bit set on all bytes but the last) and the bytes:
//! 0 for a payload as it is, 1 for a zstd frame without a dictionary, 2 + n for one with dictionary n.

use std::cell::RefCell;
use std::sync::Arc;

use zstd::zstd_safe::{self, CCtx, DCtx};

use super::dictionary::{Dictionaries, Dictionary, LEVEL};
use crate::stac::{ItemBody, MAX_PAYLOAD_BYTES};

/// A body on its way to the [`Packer`](super::Packer).
#[derive(Debug)]
pub(in crate::catalog) enum Packed {
    /// Its Collection has no dictionary yet.
    Body(ItemBody),
    /// A zstd frame.
    Frame { dictionary: Arc<Dictionary>, frame: Box<[u8]> },
}

/// Why a record cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Its first number is missing.
    #[error("its record does not say how it is packed")]
    Kind,
    /// Packed with what this catalogue does not have.
    #[error("it is packed with dictionary {number}, which is not there")]
    NoDictionary {
        /// Number of the dictionary.
        number: u32,
    },
    /// Without a length, or with one beyond the bound.
    #[error("it is to say its length, {MAX_PAYLOAD_BYTES} bytes at most")]
    Length,
    /// Damaged bytes.
    #[error("zstd finds it damaged: {reason}")]
    Frame {
        /// The library's own words.
        reason: &'static str,
    },
}

const STORED: u32 = 0;
const PLAIN: u32 = 1;
const FIRST_DICTIONARY: u32 = 2;

thread_local! {
    // Made once for each thread: making one takes longer than using it.
    static ENCODER: RefCell<Option<(CCtx<'static>, Vec<u8>)>> = const { RefCell::new(None) };
    static DECODER: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

impl Packed {
    /// Packs a body with its Collection's dictionary, where it has one by now; any thread may.
    pub(in crate::catalog) fn new(body: ItemBody, dictionary: Option<&Arc<Dictionary>>) -> Self {
        let frame = dictionary.and_then(|dictionary| Self::frame(body.payload(), dictionary));
        frame.unwrap_or(Self::Body(body))
    }

    /// A body by its payload, packed; nothing when that would not be smaller.
    pub(in crate::catalog) fn frame(payload: &[u8], dictionary: &Arc<Dictionary>) -> Option<Self> {
        let frame = frame(payload, Some(dictionary))?;
        Some(Self::Frame { dictionary: Arc::clone(dictionary), frame })
    }
}

/// A zstd frame of the payload; nothing when that would not be smaller.
fn frame(payload: &[u8], dictionary: Option<&Dictionary>) -> Option<Box<[u8]>> {
    ENCODER.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Some((CCtx::try_create()?, Vec::new()));
        }
        let (context, out) = slot.as_mut()?;
        out.clear();
        out.reserve(zstd_safe::compress_bound(payload.len()));
        let written = match dictionary {
            Some(dictionary) => context.compress_using_cdict(out, payload, dictionary.encoder()?),
            None => context.compress(out, payload, LEVEL),
        };
        written.ok().filter(|len| *len < payload.len())?;
        Some(out.as_slice().into())
    })
}

/// The record of a body that no dictionary makes smaller.
pub(super) fn plain_record(body: &ItemBody) -> Vec<u8> {
    match frame(body.payload(), None) {
        Some(frame) => record(PLAIN, &frame),
        None => record(STORED, body.payload()),
    }
}

/// The record of a frame that was packed with dictionary `number`.
pub(super) fn frame_record(number: u32, frame: &[u8]) -> Vec<u8> {
    record(number + FIRST_DICTIONARY, frame)
}

fn record(mut kind: u32, bytes: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(bytes.len() + 5);
    while kind >= 128 {
        record.push(kind.to_le_bytes()[0] | 128);
        kind >>= 7;
    }
    record.push(kind.to_le_bytes()[0]);
    record.extend_from_slice(bytes);
    record
}

/// The payload that a record holds into `out`, whose former content goes.
pub(super) fn unpack_record(
    record: &[u8],
    dictionaries: &Dictionaries,
    out: &mut Vec<u8>,
) -> Result<(), UnpackError> {
    out.clear();
    let len = record.iter().take(5).position(|byte| *byte < 128).ok_or(UnpackError::Kind)? + 1;
    let (kind, bytes) = record.split_at(len);
    let kind = kind.iter().rev().fold(0_u64, |kind, byte| kind << 7 | u64::from(byte & 127));
    let kind = u32::try_from(kind).map_err(|_too_large| UnpackError::Kind)?;
    let dictionary = match kind {
        STORED => {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        PLAIN => None,
        _ => {
            let number = kind - FIRST_DICTIONARY;
            Some(dictionaries.by_number(number).ok_or(UnpackError::NoDictionary { number })?)
        }
    };
    let len = zstd_safe::get_frame_content_size(bytes).ok().flatten();
    let len = len.and_then(|len| usize::try_from(len).ok()).filter(|len| *len <= MAX_PAYLOAD_BYTES);
    out.reserve_exact(len.ok_or(UnpackError::Length)?);
    DECODER.with_borrow_mut(|slot| {
        let context = slot.get_or_insert_with(DCtx::create);
        let read = match dictionary {
            Some(dictionary) => context.decompress_using_ddict(out, bytes, dictionary.decoder()),
            None => context.decompress(out, bytes),
        };
        read.map_err(|code| UnpackError::Frame { reason: zstd_safe::get_error_name(code) })
    })?;
    Ok(())
}
