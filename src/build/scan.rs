//! Finding the files: rasters, and the STAC Items that lie beside them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Largest document that is looked into; Items are a few kilobytes.
const MAX_DOCUMENT_BYTES: u64 = 8 << 20;

/// One file below the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Its path below the source, with `/` between.
    pub(super) relative: String,
    /// Its absolute path.
    pub(super) path: PathBuf,
}

/// What lies below a folder, sorted by path.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// `.tif` and `.tiff` in any case.
    pub(super) rasters: Vec<Found>,
    /// `.json` that may be Items.
    pub(super) documents: Vec<Found>,
    /// Folders and files that could not be looked into.
    pub(super) failures: Vec<(PathBuf, io::Error)>,
}

/// Walks through `source`, an absolute path, leaving out hidden files and the folder `skip`. Links are followed, but not
/// back into a folder that one is in already.
pub(super) fn scan(source: &Path, skip: &Path) -> Scan {
    let mut scan = Scan::default();
    let real = fs::canonicalize(source).ok();
    // A tree may be written among its rasters.
    let skip = fs::canonicalize(skip).ok().filter(|skip| Some(skip) != real.as_ref());
    let mut walk = Walk { skip, inside: Vec::new() };
    walk.folder(source, "", &mut scan);
    scan.rasters.sort();
    scan.documents.sort();
    scan
}

struct Walk {
    skip: Option<PathBuf>,
    /// Real paths of the folders from the source down to here.
    inside: Vec<PathBuf>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, relative: &str, scan: &mut Scan) {
        let entries = fs::canonicalize(folder).and_then(|real| Ok((real, fs::read_dir(folder)?)));
        let (real, entries) = match entries {
            Ok(found) => found,
            Err(error) => return scan.failures.push((folder.to_owned(), error)),
        };
        if self.inside.contains(&real) || self.skip.as_ref() == Some(&real) {
            return;
        }
        self.inside.push(real);
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, relative, scan),
                Err(error) => scan.failures.push((folder.to_owned(), error)),
            }
        }
        self.inside.pop();
    }

    fn entry(&mut self, entry: &fs::DirEntry, relative: &str, scan: &mut Scan) {
        let path = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let error = io::Error::new(io::ErrorKind::InvalidFilename, "its name is not UTF-8; rename it");
            return scan.failures.push((path, error));
        };
        if name.starts_with('.') {
            return;
        }
        let relative = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
        let extension = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or_default();
        let is_raster = extension.eq_ignore_ascii_case("tif") || extension.eq_ignore_ascii_case("tiff");
        let is_document = extension.eq_ignore_ascii_case("json");
        // Follows links, so that a dangling one is told only where it would have been a raster.
        match fs::metadata(&path) {
            // The chunks of a store are no files of their own.
            Ok(metadata) if metadata.is_dir() && extension.eq_ignore_ascii_case("zarr") => {}
            Ok(metadata) if metadata.is_dir() => self.folder(&path, &relative, scan),
            Ok(metadata) if !metadata.is_file() => {}
            Ok(_) if is_raster => scan.rasters.push(Found { relative, path }),
            Ok(metadata) if is_document && metadata.len() <= MAX_DOCUMENT_BYTES => {
                scan.documents.push(Found { relative, path });
            }
            Err(error) if is_raster => scan.failures.push((path, error)),
            Ok(_) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, b"").expect("written");
    }

    #[test]
    fn rasters_are_found_sorted_and_hidden_files_left_out() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in
            ["b/z.TIF", "b/a.tiff", "a.tif", ".hidden/x.tif", "b/.x.tif", "b/i.json", "out/y.tif", "c.txt"]
        {
            touch(&dir.path().join(name));
        }
        let scan = scan(dir.path(), &dir.path().join("out"));
        let names: Vec<_> = scan.rasters.iter().map(|f| f.relative.as_str()).collect();
        assert_eq!(names, ["a.tif", "b/a.tiff", "b/z.TIF"]);
        assert_eq!(scan.documents.len(), 1);
        assert!(scan.failures.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_ends() {
        let dir = tempfile::tempdir().expect("a folder");
        touch(&dir.path().join("a/x.tif"));
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/loop")).expect("a link");
        std::os::unix::fs::symlink("nowhere", dir.path().join("dangling.tif")).expect("a link");
        let scan = scan(dir.path(), Path::new("/nonexistent"));
        assert_eq!(scan.rasters.len(), 1);
        assert_eq!(scan.failures.len(), 1);
    }
}
