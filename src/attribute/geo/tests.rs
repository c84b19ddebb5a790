//! The shipped data against the files it was made of, and the rules above the databases.

use std::net::{Ipv4Addr, Ipv6Addr};

use maxminddb::{Reader, path};

use super::*;

const COUNTRY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/dbip-country.mmdb");
const ASN_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/asn.csv.zst");

fn place<'a>(databases: &'a Databases, address: &str) -> (Option<String>, Option<u32>, &'a str) {
    let place = databases.lookup(address.parse().unwrap());
    (place.country.map(|country| country.to_string()), place.asn, place.organization.unwrap_or(""))
}

/// The same numbers in each run: SplitMix64.
fn random() -> impl FnMut() -> u64 {
    let mut state = 42_u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// 20,000 addresses of each version, IPv6 around the starts given so that most lie in used space; no carriers.
fn random_addresses(starts: &[u128]) -> Vec<IpAddr> {
    let mut random = random();
    let v4: Vec<IpAddr> = (0..20_000).map(|_| Ipv4Addr::from_bits(random() as u32).into()).collect();
    let near = (0..20_000).map(|_| {
        let start = starts[random() as usize % starts.len()];
        let low = (u128::from(random()) << 64 | u128::from(random())) >> (random() % 128);
        Ipv6Addr::from_bits(start.wrapping_add(low))
    });
    v4.into_iter().chain(near.filter(|v6| is_native(*v6)).map(IpAddr::V6)).collect()
}

fn is_native(address: Ipv6Addr) -> bool {
    carried_v4(address).is_none() && address.to_bits() >> 32 != 0
}

#[test]
fn the_shipped_data_knows_well_known_addresses() {
    let databases = Databases::embedded().unwrap();
    for (address, country, asn, organization) in [
        ("47.91.67.66", "DE", 45102, "Alibaba"),
        ("168.95.1.1", "TW", 3462, "Chunghwa Telecom"),
        ("1.1.1.1", "AU", 13335, "Cloudflare, Inc."),
        ("39.96.0.1", "CN", 37963, "Hangzhou Alibaba Advertising Co.,Ltd."),
        ("2400:3200::1", "CN", 37963, "Hangzhou Alibaba"),
        ("2.26.200.1", "KR", 201_907, "LLC \"SPUTNIK\""),
    ] {
        let (found_country, found_asn, found_organization) = place(&databases, address);
        assert_eq!((found_country.as_deref(), found_asn), (Some(country), Some(asn)), "{address}");
        assert!(found_organization.starts_with(organization), "{address}: {found_organization}");
    }
    assert_eq!(place(&databases, "10.0.0.1"), (None, None, ""));
    assert_eq!(place(&databases, "fe80::1"), (None, None, ""));
}

#[test]
fn the_shipped_data_says_where_it_is_from() {
    let databases = Databases::embedded().unwrap();
    let [country, asn] = databases.sources() else { panic!("two roles") };
    assert_eq!((country.role, country.date.as_str(), country.path.as_deref()), (Role::Country, "2026-06-01", None));
    assert_eq!(country.attribution.as_deref(), Some("IP Geolocation by DB-IP"));
    assert_eq!((asn.role, asn.date.as_str(), asn.licence.as_deref()), (Role::Asn, "2026-06-17", Some("CC BY 4.0")));
    assert!(country.range_count > 300_000 && asn.range_count > 400_000);
}

#[test]
fn the_shipped_countries_are_those_of_the_database_they_were_made_of() {
    same_as_direct(&Databases::embedded().unwrap());
}

#[test]
fn a_users_database_gives_the_same_answers_as_direct_look_ups() {
    same_as_direct(&Databases::open(Some(Path::new(COUNTRY_FILE)), None).unwrap());
}

/// Random addresses, and the first, the last and the one before of every tenth range.
fn same_as_direct(databases: &Databases) {
    let reader = Reader::open_readfile(COUNTRY_FILE).unwrap();
    let (v4, v6) = databases.countries.starts();
    let edges_v4 = v4.iter().step_by(10).flat_map(|start| [*start, start.wrapping_sub(1)]);
    let edges_v6 = v6.iter().step_by(10).flat_map(|start| [*start, start.wrapping_sub(1)]);
    let edges_v6 = edges_v6.map(Ipv6Addr::from_bits).filter(|v6| is_native(*v6));
    let edges = edges_v4.map(|v4| Ipv4Addr::from_bits(v4).into()).chain(edges_v6.map(IpAddr::V6));
    let (mut known_v4, mut known_v6) = (0, 0);
    for address in random_addresses(&v6).into_iter().chain(edges) {
        let direct: Option<&str> = reader.lookup(address).unwrap().decode_path(&path!["country_code"]).unwrap();
        let direct = direct.and_then(record::country);
        assert_eq!(databases.lookup(address).country, direct, "{address}");
        *if address.is_ipv4() { &mut known_v4 } else { &mut known_v6 } += u32::from(direct.is_some());
    }
    assert!(known_v4 > 20_000 && known_v6 > 20_000, "{known_v4} {known_v6}");
}

#[test]
fn the_shipped_networks_are_those_of_a_naive_reading_of_the_csv() {
    let compressed = std::fs::File::open(ASN_FILE).unwrap();
    let text = std::io::read_to_string(zstd::Decoder::new(compressed).unwrap()).unwrap();
    let rows: Vec<(IpAddr, IpAddr, u32, String)> = text.lines().map(naive_row).collect();
    let databases = Databases::embedded().unwrap();
    let starts: Vec<u128> = databases.networks.starts().1;
    let mut named = 0;
    for address in random_addresses(&starts).into_iter().step_by(40) {
        let row = rows.iter().rfind(|(first, last, _, _)| *first <= address && address <= *last);
        let found = databases.lookup(address);
        assert_eq!(found.asn, row.map(|row| row.2), "{address}");
        assert_eq!(found.organization, row.map(|row| row.3.as_str()), "{address}");
        named += u32::from(row.is_some());
    }
    assert!(named > 400, "{named}");
}

fn naive_row(line: &str) -> (IpAddr, IpAddr, u32, String) {
    let mut fields = line.splitn(4, ',');
    let mut next = || fields.next().unwrap();
    let (first, last, asn, name) = (next(), next(), next(), next());
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    (first.parse().unwrap(), last.parse().unwrap(), asn.parse().unwrap(), name.replace("\"\"", "\""))
}

#[test]
fn an_address_that_carries_an_ipv4_address_is_looked_up_as_that() {
    let databases = Databases::embedded().unwrap();
    let plain = place(&databases, "47.91.67.66");
    let teredo = Ipv6Addr::from_bits(0x2001_0000 << 96 | u128::from(!0x2f5b_4342_u32));
    for carrier in ["::ffff:47.91.67.66", "64:ff9b::47.91.67.66", "2002:2f5b:4342::1", &teredo.to_string()] {
        assert_eq!(place(&databases, carrier), plain, "{carrier}");
    }
}

fn entry(prefix: &str, country: Option<&str>, asn: Option<u32>, organization: Option<&str>) -> Override {
    Override {
        prefix: prefix.parse().unwrap(),
        country: country.map(|code| code.parse().unwrap()),
        asn,
        organization: organization.map(str::to_owned),
    }
}

#[test]
fn the_users_word_stands_above_the_databases() {
    let databases = Databases::embedded().unwrap().with_overrides(vec![
        entry("47.91.0.0/16", Some("CN"), None, None),
        entry("47.91.67.66", None, Some(64_512), None),
        entry("47.91.67.67", None, None, Some("Growatt")),
        entry("2001:db8::/32", Some("CZ"), Some(64_513), Some("Plant")),
    ]);
    let base = place(&databases, "47.92.0.1");
    assert_eq!(place(&Databases::embedded().unwrap(), "47.92.0.1"), base);
    let (country, asn, organization) = place(&databases, "47.91.1.1");
    assert_eq!((country.as_deref(), asn), (Some("CN"), Some(45102)));
    assert!(organization.starts_with("Alibaba"));
    assert_eq!(place(&databases, "47.91.67.66"), (Some("DE".into()), Some(64_512), ""));
    assert_eq!(place(&databases, "::ffff:47.91.67.66"), (Some("DE".into()), Some(64_512), ""));
    assert_eq!(place(&databases, "47.91.67.67"), (Some("DE".into()), Some(45102), "Growatt"));
    assert_eq!(place(&databases, "2001:db8::1"), (Some("CZ".into()), Some(64_513), "Plant"));
}

#[test]
fn a_code_that_names_no_country_is_unknown() {
    for code in ["EU", "AP", "ZZ", "XX", "A1", "A2", "O1", "T1", "??", "", "Germany"] {
        assert_eq!(record::country(code), None, "{code}");
    }
    assert_eq!(record::country("TW"), "TW".parse().ok());
}

#[test]
fn a_day_is_read_from_seconds() {
    for (epoch_s, day) in
        [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (951_868_800, "2000-03-01"), (1_780_345_978, "2026-06-01")]
    {
        assert_eq!(catalogue::day_of_epoch(epoch_s), day);
    }
    assert!(catalogue::day_of_epoch(u64::MAX).ends_with(|digit: char| digit.is_ascii_digit()));
}
