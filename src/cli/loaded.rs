//! What the log says of a catalogue that was loaded.

use std::path::Path;

use super::shell::quoted;
use crate::catalog::{Catalog, LoadReport};
use crate::storage::Places;

/// Problems of a catalogue that are logged one by one.
const PROBLEMS_SHOWN: usize = 100;

/// Names what was left out and put right, and counts what was loaded.
pub(super) fn tell(report: &LoadReport) {
    for (count, problem) in report.problems.iter().enumerate() {
        if count == PROBLEMS_SHOWN {
            tracing::warn!("… and {} more left out", report.problems.len() - count);
            break;
        }
        tracing::warn!(location = %problem.location, "left out: {}", problem.reason);
    }
    for warning in report.warnings.iter().take(PROBLEMS_SHOWN) {
        tracing::warn!(location = %warning.location, "{}", warning.reason);
    }
    tracing::info!(
        items = report.items,
        collections = report.collections,
        left_out = report.problems.len(),
        "the catalogue is loaded"
    );
}

/// Counts the assets that may not be read, and says what would admit them.
pub(super) fn tell_outside(catalog: &Catalog, places: &Places) -> anyhow::Result<()> {
    let outside = catalog.assets_outside(places)?;
    if outside.assets == 0 {
        return Ok(());
    }
    let allows = outside.folders.iter().map(|folder| match folder.as_path() {
        Some(path) if path == Path::new("/") => {
            "(those on the disk lie all over it: their folders)".to_owned()
        }
        _ => format!("--allow {}", quoted(folder)),
    });
    let remedy = format!("admit them with {}", allows.collect::<Vec<_>>().join(" "));
    let count = outside.assets;
    if outside.looked_at == outside.items {
        tracing::warn!("{count} assets lie outside the places that may be read: {remedy}");
    } else {
        let (some, all) = (outside.looked_at, outside.items);
        tracing::warn!(
            "{count} assets of {some} Items (looked at of {all}) lie outside the places that may be read: {remedy}"
        );
    }
    Ok(())
}
