//! Who asks a store, and where it is: profiles, certificates, hosts' names, machines' own identities, as the binary's users
//! set them.

use std::fs;
use std::path::Path;
use std::process::Output;

use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use tempfile::TempDir;

use crate::server::{cairn, run};
use crate::stores::{ACCESS_KEY, ACCOUNT, Azure, Env, KEY, Metadata, Nginx, S3, SECRET_KEY, with};

const DOCUMENT: &str = "{\"type\": \"Catalog\", \"stac_version\": \"1.1.0\", \"id\": \"x\", \"description\": \"-\", \"links\": []}";

/// A home, and a folder with one document in it.
fn home() -> (TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("catalog.json"), DOCUMENT).unwrap();
    (home, source.to_str().unwrap().to_owned())
}

fn command(env: &Env, home: &Path, arguments: &[&str]) -> Output {
    let mut command = cairn();
    with(&mut command, env).env("HOME", home).env("XDG_CACHE_HOME", home).args(arguments);
    run(&mut command)
}

fn said(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

/// Sends the document to `dest` and reads it from there again.
fn goes_and_comes(env: &Env, home: &Path, source: &str, dest: &str) {
    let sent = command(env, home, &["upload", source, dest]);
    assert!(sent.status.success(), "{dest}: {}", said(&sent));
    comes(env, home, dest);
}

fn comes(env: &Env, home: &Path, from: &str) {
    let back = home.join("back");
    let read = command(env, home, &["upload", from, back.to_str().unwrap()]);
    assert!(read.status.success(), "{from}: {}", said(&read));
    assert_eq!(fs::read_to_string(back.join("catalog.json")).unwrap(), DOCUMENT);
    fs::remove_dir_all(back).unwrap();
}

fn variable(name: &'static str, value: impl Into<String>) -> (&'static str, String) {
    (name, value.into())
}

#[test]
fn a_profile_leads_to_its_own_store() {
    let s3 = S3::start(&["bucket"]);
    let (home, source) = home();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let config = format!(
        "[profile direct]\nendpoint_url = {url}\nregion = eu-north-1\n[profile named]\nservices = local\n\
         [services local]\ns3 =\n  endpoint_url = {url}\n[profile role]\nrole_arn = arn:aws:iam::1:role/x\n\
         source_profile = direct\nendpoint_url = {url}\n",
        url = s3.url()
    );
    let keys = format!("aws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    fs::write(home.path().join(".aws/config"), config).unwrap();
    fs::write(home.path().join(".aws/credentials"), format!("[direct]\n{keys}[named]\n{keys}")).unwrap();
    for profile in ["direct", "named"] {
        let env = vec![variable("AWS_PROFILE", profile)];
        goes_and_comes(&env, home.path(), &source, &format!("s3://bucket/{profile}"));
    }
    // The file of settings has a profile for each prefix.
    let file = home.path().join("cairn.toml");
    fs::write(&file, "[[store]]\nprefix = 's3://bucket/direct'\nprofile = 'direct'\n").unwrap();
    let env = vec![variable("CAIRN_CONFIG", file.display().to_string())];
    comes(&env, home.path(), "s3://bucket/direct");
    let catalog = "s3://bucket/direct/catalog.json";
    let valid = command(&env, home.path(), &["validate", catalog, "--quiet"]);
    assert!(valid.status.success(), "{}", said(&valid));
    // What Cairn does not do is refused by name, and told what to do.
    for (profile, word) in [("role", "role_arn"), ("nobody", "'nobody'")] {
        let env = vec![variable("AWS_PROFILE", profile)];
        let refused = command(&env, home.path(), &["upload", &source, "s3://bucket/x"]);
        let told = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(word) && !told.contains(SECRET_KEY), "{told}");
    }
}

#[test]
fn a_certificate_that_no_authority_knows_is_trusted_only_when_it_is_named() {
    let s3 = S3::start(&["bucket"]);
    let front = Nginx::with_certificate_before(s3.port());
    let (home, source) = home();
    let url = format!("https://localhost:{}", front.port());
    let refused = command(&S3::env_at(&url), home.path(), &["upload", &source, "s3://bucket/x"]);
    let told = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("certificate") && told.contains("SSL_CERT_FILE"), "{told}");
    for name in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let env =
            [S3::env_at(&url), vec![variable(name, front.certificate().display().to_string())]].concat();
        goes_and_comes(&env, home.path(), &source, &format!("s3://bucket/{name}"));
    }
}

#[test]
fn a_bucket_in_the_hosts_name_is_reached_through_a_proxy() {
    let s3 = S3::start_below("store.test", &["bucket"]);
    let proxy = Nginx::on_the_way_to(s3.port());
    let (home, source) = home();
    let file = home.path().join("cairn.toml");
    fs::write(&file, "[[store]]\nprefix = 's3://bucket'\npath-style = false\n").unwrap();
    let further = [variable("http_proxy", proxy.url()), variable("CAIRN_CONFIG", file.display().to_string())];
    let env = [S3::env_at("http://store.test"), further.to_vec()].concat();
    goes_and_comes(&env, home.path(), &source, "s3://bucket/deep er/x");
    assert!(s3.bucket("bucket").join("deep er/x/catalog.json").exists());
}

fn machine() -> Metadata {
    let keys = format!(
        "{{\"Code\": \"Success\", \"AccessKeyId\": \"{ACCESS_KEY}\", \"SecretAccessKey\": \"{SECRET_KEY}\", \"Token\": \"TOKEN\", \
         \"Expiration\": \"2099-01-01T00:00:00Z\"}}"
    );
    Metadata::start(vec![
        ("/latest/api/token", "SESSION".to_owned()),
        ("/latest/meta-data/iam/security-credentials/", "role".to_owned()),
        ("/latest/meta-data/iam/security-credentials/role", keys.clone()),
        ("/task", keys),
    ])
}

#[test]
fn a_machines_own_identity_is_asked_for_only_on_request_and_a_containers_when_it_is_told_of() {
    let s3 = S3::start(&["bucket"]);
    let (home, source) = home();
    let bare = |machine: &Metadata| {
        vec![variable("AWS_ENDPOINT_URL", s3.url()), variable("AWS_METADATA_ENDPOINT", machine.url())]
    };
    let machine_of_nobody = machine();
    let refused = command(&bare(&machine_of_nobody), home.path(), &["upload", &source, "s3://bucket/x"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(machine_of_nobody.asked().is_empty(), "{:?}", machine_of_nobody.asked());
    let token = home.path().join("token");
    fs::write(&token, "TOKENOFTHECONTAINER").unwrap();
    for (is_container, path) in [(false, "/latest/meta-data/iam/security-credentials/role"), (true, "/task")]
    {
        let machine = machine();
        let further = if is_container {
            vec![
                variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", machine.url() + path),
                variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.display().to_string()),
            ]
        } else {
            vec![variable("CAIRN_INSTANCE_METADATA", "1")]
        };
        let env = [bare(&machine), further].concat();
        goes_and_comes(&env, home.path(), &source, "s3://bucket/own");
        assert!(machine.asked().iter().any(|asked| asked == path), "{:?}", machine.asked());
    }
}

/// Makes a container that everybody may read.
fn make_public(azure: &Azure, name: &str) {
    let client = object_store::client::HttpRequest::new(object_store::client::HttpRequestBody::empty());
    let (mut parts, body) = client.into_parts();
    parts.method = "PUT".parse().unwrap();
    parts.uri = format!("{}/{ACCOUNT}/{name}?restype=container", azure.url()).parse().unwrap();
    parts.headers.insert("x-ms-blob-public-access", "container".parse().unwrap());
    parts.headers.insert("content-length", "0".parse().unwrap());
    let mut request = object_store::client::HttpRequest::from_parts(parts, body);
    let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY).unwrap());
    AzureAuthorizer::new(&credential, ACCOUNT).try_authorize(&mut request).unwrap();
    let mut put = ureq::put(request.uri().to_string());
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "content-length") {
        put = put.header(name, value.to_str().unwrap());
    }
    assert_eq!(put.send_empty().unwrap().status().as_u16(), 201);
}

#[test]
fn an_azure_account_is_opened_by_its_key_and_read_by_strangers_where_it_is_public() {
    let azure = Azure::start();
    let (home, source) = home();
    let endpoint = variable("AZURE_STORAGE_ENDPOINT", format!("{}/{ACCOUNT}", azure.url()));
    let account = vec![variable("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT), endpoint];
    let owner = [account.clone(), vec![variable("AZURE_STORAGE_ACCOUNT_KEY", KEY)]].concat();
    make_public(&azure, "open");
    goes_and_comes(&owner, home.path(), &source, "az://open/x");
    comes(&account, home.path(), "az://open/x");
    comes(&account, home.path(), &format!("{}/{ACCOUNT}/open/x", azure.url()));
    let refused = command(&account, home.path(), &["upload", &source, "az://open/y"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
}

#[test]
fn gs_locations_are_written_listed_and_read_with_the_machines_token_in_the_form_that_google_shares_with_s3() {
    let server = S3::start_open(&["bucket"]);
    let guarded = Nginx::with_token_before(server.port(), "TOKENOFTHEMACHINE");
    let token = "{\"access_token\": \"TOKENOFTHEMACHINE\", \"expires_in\": 3600, \"token_type\": \"Bearer\"}";
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    let machine = Metadata::start(vec![(path, token.to_owned())]);
    let (home, source) = home();
    let settings = |name: &str, further: &str| {
        let file = home.path().join(name);
        let store = format!("[[store]]\nprefix = 'gs://bucket'\nendpoint = '{}'\n{further}\n", guarded.url());
        fs::write(&file, store).unwrap();
        let host = machine.url().replace("http://", "");
        vec![variable("CAIRN_CONFIG", file.display().to_string()), variable("GCE_METADATA_HOST", host)]
    };
    let nobody = settings("nobody.toml", "");
    let refused = command(&nobody, home.path(), &["upload", &source, "gs://bucket/deep/x"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("401") && machine.asked().is_empty(), "{}", said(&refused));
    let env = settings("machine.toml", "instance-metadata = true");
    goes_and_comes(&env, home.path(), &source, "gs://bucket/deep/x");
    assert!(server.bucket("bucket").join("deep/x/catalog.json").exists());
    let valid = command(&env, home.path(), &["validate", "gs://bucket/deep/x/catalog.json", "--quiet"]);
    assert!(valid.status.success(), "{}", said(&valid));
}

#[test]
fn build_reads_the_settings_of_stores_that_all_commands_read() {
    let (home, source) = home();
    let env = vec![variable("CAIRN_CONFIG", home.path().join("none.toml").display().to_string())];
    let refused = command(&env, home.path(), &["build", &source, home.path().join("tree").to_str().unwrap()]);
    assert!(said(&refused).contains("none.toml"), "{}", said(&refused));
}
