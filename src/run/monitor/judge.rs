//! The judge at work: takes what the shards saw, attributes, detects, and hands alerts to the journal. It waits for no output.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::warn;

use super::clock;
use super::order::Order;
use crate::attribute::Attributor;
use crate::deliver::Output;
use crate::detect::{Alert, DetectCounters, Policy};
use crate::encode::human::Count;
use crate::flow::FlowUpdate;
use crate::net::Timestamp;
use crate::pipeline::{Judge, Sighting};
use crate::run::stages::Outputs;
use crate::run::status::Histogram;

/// How long it waits for something to judge before it shows that it lives.
const TURN: Duration = Duration::from_millis(500);
/// How much earlier than the clock of its shard an update can be.
const LATE: Duration = Duration::from_secs(120);
/// How often it tells what it counted, nanoseconds.
const REPORT_EVERY_NS: u64 = 200_000_000;

/// What the judge is told.
pub(super) enum ToJudge {
    /// What a shard saw.
    Seen(Seen),
    /// Judge by these from now on.
    Reload(Box<Reload>),
}

/// What a shard saw.
pub(super) struct Seen {
    pub(super) shard: u16,
    pub(super) updates: Vec<FlowUpdate>,
    pub(super) sightings: Vec<Sighting>,
    pub(super) clock: Timestamp,
}

/// What the judge judges by.
pub(super) struct Reload {
    pub(super) attributor: Arc<Attributor>,
    pub(super) policy: Policy,
}

/// What a judge is made of.
pub(super) struct JudgeLoop {
    pub(super) judge: Judge,
    pub(super) inbox: Receiver<ToJudge>,
    /// The ways back of spent lists, by shard.
    pub(super) spent: Vec<SyncSender<Vec<FlowUpdate>>>,
    pub(super) outputs: Vec<Box<dyn Output>>,
    pub(super) board: Arc<JudgeBoard>,
    pub(super) stop: Arc<AtomicBool>,
    /// How long it goes on judging what waits, once it is told to stop.
    pub(super) patience: Duration,
}

/// What everybody may look at.
#[derive(Default)]
pub(super) struct JudgeBoard {
    /// Grows with every turn of the loop.
    pub(super) turns: AtomicU64,
    pub(super) report: Mutex<JudgeReport>,
}

/// What the judge counted.
#[derive(Clone, Copy, Default)]
pub(super) struct JudgeReport {
    pub(super) detect: DetectCounters,
    pub(super) findings: usize,
    pub(super) ledgers: usize,
    /// When it was told to stop, and flow updates that there was no time for then.
    stopping_ns: Option<u64>,
    pub(super) given_up: u64,
    pub(super) lookup: Histogram,
    pub(super) alert_delay: Histogram,
}

/// How long alerts were on their way to here.
#[derive(Default)]
struct Delays(Histogram);

impl Output for Delays {
    fn takes_flows(&self) -> bool {
        false
    }

    fn alert(&mut self, alert: &Alert) {
        let delay = crate::run::now().since(alert.at);
        self.0.record(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl JudgeLoop {
    /// Until every shard has ended. Findings stay open: the journal has them for the next start.
    pub(super) fn run(mut self) {
        let (mut report, mut delays) = (JudgeReport::default(), Delays::default());
        let (mut last, mut reported_ns) = (Timestamp::ZERO, 0);
        let mut order = Order::new(self.spent.len());
        loop {
            match self.inbox.recv_timeout(TURN) {
                Ok(ToJudge::Seen(mut seen)) => {
                    last = last.max(seen.clock);
                    order.sort(&mut seen);
                    self.judge_seen(seen, last, &mut report, &mut delays);
                }
                Ok(ToJudge::Reload(reload)) => self.reload(*reload),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.board.turns.fetch_add(1, Ordering::Relaxed);
            let now_ns = clock::read().boot_ns;
            if now_ns.saturating_sub(reported_ns) >= REPORT_EVERY_NS {
                reported_ns = now_ns;
                report.alert_delay = delays.0;
                self.report(&mut report);
            }
        }
        let mut outputs = outputs(&mut self.outputs, &mut delays);
        let (mut updates, sightings) = order.rest();
        self.judge.hear(sightings);
        self.judge.pause(&mut updates, last, &mut outputs.list);
        outputs.flush(&mut self.judge, last, true);
        drop(outputs);
        if report.given_up > 0 {
            warn!("{} flow updates were not judged: the time to stop was over", Count(report.given_up));
        }
        self.report(&mut report);
    }

    fn judge_seen(&mut self, seen: Seen, clock: Timestamp, report: &mut JudgeReport, delays: &mut Delays) {
        let Seen { shard, mut updates, sightings, .. } = seen;
        if self.is_late(report) {
            report.given_up += updates.len() as u64;
            updates.clear();
        }
        self.judge.hear(sightings);
        let mut outputs = outputs(&mut self.outputs, delays);
        let (count, begun) = (updates.len() as u64, clock::read().boot_ns);
        if self.stop.load(Ordering::Relaxed) {
            // Flows that end now end with the daemon, and may well go on.
            self.judge.pause(&mut updates, Timestamp::ZERO, &mut outputs.list);
        } else {
            self.judge.handle(&mut updates, &mut outputs.list);
        }
        if count == 0 {
            let settled = clock.as_nanos().saturating_sub(LATE.as_nanos() as u64);
            self.judge.advance_to(Timestamp::from_nanos(settled), &mut outputs.list);
        }
        let took = clock::read().boot_ns.saturating_sub(begun);
        if let Some(each) = took.checked_div(count) {
            report.lookup.record(each);
        }
        outputs.flush(&mut self.judge, clock, false);
        if let Some(back) = self.spent.get(usize::from(shard)) {
            // One list too many is dropped.
            let _ = back.try_send(updates);
        }
    }

    /// Whether the time is over that the end may take.
    fn is_late(&self, report: &mut JudgeReport) -> bool {
        if !self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let now_ns = clock::read().boot_ns;
        let since = *report.stopping_ns.get_or_insert(now_ns);
        now_ns.saturating_sub(since) > self.patience.as_nanos() as u64
    }

    fn reload(&mut self, reload: Reload) {
        self.judge.reload(reload.attributor, reload.policy);
    }

    fn report(&self, report: &mut JudgeReport) {
        report.detect = self.judge.counters();
        (report.findings, report.ledgers) = self.judge.held();
        if let Ok(mut shown) = self.board.report.lock() {
            *shown = *report;
        }
    }
}

fn outputs<'a>(list: &'a mut [Box<dyn Output>], delays: &'a mut Delays) -> Outputs<'a> {
    let mut all: Vec<&mut dyn Output> = vec![delays];
    all.extend(list.iter_mut().map(|output| &mut **output as &mut dyn Output));
    Outputs { list: all, abandoned: &|| {} }
}
