//! The size of a picture, from its first bytes: PNG and JPEG, which lie nowhere on the globe.

/// Bytes at the front of a file that hold the size of nearly every picture; previews may come before it in a JPEG.
pub(super) const FRONT_BYTES: u64 = 256 << 10;

/// Rows and columns, when the front of the file tells.
pub(super) fn shape(front: &[u8]) -> Option<[u32; 2]> {
    png(front).or_else(|| jpeg(front))
}

/// PNG (ISO/IEC 15948), 11.2.2: the first chunk is IHDR.
fn png(front: &[u8]) -> Option<[u32; 2]> {
    let header = front.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(4..)?.strip_prefix(b"IHDR")?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    Some([number(4)?, number(0)?])
}

/// JPEG (ITU T.81), B.2.2: the frame header, after segments that are passed over by their lengths.
fn jpeg(front: &[u8]) -> Option<[u32; 2]> {
    let mut rest = front.strip_prefix(b"\xff\xd8")?;
    loop {
        // A marker may be preceded by fill bytes.
        let start = rest.iter().position(|byte| *byte != 0xff).filter(|at| *at > 0)?;
        let marker = *rest.get(start)?;
        rest = rest.get(start + 1..)?;
        let len = usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?));
        // All frame headers but the markers among them that are none: Huffman tables, extensions, arithmetic conditioning.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let number =
                |at: usize| Some(u32::from(u16::from_be_bytes(rest.get(at..at + 2)?.try_into().ok()?)));
            return Some([number(3)?, number(5)?]);
        }
        rest = rest.get(len.max(2)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_as_rows_and_columns() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02";
        assert_eq!(shape(png), Some([480, 640]));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x03x\xff\xc2\0\x0b\x08\x01\xe0\x02\x80\x03";
        assert_eq!(shape(jpeg), Some([480, 640]));
        assert_eq!(shape(b"GIF89a"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(start in prop_oneof![Just(b"\xff\xd8".to_vec()), Just(b"\x89PNG\r\n\x1a\n".to_vec())],
                                 rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let front = [start, rest].concat();
            let _any = shape(&front);
        }
    }
}
