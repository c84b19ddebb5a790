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
        let Judge { attributor, detector, waiting, alerts } = self;
        waiting.take(updates);
        waiting.release(clock, |update| judge(update, attributor, detector, alerts, outputs));
    }

    /// Judges what still waits and closes every finding: the input is over.
    pub fn finish(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        let Judge { attributor, detector, waiting, alerts } = self;
        waiting.take(updates);
        waiting.release_all(|update| judge(update, attributor, detector, alerts, outputs));
        detector.finish(clock, alerts);
        hand_on(alerts, outputs);
    }

    /// What detection counted.
    #[must_use]
    pub fn counters(&self) -> DetectCounters {
        self.detector.counters()
    }
}

fn judge(
    update: &FlowUpdate,
    attributor: &Attributor,
    detector: &mut Detector,
    alerts: &mut Vec<Alert>,
    outputs: &mut [&mut dyn Output],
) {
    let judged = Judged::new(update, attributor, &detector.policy().assets);
    detector.observe(&judged, alerts);
    hand_on(alerts, outputs);
    if update.cause.is_end() {
        for output in outputs.iter_mut() {
            output.flow(&judged);
        }
    }
}

fn hand_on(alerts: &mut Vec<Alert>, outputs: &mut [&mut dyn Output]) {
    for alert in alerts.drain(..) {
        for output in outputs.iter_mut() {
            output.alert(&alert);
        }
    }
}
