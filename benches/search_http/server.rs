//! A server in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use serde_json::Value;

use crate::baseline;

/// Answers looked into, of each kind of question.
const LOOKED_INTO: usize = 100;

/// Ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Scheme, host and port.
    pub(crate) url: String,
}

impl Server {
    /// `cairn serve` over these catalogues.
    pub(crate) fn cairn(binary: &Path, catalogs: &[PathBuf]) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.arg("serve").args(catalogs).args(["--bind", "127.0.0.1:0", "--refresh", "0"]);
        Self::start(command)
    }

    /// The bare server over as many Items.
    pub(crate) fn baseline(count: u64) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(baseline::ARGUMENT).arg(count.to_string());
        Self::start(command)
    }

    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
        let out = child.stdout.take();
        let mut server = Self { child, url: String::new() };
        let mut line = String::new();
        BufReader::new(out.context("no standard output")?).read_line(&mut line)?;
        let url = line.trim_end().strip_prefix("listening on ");
        url.with_context(|| format!("{command:?} did not come up"))?.clone_into(&mut server.url);
        Ok(server)
    }

    /// Memory that the process holds.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = std::fs::read_to_string(&path)?;
        let pages: u64 = text.split_whitespace().nth(1).context(path)?.parse()?;
        Ok((pages * 4096) >> 20)
    }

    /// An answer's document.
    pub(crate) fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let mut answer = ureq::get(format!("{}{path}", self.url)).call().with_context(|| path.to_owned())?;
        anyhow::ensure!(answer.status() == 200, "{path}: {}", answer.status());
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_vec()?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Items on a page, in the mean; at most `limit`, each with an id and assets.
    pub(crate) fn items_on_pages(&self, paths: &[String], limit: usize) -> anyhow::Result<f64> {
        let (mut pages, mut items) = (0, 0);
        for path in paths.iter().step_by(paths.len().div_ceil(LOOKED_INTO)) {
            let document = self.ask(path)?;
            let features = document["features"].as_array().with_context(|| format!("{path}: no features"))?;
            anyhow::ensure!(features.len() <= limit, "{path}: {} Items, asked for {limit}", features.len());
            let whole = features.iter().all(|item| item["id"].is_string() && item["assets"].is_object());
            anyhow::ensure!(document["type"] == "FeatureCollection" && whole, "{path}: not a page of Items");
            pages += 1;
            items += features.len();
        }
        Ok(items as f64 / f64::from(pages))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
