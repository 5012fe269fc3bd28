//! The rasters of many Items' bands, opened together.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::PatchError;
use super::source::{BandSource, band_source, failed, item_name, storage_failed};
use crate::cog::{Headers, OpenError, Opened};
use crate::stac::ItemFacts;
use crate::storage::{Location, Places, in_one_line};

/// Open rasters by the hrefs of their assets.
#[derive(Debug)]
pub(super) struct OpenRasters<'a> {
    by_href: HashMap<&'a str, Result<Arc<Opened>, Failure>>,
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
    /// Opens the rasters that the named bands of Items lie in, each once.
    pub(super) async fn of(
        headers: &Headers,
        places: &Places,
        items: impl IntoIterator<Item = &'a ItemFacts>,
        names: &[String],
    ) -> Self {
        let mut by_href = HashMap::new();
        let (mut hrefs, mut locations) = (Vec::new(), Vec::new());
        for item in items {
            for asset in names.iter().filter_map(|name| item.assets.get(item.band(name)?.asset)) {
                let href = asset.href.as_str();
                if by_href.contains_key(href) {
                    continue;
                }
                let failure = match Location::parse(href) {
                    Ok(location) => {
                        hrefs.push(href);
                        locations.push(location);
                        "not opened yet".to_owned()
                    }
                    Err(error) => error.to_string(),
                };
                by_href.insert(href, Err(Failure::Href(failure)));
            }
        }
        let opened = headers.get_all(places, locations).await;
        by_href.extend(hrefs.into_iter().zip(opened.into_iter().map(|opened| opened.map_err(Failure::Open))));
        Self { by_href }
    }

    /// The named bands of one of the Items, in their order.
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
