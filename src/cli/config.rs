//! Raw settings (arguments, `CAIRN_…`, `cairn.toml`) become one checked [`Config`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::logs::LogFormat;
use crate::api::AssetHrefs;
use crate::patch::Limits;
use crate::storage::{Environment, Location, Settings, Storage, StoreSettings};

/// The settings of a server. Each can also be given as `CAIRN_…` in the environment or as a key of `cairn.toml`.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServeOptions {
    /// File with these settings as keys
    #[arg(long, env = "CAIRN_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "CAIRN_BIND", value_name = "ADDR")]
    bind: Option<String>,

    /// Base of all links [default: from the request]
    #[arg(long, env = "CAIRN_PUBLIC_URL", value_name = "URL")]
    #[serde(alias = "public-url")]
    public_url: Option<String>,

    /// Further place that asset hrefs may be read from (repeatable) [default: where the catalogue was loaded from]
    #[arg(long, env = "CAIRN_ALLOW", value_name = "LOCATION", value_delimiter = ',')]
    #[serde(default)]
    allow: Vec<String>,

    /// How asset hrefs are shown [default: auto]
    #[arg(long, env = "CAIRN_ASSET_HREFS", value_name = "MODE")]
    #[serde(alias = "asset-hrefs")]
    asset_hrefs: Option<HrefMode>,

    /// Bearer token that writes need (repeatable)
    #[arg(long, env = "CAIRN_TOKEN", value_name = "TOKEN", value_delimiter = ',', hide_env_values = true)]
    #[serde(default)]
    token: Vec<String>,

    /// Folder for snapshots of catalogues, from which the next start is fast [default: the user's cache folder]
    #[arg(long, env = "CAIRN_CACHE_DIR", value_name = "DIR")]
    #[serde(alias = "cache-dir")]
    cache_dir: Option<PathBuf>,

    /// Memory for decoded blocks, in bytes; 0: none are kept [default: 512 MiB]
    #[arg(long, env = "CAIRN_CACHE_BYTES", value_name = "BYTES")]
    #[serde(alias = "cache-bytes")]
    cache_bytes: Option<u64>,

    /// Bound on a whole answer of /patch, in bytes [default: 512 MiB]
    #[arg(long, env = "CAIRN_MAX_PATCH_BYTES", value_name = "BYTES")]
    #[serde(alias = "max-patch-bytes")]
    max_patch_bytes: Option<u64>,

    /// Seconds between looks for changes in the catalogue; 0: never [default: 60 for stores, 5 for disk]
    #[arg(long, env = "CAIRN_REFRESH", value_name = "SECONDS")]
    refresh: Option<u64>,

    /// How stores are accessed, by prefix; only in the file
    #[arg(skip)]
    #[serde(default)]
    store: Vec<StoreSettings>,

    /// How log lines are written [default: text]
    #[arg(long, env = "CAIRN_LOG_FORMAT", value_name = "FORMAT")]
    #[serde(alias = "log-format")]
    log_format: Option<LogFormat>,

    /// Say nothing but warnings and errors
    #[arg(long, short)]
    #[serde(default)]
    quiet: bool,
}

/// `--asset-hrefs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HrefMode {
    /// As in the catalogue, but the proxy's URL for assets on the server's own disk
    Auto,
    /// Always as in the catalogue: disk paths become visible
    Original,
    /// Always the proxy's URL
    Proxy,
    /// Signed where the server's credentials can, else as proxy
    Signed,
}

/// How often to look for changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresh {
    Never,
    Every(Duration),
    /// As is cheap for where the catalogue lies.
    Usual,
}

impl Refresh {
    /// The pause between two looks at a catalogue on the disk, or in a store.
    pub(super) fn pause(self, is_remote: bool) -> Option<Duration> {
        match self {
            Self::Never => None,
            Self::Every(pause) => Some(pause),
            Self::Usual if is_remote => Some(STORE_REFRESH),
            Self::Usual => Some(DISK_REFRESH),
        }
    }
}

/// Checked settings of a server.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) bind: SocketAddr,
    pub(super) public_url: Option<String>,
    pub(super) allow: Vec<Location>,
    pub(super) asset_hrefs: AssetHrefs,
    pub(super) limits: Limits,
    pub(super) refresh: Refresh,
    /// How stores are accessed.
    pub(super) stores: Settings,
    /// Where snapshots are kept; nothing when the user has no folder for caches.
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) log_format: LogFormat,
    pub(super) quiet: bool,
    /// Settings that are accepted and have no effect in this version.
    pub(super) without_effect: Vec<&'static str>,
}

const DEFAULT_BIND: &str = "127.0.0.1:8080";
const DEFAULT_MAX_PATCH_BYTES: u64 = 512 << 20;
const DEFAULT_CACHE_BYTES: u64 = 512 << 20;
const DISK_REFRESH: Duration = Duration::from_secs(5);
const STORE_REFRESH: Duration = Duration::from_mins(1);

impl ServeOptions {
    /// Fills what was not given from the file, then from the defaults, and checks all of it.
    pub(super) fn check(self) -> anyhow::Result<Config> {
        let file = self.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let bind = self.bind.or(file.bind).unwrap_or_else(|| DEFAULT_BIND.to_owned());
        let public_url = self.public_url.or(file.public_url).map(|url| check_url(&url)).transpose()?;
        let allow = if self.allow.is_empty() { file.allow } else { self.allow };
        let allow = allow
            .iter()
            .map(|text| Location::parse(text).with_context(|| format!("--allow {text}")))
            .collect::<Result<_, _>>()?;
        let asset_hrefs = match self.asset_hrefs.or(file.asset_hrefs) {
            None | Some(HrefMode::Auto) => AssetHrefs::Auto,
            Some(HrefMode::Original) => AssetHrefs::Original,
            Some(HrefMode::Proxy) => AssetHrefs::Proxy,
            Some(HrefMode::Signed) => AssetHrefs::Signed,
        };
        let refresh = match self.refresh.or(file.refresh) {
            None => Refresh::Usual,
            Some(0) => Refresh::Never,
            Some(seconds) => Refresh::Every(Duration::from_secs(seconds)),
        };
        let stores = Settings::new(file.store, Environment::of_process()).context("prefix of a [[store]]")?;
        let without_effect = [("token", !self.token.is_empty() || !file.token.is_empty())];
        Ok(Config {
            cache_dir: self.cache_dir.or(file.cache_dir).or_else(user_cache),
            bind: resolve(&bind)?,
            public_url,
            allow,
            asset_hrefs,
            limits: Limits {
                answer_bytes: self
                    .max_patch_bytes
                    .or(file.max_patch_bytes)
                    .unwrap_or(DEFAULT_MAX_PATCH_BYTES),
                cache_bytes: self.cache_bytes.or(file.cache_bytes).unwrap_or(DEFAULT_CACHE_BYTES),
            },
            refresh,
            stores,
            log_format: self.log_format.or(file.log_format).unwrap_or(LogFormat::Text),
            quiet: self.quiet || file.quiet,
            without_effect: without_effect
                .into_iter()
                .filter(|(_, given)| *given)
                .map(|(name, _)| name)
                .collect(),
        })
    }
}

/// The user's folder for what can be made again, by the XDG base directory specification.
pub(super) fn user_cache() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")))?.join("cairn"))
}

/// The stores as the file that `CAIRN_CONFIG` names and the environment describe them, for commands without `--config`.
pub(super) fn storage() -> anyhow::Result<Storage> {
    let file = std::env::var_os("CAIRN_CONFIG").map(PathBuf::from);
    let stores = file.as_deref().map(read_file).transpose()?.unwrap_or_default().store;
    let settings = Settings::new(stores, Environment::of_process()).context("prefix of a [[store]]")?;
    Ok(Storage::new(settings))
}

fn read_file(path: &Path) -> anyhow::Result<ServeOptions> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read --config {}", path.display()))?;
    // The parser's own message has several lines.
    toml::from_str(&text)
        .map_err(|error| anyhow::anyhow!("in --config {}: {}", path.display(), error.message()))
}

fn resolve(bind: &str) -> anyhow::Result<SocketAddr> {
    use std::net::ToSocketAddrs;
    let expected = || format!("--bind {bind}: expected an address and a port, such as {DEFAULT_BIND}");
    bind.to_socket_addrs().with_context(expected)?.next().with_context(expected)
}

fn check_url(text: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(text).with_context(|| format!("--public-url {text}"))?;
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https") && url.has_host(),
        "--public-url {text}: expected an http or https URL"
    );
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_both_spellings_and_no_unknown_key() {
        let of = |text: &str| toml::from_str::<ServeOptions>(text);
        assert_eq!(of("max_patch_bytes = 5").expect("keys").max_patch_bytes, Some(5));
        assert_eq!(of("max-patch-bytes = 5").expect("keys").max_patch_bytes, Some(5));
        assert!(of("max_patch = 5").expect_err("unknown").to_string().contains("max_patch"));
    }

    #[test]
    fn stores_are_set_by_prefix_and_keep_their_secrets() {
        let text = "[[store]]\nprefix = 's3://a'\nprofile = 'allas'\n[[store]]\nprefix = 'az://c'\naccount = 'x'\naccount-key = 'S3CR3T'";
        let options = toml::from_str::<ServeOptions>(text).expect("stores");
        assert_eq!(options.store.len(), 2);
        assert!(!format!("{options:?}").contains("S3CR3T"));
        let unknown = toml::from_str::<ServeOptions>("[[store]]\nprefix = 's3://a'\npassword = 'x'");
        assert!(unknown.expect_err("unknown").to_string().contains("password"));
    }

    #[test]
    fn arguments_win_over_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("cairn.toml");
        std::fs::write(&file, "bind = '127.0.0.1:1'\nrefresh = 0\nallow = ['/a']").expect("write");
        let options = ServeOptions {
            config: Some(file),
            bind: Some("127.0.0.1:2".to_owned()),
            ..ServeOptions::default()
        };
        let config = options.check().expect("a config");
        assert_eq!(config.bind.port(), 2);
        assert_eq!(config.refresh, Refresh::Never);
        assert_eq!(config.allow.len(), 1);
    }

    #[test]
    fn faults_name_the_option() {
        let bad = ServeOptions { bind: Some("nowhere".to_owned()), ..ServeOptions::default() };
        assert!(format!("{:#}", bad.check().expect_err("a fault")).contains("--bind nowhere"));
    }
}
