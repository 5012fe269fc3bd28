//! Azurite: Azure Blob over a folder.

use std::process::Command;

use tempfile::TempDir;

use super::Env;
use super::process::Listening;
use crate::server::repository;

pub(crate) const ACCOUNT: &str = "cairntest";
/// Base64, as all account keys.
pub(crate) const KEY: &str = "Y2Fpcm4tdGVzdC1rZXktdGhhdC1vcGVucy1ub3RoaW5nLWVsc2UtaW4tdGhlLXdvcmxkLi4u";

/// A running Azurite.
#[derive(Debug)]
pub(crate) struct Azure {
    listening: Listening,
    _folder: TempDir,
}

impl std::ops::Deref for Azure {
    type Target = Listening;

    fn deref(&self) -> &Listening {
        &self.listening
    }
}

impl Azure {
    /// Starts one without containers.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listening = Listening::start(&folder.path().join("log"), |port| {
            let mut command = Command::new(repository(".cairn/azurite/node_modules/.bin/azurite-blob"));
            command.args([
                "--silent",
                "--skipApiVersionCheck",
                "--disableTelemetry",
                "--blobHost",
                "127.0.0.1",
            ]);
            command.args(["--blobPort", &port.to_string(), "--location"]).arg(folder.path().join("data"));
            command.env("AZURITE_ACCOUNTS", format!("{ACCOUNT}:{KEY}"));
            command
        });
        Self { listening, _folder: folder }
    }

    /// The environment that reaches it: a connection string, as emulators need one to name their address.
    pub(crate) fn env(&self) -> Env {
        Self::env_at(&self.url())
    }

    pub(crate) fn env_at(url: &str) -> Env {
        vec![("AZURE_STORAGE_CONNECTION_STRING", Self::connection_string(url))]
    }

    pub(crate) fn connection_string(url: &str) -> String {
        format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={url}/{ACCOUNT};"
        )
    }
}
