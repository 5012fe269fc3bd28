//! Signatures for all hrefs of a page: containers are asked for once, hrefs are then signed without waiting for anybody.

use chrono::{DateTime, Utc};

use crate::storage::{Location, Places, Signing};

/// Containers outside of the allowed places that are remembered: links to pages of all the world may be among the hrefs.
const MAX_OUTSIDE: usize = 32;

/// What signs the hrefs of a page.
#[derive(Debug, Clone)]
pub struct Signatures {
    places: Places,
    roots: Vec<Root>,
}

/// A container, as far as a page's hrefs lie in it.
#[derive(Debug, Clone)]
pub(super) struct Root {
    /// What all hrefs in it begin with.
    pub(super) prefix: String,
    /// True: all of it may be read; else each object is looked at.
    pub(super) is_whole: bool,
    pub(super) signing: Signing,
}

/// How an href is shown to those who hold no credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// As it is: it needs none, or may not be read here.
    AsIs,
    /// As that of the proxy: no signature can be had for it.
    Proxied,
    /// With a signature.
    Signed(String),
}

impl Signatures {
    pub(super) fn new(places: Places) -> Self {
        Self { places, roots: Vec::new() }
    }

    /// True when the container of an href is known.
    pub(super) fn knows(&self, href: &str) -> bool {
        href.starts_with('/') || self.root(href).is_some()
    }

    pub(super) fn add(&mut self, root: Root) {
        self.roots.push(root);
    }

    pub(super) fn has_room(&self) -> bool {
        self.roots.len() < MAX_OUTSIDE
    }

    /// True when the signature of an href takes long to make.
    pub(super) fn are_slow(&self, href: &str) -> bool {
        self.root(href)
            .is_some_and(|root| matches!(&root.signing, Signing::Granted(grant) if grant.is_slow()))
    }

    fn root(&self, href: &str) -> Option<&Root> {
        self.roots.iter().find(|root| href.starts_with(&root.prefix))
    }

    /// When the first of them ends; nothing when nothing is signed.
    #[must_use]
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        let grants = self.roots.iter().filter_map(|root| match &root.signing {
            Signing::Granted(grant) => Some(grant.expires()),
            Signing::Open | Signing::Unable(_) => None,
        });
        grants.min()
    }

    /// How an absolute href is shown.
    #[must_use]
    pub fn show(&self, href: &str) -> Shown {
        if href.starts_with('/') {
            return Shown::Proxied;
        }
        let Some(root) = self.root(href) else { return Shown::AsIs };
        let parsed = || Location::parse(href).ok().filter(|at| root.is_whole || self.places.allow(at));
        match &root.signing {
            Signing::Open => Shown::AsIs,
            Signing::Unable(_) => parsed().map_or(Shown::AsIs, |_allowed| Shown::Proxied),
            Signing::Granted(grant) => {
                parsed().and_then(|at| grant.sign(&at)).map_or(Shown::AsIs, Shown::Signed)
            }
        }
    }
}
