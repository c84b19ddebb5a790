//! What ledgers take, in a process of their own, since it is the process that is measured.

#[path = "findings/kit.rs"]
mod kit;

use kit::{ENTITIES, Told, ended, judge, rss_bytes};

/// BORDERFLOW_LEDGERS=1000000 measures what the issue asks for; each ledger gets entries over 31 days.
#[test]
fn a_million_ledgers_fit_in_half_a_gigabyte() {
    let ledgers: u32 = std::env::var("BORDERFLOW_LEDGERS").map_or(20_000, |text| text.parse().unwrap());
    let mut judge = judge("[detect]\nmax_findings = 100\n[ledger]\nmax_ledgers = 10000000\n");
    let mut told = Told::default();
    let before = rss_bytes();
    let mut number = 0;
    // Twelve entries in the last hour, then one an hour of the last day, then one a day: every step of every window.
    let times = (0..31).map(|day| day * 86_400).chain((0..25).map(|hour| 30 * 86_400 + 3_600 * hour));
    let times = times.chain((0..13).map(|step| 31 * 86_400 + 300 * step));
    for seconds in times {
        let mut updates = Vec::new();
        for ledger in 0..ledgers {
            number += 1;
            updates.push(ended(number, ledger / ENTITIES, ledger % ENTITIES, seconds, 15_000 + u64::from(ledger % 7)));
            if updates.len() == 4_096 {
                judge.handle(&mut updates, &mut [&mut told]);
            }
        }
        judge.handle(&mut updates, &mut [&mut told]);
    }
    let each = (rss_bytes() - before) / u64::from(ledgers);
    println!("{ledgers} ledgers with every step filled: {each} bytes each");
    assert!(each < 512 * 1024 * 1024 / 1_000_000, "{each} bytes each");
}
