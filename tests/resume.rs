//! A daemon that stops and goes on, orderly or not: the findings are those of one that never stopped.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "reload/stream.rs"]
mod stream;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::LazyLock;

use borderflow::attribute::Attributor;
use borderflow::detect::{Alert, Policy, SavedKind, Step};
use borderflow::flow::{Cause, FlowUpdate, InitiatorBasis};
use borderflow::inspect::Answer;
use borderflow::pipeline::Judge;
use proptest::prelude::*;

use stream::{Flow, Kept, POLICY, Told, at, flows, loaded, remote, updates};

static LOADED: LazyLock<(Arc<Attributor>, Policy)> = LazyLock::new(|| loaded(POLICY));

const END_S: u64 = 400 * 900;

/// What a judge tells that never stops.
fn unbroken(flows: &[Flow]) -> Vec<Alert> {
    let (mut judge, mut told) = (Kept::default().resume(&LOADED), Told::default());
    judge.handle(&mut updates(flows), &mut [&mut told]);
    judge.finish(&mut Vec::new(), at(END_S), &mut [&mut told]);
    told.alerts
}

/// The flows as one run sees them that ends at `end`, and as the next does: those that live then are seen midstream by the
/// next, under other numbers, with counters that begin anew.
fn cut(flows: &[Flow], end: u64) -> (Vec<Flow>, Vec<Flow>) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for flow in flows {
        let seen = flow.steps.partition_point(|(seconds, _)| *seconds <= end);
        if seen == flow.steps.len() {
            first.push(flow.clone());
        } else if seen == 0 {
            second.push(flow.clone());
        } else {
            let counted = flow.steps[seen - 1].1;
            let rest = flow.steps[seen..].iter().map(|(seconds, bytes)| (*seconds, bytes - counted)).collect();
            first.push(flow.clone());
            second.push(Flow { basis: InitiatorBasis::Port, steps: rest, ..flow.clone() });
        }
    }
    (first, second)
}

/// What the two runs tell, of which the first stops in good order or is killed at `end`.
fn broken(flows: &[Flow], end: u64, is_orderly: bool) -> Vec<Alert> {
    let (first, second) = cut(flows, end);
    let (mut judge, mut told, mut kept) = (Kept::default().resume(&LOADED), Told::default(), Kept::default());
    let seen: Vec<FlowUpdate> = updates(&first).into_iter().filter(|update| update.at <= at(end)).collect();
    for update in seen {
        let now = update.at;
        judge.handle(&mut vec![update], &mut [&mut told]);
        kept.take(&mut judge, now, false);
    }
    if is_orderly {
        let mut living: Vec<FlowUpdate> = Vec::new();
        for flow in &first {
            let seen = flow.steps.partition_point(|(seconds, _)| *seconds <= end);
            if seen > 0 && seen < flow.steps.len() {
                living.push(FlowUpdate { cause: Cause::EndOfInput, at: at(end), ..flow.update(seen - 1) });
            }
        }
        let ended = told.flows + living.len();
        judge.pause(&mut living, at(end), &mut [&mut told]);
        assert_eq!(told.flows, ended, "each is told as a flow");
        kept.take(&mut judge, at(end), true);
    }
    drop(judge);
    let mut judge = kept.resume(&LOADED);
    // Numbered anew, in the order of their coming.
    let mut rest = updates(&second);
    rest.iter_mut().for_each(|update| update.flow += 7);
    judge.handle(&mut rest, &mut [&mut told]);
    judge.finish(&mut Vec::new(), at(END_S), &mut [&mut told]);
    told.alerts
}

fn in_short(alerts: &[Alert]) -> Vec<(String, String, Step, u64, u64)> {
    let short = |alert: &Alert| {
        let (id, finding) = (alert.id.as_str().to_owned(), alert.finding.as_str().to_owned());
        (id, finding, alert.step, alert.totals.sent_bytes, alert.totals.flows)
    };
    alerts.iter().map(short).collect()
}

fn findings(alerts: &[Alert]) -> BTreeSet<(String, Step)> {
    let lasting = alerts.iter().filter(|alert| alert.step != Step::Updated);
    lasting.map(|alert| (alert.finding.as_str().to_owned(), alert.step)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn after_an_orderly_stop_everything_goes_on_as_if_nothing_had_happened(seed: u64, end in 3_600..END_S) {
        let flows = flows(seed);
        prop_assert_eq!(in_short(&broken(&flows, end, true)), in_short(&unbroken(&flows)));
    }
}

/// What had only grown in the half minute before is lost: it may be missing from totals, never a finding that was told.
#[test]
fn after_a_kill_the_findings_are_the_same() {
    for seed in 0..24 {
        let flows = flows(seed);
        let end = 3_600 + seed * 14_321;
        assert_eq!(findings(&broken(&flows, end, false)), findings(&unbroken(&flows)), "killed after {end} s");
    }
}

#[test]
fn a_conversation_without_an_answer_when_the_daemon_stops_is_no_attempt_yet() {
    let unanswered = Flow { is_answered: false, ..Flow::brief(1, 1, 1, 0, 0) }.update(0);
    let told_at = |is_pause| {
        let (mut judge, mut told) = (Kept::default().resume(&LOADED), Told::default());
        let mut updates =
            vec![FlowUpdate { cause: if is_pause { Cause::EndOfInput } else { Cause::Idle }, ..unanswered.clone() }];
        judge.pause(&mut updates, at(1), &mut [&mut told]);
        (told.alerts.len(), told.flows)
    };
    assert_eq!((told_at(true), told_at(false)), ((0, 1), (1, 1)));
}

/// Alerts of a flow to an address that is flagged by nothing but the name that DNS gave the client for it.
fn told_of_named(judge: &mut Judge, kept: &mut Kept, number: u64, seconds: u64) -> Vec<Alert> {
    let mut told = Told::default();
    let mut update = Flow::brief(number, 1, 77, seconds, 500).update(0);
    assert_eq!(update.responder.endpoint.address, remote(77));
    update.cause = Cause::Idle;
    judge.handle(&mut vec![update], &mut [&mut told]);
    kept.take(judge, at(seconds), true);
    told.alerts
}

#[test]
fn names_that_dns_gave_before_the_restart_name_flows_after_it_until_they_are_stale() {
    let mut kept = Kept::default();
    let mut judge = kept.resume(&LOADED);
    let mut asked = Flow::brief(1, 1, 78, 0, 40).update(0);
    let names = vec!["litedev.hik-connect.com".to_owned()];
    asked.answers = vec![Answer { address: remote(77), names, ttl_s: 60 }];
    judge.handle(&mut vec![asked], &mut [&mut Told::default()]);
    kept.take(&mut judge, at(1), false);
    drop(judge);
    assert_eq!(kept.0.keys().filter(|(kind, _)| *kind == SavedKind::Name).count(), 1);

    let mut judge = kept.resume(&LOADED);
    let named = told_of_named(&mut judge, &mut kept, 2, 1_000);
    assert!(named.iter().all(|alert| alert.step == Step::Opened));
    assert!(named[0].flow.domain.as_ref().is_some_and(|(_, name)| **name == *"litedev.hik-connect.com"));
    assert!(told_of_named(&mut judge, &mut kept, 3, 20_000).is_empty(), "long out of date");
    assert_eq!(kept.0.keys().filter(|(kind, _)| *kind == SavedKind::Name).count(), 0, "and forgotten");
    assert!(
        told_of_named(&mut Kept::default().resume(&LOADED), &mut kept, 4, 1_000).is_empty(),
        "without it: nobody's"
    );
}
