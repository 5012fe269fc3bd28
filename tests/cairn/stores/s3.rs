//! `s3s-fs`: S3 over a folder; a bucket is a folder in it, an object a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::Env;
use super::process::Listening;
use crate::server::repository;

pub(crate) const ACCESS_KEY: &str = "AKTEST";
pub(crate) const SECRET_KEY: &str = "SKTESTsecret";

/// A running S3 server.
#[derive(Debug)]
pub(crate) struct S3 {
    listening: Listening,
    folder: TempDir,
}

impl std::ops::Deref for S3 {
    type Target = Listening;

    fn deref(&self) -> &Listening {
        &self.listening
    }
}

impl S3 {
    /// Starts one with these buckets.
    pub(crate) fn start(buckets: &[&str]) -> Self {
        Self::start_with(buckets, &["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
    }

    /// One that finds its bucket in the host's name, below `domain`.
    pub(crate) fn start_below(domain: &str, buckets: &[&str]) -> Self {
        let keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--domain", domain];
        Self::start_with(buckets, &keys)
    }

    /// One that takes requests without a signature.
    pub(crate) fn start_open(buckets: &[&str]) -> Self {
        Self::start_with(buckets, &[])
    }

    fn start_with(buckets: &[&str], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for bucket in buckets {
            fs::create_dir_all(folder.path().join("data").join(bucket)).unwrap();
        }
        fs::create_dir_all(folder.path().join("data")).unwrap();
        let listening = Listening::start(&folder.path().join("log"), |port| {
            let mut command = Command::new(repository(".cairn/s3s/bin/s3s-fs"));
            command.args(options).args(["--host", "127.0.0.1"]);
            command.args(["--port", &port.to_string()]).arg(folder.path().join("data"));
            command
        });
        Self { listening, folder }
    }

    /// The folder that holds a bucket's objects as files.
    pub(crate) fn bucket(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The objects of a bucket, by key, without what the server keeps for itself (hidden files).
    pub(crate) fn objects(&self, bucket: &str) -> Vec<(String, PathBuf)> {
        let top = self.bucket(bucket);
        let mut found = Vec::new();
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !entry.file_name().to_string_lossy().starts_with('.') {
                    found.push((key(&path, &top), path));
                }
            }
        }
        found.sort();
        found
    }

    /// Parts of objects that are neither finished nor given up, as the server keeps them.
    pub(crate) fn parts(&self) -> Vec<String> {
        let names = fs::read_dir(self.data()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.contains("upload")).collect()
    }

    /// The environment that reaches it.
    pub(crate) fn env(&self) -> Env {
        Self::env_at(&self.url())
    }

    pub(crate) fn env_at(url: &str) -> Env {
        vec![
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_ENDPOINT_URL", url.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    }
}

fn key(path: &Path, top: &Path) -> String {
    path.strip_prefix(top).unwrap().to_str().unwrap().to_owned()
}
