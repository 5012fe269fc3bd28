//! Both sides of an upload: what the source has, what the destination has.

use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt as _;

use super::file::File;
use super::options::Options;
use super::run::UploadError;
use crate::storage::{Location, Meta, Storage, StorageError};

/// What there is to do.
#[derive(Debug)]
pub(super) struct Sides {
    /// The files to bring, by their paths.
    pub(super) files: Vec<File>,
    /// Objects that the source does not have.
    pub(super) surplus: Vec<(String, Location)>,
}

/// Lists both sides.
pub(super) async fn look(storage: &Storage, options: &Options) -> Result<Sides, UploadError> {
    let Some(sources) = sources(storage, options).await? else {
        return Ok(Sides { files: vec![one_file(storage, options).await?], surplus: Vec::new() });
    };
    if sources.is_empty() {
        return Err(UploadError::Empty { source_at: options.source.clone() });
    }
    let mut there: HashMap<String, (Location, Meta)> = HashMap::new();
    let mut entries = storage.list(&options.dest);
    while let Some(entry) = entries.try_next().await.map_err(|error| listing(error, options))? {
        if let Some(relative) = entry.location.relative_to(&options.dest) {
            there.insert(relative, (entry.location, entry.meta));
        }
    }
    let mut files = Vec::with_capacity(sources.len());
    for (relative, (source, len)) in sources {
        let there = there.remove(&relative).map(|(_, meta)| meta);
        let target = options.dest.child(&relative)?;
        files.push(File { relative, source, len, target, there });
    }
    let mut surplus: Vec<_> = there
        .into_iter()
        .filter(|(relative, _)| options.filter.takes(relative) && !is_temporary(relative))
        .map(|(relative, (location, _))| (relative, location))
        .collect();
    surplus.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(Sides { files, surplus })
}

/// The files below the source by their relative paths; nothing when the source is one file.
async fn sources(
    storage: &Storage,
    options: &Options,
) -> Result<Option<BTreeMap<String, (Location, u64)>>, UploadError> {
    if options.source.as_path().is_some_and(std::path::Path::is_file) {
        return Ok(None);
    }
    let mut found = BTreeMap::new();
    let mut entries = storage.list(&options.source);
    while let Some(entry) = entries.try_next().await? {
        let relative = entry.location.relative_to(&options.source);
        let relative = relative.ok_or_else(|| UploadError::Name { location: entry.location.clone() })?;
        if relative.is_empty() {
            return Ok(None);
        }
        found.insert(relative, (entry.location, entry.meta.len));
    }
    if found.is_empty() && options.source.as_path().is_none() && storage.meta(&options.source).await.is_ok() {
        return Ok(None);
    }
    let only = options.only.as_ref();
    found.retain(|relative, _| {
        options.filter.takes(relative)
            && !is_temporary(relative)
            && only.is_none_or(|only| only.binary_search(relative).is_ok())
    });
    Ok(Some(found))
}

/// The source as one file: DEST is its new name when it ends in `.tif`, else its folder.
async fn one_file(storage: &Storage, options: &Options) -> Result<File, UploadError> {
    let source = options.source.clone();
    let name = source.file_name().ok_or_else(|| UploadError::Name { location: source.clone() })?.to_owned();
    let is_name = options.dest.file_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".tif"));
    let target = if is_name { options.dest.clone() } else { options.dest.child(&name)? };
    let len = storage.meta(&source).await?.len;
    let there = match storage.meta(&target).await {
        Ok(meta) => Some(meta),
        Err(StorageError::NotFound { .. }) => None,
        Err(error) => return Err(listing(error, options)),
    };
    Ok(File { relative: name, source, len, target, there })
}

fn listing(error: StorageError, options: &Options) -> UploadError {
    match error {
        StorageError::NotFound { .. } => UploadError::NoContainer { dest: options.dest.clone() },
        error => error.into(),
    }
}

/// True for what Cairn itself leaves beside a file that it writes, or beside documents that it changes.
fn is_temporary(relative: &str) -> bool {
    let name = relative.rsplit('/').next().unwrap_or(relative);
    let ends = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
    name.starts_with('.') && (ends(".part") || ends(".tmp") || name == ".cairn.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_told_by_their_names() {
        for name in [".a.json.123.tmp", "x/.a.tif.1-2.part", ".cairn.lock"] {
            assert!(is_temporary(name), "{name}");
        }
        for name in ["a.tmp", ".hidden", "x/part", ".zattrs"] {
            assert!(!is_temporary(name), "{name}");
        }
    }
}
