//! One shard: the flows of its partitions.

use crate::capture::Batch;
use crate::decode::{self, Envelope};
use crate::flow::{self, Arrival, FlowCounters, FlowKey, FlowUpdate, Flows, WARM_AHEAD};
use crate::net::Timestamp;

use super::Prepared;

/// Flows that end at once with the input.
const LAST_AT_ONCE: usize = 1024;

/// Keeps the flows of its share of the packets.
pub struct Shard {
    flows: Flows,
    options: decode::Options,
}

impl Shard {
    /// Shard number `shard` of `shards`.
    #[must_use]
    pub fn new(flows: &flow::Options, decode: decode::Options, shard: usize, shards: usize) -> Self {
        Shard { flows: Flows::new(flows, shard, shards), options: decode }
    }

    /// Takes the packets of `batch` that were dealt to it, and appends the updates they cause. `clock` is the highest
    /// packet time at the end of the batch.
    pub fn handle(&mut self, batch: &Batch, packets: &[Prepared], clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        for ahead in packets.chunks(WARM_AHEAD) {
            self.flows.warm(ahead.iter().map(|prepared| prepared.hash));
            for prepared in ahead {
                self.observe(batch, prepared, out);
            }
        }
        self.flows.expire(clock, out);
    }

    #[inline]
    fn observe(&mut self, batch: &Batch, prepared: &Prepared, out: &mut Vec<FlowUpdate>) {
        let Prepared { packet, hash, frame, clock } = prepared;
        let (key, sender) = FlowKey::of(packet);
        let payload = packet.payload.of(&batch.bytes);
        let arrival = Arrival { packet, payload, key, sender, hash: *hash, frame: *frame, clock: *clock };
        let envelope = || match batch.frame(packet.frame as usize) {
            Some(frame) => decode::envelope(frame, &self.options),
            None => Envelope::default(),
        };
        self.flows.observe(&arrival, envelope, out);
    }

    /// Ends every flow: the input is over.
    pub fn finish(&mut self, clock: Timestamp, out: &mut Vec<FlowUpdate>) {
        self.flows.finish(clock, out);
    }

    /// Ends some of the flows, in the order of their places, and says whether there were any: a shard that ends must not
    /// fill the memory with last updates.
    pub fn finish_some(&mut self, clock: Timestamp, out: &mut Vec<FlowUpdate>) -> bool {
        self.flows.finish_some(clock, LAST_AT_ONCE, out)
    }

    /// Flows held.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.flows.len()
    }

    /// What its flows counted.
    #[must_use]
    pub fn counters(&self) -> FlowCounters {
        self.flows.counters()
    }
}
