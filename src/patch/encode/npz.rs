//! NumPy's `.npz`: a zip of `.npy` members, stored, not compressed, so that the pixels stay the pieces that were read.
//!
//! Members and their arrays are as `PKWARE`'s APPNOTE 6.3 lays them out; sizes of 4 GiB and more take zip64 fields.

use bytes::Bytes;

use super::super::patch::{Batch, Patch, PatchStep};
use super::{nanoseconds, npy};

/// One member of the archive.
struct Member {
    name: &'static str,
    pieces: Vec<Bytes>,
}

/// The array of a batch and what belongs to it.
pub(super) fn encode(batch: &Batch) -> Vec<Bytes> {
    let steps = || batch.patches.iter().flat_map(|patch| &patch.steps);
    let count = batch.patches.first().map_or(0, |patch| patch.steps.len());
    // What a random batch has for each sample gains a leading axis.
    let shape = |own: &[usize]| {
        let leading = batch.centers.is_some().then_some(batch.patches.len());
        leading.into_iter().chain(own.iter().copied()).collect::<Vec<_>>()
    };
    let first = batch.patches.first();
    let nodata: Vec<f64> = first.map(|p| p.nodata.clone()).unwrap_or_default();
    let bands: Vec<String> = first.map(|p| p.bands.clone()).unwrap_or_default();
    let transforms: Vec<f64> = batch.patches.iter().flat_map(|p| p.window.transform()).collect();
    let crs: Vec<String> = batch.patches.iter().map(Patch::crs).collect();
    let items: Vec<String> = steps().map(|step| step.items.join(",")).collect();
    let times: Vec<u8> = steps().flat_map(|step| nanoseconds(step.time).to_le_bytes()).collect();
    let valid: Vec<f64> = steps().map(|step: &PatchStep| step.valid).collect();
    let mut members = vec![
        Member { name: "data.npy", pieces: npy::encode(batch) },
        Member { name: "time.npy", pieces: vec![npy::header("<i8", &shape(&[count])), times.into()] },
        floats("valid.npy", &shape(&[count]), &valid),
        floats("transform.npy", &shape(&[6]), &transforms),
        floats("nodata.npy", &[nodata.len()], &nodata),
        texts("crs.npy", &shape(&[]), &crs),
        texts("bands.npy", &[bands.len()], &bands),
        texts("items.npy", &shape(&[count]), &items),
    ];
    if let Some(centers) = &batch.centers {
        let flat: Vec<f64> = centers.iter().flat_map(|(lon, lat)| [*lon, *lat]).collect();
        members.push(floats("center.npy", &[centers.len(), 2], &flat));
    }
    zip(members)
}

fn floats(name: &'static str, shape: &[usize], values: &[f64]) -> Member {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Member { name, pieces: vec![npy::header("<f8", shape), bytes.into()] }
}

/// `<U`: UCS-4, padded with zeros to the longest.
fn texts(name: &'static str, shape: &[usize], values: &[String]) -> Member {
    let longest = values.iter().map(|v| v.chars().count()).max().unwrap_or(0).max(1);
    let padded = |text: &String| {
        let mut chars: Vec<u32> = text.chars().map(u32::from).collect();
        chars.resize(longest, 0);
        chars
    };
    let bytes: Vec<u8> = values.iter().flat_map(padded).flat_map(u32::to_le_bytes).collect();
    Member { name, pieces: vec![npy::header(&format!("<U{longest}"), shape), bytes.into()] }
}

/// 1 January 1980, the first date of the format: an answer has no date of its own.
const DATE: u16 = 0x21;

/// Version 4.5, the first with zip64 fields.
const VERSION: u16 = 45;

/// A 32-bit field whose value stands in the zip64 extra field.
const IN_EXTRA: u32 = u32::MAX;

/// Writes members one after the other, then the directory of them.
fn zip(members: Vec<Member>) -> Vec<Bytes> {
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
        common_fields(&mut local, checksum, shown_size, member.name, if wide { 20 } else { 0 });
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
        common_fields(&mut directory, checksum, shown_size, member.name, extra_len);
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
    if offset >= u64::from(IN_EXTRA) {
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
