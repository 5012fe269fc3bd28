//! Which files make which Item of which Collection.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::definition::{CollectionDefinition, Definition, Groups};
use super::scan::Found;
use super::token::{self, Token};

/// An Item to be: files that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// The Collection's id.
    pub(super) collection: String,
    /// The Item's id.
    pub(super) id: String,
    /// Its files, by asset key.
    pub(super) members: Vec<Member>,
}

/// One file of an Item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Where it is.
    pub(super) file: Found,
    /// The asset's key.
    pub(super) key: String,
    /// The band that its name tells.
    pub(super) band: Option<String>,
    /// What the definition's pattern found in its path.
    pub(super) groups: Groups,
}

/// Two files for one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clash {
    /// The file that is left out.
    pub(super) left_out: PathBuf,
    /// The one that was there first.
    pub(super) first: PathBuf,
    /// The Item's id.
    pub(super) id: String,
    /// The asset's key.
    pub(super) key: String,
}

/// The rules by which files are grouped.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    /// What overrides the ordinary rules.
    pub(super) definition: &'a Definition,
    /// Name of the source folder: the Collection of files that lie directly in it.
    pub(super) source_name: &'a str,
}

/// A file with what its name tells.
type Named = (Member, Option<Token>);

/// Key of the asset of a lone raster.
pub(super) const LONE_KEY: &str = "data";

impl<'a> Rules<'a> {
    /// The Collection of a file, its definition, and what the definition's pattern found.
    pub(super) fn collection_of(&self, relative: &str) -> (String, Option<&'a CollectionDefinition>, Groups) {
        let by_folder = relative.split_once('/').map_or(self.source_name, |(folder, _)| folder);
        for definition in &self.definition.collections {
            let groups = match &definition.path {
                Some(pattern) => pattern.groups(relative),
                None => (definition.id == by_folder).then(Groups::new),
            };
            if let Some(groups) = groups {
                return (definition.id.clone(), Some(definition), groups);
            }
        }
        (by_folder.to_owned(), None, Groups::new())
    }

    /// The definition of a Collection.
    pub(super) fn definition_of(&self, collection: &str) -> Option<&'a CollectionDefinition> {
        self.definition.collections.iter().find(|c| c.id == collection)
    }

    /// Groups files, sorted by Collection and first file.
    pub(super) fn group(&self, files: Vec<Found>) -> (Vec<Group>, Vec<Clash>) {
        // Files of an Item by definition share Collection and id; others share folder and what is left of their names.
        let mut defined: BTreeMap<(String, String), Vec<Member>> = BTreeMap::new();
        let mut ordinary: BTreeMap<(String, String, String), Vec<Named>> = BTreeMap::new();
        for file in files {
            let (collection, definition, groups) = self.collection_of(&file.relative);
            let (folder, name) = file.relative.rsplit_once('/').unwrap_or(("", &file.relative));
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            let token = token::find(stem);
            let band = groups.get("band").cloned().or_else(|| token.as_ref().map(|t| t.band.clone()));
            let key = definition.and_then(|d| d.asset.as_ref()).and_then(|template| template.fill(&groups));
            let item = definition.and_then(|d| d.item.as_ref()).and_then(|template| template.fill(&groups));
            let rest = token.as_ref().map_or_else(|| format!("\0{stem}"), |t| t.rest.clone());
            let place = (collection.clone(), folder.to_owned(), rest);
            let item = item.or_else(|| groups.get("item").cloned());
            let key = key.or_else(|| groups.get("band").cloned());
            if let Some(id) = item {
                let key = key.or_else(|| band.clone()).unwrap_or_else(|| stem.to_owned());
                let member = Member { file, key, band, groups };
                defined.entry((collection, id)).or_default().push(member);
            } else {
                let member = Member { file, key: key.unwrap_or_default(), band, groups };
                ordinary.entry(place).or_default().push((member, token));
            }
        }
        let mut clashes = Vec::new();
        let mut groups: Vec<Group> = defined
            .into_iter()
            .map(|((collection, id), members)| {
                let members = distinct(&id, members, &mut clashes);
                Group { collection, id, members }
            })
            .collect();
        for ((collection, folder, rest), members) in ordinary {
            groups.push(self.ordinary(collection, &folder, &rest, members, &mut clashes));
        }
        let order = |g: &Group| (g.collection.clone(), g.members.first().map(|m| m.file.relative.clone()));
        groups.sort_by_cached_key(order);
        (groups, clashes)
    }

    fn ordinary(
        &self,
        collection: String,
        folder: &str,
        rest: &str,
        mut members: Vec<Named>,
        clashes: &mut Vec<Clash>,
    ) -> Group {
        if let [(member, _)] = members.as_mut_slice() {
            let name = member.file.relative.rsplit('/').next().unwrap_or_default();
            let id = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
            if member.key.is_empty() {
                LONE_KEY.clone_into(&mut member.key);
            }
            return Group {
                collection,
                id,
                members: members.into_iter().map(|(member, _)| member).collect(),
            };
        }
        // `x_B04_10m` and `x_B04_20m`: the finest is B04, the others say which they are.
        let metres = |token: &Option<Token>| -> Option<u32> {
            token.as_ref()?.resolution.as_ref()?.trim_end_matches(['m', 'M']).parse().ok()
        };
        members.sort_by_key(|(_, token)| metres(token));
        let mut seen: Vec<String> = Vec::new();
        let mut named = Vec::with_capacity(members.len());
        for (mut member, token) in members {
            let mut band = member.band.clone().unwrap_or_default();
            if seen.contains(&band)
                && let Some(resolution) = token.and_then(|t| t.resolution)
            {
                band = format!("{band}_{resolution}");
                member.band = Some(band.clone());
            }
            seen.push(band.clone());
            if member.key.is_empty() {
                member.key = band;
            }
            named.push(member);
        }
        let folder_name =
            folder.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(self.source_name);
        let id = if rest.is_empty() { folder_name } else { rest }.to_owned();
        let members = distinct(&id, named, clashes);
        Group { collection, id, members }
    }
}

/// Sorts by key, and leaves out files whose key another one has already.
fn distinct(id: &str, mut members: Vec<Member>, clashes: &mut Vec<Clash>) -> Vec<Member> {
    members.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| a.file.cmp(&b.file)));
    let mut kept: Vec<Member> = Vec::with_capacity(members.len());
    for member in members {
        match kept.last().filter(|last| last.key == member.key) {
            Some(first) => clashes.push(Clash {
                left_out: member.file.path,
                first: first.file.path.clone(),
                id: id.to_owned(),
                key: member.key,
            }),
            None => kept.push(member),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(definition: &str, files: &[&str]) -> Vec<(String, String, Vec<String>)> {
        let definition = Definition::parse(definition).expect("sound");
        let rules = Rules { definition: &definition, source_name: "src" };
        let found = |f: &&str| Found { relative: (*f).to_owned(), path: PathBuf::from(format!("/src/{f}")) };
        let (groups, clashes) = rules.group(files.iter().map(found).collect());
        assert_eq!(clashes, []);
        let keys = |g: &Group| g.members.iter().map(|m| m.key.clone()).collect();
        groups.iter().map(|g| (g.collection.clone(), g.id.clone(), keys(g))).collect()
    }

    fn group(collection: &str, id: &str, keys: &[&str]) -> (String, String, Vec<String>) {
        (collection.to_owned(), id.to_owned(), keys.iter().map(|k| (*k).to_owned()).collect())
    }

    #[test]
    fn lone_rasters_are_items_of_their_folder_or_the_source() {
        assert_eq!(
            grouped("", &["a.tif", "c/x.y.tif", "c/deep/scene_B04.tif"]),
            [group("c", "scene_B04", &["data"]), group("c", "x.y", &["data"]), group("src", "a", &["data"])]
        );
    }

    #[test]
    fn names_that_differ_in_a_band_are_one_item() {
        assert_eq!(
            grouped("", &["c/p/B04.tif", "c/p/SCL.tif", "c/s_1_red.tif", "c/s_1_nir.tif", "c/s_2_red.tif"]),
            [
                group("c", "p", &["B04", "SCL"]),
                group("c", "s_1", &["nir", "red"]),
                group("c", "s_2_red", &["data"]),
            ]
        );
    }

    #[test]
    fn the_finest_of_several_resolutions_has_the_plain_key() {
        assert_eq!(
            grouped("", &["c/T_B02_10m.tif", "c/T_B02_20m.tif", "c/T_B8A_20m.tif"]),
            [group("c", "T", &["B02", "B02_20m", "B8A"])]
        );
    }

    #[test]
    fn a_definition_joins_files_of_several_folders() {
        let definition = "[[collection]]\nid = \"s2\"\n\
                          path = '(?P<band>B\\d\\d)/(?P<date>\\d{8})\\.tif$'\nitem = \"S2_{date}\"\n";
        assert_eq!(
            grouped(definition, &["x/B02/20240101.tif", "y/B03/20240101.tif", "other.tif"]),
            [group("s2", "S2_20240101", &["B02", "B03"]), group("src", "other", &["data"])]
        );
    }

    #[test]
    fn a_definition_without_path_takes_the_folder_of_its_id() {
        let definition = Definition::parse("[[collection]]\nid = \"c\"\n").expect("sound");
        let rules = Rules { definition: &definition, source_name: "src" };
        assert!(rules.collection_of("c/x.tif").1.is_some());
        assert!(rules.collection_of("d/x.tif").1.is_none());
    }

    #[test]
    fn two_files_for_one_asset_clash() {
        let text = "[[collection]]\nid = \"c\"\npath = '(?P<item>i)_(?P<band>B01)'\n";
        let definition = Definition::parse(text).expect("sound");
        let rules = Rules { definition: &definition, source_name: "src" };
        let found = |f: &str| Found { relative: f.to_owned(), path: PathBuf::from(f) };
        let (groups, clashes) = rules.group(vec![found("a/i_B01.tif"), found("b/i_B01.tif")]);
        assert_eq!(groups.len(), 1);
        assert_eq!(
            (&clashes[0].first, &clashes[0].left_out),
            (&PathBuf::from("a/i_B01.tif"), &PathBuf::from("b/i_B01.tif"))
        );
    }
}
