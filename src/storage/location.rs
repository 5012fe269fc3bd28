//! Where something is: a local path, or a URL of one of the stores.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

/// An absolute, normalised location.
///
/// `Display` never shows a URL's query, user name or password: those may be secrets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// An absolute path without `.` or `..`.
    Local(PathBuf),
    /// A URL with one of the schemes that Cairn knows.
    Remote(Url),
}

/// Schemes of stores, besides `file`.
const SCHEMES: [&str; 5] = ["s3", "az", "gs", "http", "https"];

/// Other names that tools have for them.
const ALIASES: [(&str, &str); 7] = [
    ("s3a", "s3"),
    ("s3n", "s3"),
    ("gcs", "gs"),
    ("azure", "az"),
    ("adl", "az"),
    ("abfs", "az"),
    ("abfss", "az"),
];

/// Why a text is no location.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// Nothing was given.
    #[error("a location is empty; give a path or a URL")]
    Empty,
    /// Not one of the stores.
    #[error("'{scheme}://' is no store that Cairn knows; use a path, file, s3, az, gs, http or https")]
    Scheme {
        /// The part before `://`.
        scheme: String,
    },
    /// Not a URL.
    #[error("'{text}' is no URL ({reason})")]
    Url {
        /// As given, without its query.
        text: String,
        /// What the URL's parser says.
        reason: String,
    },
    /// The current folder is gone.
    #[error("cannot tell the current folder, which '{text}' is relative to")]
    NoCurrentFolder {
        /// As given.
        text: String,
        /// The system's own words.
        source: std::io::Error,
    },
}

impl Location {
    /// Reads what a user or a document wrote; a relative path is taken from the current folder.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        match Self::parse_url(text)? {
            Some(location) => Ok(location),
            None => Self::from_path(Path::new(text)),
        }
    }

    /// A path, made absolute and normalised.
    ///
    /// # Errors
    /// When the path is relative and the current folder cannot be told.
    pub fn from_path(path: &Path) -> Result<Self, LocationError> {
        let absolute = std::path::absolute(path)
            .map_err(|source| LocationError::NoCurrentFolder { text: path.display().to_string(), source })?;
        Ok(Self::Local(normalised(&absolute)))
    }

    /// Resolves an href of the document at this location.
    ///
    /// # Errors
    /// Says what is wrong with the href.
    pub fn join(&self, href: &str) -> Result<Self, LocationError> {
        if href.is_empty() {
            return Err(LocationError::Empty);
        }
        if let Some(location) = Self::parse_url(href)? {
            return Ok(location);
        }
        match self {
            Self::Local(document) => {
                // Trees written on Windows hold backslashes, which are no part of a STAC href.
                let href = href.replace('\\', "/");
                let folder = document.parent().unwrap_or(Path::new("/"));
                let path = normalised(&folder.join(&href));
                // pystac writes names as they are, other tools percent-encode them: what exists is meant.
                if href.contains('%')
                    && !path.exists()
                    && let Ok(decoded) = percent_decode_str(&href).decode_utf8()
                {
                    return Ok(Self::Local(normalised(&folder.join(decoded.as_ref()))));
                }
                Ok(Self::Local(path))
            }
            Self::Remote(document) => {
                let joined = document.join(href).map_err(|error| bad_url(href, error))?;
                Ok(Self::Remote(joined))
            }
        }
    }

    fn parse_url(text: &str) -> Result<Option<Self>, LocationError> {
        let Some((scheme, _)) = text.split_once(':').filter(|(scheme, rest)| {
            // A single letter is a Windows drive; a colon may also stand in a file's name.
            scheme.len() > 1
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                && (rest.starts_with("//") || scheme.eq_ignore_ascii_case("file"))
        }) else {
            return Ok(None);
        };
        let url = Url::parse(text).map_err(|error| bad_url(text, error))?;
        let url = usual(url).map_err(|error| bad_url(text, error))?;
        if scheme.eq_ignore_ascii_case("file") {
            let path = percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
            return Ok(Some(Self::Local(normalised(Path::new(&path)))));
        }
        if SCHEMES.contains(&url.scheme()) {
            Ok(Some(Self::Remote(url)))
        } else {
            Err(LocationError::Scheme { scheme: scheme.to_owned() })
        }
    }

    /// The path of a local location.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Remote(_) => None,
        }
    }

    /// The folder that holds this object.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.parent().unwrap_or(path).to_owned()),
            Self::Remote(url) => {
                let mut folder = url.clone();
                folder.set_query(None);
                if let Ok(mut segments) = folder.path_segments_mut() {
                    segments.pop_if_empty().pop();
                }
                Self::Remote(folder)
            }
        }
    }

    /// The deepest folder that holds both; nothing for different stores.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Self> {
        let mut folder = self.clone();
        while !other.is_below(&folder) {
            let above = folder.parent();
            if above == folder {
                return None;
            }
            folder = above;
        }
        Some(folder)
    }

    /// The last part of the path.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        match self {
            Self::Local(path) => path.file_name()?.to_str(),
            Self::Remote(url) => url.path_segments()?.next_back().filter(|name| !name.is_empty()),
        }
    }

    /// True when `self` is `folder` or lies below it, also for a server that decodes a path once more than it should.
    #[must_use]
    pub fn is_below(&self, folder: &Self) -> bool {
        match (self, folder) {
            (Self::Local(path), Self::Local(folder)) => path.starts_with(folder),
            (Self::Remote(url), Self::Remote(folder)) => {
                let base = folder.path().trim_end_matches('/');
                let decoded = percent_decode_str(url.path()).collect::<Vec<u8>>();
                let climbs = decoded.split(|byte| b"/\\".contains(byte)).any(|part| part == b"..");
                !climbs
                    && url.scheme() == folder.scheme()
                    && url.host_str() == folder.host_str()
                    && url.port_or_known_default() == folder.port_or_known_default()
                    && url
                        .path()
                        .strip_prefix(base)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            _ => false,
        }
    }

    /// The rest of the path below `folder`, with `/` between its parts.
    #[must_use]
    pub fn relative_to(&self, folder: &Self) -> Option<String> {
        if !self.is_below(folder) {
            return None;
        }
        match (self, folder) {
            (Self::Local(path), Self::Local(folder)) => {
                Some(path.strip_prefix(folder).ok()?.to_str()?.to_owned())
            }
            (Self::Remote(url), Self::Remote(folder)) => {
                let base = folder.path().trim_end_matches('/');
                let rest = url.path().strip_prefix(base)?.trim_start_matches('/');
                Some(percent_decode_str(rest).decode_utf8_lossy().into_owned())
            }
            _ => None,
        }
    }

    /// What lies at the relative path `rest` below this folder.
    ///
    /// # Errors
    /// When that makes no location.
    pub fn child(&self, rest: &str) -> Result<Self, LocationError> {
        match self {
            Self::Local(folder) => Ok(Self::Local(normalised(&folder.join(rest)))),
            Self::Remote(_) => Ok(self.below(rest)),
        }
    }

    /// What a store holds at the plain path `rest` below this folder: each of its characters stands for itself.
    pub(super) fn below(&self, rest: &str) -> Self {
        match self {
            Self::Local(folder) => Self::Local(normalised(&folder.join(rest))),
            Self::Remote(folder) => {
                let mut url = folder.clone();
                url.set_query(None);
                if let Ok(mut segments) = url.path_segments_mut() {
                    segments.pop_if_empty().extend(rest.split('/').filter(|part| !part.is_empty()));
                }
                Self::Remote(url)
            }
        }
    }

    /// The href that answers show: an absolute path or a URL without its query.
    #[must_use]
    pub fn to_href(&self) -> String {
        self.to_string()
    }
}

/// The one form of a URL that has several: other names of a scheme, and Azure's hierarchical hosts, whose bytes are those of
/// its blobs.
fn usual(mut url: Url) -> Result<Url, url::ParseError> {
    const HIERARCHICAL: &str = ".dfs.core.windows.net";
    let is_abfs = matches!(url.scheme(), "abfs" | "abfss");
    let blob_host = |host: &str| Some(format!("{}.blob.core.windows.net", host.strip_suffix(HIERARCHICAL)?));
    let blob_host = url.host_str().and_then(blob_host);
    if is_abfs && !url.username().is_empty() {
        // abfss://container@account.dfs.core.windows.net/path
        let host = blob_host.unwrap_or_else(|| url.host_str().unwrap_or_default().to_owned());
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        return Url::parse(&format!("https://{host}/{}{}{query}", url.username(), url.path()));
    }
    if url.scheme() == "https"
        && let Some(host) = blob_host
    {
        url.set_host(Some(&host))?;
    }
    if let Some((_, usual)) = ALIASES.iter().find(|(alias, _)| *alias == url.scheme()) {
        let rest = url.as_str().split_once(':').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        return Url::parse(&format!("{usual}:{rest}"));
    }
    Ok(url)
}

/// Lexical: `..` never climbs above the root.
fn normalised(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::Normal(part) => out.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    out
}

fn bad_url(text: &str, error: url::ParseError) -> LocationError {
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    LocationError::Url { text: shown.to_owned(), reason: error.to_string() }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Remote(url) => {
                write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                f.write_str(url.path())
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Location {
        Location::parse(text).expect("a location")
    }

    #[test]
    fn hrefs_resolve_against_their_document() {
        let document = at("/data/tree/a/item.json");
        assert_eq!(document.join("../b/x.tif").expect("href"), at("/data/tree/b/x.tif"));
        assert_eq!(document.join(".\\x.tif").expect("href"), at("/data/tree/a/x.tif"));
        assert_eq!(document.join("/abs/x.tif").expect("href"), at("/abs/x.tif"));
        assert_eq!(document.join("file:///abs/x%20y.tif").expect("href"), at("/abs/x y.tif"));
        assert_eq!(document.join("https://h/x.tif").expect("href"), at("https://h/x.tif"));
        let remote = at("https://h/tree/item.json?sig=secret");
        assert_eq!(remote.join("../x.tif").expect("href"), at("https://h/x.tif"));
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{0} {0:?}", at("https://user:word@h:8080/c/x.tif?sv=1&sig=abc"));
        assert_eq!(shown, "https://h:8080/c/x.tif Location(https://h:8080/c/x.tif)");
    }

    #[test]
    fn below_means_below_a_whole_folder_name() {
        assert!(at("/a/b/c.tif").is_below(&at("/a/b")));
        assert!(!at("/a/bc/c.tif").is_below(&at("/a/b")));
        assert!(!at("/a/b/../c.tif").is_below(&at("/a/b")));
        assert!(at("s3://bucket/p/x.tif").is_below(&at("s3://bucket/p")));
        assert!(!at("s3://bucket/pq/x.tif").is_below(&at("s3://bucket/p")));
        assert!(!at("s3://other/p/x.tif").is_below(&at("s3://bucket/p")));
        for climbing in ["..%2fq/x.tif", "a/%2e%2e%2f..%2fq", "..%5cq", "%2E%2E/../q/x.tif"] {
            assert!(!at(&format!("https://h/p/{climbing}")).is_below(&at("https://h/p")), "{climbing}");
        }
        assert!(at("https://h/p/a..b/..c").is_below(&at("https://h/p")));
    }

    #[test]
    fn names_of_one_place_become_one() {
        for (text, usual) in [
            ("s3a://b/x", "s3://b/x"),
            ("abfs://c/x%20y", "az://c/x%20y"),
            ("abfss://c@acc.dfs.core.windows.net/x", "https://acc.blob.core.windows.net/c/x"),
            ("https://acc.dfs.core.windows.net/c/x", "https://acc.blob.core.windows.net/c/x"),
            ("gcs://b/x", "gs://b/x"),
        ] {
            assert_eq!(at(text), at(usual), "{text}");
        }
    }

    #[test]
    fn unknown_schemes_are_named() {
        let error = Location::parse("gopher://h/x").expect_err("no store");
        assert!(error.to_string().contains("gopher"));
    }
}
