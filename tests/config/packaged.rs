//! The configuration that the Debian package installs.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

use std::path::Path;
use std::process::Command;

use super::{SHIPPED, read};

fn packaged() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/debian/config.sh");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_package_installs_the_defaults_with_a_journal_and_a_file_of_alerts() {
    let text = packaged();
    let config = read(&text, &[]).unwrap();
    assert_eq!(config.journal.path.as_deref(), Some(Path::new("/var/lib/borderflow/journal.db")));
    assert_eq!(config.outputs.len(), 1);
    assert!(format!("{:?}", config.outputs[0].target).contains("/var/log/borderflow/alerts.ndjson"));
    // An administrator reads the same comments in both.
    assert_eq!(text.lines().count(), SHIPPED.lines().count());
    let changed = text.lines().zip(SHIPPED.lines()).filter(|(packaged, shipped)| packaged != shipped).count();
    assert!(changed < 20, "{changed} lines of the package's configuration differ from config.toml");
}

#[test]
fn the_unit_and_the_package_agree_on_where_things_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unit = std::fs::read_to_string(root.join("packaging/borderflow.service")).unwrap();
    let config = packaged();
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    assert!(unit.contains("ExecStart=/usr/bin/borderflow monitor -c /etc/borderflow/config.toml\n"));
    assert_eq!(deb["conf-files"][0].as_str(), Some("/etc/borderflow/config.toml"));
    for (directory, path) in [("StateDirectory", "/var/lib/borderflow/"), ("LogsDirectory", "/var/log/borderflow/")] {
        assert!(unit.contains(&format!("\n{directory}=borderflow\n")) && config.contains(path), "{path}");
    }
}
