//! A product as a whole: its metadata, and its rasters.

use std::path::Path;

use super::archive::Archive;
use super::band::{BANDS, Band, Kind};
use super::error::SafeError;
use super::facts::{Facts, Level};
use super::tile::Tile;

/// Extension of the rasters, which the metadata leave out.
const EXTENSION: &str = ".jp2";

/// One raster of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What it holds.
    pub band: &'static Band,
    /// Ground size of its pixels in metres.
    pub gsd_m: u32,
    /// Path within the product.
    pub part: String,
}

/// A product.
#[derive(Debug)]
pub struct Product {
    /// Where its parts lie.
    pub archive: Archive,
    /// What its own metadata say.
    pub facts: Facts,
    /// What its granule's metadata say.
    pub tile: Tile,
    /// One raster a band, that of the band's own resolution where there are several; in the order of [`BANDS`]. They
    /// need not be there: see [`Product::check`].
    pub images: Vec<Image>,
}

impl Product {
    /// Reads a product's metadata.
    ///
    /// # Errors
    /// When it is no product, a metadata file is missing or broken, or a band is not even named.
    pub fn open(path: &Path) -> Result<Self, SafeError> {
        let archive = Archive::open(path)?;
        let facts = Facts::read(&archive)?;
        let missing = |part: String| SafeError::Missing { product: path.to_owned(), part };
        let granule =
            facts.images.iter().find_map(|image| image.split_once("/IMG_DATA/")).map(|(dir, _)| dir);
        let granule = granule.ok_or_else(|| missing("list of IMAGE_FILE in its metadata".to_owned()))?;
        let tile = Tile::read(&archive, &format!("{granule}/MTD_TL.xml"))?;
        let images = images(&facts.images);
        let expected = BANDS.iter().filter(|band| match band.kind {
            Kind::Reflectance => band.name != "B10" || facts.level == Level::L1C,
            Kind::Classes | Kind::Aerosol | Kind::Vapour => facts.level == Level::L2A,
            Kind::Picture => false,
        });
        for band in expected {
            if !images.iter().any(|image| image.band == band) {
                return Err(missing(format!("{granule}/IMG_DATA/…_{}{EXTENSION}", band.name)));
            }
        }
        Ok(Self { archive, facts, tile, images })
    }

    /// What stactools calls the Item of the product, such as `S2A_T46RER_20210908T043714_L1C`; the time is that at which
    /// the datastrip begins.
    #[must_use]
    pub fn item_id(&self) -> String {
        let (zone, band, square) = &self.tile.mgrs;
        let satellite = self.facts.platform.rsplit('-').next().unwrap_or_default().to_ascii_uppercase();
        let level = match self.facts.level {
            Level::L1C => "L1C",
            Level::L2A => "L2A",
        };
        let start = self.tile.datastrip.split('_').find_map(|part| {
            part.strip_prefix('S').filter(|time| time.len() == 15 && time.as_bytes()[0].is_ascii_digit())
        });
        let sensed = self.facts.sensed.format("%Y%m%dT%H%M%S").to_string();
        format!("S{satellite}_T{zone:02}{band}{square}_{}_{level}", start.unwrap_or(&sensed))
    }

    /// Makes sure that a raster is there.
    ///
    /// # Errors
    /// When it is not: the product is incomplete.
    pub fn check(&self, image: &Image) -> Result<(), SafeError> {
        if self.archive.has(&image.part) {
            return Ok(());
        }
        Err(SafeError::Missing { product: self.archive.path().to_owned(), part: image.part.clone() })
    }

    /// Factor and summand that make a sample what it stands for; none for classes and pictures.
    #[must_use]
    pub fn scaling(&self, band: &Band) -> Option<(f64, f64)> {
        let facts = &self.facts;
        match (band.kind, band.number) {
            (Kind::Reflectance, Some(number)) => {
                let offset = facts.offsets.get(number).copied().unwrap_or(0.0);
                Some((1.0 / facts.quantification, offset / facts.quantification))
            }
            (Kind::Aerosol, _) => facts.aerosol_quantification.map(|value| (1.0 / value, 0.0)),
            (Kind::Vapour, _) => facts.vapour_quantification.map(|value| (1.0 / value, 0.0)),
            _ => None,
        }
    }
}

/// One raster a band out of those told.
fn images(told: &[String]) -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    for path in told {
        let name = path.rsplit('/').next().unwrap_or(path);
        let mut tokens = name.rsplit('_');
        let Some(last) = tokens.next() else { continue };
        let resolution = last.strip_suffix('m').and_then(|digits| digits.parse::<u32>().ok());
        let Some(band) =
            (if resolution.is_some() { tokens.next() } else { Some(last) }).and_then(Band::named)
        else {
            continue;
        };
        let image =
            Image { band, gsd_m: resolution.unwrap_or(band.gsd_m), part: format!("{path}{EXTENSION}") };
        let rank = |image: &Image| image.gsd_m.abs_diff(band.gsd_m);
        match images.iter_mut().find(|other| other.band == band) {
            Some(other) if rank(&image) < rank(other) => *other = image,
            Some(_) => {}
            None => images.push(image),
        }
    }
    images.sort_by_key(|image| image.band.order());
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_resolutions_the_bands_own_is_taken() {
        let told = ["R10m/T_B02_10m", "R20m/T_B02_20m", "R20m/T_B01_20m", "R60m/T_B01_60m", "R20m/T_SCL_20m"];
        let told: Vec<String> = told.iter().map(|path| format!("GRANULE/G/IMG_DATA/{path}")).collect();
        let found = images(&told);
        let found: Vec<_> = found.iter().map(|image| (image.band.name, image.gsd_m)).collect();
        assert_eq!(found, [("B01", 60), ("B02", 10), ("SCL", 20)]);
        let l1c = images(&["GRANULE/G/IMG_DATA/T34UCF_20230823T095559_B8A".to_owned()]);
        assert_eq!((l1c[0].gsd_m, l1c[0].part.ends_with("_B8A.jp2")), (20, true));
    }
}
