//! Single parameters of a patch, read from their text.

use super::request::MAX_SIDE;
use super::series::{Dtype, Format, Mask};
use crate::search::{ParamError, Params};
use crate::stac::DataType;

/// An error of one parameter.
pub(super) fn invalid(name: &str, problem: impl Into<String>) -> ParamError {
    ParamError::Invalid { name: name.to_owned(), problem: problem.into() }
}

impl Mask {
    pub(super) fn parse(text: &str) -> Result<Self, ParamError> {
        let wrong = || invalid("mask", "expected BAND:v1,v2,… such as SCL:3,8,9,10");
        let (band, values) = text.rsplit_once(':').ok_or_else(wrong)?;
        let values: Vec<f64> = values
            .split(',')
            .map(|v| v.trim().parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(wrong))
            .collect::<Result<_, _>>()?;
        if band.is_empty() { Err(wrong()) } else { Ok(Self { band: band.to_owned(), values }) }
    }
}

pub(super) fn read_dtype(params: &mut Params) -> Result<Dtype, ParamError> {
    match params.text("dtype")?.as_deref() {
        None | Some("native") => Ok(Dtype::Native),
        Some("float32") => Ok(Dtype::Physical),
        Some(name) => DataType::from_name(name).map(Dtype::Cast).ok_or_else(|| {
            let names: Vec<&str> = DataType::ALL.into_iter().map(DataType::name).collect();
            invalid("dtype", format!("expected native or one of {}", names.join(", ")))
        }),
    }
}

pub(super) fn read_format(params: &mut Params) -> Result<Format, ParamError> {
    match params.text("format")?.as_deref() {
        None | Some("npy") => Ok(Format::Npy),
        Some("npz") => Ok(Format::Npz),
        Some("json") => Ok(Format::Json),
        Some("safetensors") => Ok(Format::Safetensors),
        Some("geotiff") => Ok(Format::GeoTiff),
        Some("zarr") => Ok(Format::Zarr),
        Some(_) => Err(invalid("format", "expected npy, npz, safetensors, geotiff, zarr or json")),
    }
}

pub(super) fn read_center(params: &mut Params) -> Result<Option<[f64; 2]>, ParamError> {
    let Some(numbers) = params.numbers("center")? else { return Ok(None) };
    match numbers[..] {
        [lon, lat] if lon.abs() <= 180.0 && lat.abs() <= 90.0 => Ok(Some([lon, lat])),
        _ => Err(invalid("center", "expected lon,lat in degrees")),
    }
}

pub(super) fn read_size(params: &mut Params) -> Result<Option<[u32; 2]>, ParamError> {
    let Some(numbers) = params.numbers("size")? else { return Ok(None) };
    let side = |n: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        let pixels = n as u32;
        (n.fract() == 0.0 && n >= 1.0 && n <= f64::from(MAX_SIDE)).then_some(pixels)
    };
    let sides = match numbers[..] {
        [both] => side(both).map(|s| [s, s]),
        [height, width] => side(height).zip(side(width)).map(|(h, w)| [h, w]),
        _ => None,
    };
    let expected = || invalid("size", format!("expected height,width in whole pixels, 1 to {MAX_SIDE}"));
    sides.map(Some).ok_or_else(expected)
}

pub(super) fn epsg(text: &str) -> Result<u32, ParamError> {
    let code = text.get(..5).filter(|p| p.eq_ignore_ascii_case("EPSG:")).and_then(|_| text.get(5..));
    code.and_then(|digits| digits.parse().ok())
        .ok_or_else(|| invalid("crs", "expected EPSG:n, such as EPSG:32635"))
}
