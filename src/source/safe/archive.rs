//! A product's parts by name, in a folder or in a zip.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;

use super::error::SafeError;

/// Largest metadata file that is read; the largest of real products have 2 MB.
const MAX_DOCUMENT_BYTES: u64 = 32 << 20;
/// The metadata file that makes a folder a product.
const MARKERS: [&str; 2] = ["MTD_MSIL1C.xml", "MTD_MSIL2A.xml"];

/// Where a product's parts lie.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    /// The names in a zip, and what precedes those of the product; none for a folder.
    zipped: Option<(BTreeSet<String>, String)>,
    marker: &'static str,
}

impl Archive {
    /// Whether a path is a product: a folder with its metadata, or a zip with such a folder. Anything else is none,
    /// a zip that cannot be read too.
    #[must_use]
    pub fn is_product(path: &Path) -> bool {
        Self::open(path).is_ok()
    }

    /// Opens a product, without looking at more than names.
    ///
    /// # Errors
    /// When it is no product, or a zip that cannot be read.
    pub fn open(path: &Path) -> Result<Self, SafeError> {
        let none = || SafeError::NoProduct { product: path.to_owned() };
        if path.is_dir() {
            let marker = MARKERS.into_iter().find(|marker| path.join(marker).is_file()).ok_or_else(none)?;
            return Ok(Self { path: path.to_owned(), zipped: None, marker });
        }
        let archive = zip_of(path)?;
        let names = archive.file_names().map(|name| name.map(Cow::into_owned));
        let names = names.collect::<Result<BTreeSet<String>, _>>();
        let names = names.map_err(|source| SafeError::Zip { product: path.to_owned(), source })?;
        let found = names.iter().find_map(|name| {
            let marker = MARKERS.into_iter().find(|marker| name.ends_with(marker))?;
            let prefix = name.strip_suffix(marker)?;
            // At the top, or in the product's own folder.
            (prefix.is_empty() || prefix.strip_suffix('/').is_some_and(|folder| !folder.contains('/')))
                .then(|| (prefix.to_owned(), marker))
        });
        let (prefix, marker) = found.ok_or_else(none)?;
        Ok(Self { path: path.to_owned(), zipped: Some((names, prefix)), marker })
    }

    /// The folder or zip.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the product's own metadata file.
    #[must_use]
    pub fn marker(&self) -> &'static str {
        self.marker
    }

    /// Whether the product has a part.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        match &self.zipped {
            None => is_inside(part) && self.path.join(part).is_file(),
            Some((names, prefix)) => names.contains(&format!("{prefix}{part}")),
        }
    }

    /// The bytes of a metadata file.
    ///
    /// # Errors
    /// When it is not there, too large, or cannot be read.
    pub fn read(&self, part: &str) -> Result<Vec<u8>, SafeError> {
        let product = || self.path.clone();
        let failed = |source| SafeError::Read { product: product(), part: part.to_owned(), source };
        if !self.has(part) {
            return Err(SafeError::Missing { product: product(), part: part.to_owned() });
        }
        let mut bytes = Vec::new();
        match &self.zipped {
            None => {
                let file = File::open(self.path.join(part)).map_err(failed)?;
                file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
            }
            Some((_, prefix)) => {
                let mut archive = zip_of(&self.path)?;
                let file = archive
                    .by_name(&format!("{prefix}{part}"))
                    .map_err(|source| SafeError::Zip { product: product(), source })?;
                file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
            }
        }
        if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
            return Err(SafeError::TooLarge {
                product: product(),
                part: part.to_owned(),
                limit: MAX_DOCUMENT_BYTES,
            });
        }
        Ok(bytes)
    }

    /// The name by which GDAL opens a part, in place.
    #[must_use]
    pub fn gdal_name(&self, part: &str) -> String {
        match &self.zipped {
            None => self.path.join(part).to_string_lossy().into_owned(),
            // Braces: the zip may have any extension.
            Some((_, prefix)) => format!("/vsizip/{{{}}}/{prefix}{part}", self.path.display()),
        }
    }

    /// The file whose size and time stand for a part's: the part itself, or the zip.
    #[must_use]
    pub fn file_of(&self, part: &str) -> PathBuf {
        match &self.zipped {
            None => self.path.join(part),
            Some(_) => self.path.clone(),
        }
    }
}

/// Names come from metadata: none may lead out of the product.
fn is_inside(part: &str) -> bool {
    Path::new(part).components().all(|component| matches!(component, Component::Normal(_)))
}

fn zip_of(path: &Path) -> Result<ZipArchive<File>, SafeError> {
    let failed = |source| SafeError::Read { product: path.to_owned(), part: "it".to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    ZipArchive::new(file).map_err(|source| SafeError::Zip { product: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_a_product() {
        let dir = tempfile::tempdir().expect("a folder");
        let product = dir.path().join("X.SAFE");
        fs::create_dir(&product).expect("made");
        fs::write(product.join("MTD_MSIL2A.xml"), b"<a/>").expect("written");
        fs::write(dir.path().join("secret"), b"s").expect("written");
        let archive = Archive::open(&product).expect("a product");
        assert_eq!(archive.marker(), "MTD_MSIL2A.xml");
        assert_eq!(archive.read("MTD_MSIL2A.xml").expect("read"), b"<a/>");
        for part in ["../secret", "/etc/passwd", "a/../../secret"] {
            assert!(matches!(archive.read(part), Err(SafeError::Missing { .. })), "{part}");
        }
        assert!(!Archive::is_product(dir.path()) && !Archive::is_product(&dir.path().join("secret")));
    }
}
