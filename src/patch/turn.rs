//! Longitudes, and x of Mercator's map, come back after a turn around the Earth. Pure.

use crate::crs::Crs;

const WEB_MERCATOR: u32 = 3857;
/// In longitude.
pub(super) const TURN_DEGREES: f64 = 360.0;
/// Around the equator of the sphere that Web Mercator takes for the Earth.
const MERCATOR_TURN_M: f64 = 2.0 * std::f64::consts::PI * 6_378_137.0;

/// How far x runs in one turn around the Earth, in a CRS of that code where it runs on as longitudes do.
pub(super) fn turn_of_code(epsg: u32) -> f64 {
    if epsg == WEB_MERCATOR { MERCATOR_TURN_M } else { TURN_DEGREES }
}

/// How far x runs in one turn around the Earth, where it runs on as longitudes do.
pub(super) fn turn_of(crs: &Crs) -> Option<f64> {
    (crs.is_geographic() || crs.epsg() == WEB_MERCATOR).then(|| turn_of_code(crs.epsg()))
}

/// The whole turns in a difference of x.
pub(super) fn turns(difference: f64, turn: f64) -> f64 {
    turn * (difference / turn).round()
}

/// A longitude between −180 and 180.
pub(super) fn wrapped(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { lon - turns(lon, TURN_DEGREES) }
}
