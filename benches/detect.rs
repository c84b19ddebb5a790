//! What does an observation cost with 100,000 findings open, and what does each finding hold?
//!
//! `open` makes 100,000 findings with an alert each, `grow` adds to each of them and tells nothing, `finish` closes them all and
//! encodes what they tell. The allocations that are left (`max alloc` of `open`) are what the findings hold.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, dead_code, reason = "a bench stops where it cannot measure")]

#[path = "../tests/reload/stream.rs"]
mod stream;

use std::sync::{Arc, LazyLock};

use borderflow::attribute::{Attributor, Knowledge};
use borderflow::detect::{Detector, Judged, Policy};
use borderflow::encode::ecs;
use borderflow::flow::FlowUpdate;
use divan::Bencher;
use divan::counter::ItemsCount;

use stream::{Flow, at, loaded};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const FINDINGS: u32 = 100_000;

static LOADED: LazyLock<(Arc<Attributor>, Policy)> = LazyLock::new(|| loaded("[ledger]\nday_bytes = 60000000\n"));
static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::new(Arc::clone(&LOADED.0)));

fn main() {
    LazyLock::force(&KNOWLEDGE);
    divan::main();
}

/// One update of a flow of each asset, as the `step` of two.
fn updates(step: usize) -> Vec<FlowUpdate> {
    let flow = |number: u32| Flow {
        steps: vec![(u64::from(number) / 100, 9_000), (1_000 + u64::from(number) / 100, 10_000)],
        ..Flow::brief(u64::from(number), 100 + number, number % 5, 0, 0)
    };
    (0..FINDINGS).map(|number| flow(number).update(step)).collect()
}

fn judged(updates: &[FlowUpdate]) -> Vec<Judged<'_>> {
    updates.iter().map(|update| Judged::new(update, &KNOWLEDGE, &LOADED.1.assets)).collect()
}

fn observe(detector: &mut Detector, judged: &[Judged<'_>]) -> usize {
    let (mut alerts, mut told) = (Vec::new(), 0);
    for judged in judged {
        detector.observe(judged, &mut alerts);
        told += alerts.len();
        alerts.clear();
    }
    told
}

fn opened(first: &[Judged<'_>]) -> Detector {
    let mut detector = Detector::new(LOADED.1.clone());
    assert_eq!(observe(&mut detector, first), FINDINGS as usize);
    detector
}

#[divan::bench(sample_count = 5)]
fn open(bencher: Bencher<'_, '_>) {
    let updates = updates(0);
    let first = judged(&updates);
    bencher.counter(ItemsCount::new(FINDINGS)).bench_local(|| opened(&first));
}

#[divan::bench(sample_count = 5)]
fn grow(bencher: Bencher<'_, '_>) {
    let (one, two) = (updates(0), updates(1));
    let (first, second) = (judged(&one), judged(&two));
    let run = |mut detector: Detector| {
        assert_eq!(observe(&mut detector, &second), 0);
        detector
    };
    bencher.counter(ItemsCount::new(FINDINGS)).with_inputs(|| opened(&first)).bench_local_values(run);
}

#[divan::bench(sample_count = 5)]
fn finish(bencher: Bencher<'_, '_>) {
    let updates = updates(0);
    let first = judged(&updates);
    let run = |mut detector: Detector| {
        let (mut out, mut bytes) = (Vec::with_capacity(8 << 10), 0);
        detector.finish(at(2_000), |alert| {
            ecs::alert(&alert, &mut out);
            bytes += out.len();
            out.clear();
        });
        bytes
    };
    bencher.counter(ItemsCount::new(FINDINGS)).with_inputs(|| opened(&first)).bench_local_values(run);
}
