//! The judge: one order for the updates of all shards, attribution, detection.
//!
//! The updates of a batch are judged by their place, and none of a later batch comes before them; so what is judged, and
//! in which order, depends on the capture alone.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::attribute::{Attributor, Knowledge};
use crate::deliver::Output;
use crate::detect::{
    self, Alert, Coverage, DetectCounters, Detector, Judged, Policy, Resumed, Saved, SavedKind, SavedValues, Screen,
};
use crate::flow::{Cause, FlowUpdate, Party, Place};
use crate::net::Timestamp;

use super::{Covered, Seen, Sighting};

/// Attributes flow updates, judges them, and hands alerts and ended flows to the outputs.
pub struct Judge {
    knowledge: Knowledge,
    detector: Detector,
    screen: Screen,
    sightings: VecDeque<Sighting>,
    /// What each front has shown so far.
    coverage: Vec<Coverage>,
    /// Whether another run goes on from this one: then the end of the input ends no flow.
    goes_on: bool,
    /// Scratch of [`Judge::handle`].
    order: Vec<(Place, usize)>,
    alerts: Vec<Alert>,
}

impl Judge {
    /// By this policy, with these databases, which others may share.
    #[must_use]
    pub fn new(attributor: impl Into<Arc<Attributor>>, policy: Policy) -> Self {
        let attributor = attributor.into();
        Judge {
            screen: Screen::new(&attributor, &policy.jurisdictions),
            knowledge: Knowledge::new(attributor),
            detector: Detector::new(policy),
            sightings: VecDeque::new(),
            coverage: Vec::new(),
            goes_on: false,
            order: Vec::new(),
            alerts: Vec::new(),
        }
    }

    /// Takes what the front saw below IP in the batch whose updates come next.
    pub fn hear(&mut self, sightings: impl IntoIterator<Item = Sighting>) {
        self.sightings.extend(sightings);
        // Those of one front are in order.
        self.sightings.make_contiguous().sort_by_key(|sighting| sighting.place);
    }

    /// Judges what the shards made of one batch.
    pub fn handle(&mut self, updates: &mut Vec<FlowUpdate>, outputs: &mut [&mut dyn Output]) {
        self.handle_some(updates, outputs);
        while let Some(sighting) = self.sightings.pop_front() {
            self.take(sighting.seen);
        }
    }

    /// Judges some of what the shards made of one batch: no other of it comes before what is given.
    pub fn handle_some(&mut self, updates: &mut Vec<FlowUpdate>, outputs: &mut [&mut dyn Output]) {
        // Updates are large and nearly always in order: their places are sorted, not they.
        let mut order = std::mem::take(&mut self.order);
        order.extend(updates.iter().map(|update| update.place).zip(0..));
        if !order.is_sorted() {
            order.sort_unstable();
        }
        for (place, index) in order.drain(..) {
            while self.sightings.front().is_some_and(|sighting| sighting.place < place) {
                if let Some(sighting) = self.sightings.pop_front() {
                    self.take(sighting.seen);
                }
            }
            if let Some(update) = updates.get_mut(index) {
                self.judge(update, outputs);
            }
        }
        self.order = order;
        updates.clear();
    }

    fn take(&mut self, seen: Seen) {
        match seen {
            Seen::Device(said) => self.knowledge.hear(&said),
            Seen::Coverage(covered) => self.cover(covered),
        }
    }

    /// What all fronts have shown is the sum of what each told last. Several tell it at about the same time, so that counts
    /// as told at the beginning of their minute.
    fn cover(&mut self, Covered { front: (number, of), at, coverage }: Covered) {
        if self.coverage.len() <= usize::from(number) {
            self.coverage.resize(usize::from(number) + 1, Coverage::default());
        }
        if let Some(last) = self.coverage.get_mut(usize::from(number)) {
            *last = coverage;
        }
        let at = if of == 1 { at } else { Timestamp::from_parts(at.as_secs() / 60 * 60, 0) };
        let sum = self.coverage.iter().fold(Coverage::default(), |sum, coverage| sum.and(*coverage));
        self.detector.cover(at, sum);
    }

    fn judge(&mut self, update: &mut FlowUpdate, outputs: &mut [&mut dyn Output]) {
        let assets = &self.detector.policy().assets;
        update.settle_by_role(|address| assets.is_home(address));
        // Nobody knows yet what becomes of such a flow, so it is told as far as it came, but judged as living.
        let is_paused = self.goes_on && update.cause == Cause::EndOfInput;
        if is_paused {
            update.cause = Cause::Alive;
        }
        self.learn(update);
        let policy = self.detector.policy();
        let is_told = update.cause.is_end() && outputs.iter().any(|output| output.takes_flows());
        if !is_told && !is_paused && self.screen.passes(update, &self.knowledge, policy) {
            self.detector.pass(update, &mut self.alerts);
            return hand_on(&mut self.alerts, outputs);
        }
        let judged = Judged::new(update, &self.knowledge, &policy.assets);
        self.detector.observe(&judged, &mut self.alerts);
        hand_on(&mut self.alerts, outputs);
        if update.cause.is_end() {
            outputs.iter_mut().for_each(|output| output.flow(&judged));
        } else if is_paused {
            update.cause = Cause::EndOfInput;
            let judged = Judged::new(update, &self.knowledge, &self.detector.policy().assets);
            outputs.iter_mut().for_each(|output| output.flow(&judged));
        }
    }

    /// Takes over what a flow update teaches of names and of the devices at home.
    fn learn(&mut self, update: &FlowUpdate) {
        self.knowledge.learn(update);
        let Policy { assets, jurisdictions, .. } = self.detector.policy();
        let is_first = |party: &Party| party.total == party.delta;
        for party in [&update.initiator, &update.responder].into_iter().filter(|party| is_first(party)) {
            if let Some(mac) = party.mac.filter(|_| assets.is_home(party.endpoint.address)) {
                self.knowledge.neighbours.seen(party.endpoint.address, mac);
                self.screen.see(mac, &self.knowledge.attributor, jurisdictions);
            }
        }
    }

    /// Judges the last updates of a run that another will go on from: findings stay open. [`Judge::changes`] with `all` then
    /// has what that needs.
    pub fn pause(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.goes_on = true;
        self.handle(updates, outputs);
        self.advance_to(clock, outputs);
    }

    /// Closes findings whose time is over at `clock`, which only what was seen does otherwise: for a line that is silent. No
    /// update of an earlier time may come after it.
    pub fn advance_to(&mut self, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.detector.advance_to(clock, |alert| tell(&alert, outputs));
    }

    /// Judges the last updates and closes every finding: the input is over at `clock`.
    pub fn finish(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.handle(updates, outputs);
        self.detector.finish(clock, |alert| tell(&alert, outputs));
    }

    /// Goes on with what an earlier run kept, and from now on notes what changes: flows and names only where `kept` has their
    /// kind, be it empty. Where flows are kept, the end of the input ends none of them. What ledgers hold up to `booked_until`, the end of that run, is not entered again.
    pub fn resume(&mut self, booked_until: Option<Timestamp>, kept: &[(SavedKind, SavedValues)]) -> Resumed {
        self.detector.keep_changes(booked_until);
        let mut all = Resumed::default();
        for (kind, values) in kept {
            all = all.and(match kind {
                SavedKind::Finding | SavedKind::Volume | SavedKind::Ledger => {
                    self.detector.resume(*kind, values, &self.knowledge.attributor)
                }
                SavedKind::Flow => {
                    self.goes_on = true;
                    self.detector.resume_flows(booked_until, values)
                }
                SavedKind::Name => detect::resume_names(&mut self.knowledge.answers, values),
            });
        }
        all
    }

    /// Goes on by a new configuration, with new databases and catalogues: nothing that is known is lost, and what comes next
    /// is judged by them. To be called between two batches.
    pub fn reload(&mut self, attributor: Arc<Attributor>, policy: Policy) {
        let before = std::mem::replace(&mut self.knowledge.attributor, attributor);
        self.screen = Screen::renewed(&self.knowledge.attributor, &policy.jurisdictions);
        self.detector.reload(policy, &before, &self.knowledge.attributor);
    }

    /// What has changed of what must outlive the process; see [`Detector::changes`].
    pub fn changes(&mut self, now: Timestamp, all: bool) -> (Vec<Saved>, bool) {
        let (mut saved, complete) = self.detector.changes(now, all, &self.knowledge.attributor);
        saved.extend(detect::changed_names(&mut self.knowledge.answers, now, all));
        (saved, complete)
    }

    /// Findings that are open, and ledgers that are kept.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        self.detector.held()
    }

    /// What detection counted.
    #[must_use]
    pub fn counters(&self) -> DetectCounters {
        self.detector.counters()
    }
}

fn hand_on(alerts: &mut Vec<Alert>, outputs: &mut [&mut dyn Output]) {
    alerts.drain(..).for_each(|alert| tell(&alert, outputs));
}

fn tell(alert: &Alert, outputs: &mut [&mut dyn Output]) {
    outputs.iter_mut().for_each(|output| output.alert(alert));
}
