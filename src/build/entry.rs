//! One Item to be: the files it is made of become a STAC Item, its thumbnail, and what the next build need not read again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stac::Item;

use super::bands::Context;
use super::cloud::cover_percent;
use super::definition::CollectionDefinition;
use super::describe::{Described, RASTER_EXTENSION, describe, time_of};
use super::facts::{Cover, Fact, Facts, RasterLine};
use super::group::{Group, Member};
use super::hierarchy::Hierarchy;
use super::inspect::inspect;
use super::known;
use super::options::Options;
use super::png;
use super::report::Problem;
use super::scan::Found;
use super::statistics;
use super::takeover::take;
use super::thumbnail::{self, Channel};
use crate::pool::{Pool, blocking};
use crate::storage::{Location, Storage};
use crate::tree::Layout;

/// What an Item is made of.
#[derive(Debug)]
pub(super) enum Entry {
    /// An Item that lies beside its rasters.
    Taken {
        /// Its Collection.
        collection: String,
        /// Its document.
        document: Found,
    },
    /// Rasters.
    Group(Group),
}

impl Entry {
    /// The Collection.
    pub(super) fn collection(&self) -> &str {
        match self {
            Self::Taken { collection, .. } => collection,
            Self::Group(group) => &group.collection,
        }
    }

    /// The file that is named when the Item makes trouble.
    pub(super) fn file(&self) -> PathBuf {
        match self {
            Self::Taken { document, .. } => document.path.clone(),
            Self::Group(group) => group.members.first().map(|m| m.file.path.clone()).unwrap_or_default(),
        }
    }

    /// Rasters that it is made of.
    pub(super) fn rasters(&self) -> usize {
        match self {
            Self::Taken { .. } => 0,
            Self::Group(group) => group.members.len(),
        }
    }
}

/// What became of an entry.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) item: Option<Item>,
    /// The Item as JSON.
    pub(super) json: Vec<u8>,
    /// Its folders in its Collection's.
    pub(super) folders: Vec<String>,
    /// Its thumbnail: where it goes, and the PNG.
    pub(super) thumbnail: Option<(PathBuf, Vec<u8>)>,
    /// What is known of its rasters.
    pub(super) facts: Vec<Fact>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// True when the time is that of a file's last change.
    pub(super) time_is_guess: bool,
    /// Rasters that had to be read.
    pub(super) read: usize,
}

/// Makes Items; a clone is the same.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    pub(super) storage: Storage,
    pub(super) pool: Pool,
    pub(super) options: Arc<Options>,
    pub(super) layout: Arc<Layout>,
    pub(super) hierarchy: Arc<Hierarchy>,
    pub(super) known: Arc<Facts>,
    /// The source's folder.
    pub(super) source: Arc<Path>,
    /// The tree's folder.
    pub(super) dest: Arc<Path>,
}

impl Maker {
    /// Makes the Item of an entry.
    pub(super) async fn make(&self, entry: &Entry) -> Outcome {
        let mut outcome = Outcome::default();
        let collection = entry.collection();
        let made = match entry {
            Entry::Taken { document, .. } => {
                let found = document.clone();
                match blocking(move || take(found)).await {
                    Ok(taken) => taken.map(|taken| taken.item),
                    Err(error) => {
                        outcome.problems.push(Problem::of(&document.path, &error));
                        None
                    }
                }
            }
            Entry::Group(group) => self.group(group, &mut outcome).await,
        };
        let Some(mut item) = made else { return outcome };
        if self.options.statistics || self.options.histograms {
            self.statistics(&mut item, &mut outcome).await;
        }
        outcome.folders = self.layout.folders(&item);
        if self.options.thumbnails {
            self.thumbnail(&mut item, collection, &mut outcome).await;
        }
        let (item, json) = self
            .pool
            .run(move || {
                let json = serde_json::to_vec(&item);
                (item, json)
            })
            .await;
        match json {
            Ok(json) => (outcome.item, outcome.json) = (Some(item), json),
            Err(error) => outcome.problems.push(Problem::of(entry.file(), &error)),
        }
        outcome
    }

    async fn group(&self, group: &Group, outcome: &mut Outcome) -> Option<Item> {
        let definition = self.options.definition.collection(&group.collection);
        let mut parts = Vec::with_capacity(group.members.len());
        for member in &group.members {
            match self.inspect(member, definition.and_then(|d| d.epsg), outcome).await {
                Ok(part) => {
                    if let Some(codec) = &part.raster.unreadable {
                        outcome.warnings.push(format!(
                            "{}: /patch cannot read {codec} compression; convert it with `cairn convert`",
                            member.file.path.display()
                        ));
                    }
                    parts.push(part);
                }
                Err(problem) => outcome.problems.push(problem),
            }
        }
        // Nothing of it could be read: no Item, whatever time a definition knows.
        if parts.is_empty() {
            return None;
        }
        let cover = self.cover(&parts, definition, outcome).await;
        let fallback = definition.and_then(CollectionDefinition::fallback_time).or(self.options.datetime);
        let time = time_of(&parts, fallback)?;
        let (options, group) = (Arc::clone(&self.options), group.clone());
        let files: Vec<PathBuf> = parts.iter().map(|part| part.member.file.path.clone()).collect();
        let described = self
            .pool
            .run(move || {
                let definition = options.definition.collection(&group.collection);
                let tokens = group.members.iter().filter_map(|m| m.band.as_deref());
                let path = group.members.first().map(|m| m.file.relative.as_str()).unwrap_or_default();
                let context = Context { definition, is_sentinel_2: known::is_sentinel_2(tokens, path) };
                describe(&group, &parts, time, cover, context)
            })
            .await;
        match described {
            Ok(item) => {
                outcome.time_is_guess = time.is_guess;
                Some(item)
            }
            Err(error) => {
                outcome.problems.push(Problem { files, ..Problem::of(PathBuf::new(), &error) });
                None
            }
        }
    }

    /// The header of a file, from the last build or from the file.
    async fn inspect(
        &self,
        member: &Member,
        epsg: Option<u32>,
        outcome: &mut Outcome,
    ) -> Result<Described, Problem> {
        let path = &member.file.path;
        let mut fact = self.fact(path).await?;
        let modified = fact.modified;
        let kept = fact.raster.as_ref().and_then(|line| line.raster(epsg));
        let raster = if let Some(raster) = kept {
            raster
        } else {
            outcome.read += 1;
            let raster = inspect(&self.storage, path, epsg).await.map_err(|e| Problem::of(path, &e))?;
            fact.raster = Some(RasterLine::new(&raster, epsg));
            raster
        };
        outcome.facts.push(fact);
        Ok(Described { member: member.clone(), raster, modified })
    }

    /// What is known of a file in its present state; its state alone when nothing is.
    async fn fact(&self, path: &Path) -> Result<Fact, Problem> {
        let location = Location::from_path(path).map_err(|e| Problem::of(path, &e))?;
        let meta = self.storage.meta(&location).await.map_err(|e| Problem::of(path, &e))?;
        let file = path.strip_prefix(&self.source).unwrap_or(path).to_string_lossy().into_owned();
        let known = self.known.get(&file, &meta.etag, meta.modified);
        let (etag, modified) = (meta.etag, meta.modified);
        Ok(known.unwrap_or(Fact { file, etag, modified, raster: None, cover: None, statistics: None }))
    }

    /// The cloud cover, where the definition names the band that tells it.
    async fn cover(
        &self,
        parts: &[Described],
        definition: Option<&CollectionDefinition>,
        outcome: &mut Outcome,
    ) -> Option<f64> {
        let definition = definition?;
        let wanted = definition.cloud_cover.as_ref()?;
        let at = parts.iter().position(|part| part.member.band.as_deref() == Some(&wanted.band))?;
        let path = &parts.get(at)?.member.file.path;
        let nodata = definition.bands.get(&wanted.band).and_then(|band| band.nodata);
        let asked = (&wanted.values, nodata.map(|nodata| nodata.to_string()));
        let fact = outcome.facts.get_mut(at)?;
        if let Some(known) =
            fact.cover.as_ref().filter(|known| (&known.values, known.nodata.clone()) == asked)
        {
            return known.percent;
        }
        match cover_percent(&self.storage, path, &wanted.values, nodata).await {
            Ok(percent) => {
                fact.cover = Some(Cover { values: wanted.values.clone(), nodata: asked.1, percent });
                percent
            }
            Err(error) => {
                outcome.problems.push(Problem::of(path, &error));
                None
            }
        }
    }

    /// Gives the bands of an Item's rasters on this disk their statistics.
    async fn statistics(&self, item: &mut Item, outcome: &mut Outcome) {
        let mut has_histograms = false;
        for asset in item.assets.values_mut() {
            let path = PathBuf::from(&asset.href);
            if !thumbnail::is_raster(asset) || asset.bands.is_empty() {
                continue;
            }
            let name = path.strip_prefix(&self.source).unwrap_or(&path).to_string_lossy().into_owned();
            let at = outcome.facts.iter().position(|fact| fact.file == name);
            let mut fact = match at.map(|at| outcome.facts.swap_remove(at)) {
                Some(fact) => fact,
                None => match self.fact(&path).await {
                    Ok(fact) => fact,
                    // That the file is not there was told already.
                    Err(_missing) => continue,
                },
            };
            if fact.statistics.is_none() {
                match statistics::of_file(&self.storage, &self.pool, &path).await {
                    Ok(found) => fact.statistics = Some(found),
                    Err(error) => {
                        let problem = Problem::of(&path, &error);
                        outcome.warnings.push(format!("no statistics of {problem}"));
                    }
                }
            }
            if let Some(found) = &fact.statistics {
                has_histograms |= statistics::put(asset, found, self.options.histograms);
            }
            outcome.facts.push(fact);
        }
        outcome.facts.sort_by(|a, b| a.file.cmp(&b.file));
        if has_histograms && !item.extensions.iter().any(|extension| extension == RASTER_EXTENSION) {
            item.extensions.push(RASTER_EXTENSION.to_owned());
        }
    }

    /// Draws an Item, unless the last build drew it from the same files.
    async fn thumbnail(&self, item: &mut Item, collection: &str, outcome: &mut Outcome) {
        let channels = thumbnail::channels_of(item);
        if channels.is_empty() || item.assets.contains_key(thumbnail::KEY) {
            return;
        }
        let at = Layout::item(&self.hierarchy.folder(collection), &outcome.folders, &item.id);
        let at = at.with_file_name(thumbnail::FILE);
        let note = self.note_of(&channels, outcome).await;
        let old = tokio::fs::read(self.dest.join(&at)).await.ok();
        let drawn = match old.filter(|file| note.is_some() && png::note(file) == note.as_deref()) {
            Some(file) => file,
            None => match thumbnail::draw(&self.storage, &self.pool, &channels).await {
                Ok(picture) => {
                    let note = note.unwrap_or_default();
                    self.pool.run(move || png::encode(&picture, &note)).await
                }
                Err(error) => {
                    let files: Vec<PathBuf> = channels.into_iter().map(|channel| channel.path).collect();
                    let problem = Problem { files, ..Problem::of(PathBuf::new(), &error) };
                    outcome.warnings.push(format!("no thumbnail of {problem}"));
                    return;
                }
            },
        };
        item.assets.insert(thumbnail::KEY.to_owned(), thumbnail::asset(&self.dest.join(&at)));
        outcome.thumbnail = Some((at, drawn));
    }

    /// Tells the files and bands that a thumbnail is drawn from, in their present state; none when one is not there.
    async fn note_of(&self, channels: &[Channel], outcome: &Outcome) -> Option<String> {
        let mut note = String::new();
        for Channel { path, band, range } in channels {
            let name = path.strip_prefix(&self.source).unwrap_or(path).to_string_lossy();
            let etag = match outcome.facts.iter().find(|fact| fact.file == name) {
                Some(fact) => fact.etag.clone(),
                None => self.fact(path).await.ok()?.etag,
            };
            note.extend([name.as_ref(), " ", &band.to_string(), " ", &etag, &format!(" {range:?};")]);
        }
        Some(thumbnail::digest(&note))
    }
}
