//! Buckets and containers are made: the one request that `object_store` does not know.

use std::time::Duration;

use object_store::azure::AzureAuthorizer;
use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
use object_store::path::Path;
use object_store::signer::Signer;
use reqwest::Method;

use super::address::Address;
use super::failure::translated;
use super::wire::{Failure, Wire};
use super::{Remote, azure, s3};
use crate::storage::counters::StoreKind;
use crate::storage::{Location, StorageError};

/// How long the request may be under way.
const VALID: Duration = Duration::from_mins(5);

impl Remote {
    /// Makes the bucket or container of the location; false when it was there already.
    pub(in crate::storage) async fn make_container(&self, location: &Location) -> Result<bool, StorageError> {
        let address = Address::of(location, &self.endpoints)?;
        let settings = self.store_settings(location);
        let environment = &self.settings.environment;
        let failed = |reason: String| StorageError::Settings { location: location.clone(), reason };
        let (wire, request) = match address.kind {
            StoreKind::S3 => {
                let bucket = s3::Bucket::resolve(&address, &settings, environment).map_err(failed)?;
                if !bucket.is_signed() {
                    return Err(failed(
                        "making its bucket needs credentials; set AWS_ACCESS_KEY_ID or AWS_PROFILE"
                            .to_owned(),
                    ));
                }
                let wire = self.wire(&bucket.endpoint, StoreKind::S3, &settings).map_err(failed)?;
                let store =
                    bucket.open(wire.clone(), environment).map_err(|error| translated(&error, location))?;
                let url = store.signed_url(Method::PUT, &Path::default(), VALID).await;
                let url = url.map_err(|error| translated(&error, location))?;
                (wire, request(url.as_str(), bucket.creation()).map_err(failed)?)
            }
            StoreKind::Azure => {
                let container =
                    azure::Container::resolve(&address, &settings, environment, self.ticket(location));
                let container = container.map_err(failed)?;
                let wire = self.wire(&container.endpoint, StoreKind::Azure, &settings).map_err(failed)?;
                let url = format!("{}/{}?restype=container", container.endpoint, address.container);
                let mut request = request(&url, String::new()).map_err(failed)?;
                let Some(credential) = container.credential().map_err(failed)? else {
                    return Err(failed(
                        "making its container needs the key of the account or a signature for it".to_owned(),
                    ));
                };
                AzureAuthorizer::new(&credential, &container.account)
                    .try_authorize(&mut request)
                    .map_err(|error| translated(&error, location))?;
                (wire, request)
            }
            StoreKind::Google => {
                let what = "its bucket has to be made by `gcloud storage buckets create`";
                return Err(StorageError::Unsupported { location: location.clone(), what });
            }
            StoreKind::Http | StoreKind::Local => {
                let what = "a web server has no buckets to be made";
                return Err(StorageError::Unsupported { location: location.clone(), what });
            }
        };
        create(&wire, request, location).await
    }
}

fn request(url: &str, body: String) -> Result<HttpRequest, String> {
    let mut request = HttpRequest::new(HttpRequestBody::from(body));
    *request.method_mut() = Method::PUT;
    *request.uri_mut() =
        url.parse().map_err(|_bad| "its endpoint is no URL that can be asked for".to_owned())?;
    let len = request.body().content_length().into();
    request.headers_mut().insert(reqwest::header::CONTENT_LENGTH, len);
    Ok(request)
}

async fn create(wire: &Wire, request: HttpRequest, location: &Location) -> Result<bool, StorageError> {
    let Err(error) = wire.call(request).await else { return Ok(true) };
    match Failure::of(&error) {
        Some(Failure::Status { status: 409, code })
            if code.as_deref().is_none_or(|code| {
                matches!(code, "BucketAlreadyOwnedByYou" | "BucketAlreadyExists" | "ContainerAlreadyExists")
            }) =>
        {
            // Somebody else's bucket of that name shows itself by the first object that is put there.
            Ok(false)
        }
        _ => Err(translated(
            &object_store::Error::Generic { store: "container", source: Box::new(error) },
            location,
        )),
    }
}
