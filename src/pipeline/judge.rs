//! The judge: one order for the updates of all shards, attribution, detection.
//!
//! A shard notices an idle flow up to [`NOTICE`] after its due time. So an update waits until nothing that is due
//! before it can still come; then the order depends on the capture alone, neither on the number of shards nor on how
//! the input was cut into batches.

use std::time::Duration;

use crate::attribute::Attributor;
use crate::deliver::Output;
use crate::detect::{Alert, DetectCounters, Detector, Judged, Policy};
use crate::flow::FlowUpdate;
use crate::net::Timestamp;

/// How late, in packet time, a shard may notice that a flow is idle: recency lists are ordered by the second.
const NOTICE: Duration = Duration::from_secs(2);

/// Attributes flow updates, judges them, and hands alerts and ended flows to the outputs.
pub struct Judge {
    attributor: Attributor,
    detector: Detector,
    waiting: Vec<FlowUpdate>,
    alerts: Vec<Alert>,
}

impl Judge {
    /// By this policy, with these databases.
    #[must_use]
    pub fn new(attributor: Attributor, policy: Policy) -> Self {
        Judge { attributor, detector: Detector::new(policy), waiting: Vec::new(), alerts: Vec::new() }
    }

    /// Takes what the shards made of one batch; `clock` is the highest packet time at its end.
    pub fn handle(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.waiting.append(updates);
        let due = Timestamp::from_nanos(clock.as_nanos().saturating_sub(NOTICE.as_nanos() as u64));
        self.waiting.sort_by_key(FlowUpdate::order);
        let ready = self.waiting.partition_point(|update| update.at < due);
        self.judge(ready, outputs);
    }

    /// Judges what still waits and closes every finding: the input is over.
    pub fn finish(&mut self, updates: &mut Vec<FlowUpdate>, clock: Timestamp, outputs: &mut [&mut dyn Output]) {
        self.waiting.append(updates);
        self.waiting.sort_by_key(FlowUpdate::order);
        self.judge(self.waiting.len(), outputs);
        self.detector.finish(clock, &mut self.alerts);
        hand_on(&mut self.alerts, outputs);
    }

    /// Judges the first `count` waiting updates.
    fn judge(&mut self, count: usize, outputs: &mut [&mut dyn Output]) {
        for update in self.waiting.drain(..count) {
            let judged = Judged::new(&update, &self.attributor, &self.detector.policy().assets);
            self.detector.observe(&judged, &mut self.alerts);
            hand_on(&mut self.alerts, outputs);
            if update.cause.is_end() {
                for output in outputs.iter_mut() {
                    output.flow(&judged);
                }
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
