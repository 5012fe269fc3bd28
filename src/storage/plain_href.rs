//! Most hrefs are URLs that parsing would not change. These are told by looking at their characters, in a tenth of the time.

use memchr::{memchr, memchr_iter, memchr2};

/// The schemes whose URLs are read alike as long as they hold plain characters only.
const SCHEMES: [&str; 4] = ["https://", "http://", "s3://", "gs://"];

/// What [`Location::parse`](super::Location::parse) and then [`Location::to_href`](super::Location::to_href) would make of a
/// URL, its query and fragment cut off; `None` where that takes a parser to tell.
///
/// Taken are lower-case host names without a port, user or Punycode, whose last label begins with a letter and so is no part
/// of an IPv4 address; and paths of characters that are never encoded, without `%` and without segments that begin with a dot.
#[must_use]
pub(crate) fn plain_href(text: &str) -> Option<&str> {
    let after_scheme = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme))?;
    let (host, path) = after_scheme.split_at(memchr(b'/', after_scheme.as_bytes())?);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.starts_with("xn--")
    };
    let last_label = host.rsplit('.').next()?;
    if host.len() > 253
        || host.ends_with(".dfs.core.windows.net")
        || !host.split('.').all(is_label)
        || !last_label.starts_with(|c: char| c.is_alphabetic())
    {
        return None;
    }
    let path = &path.as_bytes()[..memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len())];
    let hides = |at: usize| path[at - 1] == b'/';
    if !is_plain(path) || memchr_iter(b'.', path).any(hides) {
        return None;
    }
    text.get(..text.len() - after_scheme.len() + host.len() + path.len())
}

/// True when parsing would not change this URL, its query included.
#[must_use]
pub(crate) fn is_plain_url(text: &str) -> bool {
    plain_href(text).is_some_and(|plain| match text[plain.len()..].strip_prefix('?') {
        Some(query) => query.split('&').all(|part| is_plain(part.as_bytes())),
        None => plain.len() == text.len(),
    })
}

/// Letters, figures and the marks that stand in a path and in a query as they are.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without an early end, the compiler makes vector code of it"
)]
fn is_plain(text: &[u8]) -> bool {
    text.iter().fold(true, |plain, byte| {
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // + , - . / and figures.
        let mark_or_figure = byte.wrapping_sub(b'+') <= b'9' - b'+';
        plain & (letter | mark_or_figure | (*byte == b'_') | (*byte == b'~') | (*byte == b'='))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Location;
    use super::*;

    #[test]
    fn usual_hrefs_are_plain() {
        let blob = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/13/T/DE/T13TDE_B02_10m.tif";
        assert_eq!(plain_href(blob), Some(blob));
        assert_eq!(plain_href("https://h/x.tif?sig=a%20b&c={}#d e"), Some("https://h/x.tif"));
        assert_eq!(plain_href("s3://sentinel-cogs/a/b.tif"), Some("s3://sentinel-cogs/a/b.tif"));
        assert!(is_plain_url("https://h/map?collection=a&item=b_1"));
        assert!(!is_plain_url("https://h/map#x"));
        assert!(!is_plain_url("https://h/map?a b"));
    }

    #[test]
    fn what_a_parser_changes_is_left_to_it() {
        for text in [
            "https://H/x",
            "HTTPS://h/x",
            "https://h",
            "https://h?x",
            "https://u@h/x",
            "https://h:443/x",
            "https://127.1/x",
            "https://h.0x7f/x",
            "https://xn--e1afmkfd/x",
            "https://h../x",
            "https://h/a/../x",
            "https://h/./x",
            "https://h/%2e%2e/x",
            "https://h/a b",
            "https://h/a\\b",
            "https://h/ä",
            "https://ä/x",
            "https://h/a\nb",
            " https://h/x",
            "file:///x",
            "/x",
            "gopher://h/x",
            "https:///h/x",
            "https://-h/x",
        ] {
            assert_eq!(plain_href(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn plain_means_that_parsing_gives_the_same(
            text in "(https|http|s3|gs|az|abfs|HTTPS|file|ftp)://([a-zA-Z0-9.:@%_ä-]|xn--|0x|\\.){0,8}(/|[?#]|)([/.%~a-z2eE5?#&=\\\\ \t\n;:@!$'()*+,\\[\\]{}|^`\"<>ä-]|\\.\\.|%2e){0,12}"
        ) {
            if let Some(plain) = plain_href(&text) {
                let parsed = Location::parse(&text).map(|location| location.to_href());
                prop_assert_eq!(parsed.ok(), Some(plain.to_owned()));
            }
            if is_plain_url(&text) {
                let same = matches!(Location::parse(&text), Ok(Location::Remote(url)) if url.as_str() == text);
                prop_assert!(same, "{}", text);
            }
        }

        #[test]
        fn queries_that_are_plain_stay(text in "(https|http|s3)://h.x/[a-z]{0,2}(\\?[a-z&=?.%#:+~_'\"ä-]{0,6})?") {
            let same = matches!(Location::parse(&text), Ok(Location::Remote(url)) if url.as_str() == text);
            prop_assert!(!is_plain_url(&text) || same, "{}", text);
        }

        #[test]
        fn long_names_and_paths_are_read_alike(
            text in "(https|http|s3|gs|az|abfs)://[a-z0-9]([a-z0-9-]{0,9}\\.){0,5}[a-z0-9-]{1,70}/[a-zA-Z0-9/._~=+,-]{0,40}([?#].{0,20})?"
        ) {
            if let Some(plain) = plain_href(&text) {
                let parsed = Location::parse(&text).map(|location| location.to_href());
                prop_assert_eq!(parsed.ok(), Some(plain.to_owned()));
            }
        }
    }
}
