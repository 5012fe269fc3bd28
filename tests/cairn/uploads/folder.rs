//! Folders to send: files of random bytes, in folders, with documents among them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A generator that needs no crate: xorshift64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| self.draw().to_le_bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}

/// Makes `count` files of about `bytes` in all below `folder`: one of 20 MB, small ones, a tenth of them documents, and a root.
pub(super) fn make(folder: &Path, count: usize, bytes: usize) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let put = |relative: &str, bytes: &[u8]| {
        let path = folder.join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let large = 20_000_000.min(bytes / 2);
    put("c/large.tif", &random.bytes(large));
    let mean = (bytes - large) / count;
    for n in 0..count - 3 {
        let len = mean / 2 + usize::try_from(random.draw()).unwrap() % mean.max(1);
        match n % 10 {
            0 => put(
                &format!("c/i{n}/i{n}.json"),
                format!("{{\"type\": \"Feature\", \"id\": \"{n}\"}}").as_bytes(),
            ),
            _ => put(&format!("c/i{}/B{n}.tif", n / 10 * 10), &random.bytes(len)),
        }
    }
    put("c/collection.json", b"{\"type\": \"Collection\"}");
    put("catalog.json", b"{\"type\": \"Catalog\"}");
}

/// All files below a folder by their relative paths.
pub(super) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !entry.file_name().to_string_lossy().starts_with('.') {
                let relative = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(relative, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// That two folders hold the same files, without printing them when not.
pub(super) fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (contents(one), contents(other));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{name} differs");
    }
}
