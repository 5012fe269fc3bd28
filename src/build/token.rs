//! Band tokens: the part of a file's name that says which band it holds.

use regex::Regex;
use std::sync::LazyLock;

/// Words that are bands: Sentinel-2 and Landsat numbers, their masks and products, polarisations, common names of STAC's
/// eo extension.
const TOKENS: &str = r"(?x)
    (?: SR_ | ST_ )? B (?: 0?[1-9] | 1[0-2] | 8A )
    | SCL | AOT | WVP | TCI | CLD | SNW | CLM | FMASK | QA_PIXEL | QA_RADSAT | SR_QA_AEROSOL
    | VV | VH | HH | HV
    | coastal | blue | green (?: 05 )? | yellow | red | pan
    | red_?edge (?: [1-4] | 07[158] )? | nir (?: 0[89] )? | cirrus
    | swir (?: 12 | 16 | 22 | [12] )? | lwir (?: 11 | 12 )?";

/// A token between separators or the ends of the name, with the resolution that may follow it.
static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)(?:^|[_\-. ])(?P<band>{TOKENS})(?:[_\-](?P<resolution>\d{{1,4}}m))?(?:$|[_\-. ])"
    ))
    .ok()
});

/// A file's stem, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// What is left of the stem: the same for all bands of an Item.
    pub(super) rest: String,
    /// The band, in upper case but for common names.
    pub(super) band: String,
    /// The resolution as written, such as `10m`.
    pub(super) resolution: Option<String>,
}

/// The last band token of a stem, if there is one.
pub(super) fn find(stem: &str) -> Option<Token> {
    let pattern = TOKEN.as_ref()?;
    // Neighbours share a separator, so each search begins before the one that ends the last match.
    let mut last = None;
    let mut from = 0;
    while let Some(captures) = pattern.captures_at(stem, from) {
        let (Some(whole), Some(band)) = (captures.get(0), captures.name("band")) else { break };
        let resolution = captures.name("resolution");
        from = resolution.unwrap_or(band).end();
        last = Some((whole.range(), band.as_str(), resolution.map(|m| m.as_str().to_owned())));
    }
    let (range, band, resolution) = last?;
    let separators = ['_', '-', '.', ' '];
    let before = stem.get(..range.start)?.trim_end_matches(separators);
    let after = stem.get(range.end..)?.trim_start_matches(separators);
    let between = if before.is_empty() || after.is_empty() { "" } else { "_" };
    let upper = band.to_ascii_uppercase();
    let is_common_name = band.len() > 2
        && upper.bytes().next().is_some_and(|b| b"BCGLNPRSY".contains(&b))
        && !matches!(upper.as_str(), "SCL" | "SNW" | "CLD" | "CLM" | "B8A")
        && !upper.starts_with("SR_")
        && !upper.starts_with("ST_")
        && !upper.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let band = if is_common_name { band.to_ascii_lowercase() } else { upper };
    Some(Token { rest: format!("{before}{between}{after}"), band, resolution })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(stem: &str) -> Option<(String, String, Option<String>)> {
        find(stem).map(|t| (t.rest, t.band, t.resolution))
    }

    #[test]
    fn tokens_are_found_between_separators() {
        let found = |rest: &str, band: &str, resolution: Option<&str>| {
            Some((rest.to_owned(), band.to_owned(), resolution.map(str::to_owned)))
        };
        assert_eq!(parts("B04"), found("", "B04", None));
        assert_eq!(
            parts("T35VLH_20240105T095029_B8A_10m"),
            found("T35VLH_20240105T095029", "B8A", Some("10m"))
        );
        assert_eq!(parts("scene-Red-2020"), found("scene_2020", "red", None));
        assert_eq!(parts("LC08_L2SP_190018_SR_B4"), found("LC08_L2SP_190018", "SR_B4", None));
        assert_eq!(parts("x_scl_20m"), found("x", "SCL", Some("20m")));
        assert_eq!(parts("s1.vv"), found("s1", "VV", None));
        assert_eq!(parts("x_b02_B03"), found("x_b02", "B03", None));
    }

    #[test]
    fn parts_of_words_are_no_tokens() {
        for stem in ["redwood", "covered", "AB04", "B0", "B13", "B004", "20240105", ""] {
            assert_eq!(parts(stem), None, "{stem}");
        }
    }
}
