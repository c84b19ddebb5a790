//! From what the stages count to what is told of it. The rest of each value is for whoever knows it:
//! `Shard { number, progress_age_ms, ..Shard::counted(&front, &flows) }`.

use std::path::Path;

use super::{Database, Journal, Judge, Output, Shard};
use crate::attribute::geo;
use crate::decode::Skip;
use crate::deliver::Delivered;
use crate::detect::DetectCounters;
use crate::flow::FlowCounters;
use crate::journal;
use crate::net::Timestamp;
use crate::pipeline::FrontCounters;

impl Shard {
    /// What its front and its flows counted.
    #[must_use]
    pub fn counted(front: &FrontCounters, flows: &FlowCounters) -> Self {
        Shard {
            frames_read: front.frames_read,
            wire_bytes: front.wire_bytes,
            packets_decoded: front.decode.frames_decoded,
            frames_skipped: front.skips.total(),
            skips: Skip::ALL.iter().map(|&reason| (reason.name().to_owned(), front.skips.of(reason))).collect(),
            frames_cut: front.decode.frames_cut,
            datagrams_reassembled: front.decode.datagrams_reassembled,
            datagrams_given_up: front.decode.datagrams_given_up,
            fragments_overlapping: front.decode.fragments_overlapping,
            clock_leaps: front.clock_leaps,
            flows: flows.into(),
            evictions: flows.evicted,
            one_sided_flows: flows.one_sided,
            missed_bytes: flows.missed_bytes,
            untracked_gaps: flows.untracked_gaps,
            withdrawn_inspections: flows.withdrawn_inspections,
            unfollowed_flows: flows.unfollowed,
            ..Shard::default()
        }
    }
}

impl From<&DetectCounters> for Judge {
    fn from(detect: &DetectCounters) -> Self {
        Judge {
            findings: detect.findings,
            findings_evicted: detect.findings_evicted,
            crowded_updates: detect.crowded,
            ledgers_evicted: detect.ledgers_evicted,
            unbooked: detect.unbooked,
            alerts: detect.alerts,
            suppressed_updates: detect.suppressed,
            not_decidable: (&detect.hidden).into(),
            ..Judge::default()
        }
    }
}

impl Journal {
    /// What the journal in this file counted.
    #[must_use]
    pub fn counted(path: &Path, counters: &journal::Counters) -> Self {
        Journal {
            path: path.to_owned(),
            file_bytes: counters.file_bytes,
            added: counters.added,
            repeated: counters.repeated,
            dropped: counters.dropped,
            expired: counters.expired,
            forced_out: counters.forced_out,
            commits: counters.commits,
            refused_commits: counters.refused_commits,
            damaged_files: counters.damaged_files,
            held_entries: counters.held_entries,
            held_bytes: counters.held_bytes,
            ..Journal::default()
        }
    }
}

impl Output {
    /// What the output of this name did.
    #[must_use]
    pub fn counted(name: &str, did: &Delivered) -> Self {
        Output {
            name: name.to_owned(),
            connected: did.connected,
            delivered: did.delivered,
            bytes: did.bytes,
            filtered: did.filtered,
            refused: did.refused,
            dropped: did.dropped,
            retries: did.retries,
            last_error: did.last_error.clone(),
            ..Output::default()
        }
    }
}

impl Database {
    /// Of this source, at the time `now`.
    #[must_use]
    pub fn new(source: &geo::Source, now: Timestamp) -> Self {
        let made = source.date.parse().unwrap_or(now);
        Database {
            role: source.role.to_string(),
            name: source.name.clone(),
            date: source.date.clone(),
            age_days: u32::try_from(now.since(made).as_secs() / 86_400).unwrap_or(u32::MAX),
            ranges: source.range_count as u64,
            path: source.path.clone(),
        }
    }
}
