//! How much memory a configuration allows.

use crate::config::Config;

/// Bytes that one of each takes at most; tests/live and tests/ledgers measure them.
const FLOW: u64 = 480;
const FINDING: u64 = 6 << 10;
const LEDGER: u64 = 512;
const UPDATE: u64 = 1 << 10;
/// The program, the embedded databases and catalogues, learned names and devices, the journal's and the outputs' queues.
const FIXED: u64 = 420 << 20;
/// Bytes that the inspection of one shard takes at most.
const SHARD: u64 = 112 << 20;

/// Bytes that the daemon takes at most by this configuration, with its interfaces' rings.
#[must_use]
pub fn memory_limit(config: &Config) -> u64 {
    let (shards, interfaces) = (u64::from(config.capture.shards), config.capture.interfaces.len().max(1) as u64);
    let queues = config.flow_outputs.iter().map(|output| output.queue_bytes as u64).sum::<u64>();
    // Findings of remote management are counted apart from the others.
    let findings = 2 * u64::from(config.detect.max_findings) * FINDING;
    let waiting = shards * u64::from(config.daemon.max_waiting_updates) * UPDATE;
    FIXED
        + interfaces * shards * u64::from(config.capture.ring_bytes)
        + u64::from(config.flow.max_flows) * FLOW
        + findings
        + u64::from(config.ledger.max_ledgers) * LEDGER
        + waiting
        + shards * SHARD
        + config.decode.fragment_memory_bytes * shards
        + queues
}
