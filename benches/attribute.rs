//! What does it cost to say whose an endpoint is?

#![expect(clippy::unwrap_used, reason = "a bench stops at what it did not expect")]

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::LazyLock;

use borderflow::attribute::geo::Databases;
use borderflow::attribute::{Attributor, Basis, Catalogue, Names};
use divan::Bencher;

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

static ATTRIBUTOR: LazyLock<Attributor> =
    LazyLock::new(|| Attributor::new(Databases::embedded().unwrap(), Catalogue::embedded().unwrap()));

fn main() {
    LazyLock::force(&ATTRIBUTOR);
    divan::main();
}

fn growatt() -> IpAddr {
    "47.91.67.66".parse().unwrap()
}

#[divan::bench]
fn address_only(bencher: Bencher<'_, '_>) {
    let address = growatt();
    bencher.bench(|| black_box(ATTRIBUTOR.attribute(black_box(address))));
}

#[divan::bench]
fn address_and_name(bencher: Bencher<'_, '_>) {
    let (address, names) = (growatt(), Names::default().with(Basis::Sni, "server.growatt.com"));
    bencher.bench(|| black_box(ATTRIBUTOR.attribute_named(black_box(address), black_box(&names))));
}

#[divan::bench(args = ["server.growatt.com", "bucket.oss-eu-central-1.aliyuncs.com", "a1b2c3.cdn.example-hosting.org"])]
fn name(bencher: Bencher<'_, '_>, name: &str) {
    let services = &ATTRIBUTOR.catalogue().services;
    bencher.bench(|| black_box(services.of_name(black_box(name))));
}

#[divan::bench]
fn tool(bencher: Bencher<'_, '_>) {
    let signs = [(Basis::Alpn, "h2"), (Basis::Certificate, "*.example.org"), (Basis::Sni, "router1.teamviewer.com")];
    bencher.bench(|| black_box(ATTRIBUTOR.tool(black_box(signs))));
}

#[divan::bench]
fn load(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Catalogue::embedded().unwrap());
}
