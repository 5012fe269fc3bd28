//! What the process takes of its machine, by the names that Prometheus' own clients give.

use std::fs;

/// Memory in bytes, open descriptors, threads; those that this system tells.
pub(super) fn figures() -> Vec<(&'static str, u64)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let kib = |name: &str| Some(line(name)?.trim_end_matches(" kB").parse::<u64>().ok()? * 1024);
    let descriptors = fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as u64);
    [
        ("process_resident_memory_bytes", kib("VmRSS:")),
        ("process_resident_memory_peak_bytes", kib("VmHWM:")),
        ("process_open_fds", descriptors),
        ("process_threads", line("Threads:").and_then(|count| count.parse().ok())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_all_of_them() {
        let figures = figures();
        assert_eq!(figures.len(), 4);
        assert!(figures.iter().all(|(_, value)| *value > 0), "{figures:?}");
    }
}
