//! How far a transfer is: files, bytes, rate, time left. A bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::progress::say;
use crate::upload::Progress;

/// How often plain lines report.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// What is told of one transfer.
#[derive(Debug)]
pub(super) struct Transfer {
    began: Instant,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines(Mutex<Instant>),
}

impl Transfer {
    /// A transfer that begins now, silenced by `--quiet`.
    pub(super) fn new(quiet: bool) -> Self {
        let shown = if quiet {
            Shown::Nothing
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("[{bar:24}] {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            Shown::Bar(bar)
        } else {
            Shown::Lines(Mutex::new(Instant::now()))
        };
        Self { began: Instant::now(), shown }
    }

    /// So much is through.
    pub(super) fn at(&self, at: Progress) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_length(at.bytes);
                bar.set_position(at.bytes_done);
                bar.set_message(line(at, self.began.elapsed()));
            }
            Shown::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    say(&line(at, self.began.elapsed()));
                }
            }
        }
    }

    /// The transfer is over; how long it took.
    pub(super) fn finish(&self) -> Duration {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
        self.began.elapsed()
    }
}

fn line(at: Progress, took: Duration) -> String {
    let left = match remaining(at, took) {
        Some(left) => format!(", {} left", duration(left)),
        None => String::new(),
    };
    format!(
        "{} of {} files, {} of {}, {}/s{left}",
        at.files_done,
        at.files,
        bytes(at.bytes_done),
        bytes(at.bytes),
        rate(at.sent, took)
    )
}

/// What is left, at the rate so far; nothing before anything is through.
fn remaining(at: Progress, took: Duration) -> Option<Duration> {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let share = at.bytes_done as f64 / at.bytes.max(1) as f64;
    let all = took.as_secs_f64() / share;
    (share > 0.0 && all.is_finite())
        .then(|| Duration::from_secs_f64((all - took.as_secs_f64()).clamp(0.0, 1e9)))
}

/// Bytes a second.
pub(super) fn rate(sent: u64, took: Duration) -> String {
    let milliseconds = took.as_millis().max(1);
    bytes(u64::try_from(u128::from(sent) * 1_000 / milliseconds).unwrap_or(u64::MAX))
}

/// Bytes in decimal units, to three digits.
pub(super) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 999.5 || unit == "TB" {
            let decimals = usize::from(unit != "B" && value < 99.95);
            return format!("{value:.decimals$} {unit}");
        }
        value /= 1_000.0;
    }
    format!("{count} B")
}

/// `500k`, `20M`, `1.5G`, also with `B`, `iB` and `/s` behind.
pub(super) fn count_of_bytes(text: &str) -> Option<u64> {
    let plain = text.trim_end_matches("/s").trim_end_matches(['B', 'b']);
    let (plain, base) = plain.strip_suffix('i').map_or((plain, 1_000.0), |plain| (plain, 1_024.0));
    let digits = plain.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &plain[digits.len()..] {
        "" => 0,
        "k" | "K" => 1,
        "m" | "M" => 2,
        "g" | "G" => 3,
        "t" | "T" => 4,
        _ => return None,
    };
    let count = digits.trim().parse::<f64>().ok()? * f64::powi(base, power);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
    (1.0..1e18).contains(&count).then_some(count as u64)
}

/// Hours, minutes and seconds, the two that matter.
pub(super) fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_files_bytes_rate_and_time_left() {
        let at =
            Progress { files_done: 3, files: 12, bytes_done: 2_500_000, bytes: 10_000_000, sent: 2_000_000 };
        let line = line(at, Duration::from_secs(2));
        assert_eq!(line, "3 of 12 files, 2.5 MB of 10.0 MB, 1.0 MB/s, 6 s left");
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!(
            [0, 999, 1_000, 999_949, 123_456_789].map(bytes),
            ["0 B", "999 B", "1.0 kB", "1.0 MB", "123 MB"]
        );
        assert_eq!(duration(Duration::from_secs(3_725)), "1 h 2 min");
        let nothing = Progress { files_done: 0, files: 1, bytes_done: 0, bytes: 5, sent: 0 };
        assert_eq!(remaining(nothing, Duration::from_secs(1)), None);
    }
}
