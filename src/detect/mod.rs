//! Judgement: whose hosts these are, which jurisdictions are flagged, and what of it becomes a finding.
//!
//! A room for each activity looks at one flow update and its attribution and says whether it adds to a relation
//! `asset × activity × jurisdiction × entity`; the [`Detector`] keeps one finding per relation and turns its
//! lifecycle into [`Alert`]s. Findings are few by construction, so are alerts: one when a finding opens, one each time
//! it grows tenfold (a hundredfold where it aggregates over all assets) or its severity rises, one when it closes.

mod activity;
mod alert;
mod asset;
mod attempt;
mod coverage;
mod device;
mod egress;
mod exception;
mod finding;
mod findings;
mod hexadecimal;
mod judged;
mod jurisdiction;
mod ledger;
mod live;
mod management;
mod parked;
mod saved;
mod screen;
mod severity;
mod shared;
mod slots;
mod told;
mod translation;
mod volume;

pub use activity::{Activity, Technique};
pub use alert::{
    Alert, AssetInfo, DeviceInfo, EvidenceInfo, FlowInfo, JurisdictionInfo, ManagementInfo, PartyInfo, StableId, Step,
    Totals,
};
pub use asset::{Asset, AssetConflict, AssetKey, Assets, Criticality, Direction, PrefixRef};
pub use coverage::Coverage;
pub use exception::{Exception, ExceptionInfo, ExceptionScope, Schedule, Standing};
pub use judged::{Judged, Subject, Verdict};
pub use jurisdiction::{Flag, Jurisdictions, Preset};
pub use ledger::{FirstContact, LedgerKey, Window};
pub use management::{Class, DrivenOptions, Via};
pub use saved::{Resumed, Saved, SavedKind, SavedValues, changed_names, resume_names};
pub use screen::Screen;
pub use severity::{Factors, Severity};
pub use volume::{Threshold, VolumeInfo};

use std::time::Duration;

use crate::attribute::{Attributor, OwnerId};
use crate::flow::FlowUpdate;
use crate::net::{Country, Timestamp};
use findings::Findings;
use ledger::Ledgers;
use live::{Live, Lives};
use management::{Requests, Session, Shown, Tries};
use parked::Parked;
use saved::Kept;
use translation::Translation;

/// Who the other party of a finding is: the most specific owner known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// A vendor, or the group that operates the network.
    Owner(OwnerId),
    /// The network of this AS number, whose operator is in no catalogue.
    Network(u32),
    /// A network nobody announces.
    UnknownNetwork,
    /// Many: the finding aggregates.
    Many,
}

/// What a finding is about; there is one finding per relation at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relation {
    /// What happens.
    pub activity: Activity,
    /// Whose asset it is; `None` where the finding aggregates over all of them.
    pub asset: Option<AssetKey>,
    /// The flagged jurisdiction.
    pub jurisdiction: Country,
    /// The other party.
    pub entity: Entity,
    /// The exception by which it is accepted, by its place in the policy.
    pub accepted: Option<u32>,
}

impl Relation {
    /// Of a finding that was kept, until its names are found again.
    const fn unknown() -> Self {
        let entity = Entity::UnknownNetwork;
        Relation { activity: Activity::Egress, asset: None, jurisdiction: Country::NOWHERE, entity, accepted: None }
    }

    /// The same of nobody: no asset has such a number, so nothing adds to it.
    const fn of_nobody(self, number: u32) -> Self {
        let asset = Some(AssetKey::Declared(NOBODIES.saturating_add(number)));
        Relation { asset, entity: Entity::UnknownNetwork, accepted: None, ..self }
    }

    const fn is_nobodys(&self) -> bool {
        matches!(self.asset, Some(AssetKey::Declared(number)) if number >= NOBODIES)
    }
}

/// Numbers from which on no asset is declared.
const NOBODIES: u32 = 1 << 31;

/// What one flow update adds to a relation.
#[derive(Clone, Debug, PartialEq)]
struct Observation {
    relation: Relation,
    /// What is added.
    added: Totals,
    /// What the flow shows of remote management.
    session: Option<Box<Session>>,
    /// The threshold that is passed.
    volume: Option<VolumeInfo>,
}

/// What the detector is built from.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Monitored hosts.
    pub assets: Assets,
    /// Flagged countries.
    pub jurisdictions: Jurisdictions,
    /// Payload bytes an asset must have sent before an egress finding opens.
    pub egress_min_bytes: u64,
    /// A finding closes after this much packet time without anything new.
    pub finding_idle: Duration,
    /// What makes an encrypted flow behave like remote management.
    pub driven: DrivenOptions,
    /// Findings held at once; a further one closes the one that was silent longest.
    pub max_findings: usize,
    /// Accepted risks; no two have the same name.
    pub exceptions: Vec<Exception>,
    /// How much may be sent; the first that holds for an asset counts.
    pub thresholds: Vec<Threshold>,
    /// Ledgers held at once; a further one takes the place of the one that was silent longest.
    pub max_ledgers: usize,
}

/// What the detector counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DetectCounters {
    /// Findings opened.
    pub findings: u64,
    /// Findings closed early because there were too many.
    pub findings_evicted: u64,
    /// Flow updates told with those of many assets because there were too many findings for one of their own.
    pub crowded: u64,
    /// Ledgers given up because there were too many.
    pub ledgers_evicted: u64,
    /// Entries left out of the ledgers because their time is before what was kept of them.
    pub unbooked: u64,
    /// Alerts made.
    pub alerts: u64,
    /// Flow updates that added to a finding and caused no alert.
    pub suppressed: u64,
    /// What cannot be decided by looking.
    pub hidden: Hidden,
}

/// Ended flows of monitored hosts with remote ones whose content, name or partner cannot be seen; see `docs/limits.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// Encrypted: what was done in them is unknown.
    pub encrypted: u64,
    /// With an encrypted hello: the server's name is a cover.
    pub encrypted_hello: u64,
    /// Name resolution in TLS or QUIC: which names were asked is unknown.
    pub encrypted_dns: u64,
    /// Tunnels, VPNs and remote-support tools: who is behind them is unknown.
    pub relayed: u64,
    /// Through a proxy outside: where it went from there is only what the proxy was asked for.
    pub proxied: u64,
}

impl Hidden {
    fn count(&mut self, judged: &Judged<'_>) {
        let update = judged.update;
        let is_external = matches!(judged.direction, Direction::Inbound | Direction::Outbound);
        if !update.cause.is_end() || !is_external || !update.answered {
            return;
        }
        let facts = update.facts.as_deref();
        self.encrypted += u64::from(update.application.is_some_and(is_encrypted));
        self.encrypted_hello += u64::from(facts.is_some_and(|facts| facts.encrypted_hello));
        self.encrypted_dns += u64::from(facts.is_some_and(|facts| facts.encrypted_dns.is_some()));
        self.relayed += u64::from(judged.tool().is_some());
        self.proxied += u64::from(judged.is_proxied());
    }
}

/// True where nobody can look into a flow of `protocol`.
fn is_encrypted(protocol: &str) -> bool {
    matches!(protocol, "tls" | "quic" | "dtls" | "ssh" | "rdp")
}

/// Judges flow updates and keeps the findings.
pub struct Detector {
    policy: Policy,
    state: State,
}

/// What the detector remembers.
#[derive(Default)]
struct State {
    books: Books,
    /// Flagged flows that live.
    live: Lives,
    tries: Tries,
    requests: Requests,
    hidden: Hidden,
    /// What the front counted, and what ended flows showed.
    frames: Coverage,
    flows: Coverage,
    kept: Kept,
    parked: Parked,
}

/// What is known of every relation.
#[derive(Default)]
struct Books {
    findings: Findings,
    ledgers: Ledgers,
}

impl Books {
    /// Enters what was seen in the ledger and in its finding.
    fn note(&mut self, observation: &Observation, subject: &Subject<'_>, policy: &Policy, out: &mut Vec<Alert>) {
        let (first, passed) = volume::book(observation, subject, policy, &mut self.ledgers);
        self.findings.add(observation, first, subject, policy, out);
        if let Some(passed) = passed {
            self.findings.add(&passed, FirstContact::default(), subject, policy, out);
        }
    }
}

impl Detector {
    /// With nothing found yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Detector { policy, state: State::default() }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Goes on by another policy and other catalogues, with everything that is known: what comes next is judged by them.
    /// Findings and ledgers of what is no longer there are as after a restart: see `saved.rs`.
    pub fn reload(&mut self, policy: Policy, before: &Attributor, attributor: &Attributor) {
        let former = std::mem::replace(&mut self.policy, policy);
        let names = Translation::new(&former, before, &self.policy, attributor);
        self.state.books.findings.translate(|relation| names.relation(relation), &self.policy);
        let ledgers = &mut self.state.books.ledgers;
        let unknown = ledgers.translate(|key| names.ledger(key), |key| names.former_ledger(key));
        let unknown = unknown.into_iter().filter_map(|(key, ledger)| Some((names.former_ledger(&key)?, ledger)));
        self.state.parked.take_up(names.names(), ledgers);
        self.state.parked.park(unknown, self.policy.max_ledgers);
    }

    /// Looks at a flow update, and appends the alerts it causes.
    pub fn observe(&mut self, judged: &Judged<'_>, out: &mut Vec<Alert>) {
        let Detector { policy, state } = self;
        state.cover(judged.update);
        state.books.findings.advance(judged.update.at, |alert| out.push(alert));
        device::observe(judged, policy, &mut state.books.findings, out);
        match Subject::of(judged, policy) {
            Some(subject) => state.judge(&subject, policy, out),
            None => state.judge_behind_relay(judged, policy, out),
        }
        state.hidden.count(judged);
        if judged.update.cause.is_end() {
            state.live.end(judged.update.flow);
        }
    }

    /// Looks at a flow update that the [`Screen`] let pass: time goes on, and what its flow showed of the capture counts.
    pub fn pass(&mut self, update: &FlowUpdate, out: &mut Vec<Alert>) {
        self.state.cover(update);
        self.state.books.findings.advance(update.at, |alert| out.push(alert));
        if update.cause.is_end() {
            self.state.live.end(update.flow);
        }
    }

    /// Takes over what the front has counted by `at`.
    pub fn cover(&mut self, at: Timestamp, frames: Coverage) {
        self.state.frames = frames;
        self.state.books.findings.cover(at, frames.and(self.state.flows));
    }

    /// Closes findings whose time is over at `now`, where nothing is seen that would.
    pub fn advance_to(&mut self, now: Timestamp, tell: impl FnMut(Alert)) {
        self.state.books.findings.advance(now, tell);
    }

    /// Closes every finding, in the order of their relations: the replay is over.
    pub fn finish(&mut self, at: Timestamp, tell: impl FnMut(Alert)) {
        self.state.books.findings.finish(at, tell);
    }

    /// Findings that are open, and ledgers that are kept.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.state.books.findings.len(), self.state.books.ledgers.len())
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> DetectCounters {
        let ledgers_evicted = self.state.books.ledgers.evicted;
        let unbooked = self.state.books.ledgers.unbooked;
        DetectCounters { hidden: self.state.hidden, ledgers_evicted, unbooked, ..self.state.books.findings.counters }
    }
}

impl State {
    /// Counts what an ended flow shows of the capture.
    fn cover(&mut self, update: &FlowUpdate) {
        if !update.cause.is_end() {
            return;
        }
        let ended = Coverage {
            missed_bytes: update.initiator.missed_bytes.saturating_add(update.responder.missed_bytes),
            one_sided_flows: u64::from(update.one_sided),
            ..Coverage::default()
        };
        if ended != Coverage::default() {
            self.flows = self.flows.and(ended);
            self.books.findings.coverage = self.frames.and(self.flows);
        }
    }

    fn judge(&mut self, subject: &Subject<'_>, policy: &Policy, out: &mut Vec<Alert>) {
        if !subject.judged.update.answered {
            self.requests.keep(subject);
            if let Some(attempt) = attempt::unanswered(subject).filter(|_| !self.requests.is_answered(subject)) {
                self.books.note(&attempt, subject, policy, out);
            }
            return;
        }
        let live = self.live.of(subject.judged.update);
        let shown = management::shown(subject, subject.judged.tool(), policy.driven);
        let is_answer = shown.is_none();
        let shown = shown.or_else(|| self.requests.answered_by(subject)).or_else(|| live.resumed_session(subject));
        match shown {
            Some(Shown::Session(session)) => {
                let mut observation = managed(subject, session, live, &self.tries);
                if is_answer {
                    observation.added.inbound_flows = observation.added.flows;
                }
                self.books.note(&observation, subject, policy, out);
            }
            Some(Shown::LoginFailed) if std::mem::replace(&mut live.is_login, true) => {}
            Some(Shown::LoginFailed) => {
                let refused = subject.judged.update.dealings.as_ref().map_or(1, |dealings| dealings.refused.max(1));
                self.tries.failed(subject.remote.endpoint.address, refused);
                self.books.note(&attempt::failed_login(subject), subject, policy, out);
            }
            None => {}
        }
        let egress = egress::judge(subject, live);
        let is_nothing = !live.is_login && live.via.is_none() && !live.egress.has_counted();
        let brief = if is_nothing { attempt::brief(subject) } else { None };
        for observation in egress.into_iter().chain(brief) {
            self.books.note(&observation, subject, policy, out);
        }
    }

    /// A relay may be anywhere; whoever is behind it may be in a flagged place.
    fn judge_behind_relay(&mut self, judged: &Judged<'_>, policy: &Policy, out: &mut Vec<Alert>) {
        let Some(dealings) = judged.update.dealings.as_deref().filter(|_| judged.update.answered) else { return };
        for peer in &dealings.peers {
            let attribution = judged.attribute(peer.ip());
            if let Some(subject) = Subject::behind(judged, *peer, &attribution, policy) {
                let live = self.live.of(judged.update);
                if let Some(observation) = egress::judge(&subject, live) {
                    return self.books.note(&observation, &subject, policy, out);
                }
            }
        }
    }
}

/// What a session adds to the finding of remote management.
fn managed(subject: &Subject<'_>, mut session: Box<Session>, live: &mut Live, tries: &Tries) -> Observation {
    session.failed_before = session.failed_before.saturating_add(tries.of(subject.remote.endpoint.address));
    // A flow that shows itself more surely later is one session still.
    let via =
        live.via.map_or(session.via, |before| if session.via.class < before.class { session.via } else { before });
    if live.via.is_some_and(|before| before != via) {
        live.managed = live::Counted::default();
    }
    live.via = Some(via);
    live.is_login |= subject.is_inbound() && via.class == Class::A;
    session.via = via;
    let relation = Relation {
        activity: Activity::Management(via),
        asset: Some(subject.asset),
        jurisdiction: subject.jurisdiction,
        entity: subject.entity(),
        accepted: None,
    };
    let added = Totals { commands: live.managed.count_commands(session.commands), ..live.managed.count(subject) };
    Observation { relation, added, session: Some(session), volume: None }
}
