//! What `cairn.toml` and the environment say of stores.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Location, LocationError, Secret};

/// How long an answer may take to begin, and then each further piece of it, unless said otherwise.
const PATIENCE: Duration = Duration::from_secs(15);

/// One `[[store]]` of `cairn.toml`: how everything below a prefix is accessed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// The location that it is for, with all below it.
    pub prefix: String,
    /// Profile in `~/.aws/config` and `~/.aws/credentials`.
    pub profile: Option<String>,
    /// URL of the service, where it is not the cloud's own.
    #[serde(alias = "endpoint-url", alias = "endpoint_url")]
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
    /// True: requests are not signed.
    #[serde(default)]
    pub anonymous: bool,
    /// True: the bucket stands in the path; false: in the host's name.
    #[serde(alias = "path-style")]
    pub path_style: Option<bool>,
    /// True: the machine's own identity is asked for when there are no other credentials.
    #[serde(alias = "instance-metadata")]
    pub instance_metadata: Option<bool>,
    /// True: the bucket's owner lets who reads pay.
    #[serde(default, alias = "requester-pays")]
    pub requester_pays: bool,
    /// S3 access key id.
    #[serde(alias = "access-key-id")]
    pub access_key_id: Option<Secret>,
    /// S3 secret access key.
    #[serde(alias = "secret-access-key")]
    pub secret_access_key: Option<Secret>,
    /// S3 session token.
    #[serde(alias = "session-token")]
    pub session_token: Option<Secret>,
    /// Azure storage account.
    pub account: Option<String>,
    /// Key of the Azure storage account.
    #[serde(alias = "account-key")]
    pub account_key: Option<Secret>,
    /// Azure shared access signature.
    #[serde(alias = "sas-token")]
    pub sas_token: Option<Secret>,
    /// Azure connection string.
    #[serde(alias = "connection-string")]
    pub connection_string: Option<Secret>,
    /// Seconds that an answer may take to begin, and then each further piece of it (15).
    #[serde(alias = "timeout-seconds")]
    pub timeout_seconds: Option<u64>,
    /// Seconds that signatures which Cairn hands out are good for (3600; 4 at least, 6 days at most).
    #[serde(alias = "sign-seconds")]
    pub sign_seconds: Option<u64>,
}

impl StoreSettings {
    pub(super) fn patience(&self) -> Duration {
        self.timeout_seconds.filter(|seconds| *seconds > 0).map_or(PATIENCE, Duration::from_secs)
    }
}

/// The variables of the environment, as they were at the start.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        let texts =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self(texts.collect())
    }

    /// These and no others.
    #[must_use]
    pub fn of<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The first of these that is set and not empty.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.0.get(*name)).map(String::as_str).find(|value| !value.is_empty())
    }

    /// True when the variable says so.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.first(&[name])
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes"))
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment(…)")
    }
}

/// All settings of stores, checked.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    stores: Vec<(Location, StoreSettings)>,
    pub(super) environment: Environment,
}

impl Settings {
    /// Checks the prefixes.
    ///
    /// # Errors
    /// When one is no location.
    pub fn new(stores: Vec<StoreSettings>, environment: Environment) -> Result<Self, LocationError> {
        let located = stores.into_iter().map(|store| Ok((Location::parse(&store.prefix)?, store)));
        Ok(Self { stores: located.collect::<Result<_, LocationError>>()?, environment })
    }

    /// The index and the settings of the longest prefix that holds the location.
    pub(super) fn of(&self, location: &Location) -> Option<(usize, &StoreSettings)> {
        let holding = self.stores.iter().enumerate().filter(|(_, (prefix, _))| location.is_below(prefix));
        let longest = holding.max_by_key(|(_, (prefix, _))| prefix.to_string().len());
        longest.map(|(nth, (_, settings))| (nth, settings))
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &StoreSettings> {
        self.stores.iter().map(|(_, settings)| settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let store = |prefix: &str, profile: &str| StoreSettings {
            prefix: prefix.to_owned(),
            profile: Some(profile.to_owned()),
            ..StoreSettings::default()
        };
        let all = vec![store("s3://b/p", "deep"), store("s3://b", "bucket"), store("s3://other", "x")];
        let settings = Settings::new(all, Environment::default()).expect("settings");
        let profile = |text: &str| {
            let location = Location::parse(text).expect("a location");
            settings.of(&location).and_then(|(_, store)| store.profile.clone())
        };
        assert_eq!(profile("s3://b/p/x.tif").as_deref(), Some("deep"));
        assert_eq!(profile("s3://b/pq/x.tif").as_deref(), Some("bucket"));
        assert_eq!(profile("s3://c/x.tif"), None);
    }
}
