//! The files of Items, some at once.

use std::collections::HashSet;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use reqwest::StatusCode;
use url::Url;

use super::item::{File, Wanted};
use super::journal::{Failure, replace};
use super::options::{FetchError, Report};
use crate::source::api::{
    ApiError, BLOCK_BYTES, Client, Disk, Download, DownloadError, Full, Origin, Signer, on_disk,
};
use crate::storage::{Location, Storage, in_one_line};

/// Copies of a document that are made in the end: in the folder, in the tree and the one before it, in table and snapshot.
const COPIES: u64 = 5;
/// Room for the folders of one Item, in bytes.
const FOLDERS_BYTES: u64 = 5 * BLOCK_BYTES;

/// Brings files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) client: Client,
    pub(super) signer: Option<Signer>,
    pub(super) storage: Storage,
    pub(super) disk: Arc<Disk>,
    pub(super) jobs: usize,
}

/// What became of the files of some Items.
#[derive(Debug, Default)]
pub(super) struct Came {
    pub(super) new: usize,
    pub(super) there: usize,
    pub(super) failures: Vec<Failure>,
    /// What did not fit in the limit.
    pub(super) full: Option<String>,
}

impl Came {
    pub(super) fn add_to(self, report: &mut Report) {
        report.new += self.new;
        report.there += self.there;
        report.failures.extend(self.failures);
    }
}

impl Files {
    /// Bytes that these Items will take beyond what is there, as far as that is known.
    pub(super) async fn needed(&self, items: &[Wanted]) -> u64 {
        let files = items.iter().flat_map(|item| &item.files).filter(|file| !file.path.exists());
        let sizes = stream::iter(files.cloned().collect::<Vec<_>>()).map(|file| async move {
            match file.checked.size {
                Some(size) => Some(size),
                None => self.origin(&file.href).await.ok()?.size().await,
            }
        });
        let sum = sizes
            .buffer_unordered(self.jobs)
            .fold(0, |sum: u64, size| std::future::ready(sum.saturating_add(on_disk(size.unwrap_or(0)))))
            .await;
        sum + items.iter().map(|item| documents_bytes(item.localised(&HashSet::new()).len())).sum::<u64>()
    }

    /// Downloads the files of Items, and writes each Item with those that came.
    pub(super) async fn fetch(&self, items: &[Wanted], period: Option<&str>) -> Result<Came, FetchError> {
        let mut came = Came::default();
        let mut of_item: Vec<HashSet<&str>> = vec![HashSet::new(); items.len()];
        let mut open: Vec<usize> = items.iter().map(|item| item.files.len()).collect();
        let files =
            items.iter().enumerate().flat_map(|(n, item)| item.files.iter().map(move |file| (n, file)));
        let mut results = stream::iter(files.collect::<Vec<_>>())
            .map(|(n, file)| async move { (n, file, self.file(file).await) })
            .buffer_unordered(self.jobs);
        while let Some((n, file, result)) = results.next().await {
            let item = &items[n];
            let failure = |asset: Option<&File>, error: String| Failure {
                period: period.map(str::to_owned),
                collection: Some(item.collection.clone()),
                item: Some(item.id.clone()),
                asset: asset.map(|file| file.key.clone()),
                error,
            };
            match result {
                Ok(is_new) => {
                    came.new += usize::from(is_new);
                    came.there += usize::from(!is_new);
                    of_item[n].insert(file.key.as_str());
                }
                Err(error) => {
                    let text = in_one_line(&error);
                    if matches!(error, DownloadError::Full { .. }) {
                        came.full.get_or_insert_with(|| text.clone());
                    }
                    came.failures.push(failure(Some(file), text));
                }
            }
            open[n] -= 1;
            if open[n] == 0
                && !of_item[n].is_empty()
                && let Err(full) = self.document(item, &of_item[n])?
            {
                came.full.get_or_insert_with(|| full.to_string());
                came.failures.push(failure(None, full.to_string()));
            }
        }
        Ok(came)
    }

    fn document(&self, item: &Wanted, came: &HashSet<&str>) -> Result<Result<(), Full>, FetchError> {
        let bytes = item.localised(came);
        if let Err(full) = self.disk.reserve(documents_bytes(bytes.len())) {
            return Ok(Err(full));
        }
        replace(&item.document, &bytes).map_err(FetchError::disk(&item.document))?;
        Ok(Ok(()))
    }

    /// Downloads one file; false when it was there already.
    async fn file(&self, file: &File) -> Result<bool, DownloadError> {
        let mut origin = self.origin(&file.href).await?;
        for is_last in [false, true] {
            let download =
                Download { origin: &origin, path: &file.path, checked: &file.checked, disk: &self.disk };
            if download.is_there().await? {
                return Ok(false);
            }
            match download.run().await {
                Err(DownloadError::Api(ApiError::Status { status: StatusCode::FORBIDDEN, .. }))
                    if self.signer.is_some() && !is_last => {}
                other => return other.map(|()| true),
            }
            // The signature ran out while others were downloaded.
            origin = self.origin(&file.href).await?;
        }
        Ok(true)
    }

    /// Where an href leads: to a web server, or to a store. Files of this disk are none of an API's business.
    async fn origin(&self, href: &str) -> Result<Origin, DownloadError> {
        let url = Url::parse(href).ok();
        if let Some(url) = url.filter(|url| matches!(url.scheme(), "http" | "https")) {
            let url = match &self.signer {
                Some(signer) => signer.sign(&self.client, &url).await?,
                None => url,
            };
            return Ok(Origin::Web { client: self.client.clone(), url });
        }
        let location = Location::parse(href).ok().filter(|location| location.as_path().is_none());
        match location.filter(|_| href.contains("://")) {
            Some(location) => {
                Ok(Origin::Store { storage: self.storage.clone(), location: self.storage.adopt(location) })
            }
            None => Err(DownloadError::Href { href: href.split('?').next().unwrap_or_default().to_owned() }),
        }
    }
}

/// Room for all that is made of a document of this length, in bytes.
fn documents_bytes(len: usize) -> u64 {
    COPIES * on_disk(len as u64) + FOLDERS_BYTES
}
