//! The locations that a server may read: an allow-list of folders.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Location;

/// Allowed folders; everything below them may be read, nothing else.
#[derive(Debug, Clone, Default)]
pub struct Places {
    folders: Arc<[Location]>,
    /// The same on disk, links followed.
    resolved: Arc<[PathBuf]>,
}

impl Places {
    /// An allow-list of these folders.
    #[must_use]
    pub fn new(folders: Vec<Location>) -> Self {
        let resolved = folders.iter().filter_map(|f| f.as_path()?.canonicalize().ok()).collect();
        Self { folders: folders.into(), resolved }
    }

    /// True when `location` as written is one of the folders or lies below one.
    #[must_use]
    pub fn allow(&self, location: &Location) -> bool {
        self.folders.iter().any(|folder| location.is_below(folder))
    }

    /// True when something at or below `location` is allowed.
    #[must_use]
    pub fn reach_into(&self, location: &Location) -> bool {
        self.folders.iter().any(|folder| location.is_below(folder) || folder.is_below(location))
    }

    /// True when what a local `location` leads to, links followed, lies below one of the folders; so does what is not
    /// there, for reading to say.
    pub(super) fn allow_resolved(&self, location: &Location) -> bool {
        match location.as_path().map(Path::canonicalize) {
            Some(Ok(real)) => self.resolved.iter().any(|folder| real.starts_with(folder)),
            Some(Err(_)) | None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_nothing_outside() {
        let folder = tempfile::tempdir().expect("a folder");
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        for at in [&inside, &outside] {
            std::fs::create_dir(at).expect("a folder");
            std::fs::write(at.join("x"), "x").expect("a file");
        }
        std::os::unix::fs::symlink(outside.join("x"), inside.join("link")).expect("a link");
        let places = Places::new(vec![Location::Local(inside.clone())]);
        let allowed = |path: PathBuf| {
            let location = Location::Local(path);
            places.allow(&location) && places.allow_resolved(&location)
        };
        assert!(allowed(inside.join("x")));
        assert!(!allowed(inside.join("link")));
        assert!(!allowed(outside.join("x")));
        assert!(allowed(inside.join("missing")), "reading says that it is not there");
    }
}
