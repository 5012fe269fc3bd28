//! The snapshot on disk: a catalogue that was loaded once starts from it the next time.
//!
//! A file is a magic text and then frames, each with its length and a CRC-32: a head in JSON (sources, Collections, states
//! of documents), the columns of each part as they lie in memory, and the packed bodies as they are. Reading is a copy of
//! memory. Whatever is not as it was written, or was written for other sources or by another version, is refused: the
//! catalogue is then read from its documents, which are the truth. One that was copied with its tree is [moved](super::relocate).

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bodies::{Bodies, BodyError, BodyRef, ChunkError, Dictionaries, DictionaryError};
use super::codes::Codes;
use super::columns::Columns;
use super::ids::Ids;
use super::load::Loaded;
use super::part::{Kept, Part};
use super::parts::{PartsError, Reader, write_list};
use super::relocate::Relocation;
use super::seen::{Remembered, Seen};
use super::snapshot::{Collection, Snapshot, View, hash128};
use super::sources::Source;
use super::space::{Space, SpaceError};
use super::spans::Spans;
use super::times::Times;
use crate::storage::{Location, StorageError, hexadecimal};

/// What a file begins with; the number changes with the layout.
const MAGIC: &[u8; 16] = b"cairn snapshot 2";

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// Reading it.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// Fetching it from its store, or putting it there.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Not one of ours.
    #[error("it is no snapshot of this version of Cairn")]
    Foreign,
    /// Written for another catalogue.
    #[error("it was made of {found}, not of {wanted}")]
    OtherSources {
        /// What it was made of.
        found: String,
        /// What is to be served.
        wanted: String,
    },
    /// Cut off or changed.
    #[error("its checksum is wrong")]
    Checksum,
    /// The head.
    #[error("its head cannot be understood")]
    Head(#[from] serde_json::Error),
    /// The columns.
    #[error("its columns are damaged")]
    Columns(#[from] PartsError),
    /// The spatial index.
    #[error("its spatial index is damaged")]
    Space(#[from] SpaceError),
    /// The bodies.
    #[error("its documents are damaged")]
    Bodies(#[from] ChunkError),
    /// One of the bodies.
    #[error("a document in it is damaged")]
    Body(#[from] BodyError),
    /// What unpacks them.
    #[error("the dictionary of its documents is damaged")]
    Dictionary(#[source] DictionaryError),
    /// Numbers that do not fit together.
    #[error("its parts do not fit together")]
    Inconsistent,
}

/// All that is small.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    sources: Vec<String>,
    title: Option<String>,
    description: Option<String>,
    content: String,
    collections: Vec<(String, Value)>,
    shown: Vec<u32>,
    documents: Vec<DocumentHead>,
    dictionaries: Vec<String>,
    chunks: usize,
    parts: Vec<PartHead>,
}

/// Location, state, MD5 in hexadecimal, whether it is a parent, whether it is watched.
type DocumentHead = (String, Option<String>, Option<String>, bool, bool);

#[derive(Debug, Serialize, Deserialize)]
struct PartHead {
    rows: u32,
    band_sets: Vec<Vec<String>>,
}

/// Where the snapshot of these sources is kept in a folder of caches.
pub(super) fn path_in(folder: &Path, sources: &[Source]) -> PathBuf {
    let hash = hash128(names(sources).join("\n").as_bytes());
    folder.join(format!("{hash:032x}.snapshot"))
}

fn names(sources: &[Source]) -> Vec<String> {
    sources.iter().map(Source::name).collect()
}

/// Writes a catalogue under a temporary name and moves it to `path`.
///
/// # Errors
/// When writing fails; what was at `path` is still there then.
pub(super) fn write(loaded: &Loaded, sources: &[Source], path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write_to(loaded, sources, &temporary).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The first error counts; a temporary file that stays does no harm.
        drop(std::fs::remove_file(&temporary));
    }
    written
}

fn write_to(loaded: &Loaded, sources: &[Source], path: &Path) -> io::Result<()> {
    let snapshot = &loaded.snapshot;
    let file = File::create(path)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    out.write_all(MAGIC)?;
    // The newest part's bodies hold those of all others.
    let bodies = snapshot.views.last().map(|view| view.part.bodies().clone()).unwrap_or_default();
    let head = Head {
        sources: names(sources),
        title: snapshot.title.clone(),
        description: snapshot.description.clone(),
        content: format!("{:032x}", snapshot.content),
        collections: snapshot.slots.iter().map(|slot| (slot.id.clone(), slot.document.clone())).collect(),
        shown: snapshot.shown.clone(),
        documents: loaded
            .seen
            .documents()
            .iter()
            .map(|d| {
                (
                    d.location.to_string(),
                    d.state.clone(),
                    d.md5.map(|md5| hexadecimal(&md5)),
                    d.is_parent,
                    d.is_watched,
                )
            })
            .collect(),
        dictionaries: bodies.dictionaries().iter().map(|(name, _)| name.to_owned()).collect(),
        chunks: bodies.chunks().len(),
        parts: snapshot
            .views
            .iter()
            .map(|view| PartHead { rows: view.part.len(), band_sets: view.part.band_sets.clone() })
            .collect(),
    };
    frame(&mut out, &serde_json::to_vec(&head)?)?;
    for (_, dictionary) in bodies.dictionaries().iter() {
        frame(&mut out, dictionary.bytes())?;
    }
    for chunk in bodies.chunks() {
        frame(&mut out, chunk)?;
    }
    for view in &snapshot.views {
        let part = &view.part;
        let mut bytes = Vec::new();
        write_list(&view.hidden, &mut bytes)?;
        part.ids.to_parts(&mut bytes)?;
        part.times.to_parts(&mut bytes)?;
        part.spans.to_parts(&mut bytes)?;
        for codes in [&part.collections, &part.band_set, &part.documents] {
            codes.write(&mut bytes)?;
        }
        let refs: Vec<u64> = part.body.iter().map(|at| at.0).collect();
        write_list(&refs, &mut bytes)?;
        write_list(&part.contents, &mut bytes)?;
        frame(&mut out, &bytes)?;
        bytes.clear();
        part.columns.to_parts(&mut bytes)?;
        frame(&mut out, &bytes)?;
        bytes.clear();
        part.space.write_to(&mut bytes)?;
        frame(&mut out, &bytes)?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn frame(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(&crc32fast::hash(bytes).to_le_bytes())?;
    out.write_all(bytes)
}

/// Reads frames; a length is believed only as far as the file goes.
struct Frames<R> {
    source: R,
    left: u64,
}

impl<R: Read> Frames<R> {
    fn next(&mut self) -> Result<Vec<u8>, StoredError> {
        let (mut len, mut checksum) = ([0; 8], [0; 4]);
        self.source.read_exact(&mut len)?;
        self.source.read_exact(&mut checksum)?;
        let len = u64::from_le_bytes(len);
        self.left =
            self.left.checked_sub(12).and_then(|left| left.checked_sub(len)).ok_or(StoredError::Checksum)?;
        let mut bytes = vec![0; usize::try_from(len).map_err(|_too_long| StoredError::Checksum)?];
        self.source.read_exact(&mut bytes)?;
        if crc32fast::hash(&bytes) == u32::from_le_bytes(checksum) {
            Ok(bytes)
        } else {
            Err(StoredError::Checksum)
        }
    }
}

/// Reads the catalogue that [`write`] wrote for these sources; nothing when there is no file.
///
/// # Errors
/// When the file is not that, or not whole.
pub(super) fn read(path: &Path, sources: &[Source]) -> Result<Option<Loaded>, StoredError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let left = file.metadata()?.len();
    let mut source = BufReader::with_capacity(1 << 16, file);
    let mut magic = [0; 16];
    if source.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Err(StoredError::Foreign);
    }
    let mut frames = Frames { source, left: left.saturating_sub(16) };
    let head: Head = serde_json::from_slice(&frames.next()?)?;
    let wanted = names(sources);
    let moved = if head.sources == wanted { None } else { Relocation::between(&head.sources, sources) };
    if head.sources != wanted && moved.is_none() {
        return Err(StoredError::OtherSources { found: head.sources.join(" "), wanted: wanted.join(" ") });
    }
    let mut dictionaries = Vec::new();
    for name in &head.dictionaries {
        dictionaries.push((name.as_str(), frames.next()?));
    }
    let dictionaries =
        Dictionaries::from_parts(dictionaries.iter().map(|(name, bytes)| (*name, bytes.as_slice())))
            .map_err(StoredError::Dictionary)?;
    let mut chunks: Vec<Arc<[u8]>> = Vec::new();
    for _ in 0..head.chunks {
        chunks.push(frames.next()?.into());
    }
    let bodies = Bodies::from_parts(chunks, dictionaries)?;
    let mut views = Vec::new();
    for part in head.parts {
        views.push(read_part(&mut frames, part, &bodies, head.collections.len(), head.documents.len())?);
    }
    let mut slots =
        head.collections.into_iter().map(|(id, document)| Collection { id, document }).collect::<Vec<_>>();
    if head.shown.iter().any(|slot| *slot as usize >= slots.len()) {
        return Err(StoredError::Inconsistent);
    }
    let documents = head.documents.into_iter().map(remembered);
    let mut documents = documents.collect::<Result<Vec<_>, StoredError>>()?;
    let mut content = u128::from_str_radix(&head.content, 16).map_err(|_bad| StoredError::Inconsistent)?;
    if let Some(moved) = moved {
        let owners;
        (content, owners) = moved.rows(&mut views, &slots, documents.len())?;
        for slot in &mut slots {
            moved.collection(slot);
        }
        let owned = documents.into_iter().zip(&owners);
        documents = owned.map(|(document, owner)| moved.document(document, owner.as_deref())).collect();
    }
    let mut snapshot = Snapshot {
        title: head.title,
        description: head.description,
        generation: Snapshot::next_generation(),
        content,
        slots: Arc::new(slots),
        shown: head.shown,
        views,
        version: 0,
    };
    snapshot.set_version();
    let seen = Seen::from_documents(documents);
    Ok(Some(Loaded { snapshot: Arc::new(snapshot), seen: Arc::new(seen) }))
}

fn remembered(
    (location, state, md5, is_parent, is_watched): DocumentHead,
) -> Result<Remembered, StoredError> {
    let location = Location::parse(&location).map_err(|_bad| StoredError::Inconsistent)?;
    let sum = |text: &String| u128::from_str_radix(text, 16).map(u128::to_be_bytes);
    let md5 = md5.as_ref().map(sum).transpose().map_err(|_bad| StoredError::Inconsistent)?;
    Ok(Remembered { location, state, md5, is_parent, is_watched })
}

fn read_part(
    frames: &mut Frames<impl Read>,
    head: PartHead,
    bodies: &Bodies,
    collections: usize,
    documents: usize,
) -> Result<View, StoredError> {
    let limit = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let rows = head.rows as usize;
    let bytes = frames.next()?;
    let mut reader = Reader::new(&bytes);
    let hidden: Vec<u32> = reader.counted("hidden rows")?;
    let ids = Ids::from_parts(head.rows, &mut reader)?;
    let times = Times::from_parts(rows, &mut reader)?;
    let spans = Spans::from_parts(&times, &mut reader)?;
    let collections = Codes::read(&mut reader, rows, limit(collections))?;
    let band_set = Codes::read(&mut reader, rows, limit(head.band_sets.len()))?;
    let documents = Codes::read(&mut reader, rows, limit(documents))?;
    let body: Vec<u64> = reader.counted("places of documents")?;
    let contents: Vec<u64> = reader.counted("hashes of documents")?;
    drop(bytes);
    let bytes = frames.next()?;
    let columns = Columns::from_parts(head.rows, &mut Reader::new(&bytes))?;
    drop(bytes);
    let space = Space::from_bytes(&frames.next()?)?;
    let fits = body.len() == rows
        && contents.len() == rows
        && space.row_count() == rows
        && hidden.is_sorted_by(|a, b| a < b)
        && hidden.last().is_none_or(|last| *last < head.rows);
    if !fits {
        return Err(StoredError::Inconsistent);
    }
    let part = Part {
        ids,
        times,
        spans,
        collections,
        band_sets: head.band_sets,
        band_set,
        columns,
        space,
        body: body.into_iter().map(BodyRef).collect(),
        bodies: bodies.clone(),
        contents,
        documents,
        kept: Kept::default(),
    };
    Ok(View { part: Arc::new(part), hidden: hidden.into() })
}
