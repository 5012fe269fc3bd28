//! Images → Items: what can be searched for.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};
use stac::{Asset, Collection, Item};

use super::image::{FRONT_BYTES, shape};
use super::name::SetName;
use super::publish::SetError;
use crate::build::describe_lone;
use crate::pool::Pool;
use crate::stac::media;
use crate::storage::{Entry, Storage};
use crate::tree::{extent_of, summaries_of};
use crate::upload::checksum::{Checksum, Summing};

/// Images that are described at once.
const AT_ONCE: usize = 8;
/// Schemas of the extensions whose fields are written.
const FILE: &str = "https://stac-extensions.github.io/file/v2.1.0/schema.json";
const PROCESSING: &str = "https://stac-extensions.github.io/processing/v1.2.0/schema.json";
const PROJECTION: &str = "https://stac-extensions.github.io/projection/v1.2.0/schema.json";
const VERSION: &str = "https://stac-extensions.github.io/version/v1.2.0/schema.json";

/// Describes images.
#[derive(Debug)]
pub(super) struct Describer<'a> {
    pub(super) storage: &'a Storage,
    pub(super) pool: &'a Pool,
    pub(super) set: &'a SetName,
    /// What made the images, as it was typed.
    pub(super) command_line: Option<&'a str>,
    /// The folder that stands for that of the images at the destination.
    pub(super) images: PathBuf,
}

impl Describer<'_> {
    /// An Item for each image, ordered by id.
    pub(super) async fn items(&self, images: &BTreeMap<String, Entry>) -> Result<Vec<Item>, SetError> {
        let ids = ids(images.keys());
        let mut items: Vec<Item> = futures::stream::iter(images)
            .map(|(relative, entry)| {
                self.item(ids.get(relative.as_str()).cloned().unwrap_or_default(), relative, entry)
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        items.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(twice) = items.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(SetError::Same { id: twice[0].id.clone() });
        }
        Ok(items)
    }

    async fn item(&self, id: String, relative: &str, entry: &Entry) -> Result<Item, SetError> {
        let path = entry.location.as_path().unwrap_or(Path::new("/"));
        let located = describe_lone(self.storage, path, relative, &id).await;
        let (checksum, shape) = self.read(entry).await?;
        let mut item = located.unwrap_or_else(|| {
            let mut item = Item::new(&id);
            item.properties.datetime = Some(entry.meta.modified);
            let mut asset = Asset::new("").role("data");
            asset.r#type = media::media_type(relative).map(str::to_owned);
            if let Some(shape) = shape {
                asset.additional_fields.insert("proj:shape".to_owned(), json!(shape));
                item.extensions.push(PROJECTION.to_owned());
            }
            item.assets.insert("data".to_owned(), asset);
            item
        });
        item.properties.title = Some(relative.to_owned());
        let properties = &mut item.properties.additional_fields;
        properties.insert("keywords".to_owned(), json!(tags(self.set, [relative])));
        properties.extend(processing(self.set, self.command_line));
        for asset in item.assets.values_mut() {
            asset.href = self.images.join(relative).to_string_lossy().into_owned();
            asset.additional_fields.insert("file:size".to_owned(), json!(entry.meta.len));
            asset.additional_fields.insert("file:checksum".to_owned(), json!(checksum.to_multihash()));
        }
        let processed = self.set.transform.as_ref().map(|_| PROCESSING);
        for extension in [Some(FILE), processed].into_iter().flatten() {
            if !item.extensions.iter().any(|known| known == extension) {
                item.extensions.push(extension.to_owned());
            }
        }
        Ok(item)
    }

    /// An image's checksum, and its size where the first bytes tell.
    async fn read(&self, entry: &Entry) -> Result<(Checksum, Option<[u32; 2]>), SetError> {
        let mut pieces = self.storage.open_whole(&entry.location).await?.into_stream();
        let (mut summing, mut found, mut at) = (Summing::default(), None, 0);
        while let Some(piece) = pieces.try_next().await? {
            if at < FRONT_BYTES && found.is_none() {
                found = shape(&piece);
            }
            at += piece.len() as u64;
            summing = self
                .pool
                .run(move || {
                    summing.add(&piece);
                    summing
                })
                .await;
        }
        Ok((summing.end(), found))
    }
}

/// The Collection of a set, without links.
pub(super) fn collection(set: &SetName, items: &[Item], command_line: Option<&str>) -> Collection {
    let images = match items.len() {
        1 => "1 image".to_owned(),
        count => format!("{count} images"),
    };
    let made =
        set.transform.as_ref().map(|by| format!(", made by {} {}", by.name, by.version)).unwrap_or_default();
    let mut collection = Collection::new(
        set.id(),
        format!("{images} of {}, version {}{made}.", set.path.join("/"), set.version),
    );
    let by = set.transform.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
    collection.title = Some(format!("{} {}{by}", set.path.join("/"), set.version));
    let titles = items.iter().filter_map(|item| item.properties.title.as_deref());
    collection.keywords = Some(tags(set, titles));
    collection.extent = extent_of(items);
    let mut summaries = summaries_of(items);
    for (field, value) in processing(set, command_line) {
        summaries.insert(field, json!([value]));
    }
    collection.summaries = (!summaries.is_empty()).then_some(summaries);
    collection.additional_fields.insert("version".to_owned(), json!(set.version));
    collection.extensions = vec![VERSION.to_owned()];
    if set.transform.is_some() {
        collection.extensions.push(PROCESSING.to_owned());
    }
    collection
}

/// The names of the set's folders, then those of the images' own, each once.
fn tags<'a>(set: &SetName, images: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut tags = set.path.clone();
    for relative in images {
        let folders = relative.rsplit_once('/').map_or("", |(folders, _)| folders);
        for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
            if !tags.iter().any(|tag| tag == folder) {
                tags.push(folder.to_owned());
            }
        }
    }
    tags
}

/// What the processing extension says of a transform.
fn processing(set: &SetName, command_line: Option<&str>) -> Map<String, Value> {
    let mut fields = Map::new();
    let Some(by) = &set.transform else { return fields };
    fields.insert("processing:software".to_owned(), json!({by.name.clone(): by.version}));
    fields.insert("processing:lineage".to_owned(), json!(by.to_string()));
    if let Some(command) = command_line {
        fields.insert("processing:expression".to_owned(), json!({"format": "shell", "expression": command}));
    }
    fields
}

/// Ids of images: their paths without extension, `~` for `/`; with extension where two would be the same.
fn ids<'a>(paths: impl Iterator<Item = &'a String> + Clone) -> HashMap<&'a str, String> {
    let stem = |path: &str| match path.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && !extension.contains('/') && !stem.ends_with('/') => {
            stem.to_owned()
        }
        _ => path.to_owned(),
    };
    let mut times: HashMap<String, usize> = HashMap::new();
    for path in paths.clone() {
        *times.entry(stem(path)).or_default() += 1;
    }
    paths
        .map(|path| {
            let stem = stem(path);
            let id = if times.get(&stem) == Some(&1) { stem } else { path.clone() };
            (path.as_str(), id.replace('/', "~"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_where_they_can_be() {
        let paths = ["a/x.png", "a/x.jpg", "b/y.tif", "z"].map(str::to_owned);
        let ids = ids(paths.iter());
        let of = |path: &str| ids[path].as_str();
        assert_eq!(
            [of("a/x.png"), of("a/x.jpg"), of("b/y.tif"), of("z")],
            ["a~x.png", "a~x.jpg", "b~y", "z"]
        );
    }

    #[test]
    fn folders_are_tags_each_once() {
        let set = SetName::new("red/angry", "1", None).expect("a set");
        assert_eq!(tags(&set, ["robin/a.jpg", "x.jpg", "robin/red/b.jpg"]), ["red", "angry", "robin"]);
    }
}
