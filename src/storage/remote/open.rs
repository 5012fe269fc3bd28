//! A container becomes a client.

use std::sync::{Arc, PoisonError};

use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, RetryConfig};
use url::Url;

use super::address::Address;
use super::resolver::Resolver;
use super::wire::{Host, Wire};
use super::{Access, CONNECT, KEPT_CONNECTIONS, Remote, azure, s3};
use crate::storage::counters::StoreKind;
use crate::storage::settings::{Environment, StoreSettings};
use crate::storage::{Location, Secret, StorageError};

impl Remote {
    /// Finds endpoint and credentials as they are now, and makes a client.
    pub(super) fn open(
        &self,
        location: &Location,
        address: &Address,
        ticket: Option<Secret>,
    ) -> Result<Access, StorageError> {
        let failed = |reason: String| StorageError::Settings { location: location.clone(), reason };
        let settings = self.store_settings(location);
        let environment = &self.settings.environment;
        match address.kind {
            StoreKind::S3 => {
                let bucket = s3::Bucket::resolve(address, &settings, environment).map_err(failed)?;
                let wire = self.wire(&bucket.endpoint, StoreKind::S3, &settings).map_err(failed)?;
                let host = Arc::clone(&wire.host);
                let store = bucket.open(wire, environment).map_err(|error| failed(error.to_string()))?;
                Ok(Access { objects: store, is_web_server: false, host })
            }
            StoreKind::Azure => {
                let container =
                    azure::Container::resolve(address, &settings, environment, ticket).map_err(failed)?;
                let wire = self.wire(&container.endpoint, StoreKind::Azure, &settings).map_err(failed)?;
                let host = Arc::clone(&wire.host);
                let store = container.open(wire, environment).map_err(failed)?;
                Ok(Access { objects: store, is_web_server: false, host })
            }
            StoreKind::Google => {
                let endpoint = settings.endpoint.as_deref().unwrap_or("https://storage.googleapis.com");
                let wire = self.wire(endpoint, StoreKind::Google, &settings).map_err(failed)?;
                let host = Arc::clone(&wire.host);
                let store = Arc::new(self.google(address, &settings, wire).map_err(failed)?);
                Ok(Access { objects: store, is_web_server: false, host })
            }
            StoreKind::Http | StoreKind::Local => {
                let mut url = address.root.clone();
                url.set_query(ticket.as_ref().map(Secret::reveal));
                let wire = self.wire(&address.container, StoreKind::Http, &settings).map_err(failed)?;
                let host = Arc::clone(&wire.host);
                let store = HttpBuilder::new()
                    .with_url(url)
                    .with_client_options(ClientOptions::new().with_allow_http(true))
                    .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
                    .with_http_connector(wire)
                    .build()
                    .map_err(|_bad| failed("it is no URL that can be asked for".to_owned()))?;
                Ok(Access { objects: Arc::new(store), is_web_server: true, host })
            }
        }
    }

    pub(super) fn store_settings(&self, location: &Location) -> StoreSettings {
        self.settings.of(location).map(|(_, settings)| settings.clone()).unwrap_or_default()
    }

    /// Google's own tools keep credentials in a file that a variable names, or where `gcloud` puts them.
    fn google(
        &self,
        address: &Address,
        settings: &StoreSettings,
        wire: Wire,
    ) -> Result<object_store::gcp::GoogleCloudStorage, String> {
        let environment = &self.settings.environment;
        let account = environment.first(&["GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"]);
        let key = environment.first(&["GOOGLE_SERVICE_ACCOUNT_KEY"]);
        let usual = environment
            .first(&["HOME"])
            .map(|home| format!("{home}/.config/gcloud/application_default_credentials.json"))
            .filter(|path| std::path::Path::new(path).exists());
        let named = environment.first(&["GOOGLE_APPLICATION_CREDENTIALS"]).map(str::to_owned).or(usual);
        let asked =
            settings.instance_metadata.unwrap_or_else(|| environment.is_true("CAIRN_INSTANCE_METADATA"));
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&address.container)
            .with_client_options(ClientOptions::new().with_allow_http(true))
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(wire);
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
        }
        builder = match (key, account, named) {
            _ if settings.anonymous => builder.with_skip_signature(true),
            (Some(key), _, _) => builder.with_service_account_key(key),
            (None, Some(path), _) => builder.with_service_account_path(path),
            (None, None, Some(path)) => builder.with_application_credentials(path),
            (None, None, None) if asked => builder,
            (None, None, None) => builder.with_skip_signature(true),
        };
        builder.build().map_err(|_secret| {
            "its Google credentials cannot be used; see GOOGLE_APPLICATION_CREDENTIALS".to_owned()
        })
    }

    /// What carries the requests to an endpoint.
    pub(super) fn wire(
        &self,
        endpoint: &str,
        kind: StoreKind,
        settings: &StoreSettings,
    ) -> Result<Wire, String> {
        let client = self.client.get_or_init(|| client(&self.settings.environment)).clone()?;
        let name = Url::parse(endpoint).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = Arc::clone(hosts.entry(name).or_insert_with(|| Arc::new(Host::new())));
        let counters = Arc::clone(&self.counters);
        Ok(Wire { client, host, counters, kind, patience: settings.patience() })
    }
}

/// One client for all stores: its connections are kept by host. Redirects lead nowhere but to the same server, since another
/// may be a place that nobody allowed.
fn client(environment: &Environment) -> Result<reqwest::Client, String> {
    // Fails only where it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let same_server = reqwest::redirect::Policy::custom(|attempt| {
        let first = attempt.previous().first();
        let is_same = first.is_some_and(|first| first.origin() == attempt.url().origin());
        if is_same && attempt.previous().len() < 5 { attempt.follow() } else { attempt.stop() }
    });
    let authorities = environment.first(&["AWS_CA_BUNDLE"]).map(authorities).transpose()?;
    reqwest::Client::builder()
        .tls_certs_merge(authorities.unwrap_or_default())
        .user_agent(concat!("cairn/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(KEPT_CONNECTIONS)
        .tcp_nodelay(true)
        .http1_only()
        .redirect(same_server)
        .dns_resolver(Arc::new(Resolver))
        .referer(false)
        .build()
        .map_err(|error| format!("no HTTPS client can be made: {}", error.without_url()))
}

/// Certificates of authorities that are trusted besides those of the system and of `SSL_CERT_FILE`.
fn authorities(path: &str) -> Result<Vec<reqwest::Certificate>, String> {
    let bytes =
        std::fs::read(path).map_err(|error| format!("cannot read {path} of AWS_CA_BUNDLE: {error}"))?;
    let found = reqwest::Certificate::from_pem_bundle(&bytes).ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| format!("{path} of AWS_CA_BUNDLE holds no certificates in PEM form"))
}
