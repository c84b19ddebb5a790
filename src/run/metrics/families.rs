//! Every family of metrics: its name (without the `borderflow_` before it, and unit and `_total` after it), what it is,
//! and where its figure stands. `docs/monitoring.md` tells what to do when it moves.

use super::super::status::{Database, Handle, Interface, Journal, Judge, Link, Output, Shard};
use super::exposition::Snapshot;

/// A family of metrics that things of the kind `T` have.
pub(super) struct Row<T> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) measure: Measure,
    pub(super) figure: Figure<T>,
}

/// What a figure measures.
pub(super) enum Measure {
    Number,
    Bytes,
    Seconds,
}

/// Where the figure stands.
pub(super) enum Figure<T> {
    /// It only grows.
    Count(fn(&T) -> u64),
    /// It only grows, and there is one for each value of a label.
    CountBy(&'static str, fn(&T) -> Vec<(&str, u64)>),
    /// It goes up and down.
    Level(fn(&T) -> f64),
}

use Measure::{Bytes, Number, Seconds};

const fn count<T>(name: &'static str, measure: Measure, of: fn(&T) -> u64, help: &'static str) -> Row<T> {
    Row { name, help, measure, figure: Figure::Count(of) }
}

const fn count_by<T>(
    name: &'static str,
    label: &'static str,
    of: fn(&T) -> Vec<(&str, u64)>,
    help: &'static str,
) -> Row<T> {
    Row { name, help, measure: Number, figure: Figure::CountBy(label, of) }
}

const fn level<T>(name: &'static str, measure: Measure, of: fn(&T) -> f64, help: &'static str) -> Row<T> {
    Row { name, help, measure, figure: Figure::Level(of) }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

pub(super) const DAEMON: &[Row<Snapshot>] = &[
    level("healthy", Number, |s| flag(s.status.stuck(s.age).is_empty()), "1 while every loop comes round, as /healthz"),
    level(
        "ready",
        Number,
        |s| flag(s.status.stuck(s.age).is_empty() && s.status.unready().is_empty()),
        "1 while it captures and the journal writes, as /readyz",
    ),
    level(
        "start_time",
        Seconds,
        |s| seconds(s.status.started_at.as_millis()),
        "When the daemon began, since the epoch",
    ),
    level("status_age", Seconds, |s| s.age.as_secs_f64(), "Time since the figures of this page were gathered"),
    level(
        "configuration_loaded_time",
        Seconds,
        |s| seconds(s.status.configuration.loaded_at.as_millis()),
        "When the configuration in force was taken over, since the epoch",
    ),
    count(
        "configuration_reloads",
        Number,
        |s| s.status.configuration.reloads,
        "Times configuration, databases or catalogues were taken over anew",
    ),
    count("configuration_reload_failures", Number, |s| s.status.configuration.reload_failures, "Times that failed"),
    level(
        "configuration_reload_failed",
        Number,
        |s| flag(!s.status.configuration.last_error.is_empty()),
        "1 where the last reload failed and what was before stays in force",
    ),
    level(
        "configuration_needs_restart",
        Number,
        |s| s.status.configuration.needs_restart.len() as f64,
        "Keys whose new values wait for a restart",
    ),
    level("memory_resident", Bytes, |s| s.status.memory.resident_bytes as f64, "Memory of the process"),
    level("memory_limit", Bytes, |s| s.status.memory.limit_bytes as f64, "Memory that follows from the configuration"),
];

pub(super) const INTERFACE: &[Row<Interface>] = &[
    level("interface_up", Number, |i| flag(i.state == Link::Up), "1 where the interface is read, 0 where down or gone"),
    level("interface_gone", Number, |i| flag(i.state == Link::Gone), "1 where there is no interface of this name"),
    level("interface_state_time", Seconds, |i| seconds(i.since.as_millis()), "Since when, since the epoch"),
    count("interface_frames_lost", Number, |i| i.frames_lost, "Frames lost by the interface or its driver"),
    count("interface_reopened", Number, |i| i.reopened, "Times the interface was opened again"),
];

pub(super) const HANDLE: &[Row<Handle>] = &[
    count("capture_frames", Number, |h| h.frames_read, "Frames read from the interface"),
    count("capture_wire", Bytes, |h| h.wire_bytes, "Bytes of these frames on the wire"),
    count("capture_frames_lost", Number, |h| h.frames_lost, "Frames lost by the kernel because the ring was full"),
    count("capture_ring_overruns", Number, |h| h.ring_overruns, "Times the ring ran full"),
];

pub(super) const SHARD: &[Row<Shard>] = &[
    level("shard_progress_age", Seconds, |s| seconds(s.progress_age_ms), "Time since the shard's loop last came round"),
    count("shard_stalls", Number, |s| s.stalls, "Times the loop took longer than it may"),
    count("frames_read", Number, |s| s.frames_read, "Frames read"),
    count("wire", Bytes, |s| s.wire_bytes, "Bytes of the frames on the wire"),
    count("packets_decoded", Number, |s| s.packets_decoded, "Frames that became packets, or parts of packets"),
    count_by(
        "frames_skipped",
        "reason",
        |s| s.skips.iter().map(|(reason, frames)| (reason.as_str(), *frames)).collect(),
        "Frames that did not",
    ),
    count("frames_cut", Number, |s| s.frames_cut, "Frames cut by the snap length"),
    count("datagrams_reassembled", Number, |s| s.datagrams_reassembled, "Datagrams put together from fragments"),
    count("datagrams_given_up", Number, |s| s.datagrams_given_up, "Datagrams that never became complete"),
    count("fragments_overlapping", Number, |s| s.fragments_overlapping, "Fragments that overlapped others"),
    count("clock_leaps", Number, |s| s.clock_leaps, "Frames whose time leapt ahead by more than a week"),
    count("handovers", Number, |s| s.handovers, "Frames handed over to the shard that has their flow"),
    count("handovers_dropped", Number, |s| s.handovers_dropped, "Frames lost on that way"),
    count("handover_copies", Number, |s| s.handover_copies, "Frames that came on that way and were copies of others"),
    count_by(
        "flows",
        "transport",
        |s| {
            let begun = &s.flows;
            let icmp = [("icmp", begun.icmp), ("sctp", begun.sctp), ("other", begun.other)];
            [("tcp", begun.tcp), ("udp", begun.udp)].into_iter().chain(icmp).collect()
        },
        "Flows begun",
    ),
    level("flows_open", Number, |s| s.flows_open as f64, "Flows in the table"),
    level("flows_max", Number, |s| s.max_flows as f64, "Flows the table can hold"),
    count("evictions", Number, |s| s.evictions, "Flows ended early because the table was full"),
    count("one_sided_flows", Number, |s| s.one_sided_flows, "Flows of which one direction alone is seen"),
    count("missed", Bytes, |s| s.missed_bytes, "TCP payload acknowledged and never seen"),
    count("untracked_gaps", Number, |s| s.untracked_gaps, "TCP gaps not tracked for want of room"),
    count(
        "withdrawn_inspections",
        Number,
        |s| s.withdrawn_inspections,
        "Split hellos not put together for want of room",
    ),
    count("unfollowed_flows", Number, |s| s.unfollowed_flows, "Flows whose commands were not read for want of room"),
    level("updates_waiting", Number, |s| s.updates_waiting as f64, "Flow updates that wait for judgement"),
    level("updates_waiting_max", Number, |s| s.max_waiting_updates as f64, "Flow updates that can wait"),
    count("updates_dropped", Number, |s| s.updates_dropped, "Flow updates lost because as many waited"),
];

pub(super) const JUDGE: &[Row<Judge>] = &[
    level("judge_progress_age", Seconds, |j| seconds(j.progress_age_ms), "Time since the judge's loop last came round"),
    count("findings", Number, |j| j.findings, "Findings opened"),
    level("findings_open", Number, |j| j.findings_open as f64, "Findings that are open"),
    level(
        "findings_max",
        Number,
        |j| j.max_findings as f64,
        "Findings from which on there is room for those of remote management alone",
    ),
    count("findings_evicted", Number, |j| j.findings_evicted, "Findings closed early because there were too many"),
    count("crowded_updates", Number, |j| j.crowded_updates, "Flow updates without a finding of their own"),
    level("ledgers", Number, |j| j.ledgers as f64, "Ledgers held"),
    level("ledgers_max", Number, |j| j.max_ledgers as f64, "Ledgers that can be held"),
    count("ledgers_evicted", Number, |j| j.ledgers_evicted, "Ledgers given up because there were too many"),
    count("unbooked", Number, |j| j.unbooked, "Volumes not added to ledgers: the journal holds that time already"),
    count("alerts", Number, |j| j.alerts, "Alerts made"),
    count("suppressed_updates", Number, |j| j.suppressed_updates, "Flow updates that added to a finding silently"),
    count_by(
        "not_decidable_flows",
        "reason",
        |j| {
            let hidden = &j.not_decidable;
            vec![
                ("encrypted", hidden.encrypted_flows),
                ("encrypted_hello", hidden.encrypted_hello_flows),
                ("encrypted_dns", hidden.encrypted_dns_flows),
                ("relayed", hidden.relayed_flows),
                ("proxied", hidden.proxied_flows),
            ]
        },
        "Flows of which looking cannot decide everything",
    ),
];

pub(super) const JOURNAL: &[Row<Journal>] = &[
    level("journal_file", Bytes, |j| j.file_bytes as f64, "Size of the journal, without its log"),
    level("journal_file_max", Bytes, |j| j.max_bytes as f64, "Size it can have"),
    count("journal_entries_added", Number, |j| j.added, "Entries that were new"),
    count("journal_entries_repeated", Number, |j| j.repeated, "Entries that were there already"),
    count("journal_entries_dropped", Number, |j| j.dropped, "Entries given up while the file refused them"),
    count("journal_entries_expired", Number, |j| j.expired, "Delivered entries removed by age or size"),
    count("journal_entries_forced_out", Number, |j| j.forced_out, "Undelivered entries removed for want of room"),
    count("journal_commits", Number, |j| j.commits, "Transactions"),
    count("journal_refused_commits", Number, |j| j.refused_commits, "Transactions the file refused"),
    count("journal_damaged_files", Number, |j| j.damaged_files, "Damaged files set aside"),
    level("journal_held_entries", Number, |j| j.held_entries as f64, "Entries that are in memory only"),
    level("journal_held", Bytes, |j| j.held_bytes as f64, "Memory they take"),
];

pub(super) const OUTPUT: &[Row<Output>] = &[
    level("output_connected", Number, |o| flag(o.connected), "1 where the last attempt worked"),
    count("output_delivered", Number, |o| o.delivered, "Records the other side took"),
    count("output_delivered", Bytes, |o| o.bytes, "Bytes of these records"),
    count("output_filtered", Number, |o| o.filtered, "Records the output's filter left out"),
    count("output_refused", Number, |o| o.refused, "Records the other side refused for good"),
    count("output_dropped", Number, |o| o.dropped, "Flow records that found the queue full"),
    count("output_retries", Number, |o| o.retries, "Batches that had to be sent again"),
    level("output_undelivered", Number, |o| o.undelivered as f64, "Records the other side does not have yet"),
    level("output_lag", Seconds, |o| o.lag_s as f64, "Age of the oldest of them"),
];

pub(super) const DATABASE: &[Row<Database>] = &[
    level("database_age", Seconds, |d| f64::from(d.age_days) * 86_400.0, "Time since the data was made"),
    level("database_ranges", Number, |d| d.ranges as f64, "Address ranges in it"),
];

pub(super) const DECODE_HELP: &str = "Decoding a frame and following its flow, of one frame in many";
pub(super) const LOOKUP_HELP: &str = "Attributing a flow update";
pub(super) const ALERT_DELAY_HELP: &str = "From the packet that caused an alert to the alert in the journal";
