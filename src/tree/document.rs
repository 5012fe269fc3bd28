//! One JSON document on disk: written whole under a temporary name, then renamed.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Why a document could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The disk refused.
    #[error("cannot write {}; check that its folder is writable and the disk has room", path.display())]
    Write {
        /// The document.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The document cannot be put as JSON.
    #[error("cannot put {} as JSON", path.display())]
    Encode {
        /// The document.
        path: PathBuf,
        /// What the encoder says.
        source: serde_json::Error,
    },
}

/// Writes `document` to `path`, making its folder; returns false when the bytes were there already.
///
/// A reader sees the old bytes or the new ones. A crash leaves at most a hidden `.{name}.{pid}.tmp` beside them.
pub(super) fn write(path: &Path, document: &impl Serialize) -> Result<bool, DocumentError> {
    let mut bytes = serde_json::to_vec_pretty(document)
        .map_err(|source| DocumentError::Encode { path: path.to_owned(), source })?;
    bytes.push(b'\n');
    replace(path, &bytes).map_err(|source| DocumentError::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    if is_equal(path, bytes) {
        return Ok(false);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"));
    };
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first error is the one to tell; a leftover is hidden and harmless.
        let _leftover = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(true)
}

fn is_equal(path: &Path, bytes: &[u8]) -> bool {
    let same_size = fs::metadata(path).is_ok_and(|m| m.len() == bytes.len() as u64);
    same_size && fs::read(path).is_ok_and(|old| old == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_equal_document_is_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b.json");
        assert!(write(&path, &json!({"a": 1})).expect("written"));
        let before = fs::metadata(&path).and_then(|m| m.modified()).expect("a time");
        assert!(!write(&path, &json!({"a": 1})).expect("compared"));
        assert_eq!(fs::metadata(&path).and_then(|m| m.modified()).expect("a time"), before);
        assert!(write(&path, &json!({"a": 2})).expect("written"));
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("taken");
        fs::create_dir(&path).expect("a folder in the way");
        let error = write(&path, &json!({})).expect_err("a folder is in the way");
        assert!(error.to_string().contains("taken"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
