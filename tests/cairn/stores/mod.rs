//! Real stores for the tests: an S3 server, Azure's own emulator, nginx, each over a temporary folder on a free port with
//! credentials of its own, ended when dropped; and a proxy that misbehaves in front of any of them.
//!
//! Each store has `env_at(url)`: what a process needs in its environment to reach it at that URL, which may be a proxy's.

mod azure;
mod framing;
mod metadata;
mod nginx;
mod process;
mod proxy;
mod s3;

pub(crate) use azure::{ACCOUNT, Azure, KEY};
pub(crate) use metadata::Metadata;
pub(crate) use nginx::Nginx;
pub(crate) use proxy::{Asked, Fault, Proxy, Seen};
pub(crate) use s3::{ACCESS_KEY, S3, SECRET_KEY};

use std::process::Command;

/// Names and values for a process's environment.
pub(crate) type Env = Vec<(&'static str, String)>;

/// A command with these settings, and none of what the caller's own cloud tools use.
pub(crate) fn with<'a>(command: &'a mut Command, env: &Env) -> &'a mut Command {
    let foreign = |name: &str| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|cloud| name.starts_with(cloud));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(foreign)) {
        command.env_remove(name);
    }
    for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command.envs(env.iter().map(|(name, value)| (name, value)))
}
