//! What users choose by a word or a number: each is parsed once.

use std::str::FromStr;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// COGs.
    #[default]
    Cog,
    /// Zarr stores.
    Zarr,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "cog" => Ok(Self::Cog),
            "zarr" => Ok(Self::Zarr),
            _ => Err("expected cog or zarr".to_owned()),
        }
    }
}

/// What is stored in place of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predictor {
    /// Samples themselves.
    None,
    /// Differences: of integers or of floats, as the data are.
    Auto,
    /// Differences of integers (TIFF's 2).
    Horizontal,
    /// Differences of the bytes of floats (TIFF's 3).
    FloatingPoint,
}

impl FromStr for Predictor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "none" | "no" | "1" => Ok(Self::None),
            "auto" | "yes" => Ok(Self::Auto),
            "horizontal" | "standard" | "2" => Ok(Self::Horizontal),
            "float" | "floating_point" | "3" => Ok(Self::FloatingPoint),
            _ => Err("expected none, auto, 2 or 3".to_owned()),
        }
    }
}

/// The nodata value of the outcome; pixels keep their values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nodata {
    /// Drop the one of the source.
    None,
    /// This one; may be NaN.
    Value(f64),
}

impl FromStr for Nodata {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "nan" => Ok(Self::Value(f64::NAN)),
            other => match other.parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Self::Value(value)),
                _ => Err("expected a number, nan or none".to_owned()),
            },
        }
    }
}

/// The grid that rasters are brought to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reprojection {
    /// A CRS as GDAL understands it, and maybe the ground size of a pixel in its units.
    Crs {
        /// Such as `EPSG:3857`.
        crs: String,
        /// Ground size of a pixel.
        resolution: Option<f64>,
    },
    /// The zoom level of Web Mercator's tiles that is nearest, blocks being tiles.
    Web,
}

/// Every n-th input, for array jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `of`.
    pub index: usize,
    /// Into how many parts inputs are split.
    pub of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self { index, of }),
            _ => Err("expected i/n with i from 1 to n, such as 1/8".to_owned()),
        }
    }
}

/// How the bands of a Sentinel-2 product are put into files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// `ITEM/B02.tif`: a file a band.
    #[default]
    Bands,
    /// `34/V/EL/2024/1/ITEM/B02_B03_B04_B08.tif`: a file a resolution.
    Stacked,
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "bands" => Ok(Self::Bands),
            "stacked" => Ok(Self::Stacked),
            _ => Err("expected bands or stacked".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_count_from_one() {
        assert_eq!("2/8".parse(), Ok(Shard { index: 2, of: 8 }));
        for wrong in ["0/8", "9/8", "1", "1/0", "a/b"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_lead_to_what_they_name() {
        assert_eq!("3".parse(), Ok(Predictor::FloatingPoint));
        assert_eq!("none".parse(), Ok(Nodata::None));
        assert!(matches!("NaN".parse(), Ok(Nodata::Value(value)) if value.is_nan()));
        assert_eq!("-9999".parse(), Ok(Nodata::Value(-9999.0)));
        assert!("inf".parse::<Nodata>().is_err() && "x".parse::<Predictor>().is_err());
        assert!("flat".parse::<Layout>().is_err());
    }
}
