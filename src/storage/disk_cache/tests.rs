//! The folder as the keeper leaves it: within its limit, sound after damage, with one owner.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn object(name: u64) -> Location {
    Location::parse(&format!("s3://bucket/{name}.tif")).expect("a location")
}

/// Waits until all that was offered is written, and the folder is open.
fn settle(cache: &DiskCache) {
    let end = Instant::now() + Duration::from_secs(30);
    while !cache.shelf.is_open.load(Ordering::Relaxed) || cache.queued_bytes() > 0 {
        assert!(Instant::now() < end, "the keeper does not come to its end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn opened(folder: &Path, limit_bytes: u64) -> DiskCache {
    let cache = DiskCache::new(folder.to_owned(), limit_bytes);
    settle(&cache);
    cache
}

/// A cache that nobody uses any more gives its folder back.
fn close(cache: DiskCache) {
    let shelf = Arc::downgrade(&cache.shelf);
    drop(cache);
    let end = Instant::now() + Duration::from_secs(30);
    while shelf.strong_count() > 0 {
        assert!(Instant::now() < end, "the keeper does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn offer(cache: &DiskCache, name: u64, bytes: &Bytes) {
    let range = 0..bytes.len() as u64;
    cache.offer(&object(name), "\"e\"", 0, bytes, &[range]);
    settle(cache);
}

fn read(cache: &DiskCache, name: u64, len: usize) -> Option<Bytes> {
    runtime().block_on(cache.read(&object(name), "\"e\"", &(0..len as u64)))
}

/// Files and bytes that the folder takes.
fn taken(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for shard in fs::read_dir(folder).expect("the folder").flatten().filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(shard.path()).expect("a folder").flatten() {
            files += 1;
            bytes += file.metadata().expect("a file").len();
        }
    }
    (files, bytes)
}

fn only_file(folder: &Path) -> PathBuf {
    let shards = fs::read_dir(folder).expect("the folder").flatten().filter(|entry| entry.path().is_dir());
    let mut files = shards.flat_map(|shard| fs::read_dir(shard.path()).expect("a folder")).flatten();
    files.next().expect("a file").path()
}

#[test]
fn the_parts_of_a_run_come_back_one_by_one_also_from_the_next_server() {
    let home = tempfile::tempdir().expect("a folder");
    let cache = opened(home.path(), 1 << 20);
    let run = Bytes::from((0..=255).collect::<Vec<u8>>());
    cache.offer(&object(1), "\"e\"", 1000, &run, &[1000..1010, 1200..1256]);
    settle(&cache);
    let found = |cache: &DiskCache, etag: &str, range: Range<u64>| {
        runtime().block_on(cache.read(&object(1), etag, &range))
    };
    for _ in 0..2 {
        assert_eq!(found(&cache, "\"e\"", 1000..1010).as_deref(), Some(&run[..10]));
    }
    assert_eq!((cache.hits(), cache.hit_bytes(), cache.misses(), cache.errors()), (2, 20, 2, 0));
    close(cache);
    let next = opened(home.path(), 1 << 20);
    assert_eq!(found(&next, "\"e\"", 1200..1256).as_deref(), Some(&run[200..]));
    assert_eq!(found(&next, "\"other\"", 1200..1256), None);
    assert_eq!(found(&next, "\"e\"", 1000..1011), None);
    assert_eq!((next.kept_files(), next.errors()), (2, 0));
}

#[test]
fn the_limit_holds_whatever_is_offered_and_what_is_asked_for_often_stays() {
    let home = tempfile::tempdir().expect("a folder");
    let limit = 1 << 20;
    let cache = opened(home.path(), limit);
    let bytes = Bytes::from(vec![7; 10_000]);
    for favourite in 0..10 {
        offer(&cache, favourite, &bytes);
    }
    for round in 0..40 {
        for favourite in 0..10 {
            assert!(read(&cache, favourite, bytes.len()).is_some(), "round {round}");
        }
        for once in 0..20 {
            let name = 1000 + round * 20 + once;
            if read(&cache, name, bytes.len()).is_none() {
                offer(&cache, name, &bytes);
            }
        }
        let (files, disk) = taken(home.path());
        assert!(disk <= limit && files <= limit / DISK_BLOCK_BYTES, "{files} files of {disk} bytes");
        assert_eq!(files, cache.kept_files());
    }
    assert!(cache.kept_bytes() > limit / 2, "{} bytes", cache.kept_bytes());
    // The largest that could be kept would drive out too much.
    offer(&cache, 9999, &Bytes::from(vec![0; 100_000]));
    assert_eq!(read(&cache, 9999, 100_000), None);
    close(cache);

    let less = opened(home.path(), limit / 4);
    let (files, disk) = taken(home.path());
    assert!(files > 0 && disk <= limit / 4, "{files} files of {disk} bytes");
    assert_eq!(files, less.kept_files());
}

#[test]
fn a_damaged_file_is_no_answer_and_goes() {
    let home = tempfile::tempdir().expect("a folder");
    let bytes = Bytes::from(vec![9; 5000]);
    for damage in 0..4 {
        let cache = opened(home.path(), 1 << 20);
        offer(&cache, 5, &bytes);
        let path = only_file(home.path());
        let mut file = fs::read(&path).expect("read");
        match damage {
            0 => file.truncate(3000),
            1 => file[4000] ^= 1,
            2 => file.push(0),
            _ => file.clear(),
        }
        fs::write(&path, file).expect("damage");
        assert_eq!(read(&cache, 5, bytes.len()), None, "damage {damage}");
        assert_eq!(cache.errors(), 1);
        // Written anew, it serves again.
        offer(&cache, 6, &bytes);
        offer(&cache, 5, &bytes);
        assert_eq!(read(&cache, 5, bytes.len()), Some(bytes.clone()));
        // One that somebody removed is as if it had never been there.
        fs::remove_file(&path).expect("removed");
        assert_eq!((read(&cache, 5, bytes.len()), cache.errors()), (None, 1));
        offer(&cache, 6, &bytes);
        offer(&cache, 5, &bytes);
        assert_eq!(read(&cache, 5, bytes.len()), Some(bytes.clone()));
        close(cache);
        fs::remove_dir_all(home.path()).expect("removed");
    }
}

#[test]
fn what_a_crash_leaves_and_what_is_not_ours_is_passed_over() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("ab")).expect("a folder");
    fs::write(home.path().join("part"), "half").expect("a file");
    fs::write(home.path().join("ab/notes.txt"), "mine").expect("a file");
    fs::write(home.path().join("ab").join("ab".repeat(16)), "torn").expect("a file");
    let cache = opened(home.path(), 1 << 20);
    assert!(!home.path().join("part").exists());
    assert_eq!(fs::read(home.path().join("ab/notes.txt")).expect("still there"), b"mine");
    assert_eq!(cache.kept_files(), 1);
    assert_eq!(read(&cache, 1, 4), None);
}

#[test]
fn a_folder_has_one_owner_at_a_time() {
    let home = tempfile::tempdir().expect("a folder");
    let (first, bytes) = (opened(home.path(), 1 << 20), Bytes::from_static(b"pixels"));
    let second = DiskCache::new(home.path().to_owned(), 1 << 20);
    offer(&first, 1, &bytes);
    let range = 0..6;
    second.offer(&object(2), "\"e\"", 0, &bytes, std::slice::from_ref(&range));
    assert_eq!((second.dropped(), second.misses(), second.queued_bytes()), (1, 1, 0));
    assert_eq!((read(&second, 1, 6), read(&first, 1, 6)), (None, Some(bytes)));
    assert_eq!(taken(home.path()).0, 1);
}
