//! What of a flow that lives has been counted: for flagged flows only, until they end.

use super::management::Via;
use super::{Subject, Totals};

/// What one flow has added to findings so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Live {
    /// To the egress finding.
    pub(super) egress: Counted,
    /// To the finding of remote management.
    pub(super) managed: Counted,
    /// By what it is managed.
    pub(super) via: Option<Via>,
    /// Whether the other side logs in, or tries to.
    pub(super) is_login: bool,
}

/// How much of a flow a finding has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    flow: bool,
    sent_bytes: u64,
    received_bytes: u64,
    commands: [u64; 4],
}

impl Counted {
    /// Takes what has come since the last time.
    pub(super) fn count(&mut self, subject: &Subject<'_>) -> Totals {
        let (sent, received) = (subject.home.total.payload_bytes, subject.remote.total.payload_bytes);
        let is_new = !std::mem::replace(&mut self.flow, true);
        Totals {
            sent_bytes: sent.saturating_sub(std::mem::replace(&mut self.sent_bytes, sent)),
            received_bytes: received.saturating_sub(std::mem::replace(&mut self.received_bytes, received)),
            flows: u64::from(is_new),
            inbound_flows: u64::from(is_new && subject.is_inbound()),
            commands: [0; 4],
        }
    }

    /// Whether the flow is in the finding.
    pub(super) const fn has_counted(&self) -> bool {
        self.flow
    }

    /// Takes what commands have come since the last time.
    pub(super) fn count_commands(&mut self, commands: [u64; 4]) -> [u64; 4] {
        let mut added = [0; 4];
        for ((added, now), before) in added.iter_mut().zip(commands).zip(self.commands) {
            *added = now.saturating_sub(before);
        }
        self.commands = commands;
        added
    }
}
