//! The judge: one order for the updates of all shards, attribution, detection.
//!
//! The updates of a batch are judged by their place, and none of a later batch comes before them; so what is judged, and
//! in which order, depends on the capture alone.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::attribute::{Attributor, Knowledge};
use crate::deliver::Output;
use crate::detect::{Alert, DetectCounters, Detector, Judged, Policy};
use crate::flow::FlowUpdate;
use crate::net::Timestamp;

use super::Sighting;

/// Attributes flow updates, judges them, and hands alerts and ended flows to the outputs.
pub struct Judge {
    knowledge: Knowledge,
    detector: Detector,
    sightings: VecDeque<Sighting>,
    alerts: Vec<Alert>,
}

impl Judge {
    /// By this policy, with these databases, which others may share.
    #[must_use]
    pub fn new(attributor: impl Into<Arc<Attributor>>, policy: Policy) -> Self {
        Judge {
            knowledge: Knowledge::new(attributor.into()),
            detector: Detector::new(policy),
            sightings: VecDeque::new(),
            alerts: Vec::new(),
        }
    }

    /// Takes what the front saw below IP in the batch whose updates come next.
    pub fn hear(&mut self, sightings: impl IntoIterator<Item = Sighting>) {
        self.sightings.extend(sightings);
    }

    /// Judges what the shards made of one batch.
    pub fn handle(&mut self, updates: &mut Vec<FlowUpdate>, outputs: &mut [&mut dyn Output]) {
        updates.sort_by_key(|update| update.place);
        for mut update in updates.drain(..) {
            while self.sightings.front().is_some_and(|sighting| sighting.place < update.place)
                && let Some(sighting) = self.sightings.pop_front()
            {
                self.knowledge.hear(&sighting.said);
            }
            self.judge(&mut update, outputs);
        }
        for sighting in self.sightings.drain(..) {
            self.knowledge.hear(&sighting.said);
        }
    }

    fn judge(&mut self, update: &mut FlowUpdate, outputs: &mut [&mut dyn Output]) {
        let assets = &self.detector.policy().assets;
        update.settle_by_role(|address| assets.is_home(address));
        self.knowledge.learn(update);
        for party in [&update.initiator, &update.responder] {
            if let Some(mac) = party.mac.filter(|_| assets.is_home(party.endpoint.address)) {
                self.knowledge.neighbours.seen(party.endpoint.address, mac);
            }
        }
        let judged = Judged::new(update, &self.knowledge, assets);
        self.detector.observe(&judged, &mut self.alerts);
        hand_on(&mut self.alerts, outputs);
        if update.cause.is_end() {
            for output in outputs.iter_mut() {
                output.flow(&judged);
            }
        }
    }

    /// Judges the last updates and closes every finding: the input is over at `clock`.
    pub fn finish(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.handle(updates, outputs);
        self.detector.finish(clock, &mut self.alerts);
        hand_on(&mut self.alerts, outputs);
    }

    /// What detection counted.
    #[must_use]
    pub fn counters(&self) -> DetectCounters {
        self.detector.counters()
    }
}

fn hand_on(alerts: &mut Vec<Alert>, outputs: &mut [&mut dyn Output]) {
    for alert in alerts.drain(..) {
        for output in outputs.iter_mut() {
            output.alert(&alert);
        }
    }
}
