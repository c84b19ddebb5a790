//! The judge: one order for the updates of all shards, attribution, detection.
//!
//! The updates of a batch are judged by their place, and none of a later batch comes before them; so what is judged, and
//! in which order, depends on the capture alone.

use std::sync::Arc;

use crate::attribute::{Answers, Attributor};
use crate::deliver::Output;
use crate::detect::{Alert, DetectCounters, Detector, Judged, Policy};
use crate::flow::FlowUpdate;
use crate::net::Timestamp;

/// DNS answers remembered, to name later flows.
const MOST_ANSWERS: usize = 200_000;

/// Attributes flow updates, judges them, and hands alerts and ended flows to the outputs.
pub struct Judge {
    attributor: Arc<Attributor>,
    answers: Answers,
    detector: Detector,
    alerts: Vec<Alert>,
}

impl Judge {
    /// By this policy, with these databases, which others may share.
    #[must_use]
    pub fn new(attributor: impl Into<Arc<Attributor>>, policy: Policy) -> Self {
        Judge {
            attributor: attributor.into(),
            answers: Answers::new(MOST_ANSWERS),
            detector: Detector::new(policy),
            alerts: Vec::new(),
        }
    }

    /// Judges what the shards made of one batch.
    pub fn handle(&mut self, updates: &mut Vec<FlowUpdate>, outputs: &mut [&mut dyn Output]) {
        updates.sort_by_key(|update| update.place);
        for mut update in updates.drain(..) {
            let assets = &self.detector.policy().assets;
            update.settle_by_role(|address| assets.is_home(address));
            for answer in &update.answers {
                self.answers.learn(update.initiator.endpoint.address, answer, update.at);
            }
            let judged = Judged::new(&update, &self.attributor, &self.answers, assets);
            self.detector.observe(&judged, &mut self.alerts);
            hand_on(&mut self.alerts, outputs);
            if update.cause.is_end() {
                for output in outputs.iter_mut() {
                    output.flow(&judged);
                }
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
