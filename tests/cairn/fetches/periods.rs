//! `--per`, `--then`, `--move-to`, `--max-disk`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::fetch;
use super::files::{contents, item, noise, serve, web};
use crate::demo;
use crate::http::get;
use crate::server::{Server, cairn, run};
use crate::stores::{Fault, Proxy, S3, with};

/// Days of Items with a file each of so many bytes, whose hrefs are of this kind.
fn days(
    folder: &Path,
    kind: &str,
    days: &[&str],
    len: usize,
    has_size: bool,
) -> (Server, BTreeMap<String, Vec<u8>>) {
    let names = days.iter().map(|day| format!("{day}.bin"));
    let files: BTreeMap<_, _> = names.zip(1..).map(|(name, seed)| (name, noise(seed, len))).collect();
    let web = web(files.clone());
    let items: Vec<_> = days
        .iter()
        .map(|day| {
            let mut asset = json!({"href": format!("{web}/{kind}/{day}.bin")});
            if has_size {
                asset["file:size"] = len.into();
            }
            item(&format!("i{day}"), day, &json!({"a": asset}))
        })
        .collect();
    (serve(folder, &items), files)
}

/// Runs while the size of a folder is looked at all the time; the largest that it was.
fn watched<T>(folder: &Path, work: impl FnOnce() -> T) -> (T, u64) {
    let (end, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watch = thread::spawn({
        let (folder, end, peak) = (folder.to_owned(), Arc::clone(&end), Arc::clone(&peak));
        move || {
            while !end.load(Ordering::Relaxed) {
                peak.fetch_max(size(&folder), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let done = work();
    end.store(true, Ordering::Relaxed);
    watch.join().unwrap();
    (done, peak.load(Ordering::Relaxed))
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_gone) => 0,
    };
    entries.map(of).sum()
}

const DAYS: [&str; 6] = ["2024-01-30", "2024-01-31", "2024-02-01", "2024-02-20", "2024-03-01", "2024-05-31"];

#[test]
fn months_go_through_a_command_to_another_place_within_the_limit_of_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (server, files) = days(folder.path(), "plain", &DAYS, 400_000, true);
    let (dest, place) = (folder.path().join("got"), folder.path().join("place"));
    let then = "echo {dir} >> LOG && cd {dir} && for f in $(find . -name '*.bin'); do mkdir -p {out}/$(dirname $f); head -c 1000 $f > {out}/$f.short; cp $(dirname $f)/*.json {out}/$(dirname $f); done";
    let then = then.replace("LOG", folder.path().join("log").to_str().unwrap());
    let options = [
        "--datetime",
        "2024-01-01/2024-06-30",
        "--per",
        "month",
        "--then",
        &then,
        "--move-to",
        place.to_str().unwrap(),
        "--max-disk",
        "1200k",
        "--tile",
        "35VLH",
    ];
    let ((said, is_well), peak) = watched(&dest, || fetch(&server, &dest, &options));
    assert!(is_well && said.contains("6 Items: 6 files came"), "{said}");
    // Half of what came in all, and never more than the limit.
    assert!((400_000..=1_200_000).contains(&peak), "{peak}");
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let months: Vec<_> = log.lines().map(|dir| dir.rsplit('/').nth(1).unwrap()).collect();
    assert_eq!(months, ["2024-01", "2024-02", "2024-03", "2024-05"]);
    let got = contents(&place);
    assert_eq!(got.len(), 12, "{:?}", got.keys());
    assert!(got.iter().all(|(name, bytes)| name.contains(".json") || bytes.len() == 1000));
    assert!(size(&dest.join(".fetch")) < 20_000 && !dest.join(".fetch/2024-01").exists());
    // What was moved is a list of Items with hrefs at their new place.
    let moved = fs::read_to_string(dest.join("moved.ndjson")).unwrap();
    assert_eq!(moved.lines().count(), files.len());
    let first: Value = serde_json::from_str(moved.lines().next().unwrap()).unwrap();
    let href = first["assets"]["a"]["href"].as_str().unwrap();
    assert_eq!(Path::new(href), place.join("c/i2024-01-30/2024-01-30.bin"));

    let (said, is_well) = fetch(&server, &dest, &options);
    assert!(
        is_well && said.contains("0 files came") && said.contains("6 periods were done before"),
        "{said}"
    );
    let other =
        ["--datetime", "2024-01-01/2024-06-30", "--per", "week", "--move-to", place.to_str().unwrap()];
    let (said, is_well) = fetch(&server, &dest, &other);
    assert!(!is_well && said.contains("another fetch"), "{said}");
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_downloaded_or_stopped_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, has_size, told) in [
        ("plain", true, "nothing of it was downloaded"),
        ("plain", false, "nothing of it was downloaded"),
        ("chunked", false, "does not fit in --max-disk"),
    ] {
        let (server, _) = days(folder.path(), kind, &["2024-01-30", "2024-01-31"], 600_000, has_size);
        let dest = folder.path().join(format!("{kind}{has_size}"));
        let place = folder.path().join("place");
        let run = |per: &str| {
            let options = [
                "--datetime",
                "2024-01-01/2024-01-31",
                "--per",
                per,
                "--max-disk",
                "1M",
                "--move-to",
                place.to_str().unwrap(),
                "--jobs",
                "2",
            ];
            watched(&dest, || fetch(&server, &dest, &options))
        };
        let ((said, is_well), peak) = run("month");
        assert!(!is_well && said.contains(told) && said.contains("shorter period"), "{kind}: {said}");
        assert!(peak <= 1_000_000, "{kind}: {peak}");
        fs::remove_dir_all(&dest).unwrap();
        // The remedy that it names.
        let ((said, is_well), peak) = run("day");
        assert!(is_well && said.contains("2 files came"), "{kind}: {said}");
        assert!((600_000..=1_000_000).contains(&peak), "{kind}: {peak}");
    }
    // Without periods what fits comes, and the rest is named. Of two at once, whose lengths nobody says, neither may fit.
    let (server, _) = days(folder.path(), "chunked", &["2024-01-30", "2024-01-31"], 600_000, false);
    let dest = folder.path().join("plain");
    let ((said, is_well), peak) =
        watched(&dest, || fetch(&server, &dest, &["--max-disk", "1M", "--jobs", "1"]));
    assert!(!is_well && said.contains("1 files came, 0 were there already, 1 failed"), "{said}");
    assert!(
        peak <= 1_000_000 && fs::read_to_string(dest.join("failed.ndjson")).unwrap().contains("--max-disk")
    );
}

#[test]
fn a_command_that_fails_keeps_its_period_and_files_that_fail_are_fetched_again_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (server, mut files) = days(folder.path(), "plain", &DAYS, 1000, true);
    let (dest, place) = (folder.path().join("got"), folder.path().join("place"));
    let range =
        ["--datetime", "2024-01-01/2024-03-31", "--per", "month", "--move-to", place.to_str().unwrap()];
    let (said, is_well) = fetch(&server, &dest, &[&range[..], &["--then", "exit 7"]].concat());
    assert!(!is_well && said.contains("2024-01") && said.contains('7'), "{said}");
    assert_eq!(contents(&dest.join(".fetch/2024-01/in")).len(), 4);
    let (said, is_well) = fetch(&server, &dest, &range);
    assert!(is_well && said.contains("3 Items: 3 files came"), "the first two are here already: {said}");
    assert_eq!(contents(&place).len(), 10);

    // One file is missing on its server for a while.
    let gone = files.remove("2024-01-31.bin").unwrap();
    let missing = web(files.clone());
    files.insert("2024-01-31.bin".to_owned(), gone);
    let whole = web(files);
    let items = |web: &str| -> Vec<Value> {
        let of =
            |day| item(&format!("i{day}"), day, &json!({"a": {"href": format!("{web}/plain/{day}.bin")}}));
        DAYS.into_iter().map(of).collect()
    };
    let (dest, place) = (folder.path().join("again"), folder.path().join("place 2"));
    let range =
        ["--datetime", "2024-01-01/2024-03-31", "--per", "month", "--move-to", place.to_str().unwrap()];
    let first = serve(folder.path(), &items(&missing));
    let (said, is_well) = fetch(&first, &dest, &range);
    assert!(!is_well && said.contains("1 failed"), "{said}");
    let failed: Value =
        serde_json::from_str(&fs::read_to_string(dest.join("failed.ndjson")).unwrap()).unwrap();
    assert_eq!((&failed["period"], &failed["item"]), (&json!("2024-01"), &json!("i2024-01-31")));
    // The same API by its URL: another port is another API.
    let state = dest.join(".fetch/journal.json");
    let second = serve(folder.path(), &items(&whole));
    fs::write(&state, fs::read_to_string(&state).unwrap().replace(&first.url, &second.url)).unwrap();
    let (said, is_well) = fetch(&second, &dest, &range);
    assert!(
        is_well && said.contains("1 Items: 1 files came") && said.contains("2 periods were done before"),
        "{said}"
    );
    assert!(!dest.join("failed.ndjson").exists());
    assert_eq!(contents(&place).len(), 10);
}

#[test]
fn a_tile_and_a_year_are_asked_for_in_days_and_converted_into_a_store() {
    let server = demo::serve();
    let proxy = Proxy::before(server.url.rsplit(':').next().unwrap().parse().unwrap(), |_| Fault::None);
    let folder = tempfile::tempdir().unwrap();
    let s3 = S3::start(&["bucket"]);
    let dest = folder.path().join("got");
    let binary = env!("CARGO_BIN_EXE_cairn");
    let then = format!("{binary} convert {{dir}} {{out}} -p timeseries --quiet");
    let mut command = cairn();
    with(&mut command, &s3.env()).arg("fetch").arg(proxy.url()).arg(&dest).args([
        "--collection",
        "sentinel-2-l2a",
        "--tile",
        "35VLH",
        "--datetime",
        "2024-01-01/2024-12-30",
        "--asset",
        "B04",
        "--per",
        "month",
        "--move-to",
        "s3://bucket/year",
        "--then",
        &then,
    ]);
    let ran = run(&mut command);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let searches =
        proxy.seen().iter().filter(|seen| seen.method == "POST" && seen.target == "/search").count();
    assert_eq!(searches, 365, "a window a day, a page each");
    let question =
        format!("{}/search?datetime=2024-01-01T00:00:00Z/2024-12-30T23:59:59Z&limit=1", server.url);
    let matched = get(&question).json()["numberMatched"].as_u64().unwrap();
    let objects = s3.objects("bucket");
    let cogs = objects.iter().filter(|(key, _)| key.ends_with("/B04.tif")).count();
    assert!(matched > 20 && cogs as u64 == matched, "{cogs} COGs of {matched} Items");
    assert!(
        !dest.join("catalog").exists()
            && contents(&dest.join(".fetch")).values().all(|bytes| bytes.len() < 100_000)
    );
}

#[test]
fn without_another_place_periods_end_up_in_one_folder_with_a_catalogue() {
    let server = demo::serve();
    let folder = tempfile::tempdir().unwrap();
    let dest = folder.path().join("got");
    let options = ["--datetime", "2024-06-01/2024-07-31", "--asset", "B04,SCL", "--per", "week"];
    let (said, is_well) = fetch(&server, &dest, &options);
    assert!(is_well, "{said}");
    let validated = run(cairn().arg("validate").arg(dest.join("catalog")).args(["--deep", "--json"]));
    let report: Value = serde_json::from_slice(&validated.stdout).unwrap();
    let matched =
        get(&format!("{}/search?datetime=2024-06-01T00:00:00Z/2024-07-31T23:59:59Z&limit=1", server.url));
    assert_eq!(
        (&report["errors"], &report["items"]),
        (&0.into(), &matched.json()["numberMatched"]),
        "{report:#}"
    );
}
