//! The judge: one order for the updates of all shards, attribution, detection.

use crate::attribute::Attributor;
use crate::deliver::Output;
use crate::detect::{Alert, DetectCounters, Detector, Judged, Policy};
use crate::flow::FlowUpdate;
use crate::net::Timestamp;

use super::order::InOrder;

/// Attributes flow updates, judges them, and hands alerts and ended flows to the outputs.
pub struct Judge {
    attributor: Attributor,
    detector: Detector,
    waiting: InOrder,
    alerts: Vec<Alert>,
}

impl Judge {
    /// By this policy, with these databases.
    #[must_use]
    pub fn new(attributor: Attributor, policy: Policy) -> Self {
        Judge { attributor, detector: Detector::new(policy), waiting: InOrder::default(), alerts: Vec::new() }
    }

    /// Takes what the shards made of one batch; `clock` is the highest packet time at its end.
    pub fn handle(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.waiting.take(updates);
        while let Some(update) = self.waiting.next_due(clock) {
            self.judge(&update, outputs);
        }
    }

    /// Judges what still waits and closes every finding: the input is over.
    pub fn finish(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.waiting.take(updates);
        while let Some(update) = self.waiting.next_of_all() {
            self.judge(&update, outputs);
        }
        self.detector.finish(clock, &mut self.alerts);
        hand_on(&mut self.alerts, outputs);
    }

    fn judge(&mut self, update: &FlowUpdate, outputs: &mut [&mut dyn Output]) {
        let judged = Judged::new(update, &self.attributor, &self.detector.policy().assets);
        self.detector.observe(&judged, &mut self.alerts);
        hand_on(&mut self.alerts, outputs);
        if update.cause.is_end() {
            for output in outputs.iter_mut() {
                output.flow(&judged);
            }
        }
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
