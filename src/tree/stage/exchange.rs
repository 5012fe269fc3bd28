//! The step in which a new tree takes the place of the old one.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};

use super::{INDEXED, Stage, StageError};
use crate::tree::sweep::{bring_over, sweep};

/// Names of all files that the last build wrote, a line each, in its tree.
const FILES: &str = ".cairn/files";

/// What became of a tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Files whose bytes are new or changed.
    pub changed: usize,
    /// Files of the last build that are gone.
    pub dropped: usize,
    /// True when documents were moved one by one.
    pub one_by_one: bool,
}

impl Stage {
    /// Puts the new tree in the place of the old one; when they are the same, nothing is touched.
    ///
    /// # Errors
    /// When the disk refuses; the old tree is whole then, unless documents had to be moved one by one.
    pub fn commit(mut self) -> Result<Committed, StageError> {
        let before: HashSet<PathBuf> = fs::read_to_string(self.dest.join(FILES))
            .map(|text| text.lines().map(PathBuf::from).collect())
            .unwrap_or_default();
        let mut list: Vec<String> = self.files.iter().map(|at| at.to_string_lossy().into_owned()).collect();
        list.push(FILES.to_owned());
        list.sort_unstable();
        let changed = self.changed.len();
        self.put(Path::new(FILES), format!("{}\n", list.join("\n")).as_bytes())?;
        let gone: HashSet<PathBuf> = before.difference(&self.names).cloned().collect();
        let dropped = gone.len();
        let mut done = Committed { changed, dropped, one_by_one: false };
        if self.changed.is_empty() && dropped == 0 {
            return Ok(done);
        }
        let dest = self.dest.clone();
        let failed = |source| StageError::Write { path: dest.clone(), source };
        done.one_by_one = !self.swap(&gone).map_err(failed)?;
        if done.one_by_one {
            self.one_by_one(&gone).map_err(failed)?;
        } else {
            self.committed = true;
        }
        Ok(done)
    }

    /// Exchanges the folders; false, and nothing is done, where that cannot be.
    fn swap(&mut self, gone: &HashSet<PathBuf>) -> io::Result<bool> {
        if self.folder.starts_with(&self.dest) {
            return Ok(false);
        }
        let is_new = !self.dest.exists();
        // Nobody else may take the old folder for a place to begin in, once it has the other's name.
        let old = if is_new { None } else { Some(File::open(&self.dest)?) };
        if let Some(old) = &old {
            old.lock()?;
            if bring_over(&self.dest, &self.folder, gone).is_err() {
                return Ok(false);
            }
        }
        syncfs(&self.lock)?;
        let flags = if is_new { RenameFlags::NOREPLACE } else { RenameFlags::EXCHANGE };
        if renameat_with(CWD, &self.folder, CWD, &self.dest, flags).is_err() {
            // File systems without that step still rename onto nothing.
            if !is_new || fs::rename(&self.folder, &self.dest).is_err() {
                return Ok(false);
            }
        }
        if let Some(parent) = self.dest.parent() {
            File::open(parent)?.sync_all()?;
        }
        if old.is_some() {
            sweep(&self.folder, &self.dest, &self.names, gone)?;
        }
        Ok(true)
    }

    fn one_by_one(&self, gone: &HashSet<PathBuf>) -> io::Result<()> {
        syncfs(&self.lock)?;
        for at in self.files.iter().filter(|at| self.changed.contains(*at)) {
            let to = self.dest.join(at);
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::rename(self.folder.join(at), to)?;
        }
        let outdated = PathBuf::from(INDEXED);
        for at in gone.iter().chain([&outdated]) {
            match fs::remove_file(self.dest.join(at)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
