//! Addresses as settings have them: the server's own, and those of the sites whose scripts may read its answers.

use std::net::{SocketAddr, ToSocketAddrs as _};

use anyhow::Context;
use url::Url;

use super::config::DEFAULT_BIND;
use crate::api::Origins;

/// An address of this machine and a port.
pub(super) fn resolve(bind: &str) -> anyhow::Result<SocketAddr> {
    let expected = || format!("--bind {bind}: expected an address and a port, such as {DEFAULT_BIND}");
    bind.to_socket_addrs().with_context(expected)?.next().with_context(expected)
}

/// A URL without a slash at its end.
pub(super) fn check_url(text: &str) -> anyhow::Result<String> {
    let url = Url::parse(text).with_context(|| format!("--public-url {text}"))?;
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https") && url.has_host(),
        "--public-url {text}: expected an http or https URL"
    );
    Ok(text.trim_end_matches('/').to_owned())
}

/// `none`, `*`, or sites: scheme, host and port, as browsers name them.
pub(super) fn check_origins(texts: &[String]) -> anyhow::Result<Origins> {
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    match all.as_slice() {
        [] | ["*"] => return Ok(Origins::Any),
        ["none"] => return Ok(Origins::Only(Vec::new())),
        _ => {}
    }
    let origin = |text: &str| {
        let is_origin = Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
        });
        let expected =
            format!("--cors-origin {text}: expected an origin such as https://example.org, * or none alone");
        anyhow::ensure!(is_origin, "{expected}");
        text.parse().context(expected)
    };
    Ok(Origins::Only(all.into_iter().map(origin).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_name_them() {
        let check =
            |texts: &[&str]| check_origins(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(check(&[]).expect("all"), Origins::Any);
        assert_eq!(check(&["none"]).expect("none"), Origins::Only(Vec::new()));
        assert!(
            matches!(check(&["https://a.org", "http://b.org:81"]), Ok(Origins::Only(list)) if list.len() == 2)
        );
        for wrong in [&["https://a.org/"][..], &["a.org"], &["https://a.org/x"], &["*", "https://a.org"]] {
            assert!(
                format!("{:#}", check(wrong).expect_err("no origin")).contains("--cors-origin"),
                "{wrong:?}"
            );
        }
    }
}
