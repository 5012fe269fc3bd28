use super::*;
use crate::storage::counters::Counters;
use crate::storage::settings::{Environment, Settings, StoreSettings};

fn remote<const N: usize>(variables: [(&str, &str); N], sign_seconds: Option<u64>) -> Remote {
    let stores = ["s3://b", "https://acc.blob.core.windows.net", "az://c"].map(|prefix| StoreSettings {
        prefix: prefix.to_owned(),
        sign_seconds,
        ..StoreSettings::default()
    });
    let settings = Settings::new(stores.into(), Environment::of(variables)).expect("settings");
    Remote::new(settings, Arc::<Counters>::default())
}

fn at(text: &str) -> Location {
    Location::parse(text).expect("a location")
}

async fn grant(remote: &Remote, text: &str, scope: Scope) -> Arc<Grant> {
    match remote.signing(&at(text), scope).await.expect("an outcome") {
        Signing::Granted(grant) => grant,
        other => panic!("{other:?}"),
    }
}

const AZURE: [(&str, &str); 2] =
    [("AZURE_STORAGE_ACCOUNT_NAME", "acc"), ("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")];
const S3: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AK"),
    ("AWS_SECRET_ACCESS_KEY", "SK"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
];

#[tokio::test]
async fn one_grant_serves_a_container_and_nothing_else() {
    let remote = remote(AZURE, None);
    let one = grant(&remote, "https://acc.blob.core.windows.net/c/a.tif", Scope::Container).await;
    let other = grant(&remote, "https://acc.blob.core.windows.net/c/b/x%20y.tif", Scope::Container).await;
    assert!(Arc::ptr_eq(&one, &other));
    let token = one.token().expect("a token");
    let signed = one.sign(&at("https://acc.blob.core.windows.net/c/b/x%20y.tif?sig=old"));
    assert_eq!(signed, Some(format!("https://acc.blob.core.windows.net/c/b/x%20y.tif?{token}")));
    assert_eq!(one.sign(&at("https://acc.blob.core.windows.net/d/a.tif")), None);
    assert_eq!(one.sign(&at("https://other.blob.core.windows.net/c/a.tif")), None);
    assert_eq!(one.sign(&at("/c/a.tif")), None);
    let by_scheme = grant(&remote, "az://c/a.tif", Scope::Container).await;
    let shown = by_scheme.sign(&at("az://c/a.tif")).expect("an href");
    assert!(shown.starts_with("https://acc.blob.core.windows.net/c/a.tif?sv="), "{shown}");
}

#[tokio::test]
async fn a_signature_of_an_object_opens_no_other() {
    let remote = remote(AZURE, None);
    let grant = grant(&remote, "https://acc.blob.core.windows.net/c/a.tif", Scope::Object).await;
    assert_eq!(grant.token(), None);
    let query = |name: &str| {
        let href = grant.sign(&at(&format!("https://acc.blob.core.windows.net/c/{name}"))).expect("an href");
        href.split_once('?').expect("a query").1.to_owned()
    };
    assert!(query("a.tif").contains("sr=b&sp=r&"));
    assert_ne!(query("a.tif"), query("b.tif"));
}

#[tokio::test]
async fn grants_are_renewed_before_their_last_quarter_and_their_times_are_clamped() {
    let remote = remote(S3, Some(0));
    let first = grant(&remote, "s3://b/x.tif", Scope::Object).await;
    let life = (first.expires() - Utc::now()).to_std().expect("a time to come");
    assert!(life <= SHORTEST && life > SHORTEST / 2, "{life:?}");
    let again = grant(&remote, "s3://b/y.tif", Scope::Object).await;
    assert!(Arc::ptr_eq(&first, &again));
    tokio::time::sleep(SHORTEST.mul_f64(0.76)).await;
    let renewed = grant(&remote, "s3://b/x.tif", Scope::Object).await;
    assert!(renewed.expires() > first.expires() && first.expires() > Utc::now());
}

#[tokio::test]
async fn presigned_urls_have_the_bucket_in_the_path_and_no_secret() {
    let remote = remote(S3, None);
    let grant = grant(&remote, "s3://b/x", Scope::Container).await;
    let url = grant.sign(&at("s3://b/a%20b/c+d.tif")).expect("an href");
    assert!(
        url.starts_with("http://127.0.0.1:9000/b/a%20b/c%2Bd.tif?X-Amz-Algorithm=AWS4-HMAC-SHA256&"),
        "{url}"
    );
    assert!(!url.contains("SK") && !format!("{grant:?}").contains("SK"));
    assert_eq!(grant.token(), None, "S3 has no tokens for a bucket");
}

#[tokio::test]
async fn who_has_no_key_signs_nothing() {
    let nobody = remote([("AZURE_STORAGE_ACCOUNT_NAME", "acc")], None);
    for open in ["https://acc.blob.core.windows.net/c/x", "s3://b/x", "gs://b/x", "https://h/x"] {
        let outcome = nobody.signing(&at(open), Scope::Object).await.expect("an outcome");
        assert!(matches!(outcome, Signing::Open), "{open}: {outcome:?}");
    }
    let variables = [("AZURE_STORAGE_ACCOUNT_NAME", "acc"), ("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=s")];
    let signature = remote(variables, None);
    let outcome = signature.signing(&at("https://acc.blob.core.windows.net/c/x"), Scope::Object).await;
    assert!(matches!(outcome, Ok(Signing::Unable(_))), "{outcome:?}");
    let bad =
        remote([("AZURE_STORAGE_ACCOUNT_NAME", "acc"), ("AZURE_STORAGE_ACCOUNT_KEY", "no base64!")], None);
    let error = bad.signing(&at("https://acc.blob.core.windows.net/c/x"), Scope::Object).await;
    assert!(!format!("{error:?}").contains("no base64!") && error.is_err());
}

#[test]
fn a_container_is_found_by_its_account_wherever_that_is() {
    let connection = "AccountName=dev;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/dev;";
    let remote = remote([("AZURE_STORAGE_CONNECTION_STRING", connection)], None);
    let found = |account: &str| {
        let all = remote.azure_containers(account, "c");
        all.iter().map(Location::to_href).collect::<Vec<_>>()
    };
    assert_eq!(found("dev"), ["https://dev.blob.core.windows.net/c/", "http://127.0.0.1:9/dev/c/"]);
    assert_eq!(found("acc"), ["https://acc.blob.core.windows.net/c/"]);
}
