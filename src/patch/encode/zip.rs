//! A zip of stored members: nothing is compressed, so that the pixels stay the pieces that were read.
//!
//! Members are as `PKWARE`'s APPNOTE 6.3 lays them out; sizes of 4 GiB and 65,535 members or more take zip64 fields.

use bytes::Bytes;

/// One member of an archive.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) pieces: Vec<Bytes>,
}

/// 1 January 1980, the first date of the format: an answer has no date of its own.
const DATE: u16 = 0x21;

/// Version 4.5, the first with zip64 fields.
const VERSION: u16 = 45;

/// A 32-bit field whose value stands in the zip64 extra field.
const IN_EXTRA: u32 = u32::MAX;

/// Writes members one after the other, then the directory of them.
pub(super) fn zip(members: Vec<Member>) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut directory = Vec::new();
    let mut offset = 0u64;
    let count = members.len() as u64;
    for member in members {
        let size: u64 = member.pieces.iter().map(|piece| piece.len() as u64).sum();
        let mut checksum = crc32fast::Hasher::new();
        member.pieces.iter().for_each(|piece| checksum.update(piece));
        let checksum = checksum.finalize();
        let wide = size >= u64::from(IN_EXTRA);
        let shown_size = u32::try_from(size).unwrap_or(IN_EXTRA);
        let mut local = Vec::new();
        local.extend_from_slice(b"PK\x03\x04");
        common_fields(&mut local, checksum, shown_size, &member.name, if wide { 20 } else { 0 });
        local.extend_from_slice(member.name.as_bytes());
        if wide {
            extra_field(&mut local, &[size, size]);
        }
        let shown_offset = u32::try_from(offset).unwrap_or(IN_EXTRA);
        let mut extra = Vec::new();
        if wide {
            extra.extend([size, size]);
        }
        if shown_offset == IN_EXTRA {
            extra.push(offset);
        }
        let extra_len = if extra.is_empty() { 0 } else { u16::try_from(4 + 8 * extra.len()).unwrap_or(0) };
        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&VERSION.to_le_bytes());
        common_fields(&mut directory, checksum, shown_size, &member.name, extra_len);
        // Comment length, disk, internal attributes, external attributes.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&shown_offset.to_le_bytes());
        directory.extend_from_slice(member.name.as_bytes());
        if !extra.is_empty() {
            extra_field(&mut directory, &extra);
        }
        offset += local.len() as u64 + size;
        pieces.push(local.into());
        pieces.extend(member.pieces);
    }
    let size = directory.len() as u64;
    if offset >= u64::from(IN_EXTRA) || count >= u64::from(u16::MAX) {
        end_of_directory_64(&mut directory, count, size, offset);
    }
    directory.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let shown_count = u16::try_from(count).unwrap_or(u16::MAX);
    directory.extend_from_slice(&shown_count.to_le_bytes());
    directory.extend_from_slice(&shown_count.to_le_bytes());
    directory.extend_from_slice(&u32::try_from(size).unwrap_or(IN_EXTRA).to_le_bytes());
    directory.extend_from_slice(&u32::try_from(offset).unwrap_or(IN_EXTRA).to_le_bytes());
    directory.extend_from_slice(&[0; 2]);
    pieces.push(directory.into());
    pieces
}

/// The fields that a member's own header and its entry in the directory share, from "version needed" on.
fn common_fields(out: &mut Vec<u8>, checksum: u32, size: u32, name: &str, extra_len: u16) {
    out.extend_from_slice(&VERSION.to_le_bytes());
    // Flags, method "stored", time of day.
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&DATE.to_le_bytes());
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&extra_len.to_le_bytes());
}

/// The zip64 extra field.
fn extra_field(out: &mut Vec<u8>, values: &[u64]) {
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&u16::try_from(8 * values.len()).unwrap_or(0).to_le_bytes());
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn end_of_directory_64(out: &mut Vec<u8>, count: u64, size: u64, offset: u64) {
    out.extend_from_slice(b"PK\x06\x06");
    out.extend_from_slice(&44u64.to_le_bytes());
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    for value in [count, count, size, offset] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    out.extend_from_slice(&(offset + size).to_le_bytes());
    out.extend_from_slice(&1u32.to_le_bytes());
}
