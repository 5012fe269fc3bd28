//! How the asset hrefs of an answer are shown.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use chrono::Utc;

use super::error::ApiError;
use super::state::{App, AssetHrefs};
use crate::asset::{Shown, Signatures};
use crate::search::Item;
use crate::stac::{ItemBody, ShownHref};

/// The longest that a client may keep signed hrefs without asking, in seconds.
const KEPT_SECONDS: i64 = 60;

/// How the asset hrefs of an answer are shown; where they are signed, with what signs those of its Items.
#[derive(Debug, Clone)]
pub(super) enum Hrefs {
    Auto,
    Original,
    Proxy,
    Signed(Signatures),
}

impl Hrefs {
    /// As the operator chose, or signed where the request asks for that.
    pub(super) async fn of(app: &App, sign: bool, items: &[Item]) -> Result<Self, ApiError> {
        let chosen = app.settings.asset_hrefs;
        if sign || chosen == AssetHrefs::Signed {
            Ok(Self::Signed(app.signer.signatures(items).await?))
        } else {
            Ok(Self::unsigned(chosen))
        }
    }

    /// As the operator chose; not signed, for what is kept for longer than signatures are good for.
    pub(super) fn unsigned(chosen: AssetHrefs) -> Self {
        match chosen {
            AssetHrefs::Auto | AssetHrefs::Signed => Self::Auto,
            AssetHrefs::Original => Self::Original,
            AssetHrefs::Proxy => Self::Proxy,
        }
    }

    /// True when making signatures may take a while.
    pub(super) fn are_signed(&self) -> bool {
        matches!(self, Self::Signed(_))
    }

    /// True when all hrefs of the Item are shown as they are.
    pub(super) fn are_as_is(&self, body: &ItemBody) -> bool {
        match self {
            Self::Auto => !body.has_local_hrefs(),
            Self::Original => true,
            Self::Proxy | Self::Signed(_) => false,
        }
    }

    /// What is shown in place of an absolute href, if anything is; `proxy` makes the proxy's. The original is kept unless it
    /// is a path on this disk.
    pub(super) fn shown(&self, href: &str, proxy: impl FnOnce() -> String) -> Option<ShownHref> {
        let is_local = href.starts_with('/');
        let shown = match self {
            Self::Auto if is_local => Shown::Proxied,
            Self::Auto | Self::Original => Shown::AsIs,
            Self::Proxy => Shown::Proxied,
            Self::Signed(signatures) => signatures.show(href),
        };
        let href = match shown {
            Shown::AsIs => return None,
            Shown::Proxied => proxy(),
            Shown::Signed(href) => href,
        };
        Some(ShownHref { href, keeps_original: !is_local })
    }

    /// Says on an answer with signatures that it is for this client only, and how long it lasts; false when it has none.
    pub(super) fn mark(&self, response: &mut Response) -> bool {
        let Self::Signed(signatures) = self else { return false };
        let Some(expires) = signatures.expires() else { return false };
        // Who takes an href from a kept answer gets most of its time all the same.
        let seconds = ((expires - Utc::now()).num_seconds() / 4).clamp(0, KEPT_SECONDS);
        if let Ok(value) = HeaderValue::try_from(format!("private, max-age={seconds}")) {
            response.headers_mut().insert(header::CACHE_CONTROL, value);
        }
        true
    }
}
