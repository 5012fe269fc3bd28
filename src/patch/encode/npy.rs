//! NumPy's `.npy`, version 1.0 (`numpy.lib.format`): magic, version, header length, a Python dict, the samples.

use bytes::Bytes;

use super::super::patch::Batch;

/// The header is padded so that the samples begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// The array of a batch.
pub(super) fn encode(batch: &Batch) -> Vec<Bytes> {
    let descr = batch.patches.first().map_or_else(|| "|u1".to_owned(), |p| p.data_type.npy_descr());
    let mut pieces = vec![header(&descr, &batch.shape())];
    pieces.extend(batch.data().cloned());
    pieces
}

/// The header of an array in C order.
pub(super) fn header(descr: &str, shape: &[usize]) -> Bytes {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A tuple of one has a comma behind it.
    let shape = sides.join(", ") + if sides.len() == 1 { "," } else { "" };
    let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    let unpadded = 10 + dict.len() + 1;
    let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
    // Five sides of at most 20 digits leave a header far below 65,536 bytes.
    let len = u16::try_from(dict.len() + padding + 1).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(unpadded + padding);
    out.extend_from_slice(b"\x93NUMPY\x01\x00");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(dict.as_bytes());
    out.resize(out.len() + padding, b' ');
    out.push(b'\n');
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_what_numpy_writes() {
        // python3 -c "import numpy as n,io; f=io.BytesIO(); n.save(f, n.zeros((2,3),'<u2')); print(f.getvalue()[:128])"
        let want =
            format!("{{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }}{}\n", " ".repeat(58));
        let bytes = header("<u2", &[2, 3]);
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        assert_eq!(&bytes[10..], want.as_bytes());
        assert!(String::from_utf8_lossy(&header("|u1", &[5])).contains("(5,)"));
        assert!(String::from_utf8_lossy(&header("|u1", &[])).contains("()"));
    }
}
