//! Findings and ledgers at scale and over a restart: how many alerts a flood can make, what memory it takes, and that
//! what is kept goes on as if nothing had happened.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use borderflow::config::Config;
use borderflow::decode::Few;
use borderflow::deliver::Output;
use borderflow::detect::{Alert, Saved, SavedKind, SavedValues, Step};
use borderflow::flow::{Cause, Exchanges, FlowUpdate, InitiatorBasis, Party, Place, TcpState, Volume};
use borderflow::inspect::End;
use borderflow::net::{Endpoint, IpVersion, Timestamp};
use borderflow::pipeline::Judge;
use borderflow::run;
use borderflow_testkit::Prng;

const ENTITIES: u32 = 200;
const ASSETS: u32 = 1_000;
const START_S: u64 = 1_762_934_400;

/// Alerts by step, the last totals of each finding, and what is to be kept.
#[derive(Default)]
struct Told {
    alerts: u64,
    steps: BTreeMap<Step, u64>,
    ids: Vec<(String, Step, u64)>,
    keeps_ids: bool,
}

impl Output for Told {
    fn alert(&mut self, alert: &Alert) {
        self.alerts += 1;
        *self.steps.entry(alert.step).or_default() += 1;
        if self.keeps_ids {
            self.ids.push((alert.id.as_str().to_owned(), alert.step, alert.totals.sent_bytes));
        }
    }
}

fn judge(settings: &str) -> Judge {
    let mut text = format!("[monitor]\nhome = [\"10.0.0.0/8\"]\n{settings}");
    for entity in 0..ENTITIES {
        let prefix = remote(entity);
        let asn = 64_512 + entity;
        let _ = writeln!(text, "[[geoip.override]]\nprefix = \"{prefix}/32\"\ncountry = \"CN\"\nasn = {asn}");
    }
    let config = Config::from_text(Some(("flood.toml".as_ref(), &text)), &[]).unwrap();
    Judge::new(run::attributor(&config).unwrap(), run::policy(&config))
}

fn remote(entity: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + entity))
}

/// A whole flow of `bytes` from an asset to an entity.
fn ended(number: u64, asset: u32, entity: u32, seconds: u64, bytes: u64) -> FlowUpdate {
    let at = Timestamp::from_parts(START_S + seconds, 0);
    let volume = |payload_bytes| Volume { packets: 4, ip_bytes: payload_bytes + 160, payload_bytes };
    let party = |address, port, bytes| Party {
        endpoint: Endpoint { address, port },
        mac: None,
        total: volume(bytes),
        delta: volume(bytes),
        missed_bytes: 0,
        exchanges: Exchanges::default(),
    };
    FlowUpdate {
        at,
        cause: Cause::Idle,
        flow: number,
        place: Place::of_packet(at, number),
        initiator: party(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + asset)), 40_000, bytes),
        responder: party(remote(entity), 443, 100),
        basis: InitiatorBasis::Syn,
        protocol: 6,
        version: IpVersion::V4,
        one_way: false,
        first_seen: at,
        last_seen: at,
        answered: true,
        was_answered: false,
        one_sided: false,
        tcp_state: Some(TcpState::Closed),
        vlans: Few::default(),
        tunnel_path: None,
        application: None,
        facts: None,
        answers: Vec::new(),
        dealings: None,
        initiator_end: End::Low,
        client: None,
    }
}

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

fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
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
