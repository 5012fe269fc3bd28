//! A location in a store: which container, and which object in it.

use object_store::path::Path;
use url::Url;

use crate::storage::counters::StoreKind;
use crate::storage::{Location, StorageError};

/// Where Azure's own accounts are.
pub(super) const BLOB_HOST: &str = ".blob.core.windows.net";

/// A location, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) kind: StoreKind,
    /// Bucket or container; the origin of a web server.
    pub(super) container: String,
    /// Azure account, where the location names it.
    pub(super) account: Option<String>,
    /// The container itself, as a location.
    pub(super) root: Url,
    /// The object in it.
    pub(super) path: Path,
}

impl Address {
    /// Takes a location apart; `endpoints` are URLs of Azure accounts elsewhere than in Azure's own cloud.
    ///
    /// # Errors
    /// When it names no container, or an object that no store can hold.
    pub(super) fn of(location: &Location, endpoints: &[Url]) -> Result<Self, StorageError> {
        let Location::Remote(url) = location else {
            return Err(StorageError::Unsupported { location: location.clone(), what: "it is a local path" });
        };
        let settings =
            |reason: &str| StorageError::Settings { location: location.clone(), reason: reason.to_owned() };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| settings("it names no bucket, container or host"))?.to_owned();
        let mut root = url.clone();
        root.set_query(None);
        root.set_fragment(None);
        let kind = match url.scheme() {
            "s3" => StoreKind::S3,
            "gs" => StoreKind::Google,
            "az" => StoreKind::Azure,
            _ => {
                let own = (url.scheme() == "https").then(|| host.strip_suffix(BLOB_HOST)).flatten();
                let account = own.map(|account| ("/".to_owned(), Some(account.to_owned())));
                let elsewhere = || {
                    let found = endpoints.iter().find(|endpoint| {
                        Location::Remote(url.clone()).is_below(&Location::Remote((*endpoint).clone()))
                    })?;
                    Some((format!("{}/", found.path().trim_end_matches('/')), None))
                };
                let Some((base, account)) = account.or_else(elsewhere) else {
                    root.set_path("/");
                    let path = object(url.path(), location)?;
                    let container = root.origin().ascii_serialization();
                    return Ok(Self { kind: StoreKind::Http, container, account: None, root, path });
                };
                let rest = url.path().strip_prefix(&base).unwrap_or_default();
                let (container, path) = rest.split_once('/').unwrap_or((rest, ""));
                if container.is_empty() {
                    return Err(settings("it names no container; expected https://ACCOUNT…/container/path"));
                }
                root.set_path(&format!("{base}{container}/"));
                let (container, path) = (container.to_owned(), object(path, location)?);
                return Ok(Self { kind: StoreKind::Azure, container, account, root, path });
            }
        };
        root.set_path("/");
        Ok(Self { kind, container: host, account: None, root, path: object(url.path(), location)? })
    }

    /// The location of an object in the same container.
    pub(super) fn location_of(&self, path: &Path) -> Location {
        Location::Remote(self.root.clone()).below(path.as_ref())
    }
}

fn object(path: &str, location: &Location) -> Result<Path, StorageError> {
    Path::from_url_path(path.trim_matches('/')).map_err(|_invalid| StorageError::Settings {
        location: location.clone(),
        reason: "its path has an empty or a dotted part, which Cairn reads in no store".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        let azurite = Url::parse("http://127.0.0.1:10000/devstoreaccount1").expect("a URL");
        Address::of(&Location::parse(text).expect("a location"), &[azurite]).expect("an address")
    }

    #[test]
    fn locations_of_all_kinds_are_taken_apart() {
        for (text, kind, container, path) in [
            ("s3://bucket/a/b.tif", StoreKind::S3, "bucket", "a/b.tif"),
            ("s3://Bucket_1", StoreKind::S3, "Bucket_1", ""),
            ("az://container/a%20b", StoreKind::Azure, "container", "a b"),
            ("abfs://container/a", StoreKind::Azure, "container", "a"),
            ("https://acc.blob.core.windows.net/c/a/b", StoreKind::Azure, "c", "a/b"),
            ("abfss://c@acc.dfs.core.windows.net/a/b", StoreKind::Azure, "c", "a/b"),
            ("http://127.0.0.1:10000/devstoreaccount1/c/a", StoreKind::Azure, "c", "a"),
            ("gs://bucket/x", StoreKind::Google, "bucket", "x"),
            ("http://127.0.0.1:10001/c/a", StoreKind::Http, "http://127.0.0.1:10001", "c/a"),
            ("https://h/a", StoreKind::Http, "https://h", "a"),
        ] {
            let address = address(text);
            let found = (address.kind, address.container.as_str(), address.path.as_ref());
            assert_eq!(found, (kind, container, path), "{text}");
        }
        assert_eq!(address("abfss://c@acc.dfs.core.windows.net/a").account.as_deref(), Some("acc"));
    }

    proptest! {
        #[test]
        fn an_object_leads_back_to_its_location(parts in proptest::collection::vec("[a-zA-Z0-9 %#?:+=äö_-][a-zA-Z0-9 .%#?:+=äö_-]{0,6}", 1..4)) {
            let path = Path::parse(parts.join("/")).expect("a path");
            for root in ["s3://b/x", "https://acc.blob.core.windows.net/c/x", "http://127.0.0.1:10000/devstoreaccount1/c/x", "https://h/x"] {
                let address = address(root);
                let location = address.location_of(&path);
                let again = Address::of(&location, &[Url::parse("http://127.0.0.1:10000/devstoreaccount1").expect("a URL")]);
                prop_assert_eq!(again.expect("an address").path, path.clone());
                prop_assert_eq!(Location::parse(&location.to_href()).expect("a location"), location);
            }
        }
    }
}
