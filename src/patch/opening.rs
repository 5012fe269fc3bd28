//! The rasters of a request's Items, many opened together.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::PatchError;
use super::grid::Lattice;
use super::source::{BandSource, band_source, failed, item_name, storage_failed};
use crate::cog::{Headers, OpenError, Opened};
use crate::stac::ItemFacts;
use crate::storage::{Location, Places, in_one_line};

/// The rasters that one request has opened, by the hrefs of their assets: each is looked at once a request.
#[derive(Debug)]
pub(super) struct OpenRasters<'a> {
    headers: &'a Headers,
    places: &'a Places,
    by_href: HashMap<String, Result<Arc<Opened>, Failure>>,
}

/// Why a raster is not open.
#[derive(Debug, Clone)]
enum Failure {
    /// Its href is no location, for this reason.
    Href(String),
    /// It cannot be opened.
    Open(Arc<OpenError>),
}

impl<'a> OpenRasters<'a> {
    /// None yet; they are opened through `headers`, as far as `places` allow.
    pub(super) fn new(headers: &'a Headers, places: &'a Places) -> Self {
        Self { headers, places, by_href: HashMap::new() }
    }

    /// Opens the rasters that the named bands of Items lie in, all that are not open yet at once.
    pub(super) async fn open(&mut self, items: impl IntoIterator<Item = &ItemFacts>, names: &[String]) {
        let (mut hrefs, mut locations) = (Vec::new(), Vec::new());
        for item in items {
            for asset in names.iter().filter_map(|name| item.assets.get(item.band(name)?.asset)) {
                let href = asset.href.as_str();
                if self.by_href.contains_key(href) {
                    continue;
                }
                let failure = match Location::parse(href) {
                    Ok(location) => {
                        hrefs.push(href.to_owned());
                        locations.push(location);
                        "not opened yet".to_owned()
                    }
                    Err(error) => error.to_string(),
                };
                self.by_href.insert(href.to_owned(), Err(Failure::Href(failure)));
            }
        }
        let opened = self.headers.get_all(self.places, locations).await;
        self.by_href
            .extend(hrefs.into_iter().zip(opened.into_iter().map(|opened| opened.map_err(Failure::Open))));
    }

    /// The named bands of an Item that has them all, their rasters open.
    pub(super) async fn open_bands(
        &mut self,
        item: &ItemFacts,
        names: &[String],
    ) -> Result<Vec<BandSource>, PatchError> {
        self.open([item], names).await;
        self.bands(item, names)
    }

    /// The grid of the finest of an Item's bands.
    pub(super) async fn lattice_of(
        &mut self,
        item: &ItemFacts,
        names: &[String],
    ) -> Result<Lattice, PatchError> {
        let sources = self.open_bands(item, names).await?;
        let finest = sources
            .iter()
            .map(|source| source.lattice)
            .min_by(|a, b| a.resolution().total_cmp(&b.resolution()));
        finest.ok_or_else(|| PatchError::no_band("bands", "", item))
    }

    /// The named bands of an Item whose rasters were opened, in their order.
    pub(super) fn bands(&self, item: &ItemFacts, names: &[String]) -> Result<Vec<BandSource>, PatchError> {
        let band = |name: &String| {
            let no_band = || PatchError::no_band("bands", name, item);
            let at = item.band(name).ok_or_else(no_band)?;
            let href = item.assets.get(at.asset).map(|asset| asset.href.as_str());
            match href.and_then(|href| self.by_href.get(href)).ok_or_else(no_band)? {
                Ok(opened) => band_source(item, name, at, opened),
                Err(failure) => Err(failure.of_band(item, name)),
            }
        };
        names.iter().map(band).collect()
    }
}

impl Failure {
    fn of_band(&self, item: &ItemFacts, name: &str) -> PatchError {
        let error = match self {
            Self::Href(cause) => {
                return failed(item, name, "its href is no location".to_owned(), cause.clone());
            }
            Self::Open(error) => error.as_ref(),
        };
        let reason = match error {
            OpenError::Storage(error) => return storage_failed(item, name, error),
            OpenError::Outside { location } => {
                let (item, band) = (item_name(item), name.to_owned());
                return PatchError::Forbidden { item, band, cause: location.to_string() };
            }
            OpenError::Parse { source, .. } => format!("no raster that can be read: {source}"),
            OpenError::TooLarge { limit, .. } => format!("its header takes more than {limit} bytes"),
        };
        failed(item, name, reason, in_one_line(error))
    }
}
