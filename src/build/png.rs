//! An image of bytes as a PNG file (ISO/IEC 15948).

use libdeflater::{CompressionLvl, Compressor};

/// An image: rows × cols × channels bytes, row by row. Two channels are grey and opacity, four are red, green, blue and
/// opacity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) rows: u32,
    pub(super) cols: u32,
    pub(super) channels: u8,
    pub(super) data: Vec<u8>,
}

/// The file; `note` is kept in it as a text of the keyword `Source`.
pub(super) fn encode(picture: &Picture, note: &str) -> Vec<u8> {
    let row_bytes = picture.cols as usize * usize::from(picture.channels);
    let step = usize::from(picture.channels);
    // Each row as differences to the pixel to the left (filter 1), which compresses better than the bytes themselves.
    let mut filtered = Vec::with_capacity(picture.data.len() + picture.rows as usize);
    for row in picture.data.chunks_exact(row_bytes.max(1)) {
        filtered.push(1);
        let left = std::iter::repeat_n(&0, step).chain(row);
        filtered.extend(row.iter().zip(left).map(|(byte, left)| byte.wrapping_sub(*left)));
    }
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut packed = vec![0; compressor.zlib_compress_bound(filtered.len())];
    // The buffer is as large as the bound.
    let len = compressor.zlib_compress(&filtered, &mut packed).unwrap_or_default();
    packed.truncate(len);
    let mut header = Vec::with_capacity(13);
    header.extend(picture.cols.to_be_bytes());
    header.extend(picture.rows.to_be_bytes());
    let colour_type = if picture.channels == 2 { 4 } else { 6 };
    header.extend([8, colour_type, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"tEXt", format!("Source\0{note}").as_bytes());
    chunk(&mut file, *b"IDAT", &packed);
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// The note that [`encode`] kept in a file.
pub(super) fn note(file: &[u8]) -> Option<&str> {
    let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    while let (Some(len), Some(name)) = (rest.first_chunk::<4>(), rest.get(4..8)) {
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let data = rest.get(8..8_usize.checked_add(len)?)?;
        if name == b"tEXt" {
            return std::str::from_utf8(data.strip_prefix(b"Source\0")?).ok();
        }
        rest = rest.get(len.checked_add(12)?..)?;
    }
    None
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    file.extend(len.to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(data);
    let sum = crc32fast::hash(file.get(start..).unwrap_or_default());
    file.extend(sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_note() {
        let picture = Picture { rows: 1, cols: 2, channels: 2, data: vec![10, 255, 20, 255] };
        let file = encode(&picture, "abc");
        assert_eq!(note(&file), Some("abc"));
        assert_eq!(note(&file[..20]), None);
        assert_eq!(note(b"no picture"), None);
    }
}
