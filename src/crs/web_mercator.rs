//! Web Mercator, EPSG:3857: the sphere's Mercator on geodetic latitudes.

use super::transverse_mercator::SEMI_MAJOR_M;

/// Degrees → metres; not finite at the poles.
pub(super) fn forward(lon: f64, lat: f64) -> (f64, f64) {
    (SEMI_MAJOR_M * lon.to_radians(), SEMI_MAJOR_M * lat.to_radians().tan().asinh())
}

/// Metres → degrees. A longitude beyond ±180 stays beyond: the edge of a map that wraps is still one edge.
pub(super) fn inverse(x: f64, y: f64) -> (f64, f64) {
    ((x / SEMI_MAJOR_M).to_degrees(), (y / SEMI_MAJOR_M).sinh().atan().to_degrees())
}
