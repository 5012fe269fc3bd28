//! One coordinate reference system, by its EPSG code.

use std::fmt;

use super::described::{Described, Description, Refusal};
use super::transverse_mercator::TransverseMercator;
use super::web_mercator;

/// Metres in a degree of latitude, near enough to say how fine a grid in degrees is.
const METRES_PER_DEGREE: f64 = 111_319.490_793;

/// A coordinate reference system that can be computed. Cheap to make for the closed forms; for other codes some
/// microseconds, so keep it when many points follow.
#[derive(Debug, Clone)]
pub struct Crs {
    epsg: u32,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    LonLat,
    WebMercator,
    Utm(TransverseMercator),
    Described(Box<Described>),
}

/// Why a code or a point cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum CrsError {
    /// Not in the list of descriptions.
    #[error("EPSG:{epsg} is not a CRS that this program knows; reproject to one that is, such as UTM")]
    Unknown {
        /// The code.
        epsg: u32,
    },
    /// Described, but not computable here.
    #[error(
        "EPSG:{epsg} needs a projection or datum grid that this program lacks; reproject to another, such as UTM"
    )]
    Unsupported {
        /// The code.
        epsg: u32,
        /// What the projection library says.
        source: proj4rs::errors::Error,
    },
    /// The point has no image.
    #[error("the point ({a}, {b}) lies outside the domain of EPSG:{epsg}")]
    OutsideDomain {
        /// The code.
        epsg: u32,
        /// x or longitude.
        a: f64,
        /// y or latitude.
        b: f64,
    },
}

impl Crs {
    /// The CRS with that code.
    ///
    /// # Errors
    /// Names the code when it is unknown, or known and not computable.
    pub fn from_epsg(epsg: u32) -> Result<Self, CrsError> {
        let utm = |zone, south| {
            TransverseMercator::utm(zone, south).map(Form::Utm).ok_or(CrsError::Unknown { epsg })
        };
        let form = match epsg {
            4326 => Form::LonLat,
            3857 => Form::WebMercator,
            32_601..=32_660 => utm(epsg - 32_600, false)?,
            32_701..=32_760 => utm(epsg - 32_700, true)?,
            _ => match Described::from_epsg(epsg) {
                Ok(Description::SameAsLonLat) => Form::LonLat,
                Ok(Description::Computed(described)) => Form::Described(described),
                Err(Refusal::Unknown) => return Err(CrsError::Unknown { epsg }),
                Err(Refusal::Proj(source)) => return Err(CrsError::Unsupported { epsg, source }),
            },
        };
        Ok(Self { epsg, form })
    }

    /// The EPSG code.
    #[must_use]
    pub fn epsg(&self) -> u32 {
        self.epsg
    }

    /// True when x and y are degrees.
    #[must_use]
    pub fn is_geographic(&self) -> bool {
        match &self.form {
            Form::LonLat => true,
            Form::WebMercator | Form::Utm(_) => false,
            Form::Described(described) => described.is_geographic(),
        }
    }

    /// Metres in one unit of x and y; for degrees that of latitude.
    #[must_use]
    pub fn metres_per_unit(&self) -> f64 {
        match &self.form {
            _ if self.is_geographic() => METRES_PER_DEGREE,
            Form::Described(described) => described.metres_per_unit(),
            _ => 1.0,
        }
    }

    /// x and y → longitude and latitude in degrees.
    ///
    /// # Errors
    /// When the point has no image.
    pub fn to_lonlat(&self, x: f64, y: f64) -> Result<(f64, f64), CrsError> {
        let lonlat = match &self.form {
            Form::LonLat => (x, y),
            Form::WebMercator => web_mercator::inverse(x, y),
            Form::Utm(utm) => utm.inverse(x, y),
            Form::Described(described) => described.inverse(x, y).map_err(|_source| self.outside(x, y))?,
        };
        self.checked(lonlat, x, y)
    }

    /// Longitude and latitude in degrees → x and y.
    ///
    /// # Errors
    /// When the point has no image.
    pub fn from_lonlat(&self, lon: f64, lat: f64) -> Result<(f64, f64), CrsError> {
        let xy = match &self.form {
            Form::LonLat => (lon, lat),
            Form::WebMercator => web_mercator::forward(lon, lat),
            Form::Utm(utm) => utm.forward(lon, lat),
            Form::Described(described) => {
                described.forward(lon, lat).map_err(|_source| self.outside(lon, lat))?
            }
        };
        self.checked(xy, lon, lat)
    }

    fn checked(&self, found: (f64, f64), a: f64, b: f64) -> Result<(f64, f64), CrsError> {
        if found.0.is_finite() && found.1.is_finite() { Ok(found) } else { Err(self.outside(a, b)) }
    }

    fn outside(&self, a: f64, b: f64) -> CrsError {
        CrsError::OutsideDomain { epsg: self.epsg, a, b }
    }
}

impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EPSG:{}", self.epsg)
    }
}

/// EPSG code of the UTM zone on WGS 84 that a place lies in, by the plain six-degree rule (no exceptions for Norway and
/// Svalbard).
#[must_use]
pub fn utm_epsg_of(lon: f64, lat: f64) -> u32 {
    let turn = (lon + 180.0).rem_euclid(360.0);
    let zone = (1..=59_u32).find(|zone| turn < f64::from(*zone) * 6.0).unwrap_or(60);
    if lat < 0.0 { 32_700 + zone } else { 32_600 + zone }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Transformer.from_crs(4326, code, always_xy=True).transform(lon, lat)` of pyproj 3.7 (PROJ 9.5), 6 decimals.
    const PYPROJ: &[(u32, f64, f64, f64, f64)] = &[
        (32635, 25.3, 61.1, 408_350.433_029, 6_775_116.339_490),
        (32601, -179.5, -2.5, 221_987.108_321, -276_591.568_045),
        (32660, 179.9, 71.25, 604_005.164_711, 7_907_772.632_174),
        (32735, 25.3, -33.75, 342_541.359_388, 6_264_264.952_031),
        (32701, -174.2, -79.0, 559_621.008_089, 1_228_595.630_549),
        (3857, 24.94, 60.17, 2_776_308.100_384, 8_437_684.160_973),
        (4326, 10.5, -20.25, 10.5, -20.25),
        (4269, -77.0, 38.9, -77.0, 38.9),
        (3067, 24.94, 60.17, 385_700.421_385, 6_672_126.743_011),
        (2154, 2.35, 48.86, 652_310.718_019, 6_862_414.636_762),
        (3413, -40.0, 75.0, 142_401.981_162, -1_627_662.092_701),
        (3968, -78.5, 37.5, 88_410.357_054, 166_959.047_851),
        (26913, -104.9, 39.7, 508_573.208_248, 4_394_465.795_841),
        (2263, -73.97, 40.78, 992_558.442_667, 223_453.299_816),
        (6933, 33.0, -12.0, 3_184_047.248_280, -1_520_005.262_443),
        (3035, 10.0, 52.0, 4_321_000.0, 3_210_000.0),
    ];

    #[test]
    fn points_agree_with_pyproj_to_a_millimetre() {
        for &(epsg, lon, lat, x, y) in PYPROJ {
            let crs = Crs::from_epsg(epsg).expect("a known code");
            let (found_x, found_y) = crs.from_lonlat(lon, lat).expect("inside the domain");
            assert!(
                (found_x - x).abs() < 1e-3 && (found_y - y).abs() < 1e-3,
                "{crs}: {found_x} {found_y}, not {x} {y}"
            );
        }
    }

    #[test]
    fn points_come_back_to_a_tenth_of_a_millimetre() {
        for &(epsg, lon, lat, x, y) in PYPROJ {
            let crs = Crs::from_epsg(epsg).expect("a known code");
            let (found_lon, found_lat) = crs.to_lonlat(x, y).expect("inside the domain");
            assert!(
                (found_lon - lon).abs() < 1e-8 && (found_lat - lat).abs() < 1e-8,
                "{crs}: {found_lon} {found_lat}, not {lon} {lat}"
            );
        }
    }

    #[test]
    fn utm_runs_on_across_the_antimeridian() {
        let zone_60 = Crs::from_epsg(32_660).expect("UTM");
        let (x, y) = zone_60.from_lonlat(-179.5, 10.0).expect("inside the domain");
        assert!(x > 800_000.0, "{x}");
        let (lon, lat) = zone_60.to_lonlat(x, y).expect("inside the domain");
        assert!((lon + 179.5).abs() < 1e-9 && (lat - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_code_beyond_these_is_refused_by_name() {
        for epsg in [32_600, 32_661 + 100_000, 1, 99_999] {
            let error = Crs::from_epsg(epsg).expect_err("no such CRS").to_string();
            assert!(error.contains(&epsg.to_string()), "{error}");
        }
    }

    #[test]
    fn nad27_is_shifted_by_its_mean() {
        // pyproj as above, with PROJ's own choice of a shift.
        let crs = Crs::from_epsg(26_711).expect("NAD27 / UTM 11N");
        let (x, y) = crs.from_lonlat(-117.6, 33.9).expect("inside the domain");
        assert!((x - 444_605.54).abs() < 15.0 && (y - 3_751_033.90).abs() < 15.0, "{x} {y}");
    }

    #[test]
    fn a_pole_lies_outside_web_mercator() {
        let crs = Crs::from_epsg(3857).expect("a closed form");
        assert!(crs.from_lonlat(0.0, f64::NAN).is_err());
        assert!(crs.from_lonlat(f64::INFINITY, 0.0).is_err());
    }

    #[test]
    fn zones_follow_the_six_degree_rule() {
        assert_eq!(utm_epsg_of(24.9, 60.2), 32_635);
        assert_eq!(utm_epsg_of(-180.0, -1.0), 32_701);
        assert_eq!(utm_epsg_of(180.0, 1.0), 32_601);
        assert_eq!(utm_epsg_of(179.999, 1.0), 32_660);
    }
}
