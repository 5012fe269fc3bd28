//! A set's way to its place: images, then documents, then the catalogue's link.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use stac::{Catalog, Item, Link};
use tokio::sync::watch;

use super::items::{Describer, collection};
use super::name::SetName;
use crate::pool::{Pool, blocking};
use crate::stac::media;
use crate::storage::{Entry, Label, Location, LocationError, Storage, StorageError, WriteMode};
use crate::tree::{self, Branch, BranchDocument, Linking, Plan, PublishError, Slot, Stage};
use crate::upload::{self, Options, Overwrite, Progress, Report, UploadError};

/// Tries to link a set while others do the same.
const LINK_TRIES: usize = 20;

/// A set to be published.
#[derive(Debug, Clone)]
pub struct SetOptions {
    /// What it is called.
    pub set: SetName,
    /// What made the images, as it was typed.
    pub command_line: Option<String>,
    /// Where the images are, and where all sets are.
    pub upload: Options,
}

/// What became of a set.
#[derive(Debug, Clone)]
pub struct SetReport {
    /// The images.
    pub images: Report,
    /// The documents; empty where the images are not complete.
    pub documents: Report,
    /// Images that have an Item.
    pub items: usize,
    /// True when the set was there already, as it is.
    pub was_there: bool,
    /// The catalogue of all sets.
    pub root: Location,
}

/// Why a set could not be published.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// A store or the disk failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An upload could not begin.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// A path that makes no location.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// Its documents could not be made.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Images elsewhere.
    #[error("{location} is no folder of this disk; a set is made of one")]
    NotLocal {
        /// The source.
        location: Location,
    },
    /// No images.
    #[error("{location} holds no images (such as .tif, .png, .jpg)")]
    Empty {
        /// The source.
        location: Location,
    },
    /// Two images of one id.
    #[error("two images would be the Item '{id}'; rename one")]
    Same {
        /// The id.
        id: String,
    },
    /// It is there, and is another.
    #[error(
        "the set {set} exists and holds something else ({files} files differ, such as {first}); sets are never changed: give \
         another --set-version"
    )]
    Exists {
        /// The set's id.
        set: String,
        /// How many files differ.
        files: usize,
        /// One of them.
        first: String,
    },
    /// The catalogue of all sets cannot be continued.
    #[error("{location} is no STAC catalog that sets can be added to: {reason}")]
    Root {
        /// The catalogue.
        location: Location,
        /// What is wrong.
        reason: String,
    },
    /// Too many others link their sets.
    #[error("{location} was changed by others again and again; run the same command again")]
    Busy {
        /// The catalogue.
        location: Location,
    },
    /// No place for the documents.
    #[error("cannot use the folder {} for temporary files", path.display())]
    Temporary {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Publishes a set: images and documents are sent, then the catalogue of all sets links it. A set that is there already with
/// the same content is only linked, should that be missing.
///
/// # Errors
/// When the set exists and differs, the source has no images, or a store fails; single files that fail are in the report.
pub async fn publish(
    storage: &Storage,
    pool: &Pool,
    options: &SetOptions,
    stop: watch::Receiver<bool>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<SetReport, SetError> {
    let SetOptions { set, command_line, upload } = options;
    let (sets, command_line) = (&upload.dest, command_line.as_deref());
    let root_at = sets.child("catalog.json")?;
    if upload.create && !upload.dry_run {
        storage.make_container(sets).await?;
    }
    let images = images(storage, upload).await?;
    let draft = Draft::new().map_err(|source| SetError::Temporary { path: std::env::temp_dir(), source })?;
    let describer = Describer { storage, pool, set, command_line, images: draft.path.join(set.folder()) };
    let items = describer.items(&images).await?;
    let root = read_root(storage, &root_at).await?;
    let count = items.len();
    let documents = draft.write(set, items, command_line, &linked(root.as_ref())).await?;
    let to = |source: Location, dest: Location, filter: upload::Filter| Options {
        filter,
        create: false,
        delete: false,
        overwrite: Overwrite::Changed,
        ..Options { source, dest, ..upload.clone() }
    };
    let images_to = to(upload.source.clone(), sets.child(&set.folder())?, upload.filter.clone());
    let documents_to =
        to(Location::from_path(&documents)?, sets.child(&set.id())?, upload::Filter::default());
    let was_there = is_there(storage, &documents_to.dest.child("collection.json")?).await?;
    if was_there {
        for part in [&images_to, &documents_to] {
            let dry = Options { dry_run: true, ..part.clone() };
            let plan = upload::run(storage, pool, &dry, stop.clone(), &|_at| {}).await?.plan;
            if let Some(first) = plan.first() {
                let first = first.trim_start_matches("send ").to_owned();
                return Err(SetError::Exists { set: set.id(), files: plan.len(), first });
            }
        }
    }
    let images = upload::run(storage, pool, &images_to, stop.clone(), progress).await?;
    let mut documents = Report::default();
    if images.is_complete() {
        documents = upload::run(storage, pool, &documents_to, stop, &|_at| {}).await?;
        if documents.is_complete() && !upload.dry_run {
            link(storage, &root_at, set).await?;
        }
    }
    Ok(SetReport { images, documents, items: count, was_there, root: root_at })
}

/// The images of the source by their relative paths.
async fn images(storage: &Storage, upload: &Options) -> Result<BTreeMap<String, Entry>, SetError> {
    if upload.source.as_path().is_none_or(|path| !path.is_dir()) {
        return Err(SetError::NotLocal { location: upload.source.clone() });
    }
    let mut images = BTreeMap::new();
    let mut entries = storage.list(&upload.source);
    while let Some(entry) = entries.try_next().await? {
        if let Some(relative) = entry.location.relative_to(&upload.source)
            && upload.filter.takes(&relative)
            && media::media_type(&relative).is_some_and(|media| media.starts_with("image/"))
        {
            images.insert(relative, entry);
        }
    }
    if images.is_empty() { Err(SetError::Empty { location: upload.source.clone() }) } else { Ok(images) }
}

async fn is_there(storage: &Storage, location: &Location) -> Result<bool, StorageError> {
    match storage.meta(location).await {
        Ok(_) => Ok(true),
        Err(StorageError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A folder for the documents of one run; it goes with this.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn new() -> std::io::Result<Self> {
        let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
        let path = std::env::temp_dir().join(format!("cairn-set-{}-{now}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self { path })
    }

    /// Writes the set's documents and returns their folder. Links lead to where the documents and images will be.
    async fn write(
        &self,
        set: &SetName,
        items: Vec<Item>,
        command_line: Option<&str>,
        others: &[SetName],
    ) -> Result<PathBuf, SetError> {
        let mut collection = collection(set, &items, command_line);
        let to = |rel: &str, other: &SetName| {
            let mut link = Link::new(format!("../{}/collection.json", other.id()), rel);
            link.r#type = Some(media::JSON.to_owned());
            link
        };
        // A set that is there already keeps the predecessor that it had.
        let before = others.iter().take_while(|other| *other != set);
        if let Some(predecessor) = before.filter(|other| set.is_version_of(other)).last() {
            collection.links.push(to("predecessor-version", predecessor));
        }
        if let Some(original) = set.original().filter(|original| others.contains(original)) {
            collection.links.push(to("derived_from", &original));
        }
        let (path, id) = (self.path.clone(), set.id());
        let root = Catalog::new("image-sets", "Sets of images.");
        let slot = |(item, key): (&Item, u64)| Slot {
            id: item.id.clone(),
            title: item.properties.title.clone(),
            time: item.properties.datetime.or(item.properties.start_datetime),
            folders: Vec::new(),
            key,
        };
        let slots = items.iter().zip(0..).map(slot).collect();
        let (document, folder) = (BranchDocument::Collection(Box::new(collection)), id.clone());
        let branches = vec![Branch { document, parent: None, folder, items: slots }];
        let plan = Plan { root, branches, linking: Linking::SelfContained, by_folders: false };
        let written = blocking(move || {
            let mut stage = Stage::open(&path)?;
            let item = |key| usize::try_from(key).ok().and_then(|key| items.get(key)).cloned();
            tree::publish(&mut stage, plan, &mut |key| item(key).ok_or_else(|| ErrorKind::NotFound.into()))?;
            stage.commit()?;
            Ok::<_, PublishError>(path.join(&id))
        });
        Ok(written.await?)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What stays is in the folder for temporary files.
        drop(std::fs::remove_dir_all(Path::new(&self.path)));
    }
}

/// The catalogue of all sets with its `ETag`, if there is one.
async fn read_root(storage: &Storage, at: &Location) -> Result<Option<(String, Value)>, SetError> {
    let (meta, bytes) = match storage.fetch(at).await {
        Ok(found) => found,
        Err(StorageError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let failed = |reason: String| SetError::Root { location: at.clone(), reason };
    let root: Value = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
    if root["type"] != "Catalog" || !root["links"].is_array() {
        return Err(failed("it has another type, or no links".to_owned()));
    }
    Ok(Some((meta.etag, root)))
}

/// The sets that a catalogue links, in the order in which they came.
fn linked(root: Option<&(String, Value)>) -> Vec<SetName> {
    let links = root.and_then(|(_, root)| root["links"].as_array());
    let children = links.into_iter().flatten().filter(|link| link["rel"] == "child");
    let hrefs = children.filter_map(|link| link["href"].as_str());
    hrefs.filter_map(|href| href.strip_prefix("./")?.strip_suffix("/collection.json")?.parse().ok()).collect()
}

/// Adds the set to the catalogue, which others may change at the same time.
async fn link(storage: &Storage, at: &Location, set: &SetName) -> Result<(), SetError> {
    let href = format!("./{}/collection.json", set.id());
    for _ in 0..LINK_TRIES {
        let (mode, mut root) = match read_root(storage, at).await? {
            Some((etag, root)) => (WriteMode::IfMatch(etag), root),
            None => (WriteMode::Create, empty_root()),
        };
        let Some(links) = root["links"].as_array_mut() else { break };
        if links.iter().any(|link| link["rel"] == "child" && link["href"] == href) {
            return Ok(());
        }
        links.push(json!({"rel": "child", "href": href, "type": media::JSON, "title": set.id()}));
        let mut bytes = serde_json::to_vec_pretty(&root)
            .map_err(|error| SetError::Root { location: at.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        let label = Label { content_type: Some(media::JSON.to_owned()), ..Label::default() };
        match storage.write(at, Bytes::from(bytes), mode, &label).await {
            Ok(_) => return Ok(()),
            // Somebody else was first.
            Err(StorageError::Exists { .. } | StorageError::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(SetError::Busy { location: at.clone() })
}

fn empty_root() -> Value {
    json!({"type": "Catalog", "stac_version": "1.1.0", "id": "image-sets", "description": "Sets of images.",
           "links": [{"rel": "root", "href": "./catalog.json", "type": media::JSON}]})
}
