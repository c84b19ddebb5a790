//! Findings at scale and over a restart: how many alerts a flood can make, and that what is kept goes on as if nothing had
//! happened.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "findings/kit.rs"]
mod kit;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use borderflow::detect::{Saved, SavedKind, SavedValues, Step};
use borderflow::flow::{Cause, FlowUpdate};
use borderflow::inspect::{Facts, tls::Certificate};
use borderflow::net::Timestamp;
use borderflow::pipeline::Judge;
use borderflow_testkit::Prng;

use kit::{ENTITIES, START_S, Told, ended, judge, rss_bytes};

const ASSETS: u32 = 1_000;

/// Flows of random assets to random entities at this rate, judged in batches.
fn flood(judge: &mut Judge, flows: u64, per_second: u64, told: &mut Told) {
    let mut random = Prng::new(7);
    let mut updates = Vec::new();
    for number in 0..flows {
        let (asset, entity) = (random.below(u64::from(ASSETS)) as u32, random.below(u64::from(ENTITIES)) as u32);
        updates.push(ended(number, asset, entity, number / per_second, 1 + random.below(20_000)));
        if updates.len() == 4_096 {
            judge.handle(&mut updates, &mut [told]);
        }
    }
    let clock = Timestamp::from_parts(START_S + flows / per_second, 0);
    judge.finish(&mut updates, clock, &mut [told]);
}

/// What `docs/alerts.md` promises: no more findings than there is room for, and of each, between two silences of a day,
/// one opened, one closed, at most 20 for its growth (a `u64` grows tenfold no more often) and 8 for other news.
fn bound(max_findings: u64) -> u64 {
    (max_findings + 6) * (2 + 20 + 8)
}

/// BORDERFLOW_FLOOD_FLOWS=10000000 runs the flood of the issue.
#[test]
fn a_flood_of_flows_makes_no_flood_of_alerts() {
    let flows = std::env::var("BORDERFLOW_FLOOD_FLOWS").map_or(400_000, |text| text.parse().unwrap());
    for max_findings in [1_000, 250_000] {
        let mut judge = judge(&format!("[detect]\nmax_findings = {max_findings}\n"));
        let mut told = Told::default();
        flood(&mut judge, flows, 2_000, &mut told);
        let counters = judge.counters();
        println!(
            "{flows} flows of {ASSETS} assets to {ENTITIES} entities, room for {max_findings}: {} alerts {:?}, {} \
             updates suppressed, {} crowded, RSS {} MB",
            told.alerts,
            told.steps,
            counters.suppressed,
            counters.crowded,
            rss_bytes() / 1_000_000
        );
        let relations = u64::from(ASSETS * ENTITIES).min(max_findings);
        assert!(told.alerts <= bound(relations), "{} alerts", told.alerts);
        assert_eq!(told.steps[&Step::Opened], told.steps[&Step::Closed]);
        let counted = counters.suppressed + told.steps[&Step::Opened] + told.steps[&Step::Updated];
        assert!(counted >= flows, "every flow is in an alert or counted as suppressed: {counted}");
    }
}

#[test]
fn a_flood_of_relations_is_bounded_also_where_each_falls_silent() {
    // A flow every two hours: each relation is silent long enough to make room.
    let mut judge = judge("[detect]\nmax_findings = 10\n");
    let mut told = Told::default();
    let mut updates: Vec<_> = (0..500).map(|n| ended(n, n as u32, 0, n * 7_200, 1)).collect();
    judge.handle(&mut updates, &mut [&mut told]);
    judge.finish(&mut Vec::new(), Timestamp::from_parts(START_S + 500 * 7_200, 0), &mut [&mut told]);
    assert_eq!((told.steps[&Step::Opened], told.steps[&Step::Closed]), (500, 500));
}

/// What is kept, by kind and key.
#[derive(Default)]
struct Kept(BTreeMap<(SavedKind, String), Vec<u8>>);

impl Kept {
    fn take(&mut self, changed: Vec<Saved>) {
        for Saved { kind, key, value } in changed {
            match value {
                Some(value) => self.0.insert((kind, key), value),
                None => self.0.remove(&(kind, key)),
            };
        }
    }

    fn all(&self) -> Vec<(SavedKind, SavedValues)> {
        let of = |kind| {
            let values = self.0.iter().filter(|((it, _), _)| *it == kind);
            values.map(|((_, key), value)| (key.clone(), value.clone())).collect()
        };
        SavedKind::ALL.into_iter().map(|kind| (kind, of(kind))).collect()
    }
}

/// Alerts of flows over five days, with the judge replaced by a new one after each of `restarts`.
fn told_with_restarts(restarts: &[u64]) -> Vec<(String, Step, u64)> {
    let settings = "[ledger]\nday_bytes = 60000\n[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.1\"]\n\
                    [[exception]]\nname = \"x\"\nreason = \"r\"\napprover = \"a\"\nexpires = \"2025-11-14\"\n\
                    assets = [\"pump\"]\n";
    let (mut random, mut kept) = (Prng::new(11), Kept::default());
    let mut told = Told { keeps_ids: true, ..Told::default() };
    let mut current = judge(settings);
    current.resume(None, &[]);
    for number in 0..600 {
        let (asset, entity) = (random.below(4) as u32, random.below(3) as u32);
        let mut updates = vec![ended(number, asset, entity, number * 720, 1 + random.below(20_000))];
        current.handle(&mut updates, &mut [&mut told]);
        kept.take(current.changes(Timestamp::from_parts(START_S + number * 720, 0), false).0);
        if restarts.contains(&number) {
            current = judge(settings);
            let resumed = current.resume(None, &kept.all());
            assert_eq!(resumed.dropped, 0);
            assert!(resumed.findings > 0 && resumed.ledgers > 0);
        }
    }
    current.finish(&mut Vec::new(), Timestamp::from_parts(START_S + 600 * 720, 0), &mut [&mut told]);
    told.ids
}

#[test]
fn after_a_restart_findings_and_ledgers_go_on_as_if_nothing_had_happened() {
    let unbroken = told_with_restarts(&[]);
    assert!(unbroken.len() > 30, "{}", unbroken.len());
    assert_eq!(told_with_restarts(&[7, 100, 101, 350, 599]), unbroken);
}

#[test]
fn what_was_kept_and_cannot_be_read_is_dropped_and_counted() {
    let mut judge = judge("");
    let broken = vec![("x".to_owned(), b"{\"relation\":1}".to_vec()), ("y".to_owned(), b"\xff".to_vec())];
    let resumed = judge.resume(None, &[(SavedKind::Finding, broken.clone()), (SavedKind::Ledger, broken)]);
    assert_eq!((resumed.findings, resumed.ledgers, resumed.dropped), (0, 0, 4));
}

/// The severities of what is told of one flow that says `facts`, where an exception accepts `scope`.
fn severities(scope: &str, facts: Facts) -> Vec<u8> {
    let settings =
        format!("[[exception]]\nname = \"x\"\nreason = \"r\"\napprover = \"a\"\nexpires = \"2030-01-01\"\n{scope}\n");
    let mut judge = judge(&settings);
    let mut told = Told::default();
    let update = FlowUpdate { facts: Some(Arc::new(facts)), application: Some("tls"), ..ended(1, 1, 1, 0, 500) };
    judge.handle(&mut vec![update], &mut [&mut told]);
    told.severities
}

#[test]
fn what_anybody_can_write_into_a_certificate_is_no_reason_to_accept_a_risk() {
    let asked = || Facts { server_names: vec!["litedev.hik-connect.com".to_owned()], ..Facts::default() };
    let shown = || {
        let organization = Some("Hangzhou Hikvision Digital Technology Co.,Ltd.".to_owned());
        let certificate = Certificate { subject_organization: organization, ..Certificate::default() };
        Facts { certificate: Some(Box::new(certificate)), ..Facts::default() }
    };
    for (scope, facts, accepted) in [
        ("entities = [\"Hikvision\"]", asked(), true),
        ("entities = [\"Hikvision\"]", shown(), false),
        ("domains = [\"hik-connect.com\"]", asked(), true),
        ("domains = [\"hik-connect.com\"]", shown(), false),
    ] {
        let severities = severities(scope, facts);
        assert!(
            !severities.is_empty() && severities.iter().all(|it| (*it == 0) == accepted),
            "{scope}: {severities:?}"
        );
    }
}

#[test]
fn a_finding_that_comes_again_within_one_flow_is_another_with_other_alerts() {
    let mut judge = judge("[detect]\nfinding_idle_hours = 1\n");
    let mut told = Told { keeps_ids: true, ..Told::default() };
    let step = |hours: u64, bytes| FlowUpdate { cause: Cause::Alive, ..ended(1, 1, 1, hours * 3_600, bytes) };
    let first_seen = step(0, 1).first_seen;
    let mut updates = vec![step(0, 10), FlowUpdate { first_seen, ..step(5, 400) }];
    judge.handle(&mut updates, &mut [&mut told]);
    judge.finish(&mut Vec::new(), Timestamp::from_parts(START_S + 36_000, 0), &mut [&mut told]);
    let ids: BTreeSet<&str> = told.ids.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!((told.steps[&Step::Opened], told.steps[&Step::Closed], ids.len()), (2, 2, 4));
}

#[test]
fn a_schedule_goes_by_when_packets_were_seen_and_not_by_when_a_flow_fell_silent() {
    // Seen at 08:00, silent from 10:04 on.
    let at = ended(1, 1, 1, 0, 1).at;
    let update = FlowUpdate { at: at.after(Duration::from_secs(7_440)), ..ended(1, 1, 1, 0, 500) };
    let scope = "[[exception]]\nname = \"x\"\nreason = \"r\"\napprover = \"a\"\nexpires = \"2030-01-01\"\n\
                 jurisdictions = [\"CN\"]\nfrom = \"07:30\"\nto = \"08:30\"\n";
    let (mut judge, mut told) = (judge(scope), Told::default());
    judge.handle(&mut vec![update], &mut [&mut told]);
    assert_eq!(told.severities, [0]);
}
