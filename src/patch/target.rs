//! Which grid an answer has. Pure.
//!
//! In the sources' CRS and at their resolution it is the sources' own grid, so that pixels are copies. Any other CRS or
//! resolution has a grid whose pixels are north up and square, their edges at whole multiples of the resolution: the same one for
//! every patch that is asked for so. A box with a size is cut into just so many pixels, from edge to edge.

use super::grid::{GridError, Lattice};
use super::request::WindowRequest;
use super::series::Series;
use super::window::Window;
use crate::crs::{Crs, utm_epsg_of};

/// Pixel size where no Item tells one, in metres.
const UNKNOWN_RESOLUTION_M: f64 = 10.0;

/// Resolutions that differ by less than this share are one.
const SAME_RESOLUTION: f64 = 1e-9;

/// The grid that is asked for, as far as a request says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Asked {
    /// EPSG code.
    pub(super) crs: Option<u32>,
    /// Ground size of a pixel, in units of the CRS.
    pub(super) resolution: Option<f64>,
}

impl Asked {
    /// What a request's series says.
    pub(super) fn of(series: &Series) -> Self {
        Self { crs: series.crs, resolution: series.resolution }
    }

    /// True when the answer has the sources' own grid.
    ///
    /// # Errors
    /// When a CRS is unknown.
    pub(super) fn is_own(self, native: &Lattice) -> Result<bool, GridError> {
        let finest = native.resolution();
        let is_same = (self.resolution_on(native)? - finest).abs() <= finest * SAME_RESOLUTION;
        Ok(self.crs.is_none_or(|crs| crs == native.epsg) && is_same)
    }

    /// Ground size of a pixel of the answer, in units of its CRS.
    fn resolution_on(self, native: &Lattice) -> Result<f64, GridError> {
        let epsg = self.crs.unwrap_or(native.epsg);
        match self.resolution {
            Some(resolution) => Ok(resolution),
            None if epsg == native.epsg => Ok(native.resolution()),
            None => {
                let metres = native.resolution() * Crs::from_epsg(native.epsg)?.metres_per_unit();
                Ok(metres / Crs::from_epsg(epsg)?.metres_per_unit())
            }
        }
    }
}

/// Finer by more than rounding.
pub(super) fn is_finer(a: f64, b: f64) -> bool {
    a < b * (1.0 - SAME_RESOLUTION)
}

/// The window of a place on the grid that is asked for, where `native` is the sources' finest.
///
/// # Errors
/// When the CRS is unknown, the place has no image in it, or more pixels than a side may have.
pub(super) fn window(native: &Lattice, place: &WindowRequest, asked: Asked) -> Result<Window, GridError> {
    let epsg = asked.crs.unwrap_or(native.epsg);
    if let WindowRequest::Fitted { bbox, size } = place {
        return Lattice::fitted(epsg, bbox, *size);
    }
    let lattice = if asked.is_own(native)? {
        *native
    } else {
        Lattice::even(epsg, asked.resolution_on(native)?, place.center())
    };
    match place {
        WindowRequest::Center { lon, lat, size } => lattice.around(*lon, *lat, *size),
        WindowRequest::Bbox(bbox) | WindowRequest::Fitted { bbox, .. } => lattice.covering(bbox),
    }
}

/// The window of a place that no Item matches: in the CRS asked for, else in the UTM zone of its middle.
///
/// # Errors
/// As [`window`].
pub(super) fn window_without_items(place: &WindowRequest, asked: Asked) -> Result<Window, GridError> {
    let (lon, lat) = place.center();
    let unknown = Lattice::even(utm_epsg_of(lon, lat), UNKNOWN_RESOLUTION_M, (lon, lat));
    window(&unknown, place, asked)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::search::Params;
    use crate::stac::Bbox;

    const NATIVE: Lattice =
        Lattice { epsg: 32635, transform: [10.0, 0.0, 300_003.0, 0.0, -10.0, 6_800_047.0], middle_x: 3e5 };

    fn asked(more: &str) -> Asked {
        let body = format!(r#"{{"collections": "c", "center": [24, 61], "size": 4{more}}}"#);
        let params = Params::from_lenient_body(body.as_bytes()).expect("JSON");
        Asked::of(&super::super::request::Request::read(params).expect("a request").series)
    }

    fn center(size: [u32; 2]) -> WindowRequest {
        WindowRequest::Center { lon: 24.5, lat: 61.2, size }
    }

    #[test]
    fn the_sources_own_crs_and_resolution_are_their_own_grid() {
        for more in [
            "",
            r#", "crs": "EPSG:32635""#,
            r#", "resolution": 10"#,
            r#", "crs": "EPSG:32635", "resolution": 10.0"#,
        ] {
            let window = window(&NATIVE, &center([7, 8]), asked(more)).expect("a window");
            assert_eq!(window.lattice, NATIVE, "{more}");
        }
    }

    #[test]
    fn the_resolution_of_another_crs_is_as_many_metres() {
        let mercator = window(&NATIVE, &center([7, 8]), asked(r#", "crs": "EPSG:3857""#)).expect("a window");
        assert_eq!(mercator.lattice.transform, [10.0, 0.0, 0.0, 0.0, -10.0, 0.0]);
        let degrees = window(&NATIVE, &center([7, 8]), asked(r#", "crs": "EPSG:4326""#)).expect("a window");
        assert!((degrees.lattice.resolution() * 111_319.5 - 10.0).abs() < 1e-4);
    }

    #[test]
    fn a_box_with_a_size_is_cut_from_edge_to_edge() {
        let bbox = Bbox { west: 24.0, south: 60.0, east: 25.0, north: 61.0 };
        let place = WindowRequest::Fitted { bbox, size: [50, 20] };
        let window = window(&NATIVE, &place, asked(r#", "crs": "EPSG:4326""#)).expect("a window");
        let wanted = [0.05, 0.0, 24.0, 0.0, -0.02, 61.0];
        assert!(window.transform().iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{window:?}");
        assert_eq!((window.height, window.width), (50, 20));
    }

    proptest! {
        #[test]
        fn other_grids_have_edges_at_whole_multiples_and_the_point_in_the_middle(
            lon in 21.0..27.0, lat in 58.0..63.0, resolution in 1.0..500.0f64, height in 1u32..50, width in 1u32..50
        ) {
            let place = WindowRequest::Center { lon, lat, size: [height, width] };
            let window = window(&NATIVE, &place, asked(&format!(r#", "resolution": {resolution}"#)));
            let [a, _, c, _, e, f] = window.as_ref().expect("a window").transform();
            prop_assert_eq!((a, e), (resolution, -resolution));
            for edge in [c / a, f / e] {
                prop_assert!((edge - edge.round()).abs() < 1e-6);
            }
            let (x, y) = Crs::from_epsg(32635).expect("UTM").from_lonlat(lon, lat).expect("a point");
            let off = [(c + a * f64::from(width) / 2.0 - x) / a, (f + e * f64::from(height) / 2.0 - y) / e];
            prop_assert!(off.iter().all(|off| off.abs() <= 0.5 + 1e-6), "{off:?}");
        }
    }
}
