//! Raw parameters become one checked [`Request`] or [`RandomRequest`].

use super::series::{Format, Series};
use super::values::{invalid, read_center, read_size};
use crate::search::{ParamError, Params, read_bbox};
use crate::stac::Bbox;

/// A checked question for one patch time series.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where it lies.
    pub window: WindowRequest,
    /// All but the place.
    pub series: Series,
}

/// A checked question for a batch of random patch time series.
#[derive(Debug, Clone)]
pub struct RandomRequest {
    /// Rows and columns of each.
    pub size: [u32; 2],
    /// Key of the generator.
    pub seed: u64,
    /// Index of the first sample in the sequence that `seed` fixes.
    pub index: u64,
    /// Number of samples.
    pub count: usize,
    /// Bounds the centres, in longitude and latitude.
    pub within: Option<Bbox>,
    /// Where samples may begin.
    pub align: Align,
    /// All but the places.
    pub series: Series,
}

/// Where a patch lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WindowRequest {
    /// The smallest window that covers a box.
    Bbox(Bbox),
    /// A box, cut into `size` (rows, columns) pixels.
    Fitted {
        /// The box.
        bbox: Bbox,
        /// Rows and columns.
        size: [u32; 2],
    },
    /// The window of `size` (rows, columns) whose middle lies nearest to a point.
    Center {
        /// Longitude of the point.
        lon: f64,
        /// Latitude of the point.
        lat: f64,
        /// Rows and columns.
        size: [u32; 2],
    },
}

/// Where random samples may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At any pixel.
    None,
    /// At the first pixel of a block of the finest band.
    Block,
}

/// The parameters of `/patch`.
pub const PARAMETERS: [&str; 22] = [
    "collections",
    "ids",
    "datetime",
    "max_cloud_cover",
    "filter",
    "filter-lang",
    "filter-crs",
    "query",
    "bands",
    "bbox",
    "center",
    "size",
    "crs",
    "resolution",
    "resampling",
    "group_by",
    "mask",
    "min_valid",
    "timestamps",
    "dtype",
    "format",
    "on_error",
];

/// The parameters of `/patch/random` besides those of [`PARAMETERS`] but `bbox` and `center`.
pub const RANDOM_PARAMETERS: [&str; 5] = ["seed", "index", "count", "within", "align"];

/// The longest side of a patch in pixels.
pub const MAX_SIDE: u32 = 1 << 20;

/// The most samples of one batch.
const MAX_COUNT: i64 = 1 << 16;

impl WindowRequest {
    /// Longitude and latitude of its middle.
    pub(super) fn center(&self) -> (f64, f64) {
        match self {
            Self::Center { lon, lat, .. } => (*lon, *lat),
            Self::Bbox(bbox) | Self::Fitted { bbox, .. } => bbox.center(),
        }
    }
}

impl Request {
    /// Reads the parameters of `/patch`; any other name is an error.
    ///
    /// # Errors
    /// Names the parameter and what was expected.
    pub fn read(mut params: Params) -> Result<Self, ParamError> {
        let bbox = read_bbox(&mut params, "bbox")?;
        let center = read_center(&mut params)?;
        let size = read_size(&mut params)?;
        let window = match (bbox, center, size) {
            (Some(_), Some(_), _) => return Err(invalid("center", "give either bbox or center, not both")),
            (None, None, _) => return Err(invalid("bbox", "give bbox=w,s,e,n, or center=lon,lat with size")),
            (Some(_), None, Some(_)) if params.has("resolution") => {
                return Err(invalid("size", "with bbox, give either size or resolution, not both"));
            }
            (Some(bbox), None, Some(size)) => WindowRequest::Fitted { bbox, size },
            (Some(bbox), None, None) => WindowRequest::Bbox(bbox),
            (None, Some(_), None) => {
                return Err(invalid("size", "center needs size=height,width in pixels"));
            }
            (None, Some([lon, lat]), Some(size)) => WindowRequest::Center { lon, lat, size },
        };
        let series = Series::read(&mut params)?;
        params.finish(&PARAMETERS)?;
        Ok(Self { window, series })
    }
}

impl RandomRequest {
    /// Reads the parameters of `/patch/random`; any other name is an error.
    ///
    /// # Errors
    /// Names the parameter and what was expected.
    pub fn read(mut params: Params) -> Result<Self, ParamError> {
        for name in ["bbox", "center"] {
            params
                .refuse(name, "random patches choose their own places; use within=w,s,e,n to bound them")?;
        }
        let size = read_size(&mut params)?
            .ok_or_else(|| invalid("size", "random patches need size=height,width in pixels"))?;
        let mut whole = |name: &str| match params.integer(name, 0)?.unwrap_or(0) {
            // Larger numbers would be taken for this one.
            i64::MAX => Err(invalid(name, format!("expected less than {}", i64::MAX))),
            number => Ok(number.unsigned_abs()),
        };
        let (seed, index) = (whole("seed")?, whole("index")?);
        let count = params.integer("count", 1)?.unwrap_or(1);
        if count > MAX_COUNT {
            return Err(invalid("count", format!("expected at most {MAX_COUNT}")));
        }
        let within = read_bbox(&mut params, "within")?;
        let align = match params.text("align")?.as_deref() {
            None | Some("none") => Align::None,
            Some("block") => Align::Block,
            Some(_) => return Err(invalid("align", "expected none or block")),
        };
        let series = Series::read(&mut params)?;
        if count > 1 && series.timestamps.is_none() {
            return Err(invalid(
                "timestamps",
                "a batch of several samples needs timestamps, so that all have one shape",
            ));
        }
        if count > 1 && series.format == Format::GeoTiff {
            return Err(invalid("format", "a GeoTIFF holds one place: ask for count=1, or for npz or zarr"));
        }
        let known: Vec<&str> = PARAMETERS
            .into_iter()
            .filter(|name| !["bbox", "center"].contains(name))
            .chain(RANDOM_PARAMETERS)
            .collect();
        params.finish(&known)?;
        Ok(Self { size, seed, index, count: usize::try_from(count).unwrap_or(1), within, align, series })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Request, ParamError> {
        Request::read(Params::from_lenient_body(body.as_bytes())?)
    }

    #[test]
    fn both_ways_to_say_where_are_read() {
        let bbox = read(r#"{"collections": ["c"], "bbox": "1,2,3,4"}"#).expect("a request");
        assert!(matches!(bbox.window, WindowRequest::Bbox(_)));
        let center = read(r#"{"collections": "c", "center": [1, 2], "size": 256}"#).expect("a request");
        assert_eq!(center.window, WindowRequest::Center { lon: 1.0, lat: 2.0, size: [256, 256] });
    }

    #[test]
    fn faults_name_their_parameter() {
        for (body, name) in [
            (r#"{"bbox": [1,2,3,4]}"#, "collections"),
            (r#"{"collections": "c"}"#, "bbox"),
            (r#"{"collections": "c", "bbox": [1,2,3,4], "center": [1,2]}"#, "center"),
            (r#"{"collections": "c", "bbox": [1,2,3,4], "size": 256, "resolution": 10}"#, "size"),
            (r#"{"collections": "c", "center": [1,2]}"#, "size"),
            (r#"{"collections": "c", "center": [1,2], "size": 1.5}"#, "size"),
            (r#"{"collections": "c", "center": [1,2], "size": [1,2,3]}"#, "size"),
            (r#"{"collections": "c", "center": [1,200], "size": 1}"#, "center"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "format": "jpeg"}"#, "format"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "filter": "cloud <"}"#, "filter"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "filter-lang": "cql"}"#, "filter-lang"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "query": {"a": 1}}"#, "query"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "resampling": "lanczos"}"#, "resampling"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "resolution": 0}"#, "resolution"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "resolution": 1e-300}"#, "resolution"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "mask": "SCL"}"#, "mask"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "min_valid": 2}"#, "min_valid"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "timestamps": 0}"#, "timestamps"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "dtype": "complex64"}"#, "dtype"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "crs": "32635"}"#, "crs"),
            (r#"{"collections": "c", "center": [1,2], "size": 1, "zoom": 1}"#, "zoom"),
        ] {
            let error = read(body).expect_err(body);
            assert!(error.to_string().starts_with(&format!("{name}:")), "{body}: {error}");
        }
    }

    #[test]
    fn what_chooses_items_is_read_as_in_searches() {
        let body = r#"{"collections": "c", "center": [1,2], "size": 1, "ids": "a,b", "max_cloud_cover": 20,
            "filter": "platform = 'x'", "filter-lang": "cql2-text", "query": {"eo:cloud_cover": {"lt": 9}}}"#;
        let selection = read(body).expect("a request").series.selection;
        assert_eq!(selection.ids.expect("ids"), ["a", "b"]);
        assert_eq!(selection.max_cloud_cover, Some(20.0));
        assert!(selection.filter.is_some());
        let left_out = r#"{"collections": "c", "center": [1,2], "size": 1, "filter": null, "query": null}"#;
        assert!(read(left_out).expect("a request").series.selection.filter.is_none());
    }

    #[test]
    fn a_geotiff_holds_one_place() {
        let read =
            |body: &str| RandomRequest::read(Params::from_lenient_body(body.as_bytes()).expect("JSON"));
        let one = r#"{"collections": "c", "size": 64, "format": "geotiff"}"#;
        assert!(read(one).is_ok());
        let two = r#"{"collections": "c", "size": 64, "format": "geotiff", "count": 2, "timestamps": 3}"#;
        assert!(read(two).expect_err("two places").to_string().starts_with("format:"));
    }

    #[test]
    fn a_random_batch_needs_timestamps() {
        let read =
            |body: &str| RandomRequest::read(Params::from_lenient_body(body.as_bytes()).expect("JSON"));
        assert!(read(r#"{"collections": "c", "size": 64, "count": 2}"#).is_err());
        assert!(read(r#"{"collections": "c", "size": 64, "count": 2, "timestamps": 3}"#).is_ok());
        assert!(read(r#"{"collections": "c", "size": 64, "bbox": [0,0,1,1]}"#).is_err());
    }
}
