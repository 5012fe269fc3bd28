//! Tests only: a writer of tiny TIFFs, one list of tags per directory.

use bytes::Bytes;

use super::{ByteOrder, Chunks, Header, ParseError, tag};

/// A tag's value.
#[derive(Clone)]
pub(super) enum Value {
    Short(Vec<u16>),
    Long(Vec<u32>),
    Double(Vec<f64>),
    Text(&'static str),
}

use Value::{Double, Long, Short, Text};

/// A classic TIFF: header, then each directory with its values behind it. Offsets of blocks are what the tags say;
/// `blocks` bytes of 7 end the file.
pub(super) fn tiff(order: ByteOrder, directories: &[Vec<(u16, Value)>], blocks: usize) -> Vec<u8> {
    let put = |number: u64, size: usize| -> Vec<u8> {
        match order {
            ByteOrder::Little => number.to_le_bytes()[..size].to_vec(),
            ByteOrder::Big => number.to_be_bytes()[8 - size..].to_vec(),
        }
    };
    let mut file = if order == ByteOrder::Little { b"II".to_vec() } else { b"MM".to_vec() };
    file.extend(put(42, 2));
    file.extend(put(8, 4));
    for (index, tags) in directories.iter().enumerate() {
        let mut values_at = file.len() + 2 + 12 * tags.len() + 4;
        let mut values = Vec::new();
        file.extend(put(tags.len() as u64, 2));
        for (tag, value) in tags {
            let (field_type, count, bytes): (u64, usize, Vec<u8>) = match value {
                Short(v) => (3, v.len(), v.iter().flat_map(|v| put((*v).into(), 2)).collect()),
                Long(v) => (4, v.len(), v.iter().flat_map(|v| put((*v).into(), 4)).collect()),
                Double(v) => (12, v.len(), v.iter().flat_map(|v| put(v.to_bits(), 8)).collect()),
                Text(v) => (2, v.len() + 1, [v.as_bytes(), b"\0"].concat()),
            };
            file.extend(put((*tag).into(), 2));
            file.extend(put(field_type, 2));
            file.extend(put(count as u64, 4));
            if bytes.len() <= 4 {
                file.extend(bytes.iter().copied().chain([0; 4]).take(4));
            } else {
                file.extend(put(values_at as u64, 4));
                values_at += bytes.len();
                values.extend(bytes);
            }
        }
        let last = index + 1 == directories.len();
        file.extend(put(if last { 0 } else { values_at as u64 }, 4));
        file.extend(values);
    }
    file.extend(std::iter::repeat_n(7, blocks));
    file
}

/// Tags of an uncompressed image of `uint16` in strips of 4 rows, each 8 bytes from offset 8 on.
pub(super) fn image(width: u16, height: u16) -> Vec<(u16, Value)> {
    let strips = usize::from(height.div_ceil(4));
    vec![
        (tag::IMAGE_WIDTH, Short(vec![width])),
        (tag::IMAGE_LENGTH, Short(vec![height])),
        (tag::BITS_PER_SAMPLE, Short(vec![16])),
        (tag::ROWS_PER_STRIP, Short(vec![4])),
        (tag::STRIP_OFFSETS, Long(vec![8; strips])),
        (tag::STRIP_BYTE_COUNTS, Short(vec![8; strips])),
    ]
}

/// Parses a file as a caller would, `first` bytes at the start.
pub(super) fn parse(file: &[u8], first: usize) -> Result<Header, ParseError> {
    let mut chunks = Chunks::new();
    chunks.insert(0, Bytes::copy_from_slice(&file[..first.min(file.len())]));
    loop {
        match Header::parse(&chunks, file.len() as u64) {
            Err(ParseError::Missing(range)) => {
                let at = |offset: u64| usize::try_from(offset).expect("a small file");
                let (from, to) = (at(range.start), at(range.end));
                chunks.insert(range.start, Bytes::copy_from_slice(&file[from..to]));
            }
            other => return other,
        }
    }
}
