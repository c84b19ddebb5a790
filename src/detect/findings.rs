//! The findings there are: one per relation, each with its time to close.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use crate::net::Timestamp;

use super::finding::Finding;
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
    by_relation: HashMap<Relation, Finding>,
    /// When each finding closes unless something is added.
    deadlines: BTreeSet<(Timestamp, Relation)>,
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
        if !self.by_relation.contains_key(&relation) {
            self.rename(relation, subject);
        }
        if !self.by_relation.contains_key(&relation) && !self.has_room(relation, policy, at, out) {
            self.counters.crowded += 1;
            relation = Relation { asset: None, entity: Entity::Many, ..relation };
        }
        let coverage = self.covered_until(subject.judged.update.first_seen);
        let new = || Finding::new(relation, subject, policy, coverage);
        let finding = self.by_relation.entry(relation).or_insert_with(new);
        self.deadlines.remove(&(finding.deadline, relation));
        finding.deadline = at.after(policy.finding_idle);
        self.deadlines.insert((finding.deadline, relation));
        finding.first_contact = finding.first_contact.or(first);
        finding.consider(standing, policy);
        match finding.absorb(observation, subject, policy) {
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
            self.changes.forget(&former);
            finding.rename(relation, subject);
            self.deadlines.insert((finding.deadline, relation));
            self.by_relation.insert(relation, finding);
        }
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
        if relation.asset.is_none() || self.by_relation.len() < most {
            return true;
        }
        let silent_long = |deadline: Timestamp| deadline <= at.after(policy.finding_idle.saturating_sub(SILENT_ENOUGH));
        let Some(&(_, silent)) = self.deadlines.first().filter(|(deadline, _)| silent_long(*deadline)) else {
            return false;
        };
        self.deadlines.pop_first();
        self.counters.findings_evicted += 1;
        self.close(silent, at, out);
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
        let Some(finding) = self.by_relation.remove(&relation) else { return };
        self.changes.forget(&relation);
        let (id, coverage) = (finding.id.clone(), finding.covered(self.coverage));
        if let Some(alert) = finding.close(at) {
            self.counters.alerts += 1;
            self.changes.end(relation.activity, id);
            out.push(Alert { coverage, ..alert });
        }
    }

    /// Goes on with a finding that was kept, under the relation that is `found` for it; where there is none, or another
    /// finding has it, under one of nobody.
    pub(super) fn resume(&mut self, finding: Finding, kept: Relation, found: Option<Relation>, policy: &Policy) {
        self.put(finding.taken_up(), kept, found, policy);
    }

    /// Goes on with every finding by another policy. `relation_of` leads from a relation of the former to one of this.
    pub(super) fn translate(&mut self, relation_of: impl Fn(&Relation) -> Option<Relation>, policy: &Policy) {
        let mut relations: Vec<Relation> = self.by_relation.keys().copied().collect();
        relations.sort_unstable();
        // Few move, as a rule; all of those before any is put down, since the numbers of some become those of others.
        let mut moved = Vec::new();
        for from in relations {
            let found = if from.is_nobodys() { Some(from) } else { relation_of(&from) };
            if found != Some(from) {
                let changed = (self.changes.told.remove(&from), self.changes.grown.remove(&from));
                moved.extend(self.take(&from).map(|finding| (finding, from, found, changed)));
            } else if self.by_relation.get_mut(&from).is_some_and(|finding| finding.adapt(from, policy)) {
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

    fn take(&mut self, relation: &Relation) -> Option<Finding> {
        let finding = self.by_relation.remove(relation)?;
        self.deadlines.remove(&(finding.deadline, *relation));
        Some(finding)
    }

    fn put(&mut self, mut finding: Finding, from: Relation, found: Option<Relation>, policy: &Policy) -> Relation {
        let to = found.filter(|relation| !self.by_relation.contains_key(relation)).unwrap_or_else(|| {
            self.nobodies = self.nobodies.wrapping_add(1);
            from.of_nobody(self.nobodies)
        });
        if finding.adapt(to, policy) {
            self.changes.note(to, false);
        }
        self.deadlines.insert((finding.deadline, to));
        self.by_relation.insert(to, finding);
        to
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_relation.len()
    }

    /// The open finding of `relation`.
    pub(super) fn get(&self, relation: &Relation) -> Option<&Finding> {
        self.by_relation.get(relation)
    }
}
