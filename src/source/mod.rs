//! Where data comes from, before it is ours.
//!
//! In: what other makers hand out: a Sentinel-2 product in a folder or a zip ([`safe`]), another STAC API ([`api`]). Out: a
//! product's parts by name and its metadata as checked facts; Items, and files on this disk. Pixels are not touched here.

pub mod api;
pub mod safe;
