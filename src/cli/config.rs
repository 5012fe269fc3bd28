//! Raw settings (arguments, `CAIRN_…`, `cairn.toml`) become one checked [`Config`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::addresses::{check_origins, check_url, resolve};
use super::logs::LogFormat;
use crate::api::{AssetHrefs, Network, Origins, Tokens, Trusted};
use crate::patch::Limits;
use crate::storage::{Environment, Location, Secret, Settings, Storage, StoreSettings};

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

    /// Bearer token that writes need (repeatable); none: nothing is written
    #[arg(long, env = "CAIRN_TOKEN", value_name = "TOKEN", value_delimiter = ',', hide_env_values = true, value_parser = secret)]
    #[serde(default)]
    token: Vec<Secret>,

    /// Folder for snapshots of catalogues and headers of rasters, from which the next start is fast, and for what
    /// --cache-disk-bytes allows [default: the user's cache folder]
    #[arg(long, env = "CAIRN_CACHE_DIR", value_name = "DIR")]
    #[serde(alias = "cache-dir")]
    cache_dir: Option<PathBuf>,

    /// Memory for decoded blocks, in bytes; 0: none are kept [default: 512 MiB]
    #[arg(long, env = "CAIRN_CACHE_BYTES", value_name = "BYTES")]
    #[serde(alias = "cache-bytes")]
    cache_bytes: Option<u64>,

    /// Disk for blocks of rasters in stores, in bytes, in a folder of --cache-dir; 0: none are kept [default: 0]
    #[arg(long, env = "CAIRN_CACHE_DISK_BYTES", value_name = "BYTES")]
    #[serde(alias = "cache-disk-bytes")]
    cache_disk_bytes: Option<u64>,

    /// Bound on a whole answer of /patch, in bytes [default: 512 MiB]
    #[arg(long, env = "CAIRN_MAX_PATCH_BYTES", value_name = "BYTES")]
    #[serde(alias = "max-patch-bytes")]
    max_patch_bytes: Option<u64>,

    /// Site whose scripts may read answers, such as `https://example.org` (repeatable); none: no other site [default: all]
    #[arg(long, env = "CAIRN_CORS_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    #[serde(default, alias = "cors-origin")]
    cors_origin: Vec<String>,

    /// Address or network of a proxy before the server, whose X-Forwarded-For says who asks (repeatable) [default: none]
    #[arg(long, env = "CAIRN_TRUST_PROXY", value_name = "NETWORK", value_delimiter = ',')]
    #[serde(default, alias = "trust-proxy")]
    trust_proxy: Vec<String>,

    /// Connections at once; one client has no more of them than it leaves free [default: 4096]
    #[arg(long, env = "CAIRN_MAX_CONNECTIONS", value_name = "COUNT")]
    #[serde(alias = "max-connections")]
    max_connections: Option<usize>,

    /// Seconds that answers under way may take to end after SIGTERM [default: 10]
    #[arg(long, env = "CAIRN_DRAIN_SECONDS", value_name = "SECONDS")]
    #[serde(alias = "drain-seconds")]
    drain_seconds: Option<u64>,

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
    /// Who may write.
    pub(super) tokens: Tokens,
    pub(super) limits: Limits,
    pub(super) refresh: Refresh,
    /// Sites whose scripts may read answers.
    pub(super) origins: Origins,
    /// Proxies that say who asks.
    pub(super) trusted: Trusted,
    /// Connections at once.
    pub(super) max_connections: usize,
    /// How long answers under way may take to end.
    pub(super) drain: Duration,
    /// How stores are accessed.
    pub(super) stores: Settings,
    /// Where snapshots are kept; nothing when the user has no folder for caches.
    pub(super) cache_dir: Option<PathBuf>,
    /// The folder for ranges of objects in stores, and how much of its disk they may take.
    pub(super) ranges: Option<(PathBuf, u64)>,
    pub(super) log_format: LogFormat,
    pub(super) quiet: bool,
}

const DEFAULT_MAX_CONNECTIONS: usize = 4096;
const DEFAULT_DRAIN: Duration = Duration::from_secs(10);
pub(super) const DEFAULT_BIND: &str = "127.0.0.1:8080";
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
        let origins = if self.cors_origin.is_empty() { file.cors_origin } else { self.cors_origin };
        let proxies = if self.trust_proxy.is_empty() { file.trust_proxy } else { self.trust_proxy };
        let proxies = proxies
            .iter()
            .map(|text| text.parse::<Network>().context("--trust-proxy"))
            .collect::<Result<_, _>>()?;
        let max_connections =
            self.max_connections.or(file.max_connections).unwrap_or(DEFAULT_MAX_CONNECTIONS);
        anyhow::ensure!(max_connections > 0, "--max-connections 0: expected at least 1");
        let refresh = match self.refresh.or(file.refresh) {
            None => Refresh::Usual,
            Some(0) => Refresh::Never,
            Some(seconds) => Refresh::Every(Duration::from_secs(seconds)),
        };
        let stores = Settings::new(file.store, Environment::of_process()).context("prefix of a [[store]]")?;
        let tokens = if self.token.is_empty() { file.token } else { self.token };
        // An empty variable in the environment means none.
        let tokens = Tokens::new(tokens.iter().map(Secret::reveal).filter(|token| !token.is_empty()));
        let tokens = tokens.context("--token")?;
        let cache_dir = self.cache_dir.or(file.cache_dir).or_else(user_cache);
        let ranges = match self.cache_disk_bytes.or(file.cache_disk_bytes) {
            None | Some(0) => None,
            Some(bytes) => {
                let folder = cache_dir.as_ref().map(|folder| folder.join("ranges"));
                let expected = format!(
                    "--cache-disk-bytes {bytes}: expected --cache-dir with it, since this user has no folder for caches"
                );
                Some((folder.context(expected)?, bytes))
            }
        };
        Ok(Config {
            cache_dir,
            ranges,
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
            origins: check_origins(&origins)?,
            trusted: Trusted::new(proxies),
            max_connections,
            drain: self.drain_seconds.or(file.drain_seconds).map_or(DEFAULT_DRAIN, Duration::from_secs),
            stores,
            log_format: self.log_format.or(file.log_format).unwrap_or(LogFormat::Text),
            quiet: self.quiet || file.quiet,
            tokens,
        })
    }
}

/// A text that is never shown.
#[expect(clippy::unnecessary_wraps, reason = "what reads arguments may fail")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
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
    fn the_example_has_every_setting_and_is_understood() {
        use clap::CommandFactory as _;

        #[derive(clap::Parser)]
        struct Arguments {
            #[command(flatten)]
            _options: ServeOptions,
        }
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cairn.toml");
        let options = ServeOptions { config: Some(file.clone()), ..ServeOptions::default() };
        let config = options.check().expect("an example that is understood");
        assert_eq!(config.max_connections, DEFAULT_MAX_CONNECTIONS);
        let text = std::fs::read_to_string(file).expect("the example");
        let keys: toml::Table = toml::from_str(&text).expect("TOML");
        let command = Arguments::command();
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "config") {
            assert!(keys.contains_key(argument.get_id().as_str()), "{} is missing", argument.get_id());
        }
        // Those of stores have no arguments: the message for an unknown one names them all.
        let unknown = toml::from_str::<StoreSettings>("nothing = 1").expect_err("unknown").to_string();
        let stores = keys["store"].as_array().expect("stores");
        let known = unknown.split_once("expected one of").expect("names").1;
        for name in known.split('`').skip(1).step_by(2).filter(|name| !name.contains('-')) {
            let is_there = name == "endpoint_url" || stores.iter().any(|store| store.get(name).is_some());
            assert!(is_there, "{name} is missing");
        }
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
    fn tokens_come_from_the_file_and_are_never_shown() {
        let options = toml::from_str::<ServeOptions>("token = ['S3CR3T', '']").expect("tokens");
        assert!(!format!("{options:?}").contains("S3CR3T"));
        let config = options.check().expect("a config");
        assert!(config.tokens.are_given() && !format!("{config:?}").contains("S3CR3T"));
        let empty = ServeOptions { token: vec![Secret::new("")], ..ServeOptions::default() };
        assert!(!empty.check().expect("a config").tokens.are_given());
        let spaced = ServeOptions { token: vec![Secret::new("S3 CR3T")], ..ServeOptions::default() };
        let fault = format!("{:#}", spaced.check().expect_err("a fault"));
        assert!(fault.contains("--token") && !fault.contains("CR3T"), "{fault}");
    }

    #[test]
    fn faults_name_the_option() {
        let bad = ServeOptions { bind: Some("nowhere".to_owned()), ..ServeOptions::default() };
        assert!(format!("{:#}", bad.check().expect_err("a fault")).contains("--bind nowhere"));
    }
}
