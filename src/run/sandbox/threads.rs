//! Which threads are confined, as the kernel tells it.

use std::fs;
use std::path::Path;

/// Names of the threads of this process that were started before any was confined and have not been confined themselves.
#[must_use]
pub fn unconfined_threads() -> Vec<String> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    threads.filter_map(|thread| unconfined(&thread.ok()?.path())).collect()
}

/// A thread that has ended in the meantime is none.
fn unconfined(thread: &Path) -> Option<String> {
    let status = fs::read_to_string(thread.join("status")).ok()?;
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    (value("NoNewPrivs:") == Some("0")).then(|| value("Name:").unwrap_or_default().to_owned())
}
