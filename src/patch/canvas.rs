//! One time step put together: Items painted, made valid or not, laid over each other. Runs on the pool.

use std::sync::Arc;

use super::cover::Cover;
use super::error::PatchError;
use super::fetch::RasterRead;
use super::paint::Planes;
use super::resample::resample;
use super::sample::{cast, clear_nodata, one_of, physical, replace_nodata};
use super::series::{Dtype, Mask};
use super::source::BandSource;
use crate::stac::DataType;

/// What all time steps of an answer share.
#[derive(Debug)]
pub(super) struct Layout {
    /// Names of the bands asked for, then that of the mask's band where it is not among them.
    pub(super) names: Vec<String>,
    /// How many of the names are bands of the answer.
    pub(super) bands: usize,
    /// Rows and columns.
    pub(super) size: [usize; 2],
    /// A type that holds the values of all sources.
    pub(super) native: DataType,
    /// For each name, the nodata value that the answer has, as a native sample.
    pub(super) nodata: Vec<Option<[u8; 8]>>,
    /// Sample type of the answer.
    pub(super) dtype: Dtype,
    /// Which plane the mask looks at, and for what.
    pub(super) mask: Option<(usize, Mask)>,
    /// Whether anybody wants to know which pixels are valid.
    pub(super) wants_valid: bool,
}

/// A time step while it is put together.
#[derive(Debug)]
pub(super) struct Canvas {
    /// `bands × height × width` samples of the answer's type.
    pub(super) data: Vec<u8>,
    /// One flag a pixel: all bands are valid. Nothing when nobody wants to know.
    valid: Option<Vec<u8>>,
    /// One flag a pixel: the mask takes it out.
    masked: Option<Vec<u8>>,
}

/// For each band, the sample of the answer that stands for nodata: 0 where the band has none.
#[derive(Debug)]
pub(super) struct Fills {
    pub(super) samples: Vec<[u8; 8]>,
    /// (band, nodata value, type) where the type asked for cannot hold it: an error as soon as a pixel needs it.
    pub(super) fault: Option<(String, String, &'static str)>,
}

impl Fills {
    fn check(&self) -> Result<(), PatchError> {
        match &self.fault {
            Some((band, value, dtype)) => {
                Err(PatchError::CannotHold { band: band.clone(), value: format!("{value} (nodata)"), dtype })
            }
            None => Ok(()),
        }
    }
}

impl Layout {
    pub(super) fn out_type(&self) -> DataType {
        match self.dtype {
            Dtype::Native => self.native,
            Dtype::Physical => DataType::F32,
            Dtype::Cast(data_type) => data_type,
        }
    }

    fn planes(&self) -> Planes {
        Planes { count: self.names.len(), height: self.size[0], width: self.size[1], data_type: self.native }
    }

    /// Bytes of one time step of the answer.
    pub(super) fn step_bytes(&self) -> usize {
        self.bands * self.size[0] * self.size[1] * self.out_type().size()
    }

    /// For each band, the sample of the answer that stands for nodata.
    pub(super) fn fills(&self) -> Fills {
        let (size, out) = (self.native.size(), self.out_type());
        let mut fills = Fills { samples: Vec::new(), fault: None };
        for (nodata, name) in self.nodata.iter().zip(&self.names).take(self.bands) {
            let native = nodata.unwrap_or_default();
            let mut fill = [0; 8];
            match self.dtype {
                Dtype::Native => fill = native,
                Dtype::Physical => fill[..4].copy_from_slice(&f32::NAN.to_le_bytes()),
                Dtype::Cast(_) => {
                    if let Err(value) = cast(self.native, &native[..size], out, &mut fill[..out.size()]) {
                        fills.fault.get_or_insert((name.clone(), value.to_string(), out.name()));
                    }
                }
            }
            fills.samples.push(fill);
        }
        fills
    }

    /// A time step without any valid pixel.
    pub(super) fn empty_step(&self) -> Result<Vec<u8>, PatchError> {
        let planes = Planes { count: self.bands, data_type: self.out_type(), ..self.planes() };
        let fills = self.fills();
        fills.check()?;
        Ok(planes.filled(&fills.samples))
    }

    /// Whether the flags of valid pixels are needed for a step of so many Items.
    fn tracks_valid(&self, items: usize) -> bool {
        self.wants_valid || items > 1 || self.mask.is_some()
    }

    /// Memory for one time step while it is put together, beside the answer's own.
    pub(super) fn making_bytes(&self) -> u64 {
        // One flag a pixel, and the planes where they become the answer's only after a conversion.
        (self
            .planes()
            .plane_bytes()
            .saturating_mul(self.names.len())
            .saturating_add(self.size[0] * self.size[1])) as u64
    }

    /// Brings an Item's rasters to planes of native samples, and says where each plane has any.
    fn paint_planes(&self, reads: &[RasterRead]) -> (Vec<u8>, Vec<Cover>) {
        let planes = self.planes();
        let fills: Vec<[u8; 8]> = self.nodata.iter().map(|nodata| nodata.unwrap_or_default()).collect();
        let mut data = planes.filled(&fills);
        let mut covers = vec![Cover::Nothing; planes.count];
        for read in reads {
            for (plane, cover) in resample(&planes, &fills, read, &mut data) {
                covers[plane] = cover;
            }
        }
        (data, covers)
    }

    /// One flag a pixel: the mask takes it out of an Item, by planes of native samples.
    fn masked_pixels(&self, data: &mut [u8]) -> Vec<u8> {
        self.mask.as_ref().map_or_else(Vec::new, |(index, mask)| {
            one_of(self.native, plane_of(data, self.planes().plane_bytes(), *index), &mask.values)
        })
    }

    /// Gives a plane of native samples the nodata value of the answer.
    fn align_nodata(&self, data: &mut [u8], index: usize, source: &BandSource) {
        let plane = plane_of(data, self.planes().plane_bytes(), index);
        if let (Some(old), Some(new)) = (self.native_nodata(source), self.nodata[index])
            && old != new
        {
            replace_nodata(self.native, plane, old, new);
        }
    }

    /// One flag a pixel: the mask, whose band is the plane `plane`, takes it out of an Item; `reads`
    /// are of that band alone, as the first plane.
    pub(super) fn masked(&self, plane: usize, source: &BandSource, reads: &[RasterRead]) -> Vec<u8> {
        let alone = Self {
            names: vec![self.names[plane].clone()],
            bands: 1,
            nodata: vec![self.nodata[plane]],
            mask: self.mask.as_ref().map(|(_, mask)| (0, mask.clone())),
            ..*self
        };
        let (mut data, _) = alone.paint_planes(reads);
        alone.align_nodata(&mut data, 0, source);
        alone.masked_pixels(&mut data)
    }

    /// Paints one Item: `reads` are its rasters, `sources` its bands in the order of names; `items` is how many the step
    /// has.
    pub(super) fn paint_item(
        self: &Arc<Self>,
        sources: &[BandSource],
        reads: &[RasterRead],
        items: usize,
    ) -> Result<Canvas, PatchError> {
        let planes = self.planes();
        let (mut data, covers) = self.paint_planes(reads);
        let valid = self.tracks_valid(items).then(|| self.valid_pixels(sources, &covers, &data));
        for (index, source) in sources.iter().enumerate() {
            self.align_nodata(&mut data, index, source);
        }
        let masked = self.mask.as_ref().map(|_| self.masked_pixels(&mut data));
        data.truncate(self.bands * planes.plane_bytes());
        Ok(Canvas { data: self.convert(data, sources, &covers)?, valid, masked })
    }

    /// A source's nodata value as a native sample.
    fn native_nodata(&self, source: &BandSource) -> Option<[u8; 8]> {
        let sample = source.nodata_sample()?;
        let mut native = [0; 8];
        let (from, to) = (source.data_type(), self.native);
        cast(from, &sample[..from.size()], to, &mut native[..to.size()]).ok()?;
        Some(native)
    }

    /// Flags the pixels in which all bands of the answer have a value.
    fn valid_pixels(&self, sources: &[BandSource], covers: &[Cover], data: &[u8]) -> Vec<u8> {
        let plane_bytes = self.planes().plane_bytes();
        let mut valid = vec![1; self.size[0] * self.size[1]];
        for (index, source) in sources.iter().enumerate().take(self.bands) {
            covers[index].clear(self.size[1], &mut valid);
            if let (Some(nodata), Some(plane)) =
                (self.native_nodata(source), data.chunks_exact(plane_bytes.max(1)).nth(index))
            {
                clear_nodata(self.native, plane, nodata, &mut valid);
            }
        }
        valid
    }

    /// Native samples become those of the answer.
    fn convert(
        &self,
        native: Vec<u8>,
        sources: &[BandSource],
        covers: &[Cover],
    ) -> Result<Vec<u8>, PatchError> {
        let out = self.out_type();
        if self.dtype == Dtype::Native || (self.dtype == Dtype::Cast(self.native)) {
            return Ok(native);
        }
        let [height, width] = self.size;
        let mut data = vec![0; self.bands * height * width * out.size()];
        let from = native.chunks_exact((height * width * self.native.size()).max(1));
        let to = data.chunks_exact_mut((height * width * out.size()).max(1));
        for (index, (from, to)) in from.zip(to).enumerate() {
            let source = &sources[index];
            if self.dtype == Dtype::Physical {
                physical(self.native, from, self.nodata[index], source.scale, source.offset, to);
                // A source without nodata still has no value outside of itself.
                let mut covered = vec![1; height * width];
                covers[index].clear(width, &mut covered);
                for (sample, _) in
                    to.chunks_exact_mut(out.size()).zip(&covered).filter(|(_, flag)| **flag == 0)
                {
                    sample.copy_from_slice(&f32::NAN.to_le_bytes());
                }
            } else {
                cast(self.native, from, out, to)
                    .map_err(|value| cannot_hold(&self.names[index], &value, out))?;
            }
        }
        Ok(data)
    }
}

impl Canvas {
    /// Whether it knows which of its pixels are valid; otherwise it is ready.
    pub(super) fn tracks_valid(&self) -> bool {
        self.valid.is_some()
    }

    /// True when no further Item can add anything.
    pub(super) fn is_full(&self) -> bool {
        self.valid.as_ref().is_some_and(|valid| valid.iter().all(|flag| *flag == 1))
    }

    /// Lays a later Item under this one: it fills the pixels that are not valid here. Where a pixel is valid in neither,
    /// each band takes the later Item's sample if this one has none.
    pub(super) fn lay_under(&mut self, under: &Self, fills: &Fills, sample_size: usize) {
        let (Some(valid), Some(under_valid)) = (&mut self.valid, &under.valid) else { return };
        let plane_bytes = valid.len() * sample_size;
        for (pixel, (flag, under_flag)) in valid.iter_mut().zip(under_valid).enumerate() {
            if *flag == 1 {
                continue;
            }
            for (band, fill) in fills.samples.iter().enumerate() {
                let at = band * plane_bytes + pixel * sample_size;
                let at = at..at + sample_size;
                if *under_flag == 1 || self.data[at.clone()] == fill[..sample_size] {
                    self.data[at.clone()].copy_from_slice(&under.data[at]);
                }
            }
            *flag = *under_flag;
            if let (Some(masked), Some(under_masked)) = (&mut self.masked, &under.masked)
                && *under_flag == 1
            {
                masked[pixel] = under_masked[pixel];
            }
        }
    }

    /// Takes out what the mask takes out. Gives the samples and the share of valid pixels.
    pub(super) fn finish(mut self, layout: &Layout, fills: &Fills) -> Result<(Vec<u8>, f64), PatchError> {
        let size = layout.out_type().size();
        let Some(mut valid) = self.valid else { return Ok((self.data, f64::NAN)) };
        let plane_bytes = valid.len() * size;
        if let Some(masked) = &self.masked {
            if masked.contains(&1) {
                fills.check()?;
            }
            for (pixel, _) in masked.iter().enumerate().filter(|(_, flag)| **flag == 1) {
                valid[pixel] = 0;
                for (band, fill) in fills.samples.iter().enumerate() {
                    let at = band * plane_bytes + pixel * size;
                    self.data[at..at + size].copy_from_slice(&fill[..size]);
                }
            }
        }
        let count: usize = valid.iter().map(|flag| usize::from(*flag)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
        let share = if valid.is_empty() { 0.0 } else { count as f64 / valid.len() as f64 };
        Ok((self.data, share))
    }
}

fn plane_of(data: &mut [u8], plane_bytes: usize, index: usize) -> &mut [u8] {
    data.chunks_exact_mut(plane_bytes.max(1)).nth(index).unwrap_or_default()
}

fn cannot_hold(band: &str, value: &super::sample::Value, to: DataType) -> PatchError {
    PatchError::CannotHold { band: band.to_owned(), value: value.to_string(), dtype: to.name() }
}
