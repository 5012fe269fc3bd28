//! One suite for all stores: what holds on the local disk holds in an S3 server, in Azurite, in memory, and, as far as it is
//! about reading, over nginx.

use bytes::Bytes;
use cairn::storage::{
    Environment, Label, Location, Settings, Storage, StorageError, StoreKind, StoreSettings, WriteMode,
};
use futures::TryStreamExt;

use crate::stores::{Azure, Env, Nginx, S3};

/// What a bucket's name, a folder's name and a file's name may hold.
const ODD: [&str; 5] = ["a b.json", "ä/ö.tif", "50%.txt", "x+y=z&w.tif", "deep/er/#1 (2)?.json"];

fn storage(env: &Env) -> Storage {
    let environment = Environment::of(env.iter().map(|(name, value)| (*name, value.as_str())));
    Storage::new(Settings::new(Vec::new(), environment).unwrap())
}

pub(crate) fn at(text: &str) -> Location {
    Location::parse(text).unwrap()
}

fn label() -> Label {
    Label {
        content_type: Some("image/tiff; application=geotiff".to_owned()),
        metadata: vec![("cairnsum".to_owned(), "abc".to_owned())],
    }
}

pub(crate) fn run(suite: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(suite);
}

async fn names(storage: &Storage, folder: &Location) -> Vec<String> {
    let entries: Vec<_> = storage.list(folder).try_collect().await.unwrap();
    for entry in &entries {
        let meta = storage.meta(&entry.location).await.unwrap();
        assert_eq!(meta.len, entry.meta.len, "{}", entry.location);
        // s3s-fs lists no `ETag` of what was written in parts.
        let is_told = !entry.meta.etag.starts_with("\"~");
        assert!(!is_told || entry.meta.etag == meta.etag, "{}: {meta:?} {:?}", entry.location, entry.meta);
    }
    let mut names: Vec<_> = entries.iter().map(|e| e.location.relative_to(folder).unwrap()).collect();
    names.sort();
    names
}

/// Bytes that differ everywhere.
pub(crate) fn noise(len: usize) -> Bytes {
    (0..len).map(|at| u8::try_from((at.wrapping_mul(2_654_435_761) >> 13) % 256).unwrap()).collect()
}

/// All that can be asked of an object that is there.
async fn reads_right(storage: &Storage, location: &Location, bytes: &Bytes, is_cheap: bool) {
    let meta = storage.meta(location).await.unwrap();
    assert_eq!(meta.len, bytes.len() as u64);
    let before = storage.counters().requests();
    let (fetched, all) = storage.fetch(location).await.unwrap();
    assert!(!is_cheap || storage.counters().requests() - before <= 1, "a document is one request");
    assert_eq!((&fetched.etag, fetched.len, &all), (&meta.etag, meta.len, bytes));
    assert!(storage.fetch_unless(location, &meta.etag).await.unwrap().is_none());
    assert!(storage.fetch_unless(location, "\"other\"").await.unwrap().is_some());
    let ranges = [0..5, meta.len - 3..meta.len, 7..7, 3..meta.len / 2];
    let parts = storage.read_ranges(location, &meta.etag, &ranges).await.unwrap();
    for (range, part) in ranges.iter().zip(&parts) {
        let whole = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert_eq!(part[..], bytes[whole], "{range:?}");
    }
    for outside in [meta.len - 1..meta.len + 1, meta.len..meta.len + 9, meta.len + 5..meta.len + 9] {
        let error =
            storage.read_ranges(location, &meta.etag, std::slice::from_ref(&outside)).await.unwrap_err();
        assert!(
            matches!(error, StorageError::OutOfRange { len, .. } if len == meta.len),
            "{outside:?}: {error}"
        );
    }
    let error = storage.read_ranges(location, "\"other\"", &[0..1, 2..3]).await.unwrap_err();
    assert!(matches!(error, StorageError::Changed { .. }), "{error}");
    let pieces: Vec<Bytes> =
        storage.open_whole(location).await.unwrap().into_stream().try_collect().await.unwrap();
    assert_eq!(pieces.concat(), bytes[..]);
    let opened = storage.open_whole(location).await.unwrap().into_reader();
    let read = move || std::io::read_to_string(std::io::Read::take(opened, 0)).map(drop);
    tokio::task::spawn_blocking(read).await.unwrap().unwrap();
}

async fn nothing_is_there(storage: &Storage, location: &Location) {
    let errors = [
        storage.meta(location).await.err(),
        storage.read(location).await.err(),
        storage.read_ranges(location, "\"x\"", std::slice::from_ref(&(0..1))).await.err(),
        storage.open_whole(location).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(StorageError::NotFound { .. })), "{error:?}");
    }
}

/// The whole suite, below a folder that can be written and holds nothing.
async fn conforms(storage: &Storage, folder: &Location, keeps_labels: bool) {
    assert_eq!(names(storage, folder).await, [""; 0]);
    let one = folder.child("one.json").unwrap();
    nothing_is_there(storage, &one).await;
    // Writing, by what is there.
    let bytes = noise(1000);
    let first = storage.write(&one, bytes.clone(), WriteMode::Create, &label()).await.unwrap();
    reads_right(storage, &one, &bytes, true).await;
    assert_eq!(storage.meta(&one).await.unwrap().etag, first.etag);
    let again = storage.write(&one, noise(10), WriteMode::Create, &label()).await.unwrap_err();
    assert!(matches!(again, StorageError::Exists { .. }), "{again}");
    assert_eq!(storage.read(&one).await.unwrap(), bytes);
    let newer = noise(2000);
    let second = storage.write(&one, newer.clone(), WriteMode::IfMatch(first.etag.clone()), &label()).await;
    let second = second.unwrap();
    assert_ne!(second.etag, first.etag);
    let late = storage.write(&one, noise(10), WriteMode::IfMatch(first.etag.clone()), &label()).await;
    assert!(matches!(late.unwrap_err(), StorageError::Changed { .. }));
    assert_eq!(storage.read(&one).await.unwrap(), newer);
    // A reader of the first state gets nothing of the second.
    let mixed = storage.read_ranges(&one, &first.etag, &[0..10, 500..600]).await.unwrap_err();
    assert!(matches!(mixed, StorageError::Changed { .. }), "{mixed}");
    if keeps_labels {
        assert_eq!(storage.label(&one).await.unwrap().1, label());
    }
    // Large objects in parts; what is given up leaves nothing.
    let large = noise(21 << 20);
    let big = folder.child("big/object.tif").unwrap();
    let mut writer = storage.writer(&big, &label(), None).await.unwrap();
    for piece in large.chunks(3_000_001) {
        writer.write(large.slice_ref(piece)).await.unwrap();
    }
    assert_eq!(names(storage, &folder.child("big").unwrap()).await, [""; 0], "not before its end");
    assert_eq!(writer.finish().await.unwrap().len, large.len() as u64);
    reads_right(storage, &big, &large, false).await;
    if keeps_labels {
        assert_eq!(storage.label(&big).await.unwrap().1, label());
    }
    let mut given_up =
        storage.writer(&folder.child("big/none.tif").unwrap(), &label(), Some(9)).await.unwrap();
    given_up.write(large.slice(..17 << 20)).await.unwrap();
    given_up.abort().await;
    let mut small =
        storage.writer(&folder.child("small").unwrap(), &Label::default(), Some(4)).await.unwrap();
    small.write(noise(4)).await.unwrap();
    small.finish().await.unwrap();
    assert_eq!(names(storage, folder).await, ["big/object.tif", "one.json", "small"]);
    // Names of all kinds.
    for (nth, name) in ODD.iter().enumerate() {
        let odd = folder.child("odd").unwrap().child(name).unwrap();
        storage.write(&odd, noise(10 + nth), WriteMode::Replace, &Label::default()).await.unwrap();
        assert_eq!(storage.read(&odd).await.unwrap(), noise(10 + nth), "{name}");
    }
    let mut odd = ODD.map(str::to_owned);
    odd.sort();
    assert_eq!(names(storage, &folder.child("odd").unwrap()).await, odd);
    // Deleting.
    storage.delete(&one).await.unwrap();
    storage.delete(&one).await.unwrap();
    nothing_is_there(storage, &one).await;
    assert_eq!(names(storage, &folder.child("none").unwrap()).await, [""; 0]);
}

#[test]
fn the_local_disk_conforms() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::from_path(&folder.path().join("new")).unwrap();
        let storage = storage(&Env::new());
        assert!(storage.make_container(&location).await.unwrap());
        assert!(!storage.make_container(&location).await.unwrap());
        conforms(&storage, &location, false).await;
    });
}

#[test]
fn memory_conforms() {
    run(async {
        let storage = storage(&Env::new());
        storage.keep_in_memory(&at("s3://memory")).unwrap();
        conforms(&storage, &at("s3://memory/below"), true).await;
    });
}

#[test]
fn an_s3_server_conforms() {
    let server = S3::start(&[]);
    run(async {
        let storage = storage(&server.env());
        let folder = at("s3://new-bucket/some/folder");
        assert!(storage.make_container(&folder).await.unwrap());
        assert!(!storage.make_container(&folder).await.unwrap());
        conforms(&storage, &folder, true).await;
        assert!(storage.counters().of(StoreKind::S3).bytes() > 21 << 20);
    });
}

#[test]
fn azurite_conforms_by_every_name_of_its_container() {
    let server = Azure::start();
    run(async {
        let storage = storage(&server.env());
        let folder = at("az://new-container/some/folder");
        let missing =
            storage.write(&folder.child("x").unwrap(), noise(1), WriteMode::Replace, &label()).await;
        assert!(missing.unwrap_err().to_string().contains("--create"));
        assert!(storage.make_container(&folder).await.unwrap());
        assert!(!storage.make_container(&folder).await.unwrap());
        conforms(&storage, &folder, true).await;
        let public = storage.adopt(folder.clone());
        assert_eq!(public.to_href(), format!("{}/cairntest/new-container/some/folder", server.url()));
        assert_eq!(names(&storage, &public).await, names(&storage, &folder).await);
        conforms(&storage, &public.child("again").unwrap(), true).await;
    });
}

#[test]
fn nginx_reads_as_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = Nginx::over(folder.path());
    let bytes = noise(100_000);
    for name in ODD {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &bytes).unwrap();
    }
    run(async {
        let storage = storage(&Env::new());
        let root = at(&server.url());
        for name in ODD {
            reads_right(&storage, &root.child(name).unwrap(), &bytes, true).await;
        }
        nothing_is_there(&storage, &root.child("none").unwrap()).await;
        let list: Result<Vec<_>, _> = storage.list(&root).try_collect().await;
        assert!(matches!(list.unwrap_err(), StorageError::Unsupported { .. }));
        let first = root.child(ODD[0]).unwrap();
        let etag = storage.meta(&first).await.unwrap().etag;
        std::fs::write(folder.path().join(ODD[0]), noise(99_999)).unwrap();
        let error = storage.read_ranges(&first, &etag, &[0..10, 500..600]).await.unwrap_err();
        assert!(matches!(error, StorageError::Changed { .. }), "{error}");
    });
}

#[test]
fn a_wrong_key_is_denied_and_never_shown() {
    let (s3, azure) = (S3::start(&["bucket"]), Azure::start());
    let secret = "VGhpcy1pcy1hLXdyb25nLWtleS1vZi1ub2JvZHk9PT0=";
    let wrong_s3: Env = vec![
        ("AWS_ACCESS_KEY_ID", "AKNOBODY".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ("AWS_SESSION_TOKEN", "TOKENOFNOBODY".to_owned()),
        ("AWS_ENDPOINT_URL", s3.url()),
    ];
    let connection = Azure::connection_string(&azure.url());
    let own =
        connection.split("AccountKey=").nth(1).and_then(|rest| rest.split(';').next()).unwrap().to_owned();
    let connection = connection.replace(&own, secret);
    let wrong_azure: Env = vec![("AZURE_STORAGE_CONNECTION_STRING", connection)];
    let sas = "sv=2021-08-06&sr=c&sp=rl&se=2099-01-01T00%3A00%3A00Z&sig=SECRETSIGNATURE%3D";
    run(async {
        let mut shown = Vec::new();
        for (env, text) in [
            (&wrong_s3, "s3://bucket/x".to_owned()),
            (&wrong_azure, "az://c1c/x".to_owned()),
            (&wrong_azure, format!("az://c1c/x?{sas}")),
        ] {
            let storage = storage(env);
            let location = at(&text);
            for location in [storage.adopt(location.clone()), location] {
                let error = storage.read(&location).await.unwrap_err();
                assert!(matches!(error, StorageError::Denied { .. }), "{error}");
                let list: Result<Vec<_>, _> = storage.list(&location).try_collect().await;
                shown.push(format!("{location} {location:?} {error} {error:?} {storage:?} {list:?}"));
            }
        }
        let toml =
            format!("prefix = 's3://bucket'\naccess_key_id = 'AKNOBODY'\nsecret-access-key = '{secret}'");
        let settings: StoreSettings = toml::from_str(&toml).unwrap();
        let settings = Settings::new(vec![settings], Environment::of(wrong_s3)).unwrap();
        shown.push(format!("{settings:?} {:?}", Storage::new(settings.clone())));
        let shown = shown.join("\n");
        for hidden in [secret, "AKNOBODY", "TOKENOFNOBODY", "SECRETSIGNATURE"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
    });
}

#[test]
fn a_signature_on_the_url_opens_what_it_is_for() {
    use object_store::azure::MicrosoftAzureBuilder;
    use object_store::path::Path;
    use object_store::signer::Signer;

    let server = Azure::start();
    let connection = Azure::connection_string(&server.url());
    let of = |name: &str| {
        connection.split(&format!("{name}=")).nth(1).unwrap().split(';').next().unwrap().to_owned()
    };
    run(async {
        let owner = storage(&server.env());
        let object = at("az://c1c/folder/x.json");
        owner.make_container(&object).await.unwrap();
        owner.write(&object, noise(5000), WriteMode::Create, &label()).await.unwrap();
        let signer = MicrosoftAzureBuilder::new()
            .with_account(of("AccountName"))
            .with_access_key(of("AccountKey"))
            .with_endpoint(of("BlobEndpoint"))
            .with_container_name("c1c")
            .with_allow_http(true)
            .build()
            .unwrap();
        let path = Path::from("folder/x.json");
        let signed =
            signer.signed_url("GET".parse().unwrap(), &path, std::time::Duration::from_mins(1)).await;
        let signed = signed.unwrap();
        let account: Env = vec![
            ("AZURE_STORAGE_ACCOUNT", of("AccountName")),
            ("AZURE_STORAGE_ENDPOINT", of("BlobEndpoint")),
        ];
        for env in [Env::new(), account] {
            let stranger = storage(&env);
            let plain = at(signed.as_str().split('?').next().unwrap());
            let refused = stranger.read(&plain).await.unwrap_err();
            assert!(
                matches!(refused, StorageError::Denied { .. } | StorageError::NotFound { .. }),
                "{refused}"
            );
            assert_eq!(stranger.read(&at(signed.as_str())).await.unwrap(), noise(5000));
            let adopted = stranger.adopt(at(signed.as_str()));
            assert_eq!(adopted, plain);
            assert_eq!(stranger.read(&adopted).await.unwrap(), noise(5000));
            let tampered = signed.as_str().replace("sig=", "sig=AAAA");
            let refused = storage(&env).read(&at(&tampered)).await.unwrap_err();
            assert!(matches!(refused, StorageError::Denied { .. }), "{refused}");
            assert!(!format!("{refused} {refused:?} {stranger:?}").contains("sig"));
        }
    });
}
