//! What headers and masked pixels of COGs that GDAL made cost in requests and bytes, also when GDAL edited them afterwards.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use cairn::cog::{Header, open};
use cairn::storage::{Environment, Settings, Storage};

use crate::cogs;
use crate::http::get;
use crate::python::script;
use crate::server::{Server, cairn, run as run_command};
use crate::store_conformance::{at, run};
use crate::stores::{Env, Fault, Nginx, Proxy, Seen, with};

/// What is fetched of a file at first.
const FIRST_BYTES: u64 = 32 << 10;

/// The header of a file on the web server, and the requests that it took.
fn fetched(proxy: &Proxy, name: &str) -> (Header, Vec<Seen>) {
    let storage = Storage::new(Settings::new(Vec::new(), Environment::default()).unwrap());
    let before = seen(proxy).len();
    let (location, mut header) = (at(&format!("{}/{name}", proxy.url())), None);
    run(async {
        header = Some(open(&storage, &location).await.unwrap().header);
    });
    (header.unwrap(), seen(proxy).split_off(before))
}

/// All requests so far: what the client has, the proxy may not have written down yet.
fn seen(proxy: &Proxy) -> Vec<Seen> {
    let end = Instant::now() + Duration::from_secs(30);
    while !proxy.is_idle() {
        assert!(Instant::now() < end, "a request does not end");
        thread::sleep(Duration::from_millis(5));
    }
    proxy.seen()
}

/// The first byte of a block.
fn pixels_begin(header: &Header) -> u64 {
    let images = header.levels().flat_map(|level| std::iter::once(&level.image).chain(&level.mask));
    let starts = images.flat_map(|image| {
        cogs::grid(image).filter_map(|(row, col)| Some(image.block_range(0, row, col).unwrap()?.start))
    });
    starts.min().unwrap()
}

#[test]
fn headers_of_gdal_s_cogs_take_one_request_more_than_the_first_at_most() {
    let folder = tempfile::tempdir().unwrap();
    script("make_large_cogs.py", [folder.path()]);
    let nginx = Nginx::over(folder.path());
    let proxy = Proxy::before(nginx.port(), |_| Fault::None);
    for (name, requests) in [("large.tif", 2), ("large_big.tif", 2), ("masked.tif", 1)] {
        let (header, seen) = fetched(&proxy, name);
        assert_eq!(seen.len(), requests, "{name}: {seen:?}");
        let received: u64 = seen.iter().map(|seen| seen.received).sum();
        let begin = pixels_begin(&header);
        assert!(received <= begin.max(FIRST_BYTES), "{name}: {received} bytes, pixels from {begin} on");
    }
    for name in ["masked", "edited_pixels", "edited_tags", "edited_overviews"] {
        let (header, seen) = fetched(&proxy, &format!("{name}.tif"));
        assert!(seen.len() <= 4, "{name}: {seen:?}");
        let file = cogs::read(&folder.path().join(format!("{name}.tif")));
        let mask = header.full.mask.as_ref().unwrap();
        let mut found = cogs::pixels(&header.full.image, None, &file).unwrap();
        found.extend(cogs::pixels(mask, None, &file).unwrap());
        let wanted = fs::read(folder.path().join(format!("{name}.raw"))).unwrap();
        assert!(found == wanted, "{name}: pixels or mask are not GDAL's");
    }
}

#[test]
fn blocks_and_their_masks_that_gdal_put_beside_each_other_are_one_request() {
    let home = tempfile::tempdir().unwrap();
    let set = home.path().join("set/c");
    fs::create_dir_all(&set).unwrap();
    script("make_large_cogs.py", [set.as_os_str(), "masked".as_ref()]);
    fs::remove_file(set.join("masked.raw")).unwrap();
    let tree = home.path().join("set");
    let built = run_command(cairn().arg("build").arg(&tree).arg(&tree).arg("--quiet"));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let nginx = Nginx::over(&tree);
    let proxy = Proxy::before(nginx.port(), |_| Fault::None);
    let mut command = cairn();
    command.arg("serve").arg(format!("{}/catalog.json", proxy.url()));
    command.args(["--bind", "127.0.0.1:0", "--cache-bytes", "0", "--cache-dir"]).arg(home.path());
    let server = Server::start(with(&mut command, &Env::new()));
    let patch = |index: usize| {
        let before = proxy.requests();
        let query = format!("collections=c&size=128&align=block&seed=3&index={index}&format=npz");
        let answer = get(&format!("{}/patch/random?{query}", server.url));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        proxy.requests() - before
    };
    patch(0);
    let requests: Vec<u64> = (1..20).map(patch).collect();
    assert!(requests.iter().all(|count| *count <= 1), "{requests:?}");
    assert!(requests.contains(&1), "{requests:?}");
}
