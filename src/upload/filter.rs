//! Which files are sent: `--include` and `--exclude`.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns over relative paths: `*` within a name, `**` across folders; a pattern without `/` is one of the file's name.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

/// A pattern that is none.
#[derive(Debug, thiserror::Error)]
#[error("'{pattern}' is no pattern; write for example '*.tif', 'tiles/**' or '**/B0[2-4].tif'")]
pub struct FilterError {
    pattern: String,
    source: globset::Error,
}

impl Filter {
    /// What matches an `include`, if there is any, and no `exclude`.
    ///
    /// # Errors
    /// Names the pattern that is none.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, FilterError> {
        let include = if include.is_empty() { None } else { Some(set(include)?) };
        Ok(Self { include, exclude: set(exclude)? })
    }

    /// True when the file at this relative path is to be sent.
    #[must_use]
    pub fn takes(&self, relative: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(relative))
            && !self.exclude.is_match(relative)
    }
}

fn set(patterns: &[String]) -> Result<GlobSet, FilterError> {
    let failed = |pattern: &String| {
        let pattern = pattern.clone();
        move |source| FilterError { pattern, source }
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let anywhere = if pattern.contains('/') { pattern.clone() } else { format!("**/{pattern}") };
        let glob = GlobBuilder::new(anywhere.trim_start_matches('/')).literal_separator(true).build();
        set.add(glob.map_err(failed(pattern))?);
    }
    set.build().map_err(|source| FilterError { pattern: patterns.join(" "), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> Filter {
        let owned = |patterns: &[&str]| patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>();
        Filter::new(&owned(include), &owned(exclude)).expect("patterns")
    }

    #[test]
    fn names_match_anywhere_and_paths_from_the_top() {
        let tifs = filter(&["*.tif"], &["raw/**"]);
        assert!(tifs.takes("a.tif") && tifs.takes("x/y/a.tif"));
        assert!(!tifs.takes("raw/a.tif") && !tifs.takes("a.json"));
        assert!(filter(&[], &["*.tmp"]).takes("a"));
        assert!(!filter(&["x/*.tif"], &[]).takes("x/y/a.tif"), "one star stays in its folder");
    }

    #[test]
    fn a_broken_pattern_is_named() {
        let error = Filter::new(&["a[".to_owned()], &[]).expect_err("no pattern");
        assert!(error.to_string().contains("'a['"), "{error}");
    }
}
