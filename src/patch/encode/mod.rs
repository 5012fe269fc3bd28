//! A batch becomes the bytes of an answer. Pixels are never copied: the body is the pieces that were read.

mod beside;
mod geotiff;
mod json;
mod npy;
mod npz;
mod safetensors;
mod zarr;
mod zip;

use std::fmt::Write as _;

use bytes::Bytes;

use super::error::PatchError;
use super::patch::Batch;
use super::series::Format;

/// Names of dropped steps that a header has room for, in bytes: clients and proxies take no headers of any length.
const DROPPED_BYTES: usize = 3 << 10;

/// An answer, ready to be sent.
#[derive(Debug)]
pub struct Encoded {
    /// Media type.
    pub content_type: &'static str,
    /// The body in pieces.
    pub pieces: Vec<Bytes>,
    /// `cairn-shape`, `cairn-crs`, … and their values.
    pub headers: Vec<(&'static str, String)>,
}

/// Writes a batch in a format. CPU work: checksums of `npz` and `zarr` go over all pixels.
///
/// # Errors
/// When the format cannot hold the batch: a `GeoTIFF` none without time steps.
pub fn encode(batch: &Batch, format: Format) -> Result<Encoded, PatchError> {
    let (content_type, pieces) = match format {
        Format::Npy => ("application/x-npy", npy::encode(batch)),
        Format::Npz => ("application/x-npz", npz::encode(batch)),
        Format::Safetensors => ("application/x-safetensors", safetensors::encode(batch)),
        Format::GeoTiff => ("image/tiff; application=geotiff", geotiff::encode(batch)?),
        Format::Zarr => ("application/zip", zarr::encode(batch)),
        Format::Json => ("application/json", vec![json::encode(batch)]),
    };
    Ok(Encoded { content_type, pieces, headers: headers(batch) })
}

fn headers(batch: &Batch) -> Vec<(&'static str, String)> {
    let mut headers = vec![("cairn-shape", joined(&batch.shape()))];
    if batch.centers.is_none()
        && let Some(patch) = batch.patches.first()
    {
        headers.push(("cairn-crs", patch.crs()));
        headers.push(("cairn-transform", joined(&patch.window.transform())));
    }
    let dropped: Vec<&str> = batch.patches.iter().flat_map(|p| &p.dropped).map(String::as_str).collect();
    if !dropped.is_empty() {
        headers.push(("cairn-dropped", named(&dropped)));
    }
    headers
}

/// Names as a header has them, at least the first; at its end, after a `+`, how many more there are.
fn named(dropped: &[&str]) -> String {
    let mut text = String::new();
    for (nth, name) in dropped.iter().enumerate() {
        if nth > 0 && text.len() + name.len() > DROPPED_BYTES {
            let _infallible = write!(text, ";+{}", dropped.len() - nth);
            break;
        }
        text.push_str(if nth > 0 { ";" } else { "" });
        text.push_str(name);
    }
    text
}

fn joined<T: ToString>(numbers: &[T]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_as_many_dropped_steps_as_it_has_room_for() {
        assert_eq!(named(&["c/a,c/b", "c/d"]), "c/a,c/b;c/d");
        let long = format!("c/{}", "x".repeat(200));
        let text = named(&vec![long.as_str(); 100]);
        assert!(text.len() < DROPPED_BYTES + 20, "{} bytes", text.len());
        let (names, more) = text.rsplit_once(";+").expect("more");
        assert_eq!(names.split(';').count() + more.parse::<usize>().expect("a number"), 100);
    }
}
