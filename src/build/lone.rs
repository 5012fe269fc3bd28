//! The Item of one raster by itself, for those who group files by other rules.

use std::path::Path;

use stac::Item;

use super::bands::Context;
use super::definition::Groups;
use super::describe::{Described, describe, time_of};
use super::group::{Group, LONE_KEY, Member};
use super::inspect::inspect;
use super::scan::Found;
use crate::storage::{Location, Storage};

/// The Item of a raster with the asset `data`, whose href is the path, without links; nothing when the file is no raster that
/// lies somewhere on the globe.
///
/// The time is looked for in `relative`, then in the file, and is that of its last change otherwise.
pub async fn describe_lone(storage: &Storage, path: &Path, relative: &str, id: &str) -> Option<Item> {
    let raster = inspect(storage, path, None).await.ok()?;
    let location = Location::from_path(path).ok()?;
    let modified = storage.meta(&location).await.ok()?.modified;
    let file = Found { relative: relative.to_owned(), path: path.to_owned() };
    let member = Member { file, key: LONE_KEY.to_owned(), band: None, groups: Groups::new() };
    let group = Group { collection: String::new(), id: id.to_owned(), members: vec![member.clone()] };
    let parts = [Described { member, raster, modified }];
    let time = time_of(&parts, None)?;
    describe(&group, &parts, time, None, Context { definition: None, is_sentinel_2: false }).ok()
}
