//! What ledgers take, in a process of their own, since it is the process that is measured.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "findings/kit.rs"]
mod kit;

use std::ops::Range;

use borderflow::pipeline::Judge;

use kit::{ENTITIES, Told, ended, judge, rss_bytes};

/// BORDERFLOW_LEDGERS=1000000 measures what the issue asks for. What the process takes beside them does not count: the
/// second half of them is measured.
#[test]
fn a_million_ledgers_fit_in_half_a_gigabyte() {
    let ledgers: u32 = std::env::var("BORDERFLOW_LEDGERS").map_or(30_000, |text| text.parse().unwrap());
    let mut judge = judge("[detect]\nmax_findings = 100\n[ledger]\nmax_ledgers = 10000000\n");
    fill(&mut judge, 0..ledgers / 2);
    let before = rss_bytes();
    fill(&mut judge, ledgers / 2..ledgers);
    let each = (rss_bytes() - before) / u64::from(ledgers / 2);
    println!("{ledgers} ledgers with every step filled: {each} bytes each, the process {} MB", rss_bytes() / 1_000_000);
    assert!(each < 512 * 1024 * 1024 / 1_000_000, "{each} bytes each");
}

/// An entry a day for 31 days, then one an hour for a day, then one every five minutes for an hour: every step of every window.
fn fill(judge: &mut Judge, ledgers: Range<u32>) {
    let times = (0..31).map(|day| day * 86_400).chain((0..25).map(|hour| 30 * 86_400 + 3_600 * hour));
    let times = times.chain((0..13).map(|step| 31 * 86_400 + 300 * step));
    let (mut number, mut updates, mut told) = (u64::from(ledgers.start) << 32, Vec::new(), Told::default());
    for seconds in times {
        for ledger in ledgers.clone() {
            number += 1;
            updates.push(ended(number, ledger / ENTITIES, ledger % ENTITIES, seconds, 15_000 + u64::from(ledger % 7)));
            if updates.len() == 4_096 {
                judge.handle(&mut updates, &mut [&mut told]);
            }
        }
        judge.handle(&mut updates, &mut [&mut told]);
    }
}
