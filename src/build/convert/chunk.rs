//! A chunk of a band: read by GDAL, packed, written.

use std::fs;
use std::path::Path;

use gdal::raster::{GdalType, RasterBand};

use super::error::ConvertError;
use crate::stac::DataType;
use crate::zarr::Blosc;

/// A chunk's place among the pixels, part of which may lie beyond them.
#[derive(Debug)]
pub(super) struct Window {
    /// Its first column.
    pub(super) left: usize,
    /// Its first row.
    pub(super) top: usize,
    /// Columns of a chunk.
    pub(super) cols: usize,
    /// Rows of a chunk.
    pub(super) rows: usize,
}

impl Window {
    /// A whole chunk of samples; those beyond the raster are `empty`'s.
    pub(super) fn read(
        &self,
        band: &RasterBand<'_>,
        data_type: DataType,
        empty: &[u8],
    ) -> Result<Vec<u8>, ConvertError> {
        match data_type {
            DataType::U8 => self.samples::<u8>(band, empty),
            DataType::U16 => self.samples::<u16>(band, empty),
            DataType::I16 => self.samples::<i16>(band, empty),
            DataType::U32 => self.samples::<u32>(band, empty),
            DataType::I32 => self.samples::<i32>(band, empty),
            DataType::U64 => self.samples::<u64>(band, empty),
            DataType::I64 => self.samples::<i64>(band, empty),
            DataType::F32 => self.samples::<f32>(band, empty),
            DataType::F64 => self.samples::<f64>(band, empty),
            DataType::I8 | DataType::F16 => Err(ConvertError::Type { data_type: data_type.name() }),
        }
    }

    fn samples<T: GdalType + bytemuck::Pod>(
        &self,
        band: &RasterBand<'_>,
        empty: &[u8],
    ) -> Result<Vec<u8>, ConvertError> {
        let (width, height) = band.size();
        let size = (self.cols.min(width - self.left), self.rows.min(height - self.top));
        #[expect(clippy::cast_possible_wrap, reason = "GDAL counts in 31 bits")]
        let at = (self.left as isize, self.top as isize);
        let read = band.read_as::<T>(at, size, size, None).map_err(ConvertError::gdal("read its samples"))?;
        let read: &[u8] = bytemuck::cast_slice(read.data());
        if size == (self.cols, self.rows) {
            return Ok(read.to_vec());
        }
        let mut samples = empty.to_vec();
        let (row, wanted) = (self.cols * size_of::<T>(), size.0 * size_of::<T>());
        for (to, from) in samples.chunks_mut(row).zip(read.chunks(wanted)) {
            to[..wanted].copy_from_slice(from);
        }
        Ok(samples)
    }
}

/// Packs and writes a chunk; returns its bytes.
pub(super) fn write_chunk(path: &Path, blosc: Blosc, samples: &[u8]) -> Result<u64, ConvertError> {
    let packed = blosc.pack(samples).map_err(ConvertError::write(path))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(ConvertError::write(folder))?;
    }
    fs::write(path, &packed).map_err(ConvertError::write(path))?;
    Ok(packed.len() as u64)
}
