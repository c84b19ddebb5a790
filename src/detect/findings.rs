//! The findings there are: one per relation, each with its time to close.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::attribute::Basis;
use crate::net::Timestamp;

use super::finding::Finding;
use super::shared::Shared;
use super::slots::{Slot, Slots};
use super::{
    Activity, Alert, Coverage, DetectCounters, Entity, FirstContact, Observation, Policy, Relation, StableId, Standing,
    Step, Subject, exception,
};

/// Moments at which the coverage is remembered: a day of minutes.
const MOST_EARLIER: usize = 24 * 60;

/// Silence after which a finding may close early.
const SILENT_ENOUGH: Duration = Duration::from_secs(3_600);

/// One finding per relation, bounded by the policy.
#[derive(Default)]
pub(super) struct Findings {
    slots: Slots,
    shared: Shared,
    pub(super) counters: DetectCounters,
    /// What of the traffic the capture has shown so far.
    pub(super) coverage: Coverage,
    /// The same at earlier moments, oldest first.
    earlier: VecDeque<(Timestamp, Coverage)>,
    pub(super) changes: Changes,
    /// Relations of nobody that were given out.
    nobodies: u32,
}

/// What has changed since the findings were kept last.
#[derive(Default)]
pub(super) struct Changes {
    /// Whether anybody will ask.
    pub(super) are_kept: bool,
    /// Findings that have alerted since.
    pub(super) told: BTreeSet<Relation>,
    /// Findings that have only grown.
    pub(super) grown: BTreeSet<Relation>,
    /// Findings that are over.
    pub(super) over: Vec<(Activity, StableId)>,
}

impl Changes {
    fn note(&mut self, relation: Relation, is_told: bool) {
        if self.are_kept {
            let changed = if is_told { &mut self.told } else { &mut self.grown };
            changed.insert(relation);
        }
    }

    fn forget(&mut self, relation: &Relation) {
        self.told.remove(relation);
        self.grown.remove(relation);
    }

    fn end(&mut self, activity: Activity, finding: StableId) {
        if self.are_kept {
            self.over.push((activity, finding));
        }
    }
}

impl Findings {
    /// Adds an observation to its finding; `first` says who of the other side is new to the asset.
    pub(super) fn add(
        &mut self,
        observation: &Observation,
        first: FirstContact,
        subject: &Subject<'_>,
        policy: &Policy,
        out: &mut Vec<Alert>,
    ) {
        let at = subject.judged.update.at;
        let standing = exception::standing(subject, observation.relation.activity, policy);
        let accepted = standing.filter(|(_, standing)| *standing == Standing::Accepted).map(|(number, _)| number);
        let mut relation = Relation { accepted, ..observation.relation };
        let mut found = self.slots.find(&relation).or_else(|| self.rename(relation, subject));
        if found.is_none() && !self.has_room(relation, policy, at, out) {
            self.counters.crowded += 1;
            relation = Relation { asset: None, entity: Entity::Many, ..relation };
            found = self.slots.find(&relation);
        }
        let slot = found.unwrap_or_else(|| {
            let coverage = self.covered_until(subject.judged.update.first_seen);
            self.slots.insert(Box::new(Finding::new(relation, subject, policy, coverage, &mut self.shared)))
        });
        self.slots.defer(slot, at.after(policy.finding_idle));
        let Some(finding) = self.slots.get_mut(slot) else { return };
        finding.first_contact = finding.first_contact.or(first);
        finding.consider(standing, policy, &mut self.shared);
        match finding.absorb(observation, subject, policy, &mut self.shared) {
            Some(alert) => {
                self.counters.findings += u64::from(alert.step == Step::Opened);
                self.counters.alerts += 1;
                self.changes.note(relation, true);
                let covered = finding.covered(self.coverage);
                out.push(Alert { coverage: covered, ..alert });
            }
            None if finding.is_open() => {
                self.counters.suppressed += 1;
                self.changes.note(relation, false);
            }
            None => {}
        }
    }

    /// A flow that shows its owner only later began under the network: where that finding is about nothing but this flow,
    /// it is the finding of the owner from now on.
    fn rename(&mut self, relation: Relation, subject: &Subject<'_>) -> Option<Slot> {
        let Entity::Owner(_) = relation.entity else { return None };
        // Without a name the owner is that of the network from the beginning.
        if subject.attribution.evidence().all(|item| matches!(item.basis, Basis::Address | Basis::Asn)) {
            return None;
        }
        let earlier = subject.entity_of_address();
        let former = Relation { entity: earlier, ..relation };
        let slot = self.slots.find(&former).filter(|_| earlier != relation.entity)?;
        self.slots.get(slot).filter(|finding| finding.only_flow == Some(subject.judged.update.flow))?;
        let mut finding = self.slots.remove(slot)?;
        self.changes.forget(&former);
        finding.rename(relation, subject, &mut self.shared);
        Some(self.slots.insert(finding))
    }

    /// True where one more finding may be. When there are too many, the one that was silent longest makes room, but none
    /// that was silent for less than [`SILENT_ENOUGH`]: a finding that is closed today and opened again tomorrow is one, a
    /// thousand that take each other's place are a flood. Remote management has as much room again.
    fn has_room(&mut self, relation: Relation, policy: &Policy, at: Timestamp, out: &mut Vec<Alert>) -> bool {
        let most = match relation.activity {
            Activity::Management(_) => policy.max_findings.saturating_mul(2),
            Activity::Egress | Activity::Attempt | Activity::Device | Activity::LoginFailed | Activity::Volume => {
                policy.max_findings
            }
        };
        if relation.asset.is_none() || self.slots.len() < most {
            return true;
        }
        let silent_long = at.after(policy.finding_idle.saturating_sub(SILENT_ENOUGH));
        let Some(silent) = self.slots.next_due(silent_long) else { return false };
        self.counters.findings_evicted += 1;
        out.extend(self.close(silent, at));
        true
    }

    /// Takes note of what the capture has shown at `at`; several fronts tell it one after the other.
    pub(super) fn cover(&mut self, at: Timestamp, coverage: Coverage) {
        self.coverage = coverage;
        let is_begun = self.earlier.len() > 1;
        if let Some((_, known)) = self.earlier.back_mut().filter(|(last, _)| is_begun && at <= *last) {
            *known = coverage;
            return;
        }
        if self.earlier.len() == MOST_EARLIER {
            self.earlier.pop_front();
        }
        self.earlier.push_back((at, coverage));
    }

    /// What the capture had shown before `at`, as far as that is remembered.
    fn covered_until(&self, at: Timestamp) -> Coverage {
        let later = self.earlier.partition_point(|(time, _)| *time <= at);
        let before = later.checked_sub(1).or((!self.earlier.is_empty()).then_some(0));
        before.and_then(|place| self.earlier.get(place)).map_or(Coverage::default(), |(_, coverage)| *coverage)
    }

    /// Closes findings whose time is over at `now`.
    pub(super) fn advance(&mut self, now: Timestamp, mut tell: impl FnMut(Alert)) {
        while let Some(slot) = self.slots.next_due(now) {
            let Some(deadline) = self.slots.get(slot).map(|finding| finding.deadline) else { continue };
            self.close(slot, deadline).into_iter().for_each(&mut tell);
        }
    }

    /// Closes every finding, in the order of their relations.
    pub(super) fn finish(&mut self, at: Timestamp, mut tell: impl FnMut(Alert)) {
        self.advance(at, &mut tell);
        for (_, slot) in self.slots.relations() {
            self.close(slot, at).into_iter().for_each(&mut tell);
        }
        self.slots.clear();
    }

    fn close(&mut self, slot: Slot, at: Timestamp) -> Option<Alert> {
        let finding = self.slots.remove(slot)?;
        let (relation, id, coverage) = (finding.relation, finding.id, finding.covered(self.coverage));
        self.changes.forget(&relation);
        let alert = finding.close(at)?;
        self.counters.alerts += 1;
        self.changes.end(relation.activity, id);
        Some(Alert { coverage, ..alert })
    }

    /// Goes on with a finding that was kept, under the relation that is `found` for it; where there is none, or another
    /// finding has it, under one of nobody.
    pub(super) fn resume(&mut self, finding: Finding, kept: Relation, found: Option<Relation>, policy: &Policy) {
        self.put(Box::new(finding.taken_up()), kept, found, policy);
    }

    /// Goes on with every finding by another policy. `relation_of` leads from a relation of the former to one of this.
    pub(super) fn translate(&mut self, relation_of: impl Fn(&Relation) -> Option<Relation>, policy: &Policy) {
        self.shared.forget();
        // Few move, as a rule; all of those before any is put down, since the numbers of some become those of others.
        let mut moved = Vec::new();
        for (from, slot) in self.slots.relations() {
            let found = if from.is_nobodys() { Some(from) } else { relation_of(&from) };
            if found != Some(from) {
                let changed = (self.changes.told.remove(&from), self.changes.grown.remove(&from));
                moved.extend(self.slots.remove(slot).map(|finding| (finding, from, found, changed)));
            } else if self.slots.get_mut(slot).is_some_and(|it| it.adapt(from, policy, &mut self.shared)) {
                self.changes.note(from, false);
            }
        }
        for (finding, from, found, (is_told, is_grown)) in moved {
            let to = self.put(finding, from, found, policy);
            if is_told || is_grown {
                self.changes.note(to, is_told);
            }
        }
    }

    fn put(&mut self, mut finding: Box<Finding>, from: Relation, found: Option<Relation>, policy: &Policy) -> Relation {
        let to = found.filter(|relation| self.slots.find(relation).is_none()).unwrap_or_else(|| {
            self.nobodies = self.nobodies.wrapping_add(1);
            from.of_nobody(self.nobodies)
        });
        if finding.adapt(to, policy, &mut self.shared) {
            self.changes.note(to, false);
        }
        self.slots.insert(finding);
        to
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The open finding of `relation`.
    pub(super) fn get(&self, relation: &Relation) -> Option<&Finding> {
        self.slots.get(self.slots.find(relation)?)
    }
}
