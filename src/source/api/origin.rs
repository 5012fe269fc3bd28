//! Where a file comes from, and one request for it.

use std::fmt;
use std::path::Path;

use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use url::Url;

use super::client::{ApiError, Client, bare, send};
use super::disk::Share;
use super::download::{Download, DownloadError, length};
use crate::storage::{Location, Storage};

/// Bytes of one request to a store.
const PIECE_BYTES: u64 = 8 << 20;

/// Where a file comes from; shown without its query, which may be a secret.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A web server.
    Web {
        /// Speaks HTTP.
        client: Client,
        /// With its signature, where it has one.
        url: Url,
    },
    /// A bucket or container.
    Store {
        /// Speaks to it.
        storage: Storage,
        /// Where in it.
        location: Location,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web { url, .. } => f.write_str(&bare(url)),
            Self::Store { location, .. } => location.fmt(f),
        }
    }
}

impl Origin {
    /// The file's length; nothing where it cannot be told beforehand.
    pub async fn size(&self) -> Option<u64> {
        match self {
            Self::Web { client, url } => {
                let head = send(url, || client.http.request(Method::HEAD, url.clone())).await.ok()?;
                length_of(head.headers()).filter(|_| head.status().is_success())
            }
            Self::Store { storage, location } => Some(storage.meta(location).await.ok()?.len),
        }
    }

    /// One request; the reason when it broke off.
    pub(super) async fn attempt(
        &self,
        download: &Download<'_>,
        part: &Path,
        tag: &Path,
        share: &mut Share<'_>,
    ) -> Result<Option<String>, DownloadError> {
        let etag = fs::read_to_string(tag).await.ok().filter(|etag| !etag.is_empty());
        let have = if etag.is_some() { length(part).await } else { 0 };
        let attempt = Attempt { download, part, tag, etag: etag.filter(|_| have > 0), have };
        match self {
            Self::Web { client, url } => attempt.web(client, url, share).await,
            Self::Store { storage, location } => attempt.store(storage, location, share).await,
        }
    }
}

/// A request for what is missing of a part.
struct Attempt<'a> {
    download: &'a Download<'a>,
    part: &'a Path,
    tag: &'a Path,
    /// Of the object that the part is of.
    etag: Option<String>,
    /// Bytes of it that are there.
    have: u64,
}

impl Attempt<'_> {
    async fn web(
        &self,
        client: &Client,
        url: &Url,
        share: &mut Share<'_>,
    ) -> Result<Option<String>, DownloadError> {
        let mut answer = send(url, || {
            let request = client.http.get(url.clone());
            match &self.etag {
                Some(etag) => request.header(RANGE, format!("bytes={}-", self.have)).header(IF_RANGE, etag),
                None => request,
            }
        })
        .await?;
        if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // All of it, or more than there is now: begin anew.
            fs::remove_file(self.part).await.map_err(self.download.refused(self.part))?;
            return Ok(Some("the part that was there is not one of it".to_owned()));
        }
        if !answer.status().is_success() {
            return Err(ApiError::Status { url: bare(url), status: answer.status() }.into());
        }
        let goes_on = answer.status() == StatusCode::PARTIAL_CONTENT;
        let mut len = if goes_on { self.have } else { 0 };
        if let Some(rest) = length_of(answer.headers()) {
            share.grow(len.saturating_add(rest)).map_err(self.download.full())?;
        }
        let etag = answer.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
        let mut file = self.open(goes_on, etag).await?;
        let broke = loop {
            match answer.chunk().await {
                Ok(Some(piece)) => {
                    len += piece.len() as u64;
                    self.write(&mut file, &piece, len, share).await?;
                }
                Ok(None) => break None,
                Err(error) => break Some(error.without_url().to_string()),
            }
        };
        self.end(file, broke.is_none()).await?;
        Ok(broke)
    }

    async fn store(
        &self,
        storage: &Storage,
        location: &Location,
        share: &mut Share<'_>,
    ) -> Result<Option<String>, DownloadError> {
        let meta = storage.meta(location).await?;
        let goes_on = self.etag.as_ref() == Some(&meta.etag) && self.have <= meta.len;
        let mut len = if goes_on { self.have } else { 0 };
        self.download.bound(meta.len)?;
        share.grow(meta.len).map_err(self.download.full())?;
        let mut file = self.open(goes_on, &meta.etag).await?;
        while len < meta.len {
            let range = len..meta.len.min(len + PIECE_BYTES);
            for piece in storage.read_ranges(location, &meta.etag, std::slice::from_ref(&range)).await? {
                self.write(&mut file, &piece, range.end, share).await?;
            }
            len = range.end;
        }
        self.end(file, true).await?;
        Ok(None)
    }

    /// The part, to go on or to begin anew as one of the object with this `ETag`.
    async fn open(&self, goes_on: bool, etag: &str) -> Result<File, DownloadError> {
        let refused = |path| self.download.refused(path);
        // A weak tag does not say that bytes are the same.
        let etag = if etag.starts_with("W/") { "" } else { etag };
        if !goes_on {
            // Whoever is cut off between the two has a part of nothing.
            fs::write(self.tag, "").await.map_err(refused(self.tag))?;
        }
        let mut options = fs::OpenOptions::new();
        options.create(true).write(true).append(goes_on).truncate(!goes_on);
        let file = options.open(self.part).await.map_err(refused(self.part))?;
        fs::write(self.tag, etag).await.map_err(refused(self.tag))?;
        Ok(file)
    }

    /// Writes a piece, up to which the file has this length.
    async fn write(
        &self,
        file: &mut File,
        piece: &[u8],
        len: u64,
        share: &mut Share<'_>,
    ) -> Result<(), DownloadError> {
        self.download.bound(len)?;
        share.grow(len).map_err(self.download.full())?;
        file.write_all(piece).await.map_err(self.download.refused(self.part))
    }

    async fn end(&self, mut file: File, is_whole: bool) -> Result<(), DownloadError> {
        file.flush().await.map_err(self.download.refused(self.part))?;
        if is_whole {
            file.sync_all().await.map_err(self.download.refused(self.part))?;
        }
        Ok(())
    }
}

/// The length of a body, as the headers tell it: that of an answer to HEAD is not sent.
fn length_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
