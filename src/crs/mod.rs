//! EPSG code ↔ longitude and latitude on WGS 84.
//!
//! In: an EPSG code and points in its units, x before y whatever the registry's axis order (as in a TIFF). Out: the
//! same points in degrees, longitude first, and back. Footprints and the grid of a patch need nothing more of a CRS.
//!
//! UTM on WGS 84, Web Mercator and lon/lat are closed forms of our own: 100 to 300 ns a point, exact to less than a
//! millimetre. Any other code goes to `proj4rs` with the description in `crs-definitions`; what these two do not know, or
//! know only with a datum grid that is not here, is refused by its code. NAD27 alone is approximated, to 10 m.

mod described;
mod system;
mod transverse_mercator;
mod web_mercator;

pub use system::{Crs, CrsError, utm_epsg_of};
