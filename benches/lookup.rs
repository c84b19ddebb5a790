//! What does it cost to learn whose an address is, and to be ready to?
//!
//! Addresses are random over the space that is in use: half of each set lies in ranges of the shipped database.

#![expect(clippy::unwrap_used, reason = "a bench stops at what it did not expect")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use borderflow::attribute::geo::Databases;
use divan::Bencher;
use divan::counter::ItemsCount;
use maxminddb::{Reader, WithinOptions, path};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

const COUNTRY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/dbip-country.mmdb");
const ADDRESSES: usize = 100_000;

fn main() {
    divan::main();
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

fn v4() -> Vec<IpAddr> {
    let mut random = random();
    (0..ADDRESSES).map(|_| Ipv4Addr::from_bits(random() as u32).into()).collect()
}

/// Random addresses of random networks of the database.
fn v6() -> Vec<IpAddr> {
    let reader = Reader::open_readfile(COUNTRY_FILE).unwrap();
    let networks: Vec<(u128, u8)> = reader
        .within("2000::/3".parse().unwrap(), WithinOptions::default())
        .unwrap()
        .filter_map(|leaf| leaf.unwrap().network().ok())
        .filter_map(|network| match network.network() {
            IpAddr::V6(first) => Some((first.to_bits(), network.prefix())),
            IpAddr::V4(_) => None,
        })
        .collect();
    let mut random = random();
    let address = |_| {
        let (first, length) = networks.get(random() as usize % networks.len()).unwrap();
        let host = (u128::from(random()) << 64 | u128::from(random())).checked_shr((*length).into()).unwrap_or(0);
        Ipv6Addr::from_bits(first | host).into()
    };
    (0..ADDRESSES).map(address).collect()
}

/// As new flows come: three quarters IPv4, one quarter IPv6.
fn mixed() -> Vec<IpAddr> {
    v4().into_iter().zip(v6()).enumerate().map(|(place, (v4, v6))| if place % 4 == 3 { v6 } else { v4 }).collect()
}

fn look_up(bencher: Bencher<'_, '_>, addresses: &[IpAddr]) {
    let databases = Databases::embedded().unwrap();
    bencher.counter(ItemsCount::new(addresses.len())).bench(|| {
        for address in addresses {
            black_box(databases.lookup(*address));
        }
    });
}

#[divan::bench]
fn v4_random(bencher: Bencher<'_, '_>) {
    look_up(bencher, &v4());
}

#[divan::bench]
fn v6_random(bencher: Bencher<'_, '_>) {
    look_up(bencher, &v6());
}

#[divan::bench]
fn country_and_asn_new_flows(bencher: Bencher<'_, '_>) {
    look_up(bencher, &mixed());
}

/// For comparison: the country alone, from the database the shipped table was made of.
#[divan::bench]
fn maxminddb_country_new_flows(bencher: Bencher<'_, '_>) {
    let reader = Reader::open_readfile(COUNTRY_FILE).unwrap();
    let addresses = mixed();
    let path = path!["country_code"];
    bencher.counter(ItemsCount::new(addresses.len())).bench(|| {
        for address in &addresses {
            black_box(reader.lookup(*address).unwrap().decode_path::<&str>(&path).unwrap());
        }
    });
}

#[divan::bench(sample_count = 20)]
fn open_embedded() -> Databases {
    Databases::embedded().unwrap()
}

#[divan::bench(sample_count = 10)]
fn open_full_mmdb_as_country() -> Databases {
    Databases::open(Some(Path::new(COUNTRY_FILE)), None).unwrap()
}
