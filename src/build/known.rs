//! What is known of a band by its token alone: the bands of Sentinel-2's MSI, and what a file is for.

/// Spectral facts of a band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spectral {
    /// `eo:common_name`.
    pub(super) common_name: &'static str,
    /// Centre wavelength in µm, the mean of Sentinel-2A and 2B.
    pub(super) center_um: f64,
    /// Full width at half maximum in µm.
    pub(super) width_um: f64,
}

/// Sentinel-2 MSI, from ESA's spectral response functions, and the common names of STAC's eo extension v2.
const SENTINEL_2: [(&str, &str, f64, f64); 13] = [
    ("B01", "coastal", 0.443, 0.021),
    ("B02", "blue", 0.492, 0.066),
    ("B03", "green", 0.560, 0.036),
    ("B04", "red", 0.665, 0.031),
    ("B05", "rededge071", 0.704, 0.016),
    ("B06", "rededge075", 0.740, 0.015),
    ("B07", "rededge078", 0.781, 0.020),
    ("B08", "nir", 0.833, 0.106),
    ("B8A", "nir08", 0.865, 0.022),
    ("B09", "nir09", 0.944, 0.021),
    ("B10", "cirrus", 1.375, 0.030),
    ("B11", "swir16", 1.612, 0.093),
    ("B12", "swir22", 2.194, 0.180),
];

/// Common names of the eo extension v2: a token that is one names itself.
const COMMON_NAMES: [&str; 20] = [
    "pan",
    "coastal",
    "blue",
    "green",
    "green05",
    "yellow",
    "red",
    "rededge",
    "rededge071",
    "rededge075",
    "rededge078",
    "nir",
    "nir08",
    "nir09",
    "cirrus",
    "swir16",
    "swir22",
    "lwir",
    "lwir11",
    "lwir12",
];

/// True when the tokens of an Item, or its path, can only be those of Sentinel-2. Landsat has a `B11`, too, and it is
/// thermal: only `B01` with its zero, `B8A` or a product's name tell.
pub(super) fn is_sentinel_2<'a>(mut tokens: impl Iterator<Item = &'a str>, path: &str) -> bool {
    let product = path.split(['/', '_', '-', '.']).any(|part| matches!(part, "S2A" | "S2B" | "S2C" | "S2D"));
    product || tokens.any(|token| token == "B8A" || (token.len() == 3 && token.starts_with("B0")))
}

/// The facts of a Sentinel-2 band.
pub(super) fn sentinel_2(token: &str) -> Option<Spectral> {
    let (_, common_name, center_um, width_um) = *SENTINEL_2.iter().find(|(name, ..)| *name == token)?;
    Some(Spectral { common_name, center_um, width_um })
}

/// The common name that a token is, if it is one.
pub(super) fn common_name(token: &str) -> Option<&'static str> {
    COMMON_NAMES.into_iter().find(|name| *name == token)
}

/// What a file of that token is for: STAC's asset role.
pub(super) fn role(token: &str) -> &'static str {
    match token {
        "SCL" | "CLM" | "FMASK" => "classification",
        "QA_PIXEL" | "QA_RADSAT" | "SR_QA_AEROSOL" | "CLD" | "SNW" => "quality",
        "TCI" => "visual",
        _ => "data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn landsat_is_not_taken_for_sentinel_2() {
        assert!(is_sentinel_2(["B02", "B11"].into_iter(), "x"));
        assert!(is_sentinel_2(["B11"].into_iter(), "c/S2B_MSIL2A_x/B11.tif"));
        assert!(!is_sentinel_2(["B2", "B11"].into_iter(), "LC08_x/B11.tif"));
    }

    #[test]
    fn tokens_know_their_band() {
        assert_eq!(sentinel_2("B8A").map(|s| s.common_name), Some("nir08"));
        assert_eq!(sentinel_2("SCL"), None);
        assert_eq!(common_name("red"), Some("red"));
        assert_eq!(role("SCL"), "classification");
    }
}
