//! `cairn upload` against real stores: what arrives, in which order, what is sent again and what is not, whatever goes wrong.

mod faults;
mod folder;
mod killed;
mod modes;
mod sets;

use std::path::Path;
use std::process::{Command, Output};

use crate::server::{cairn, run};
use crate::stores::{Env, Seen, with};

/// `cairn upload SRC DEST OPTIONS` with these settings.
fn command(env: &Env, source: &Path, dest: &str, options: &[&str]) -> Command {
    let mut command = cairn();
    with(&mut command, env).arg("upload").arg(source).arg(dest).args(options);
    command
}

/// Runs it; what it said on standard error.
fn upload(env: &Env, source: &Path, dest: &str, options: &[&str]) -> String {
    let ended = run(&mut command(env, source, dest, options));
    let said = said(&ended);
    assert!(ended.status.success(), "{said}");
    said
}

/// `cairn upload FROM TO` into a folder of this disk.
fn download(env: &Env, from: &str, to: &Path) {
    let mut copy = cairn();
    let ended = run(with(&mut copy, env).args(["upload", from]).arg(to).arg("--quiet"));
    assert!(ended.status.success(), "{}", said(&ended));
}

fn said(ended: &Output) -> String {
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

/// Keys of the objects that requests finished: put at once, or made of parts.
fn finished(seen: &[Seen]) -> Vec<String> {
    let done = seen.iter().filter(|seen| seen.status.is_some_and(|status| (200..300).contains(&status)));
    let whole = done.filter(|seen| {
        let (put, query) = (seen.method == "PUT", seen.target.split_once('?').map_or("", |(_, query)| query));
        let is_s3_part = query.contains("partNumber=");
        let is_block =
            query.contains("comp=block&") || query.ends_with("comp=block") || query.contains("restype=");
        (put && !is_s3_part && !is_block) || (seen.method == "POST" && query.starts_with("uploadId="))
    });
    whole.map(|seen| seen.target.split('?').next().unwrap().to_owned()).collect()
}
