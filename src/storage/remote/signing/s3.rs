//! Presigned URLs of S3 and what speaks like it.

use ring::hmac;

use super::v4::{Presigner, Scheme};
use super::{Remote, Signing, Span};
use crate::storage::remote::address::Address;
use crate::storage::remote::failure::translated;
use crate::storage::remote::s3::Bucket;
use crate::storage::settings::StoreSettings;
use crate::storage::{Location, StorageError, StoreKind};

/// Signs by what the bucket is read by.
pub(super) async fn signing(
    remote: &Remote,
    location: &Location,
    address: &Address,
    settings: &StoreSettings,
    span: Span,
) -> Result<Signing, StorageError> {
    let failed = |reason: String| StorageError::Settings { location: location.clone(), reason };
    let environment = &remote.settings.environment;
    let bucket = Bucket::resolve(address, settings, environment).map_err(failed)?;
    if !bucket.is_signed() {
        return Ok(Signing::Open);
    }
    let wire = remote.wire(&bucket.endpoint, StoreKind::S3, settings).map_err(failed)?;
    let store = bucket.open(wire, environment).map_err(|error| translated(&error, location))?;
    let credential = store.credentials().get_credential().await;
    let credential = credential.map_err(|error| translated(&error, location))?;
    let scope = format!("{}/{}/s3/aws4_request", span.starts.format("%Y%m%d"), bucket.region);
    // Each part of the scope signs the next one.
    let seed = format!("AWS4{}", credential.secret_key);
    let key = scope.split('/').fold(hmac::Key::new(hmac::HMAC_SHA256, seed.as_bytes()), |key, part| {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
    });
    let base = if bucket.path_style {
        format!("{}/{}", bucket.endpoint, address.container)
    } else {
        bucket.endpoint.clone()
    };
    let mut presigner = Presigner::new(Scheme::Aws(key), &base, &credential.key_id, scope, span)
        .ok_or_else(|| failed("its endpoint is no URL that can be signed".to_owned()))?;
    if let Some(token) = &credential.token {
        presigner = presigner.with("X-Amz-Security-Token", token);
    }
    if bucket.requester_pays {
        presigner = presigner.with("x-amz-request-payer", "requester");
    }
    Ok(Signing::by(presigner, address, span))
}
