//! The scripts of `tests/clients`, run with the virtual environment that `scripts/setup.sh python` makes.

use std::ffi::OsStr;

use crate::server::{plain, repository, run};

/// Runs a script; its output is the failure when it exits with anything but 0.
pub(crate) fn script<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let python = repository(".cairn/venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup.sh python", python.display());
    let mut command = plain(python);
    // Answers must not depend on what this machine's shell sets.
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command.arg("-B").arg(repository("tests/clients").join(name)).args(arguments);
    let ran = run(&mut command);
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{name}: {said}");
    said
}
