//! Azure's shared access signatures: of a service (by the account's key) and of a user's delegation.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::SecondsFormat;
use object_store::azure::AzureCredential;
use ring::hmac;
use url::form_urlencoded;

use super::delegation::Delegation;
use super::{Grant, Remote, Scope, Signer, Signing, Span};
use crate::storage::remote::address::Address;
use crate::storage::remote::azure::{Container, Identity};
use crate::storage::remote::failure::translated;
use crate::storage::settings::StoreSettings;
use crate::storage::{Location, Secret, StorageError, StoreKind};

/// The version of the service that defines the form of the signature.
const VERSION: &str = "2022-11-02";

/// What signs for one container.
pub(super) struct Sas {
    account: String,
    container: String,
    key: hmac::Key,
    delegation: Option<Delegation>,
    /// True: the signature is good over TLS only.
    https_only: bool,
    span: Span,
}

impl std::fmt::Debug for Sas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sas").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What a signature opens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resource<'a> {
    /// All blobs of the container, and their listing.
    Container,
    /// One blob, by its plain name.
    Blob(&'a str),
}

impl Sas {
    /// The query that opens the resource for reading.
    pub(super) fn token(&self, resource: Resource<'_>) -> String {
        let [starts, expires] =
            [self.span.starts, self.span.expires].map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let (kind, permissions) = match resource {
            Resource::Container => ("c", "rl"),
            Resource::Blob(_) => ("b", "r"),
        };
        let protocol = if self.https_only { "https" } else { "" };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("sv", VERSION).append_pair("st", &starts).append_pair("se", &expires);
        query.append_pair("sr", kind).append_pair("sp", permissions);
        if self.https_only {
            query.append_pair("spr", protocol);
        }
        if let Some(key) = &self.delegation {
            query.extend_pairs(key.pairs());
        }
        let text = self.text_to_sign([permissions, &starts, &expires, protocol, kind], resource);
        let signature = hmac::sign(&self.key, text.as_bytes());
        query.append_pair("sig", &BASE64_STANDARD.encode(signature)).finish()
    }

    /// The fields in the order of "Create a service SAS" and "Create a user delegation SAS", version 2020-12-06 and later.
    fn text_to_sign(
        &self,
        [permissions, starts, expires, protocol, kind]: [&str; 5],
        resource: Resource<'_>,
    ) -> String {
        let mut place = format!("/blob/{}/{}", self.account, self.container);
        if let Resource::Blob(name) = resource {
            place.push('/');
            place.push_str(name);
        }
        let mut fields = vec![permissions, starts, expires, &place];
        match &self.delegation {
            // A stored policy.
            None => fields.push(""),
            Some(key) => {
                fields.extend(key.pairs().map(|(_, value)| value));
                // An authorised and an unauthorised object of the directory, a correlation.
                fields.extend(["", "", ""]);
            }
        }
        // An address before the protocol; behind the kind a snapshot, an encryption scope, and five headers of the answer.
        fields.extend(["", protocol, VERSION, kind, "", "", "", "", "", "", ""]);
        fields.join("\n")
    }
}

/// Signs by what the container is read by.
pub(super) async fn signing(
    remote: &Remote,
    location: &Location,
    address: &Address,
    settings: &StoreSettings,
    span: Span,
    scope: Scope,
) -> Result<Signing, StorageError> {
    let failed = |reason: String| StorageError::Settings { location: location.clone(), reason };
    let environment = &remote.settings.environment;
    let ticket = remote.ticket(location);
    let container = Container::resolve(address, settings, environment, ticket).map_err(failed)?;
    let (key, delegation) = match &container.identity {
        Identity::Nobody => return Ok(Signing::Open),
        Identity::Sas(_) => {
            return Ok(Signing::Unable(
                "its container is read by a shared access signature, which cannot sign; give the account's key",
            ));
        }
        Identity::Key(key) => (key.reveal().to_owned(), None),
        Identity::Platform => {
            let wire = remote.wire(&container.endpoint, StoreKind::Azure, settings).map_err(failed)?;
            let store = container.open(wire.clone(), environment).map_err(failed)?;
            let credential = store.credentials().get_credential().await;
            let credential = credential.map_err(|error| translated(&error, location))?;
            let AzureCredential::BearerToken(_) = credential.as_ref() else {
                return Ok(Signing::Unable(
                    "its container is read by an identity that gives no key to sign with",
                ));
            };
            let (delegation, key) = Delegation::ask(&wire, &container, &credential, span, location).await?;
            (key, Some(delegation))
        }
    };
    let key = BASE64_STANDARD
        .decode(key)
        .map_err(|_secret| failed("the key that its signatures are made with is not in base64".to_owned()))?;
    let base = match address.root.scheme() {
        "az" => format!("{}/{}/", container.endpoint, address.container),
        _ => address.root.to_string(),
    };
    let sas = Sas {
        https_only: container.endpoint.starts_with("https://"),
        account: container.account,
        container: address.container.clone(),
        key: hmac::Key::new(hmac::HMAC_SHA256, &key),
        delegation,
        span,
    };
    let signer = match scope {
        Scope::Container => Signer::Token(Secret::new(sas.token(Resource::Container))),
        Scope::Object => Signer::Blobs(sas),
    };
    Ok(Signing::Granted(Arc::new(Grant { root: address.root.clone(), base, span, signer })))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn sas(delegation: Option<Delegation>, key: &str) -> Sas {
        Sas {
            account: "STORAGE_ACCOUNT_NAME".to_owned(),
            container: "CONTAINER_NAME".to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(key).expect("base64")),
            delegation,
            https_only: false,
            span: Span { starts: DateTime::UNIX_EPOCH, expires: DateTime::UNIX_EPOCH },
        }
    }

    /// `test_blob_scoped_sas_token` of Microsoft's azure-sdk-for-rust 0.21, `service_sas.rs`: key, resource, expiry, signature.
    #[test]
    fn the_signature_of_a_service_is_the_published_one() {
        let sas = sas(None, "RZfi3m1W7eyQ5zD4ymSmGANVdJ2SDQmg4sE89SW104s=");
        // That token has no start.
        let text = sas.text_to_sign(["r", "", "1970-01-08T00:00:00Z", "", "b"], Resource::Blob(""));
        let signature = BASE64_STANDARD.encode(hmac::sign(&sas.key, text.as_bytes()));
        assert_eq!(signature, "VRZjVZ1c/Lz7IXCp17Sdx9+R9JDrnJdzE3NW56DMjNs=");
    }

    /// The table of `blobSasImplUtilStringToSignUserDelegationKey` in Microsoft's azure-sdk-for-java, `SasClientTests.java`.
    #[test]
    fn the_text_of_a_delegation_has_the_published_fields() {
        let key =
            Delegation { oid: "11111111-1111-1111-1111-111111111111".to_owned(), ..Delegation::default() };
        let sas = sas(Some(key), "3hd4LRwrARVGbeMRQRfTLIsGMkCPuZJnvxZDU7Gak8c=");
        let text = sas.text_to_sign(["r", "", "E", "", "b"], Resource::Blob("blobName"));
        let place = "/blob/STORAGE_ACCOUNT_NAME/CONTAINER_NAME/blobName";
        let wanted = format!(
            "r\n\nE\n{place}\n11111111-1111-1111-1111-111111111111\n\n\n\n\n\n\n\n\n\n\n{VERSION}\nb\n\n\n\n\n\n\n"
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_token_reads_and_lists_a_container_and_reads_a_blob() {
        let sas = Sas { https_only: true, ..sas(None, "a2V5") };
        let container = sas.token(Resource::Container);
        assert!(container.contains("&sr=c&sp=rl&spr=https&sig="), "{container}");
        assert!(
            container.starts_with("sv=2022-11-02&st=1970-01-01T00%3A00%3A00Z&se=1970-01-01T00%3A00%3A00Z&")
        );
        let blob = sas.token(Resource::Blob("a/b.tif"));
        assert!(blob.contains("&sr=b&sp=r&spr=https&sig="), "{blob}");
        assert_ne!(blob.rsplit('=').next(), container.rsplit('=').next());
        assert!(!format!("{sas:?}").contains("a2V5"));
    }
}
