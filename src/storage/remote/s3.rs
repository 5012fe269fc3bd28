//! S3 and what speaks like it: which endpoint, which style of address, whose credentials.

use std::sync::Arc;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{ClientOptions, RetryConfig};

use super::address::Address;
use super::profile::{self, Profile};
use super::wire::Wire;
use crate::storage::Secret;
use crate::storage::settings::{Environment, StoreSettings};

/// Where a bucket is, and who asks.
#[derive(Debug)]
pub(super) struct Bucket {
    name: String,
    pub(super) region: String,
    /// With the bucket in it where that stands in the host's name.
    pub(super) endpoint: String,
    pub(super) path_style: bool,
    pub(super) requester_pays: bool,
    identity: Identity,
}

#[derive(Debug)]
enum Identity {
    Nobody,
    Keys {
        id: Secret,
        secret: Secret,
        token: Option<Secret>,
    },
    /// What the platform gives to processes: a web identity, a container's role, the machine's own.
    Platform,
}

/// Variables by which a platform says that it gives credentials.
const PLATFORM: [&str; 3] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

impl Bucket {
    /// Finds endpoint, region and credentials: settings first, then the environment, then the profile.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub(super) fn resolve(
        address: &Address,
        settings: &StoreSettings,
        environment: &Environment,
    ) -> Result<Self, String> {
        let variable = |names: &[&str]| environment.first(names).map(str::to_owned);
        let asked_profile =
            settings.profile.clone().or_else(|| variable(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]));
        let name = asked_profile.as_deref().unwrap_or("default");
        let profile = profile::read(environment, name)?;
        if profile.is_none() && asked_profile.is_some() {
            return Err(format!("there is no profile '{name}' in ~/.aws/config or ~/.aws/credentials"));
        }
        let profile = profile.unwrap_or_default();
        let identity = identity(settings, environment, &profile, name)?;
        let ignored = environment.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        let elsewhere = settings.endpoint.clone().or_else(|| {
            let set = variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]);
            set.or_else(|| profile.endpoint.clone()).filter(|_| !ignored)
        });
        let region = settings.region.clone().or_else(|| variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
        let region = region.or(profile.region).unwrap_or_else(|| "us-east-1".to_owned());
        // A certificate of *.s3… holds for one label only.
        let has_dots = address.container.contains('.');
        let style = settings.path_style.or(profile.path_style);
        let path_style = style.unwrap_or(elsewhere.is_some() || has_dots);
        let endpoint = elsewhere.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let mut url = url::Url::parse(&endpoint)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| format!("its endpoint '{}' is no http or https URL", shown(&endpoint)))?;
        if !path_style {
            let host = format!("{}.{}", address.container, url.host_str().unwrap_or_default());
            url.set_host(Some(&host))
                .map_err(|error| format!("the bucket cannot stand in a host's name: {error}"))?;
        }
        Ok(Self {
            name: address.container.clone(),
            region,
            endpoint: url.as_str().trim_end_matches('/').to_owned(),
            path_style,
            requester_pays: settings.requester_pays || environment.first(&["AWS_REQUEST_PAYER"]).is_some(),
            identity,
        })
    }

    /// True when requests are signed.
    pub(super) fn is_signed(&self) -> bool {
        !matches!(self.identity, Identity::Nobody)
    }

    /// A client of the bucket.
    ///
    /// # Errors
    /// When the settings do not fit together.
    pub(super) fn open(&self, wire: Wire, environment: &Environment) -> object_store::Result<Arc<AmazonS3>> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.name)
            .with_region(&self.region)
            .with_endpoint(&self.endpoint)
            .with_virtual_hosted_style_request(!self.path_style)
            .with_allow_http(self.endpoint.starts_with("http://"))
            .with_request_payer(self.requester_pays)
            .with_disable_tagging(true)
            .with_disable_bulk_delete(true)
            .with_client_options(ClientOptions::new())
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_http_connector(wire);
        match &self.identity {
            Identity::Nobody => builder = builder.with_skip_signature(true),
            Identity::Keys { id, secret, token } => {
                builder = builder.with_access_key_id(id.reveal()).with_secret_access_key(secret.reveal());
                if let Some(token) = token {
                    builder = builder.with_token(token.reveal());
                }
            }
            Identity::Platform => {
                for (variable, key) in [
                    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
                    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
                    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
                    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
                    (
                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
                    ),
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
                    (
                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                        AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
                    ),
                    ("AWS_METADATA_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
                ] {
                    if let Some(value) = environment.first(&[variable]) {
                        builder = builder.with_config(key, value);
                    }
                }
            }
        }
        builder.build().map(Arc::new)
    }

    /// What creating the bucket has to say: another region than the first is named.
    pub(super) fn creation(&self) -> String {
        if self.region == "us-east-1" || !self.endpoint.ends_with(".amazonaws.com") {
            return String::new();
        }
        let region = &self.region;
        format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        )
    }
}

fn identity(
    settings: &StoreSettings,
    environment: &Environment,
    profile: &Profile,
    name: &str,
) -> Result<Identity, String> {
    if settings.anonymous || environment.is_true("AWS_NO_SIGN_REQUEST") {
        return Ok(Identity::Nobody);
    }
    let of_environment = (
        environment.first(&["AWS_ACCESS_KEY_ID"]).map(Secret::new),
        environment.first(&["AWS_SECRET_ACCESS_KEY"]).map(Secret::new),
        environment.first(&["AWS_SESSION_TOKEN"]).map(Secret::new),
    );
    let of_settings =
        (settings.access_key_id.clone(), settings.secret_access_key.clone(), settings.session_token.clone());
    let of_profile =
        (profile.access_key_id.clone(), profile.secret_access_key.clone(), profile.session_token.clone());
    // A profile that was asked for by name in the settings wins over the environment, as in the AWS tools.
    let order = if settings.profile.is_some() {
        [("cairn.toml", of_settings), ("the profile", of_profile), ("", (None, None, None))]
    } else {
        [("cairn.toml", of_settings), ("the environment", of_environment), ("the profile", of_profile)]
    };
    for (place, keys) in order {
        match keys {
            (Some(id), Some(secret), token) => return Ok(Identity::Keys { id, secret, token }),
            (None, None, _) => {}
            (Some(_), None, _) => {
                return Err(format!("{place} has an access key id without its secret access key"));
            }
            (None, Some(_), _) => {
                return Err(format!("{place} has a secret access key without its access key id"));
            }
        }
    }
    if let Some(source) = profile.other_source {
        return Err(format!(
            "the profile '{name}' has its credentials by '{source}', which Cairn does not ask; give them as variables: eval \"$(aws configure export-credentials --profile {name} --format env)\""
        ));
    }
    let asked = settings.instance_metadata.unwrap_or_else(|| environment.is_true("CAIRN_INSTANCE_METADATA"));
    let given = environment.first(&PLATFORM).is_some();
    Ok(if asked || given { Identity::Platform } else { Identity::Nobody })
}

/// An endpoint without what may be secret in it.
fn shown(endpoint: &str) -> &str {
    let endpoint = endpoint.split('?').next().unwrap_or_default();
    endpoint.rsplit_once('@').map_or(endpoint, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Location;

    fn bucket<const N: usize>(
        settings: &StoreSettings,
        variables: [(&str, &str); N],
    ) -> Result<Bucket, String> {
        let address =
            Address::of(&Location::parse("s3://b/x").expect("a location"), &[]).expect("an address");
        Bucket::resolve(&address, settings, &Environment::of(variables))
    }

    #[test]
    fn aws_has_the_bucket_in_the_host_and_others_in_the_path() {
        let plain = StoreSettings::default();
        let aws = bucket(&plain, [("AWS_REGION", "eu-north-1")]).expect("a bucket");
        assert_eq!(aws.endpoint, "https://b.s3.eu-north-1.amazonaws.com");
        assert!(!aws.is_signed());
        let minio = bucket(&plain, [("AWS_ENDPOINT_URL", "http://127.0.0.1:9000/")]).expect("a bucket");
        assert_eq!((minio.endpoint.as_str(), minio.path_style), ("http://127.0.0.1:9000", true));
        let virtual_host = StoreSettings { path_style: Some(false), ..StoreSettings::default() };
        let other = bucket(&virtual_host, [("AWS_ENDPOINT_URL_S3", "https://a3s.fi")]).expect("a bucket");
        assert_eq!(other.endpoint, "https://b.a3s.fi");
    }

    #[test]
    fn credentials_are_found_in_order_and_never_shown() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "AKENV"),
            ("AWS_SECRET_ACCESS_KEY", "SKENV"),
            ("AWS_SESSION_TOKEN", "TOENV"),
        ];
        let of_environment = bucket(&StoreSettings::default(), keys).expect("a bucket");
        assert!(
            matches!(&of_environment.identity, Identity::Keys { id, token: Some(_), .. } if id.reveal() == "AKENV")
        );
        let shown = format!("{of_environment:?}");
        assert!(["AKENV", "SKENV", "TOENV"].iter().all(|secret| !shown.contains(secret)), "{shown}");
        let anonymous = StoreSettings { anonymous: true, ..StoreSettings::default() };
        assert!(!bucket(&anonymous, keys).expect("a bucket").is_signed());
        let half =
            bucket(&StoreSettings::default(), [("AWS_ACCESS_KEY_ID", "AKENV")]).expect_err("half a key");
        assert!(half.contains("without its secret") && !half.contains("AKENV"), "{half}");
    }

    #[test]
    fn the_machine_is_asked_only_on_request() {
        let plain = StoreSettings::default();
        assert!(!bucket(&plain, []).expect("a bucket").is_signed());
        assert!(bucket(&plain, [("CAIRN_INSTANCE_METADATA", "1")]).expect("a bucket").is_signed());
        let asked = StoreSettings { instance_metadata: Some(true), ..StoreSettings::default() };
        assert!(bucket(&asked, []).expect("a bucket").is_signed());
    }

    #[test]
    fn a_profile_that_is_not_there_is_named() {
        let error = bucket(&StoreSettings::default(), [("AWS_PROFILE", "nobody")]).expect_err("no profile");
        assert!(error.contains("'nobody'"), "{error}");
    }
}
