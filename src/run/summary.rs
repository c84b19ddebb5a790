//! The counters of a run, for people and for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::capture::Loss;
use crate::decode::Skip;
use crate::deliver::Delivered;
use crate::detect::{DetectCounters, Hidden};
use crate::encode::human::{Bytes, Count};
use crate::flow::FlowCounters;
use crate::net::Timestamp;
use crate::pipeline::FrontCounters;

/// The counters of a run; serialises to the summary file. `frames_read = packets_decoded + frames_skipped`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Frames read.
    pub frames_read: u64,
    /// Frames that became packets, or parts of packets.
    pub packets_decoded: u64,
    /// Frames that did not.
    pub frames_skipped: u64,
    /// Why they did not.
    pub skips: BTreeMap<&'static str, u64>,
    /// Bytes of input read, compressed where the input is.
    pub bytes_read: u64,
    /// Bytes of the frames on the wire.
    pub wire_bytes: u64,
    /// Frames cut by the snap length.
    pub frames_cut: u64,
    /// Datagrams put together from fragments.
    pub datagrams_reassembled: u64,
    /// Datagrams that never became complete.
    pub datagrams_given_up: u64,
    /// Fragments that overlapped others; the bytes that came first count.
    pub fragments_overlapping: u64,
    /// Frames whose time leapt ahead by more than a week and was not believed alone.
    pub clock_leaps: u64,
    /// Payloads of split hellos that could not be put together for want of room.
    pub withdrawn_inspections: u64,
    /// Flows whose commands were not read because too many were followed at once.
    pub unfollowed_flows: u64,
    /// Frames the capture says were lost before they were written.
    pub capture_loss: CaptureLoss,
    /// Flows begun, by transport.
    pub flows: FlowsByTransport,
    /// Flows ended early because the table was full.
    pub evictions: u64,
    /// Flows of which the capture holds one direction although the other took part.
    pub one_sided_flows: u64,
    /// TCP payload bytes acknowledged and never seen.
    pub missed_bytes: u64,
    /// TCP gaps that could not be tracked for want of room.
    pub untracked_gaps: u64,
    /// Findings opened.
    pub findings: u64,
    /// Findings closed early because there were too many.
    pub findings_evicted: u64,
    /// Flow updates told with those of many assets because there were too many findings.
    pub crowded_updates: u64,
    /// Ledgers given up because there were too many.
    pub ledgers_evicted: u64,
    /// Volumes left out of ledgers because their time is before what the journal holds.
    pub unbooked: u64,
    /// Alerts made.
    pub alerts: u64,
    /// Flow updates that added to a finding without an alert of their own.
    pub suppressed_updates: u64,
    /// Flows between monitored and remote hosts of which looking cannot decide everything; `docs/limits.md` says what.
    pub not_decidable: NotDecidable,
    /// What became of the alerts of each output that is delivered to from a journal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputSummary>,
    /// Time of the earliest frame; absent without frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_packet_time: Option<Timestamp>,
    /// Time of the latest frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_packet_time: Option<Timestamp>,
    /// Seconds the run took.
    pub wall_time_s: f64,
    /// Frames read per second of it.
    pub packets_per_second: f64,
}

/// What became of the alerts, or flow records, of one output.
#[derive(Clone, Debug, Serialize)]
pub struct OutputSummary {
    /// Its name.
    pub name: String,
    /// Records the other side took; records sent again count again.
    pub delivered: u64,
    /// Records its filter left out.
    pub filtered: u64,
    /// Records the other side refused for good.
    pub refused: u64,
    /// Flow records that found the queue full.
    pub dropped: u64,
    /// Batches that had to be sent again.
    pub retries: u64,
    /// Records it does not have yet.
    pub undelivered: u64,
}

impl OutputSummary {
    pub(super) fn new(name: String, did: &Delivered, undelivered: u64) -> Self {
        OutputSummary {
            name,
            delivered: did.delivered,
            filtered: did.filtered,
            refused: did.refused,
            dropped: did.dropped,
            retries: did.retries,
            undelivered,
        }
    }
}

/// Flows of which something cannot be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotDecidable {
    /// What was done in them is encrypted.
    pub encrypted_flows: u64,
    /// The server's name is encrypted, the one seen is a cover.
    pub encrypted_hello_flows: u64,
    /// Which names were asked for is encrypted.
    pub encrypted_dns_flows: u64,
    /// A tunnel, VPN or remote-support tool stands between: who is behind it is not seen.
    pub relayed_flows: u64,
    /// A proxy stands between.
    pub proxied_flows: u64,
}

/// Frames lost before they reached the capture.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CaptureLoss {
    /// By the kernel or the capturing tool.
    pub kernel: u64,
    /// By the interface.
    pub interface: u64,
}

/// Flows begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowsByTransport {
    /// All of them.
    pub total: u64,
    /// TCP.
    pub tcp: u64,
    /// UDP.
    pub udp: u64,
    /// ICMP and ICMPv6.
    pub icmp: u64,
    /// SCTP.
    pub sctp: u64,
    /// Any other transport.
    pub other: u64,
}

impl From<&FlowCounters> for FlowsByTransport {
    fn from(flows: &FlowCounters) -> Self {
        FlowsByTransport {
            total: flows.total(),
            tcp: flows.tcp,
            udp: flows.udp,
            icmp: flows.icmp,
            sctp: flows.sctp,
            other: flows.other,
        }
    }
}

impl From<&Hidden> for NotDecidable {
    fn from(hidden: &Hidden) -> Self {
        NotDecidable {
            encrypted_flows: hidden.encrypted,
            encrypted_hello_flows: hidden.encrypted_hello,
            encrypted_dns_flows: hidden.encrypted_dns,
            relayed_flows: hidden.relayed,
            proxied_flows: hidden.proxied,
        }
    }
}

impl Summary {
    /// From what each stage counted.
    #[must_use]
    pub fn new(
        front: &FrontCounters,
        flows: &FlowCounters,
        detect: &DetectCounters,
        input: (u64, Loss),
        wall: Duration,
    ) -> Self {
        let seconds = wall.as_secs_f64();
        let any = front.frames_read > 0;
        let reasons = Skip::ALL.iter().map(|&reason| (reason.name(), front.skips.of(reason)));
        Summary {
            frames_read: front.frames_read,
            packets_decoded: front.decode.frames_decoded,
            frames_skipped: front.skips.total(),
            skips: reasons.filter(|(_, frames)| *frames > 0).collect(),
            bytes_read: input.0,
            wire_bytes: front.wire_bytes,
            frames_cut: front.decode.frames_cut,
            datagrams_reassembled: front.decode.datagrams_reassembled,
            datagrams_given_up: front.decode.datagrams_given_up,
            fragments_overlapping: front.decode.fragments_overlapping,
            clock_leaps: front.clock_leaps,
            withdrawn_inspections: flows.withdrawn_inspections,
            unfollowed_flows: flows.unfollowed,
            capture_loss: CaptureLoss { kernel: input.1.kernel, interface: input.1.interface },
            flows: flows.into(),
            evictions: flows.evicted,
            one_sided_flows: flows.one_sided,
            missed_bytes: flows.missed_bytes,
            untracked_gaps: flows.untracked_gaps,
            findings: detect.findings,
            findings_evicted: detect.findings_evicted,
            crowded_updates: detect.crowded,
            ledgers_evicted: detect.ledgers_evicted,
            unbooked: detect.unbooked,
            alerts: detect.alerts,
            suppressed_updates: detect.suppressed,
            not_decidable: (&detect.hidden).into(),
            outputs: Vec::new(),
            first_packet_time: any.then_some(front.first_time),
            last_packet_time: any.then_some(front.last_time),
            wall_time_s: seconds,
            packets_per_second: if seconds > 0.0 { front.frames_read as f64 / seconds } else { 0.0 },
        }
    }

    /// With what became of the alerts.
    #[must_use]
    pub fn with_outputs(self, outputs: Vec<OutputSummary>) -> Self {
        Summary { outputs, ..self }
    }

    /// In a line or three, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        let skipped: Vec<_> = self.skips.iter().map(|(name, frames)| format!("{} {name}", Count(*frames))).collect();
        let mut text = format!(
            "{} frames ({} on the wire) in {:.2} s: {} decoded, {} skipped{}; {} flows; {} findings, {} alerts",
            Count(self.frames_read),
            Bytes(self.wire_bytes),
            self.wall_time_s,
            Count(self.packets_decoded),
            Count(self.frames_skipped),
            if skipped.is_empty() { String::new() } else { format!(" ({})", skipped.join(", ")) },
            Count(self.flows.total),
            Count(self.findings),
            Count(self.alerts),
        );
        let doubts = [
            (self.capture_loss.kernel + self.capture_loss.interface, "frames lost before they were captured"),
            (self.missed_bytes, "payload bytes acknowledged and never seen"),
            (self.one_sided_flows, "flows seen from one side only"),
            (self.clock_leaps, "frames whose time leapt ahead by more than a week"),
            (self.evictions, "flows ended early: raise flow.max_flows"),
            (self.findings_evicted, "findings closed early: raise detect.max_findings"),
            (self.crowded_updates, "flow updates without a finding of their own: raise detect.max_findings"),
            (self.ledgers_evicted, "ledgers given up: raise ledger.max_ledgers"),
            (self.unbooked, "volumes not added to ledgers: the journal holds that time already"),
        ];
        let hidden = &self.not_decidable;
        let unseen = [
            (hidden.encrypted_flows, "encrypted"),
            (hidden.encrypted_hello_flows, "with an encrypted server name"),
            (hidden.encrypted_dns_flows, "of encrypted DNS"),
            (hidden.relayed_flows, "of tunnels and support tools"),
            (hidden.proxied_flows, "through proxies"),
        ];
        let unseen: Vec<String> = unseen
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", Count(*count)))
            .collect();
        if !unseen.is_empty() {
            text.push_str(&format!("\nnot decidable by looking (docs/limits.md): flows {}", unseen.join(", ")));
        }
        for (count, what) in doubts.into_iter().filter(|(count, _)| *count > 0) {
            text.push_str(&format!("\n{} {what}", Count(count)));
        }
        text
    }
}
