//! The order of files: what a document names is there before the document.

use std::cmp::Reverse;

/// When a file is sent: all of one stage are complete before the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Rasters and all else that is no document.
    Data,
    /// Items and other JSON below the top.
    Items,
    /// Tables and snapshots, which stand for Items.
    Tables,
    /// `collection.json` and `catalog.json`, the deepest first, and all JSON at the top: the root comes very last.
    Parents(Reverse<usize>, Parent),
}

/// Who comes first of one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Parent {
    Other,
    Collection,
    Catalog,
}

impl Stage {
    /// The stage of the file at a path relative to the folder that is sent.
    pub(super) fn of(relative: &str) -> Self {
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let depth = if folder.is_empty() { 0 } else { folder.split('/').count() };
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let extension = extension.to_ascii_lowercase();
        match (name, extension.as_str()) {
            ("catalog.json", _) => Self::Parents(Reverse(depth), Parent::Catalog),
            ("collection.json", _) => Self::Parents(Reverse(depth), Parent::Collection),
            (_, "json" | "geojson") if depth == 0 => Self::Parents(Reverse(0), Parent::Other),
            (_, "json" | "geojson") => Self::Items,
            (_, "parquet" | "geoparquet" | "ndjson" | "snapshot") => Self::Tables,
            _ => Self::Data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tree_goes_from_its_data_to_its_root() {
        let mut files = vec![
            "catalog.json",
            "c/collection.json",
            "c/2024/06/catalog.json",
            "c/2024/catalog.json",
            "c/i/i.json",
            "c/i/B04.tif",
            "cairn.snapshot",
            "README.md",
        ];
        files.sort_by_key(|file| Stage::of(file));
        let order = [
            "c/i/B04.tif",
            "README.md",
            "c/i/i.json",
            "cairn.snapshot",
            "c/2024/06/catalog.json",
            "c/2024/catalog.json",
            "c/collection.json",
            "catalog.json",
        ];
        assert_eq!(files, order);
    }

    #[test]
    fn a_root_of_another_name_comes_after_what_lies_below() {
        assert!(Stage::of("stac.json") > Stage::of("c/collection.json"));
        assert!(Stage::of("collection.json") > Stage::of("item.json"));
    }

    proptest! {
        #[test]
        fn nothing_comes_after_the_root(path in "([a-z]{1,4}/){0,3}[a-z]{1,8}\\.(tif|json|geojson|parquet|snapshot|txt)") {
            prop_assert!(Stage::of(&path) <= Stage::of("catalog.json"));
        }
    }
}
