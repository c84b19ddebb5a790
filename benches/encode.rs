//! What does an alert cost in each format, whole and shortened to what a syslog receiver must accept?
//!
//! The alert is one of the demo's, as the journal keeps it: 4 kB of ECS. `alert` is what it takes to get there from what the
//! judge says.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "a bench stops where it cannot measure"
)]

#[path = "../tests/reload/stream.rs"]
mod stream;

use borderflow::deliver::Output;
use borderflow::detect::Alert;
use borderflow::encode::{self, Format, Style, ecs, text};
use borderflow::flow::FlowUpdate;
use borderflow::pipeline::Judge;
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

/// Keeps the first alert.
#[derive(Default)]
struct First(Option<Alert>);

impl Output for First {
    fn alert(&mut self, alert: &Alert) {
        self.0.get_or_insert_with(|| alert.clone());
    }
}

/// Of an asset nobody declared that sent something to a device cloud.
fn alert() -> Alert {
    let flow = stream::Flow { server_name: Some("litedev.hik-connect.com"), ..stream::Flow::brief(1, 7, 1, 0, 9_000) };
    let update: FlowUpdate = flow.update(0);
    let (attributor, policy) = stream::loaded("");
    let mut first = First::default();
    Judge::new(attributor, policy).handle(&mut vec![update], &mut [&mut first]);
    first.0.expect("it is flagged")
}

#[divan::bench]
fn alert_ecs(bencher: Bencher<'_, '_>) {
    let (alert, mut out) = (alert(), Vec::with_capacity(8 << 10));
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        out.clear();
        ecs::alert(&alert, &mut out);
        out.len()
    });
}

#[divan::bench]
fn alert_text(bencher: Bencher<'_, '_>) {
    let (alert, mut out) = (alert(), Vec::with_capacity(8 << 10));
    bencher.counter(ItemsCount::new(1u32)).bench_local(|| {
        out.clear();
        text::alert(&alert, Style::Plain, &mut out);
        out.len()
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
