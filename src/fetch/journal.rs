//! What is done and where the work was cut off, in a file that is replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::source::api::Window;

/// A file that did not come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Of which period, where there are periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// Of which Collection.
    pub collection: Option<String>,
    /// Of which Item.
    pub item: Option<String>,
    /// Of which key; nothing when it is the Item itself.
    pub asset: Option<String>,
    /// The error and its causes.
    pub error: String,
}

/// How far a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Its files are here.
    Fetched,
    /// The command has ended well.
    Processed,
    /// The results are where they are to be, and were held against those here.
    Moved,
}

/// The period that is worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Current {
    pub(super) name: String,
    pub(super) window: Window,
    pub(super) stage: Stage,
    pub(super) failures: Vec<Failure>,
}

/// A period that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) window: Window,
    pub(super) failures: Vec<Failure>,
}

/// The work on all periods.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    /// What is fetched, as text.
    pub(super) of: String,
    pub(super) done: BTreeMap<String, Done>,
    pub(super) current: Option<Current>,
}

impl Journal {
    /// Reads the journal; an empty one when there is none.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        replace(path, &serde_json::to_vec_pretty(self)?)
    }

    /// What did not come in all periods that are done.
    pub(super) fn failures(&self) -> Vec<Failure> {
        self.done.values().flat_map(|done| done.failures.clone()).collect()
    }
}

/// Writes a file whole and for good: under another name first.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn temporary(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.tmp", path.file_name().unwrap_or_default().to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.json");
        assert!(Journal::read(&path).expect("none").is_none());
        let now = chrono::Utc::now();
        let current = Current {
            name: "2024-01".to_owned(),
            window: (now, now),
            stage: Stage::Processed,
            failures: vec![Failure {
                period: None,
                collection: None,
                item: Some("i".into()),
                asset: None,
                error: "e".into(),
            }],
        };
        let journal = Journal { of: "x".into(), done: BTreeMap::new(), current: Some(current.clone()) };
        journal.write(&path).expect("written");
        let read = Journal::read(&path).expect("read").expect("a journal");
        assert_eq!(read.current, Some(current));
        fs::write(&path, "{").expect("written");
        assert!(Journal::read(&path).is_err());
    }
}
