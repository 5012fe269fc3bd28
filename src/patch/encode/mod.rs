//! A batch becomes the bytes of an answer. Pixels are never copied: the body is the pieces that were read.

mod beside;
mod geotiff;
mod json;
mod npy;
mod npz;
mod safetensors;
mod zarr;
mod zip;

use bytes::Bytes;

use super::error::PatchError;
use super::patch::Batch;
use super::series::Format;

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
        headers.push(("cairn-dropped", dropped.join(";")));
    }
    headers
}

fn joined<T: ToString>(numbers: &[T]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
