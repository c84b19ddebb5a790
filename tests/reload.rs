//! A daemon that takes over a new configuration while it runs: nothing it knows is lost, and what comes next is judged by
//! the new one.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "reload/stream.rs"]
mod stream;

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use borderflow::attribute::Attributor;
use borderflow::detect::{Alert, Policy, Standing, Step};
use borderflow::flow::FlowUpdate;
use borderflow::pipeline::Judge;
use proptest::prelude::*;

use stream::{Flow, Kept, POLICY, Told, asset, at, flows, loaded, remote, updates};

type Loaded = (Arc<Attributor>, Policy);

/// The same configuration loaded twice.
static TWICE: LazyLock<[Loaded; 2]> = LazyLock::new(|| [loaded(POLICY), loaded(POLICY)]);

/// What is told and kept of a stream with a reload before each of these updates.
fn told_with_reloads(updates: &[FlowUpdate], reloads: &[usize]) -> (Vec<String>, Kept) {
    let (mut judge, mut told, mut kept) = (Kept::default().resume(&TWICE[0]), Told::default(), Kept::default());
    for (place, update) in updates.iter().enumerate() {
        for _ in reloads.iter().filter(|reload| **reload == place) {
            let (attributor, policy) = &TWICE[1 - place % 2];
            judge.reload(Arc::clone(attributor), policy.clone());
        }
        judge.handle(&mut vec![update.clone()], &mut [&mut told]);
        kept.take(&mut judge, update.at, false);
    }
    kept.take(&mut judge, at(400 * 900), true);
    let everything = kept.clone();
    judge.finish(&mut Vec::new(), at(400 * 900), &mut [&mut told]);
    (told.records, everything)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_reload_that_changes_nothing_changes_not_a_byte(
        seed: u64, reloads in prop::collection::vec(0usize..600, 1..40)
    ) {
        let updates = updates(&flows(seed));
        let (unbroken, kept) = told_with_reloads(&updates, &[]);
        prop_assert!(unbroken.len() > 50, "{}", unbroken.len());
        let (reloaded, kept_too) = told_with_reloads(&updates, &reloads);
        prop_assert_eq!(unbroken, reloaded);
        prop_assert_eq!(kept, kept_too);
    }
}

/// A judge that is told of one flow at a time.
struct Case {
    judge: Judge,
    told: Told,
    kept: Kept,
    flows: u64,
}

impl Case {
    fn new(settings: &str) -> Case {
        let judge = Kept::default().resume(&loaded(settings));
        Case { judge, told: Told::default(), kept: Kept::default(), flows: 0 }
    }

    /// The alerts that a flow from an asset to an entity causes.
    fn flow(&mut self, asset: u32, entity: u32, seconds: u64, bytes: u64) -> Vec<Alert> {
        self.flows += 1;
        let update = Flow::brief(self.flows, asset, entity, seconds, bytes).update(0);
        self.judge.handle(&mut vec![update], &mut [&mut self.told]);
        self.kept.take(&mut self.judge, at(seconds), true);
        std::mem::take(&mut self.told.alerts)
    }

    fn reload(&mut self, settings: &str) {
        let (attributor, policy) = loaded(settings);
        self.judge.reload(attributor, policy);
        assert!(self.told.alerts.is_empty(), "a reload tells nothing by itself");
    }

    /// The alerts by then, with nothing seen.
    fn wait(&mut self, seconds: u64) -> Vec<Alert> {
        self.judge.advance_to(at(seconds), &mut [&mut self.told]);
        std::mem::take(&mut self.told.alerts)
    }
}

const DAY: u64 = 86_400;

fn steps(alerts: &[Alert]) -> Vec<Step> {
    alerts.iter().map(|alert| alert.step).collect()
}

fn name_of(alert: &Alert) -> &str {
    alert.asset.as_ref().map_or("", |asset| &asset.name)
}

#[test]
fn a_risk_that_is_accepted_opens_as_accepted_and_the_finding_from_before_closes_in_its_time() {
    let mut case = Case::new("");
    let before = case.flow(1, 1, 0, 500);
    assert_eq!(steps(&before), [Step::Opened]);
    let accepted = "[[exception]]\nname = \"x\"\nreason = \"r\"\napprover = \"a\"\nexpires = \"2030-01-01\"\n\
                    addresses = [\"10.0.0.1\"]\n";
    case.reload(accepted);
    let after = case.flow(1, 1, 3_600, 500);
    assert_eq!((steps(&after), after[0].severity.score), (vec![Step::Opened], 0));
    assert_eq!(after[0].exception.as_ref().map(|it| it.standing), Some(Standing::Accepted));
    let closed = case.wait(DAY + 1);
    assert_eq!((steps(&closed), &closed[0].finding), (vec![Step::Closed], &before[0].finding));
    case.reload("");
    let again = case.flow(1, 1, DAY + 2, 500);
    assert_eq!(steps(&again), [Step::Opened], "no longer accepted");
    assert!(again[0].severity.score > 0);
    let closed = case.wait(3 * DAY);
    assert_eq!((steps(&closed), &closed[0].finding), (vec![Step::Closed; 2], &after[0].finding));
}

#[test]
fn a_graver_severity_is_told_with_the_next_traffic_and_a_lesser_one_with_the_next_alert() {
    let critical =
        |level| format!("[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.1\"]\ncriticality = \"{level}\"\n");
    let mut case = Case::new(&critical("low"));
    let opened = case.flow(1, 1, 0, 500);
    case.reload(&critical("critical"));
    let graver = case.flow(1, 1, 10, 1);
    assert_eq!((steps(&graver), &graver[0].finding), (vec![Step::Updated], &opened[0].finding));
    assert!(graver[0].severity.score > opened[0].severity.score);
    assert!(case.flow(1, 1, 20, 1).is_empty(), "once");
    case.reload(&critical("low"));
    assert!(case.flow(1, 1, 30, 1).is_empty(), "no news for a SIEM");
    let grown = case.flow(1, 1, 40, 9_000);
    assert_eq!((steps(&grown), grown[0].severity.score), (vec![Step::Updated], opened[0].severity.score));
}

#[test]
fn a_host_that_is_declared_goes_on_under_its_name_with_its_findings_and_ledgers() {
    let ledger = "[ledger]\nday_bytes = 1000\n";
    let mut case = Case::new(ledger);
    let opened = case.flow(1, 1, 0, 500);
    assert_eq!(name_of(&opened[0]), "10.0.0.1");
    assert!(opened[0].first_contact.is_any());
    case.reload(&format!("{ledger}[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.1\"]\nsector = \"water\"\n"));
    let named = case.flow(1, 1, 10, 500);
    assert_eq!((named[0].step, name_of(&named[0]), &named[0].finding), (Step::Updated, "pump", &opened[0].finding));
    assert_eq!(named[0].totals.sent_bytes, 1_000);
    assert_eq!((named[1].step, named[1].volume.unwrap().bytes), (Step::Opened, 1_000), "half of it from before");
    let ledgers: Vec<&str> =
        case.kept.0.keys().map(|(_, key)| key.as_str()).filter(|key| key.contains("jurisdiction")).collect();
    assert!(ledgers.len() == 1 && ledgers[0].contains("pump"), "{ledgers:?}");

    case.reload(ledger);
    let another = case.flow(1, 1, 20, 500);
    assert_eq!((another[0].step, name_of(&another[0])), (Step::Opened, "10.0.0.1"), "no longer declared");
    let closed = case.wait(DAY + 10);
    assert!(closed.iter().all(|alert| alert.step == Step::Closed && name_of(alert) == "pump"), "{:?}", steps(&closed));
    assert_eq!(closed.len(), 2);
}

#[test]
fn what_is_no_longer_flagged_or_monitored_is_silent_and_closes() {
    let mut case = Case::new("");
    let opened = [case.flow(1, 1, 0, 500), case.flow(2, 2, 0, 500)].concat();
    assert_eq!(opened.len(), 2);
    case.reload("[jurisdictions]\nexempt = [\"CN\"]\n");
    assert!(case.flow(1, 1, 10, 50_000).is_empty());
    let closed = case.wait(DAY);
    assert_eq!(steps(&closed), [Step::Closed; 2]);
    assert!(closed.iter().all(|alert| alert.totals.sent_bytes == 500));
    case.reload("");
    assert_eq!(steps(&case.flow(1, 1, DAY + 10, 500)), [Step::Opened]);
}

#[test]
fn a_reload_takes_well_under_a_second_with_as_much_as_there_can_be() {
    let settings = "[detect]\nmax_findings = 100000\n[ledger]\nmax_ledgers = 200000\n";
    let (mut judge, mut told) = (Kept::default().resume(&loaded(settings)), Told::default());
    let mut all: Vec<FlowUpdate> = Vec::new();
    for number in 0..200_000u64 {
        let flow = Flow::brief(number, (number / 4) as u32, (number % 4) as u32, number / 200, 500);
        all.push(flow.update(0));
        if all.len() == 4_096 || number == 199_999 {
            judge.handle(&mut all, &mut [&mut told]);
            (told.records, told.alerts) = (Vec::new(), Vec::new());
        }
    }
    let (findings, ledgers) = judge.held();
    assert!(findings >= 100_000 && ledgers == 200_000, "{findings} {ledgers}");
    assert_eq!((asset(0).to_string(), remote(0).to_string()), ("10.0.0.0".to_owned(), "203.0.113.0".to_owned()));
    let (attributor, policy) = loaded(&format!("[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.1\"]\n{settings}"));
    #[expect(clippy::disallowed_methods, reason = "how long it takes is what is measured")]
    let begun = Instant::now();
    judge.reload(attributor, policy);
    let took = begun.elapsed();
    println!("{findings} findings and {ledgers} ledgers: {} ms", took.as_millis());
    assert!(took.as_millis() < 1_000, "{took:?}");
    assert_eq!(judge.held(), (findings, ledgers));
}

#[test]
fn an_asset_that_was_forgotten_for_a_while_has_all_that_it_sent_in_its_ledger() {
    let ledger = "[ledger]\nday_bytes = 1500\n";
    let declared = format!("{ledger}[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.1\"]\n");
    let mut case = Case::new(&declared);
    assert_eq!(steps(&case.flow(1, 1, 0, 600)), [Step::Opened]);
    case.reload(ledger);
    assert_eq!(steps(&case.flow(1, 1, 10, 600)), [Step::Opened], "as a host of no name");
    assert!(case.kept.0.keys().filter(|(_, key)| key.contains("jurisdiction")).count() == 2, "both are kept");
    case.reload(&declared);
    let after = case.flow(1, 1, 20, 600);
    let volume = after.iter().find_map(|alert| alert.volume.as_ref()).map(|volume| volume.bytes);
    assert_eq!(volume, Some(1_800), "{:?}", steps(&after));
}
