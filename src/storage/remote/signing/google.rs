//! Presigned URLs of Google Cloud Storage, by the private key of a service account.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::signature::RsaKeyPair;
use serde::Deserialize;

use super::v4::{Presigner, Scheme};
use super::{Signing, Span};
use crate::storage::Secret;
use crate::storage::remote::address::Address;
use crate::storage::settings::{Environment, StoreSettings};

/// Where Google serves objects.
const ENDPOINT: &str = "https://storage.googleapis.com";

/// What a file of credentials says.
#[derive(Debug, Deserialize)]
struct Credentials {
    client_email: Option<String>,
    private_key: Option<Secret>,
}

/// Signs by the key of the service account that the environment names, as for reading.
pub(super) async fn signing(
    address: &Address,
    settings: &StoreSettings,
    environment: &Environment,
    span: Span,
) -> Result<Signing, String> {
    let unusable = || "its Google credentials cannot be used; see GOOGLE_APPLICATION_CREDENTIALS".to_owned();
    if settings.anonymous {
        return Ok(Signing::Open);
    }
    let named = ["GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_APPLICATION_CREDENTIALS"];
    let usual = environment
        .first(&["HOME"])
        .map(|home| format!("{home}/.config/gcloud/application_default_credentials.json"))
        .filter(|path| std::path::Path::new(path).exists());
    let text = match environment.first(&["GOOGLE_SERVICE_ACCOUNT_KEY"]) {
        Some(key) => key.to_owned(),
        None => match environment.first(&named).map(str::to_owned).or(usual) {
            Some(path) => tokio::fs::read_to_string(path).await.map_err(|_place| unusable())?,
            None if environment.is_true("CAIRN_INSTANCE_METADATA") => {
                return Ok(Signing::Unable(
                    "its bucket is read by the machine's identity, which has no private key; name a service account's",
                ));
            }
            None => return Ok(Signing::Open),
        },
    };
    let credentials: Credentials = serde_json::from_str(&text).map_err(|_secret| unusable())?;
    let (Some(email), Some(key)) = (credentials.client_email, credentials.private_key) else {
        return Ok(Signing::Unable(
            "its bucket is read by credentials without a private key; name a service account's",
        ));
    };
    let key = rsa_key(key.reveal()).ok_or_else(unusable)?;
    let scope = format!("{}/auto/storage/goog4_request", span.starts.format("%Y%m%d"));
    let endpoint = settings.endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/');
    let base = format!("{endpoint}/{}", address.container);
    let presigner = Presigner::new(Scheme::Google(Box::new(key)), &base, &email, scope, span);
    Ok(Signing::by(presigner.ok_or("its endpoint is no URL that can be signed")?, address, span))
}

/// A private key in PEM.
pub(super) fn rsa_key(pem: &str) -> Option<RsaKeyPair> {
    let lines = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let bytes = BASE64_STANDARD.decode(lines.collect::<String>()).ok()?;
    RsaKeyPair::from_pkcs8(&bytes).ok()
}
