//! A grid of pixels as CF and GDAL have it: the grid mapping, and the middles of pixels along `y` and `x`.

use serde_json::{Value, json};

/// What the coordinates of a grid are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plane<'a> {
    /// Longitude and latitude in degrees.
    Geographic,
    /// Easting and northing in this unit.
    Projected(&'a str),
    /// Nobody says.
    Unknown,
}

/// The coordinates along one dimension.
#[derive(Debug)]
pub(crate) struct Axis {
    /// `y` or `x`.
    pub(crate) name: &'static str,
    /// As CF names them.
    pub(crate) attributes: Value,
    /// Middles of pixels.
    pub(crate) middles: Vec<f64>,
}

/// The attributes of the variable `spatial_ref`: the CRS as an EPSG code or WKT, and `transform` (a b c d e f) as GDAL orders it.
pub(crate) fn grid_mapping(crs: &str, [a, b, c, d, e, f]: [f64; 6]) -> Value {
    json!({"spatial_ref": crs, "GeoTransform": format!("{c} {a} {b} {f} {d} {e}")})
}

/// `y` and `x` of a grid of columns and rows; none for a grid that is turned, which has no such axes.
pub(crate) fn axes(
    (width, height): (u32, u32),
    [a, b, c, d, e, f]: [f64; 6],
    plane: Plane<'_>,
) -> Option<[Axis; 2]> {
    if b != 0.0 || d != 0.0 {
        return None;
    }
    let axis = |name: &'static str, count: u32, step: f64, first: f64, words: Option<(&str, &str)>| {
        let mut attributes = json!({"axis": name.to_uppercase()});
        if let Some((standard, units)) = words {
            attributes["standard_name"] = json!(standard);
            attributes["units"] = json!(units);
        }
        let middles = (0..count).map(|pixel| first + (f64::from(pixel) + 0.5) * step).collect();
        Axis { name, attributes, middles }
    };
    let [y, x] = match plane {
        Plane::Geographic => [Some(("latitude", "degrees_north")), Some(("longitude", "degrees_east"))],
        Plane::Projected(unit) => {
            ["projection_y_coordinate", "projection_x_coordinate"].map(|name| Some((name, unit)))
        }
        Plane::Unknown => [None, None],
    };
    Some([axis("y", height, e, f, y), axis("x", width, a, c, x)])
}
