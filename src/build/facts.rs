//! What was read from rasters, kept for the next build: only new or changed ones are read again.
//!
//! A file of JSON lines, one a raster, in the order of the build. Memory: a hash and a place in the file for each line.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::inspect::{BandFacts, Raster};
use super::statistics::BandStatistics;
use crate::crs::Crs;
use crate::stac::DataType;

/// Its place in the tree.
pub(super) const AT: &str = ".cairn/rasters";

/// A file written again within this time may look as before: times on disk are coarse.
const COARSE: Duration = Duration::from_secs(2);

/// What is known of one raster in one state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fact {
    /// The file below the source, else its whole path.
    pub(super) file: String,
    /// Its `ETag`.
    pub(super) etag: String,
    /// When it was last changed.
    pub(super) modified: DateTime<Utc>,
    /// What its header says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) raster: Option<RasterLine>,
    /// The share of cloudy pixels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) cover: Option<Cover>,
    /// Statistics of its bands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) statistics: Option<Vec<BandStatistics>>,
}

/// A counted cloud cover and what was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cover {
    pub(super) values: Vec<i64>,
    pub(super) nodata: Option<String>,
    pub(super) percent: Option<f64>,
}

/// A [`Raster`] as JSON. Numbers that may be NaN are text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RasterLine {
    len: u64,
    width: u32,
    height: u32,
    data_type: String,
    bands: Vec<BandLine>,
    transform: [f64; 6],
    epsg: u32,
    /// The CRS that was taken where the file names none.
    default_epsg: Option<u32>,
    date_time: Option<String>,
    unreadable: Option<String>,
    is_cog: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct BandLine {
    description: Option<String>,
    scale: Option<f64>,
    offset: Option<f64>,
    nodata: Option<String>,
}

impl RasterLine {
    pub(super) fn new(raster: &Raster, default_epsg: Option<u32>) -> Self {
        let band = |band: &BandFacts| BandLine {
            description: band.description.clone(),
            scale: band.scale,
            offset: band.offset,
            nodata: band.nodata.map(|value| value.to_string()),
        };
        Self {
            len: raster.len,
            width: raster.width,
            height: raster.height,
            data_type: raster.data_type.name().to_owned(),
            bands: raster.bands.iter().map(band).collect(),
            transform: raster.transform,
            epsg: raster.crs.epsg(),
            default_epsg,
            date_time: raster.date_time.clone(),
            unreadable: raster.unreadable.clone(),
            is_cog: raster.is_cog,
        }
    }

    /// The raster, if the same default CRS would be taken.
    pub(super) fn raster(&self, default_epsg: Option<u32>) -> Option<Raster> {
        let band = |band: &BandLine| {
            let nodata = match &band.nodata {
                Some(text) => Some(text.parse().ok()?),
                None => None,
            };
            let description = band.description.clone();
            Some(BandFacts { description, scale: band.scale, offset: band.offset, nodata })
        };
        (self.default_epsg == default_epsg).then_some(())?;
        Some(Raster {
            len: self.len,
            width: self.width,
            height: self.height,
            data_type: DataType::from_name(&self.data_type)?,
            bands: self.bands.iter().map(band).collect::<Option<_>>()?,
            transform: self.transform,
            crs: Crs::from_epsg(self.epsg).ok()?,
            date_time: self.date_time.clone(),
            unreadable: self.unreadable.clone(),
            is_cog: self.is_cog,
        })
    }
}

/// The part of a line that it is found by.
#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    file: std::borrow::Cow<'a, str>,
}

/// The facts of the last build.
#[derive(Debug, Default)]
pub(super) struct Facts {
    file: Option<File>,
    /// Place and length of each line, by the hash of its file's name.
    lines: HashMap<u64, (u64, usize)>,
    /// Files changed before this time are as they were.
    sure_before: Option<SystemTime>,
}

impl Facts {
    /// Reads what a build left; nothing when there is none, or it cannot be read: all rasters are read then.
    pub(super) fn open(path: &Path) -> Self {
        Self::try_open(path).unwrap_or_default()
    }

    fn try_open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let sure_before = file.metadata()?.modified()?.checked_sub(COARSE);
        let mut lines = HashMap::new();
        let mut reader = BufReader::new(&file);
        let (mut at, mut line) = (0, Vec::new());
        loop {
            line.clear();
            let len = reader.read_until(b'\n', &mut line)?;
            if len == 0 {
                break;
            }
            if let Ok(name) = serde_json::from_slice::<Name<'_>>(&line) {
                lines.insert(hash(&name.file), (at, len));
            }
            at += len as u64;
        }
        Ok(Self { file: Some(file), lines, sure_before })
    }

    /// What is known of a file in the state in which it is now.
    pub(super) fn get(&self, name: &str, etag: &str, modified: DateTime<Utc>) -> Option<Fact> {
        if SystemTime::from(modified) >= self.sure_before? {
            return None;
        }
        let (at, len) = *self.lines.get(&hash(name))?;
        let mut line = vec![0; len];
        self.file.as_ref()?.read_exact_at(&mut line, at).ok()?;
        let fact: Fact = serde_json::from_slice(&line).ok()?;
        (fact.file == name && fact.etag == etag).then_some(fact)
    }

    /// Says that what a tree holds of rasters was read at `started`, or later.
    pub(super) fn confirm(dest: &Path, started: SystemTime) -> io::Result<()> {
        fs::File::options().append(true).open(dest.join(AT))?.set_modified(started)
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_hold_for_the_state_they_were_read_in() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("rasters");
        let modified = DateTime::from_timestamp(1_000, 0).expect("a time");
        let fact = |file: &str| Fact {
            file: file.to_owned(),
            etag: "\"1\"".to_owned(),
            modified,
            raster: None,
            cover: Some(Cover { values: vec![8], nodata: Some("NaN".into()), percent: Some(12.5) }),
            statistics: None,
        };
        let lines: Vec<String> =
            ["a.tif", "b.tif"].map(|file| serde_json::to_string(&fact(file)).expect("JSON")).to_vec();
        fs::write(&path, lines.join("\n") + "\n").expect("written");
        let facts = Facts::open(&path);
        let found = facts.get("b.tif", "\"1\"", modified).expect("a fact");
        assert_eq!(found.cover.and_then(|cover| cover.percent), Some(12.5));
        assert!(facts.get("b.tif", "\"2\"", modified).is_none(), "another state");
        assert!(facts.get("c.tif", "\"1\"", modified).is_none(), "another file");
        assert!(facts.get("b.tif", "\"1\"", Utc::now()).is_none(), "too young to be sure");
        assert!(Facts::open(&dir.path().join("none")).get("b.tif", "\"1\"", modified).is_none());
    }
}
