//! A user's own databases: every layout fills the roles it can, and what is wrong with a file is said clearly.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

#[path = "support/mmdb.rs"]
mod mmdb;

use std::path::{Path, PathBuf};

use borderflow::attribute::geo::{Databases, GeoError};
use mmdb::{Target, Value, database, file};
use proptest::prelude::*;

const ADDRESS: &str = "47.254.128.1";
/// The prefix the schema files know, below `::/96`.
const NETWORK: (u128, u8) = (0x2ffe_8000, 96 + 18);
/// Where their record begins: 114 nodes of 6 bytes and 16 bytes of separator come before.
const RECORD: usize = 114 * 6 + 16;

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mmdb").join(name).with_extension("mmdb")
}

fn country(path: &Path) -> Result<Option<String>, GeoError> {
    let databases = Databases::open(Some(path), None)?;
    Ok(databases.lookup(ADDRESS.parse().unwrap()).country.map(|country| country.to_string()))
}

fn network(path: &Path) -> Result<(Option<u32>, Option<String>), GeoError> {
    let databases = Databases::open(None, Some(path))?;
    let place = databases.lookup(ADDRESS.parse().unwrap());
    Ok((place.asn, place.organization.map(str::to_owned)))
}

/// Writes the bytes as a file and says what is wrong with them as a country database.
fn refusal(bytes: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("geo.mmdb");
    std::fs::write(&path, bytes).unwrap();
    let message = country(&path).unwrap_err().to_string();
    assert!(message.contains(path.to_str().unwrap()), "names the file: {message}");
    message
}

fn opened(value: Value) -> Result<Option<String>, GeoError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("geo.mmdb");
    std::fs::write(&path, database(&[(NETWORK.0, NETWORK.1, value)])).unwrap();
    country(&path)
}

#[test]
fn every_layout_that_holds_countries_fills_the_country_role() {
    for name in [
        "dbip-country-lite",
        "dbip-isp",
        "ipinfo_lite",
        "ipinfo_legacy",
        "iplocate-country",
        "iplocationdb-country",
        "merged",
    ] {
        assert_eq!(country(&schema(name)).unwrap().as_deref(), Some("DE"), "{name}");
    }
}

#[test]
fn every_layout_that_holds_as_numbers_fills_the_asn_role() {
    for (name, organization) in [
        ("dbip-asn-lite", Some("Alibaba")),
        ("dbip-isp", Some("Alibaba")),
        ("ipinfo_lite", Some("Alibaba")),
        ("ipinfo_legacy", Some("Alibaba")),
        ("iplocate-asn", Some("Alibaba US Technology Co., Ltd.")),
        ("iplocate-asn-str", Some("Alibaba US Technology Co., Ltd.")),
        ("iplocationdb-asn", Some("Alibaba (US) Technology Co., Ltd.")),
        ("merged", None),
    ] {
        assert_eq!(network(&schema(name)).unwrap(), (Some(45102), organization.map(str::to_owned)), "{name}");
    }
}

#[test]
fn an_asn_database_is_refused_as_country_database_even_where_it_names_a_country() {
    for name in ["dbip-asn-lite", "iplocate-asn", "iplocate-asn-str", "iplocationdb-asn"] {
        let message = country(&schema(name)).unwrap_err().to_string();
        assert!(message.contains("is no country database: it is an ASN database"), "{name}: {message}");
    }
}

#[test]
fn a_country_database_is_refused_as_asn_database() {
    for name in ["dbip-country-lite", "iplocate-country", "iplocationdb-country"] {
        let message = network(&schema(name)).unwrap_err().to_string();
        assert!(message.contains("is no ASN database: it is a country database"), "{name}: {message}");
    }
}

#[test]
fn a_users_database_is_named_with_its_own_date_and_the_other_role_stays_shipped() {
    let path = schema("ipinfo_lite");
    let databases = Databases::open(Some(&path), None).unwrap();
    let [country, asn] = databases.sources() else { panic!("two roles") };
    assert_eq!(country.path.as_deref(), Some(path.as_path()));
    assert_eq!((country.name.as_str(), country.date.as_str()), ("ipinfo bundle_location_lite.mmdb", "2026-11-21"));
    assert_eq!((country.licence.as_deref(), asn.path.as_deref()), (None, None));
    assert_eq!(databases.lookup("168.95.1.1".parse().unwrap()).asn, Some(3462));
}

#[test]
fn an_address_with_only_a_registered_country_is_located_nowhere() {
    let iso = |code| Value::Map(vec![("iso_code", Value::Text(code))]);
    let located = Value::Map(vec![("country", iso("DE")), ("registered_country", iso("CN"))]);
    assert_eq!(opened(located).unwrap().as_deref(), Some("DE"));
    let message = opened(Value::Map(vec![("registered_country", iso("CN"))])).unwrap_err().to_string();
    assert!(message.contains("neither a country code nor an AS number"), "{message}");
}

#[test]
fn a_code_that_names_no_country_is_unknown_in_any_layout() {
    for code in ["EU", "AP", "ZZ", "XX", "A1", "A2", "O1", "T1", "??"] {
        assert_eq!(opened(Value::Map(vec![("country_code", Value::Text(code))])).unwrap(), None, "{code}");
    }
}

#[test]
fn fields_of_other_types_are_no_country_and_no_error() {
    let odd = vec![
        ("asn", Value::Map(vec![("number", Value::Number(1))])),
        ("country", Value::Number(49)),
        ("country_code", Value::Text("DE")),
        ("traits", Value::Text("none")),
    ];
    assert_eq!(opened(Value::Map(odd)).unwrap().as_deref(), Some("DE"));
}

#[test]
fn ipv4_answers_come_from_an_ipv6_leaf_that_covers_all_of_ipv4() {
    let bytes = database(&[(0, 8, Value::Map(vec![("country_code", Value::Text("DE"))]))]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("geo.mmdb");
    std::fs::write(&path, bytes).unwrap();
    let databases = Databases::open(Some(&path), None).unwrap();
    for (address, known) in [("47.254.128.1", true), ("255.255.255.255", true), ("0:1::", true), ("100::", false)] {
        assert_eq!(databases.lookup(address.parse().unwrap()).country.is_some(), known, "{address}");
    }
}

#[test]
fn a_broken_file_is_refused_with_its_name_and_what_to_do() {
    let good = std::fs::read(schema("iplocationdb-country")).unwrap();
    assert!(refusal(b"").contains("is empty"));
    assert!(refusal(b"start,end,country\n1.0.0.0,1.0.0.255,AU\n").contains("is no MaxMind database"));
    assert!(refusal(&good[..good.len() / 2]).contains("is no MaxMind database (.mmdb), or its end is missing"));
    assert!(refusal(&good[200..]).contains("is corrupt"), "its beginning is missing");
    let mut overwritten = good.clone();
    overwritten[RECORD..RECORD + 4].fill(0xff);
    assert!(refusal(&overwritten).contains("is corrupt: record of 47.254.128.0/18"), "{}", refusal(&overwritten));
    assert!(refusal(&file(&[[Target::Nothing; 2]], &[], 4)).contains("holds IPv4 only"));
    assert!(refusal(&file(&[[Target::Nothing; 2]], &[], 6)).contains("holds no records"));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let missing = country(&directory.path().join("missing.mmdb")).unwrap_err().to_string();
    assert!(missing.contains("missing.mmdb: No such file"), "{missing}");
    let folder = country(directory.path()).unwrap_err().to_string();
    assert!(folder.contains("cannot read the country database"), "{folder}");
}

#[test]
fn a_tree_of_shared_nodes_is_refused_instead_of_walked_for_ever() {
    let shared = |depth: u32, end: Target| -> Vec<[Target; 2]> {
        (1..=depth).map(|next| if next < depth { [Target::Node(next); 2] } else { [end; 2] }).collect()
    };
    for depth in [60, 96, 97, 128, 200] {
        for end in [Target::Nothing, Target::Data(0), Target::Node(96.min(depth - 1)), Target::Node(0)] {
            let message = refusal(&file(&shared(depth, end), b"\xe0", 6));
            assert!(message.contains("is corrupt: "), "{depth} {end:?}: {message}");
            assert!(message.contains("tree") || message.contains("metadata"), "{depth} {end:?}: {message}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn changed_bytes_are_refused_or_read_but_never_panic(
        name in prop::sample::select(vec!["dbip-isp", "ipinfo_lite", "iplocate-asn-str", "merged", "dbip-country-lite"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = std::fs::read(schema(name)).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.drain(..cut.index(bytes.len()));
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("geo.mmdb");
        std::fs::write(&path, bytes).unwrap();
        for opened in [Databases::open(Some(&path), Some(&path)), Databases::open(None, Some(&path))] {
            match opened {
                Ok(databases) => drop(databases.lookup(ADDRESS.parse().unwrap()).organization.map(str::len)),
                Err(error) => prop_assert!(error.to_string().contains("geo.mmdb"), "{}", error),
            }
        }
    }
}
