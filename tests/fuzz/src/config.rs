//! Any text as a configuration.
//!
//! Input: the text of the file, then `--set` arguments, each after a zero byte. It makes a configuration or an error that
//! says where it is.

use std::path::Path;

use borderflow::config::{Config, ConfigError};

/// Checks one input.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\0');
    let file = parts.next().unwrap_or_default();
    let sets: Vec<String> = parts.map(str::to_owned).collect();
    match Config::from_text(Some((Path::new("config.toml"), file)), &sets) {
        Ok(config) => assert!(!config.describe().is_empty()),
        Err(error) => check_error(&error),
    }
}

fn check_error(error: &ConfigError) {
    let message = error.to_string();
    assert!(message.starts_with("config.toml:") || message.starts_with("--set "), "{message}");
}
