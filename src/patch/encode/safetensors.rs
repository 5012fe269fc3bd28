//! `safetensors`: the length of a JSON header, the header, the arrays without gaps. A crate would save no line: the pixels are
//! not copied into it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::super::patch::Batch;
use super::beside::{names, numbers};
use crate::stac::DataType;

/// The header is padded so that the arrays begin at a multiple of this.
const ALIGNMENT: usize = 8;

/// The array of a batch and what belongs to it; names are JSON texts in `__metadata__`, which holds strings only.
pub(super) fn encode(batch: &Batch) -> Vec<Bytes> {
    let metadata: Map<String, Value> =
        names(batch).iter().map(|names| (names.name.to_owned(), names.json().to_string().into())).collect();
    let mut header = Map::from_iter([("__metadata__".to_owned(), Value::Object(metadata))]);
    let mut pieces = Vec::new();
    let mut end = 0;
    let mut describe = |name: &str, data_type: DataType, shape: &[usize], len: usize| {
        let from = end;
        end += len;
        let described = json!({"dtype": dtype(data_type), "shape": shape, "data_offsets": [from, end]});
        header.insert(name.to_owned(), described);
    };
    // Arrays of eight bytes a number come first, so that every array lies at a multiple of its own.
    for numbers in numbers(batch) {
        describe(numbers.name, numbers.data_type, &numbers.shape, numbers.bytes.len());
        pieces.push(numbers.bytes);
    }
    let data_type = batch.patches.first().map_or(DataType::U8, |patch| patch.data_type);
    describe("data", data_type, &batch.shape(), batch.data().map(Bytes::len).sum());
    pieces.extend(batch.data().cloned());

    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
    let length = Bytes::copy_from_slice(&(text.len() as u64).to_le_bytes());
    [length, text.into()].into_iter().chain(pieces).collect()
}

/// The format's own words for sample types, such as `U16`: NumPy's letter and the bits.
fn dtype(data_type: DataType) -> String {
    let letter = data_type.npy_descr().chars().nth(1).unwrap_or_default().to_ascii_uppercase();
    format!("{letter}{}", 8 * data_type.size())
}
