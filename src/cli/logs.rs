//! Where logs go: standard error, as text or as JSON, filtered by `CAIRN_LOG` (`info`; `RUST_LOG`'s syntax).

use std::io::{IsTerminal, Result, Stderr, Write, stderr};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LogFormat {
    /// For people
    Text,
    /// One object a line, for collectors
    Json,
}

/// Starts logging; a second start in one process changes nothing.
pub(super) fn start(format: LogFormat, quiet: bool) {
    let default = if quiet { "warn" } else { "info" };
    let filter = EnvFilter::try_from_env("CAIRN_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let is_terminal = stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || OneLine { to: stderr(), is_terminal })
        .with_target(false);
    let started = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(is_terminal).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!("logging runs already: {error}");
    }
}

/// Writes an event as one line, whatever ids, paths and hrefs from elsewhere hold: nobody else writes lines into the log.
struct OneLine<W> {
    to: W,
    /// Colours are wanted.
    is_terminal: bool,
}

impl Write for OneLine<Stderr> {
    /// Events come whole, with a line feed at the end.
    fn write(&mut self, event: &[u8]) -> Result<usize> {
        self.to.write_all(&one_line(event, self.is_terminal))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.to.flush()
    }
}

fn one_line(event: &[u8], is_terminal: bool) -> Vec<u8> {
    let is_plain = |byte: u8| !byte.is_ascii_control() || byte == b'\t' || (byte == b'\x1b' && is_terminal);
    let (line, end) = match event.split_last() {
        Some((b'\n', line)) => (line, &b"\n"[..]),
        _ => (event, &b""[..]),
    };
    let mut written = Vec::with_capacity(event.len());
    for byte in line {
        if is_plain(*byte) {
            written.push(*byte);
        } else {
            written.extend(byte.escape_ascii());
        }
    }
    written.extend(end);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let written = |event: &str| String::from_utf8(one_line(event.as_bytes(), false)).expect("text");
        assert_eq!(written("left out: a\nERROR all is lost\r\n"), "left out: a\\nERROR all is lost\\r\n");
        assert_eq!(written("tab\tand \x1b[31mred ä\n"), "tab\tand \\x1b[31mred ä\n");
    }
}
