//! Where data comes from, before it is ours.
//!
//! In: what other makers hand out, such as a Sentinel-2 product in a folder or a zip. Out: its parts by name, and its
//! metadata as checked facts. Pixels are not touched here.

pub mod safe;
