//! The life of one finding: what adds to it, when that is news, and what it tells.

use std::sync::Arc;

use crate::attribute::Strength;
use crate::flow::Exchanges;
use crate::inspect::Login;
use crate::net::Timestamp;

use super::management::Session;
use super::severity::Weight;
use super::shared::Shared;
use super::told::{LastFlow, asset_info, device_info, identity};
use super::{
    Activity, Alert, AssetInfo, Coverage, Direction, Entity, EvidenceInfo, ExceptionInfo, Factors, FirstContact,
    JurisdictionInfo, ManagementInfo, Observation, Policy, Relation, Severity, StableId, Standing, Step, Subject,
    Totals, Via, VolumeInfo,
};

/// Pieces of evidence one finding lists at most; the relation's remote addresses may be many.
const MAX_EVIDENCE: usize = 16;

/// A relation seen, and what it amounts to so far.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Finding {
    pub(super) deadline: Timestamp,
    /// The deadline it is queued for: not after `deadline`, see `slots.rs`.
    #[serde(skip)]
    pub(super) queued: Timestamp,
    /// Kept by its names, since places in a configuration change.
    #[serde(skip, default = "Relation::unknown")]
    pub(super) relation: Relation,
    pub(super) id: StableId,
    direction: Direction,
    asset: Option<Arc<AssetInfo>>,
    jurisdiction: JurisdictionInfo,
    asn: Option<u32>,
    entity: Option<Arc<str>>,
    strength: Strength,
    severity: Arc<Severity>,
    evidence: Vec<Arc<EvidenceInfo>>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    totals: Totals,
    management: Option<Box<ManagementInfo>>,
    suppressed: u64,
    /// Number of the next alert; 0 while not open.
    next_number: u32,
    /// Growth at which the next alert is due.
    next_growth: u64,
    /// The flow that added last; `None` while not open.
    flow: Option<LastFlow>,
    /// The flow that all of it is about, while there is only one.
    pub(super) only_flow: Option<u64>,
    /// Whether entity, asset or severity have changed since the last alert by what no observation shows.
    is_renamed: bool,
    /// The exception that matches, or did.
    exception: Option<Arc<ExceptionInfo>>,
    pub(super) first_contact: FirstContact,
    /// The threshold that is passed by most.
    volume: Option<VolumeInfo>,
    /// What the capture showed before it began; of a finding that was kept, before it was taken up again.
    #[serde(skip)]
    covered_from: Coverage,
    /// What it showed until the finding was kept.
    covered_before: Coverage,
}

impl Finding {
    /// A finding that has not opened yet.
    pub(super) fn new(
        relation: Relation,
        subject: &Subject<'_>,
        policy: &Policy,
        covered_from: Coverage,
        shared: &mut Shared,
    ) -> Self {
        let asset = relation.asset.map(|key| asset_info(key, policy));
        let place = subject.attribution.place;
        let (asn, entity) = match relation.entity {
            Entity::Owner(_) => (place.asn, subject.owner.map(|owner| owner.name)),
            Entity::Network(asn) => (Some(asn), place.organization),
            Entity::UnknownNetwork | Entity::Many => (None, None),
        };
        let jurisdiction = JurisdictionInfo {
            country: relation.jurisdiction,
            risk: subject.flag.risk,
            basis: Arc::clone(&subject.flag.basis),
        };
        let update = subject.judged.update;
        let exception = relation.accepted.and_then(|number| policy.exceptions.get(number as usize));
        let exception = exception.map(|exception| exception.name.as_str());
        let mut finding = Finding {
            deadline: update.at,
            queued: update.at,
            relation,
            id: identity(&relation, asset.as_ref(), entity, exception, update.at),
            direction: subject.judged.direction,
            asset: asset.map(Arc::new),
            jurisdiction,
            asn,
            entity: entity.map(|name| shared.text(name)),
            strength: subject.strength,
            severity: Arc::default(),
            evidence: Vec::new(),
            first_seen: update.first_seen,
            last_seen: update.last_seen,
            totals: Totals::default(),
            management: None,
            suppressed: 0,
            next_number: 0,
            next_growth: match relation.activity {
                Activity::Egress => policy.egress_min_bytes.max(1),
                Activity::Attempt
                | Activity::Device
                | Activity::Management(_)
                | Activity::LoginFailed
                | Activity::Volume => 1,
            },
            flow: None,
            only_flow: Some(update.flow),
            is_renamed: false,
            exception: None,
            first_contact: FirstContact::default(),
            volume: None,
            covered_from,
            covered_before: Coverage::default(),
        };
        finding.weigh(policy, shared);
        finding
    }

    /// True between the first alert and the last.
    pub(super) fn is_open(&self) -> bool {
        self.next_number > 0
    }

    /// Adds an observation, and says what it makes known.
    pub(super) fn absorb(
        &mut self,
        observation: &Observation,
        subject: &Subject<'_>,
        policy: &Policy,
        shared: &mut Shared,
    ) -> Option<Alert> {
        let (update, added) = (subject.judged.update, observation.added);
        self.first_seen = self.first_seen.min(update.first_seen);
        self.last_seen = self.last_seen.max(update.last_seen);
        self.totals.sent_bytes += added.sent_bytes;
        self.totals.received_bytes += added.received_bytes;
        self.totals.flows += added.flows;
        self.totals.inbound_flows += added.inbound_flows;
        for (total, added) in self.totals.commands.iter_mut().zip(added.commands) {
            *total += added;
        }
        self.only_flow = self.only_flow.filter(|flow| *flow == update.flow);
        let wider = observation.volume.is_some_and(|volume| self.learn_volume(volume));
        let acted = observation.session.as_deref().is_some_and(|session| self.learn_session(session, added.commands));
        let worse = self.learn(subject, policy, acted, shared) | std::mem::take(&mut self.is_renamed) | acted | wider;
        let grown = self.growth() >= self.next_growth;
        let news = grown || worse && self.is_open();
        if !news && !self.is_open() {
            return None;
        }
        self.flow = Some(LastFlow::of(subject, shared));
        if !news {
            self.suppressed += 1;
            return None;
        }
        self.next_growth = self.growth().saturating_mul(self.news_factor());
        if let Some(asset) = &mut self.asset {
            let device = device_info(subject);
            if asset.device.as_deref() != device.as_ref() {
                Arc::make_mut(asset).device = device.map(Box::new);
            }
        }
        let step = if self.is_open() { Step::Updated } else { Step::Opened };
        self.alert(step, update.at)
    }

    /// Takes over how an exception stands to it, and what that means for its severity.
    pub(super) fn consider(&mut self, standing: Option<(u32, Standing)>, policy: &Policy, shared: &mut Shared) {
        let Some((number, standing)) = standing else { return };
        let Some(exception) = policy.exceptions.get(number as usize) else { return };
        if self.exception.as_ref().is_some_and(|it| it.standing == standing && it.name == exception.name) {
            return;
        }
        self.exception = Some(Arc::new(ExceptionInfo::of(exception, standing)));
        self.weigh(policy, shared);
    }

    /// As it is kept at a time when the capture has shown `coverage`.
    pub(super) fn to_keep(&self, coverage: Coverage) -> Finding {
        Finding { covered_before: self.covered(coverage), ..self.clone() }
    }

    /// Goes on with what was kept of it: flows are numbered anew in each run.
    pub(super) fn taken_up(self) -> Finding {
        Finding { only_flow: None, ..self }
    }

    /// Goes on under `relation` by a policy that may be another: what that says of the asset, the jurisdiction and the
    /// exception counts from now on. Says whether that is new to an open finding. A better known asset and a graver severity
    /// are news for the next alert. What is nobody's stays as it is.
    pub(super) fn adapt(&mut self, relation: Relation, policy: &Policy, shared: &mut Shared) -> bool {
        self.relation = relation;
        if relation.is_nobodys() {
            return false;
        }
        if !self.is_open() && relation.activity == Activity::Egress {
            self.next_growth = policy.egress_min_bytes.max(1);
        }
        let device = self.asset.as_ref().and_then(|asset| asset.device.clone());
        let asset = relation.asset.map(|key| Arc::new(AssetInfo { device, ..asset_info(key, policy) }));
        let flag = policy.jurisdictions.flag(relation.jurisdiction);
        let flag = flag.filter(|flag| flag.risk != self.jurisdiction.risk || flag.basis != self.jurisdiction.basis);
        let exception = self.exception.as_ref().and_then(|info| {
            let named = policy.exceptions.iter().find(|exception| exception.name == info.name)?;
            Some(Arc::new(ExceptionInfo::of(named, info.standing)))
        });
        if asset == self.asset && flag.is_none() && exception == self.exception {
            return false;
        }
        let name = |asset: &Option<Arc<AssetInfo>>| asset.as_ref().map(|asset| asset.name.clone());
        self.is_renamed |= name(&asset) != name(&self.asset);
        let before = self.severity.score;
        (self.asset, self.exception) = (asset, exception);
        if let Some(flag) = flag {
            (self.jurisdiction.risk, self.jurisdiction.basis) = (flag.risk, Arc::clone(&flag.basis));
        }
        self.weigh(policy, shared);
        self.is_renamed |= self.severity.score > before;
        self.is_open()
    }

    /// What the capture shows of the time of the finding; `coverage` is all it has shown so far.
    pub(super) fn covered(&self, coverage: Coverage) -> Coverage {
        self.covered_before.and(coverage.since(self.covered_from))
    }

    /// Goes on under a more specific owner; its identity stays.
    pub(super) fn rename(&mut self, relation: Relation, subject: &Subject<'_>, shared: &mut Shared) {
        self.relation = relation;
        self.entity = subject.owner.map(|owner| shared.text(owner.name));
        self.is_renamed = true;
    }

    /// The last alert; `None` where the finding never opened.
    pub(super) fn close(mut self, at: Timestamp) -> Option<Alert> {
        self.alert(Step::Closed, at)
    }

    /// By how much a finding grows until that is news: what every host on the Internet sees all day must grow more.
    const fn news_factor(&self) -> u64 {
        if self.relation.asset.is_some() { 10 } else { 100 }
    }

    /// What the finding is measured by.
    fn growth(&self) -> u64 {
        match self.relation.activity {
            Activity::Egress => self.totals.sent_bytes,
            Activity::Attempt | Activity::LoginFailed | Activity::Management(_) => self.totals.flows,
            Activity::Device => self.totals.flows.min(1),
            Activity::Volume => self.volume.map_or(0, |volume| volume.ratio()),
        }
    }

    /// Takes over by how much a threshold is passed, and says whether that is a longer window than before.
    fn learn_volume(&mut self, volume: VolumeInfo) -> bool {
        let before = self.volume.replace(volume);
        before.is_some_and(|before| volume.window > before.window)
    }

    /// Takes over what a session shows, and says whether it is something new: a kind of command not seen before, a login
    /// that was granted.
    fn learn_session(&mut self, session: &Session, added: [u64; 4]) -> bool {
        let Activity::Management(via) = self.relation.activity else { return false };
        let info = self.management.get_or_insert_with(|| Box::new(ManagementInfo::new(via)));
        let before = self.totals.commands.iter().zip(added).map(|(total, added)| total - added);
        let first = before.zip(added).any(|(before, added)| before == 0 && added > 0);
        let granted = session.login > info.login && session.login == Some(Login::Granted);
        info.learn(session);
        first || granted
    }

    /// Takes over the evidence, and says whether the severity rose; `again` where it must be weighed again.
    fn learn(&mut self, subject: &Subject<'_>, policy: &Policy, again: bool, shared: &mut Shared) -> bool {
        for item in subject.attribution.evidence() {
            match self.evidence.iter().position(|seen| seen.is_of(&item)) {
                Some(place) => {
                    if let Some(seen) = self.evidence.get_mut(place).filter(|seen| seen.strength < item.strength) {
                        Arc::make_mut(seen).strength = item.strength;
                    }
                }
                None if self.evidence.len() < MAX_EVIDENCE => {
                    self.evidence.push(shared.evidence(&item, subject.attribution.place.asn));
                }
                None => {}
            }
        }
        if subject.strength <= self.strength && !again {
            return false;
        }
        self.strength = self.strength.max(subject.strength);
        let before = self.severity.score;
        self.weigh(policy, shared);
        self.severity.score > before
    }

    fn weigh(&mut self, policy: &Policy, shared: &mut Shared) {
        let (jurisdiction, exception) = (&self.jurisdiction, self.exception.as_ref());
        let factors = Factors {
            activity: self.relation.activity,
            direction: self.direction,
            commands: self.totals.commands,
            logged_in: self.management.as_ref().is_some_and(|info| info.login == Some(Login::Granted)),
            failed_before: self.management.as_ref().map_or(0, |info| info.failed_before),
            criticality: self.relation.asset.map(|key| policy.assets.criticality(key)),
            strength: self.strength,
            risk: jurisdiction.risk,
            basis: &jurisdiction.basis,
            jurisdiction: "",
            exception: None,
        };
        let weight = Weight::of(&factors, jurisdiction.country, &jurisdiction.basis, exception);
        self.severity = shared.severity(weight);
    }

    /// `None` where nothing was told of it yet.
    fn alert(&mut self, step: Step, at: Timestamp) -> Option<Alert> {
        let flow = Box::new(self.flow.as_ref()?.info());
        let number = self.next_number;
        self.next_number += 1;
        let when = at.rfc3339();
        let when = std::str::from_utf8(&when).unwrap_or_default();
        Some(Alert {
            id: StableId::of(&["alert", self.id.as_str(), step.as_str(), &number.to_string(), when]),
            finding: self.id,
            step,
            number,
            at,
            activity: self.relation.activity,
            asset: self.asset.clone(),
            jurisdiction: self.jurisdiction.clone(),
            asn: self.asn,
            entity: self.entity.clone(),
            severity: Arc::clone(&self.severity),
            evidence: self.evidence.clone(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            totals: self.totals,
            management: self.management.clone(),
            suppressed: std::mem::take(&mut self.suppressed),
            exception: self.exception.clone(),
            first_contact: self.first_contact,
            volume: self.volume,
            coverage: Coverage::default(),
            flow,
        })
    }
}

/// Functions and details kept of all sessions of a finding.
const MAX_FUNCTIONS: usize = 16;

impl ManagementInfo {
    fn new(via: Via) -> Self {
        ManagementInfo {
            via,
            tool: None,
            login: None,
            failed_before: 0,
            functions: Vec::new(),
            details: Vec::new(),
            exchanges: Exchanges::default(),
        }
    }

    fn learn(&mut self, session: &Session) {
        self.tool = self.tool.take().or_else(|| session.tool.clone());
        self.login = self.login.max(session.login);
        self.failed_before = self.failed_before.max(session.failed_before);
        for function in &session.functions {
            if self.functions.len() < MAX_FUNCTIONS && !self.functions.contains(function) {
                self.functions.push(*function);
            }
        }
        for detail in &session.details {
            if self.details.len() < MAX_FUNCTIONS && !self.details.contains(detail) {
                self.details.push(detail.clone());
            }
        }
        if session.exchanges.answered > 0 {
            self.exchanges = session.exchanges;
        }
    }
}
