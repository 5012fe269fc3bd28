//! Azure Blob Storage: which account, at which endpoint, by which credentials.

use std::sync::Arc;

use object_store::azure::{
    AzureAccessKey, AzureConfigKey, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder, split_sas,
};
use object_store::client::StaticCredentialProvider;
use object_store::{ClientOptions, RetryConfig};
use url::Url;

use super::address::{Address, BLOB_HOST};
use super::wire::Wire;
use crate::storage::Secret;
use crate::storage::settings::{Environment, StoreSettings};

/// Where a container is, and who asks.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) account: String,
    name: String,
    /// URL of the account.
    pub(super) endpoint: String,
    pub(super) identity: Identity,
}

#[derive(Debug)]
pub(super) enum Identity {
    Nobody,
    Key(Secret),
    Sas(Secret),
    /// A service principal, or the machine's own identity.
    Platform,
}

/// One place that tells of an account: settings, or the environment.
#[derive(Debug, Default)]
struct Told {
    account: Option<String>,
    endpoint: Option<String>,
    key: Option<Secret>,
    sas: Option<Secret>,
}

impl Told {
    fn of_settings(settings: &StoreSettings) -> Self {
        let own = Self {
            account: settings.account.clone(),
            endpoint: settings.endpoint.clone(),
            key: settings.account_key.clone(),
            sas: settings.sas_token.clone(),
        };
        own.or(settings.connection_string.as_ref())
    }

    fn of_environment(environment: &Environment) -> Self {
        let text = |names: &[&str]| environment.first(names).map(str::to_owned);
        let secret = |names: &[&str]| environment.first(names).map(Secret::new);
        let own = Self {
            account: text(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]),
            endpoint: text(&["AZURE_STORAGE_ENDPOINT", "AZURE_STORAGE_SERVICE_ENDPOINT", "AZURE_ENDPOINT"]),
            key: secret(&["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY"]),
            sas: secret(&["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"]),
        };
        own.or(secret(&["AZURE_STORAGE_CONNECTION_STRING"]).as_ref())
    }

    /// Fills what is not given from a connection string.
    fn or(self, connection: Option<&Secret>) -> Self {
        let parts = |name: &str| {
            let found = connection?
                .reveal()
                .split(';')
                .filter_map(|part| part.split_once('='))
                .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
            Some(found.1.trim().to_owned()).filter(|value| !value.is_empty())
        };
        // The emulator's well-known account, which is no secret: its documentation prints it.
        let is_emulator =
            parts("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let emulator = |value: &str| is_emulator.then(|| value.to_owned());
        let account = self.account.or_else(|| parts("AccountName")).or_else(|| emulator("devstoreaccount1"));
        let of_suffix = || {
            let suffix = parts("EndpointSuffix").filter(|suffix| suffix != "core.windows.net")?;
            Some(format!("https://{}.blob.{suffix}", account.as_deref()?))
        };
        let endpoint = self.endpoint.or_else(|| parts("BlobEndpoint")).or_else(of_suffix);
        Self {
            endpoint: endpoint.or_else(|| emulator("http://127.0.0.1:10000/devstoreaccount1")),
            key: self.key.or_else(|| parts("AccountKey").or_else(|| emulator(EMULATOR_KEY)).map(Secret::new)),
            sas: self.sas.or_else(|| parts("SharedAccessSignature").map(Secret::new)),
            account,
        }
    }

    /// The URL of its account, when it is not in Azure's own cloud.
    fn elsewhere(&self) -> Option<Url> {
        let url = Url::parse(self.endpoint.as_deref()?).ok()?;
        let is_own = url.host_str().is_some_and(|host| host.ends_with(BLOB_HOST));
        (matches!(url.scheme(), "http" | "https") && !is_own).then_some(url)
    }
}

/// Key of the emulator's account, as its documentation has it.
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// URLs of the accounts elsewhere than in Azure's own cloud that settings and environment tell of.
pub(super) fn endpoints<'a>(
    settings: impl Iterator<Item = &'a StoreSettings>,
    environment: &Environment,
) -> Vec<Url> {
    // An `endpoint` without an account is one of S3.
    let of_settings = settings.map(Told::of_settings).filter(|told| told.account.is_some());
    of_settings.chain([Told::of_environment(environment)]).filter_map(|told| told.elsewhere()).collect()
}

/// The URL of the container of an `az://` location: that of its account, when that is known.
pub(super) fn public_root(
    address: &Address,
    settings: &StoreSettings,
    environment: &Environment,
) -> Option<Url> {
    let container = Container::resolve(address, settings, environment, None).ok()?;
    Url::parse(&format!("{}/{}/", container.endpoint, container.name)).ok()
}

impl Container {
    /// Finds endpoint and credentials: a signature that came with the location first, then settings, then the environment,
    /// whose credentials are for its own account only.
    ///
    /// # Errors
    /// Says what is missing.
    pub(super) fn resolve(
        address: &Address,
        settings: &StoreSettings,
        environment: &Environment,
        ticket: Option<Secret>,
    ) -> Result<Self, String> {
        let (set, env) = (Told::of_settings(settings), Told::of_environment(environment));
        let is_at = |told: &Told| match (&address.account, told.elsewhere()) {
            (None, Some(endpoint)) if address.root.scheme() != "az" => {
                address.root.origin() == endpoint.origin()
                    && address.root.path().starts_with(endpoint.path().trim_end_matches('/'))
            }
            _ => true,
        };
        let named = address.account.clone().or_else(|| {
            [&set, &env].into_iter().filter(|told| is_at(told)).find_map(|told| told.account.clone())
        });
        let account = named.ok_or(
            "its storage account is not known; set AZURE_STORAGE_ACCOUNT_NAME, or write https://ACCOUNT.blob.core.windows.net/container/path",
        )?;
        let is_own = |told: &&Told| is_at(told) && told.account.as_ref().is_none_or(|own| *own == account);
        let told: Vec<&Told> = [&set, &env].into_iter().filter(is_own).collect();
        let endpoint = told.iter().find_map(|told| told.endpoint.clone());
        let endpoint = endpoint.unwrap_or_else(|| format!("https://{account}{BLOB_HOST}"));
        let sas = || told.iter().find_map(|told| told.sas.clone()).map(Identity::Sas);
        let key = || told.iter().find_map(|told| told.key.clone()).map(Identity::Key);
        let principal =
            ["AZURE_CLIENT_ID", "AZURE_TENANT_ID"].iter().all(|name| environment.first(&[*name]).is_some())
                || ["AZURE_STORAGE_CLIENT_ID", "AZURE_STORAGE_TENANT_ID"]
                    .iter()
                    .all(|name| environment.first(&[*name]).is_some());
        let asked =
            settings.instance_metadata.unwrap_or_else(|| environment.is_true("CAIRN_INSTANCE_METADATA"));
        let platform = (principal || asked).then_some(Identity::Platform);
        let identity = match ticket {
            Some(ticket) => Identity::Sas(ticket),
            None if settings.anonymous => Identity::Nobody,
            None => key().or_else(sas).or(platform).unwrap_or(Identity::Nobody),
        };
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Self { account, name: address.container.clone(), endpoint, identity })
    }

    /// The credential that requests are signed with, where it does not have to be asked for.
    ///
    /// # Errors
    /// When key or signature are no such thing.
    pub(super) fn credential(&self) -> Result<Option<AzureCredential>, String> {
        match &self.identity {
            Identity::Nobody | Identity::Platform => Ok(None),
            Identity::Key(key) => AzureAccessKey::try_new(key.reveal())
                .map(|key| Some(AzureCredential::AccessKey(key)))
                .map_err(|_not_base64| "the key of its storage account is not in base64".to_owned()),
            Identity::Sas(sas) => split_sas(sas.reveal())
                .map(|pairs| Some(AzureCredential::SASToken(pairs)))
                .map_err(|_odd| "its shared access signature is not of the form sv=…&sig=…".to_owned()),
        }
    }

    /// A client of the container.
    ///
    /// # Errors
    /// When the settings do not fit together.
    pub(super) fn open(&self, wire: Wire, environment: &Environment) -> Result<Arc<MicrosoftAzure>, String> {
        let mut builder = MicrosoftAzureBuilder::new()
            .with_account(&self.account)
            .with_container_name(&self.name)
            .with_endpoint(self.endpoint.clone())
            .with_allow_http(self.endpoint.starts_with("http://"))
            .with_disable_tagging(true)
            .with_client_options(ClientOptions::new())
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(wire);
        match self.credential()? {
            Some(credential) => {
                builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
            }
            None if matches!(self.identity, Identity::Nobody) => builder = builder.with_skip_signature(true),
            None => {
                for (names, key) in [
                    (["AZURE_STORAGE_CLIENT_ID", "AZURE_CLIENT_ID"], AzureConfigKey::ClientId),
                    (["AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"], AzureConfigKey::ClientSecret),
                    (["AZURE_STORAGE_TENANT_ID", "AZURE_TENANT_ID"], AzureConfigKey::AuthorityId),
                    (
                        ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_STORAGE_FEDERATED_TOKEN_FILE"],
                        AzureConfigKey::FederatedTokenFile,
                    ),
                    (["AZURE_AUTHORITY_HOST", "AZURE_STORAGE_AUTHORITY_HOST"], AzureConfigKey::AuthorityHost),
                    (["IDENTITY_ENDPOINT", "AZURE_MSI_ENDPOINT"], AzureConfigKey::MsiEndpoint),
                ] {
                    if let Some(value) = environment.first(&names) {
                        builder = builder.with_config(key, value);
                    }
                }
            }
        }
        builder.build().map(Arc::new).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Location;

    fn container<const N: usize>(text: &str, variables: [(&str, &str); N]) -> Result<Container, String> {
        let environment = Environment::of(variables);
        let endpoints = endpoints(std::iter::empty(), &environment);
        let address =
            Address::of(&Location::parse(text).expect("a location"), &endpoints).expect("an address");
        Container::resolve(&address, &StoreSettings::default(), &environment, None)
    }

    #[test]
    fn accounts_are_named_by_the_location_or_the_environment() {
        let names = [("AZURE_STORAGE_ACCOUNT", "acc"), ("AZURE_STORAGE_KEY", "a2V5")];
        let own = container("az://c/x", names).expect("a container");
        assert_eq!(
            (own.account.as_str(), own.endpoint.as_str()),
            ("acc", "https://acc.blob.core.windows.net")
        );
        assert!(matches!(own.identity, Identity::Key(_)));
        assert!(container("az://c/x", []).expect_err("no account").contains("AZURE_STORAGE_ACCOUNT_NAME"));
    }

    #[test]
    fn credentials_of_one_account_are_not_sent_to_another() {
        let names = [("AZURE_STORAGE_ACCOUNT_NAME", "mine"), ("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=x")];
        let mine = container("https://mine.blob.core.windows.net/c/x", names).expect("a container");
        assert!(matches!(mine.identity, Identity::Sas(_)));
        let other = container("https://other.blob.core.windows.net/c/x", names).expect("a container");
        assert!(matches!(other.identity, Identity::Nobody));
    }

    #[test]
    fn a_connection_string_tells_of_an_emulator() {
        let text = "DefaultEndpointsProtocol=http;AccountName=dev;AccountKey=a2V5PT0=;BlobEndpoint=http://127.0.0.1:9/dev;";
        for at in ["az://c/x", "http://127.0.0.1:9/dev/c/x"] {
            let found = container(at, [("AZURE_STORAGE_CONNECTION_STRING", text)]).expect("a container");
            assert_eq!(
                (found.account.as_str(), found.endpoint.as_str()),
                ("dev", "http://127.0.0.1:9/dev"),
                "{at}"
            );
            assert!(matches!(&found.identity, Identity::Key(key) if key.reveal() == "a2V5PT0="));
            assert!(!format!("{found:?}").contains("a2V5"));
        }
        let emulator =
            container("az://c/x", [("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true")]);
        assert_eq!(emulator.expect("a container").account, "devstoreaccount1");
    }
}
