//! Any bytes as a MaxMind database, for either role.
//!
//! Input: the role, then the file. It becomes a database that answers, or an error that names the file.

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use borderflow::attribute::geo::{Databases, GeoError};

const ADDRESSES: [&str; 8] =
    ["0.0.0.0", "47.254.128.1", "255.255.255.255", "::", "2001:db8::1", "2400::1", "64:ff9b::1.2.3.4", "ffff::ffff"];

/// Checks one input.
pub fn check(data: &[u8]) {
    let Some((role, bytes)) = data.split_first() else { return };
    let file = written(bytes).unwrap_or_else(|error| panic!("a temporary file: {error}"));
    let outcome = if role & 1 == 0 {
        Databases::open(Some(file.path()), Some(&good("iplocate-asn")))
    } else {
        Databases::open(Some(&good("iplocate-country")), Some(file.path()))
    };
    match outcome {
        Ok(databases) => check_answers(&databases),
        Err(error) => check_error(&error, file.path()),
    }
}

fn written(bytes: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(bytes)?;
    Ok(file)
}

/// A database for the other role; without one the shipped data would be unpacked each time.
fn good(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if here.ends_with("tests/fuzz") { here.join("../..") } else { here.to_owned() };
    root.join("tests/data/mmdb").join(name).with_extension("mmdb")
}

fn check_answers(databases: &Databases) {
    for address in ADDRESSES {
        let Ok(address) = address.parse::<IpAddr>() else { panic!("{address}") };
        let place = databases.lookup(address);
        assert_ne!(place.asn, Some(0));
        assert_ne!(place.organization, Some(""));
    }
    assert!(databases.sources().iter().all(|source| source.range_count < 1 << 24));
}

fn check_error(error: &GeoError, path: &Path) {
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
}
