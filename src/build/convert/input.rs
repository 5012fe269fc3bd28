//! Files, folders, patterns → inputs, each with the place of its COG.

use std::fs;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use super::error::ConvertError;
use super::options::Options;
use crate::source::safe::Archive;

/// Extensions of files in a folder that are taken for rasters; a file that is named itself may have any.
const RASTERS: [&str; 21] = [
    "tif", "tiff", "jp2", "j2k", "vrt", "nc", "nc4", "hdf", "hdf4", "h4", "hdf5", "h5", "he5", "img", "png",
    "jpg", "jpeg", "grb", "grib2", "asc", "dem",
];

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something that GDAL opens.
    Raster,
    /// A Sentinel-2 product.
    Product,
}

/// One input.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// What it is.
    pub(super) kind: Kind,
    /// The name by which it is opened.
    pub(super) name: String,
    /// Its file, unless only GDAL knows it.
    pub(super) file: Option<PathBuf>,
    /// Where its COG goes below DEST.
    pub(super) dest: PathBuf,
    /// What a failure names.
    pub(super) label: String,
}

/// Finds all inputs, sorted, each once; then takes those of the shard.
pub(super) fn find(options: &Options) -> Result<Vec<Input>, ConvertError> {
    let mut found = Vec::new();
    for source in &options.sources {
        let before = found.len();
        of_source(source, &options.dest, &mut found)?;
        if found.len() == before {
            return Err(ConvertError::NoSource { source_name: source.clone() });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    if let Some(shard) = options.shard {
        let mut at = 0;
        found.retain(|_| {
            at += 1;
            (at - 1) % shard.of == shard.index - 1
        });
    }
    Ok(found)
}

fn of_source(source: &str, dest: &Path, found: &mut Vec<Input>) -> Result<(), ConvertError> {
    let path = Path::new(source);
    if path.exists() {
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        let below = if path.is_dir() && !Archive::is_product(path) { PathBuf::new() } else { name };
        return of_path(path, &below, dest, found);
    }
    // `NETCDF:"x.nc":var`, `/vsizip/…`: names that only GDAL understands.
    if source.starts_with("/vsi") || source.contains(':') {
        let last = source.rsplit([':', '/']).next().unwrap_or_default().replace('"', "");
        let stem = Path::new(&last).file_stem().unwrap_or_default().to_owned();
        found.push(Input {
            kind: Kind::Raster,
            name: source.to_owned(),
            file: None,
            dest: PathBuf::from(stem).with_extension("tif"),
            label: source.to_owned(),
        });
        return Ok(());
    }
    if !source.contains(['*', '?', '[', '{']) {
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(ConvertError::Read { path: path.to_owned(), source: error });
    }
    let pattern = GlobBuilder::new(source).literal_separator(true).build();
    let pattern =
        pattern.map_err(|error| ConvertError::Option { option: "SRC", problem: error.to_string() })?;
    let matcher = pattern.compile_matcher();
    // The part before the first wildcard names the folder to walk.
    let fixed = source.split(['*', '?', '[', '{']).next().unwrap_or_default();
    let base = fixed.rfind('/').map_or("", |slash| &fixed[..=slash]);
    let deep = source.contains("**");
    let depth = source[base.len()..].matches('/').count();
    let mut paths = Vec::new();
    let start = if base.is_empty() { Path::new(".") } else { Path::new(base) };
    walk(start, Path::new(base), if deep { usize::MAX } else { depth }, &mut |path| {
        if matcher.is_match(path) {
            paths.push(path.to_owned());
        }
    })?;
    paths.sort();
    // What matches within a folder that matches itself comes with it.
    let mut last: Option<PathBuf> = None;
    for path in paths {
        if last.as_ref().is_some_and(|last| path.starts_with(last)) {
            continue;
        }
        of_path(&path, path.strip_prefix(base).unwrap_or(&path), dest, found)?;
        last = Some(path);
    }
    Ok(())
}

/// Every entry below a folder, under the name that the pattern gives it.
fn walk(folder: &Path, name: &Path, depth: usize, seen: &mut impl FnMut(&Path)) -> Result<(), ConvertError> {
    for entry in fs::read_dir(folder).map_err(ConvertError::read(folder))? {
        let entry = entry.map_err(ConvertError::read(folder))?;
        let named = name.join(entry.file_name());
        seen(&named);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if depth > 0 && is_folder && !entry.file_name().to_string_lossy().starts_with('.') {
            walk(&entry.path(), &named, depth - 1, seen)?;
        }
    }
    Ok(())
}

/// A file, product or folder, whose COGs go to or below `below`.
fn of_path(path: &Path, below: &Path, dest: &Path, found: &mut Vec<Input>) -> Result<(), ConvertError> {
    let path = fs::canonicalize(path).map_err(ConvertError::read(path))?;
    if path.is_file() || Archive::is_product(&path) {
        found.extend(input(&path, below, true));
        return Ok(());
    }
    let skip = fs::canonicalize(dest).ok().filter(|dest| *dest != path);
    folder(&path, below, skip.as_deref(), found)
}

fn folder(
    path: &Path,
    below: &Path,
    skip: Option<&Path>,
    found: &mut Vec<Input>,
) -> Result<(), ConvertError> {
    for entry in fs::read_dir(path).map_err(ConvertError::read(path))? {
        let entry = entry.map_err(ConvertError::read(path))?;
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_string_lossy().starts_with('.') || Some(path.as_path()) == skip {
            continue;
        }
        let below = below.join(&name);
        // Links to files are followed, links to folders are not: they may lead in a circle.
        let is_folder = entry.file_type().map_err(ConvertError::read(&path))?.is_dir();
        if is_folder && !Archive::is_product(&path) {
            folder(&path, &below, skip, found)?;
        } else {
            found.extend(input(&path, &below, false));
        }
    }
    Ok(())
}

/// A file or product as an input; none for what is no raster and was not named itself.
fn input(path: &Path, below: &Path, is_named: bool) -> Option<Input> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let may_be_product = path.is_dir() || extension == "zip";
    let is_product = may_be_product && Archive::is_product(path);
    if !is_product && (path.is_dir() || (!is_named && !RASTERS.contains(&extension.as_str()))) {
        return None;
    }
    Some(Input {
        kind: if is_product { Kind::Product } else { Kind::Raster },
        name: path.to_string_lossy().into_owned(),
        file: Some(path.to_owned()),
        dest: below.with_extension("tif"),
        label: path.display().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &Path, dest: &Path) -> Vec<String> {
        let mut found = Vec::new();
        of_source(source.to_str().expect("UTF-8"), dest, &mut found).expect("found");
        let mut names: Vec<_> = found.iter().map(|input| input.dest.display().to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_folders_and_patterns_lead_to_places_below_the_destination() {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["a.tif", "n/b.jp2", "n/m/c.TIFF", "n/readme.txt", ".hidden.tif", "out/d.tif"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, b"").expect("written");
        }
        let out = dir.path().join("out");
        assert_eq!(names(dir.path(), &out), ["a.tif", "n/b.tif", "n/m/c.tif"]);
        assert_eq!(names(&dir.path().join("n/readme.txt"), &out), ["readme.tif"]);
        assert_eq!(names(&dir.path().join("n/*.jp2"), &out), ["b.tif"]);
        assert_eq!(names(&dir.path().join("**/*.{jp2,TIFF}"), &out), ["n/b.tif", "n/m/c.tif"]);
        assert!(of_source("/nowhere/x.tif", &out, &mut Vec::new()).is_err());
    }
}
