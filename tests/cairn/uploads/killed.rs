//! An upload that is killed again and again ends equal to its source, and what was finished is never sent again.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::folder::{self, Random};
use super::{command, finished, upload};
use crate::soak;
use crate::stores::{Fault, Proxy, S3};

/// Uploads `count` files of `bytes` in all through `kills` ends by SIGKILL at random moments.
fn killed_and_resumed(count: usize, bytes: usize, kills: u64) {
    let source = tempfile::tempdir().unwrap();
    folder::make(source.path(), count, bytes);
    let s3 = S3::start(&["bucket"]);
    // Slow enough to be killed in the middle of things.
    let proxy = Proxy::before(s3.port(), |_asked| Fault::Late(Duration::from_millis(4)));
    let env = S3::env_at(&proxy.url());
    let mut random = Random(u64::try_from(count).unwrap() | 1);
    for kill in 0..kills {
        let share = u64::try_from(bytes).unwrap() / (kills + 1);
        let until = kill * share + random.draw() % share;
        let mut child = command(&env, source.path(), "s3://bucket/tree", &["--quiet"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while proxy.sent() < until {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What the store has received by now, it finishes.
        while !proxy.is_idle() {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let last = upload(&env, source.path(), "s3://bucket/tree", &[]);
    assert!(last.contains("there already"), "{last}");
    folder::assert_same(source.path(), &s3.bucket("bucket").join("tree"));
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for key in finished(&proxy.seen()) {
        *times.entry(key).or_default() += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "sent again although finished: {twice:?}");
    assert_eq!(times.len(), count);
    let again = proxy.sent();
    upload(&env, source.path(), "s3://bucket/tree", &["--quiet"]);
    assert_eq!(proxy.sent(), again, "nothing is left to send");
    let all: usize = folder::contents(source.path()).values().map(Vec::len).sum();
    let vain = again.saturating_sub(all as u64) * 1000 / all as u64;
    soak::figure(
        &format!("upload of {count} files and {} MB, killed {kills} times", bytes / 1_000_000),
        &format!("equal, none finished twice, {vain} of 1000 bytes sent in vain"),
    );
}

#[test]
fn an_upload_that_is_killed_three_times_ends_equal_and_sends_nothing_finished_twice() {
    killed_and_resumed(600, 60_000_000, 3);
}

#[test]
#[ignore = "a gigabyte; make soak runs it"]
fn soak_an_upload_of_5000_files_and_a_gigabyte_survives_ten_kills() {
    killed_and_resumed(5_000, 1_000_000_000, 10);
}
