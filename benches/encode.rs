//! What does an alert cost in each format, whole and shortened to what a syslog receiver must accept?
//!
//! The alert is one of the demo's, as the journal keeps it: 4 kB of ECS.

#![expect(clippy::expect_used, reason = "a bench stops where it cannot measure")]

use borderflow::encode::{self, Format};
use divan::Bencher;
use divan::counter::ItemsCount;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

const ALERT: &str = include_str!("alert.json");

fn measure(bencher: Bencher<'_, '_>, name: &str, max_bytes: usize) {
    let format: Format = name.parse().expect("it is one of the names");
    let mut out = Vec::with_capacity(8 << 10);
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        out.clear();
        encode::record(format, ALERT.trim_end().as_bytes(), max_bytes, &mut out).expect("every limit here is kept")
    });
}

#[divan::bench(args = ["ecs", "ocsf", "cef", "leef", "eve", "text"])]
fn whole(bencher: Bencher<'_, '_>, name: &str) {
    measure(bencher, name, 65_507);
}

#[divan::bench(args = ["ecs", "ocsf", "cef", "leef", "eve", "text"])]
fn within_2048(bencher: Bencher<'_, '_>, name: &str) {
    measure(bencher, name, 2_048);
}

#[divan::bench(args = ["ecs", "ocsf", "cef", "leef", "eve", "text"])]
fn within_1024(bencher: Bencher<'_, '_>, name: &str) {
    measure(bencher, name, 1_024);
}
