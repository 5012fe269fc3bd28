//! `wrk`, which asks questions as fast as they are answered.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// Connections that are kept busy.
const CONNECTIONS: &str = "16";

/// Reads the questions from the file that it is given, asks them in turn, ends with one line of figures.
const SCRIPT: &str = r#"
local requests, at = {}, 0
function init(args)
  for path in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", path) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("figures %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
"#;

/// How a server did.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Half of the answers took no longer, in milliseconds.
    pub(crate) p50_ms: f64,
    /// Ninety-nine in a hundred took no longer, in milliseconds.
    pub(crate) p99_ms: f64,
}

/// A load for so many seconds.
#[derive(Debug)]
pub(crate) struct Wrk {
    script: PathBuf,
    questions: PathBuf,
    seconds: u64,
}

impl Wrk {
    /// Keeps its files in a folder.
    pub(crate) fn new(folder: &Path, seconds: u64) -> anyhow::Result<Self> {
        let script = folder.join("load.lua");
        std::fs::write(&script, SCRIPT)?;
        Command::new("wrk").arg("--version").output().context("wrk is missing; run: apt-get install wrk")?;
        Ok(Self { script, questions: folder.join("questions.txt"), seconds })
    }

    /// Puts the questions to a server.
    ///
    /// # Errors
    /// Also when a question was not answered with success.
    pub(crate) fn run(&self, url: &str, paths: &[String]) -> anyhow::Result<Figures> {
        std::fs::write(&self.questions, paths.join("\n"))?;
        let duration = format!("-d{}s", self.seconds);
        let ended = Command::new("wrk")
            .args(["-t1", "-c", CONNECTIONS, &duration, "--timeout", "30s", "-s"])
            .arg(&self.script)
            .args([url, "--"])
            .arg(&self.questions)
            .output()?;
        let out = String::from_utf8_lossy(&ended.stdout);
        let line = out.lines().find_map(|line| line.strip_prefix("figures "));
        let numbers: Vec<f64> = line
            .with_context(|| format!("wrk gave no figures: {out}{}", String::from_utf8_lossy(&ended.stderr)))?
            .split(' ')
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let &[answers, micros, p50, p99, refused, broken] = numbers.as_slice() else {
            anyhow::bail!("wrk gave other figures: {out}");
        };
        anyhow::ensure!(answers > 0.0, "no answer in {} s", self.seconds);
        anyhow::ensure!(
            refused == 0.0 && broken == 0.0,
            "{refused} answers were not 200, {broken} broke off"
        );
        Ok(Figures { rate: answers / micros * 1e6, p50_ms: p50 / 1000.0, p99_ms: p99 / 1000.0 })
    }
}
