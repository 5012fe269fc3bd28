//! A fetch that is killed in any stage goes on with the period that was cut off, and ends as if nothing had happened.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::files::{contents, item, noise, serve, web};
use crate::server::{cairn, run};
use crate::stores::{Env, Fault, Proxy, S3, with};

/// `cairn fetch` month by month into a bucket, through a command that takes its time.
fn command(env: &Env, url: &str, dest: &Path, place: &str, log: &Path) -> Command {
    let then = format!("echo {{dir}} >> {}; sleep 0.3; cp -r {{dir}}/. {{out}}", log.display());
    let mut command = cairn();
    with(&mut command, env).arg("fetch").arg(url).arg(dest).args([
        "--datetime",
        "2024-01-01/2024-03-31",
        "--per",
        "month",
        "--then",
        &then,
        "--move-to",
        place,
        "--jobs",
        "2",
    ]);
    command
}

#[test]
fn a_fetch_that_is_killed_in_each_stage_ends_with_all_of_it_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let days = ["2024-01-05", "2024-01-06", "2024-02-07", "2024-03-08"];
    let names = days.iter().map(|day| format!("{day}.bin"));
    let files: BTreeMap<_, _> = names.zip(1..).map(|(name, seed)| (name, noise(seed, 300_000))).collect();
    let web = web(files);
    let port: u16 = web.rsplit(':').next().unwrap().parse().unwrap();
    let slow = Proxy::before(port, |_| Fault::Late(Duration::from_millis(60)));
    let items: Vec<_> = days
        .iter()
        .map(|day| {
            item(&format!("i{day}"), day, &json!({"a": {"href": format!("{}/plain/{day}.bin", slow.url())}}))
        })
        .collect();
    let server = serve(folder.path(), &items);
    let s3 = S3::start(&["bucket"]);
    let store = Proxy::before(s3.port(), |_| Fault::Late(Duration::from_millis(20)));
    let env = S3::env_at(&store.url());
    let (dest, log) = (folder.path().join("got"), folder.path().join("log"));
    let reference = folder.path().join("reference");
    let ran = run(&mut command(&env, &server.url, &reference, "s3://bucket/reference", &log));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    fs::remove_file(&log).unwrap();

    for (period, stage) in [
        ("2024-01", "search"),
        ("2024-01", "download"),
        ("2024-01", "command"),
        ("2024-01", "move"),
        ("2024-02", "search"),
        ("2024-02", "download"),
        ("2024-02", "command"),
        ("2024-02", "move"),
    ] {
        let mut child = command(&env, &server.url, &dest, "s3://bucket/killed", &log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let told = format!("{period}: {stage}");
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let is_met = lines.into_iter().any(|line| line == told);
        thread::sleep(Duration::from_millis(30));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_met, "it ended before '{told}'");
    }
    let ran = run(&mut command(&env, &server.url, &dest, "s3://bucket/killed", &log));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(
        said.contains("1 periods were done before") || said.contains("2 periods were done before"),
        "{said}"
    );
    let bucket = s3.bucket("bucket");
    let (killed, whole) = (contents(&bucket.join("killed")), contents(&bucket.join("reference")));
    assert!(killed == whole && killed.len() == 2 * days.len(), "{:?}", killed.keys());
    let moved = |dest: &Path| fs::read_to_string(dest.join("moved.ndjson")).unwrap();
    assert_eq!(moved(&dest), moved(&reference).replace("bucket/reference", "bucket/killed"));
    let state = contents(&dest.join(".fetch"));
    assert!(state.keys().all(|name| !name.contains('/')), "all periods are freed: {:?}", state.keys());
    // A command that ran to its end is not run again: once for each kill within it, and once to its end.
    let log = fs::read_to_string(&log).unwrap();
    let runs = |month: &str| log.lines().filter(|line| line.contains(month)).count();
    assert_eq!([runs("2024-01"), runs("2024-02"), runs("2024-03")], [2, 2, 1], "{log}");
}

#[test]
fn a_fetch_that_is_interrupted_takes_its_command_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let web = web([("x.bin".to_owned(), noise(1, 1000))].into());
    let assets = json!({"a": {"href": format!("{web}/plain/x.bin")}});
    let server = serve(folder.path(), &[item("i", "2024-01-05", &assets)]);
    let mark = folder.path().join("mark");
    let then = format!("sleep 3; touch {}", mark.display());
    let mut child = cairn()
        .arg("fetch")
        .arg(&server.url)
        .arg(folder.path().join("got"))
        .args(["--datetime", "2024-01-01/2024-01-31", "--per", "month", "--then", &then])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line == "2024-01: command"));
    thread::sleep(Duration::from_millis(100));
    let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
    assert!(sent.success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(rest.last().is_some_and(|line| line.contains("interrupted")), "{rest:?}");
    thread::sleep(Duration::from_millis(3200));
    assert!(!mark.exists(), "the command went on");
}
