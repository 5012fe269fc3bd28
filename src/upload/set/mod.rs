//! Sets of images: folders of pictures and rasters, published once and never changed.
//!
//! In: a folder of this disk, a name, a version, maybe the transform that made it. Out, below the destination:
//!
//! ```text
//! catalog.json                                       links all sets
//! original/{path}/{version}/…                        the images of an original, as the folder has them
//! transform/{name}/{version}/{path}/{version}/…      those that a transform made
//! {id}/collection.json, {id}/{item}/{item}.json      the set's STAC documents
//! ```
//!
//! A set is there once its Collection is; then the catalogue links it, by a conditional write, so that sets can be published
//! by many at once. [`items`] describes the images, [`publish`] brings all of it to its place.

mod image;
mod items;
mod name;
mod publish;

pub use name::{SetName, SetNameError, Transform};
pub use publish::{SetError, SetOptions, SetReport, publish};
