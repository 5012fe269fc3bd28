//! Codes without a closed form: described by `crs-definitions`, computed by `proj4rs`.

use proj4rs::Proj;

/// NAD27 without its grids, which are not here: the mean shift of the conterminous United States (EPSG:1173, good to
/// 10 m), as PROJ itself does without them.
const NAD27: &str = "+ellps=clrk66 +towgs84=-8,160,176";

/// A CRS by its PROJ string, together with lon/lat on WGS 84 as the other end.
#[derive(Debug, Clone)]
pub(super) struct Described {
    native: Proj,
    lonlat: Proj,
}

/// What a code turned out to be.
#[derive(Debug)]
pub(super) enum Description {
    /// Lon/lat on a datum that coincides with WGS 84: nothing to compute.
    SameAsLonLat,
    /// To be computed.
    Computed(Box<Described>),
}

/// Why a code cannot be computed.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `crs-definitions` does not hold it.
    Unknown,
    /// `proj4rs` refuses it.
    Proj(proj4rs::errors::Error),
}

impl Described {
    /// Looks up the code.
    pub(super) fn from_epsg(code: u32) -> Result<Description, Refusal> {
        let definition =
            u16::try_from(code).ok().and_then(crs_definitions::from_code).ok_or(Refusal::Unknown)?;
        // GeoTIFF keeps east before north also where the registry says otherwise.
        let text = definition.proj4.replace("+axis=neu", "").replace("+datum=NAD27", NAD27);
        if text.trim().is_empty() {
            return Err(Refusal::Unknown);
        }
        if coincides_with_lonlat(&text) {
            return Ok(Description::SameAsLonLat);
        }
        let native = Proj::from_proj_string(&text).map_err(Refusal::Proj)?;
        let lonlat = Proj::from_proj_string("+proj=longlat +datum=WGS84 +no_defs").map_err(Refusal::Proj)?;
        Ok(Description::Computed(Box::new(Self { native, lonlat })))
    }

    /// True when x and y are degrees.
    pub(super) fn is_geographic(&self) -> bool {
        self.native.is_latlong()
    }

    /// Metres in one unit of x and y.
    pub(super) fn metres_per_unit(&self) -> f64 {
        self.native.to_meter()
    }

    /// Native units → degrees.
    pub(super) fn inverse(&self, x: f64, y: f64) -> Result<(f64, f64), proj4rs::errors::Error> {
        let mut point =
            if self.is_geographic() { (x.to_radians(), y.to_radians(), 0.0) } else { (x, y, 0.0) };
        proj4rs::transform::transform(&self.native, &self.lonlat, &mut point)?;
        Ok((point.0.to_degrees(), point.1.to_degrees()))
    }

    /// Degrees → native units.
    pub(super) fn forward(&self, lon: f64, lat: f64) -> Result<(f64, f64), proj4rs::errors::Error> {
        let mut point = (lon.to_radians(), lat.to_radians(), 0.0);
        proj4rs::transform::transform(&self.lonlat, &self.native, &mut point)?;
        Ok(if self.is_geographic() {
            (point.0.to_degrees(), point.1.to_degrees())
        } else {
            (point.0, point.1)
        })
    }
}

/// Lon/lat from Greenwich on WGS 84, or on GRS 80 without a shift (the two differ by less than 0.1 mm).
fn coincides_with_lonlat(text: &str) -> bool {
    let mut longlat = false;
    let mut datum = false;
    for word in text.split_whitespace() {
        match word {
            "+proj=longlat" | "+proj=latlong" => longlat = true,
            "+datum=WGS84" | "+ellps=WGS84" | "+ellps=GRS80" | "+datum=NAD83" => datum = true,
            "+no_defs" | "+type=crs" | "+towgs84=0,0,0,0,0,0,0" | "+towgs84=0,0,0" => {}
            _ => return false,
        }
    }
    longlat && datum
}
