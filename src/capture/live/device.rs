//! What the system says of its interfaces, by name.

use std::fs;
use std::path::{Path, PathBuf};

const CLASS: &str = "/sys/class/net";

/// The pseudo interface that is all of them.
pub const ANY: &str = "any";

/// What state an interface is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// It carries frames, as far as the system knows.
    Up,
    /// It is switched off, or without a link.
    Down,
    /// There is none of this name.
    Gone,
}

impl DeviceState {
    /// As in records and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            DeviceState::Up => "up",
            DeviceState::Down => "down",
            DeviceState::Gone => "gone",
        }
    }
}

/// What state the interface called `name` is in. Where the system tells nothing, it is up.
#[must_use]
pub fn device_state(name: &str) -> DeviceState {
    if name == ANY || !Path::new(CLASS).is_dir() {
        return DeviceState::Up;
    }
    if !known(name) {
        return DeviceState::Gone;
    }
    let is_on = read(name, "flags").and_then(|text| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok());
    let link = read(name, "operstate").unwrap_or_default();
    let is_up = is_on.is_none_or(|flags| flags & 1 != 0) && !matches!(link.as_str(), "down" | "lowerlayerdown");
    if is_up { DeviceState::Up } else { DeviceState::Down }
}

/// Its number, which it keeps when it is renamed.
#[must_use]
pub fn device_index(name: &str) -> Option<u32> {
    read(name, "ifindex")?.parse().ok()
}

/// The name of the interface with this number.
#[must_use]
pub fn device_named(index: u32) -> Option<String> {
    devices().into_iter().find(|name| device_index(name) == Some(index))
}

/// The names of all interfaces, in their order.
#[must_use]
pub fn devices() -> Vec<String> {
    let Ok(entries) = fs::read_dir(CLASS) else {
        let listed = pcap::Device::list().unwrap_or_default();
        return listed.into_iter().map(|device| device.name).collect();
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Frames that the interface or its driver lost since it exists.
pub(super) fn device_loss(name: &str) -> u64 {
    let counters = ["rx_missed_errors", "rx_fifo_errors"];
    counters.iter().filter_map(|counter| read(name, &format!("statistics/{counter}"))?.parse::<u64>().ok()).sum()
}

fn known(name: &str) -> bool {
    path(name, "").is_some_and(|path| path.exists())
}

fn read(name: &str, file: &str) -> Option<String> {
    let text = fs::read_to_string(path(name, file)?).ok()?;
    Some(text.trim().to_owned())
}

/// `None` for what is no name of an interface (`dev_valid_name` of the kernel).
fn path(name: &str, file: &str) -> Option<PathBuf> {
    let is_name = !name.is_empty() && !matches!(name, "." | "..") && !name.contains(['/', '\0']);
    is_name.then(|| Path::new(CLASS).join(name).join(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_there_and_what_is_no_name_is_gone() {
        if !Path::new(CLASS).is_dir() {
            println!("skipped: no {CLASS}");
            return;
        }
        assert!(devices().iter().any(|name| name == "lo"));
        assert_eq!(device_named(device_index("lo").unwrap()).as_deref(), Some("lo"));
        for name in ["", "..", "../net/lo", "no-such-interface", "a\0b"] {
            assert_eq!(device_state(name), DeviceState::Gone, "{name:?}");
        }
        assert_eq!(device_state(ANY), DeviceState::Up);
    }
}
