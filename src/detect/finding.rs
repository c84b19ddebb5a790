//! The findings there are, and the life of one.

use std::collections::{BTreeSet, HashMap};

use crate::attribute::{Attribution, Said, Strength};
use crate::flow::{CommunityId, Exchanges, Party};
use crate::inspect::Login;
use crate::net::Timestamp;

use super::management::Session;
use super::{
    Activity, Alert, AssetInfo, DetectCounters, DeviceInfo, Direction, Entity, EvidenceInfo, Factors, FlowInfo,
    JurisdictionInfo, ManagementInfo, Observation, PartyInfo, Policy, Relation, Severity, StableId, Step, Subject,
    Totals, Via,
};

/// Pieces of evidence one finding lists at most; the relation's remote addresses may be many.
const MAX_EVIDENCE: usize = 16;

/// One finding per relation, bounded by the policy.
#[derive(Default)]
pub(super) struct Findings {
    by_relation: HashMap<Relation, Finding>,
    /// When each finding closes unless something is added.
    deadlines: BTreeSet<(Timestamp, Relation)>,
    pub(super) counters: DetectCounters,
}

impl Findings {
    /// Adds an observation to its finding.
    pub(super) fn add(
        &mut self,
        observation: &Observation,
        subject: &Subject<'_>,
        policy: &Policy,
        out: &mut Vec<Alert>,
    ) {
        let (relation, at) = (observation.relation, subject.judged.update.at);
        if !self.by_relation.contains_key(&relation) {
            self.rename(relation, subject);
        }
        if !self.by_relation.contains_key(&relation) {
            self.make_room(policy, at, out);
        }
        let finding = self.by_relation.entry(relation).or_insert_with(|| Finding::new(relation, subject, policy));
        self.deadlines.remove(&(finding.deadline, relation));
        finding.deadline = at.after(policy.finding_idle);
        self.deadlines.insert((finding.deadline, relation));
        match finding.absorb(observation, subject, policy) {
            Some(alert) => {
                self.counters.findings += u64::from(alert.step == Step::Opened);
                self.counters.alerts += 1;
                out.push(alert);
            }
            None => self.counters.suppressed += u64::from(finding.is_open()),
        }
    }

    /// A flow that shows its owner only later began under the network: where that finding is about nothing but this flow,
    /// it is the finding of the owner from now on.
    fn rename(&mut self, relation: Relation, subject: &Subject<'_>) {
        let Entity::Owner(_) = relation.entity else { return };
        let earlier = subject.entity_of_address();
        let former = Relation { entity: earlier, ..relation };
        let is_of_flow = |finding: &Finding| finding.only_flow == Some(subject.judged.update.flow);
        if earlier == relation.entity || !self.by_relation.get(&former).is_some_and(is_of_flow) {
            return;
        }
        if let Some(mut finding) = self.by_relation.remove(&former) {
            self.deadlines.remove(&(finding.deadline, former));
            finding.rename(relation, subject);
            self.deadlines.insert((finding.deadline, relation));
            self.by_relation.insert(relation, finding);
        }
    }

    /// Closes the finding that was silent longest when there are too many.
    fn make_room(&mut self, policy: &Policy, at: Timestamp, out: &mut Vec<Alert>) {
        if self.by_relation.len() < policy.max_findings {
            return;
        }
        if let Some((_, relation)) = self.deadlines.pop_first() {
            self.counters.findings_evicted += 1;
            self.close(relation, at, out);
        }
    }

    /// Closes findings whose time is over at `now`.
    pub(super) fn advance(&mut self, now: Timestamp, out: &mut Vec<Alert>) {
        while let Some(&(deadline, relation)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            self.close(relation, deadline, out);
        }
    }

    /// Closes every finding, in the order of their relations.
    pub(super) fn finish(&mut self, at: Timestamp, out: &mut Vec<Alert>) {
        self.advance(at, out);
        let mut relations: Vec<Relation> = self.by_relation.keys().copied().collect();
        relations.sort_unstable();
        for relation in relations {
            self.close(relation, at, out);
        }
        self.deadlines.clear();
    }

    fn close(&mut self, relation: Relation, at: Timestamp, out: &mut Vec<Alert>) {
        if let Some(alert) = self.by_relation.remove(&relation).and_then(|finding| finding.close(at)) {
            self.counters.alerts += 1;
            out.push(alert);
        }
    }
}

/// A relation seen, and what it amounts to so far.
struct Finding {
    deadline: Timestamp,
    relation: Relation,
    id: StableId,
    direction: Direction,
    asset: Option<AssetInfo>,
    jurisdiction: JurisdictionInfo,
    asn: Option<u32>,
    entity: Option<String>,
    strength: Strength,
    severity: Severity,
    evidence: Vec<EvidenceInfo>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    totals: Totals,
    management: Option<ManagementInfo>,
    suppressed: u64,
    /// Number of the next alert; 0 while not open.
    next_number: u32,
    /// Growth at which the next alert is due.
    next_growth: u64,
    /// The flow that added last; `None` while not open.
    flow: Option<FlowInfo>,
    /// The flow that all of it is about, while there is only one.
    only_flow: Option<u64>,
    /// Whether the entity has become more specific since the last alert.
    is_renamed: bool,
}

impl Finding {
    /// A finding that has not opened yet.
    fn new(relation: Relation, subject: &Subject<'_>, policy: &Policy) -> Self {
        let asset = relation.asset.map(|key| asset_info(key, policy));
        let place = subject.attribution.place;
        let (asn, entity) = match relation.entity {
            Entity::Owner(_) => (place.asn, subject.owner.map(|owner| owner.name.to_owned())),
            Entity::Network(asn) => (Some(asn), place.organization.map(str::to_owned)),
            Entity::UnknownNetwork | Entity::Many => (None, None),
        };
        let jurisdiction = JurisdictionInfo {
            country: relation.jurisdiction,
            risk: subject.flag.risk,
            basis: subject.flag.basis.clone(),
        };
        let update = subject.judged.update;
        let mut finding = Finding {
            deadline: update.at,
            relation,
            id: identity(&relation, asset.as_ref(), entity.as_deref(), update.first_seen),
            direction: subject.judged.direction,
            asset,
            jurisdiction,
            asn,
            entity,
            strength: subject.strength,
            severity: Severity { score: 0, reasons: Vec::new() },
            evidence: Vec::new(),
            first_seen: update.first_seen,
            last_seen: update.last_seen,
            totals: Totals::default(),
            management: None,
            suppressed: 0,
            next_number: 0,
            next_growth: match relation.activity {
                Activity::Egress => policy.egress_min_bytes.max(1),
                Activity::Attempt | Activity::Device | Activity::Management(_) | Activity::LoginFailed => 1,
            },
            flow: None,
            only_flow: Some(update.flow),
            is_renamed: false,
        };
        finding.weigh(policy);
        finding
    }

    /// True between the first alert and the last.
    fn is_open(&self) -> bool {
        self.next_number > 0
    }

    /// Adds an observation, and says what it makes known.
    fn absorb(&mut self, observation: &Observation, subject: &Subject<'_>, policy: &Policy) -> Option<Alert> {
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
        let acted = observation.session.as_deref().is_some_and(|session| self.learn_session(session, added.commands));
        let worse = self.learn(subject, policy, acted) | std::mem::take(&mut self.is_renamed) | acted;
        let grown = self.growth() >= self.next_growth;
        let news = grown || worse && self.is_open();
        if !news && !self.is_open() {
            return None;
        }
        let flow = flow_info(subject);
        self.flow = Some(flow.clone());
        if !news {
            self.suppressed += 1;
            return None;
        }
        self.next_growth = self.growth().saturating_mul(self.news_factor());
        if let Some(asset) = &mut self.asset {
            asset.device = device_info(subject);
        }
        let step = if self.is_open() { Step::Updated } else { Step::Opened };
        Some(self.alert(step, update.at, flow))
    }

    /// Goes on under a more specific owner; its identity stays.
    fn rename(&mut self, relation: Relation, subject: &Subject<'_>) {
        self.relation = relation;
        self.entity = subject.owner.map(|owner| owner.name.to_owned());
        self.is_renamed = true;
    }

    /// The last alert; `None` where the finding never opened.
    fn close(mut self, at: Timestamp) -> Option<Alert> {
        let flow = self.flow.take()?;
        Some(self.alert(Step::Closed, at, flow))
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
        }
    }

    /// Takes over what a session shows, and says whether it is something new: a kind of command not seen before, a login
    /// that was granted.
    fn learn_session(&mut self, session: &Session, added: [u64; 4]) -> bool {
        let Activity::Management(via) = self.relation.activity else { return false };
        let info = self.management.get_or_insert_with(|| ManagementInfo::new(via));
        let before = self.totals.commands.iter().zip(added).map(|(total, added)| total - added);
        let first = before.zip(added).any(|(before, added)| before == 0 && added > 0);
        let granted = session.login > info.login && session.login == Some(Login::Granted);
        info.learn(session);
        first || granted
    }

    /// Takes over the evidence, and says whether the severity rose; `again` where it must be weighed again.
    fn learn(&mut self, subject: &Subject<'_>, policy: &Policy, again: bool) -> bool {
        for item in subject.attribution.evidence() {
            match self.evidence.iter().position(|seen| seen.is_of(&item)) {
                Some(place) => {
                    if let Some(seen) = self.evidence.get_mut(place) {
                        seen.strength = seen.strength.max(item.strength);
                    }
                }
                None if self.evidence.len() < MAX_EVIDENCE => self.evidence.push(EvidenceInfo::of(&item, subject)),
                None => {}
            }
        }
        if subject.strength <= self.strength && !again {
            return false;
        }
        self.strength = self.strength.max(subject.strength);
        let before = self.severity.score;
        self.weigh(policy);
        self.severity.score > before
    }

    fn weigh(&mut self, policy: &Policy) {
        self.severity = Severity::of(&Factors {
            activity: self.relation.activity,
            direction: self.direction,
            commands: self.totals.commands,
            logged_in: self.management.as_ref().is_some_and(|info| info.login == Some(Login::Granted)),
            failed_before: self.management.as_ref().map_or(0, |info| info.failed_before),
            criticality: self.relation.asset.map(|key| policy.assets.criticality(key)),
            strength: self.strength,
            risk: self.jurisdiction.risk,
            basis: &self.jurisdiction.basis,
            jurisdiction: self.jurisdiction.country.name(),
        });
    }

    fn alert(&mut self, step: Step, at: Timestamp, flow: FlowInfo) -> Alert {
        let number = self.next_number;
        self.next_number += 1;
        Alert {
            id: StableId::of(&["alert", self.id.as_str(), step.as_str(), &number.to_string()]),
            finding: self.id.clone(),
            step,
            number,
            at,
            activity: self.relation.activity,
            asset: self.asset.clone(),
            jurisdiction: self.jurisdiction.clone(),
            asn: self.asn,
            entity: self.entity.clone(),
            severity: self.severity.clone(),
            evidence: self.evidence.clone(),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            totals: self.totals,
            management: self.management.clone(),
            suppressed: std::mem::take(&mut self.suppressed),
            flow,
        }
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

/// The identity of a finding: its relation, and when it was first seen, since a relation may come again.
fn identity(relation: &Relation, asset: Option<&AssetInfo>, owner: Option<&str>, first_seen: Timestamp) -> StableId {
    let entity = match relation.entity {
        Entity::Owner(_) => owner.unwrap_or_default().to_owned(),
        Entity::Network(asn) => format!("AS{asn}"),
        Entity::UnknownNetwork => "unknown".to_owned(),
        Entity::Many => "many".to_owned(),
    };
    StableId::of(&[
        "finding",
        relation.activity.id(),
        &relation.activity.via().map_or_else(String::new, |via| format!("{} {}", via.class.as_str(), via.protocol)),
        asset.map_or("", |asset| &asset.name),
        &relation.jurisdiction.to_string(),
        &entity,
        &first_seen.to_string(),
    ])
}

fn asset_info(key: super::AssetKey, policy: &Policy) -> AssetInfo {
    let declaration = policy.assets.declaration(key);
    AssetInfo {
        name: policy.assets.name(key).into_owned(),
        declared: declaration.is_some(),
        sector: declaration.and_then(|asset| asset.sector.clone()),
        criticality: policy.assets.criticality(key),
        supplier: declaration.and_then(|asset| asset.supplier.clone()),
        owner: declaration.and_then(|asset| asset.owner.clone()),
        device: None,
    }
}

/// What is known of the asset's device by now; `None` where nothing.
fn device_info(subject: &Subject<'_>) -> Option<DeviceInfo> {
    let known = subject.judged.neighbour(subject.home);
    let maker = known.device.and_then(|device| device.maker);
    let text = |pick: fn(&Said) -> Option<&String>| known.said.and_then(pick).cloned();
    let info = DeviceInfo {
        mac: known.mac,
        registrant: known.device.map(|device| device.registrant.to_owned()),
        vendor: maker.map(|maker| maker.vendor.to_string()),
        class: maker.map(|maker| maker.device_class.to_string()),
        name: text(|said| said.name.as_ref()),
        model: text(|said| said.model.as_ref()),
        announced_by: known.said.map(|said| said.by),
    };
    (known.device.is_some() || known.said.is_some()).then_some(info)
}

fn flow_info(subject: &Subject<'_>) -> FlowInfo {
    let (judged, update) = (subject.judged, subject.judged.update);
    FlowInfo {
        initiator: party_info(&update.initiator, &judged.initiator),
        responder: party_info(&update.responder, &judged.responder),
        protocol: update.protocol,
        domain: judged.domain().map(|(basis, name)| (basis, name.to_owned())),
        community_id: CommunityId::new(
            update.initiator.endpoint,
            update.responder.endpoint,
            update.protocol,
            update.one_way,
        ),
        direction: judged.direction,
        peer: subject.peer,
        update: update.clone(),
    }
}

fn party_info(party: &Party, attribution: &Attribution<'_>) -> PartyInfo {
    PartyInfo {
        endpoint: party.endpoint,
        mac: party.mac,
        ip_bytes: party.total.ip_bytes,
        packets: party.total.packets,
        country: attribution.place.country,
        asn: attribution.place.asn,
        organization: attribution.place.organization.map(str::to_owned),
    }
}
