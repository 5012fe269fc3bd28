//! The rasters of a product: spectral bands, and what Level-2A derives.

/// What samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reflectance in one band of the instrument.
    Reflectance,
    /// Scene classes of Level-2A.
    Classes,
    /// Aerosol optical thickness.
    Aerosol,
    /// Water vapour in cm.
    Vapour,
    /// A picture in true colour, three bands of 8 bits.
    Picture,
}

/// One raster of a product.
#[derive(Debug, PartialEq, Eq)]
pub struct Band {
    /// ESA's name, such as `B8A`.
    pub name: &'static str,
    /// The asset's key, as stactools names it.
    pub key: &'static str,
    /// A title, without the resolution.
    pub title: &'static str,
    /// Ground size of its pixels in metres, as sensed or first derived.
    pub gsd_m: u32,
    /// The number of a spectral band in the metadata (`bandId`).
    pub number: Option<usize>,
    /// Common name in STAC's eo extension v2.
    pub common_name: Option<&'static str>,
    /// What samples mean.
    pub kind: Kind,
}

const fn spectral(
    name: &'static str,
    key: &'static str,
    title: &'static str,
    gsd_m: u32,
    number: usize,
    common_name: &'static str,
) -> Band {
    Band {
        name,
        key,
        title,
        gsd_m,
        number: Some(number),
        common_name: Some(common_name),
        kind: Kind::Reflectance,
    }
}

const fn derived(name: &'static str, key: &'static str, title: &'static str, gsd_m: u32, kind: Kind) -> Band {
    Band { name, key, title, gsd_m, number: None, common_name: None, kind }
}

/// All rasters that a product may have; B10 at Level-1C only, the derived ones at Level-2A only, but for the picture.
pub const BANDS: [Band; 17] = [
    spectral("B01", "coastal", "Coastal", 60, 0, "coastal"),
    spectral("B02", "blue", "Blue", 10, 1, "blue"),
    spectral("B03", "green", "Green", 10, 2, "green"),
    spectral("B04", "red", "Red", 10, 3, "red"),
    spectral("B05", "rededge1", "Red Edge 1", 20, 4, "rededge071"),
    spectral("B06", "rededge2", "Red Edge 2", 20, 5, "rededge075"),
    spectral("B07", "rededge3", "Red Edge 3", 20, 6, "rededge078"),
    spectral("B08", "nir", "NIR 1", 10, 7, "nir"),
    spectral("B8A", "nir08", "NIR 2", 20, 8, "nir08"),
    spectral("B09", "nir09", "NIR 3", 60, 9, "nir09"),
    spectral("B10", "cirrus", "Cirrus", 60, 10, "cirrus"),
    spectral("B11", "swir16", "SWIR 1.6μm", 20, 11, "swir16"),
    spectral("B12", "swir22", "SWIR 2.2μm", 20, 12, "swir22"),
    derived("SCL", "scl", "Scene classification map (SCL)", 20, Kind::Classes),
    derived("AOT", "aot", "Aerosol optical thickness (AOT)", 20, Kind::Aerosol),
    derived("WVP", "wvp", "Water Vapour (WVP)", 20, Kind::Vapour),
    derived("TCI", "visual", "True color image", 10, Kind::Picture),
];

impl Band {
    /// The raster of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        BANDS.iter().find(|band| band.name.eq_ignore_ascii_case(name))
    }

    /// Its place in [`BANDS`].
    pub(super) fn order(&self) -> usize {
        BANDS.iter().position(|band| band.name == self.name).unwrap_or(BANDS.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_through_the_bands_and_keys_are_unique() {
        let numbers: Vec<_> = BANDS.iter().filter_map(|band| band.number).collect();
        assert_eq!(numbers, (0..13).collect::<Vec<_>>());
        let keys: std::collections::BTreeSet<_> = BANDS.iter().map(|band| band.key).collect();
        assert_eq!(keys.len(), BANDS.len());
        assert_eq!(Band::named("b8a").map(|band| band.key), Some("nir08"));
    }
}
