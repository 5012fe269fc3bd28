//! One file from a web server: resumed where a download was cut off, checked, and whole or not there.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use reqwest::header::{ETAG, IF_RANGE, RANGE};
use ring::digest::{Context, SHA256};
use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use super::client::{ApiError, Client, bare, send};

/// Times that a broken connection is taken up again.
const RESUMED: usize = 5;
/// Bytes read at once to check a file.
const PIECE_BYTES: usize = 1 << 20;

/// Why a file did not come.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The server did not give it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The connection broke, and again.
    #[error("{url} broke off: {reason}; run the command again, it goes on from there")]
    Broken {
        /// Without its query.
        url: String,
        /// What the library says.
        reason: String,
    },
    /// The disk refused.
    #[error("cannot write {}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Not the bytes that the Item promises.
    #[error("{url} has the {what} {found}, but its Item says {expected}")]
    Differs {
        /// Without its query.
        url: String,
        /// Size or checksum.
        what: &'static str,
        /// Of what came.
        found: String,
        /// What the Item says.
        expected: String,
    },
}

/// What an Item promises of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// `file:size`, in bytes.
    pub size: Option<u64>,
    /// `file:checksum`: a multihash in hexadecimal. SHA-256 is checked, others are not.
    pub checksum: Option<String>,
}

/// Downloads a file to `path`; false when it is there already and as promised.
///
/// What comes is kept in `.{name}.part` until it is whole, with the server's `ETag` in `.{name}.etag`: a download that is cut off
/// goes on from there, unless the file is another one by then.
///
/// # Errors
/// When it cannot be had, or is not what was promised: nothing is left of it then.
pub async fn download(
    client: &Client,
    url: &Url,
    path: &Path,
    checked: &Checked,
) -> Result<bool, DownloadError> {
    let disk = |source| DownloadError::Disk { path: path.to_owned(), source };
    if fs::metadata(path).await.is_ok() && check(url, path, checked).await.is_ok() {
        return Ok(false);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = |ending: &str| path.with_file_name(format!(".{name}.{ending}"));
    let (part, tag) = (beside("part"), beside("etag"));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await.map_err(disk)?;
    }
    let mut last = String::new();
    for _ in 0..RESUMED {
        match attempt(client, url, &part, &tag).await? {
            None => {
                if let Err(error) = check(url, &part, checked).await {
                    let _gone = fs::remove_file(&part).await;
                    return Err(error);
                }
                fs::rename(&part, path).await.map_err(disk)?;
                let _gone = fs::remove_file(&tag).await;
                return Ok(true);
            }
            Some(reason) => last = reason,
        }
    }
    Err(DownloadError::Broken { url: bare(url), reason: last })
}

/// One request; the reason when it broke off.
async fn attempt(
    client: &Client,
    url: &Url,
    part: &Path,
    tag: &Path,
) -> Result<Option<String>, DownloadError> {
    let disk = |source| DownloadError::Disk { path: part.to_owned(), source };
    let etag = fs::read_to_string(tag).await.ok().filter(|etag| !etag.is_empty());
    let have = match &etag {
        Some(_) => fs::metadata(part).await.map_or(0, |metadata| metadata.len()),
        None => 0,
    };
    let mut answer = send(url, || {
        let request = client.http.get(url.clone());
        match &etag {
            Some(etag) if have > 0 => request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, etag),
            _ => request,
        }
    })
    .await?;
    let goes_on = answer.status() == StatusCode::PARTIAL_CONTENT;
    if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        // All of it, or more than there is now: begin anew.
        fs::remove_file(part).await.map_err(disk)?;
        return Ok(Some("the part that was there is not one of it".to_owned()));
    }
    if !answer.status().is_success() {
        return Err(ApiError::Status { url: bare(url), status: answer.status() }.into());
    }
    // A weak tag does not say that bytes are the same.
    let now =
        answer.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).filter(|etag| !etag.starts_with("W/"));
    fs::write(tag, now.unwrap_or_default()).await.map_err(disk)?;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .append(goes_on)
        .truncate(!goes_on)
        .open(part)
        .await
        .map_err(disk)?;
    let broke = loop {
        match answer.chunk().await {
            Ok(Some(piece)) => file.write_all(&piece).await.map_err(disk)?,
            Ok(None) => break None,
            Err(error) => break Some(error.without_url().to_string()),
        }
    };
    file.flush().await.map_err(disk)?;
    if broke.is_none() {
        file.sync_all().await.map_err(disk)?;
    }
    Ok(broke)
}

/// Holds a file against what was promised.
async fn check(url: &Url, path: &Path, checked: &Checked) -> Result<(), DownloadError> {
    let disk = |source| DownloadError::Disk { path: path.to_owned(), source };
    let differs = |what, found: String, expected: String| DownloadError::Differs {
        url: bare(url),
        what,
        found,
        expected,
    };
    let size = fs::metadata(path).await.map_err(disk)?.len();
    if let Some(expected) = checked.size.filter(|expected| *expected != size) {
        return Err(differs("size", size.to_string(), expected.to_string()));
    }
    // 12 is SHA-256, 20 its length in bytes.
    let Some(expected) = checked.checksum.as_deref().and_then(|sum| sum.strip_prefix("1220")) else {
        return Ok(());
    };
    let mut file = fs::File::open(path).await.map_err(disk)?;
    let (mut sum, mut piece) = (Context::new(&SHA256), vec![0; PIECE_BYTES]);
    loop {
        let len = file.read(&mut piece).await.map_err(disk)?;
        if len == 0 {
            break;
        }
        let (bytes, state) = (piece, sum);
        // Hashing is work for a processor.
        let hashed = tokio::task::spawn_blocking(move || {
            let mut state = state;
            state.update(bytes.get(..len).unwrap_or_default());
            (bytes, state)
        });
        (piece, sum) = hashed.await.map_err(|error| disk(io::Error::other(error)))?;
    }
    let found = sum.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    });
    if found.eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        Err(differs("SHA-256", found, expected.to_owned()))
    }
}
