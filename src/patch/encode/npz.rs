//! NumPy's `.npz`: a zip of `.npy` members, stored, not compressed.

use bytes::Bytes;

use super::super::patch::Batch;
use super::beside::{Names, Numbers, names, numbers};
use super::npy;
use super::zip::{Member, zip};

/// The array of a batch and what belongs to it.
pub(super) fn encode(batch: &Batch) -> Vec<Bytes> {
    let mut members = vec![Member { name: "data.npy".to_owned(), pieces: npy::encode(batch) }];
    members.extend(numbers(batch).into_iter().map(of_numbers));
    members.extend(names(batch).iter().map(of_names));
    zip(members)
}

fn of_numbers(numbers: Numbers) -> Member {
    let header = npy::header(&numbers.data_type.npy_descr(), &numbers.shape);
    Member { name: format!("{}.npy", numbers.name), pieces: vec![header, numbers.bytes] }
}

/// `<U`: UCS-4, padded with zeros to the longest.
fn of_names(names: &Names) -> Member {
    let longest = names.values.iter().map(|value| value.chars().count()).max().unwrap_or(0).max(1);
    let padded = |text: &String| {
        let mut chars: Vec<u32> = text.chars().map(u32::from).collect();
        chars.resize(longest, 0);
        chars
    };
    let bytes: Vec<u8> = names.values.iter().flat_map(padded).flat_map(u32::to_le_bytes).collect();
    let header = npy::header(&format!("<U{longest}"), &names.shape);
    Member { name: format!("{}.npy", names.name), pieces: vec![header, bytes.into()] }
}
