//! What of a flow that lives has been counted: for flagged flows only, until they end.
//!
//! A daemon that stops ends no flow: those it was following go on, and after the restart they are seen midstream, under new
//! numbers and with counters that begin anew. What was counted of them is kept under their two ends, so that a flow that
//! goes on is no second flow of its finding, and a session whose beginning was seen before stays the session it is.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::management::{Session, Shown, Via};
use super::{Subject, Totals};
use crate::flow::{FlowUpdate, InitiatorBasis};
use crate::net::{Endpoint, Keyed, Timestamp};

/// A flow that is seen again later than this after the end of the earlier run is another: no flow is idle for longer by
/// default (RFC 5382, REQ-5: 2 hours and 4 minutes).
const MOST_SILENCE: Duration = Duration::from_secs(7_440);

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
    /// Whether it goes on from an earlier run.
    pub(super) is_resumed: bool,
    ends: Option<Ends>,
    kept: Option<KeptFlow>,
}

/// The two ends of a flow, in order, and its IP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(super) struct Ends(Endpoint, Endpoint, u8);

impl Ends {
    fn of(update: &FlowUpdate) -> Ends {
        let (one, other) = (update.initiator.endpoint, update.responder.endpoint);
        Ends(one.min(other), one.max(other), update.protocol)
    }
}

/// What is kept of a flow that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct KeptFlow {
    is_egress: bool,
    is_managed: bool,
    via: Option<Via>,
    is_login: bool,
}

impl KeptFlow {
    fn of(live: &Live) -> KeptFlow {
        let (is_egress, is_managed) = (live.egress.flow, live.managed.flow);
        KeptFlow { is_egress, is_managed, via: live.via, is_login: live.is_login }
    }

    fn goes_on(self) -> Live {
        let counted = |flow| Counted { flow, ..Counted::default() };
        let (egress, managed) = (counted(self.is_egress), counted(self.is_managed));
        let (via, is_login) = (self.via, self.is_login);
        Live { egress, managed, via, is_login, is_resumed: true, kept: Some(self), ..Live::default() }
    }
}

impl Live {
    /// What a session still is of which this run has seen no beginning.
    pub(super) fn resumed_session(&self, subject: &Subject<'_>) -> Option<Shown> {
        let via = self.via.filter(|_| self.is_resumed)?;
        Some(Shown::Session(Box::new(Session::uncertain(subject, via))))
    }
}

/// The flagged flows that live.
#[derive(Default)]
pub(super) struct Lives {
    by_flow: HashMap<u64, Live, Keyed>,
    /// Only where somebody keeps them.
    keeping: Option<Keeping>,
}

#[derive(Default)]
struct Keeping {
    changed: BTreeSet<u64>,
    /// Over since they were kept.
    over: Vec<Ends>,
    /// Of the earlier run, which ended at `until`.
    paused: HashMap<Ends, KeptFlow>,
    until: Timestamp,
}

impl Lives {
    /// What is known of the flow of `update`.
    pub(super) fn of(&mut self, update: &FlowUpdate) -> &mut Live {
        let keeping = &mut self.keeping;
        if let Some(keeping) = keeping {
            keeping.changed.insert(update.flow);
        }
        self.by_flow.entry(update.flow).or_insert_with(|| {
            let ends = Ends::of(update);
            let resumed = keeping.as_mut().and_then(|keeping| keeping.take_up(ends, update));
            Live { ends: Some(ends), ..resumed.unwrap_or_default() }
        })
    }

    /// The flow has ended.
    pub(super) fn end(&mut self, flow: u64) {
        let Some(live) = self.by_flow.remove(&flow) else { return };
        if let Some(keeping) = &mut self.keeping {
            keeping.changed.remove(&flow);
            keeping.over.extend(live.ends.filter(|_| live.kept.is_some()));
        }
    }

    /// Takes up what an earlier run that ended at `until` kept, and from now on notes what changes.
    pub(super) fn resume(&mut self, until: Timestamp, kept: impl IntoIterator<Item = (Ends, KeptFlow)>) {
        let keeping = self.keeping.get_or_insert_default();
        keeping.until = until;
        keeping.paused.extend(kept);
    }

    /// What is to be kept of what has changed, and `None` for what is over.
    pub(super) fn changes(&mut self, now: Timestamp) -> Vec<(Ends, Option<KeptFlow>)> {
        let Lives { by_flow, keeping: Some(keeping) } = self else { return Vec::new() };
        if now.since(keeping.until) > MOST_SILENCE && !keeping.paused.is_empty() {
            keeping.over.extend(std::mem::take(&mut keeping.paused).into_keys());
            keeping.over.sort_unstable();
        }
        let mut changes: Vec<_> = keeping.over.drain(..).map(|ends| (ends, None)).collect();
        for flow in std::mem::take(&mut keeping.changed) {
            let Some(live) = by_flow.get_mut(&flow) else { continue };
            let now = KeptFlow::of(live);
            if live.kept != Some(now) {
                live.kept = Some(now);
                changes.extend(live.ends.map(|ends| (ends, Some(now))));
            }
        }
        changes
    }
}

impl Keeping {
    /// What was counted of the flow in the earlier run, where it is the same: no other connection, and not much later.
    fn take_up(&mut self, ends: Ends, update: &FlowUpdate) -> Option<Live> {
        let kept = self.paused.remove(&ends)?;
        let is_new = update.tcp_state.is_some() && update.basis >= InitiatorBasis::SynAck;
        if is_new || update.first_seen.since(self.until) > MOST_SILENCE {
            self.over.push(ends);
            return None;
        }
        Some(kept.goes_on())
    }
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
