//! Judgement: whose hosts these are, which jurisdictions are flagged, and what of it becomes a finding.
//!
//! A [`Rule`] looks at one flow update and its attribution and says whether it adds to a relation
//! `asset × activity × jurisdiction × entity`; the [`Detector`] keeps one finding per relation and turns its
//! lifecycle into [`Alert`]s. Findings are few by construction, so are alerts: one when a finding opens, one each time
//! it grows tenfold or its severity rises, one when it closes.

mod activity;
mod alert;
mod asset;
mod attempt;
mod device;
mod egress;
mod finding;
mod judged;
mod jurisdiction;
mod severity;

pub use activity::{Activity, Technique};
pub use alert::{
    Alert, AssetInfo, DeviceInfo, EvidenceInfo, FlowInfo, JurisdictionInfo, PartyInfo, StableId, Step, Totals,
};
pub use asset::{Asset, AssetConflict, AssetKey, Assets, Criticality, Direction, PrefixRef};
pub use judged::{Judged, Subject, Verdict};
pub use jurisdiction::{Flag, Jurisdictions, Preset};
pub use severity::{Factors, Severity};

use std::time::Duration;

use crate::attribute::OwnerId;
use crate::net::{Country, Timestamp};
use finding::Findings;

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
}

/// What one flow update adds to a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The relation.
    pub relation: Relation,
    /// What is added.
    pub added: Totals,
}

/// A detection: pure, without memory of its own.
pub trait Rule: Send {
    /// What `subject` adds to a relation, if anything.
    fn judge(&self, subject: &Subject<'_>) -> Option<Observation>;
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
    /// Findings held at once; a further one closes the one that was silent longest.
    pub max_findings: usize,
}

/// What the detector counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DetectCounters {
    /// Findings opened.
    pub findings: u64,
    /// Findings closed early because there were too many.
    pub findings_evicted: u64,
    /// Alerts made.
    pub alerts: u64,
    /// Flow updates that added to a finding and caused no alert.
    pub suppressed: u64,
}

/// Judges flow updates by the rules and keeps the findings.
pub struct Detector {
    policy: Policy,
    rules: Vec<Box<dyn Rule>>,
    findings: Findings,
}

impl Detector {
    /// With every rule there is.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let rules: Vec<Box<dyn Rule>> = vec![Box::new(egress::Egress), Box::new(attempt::Attempt)];
        Detector { policy, rules, findings: Findings::default() }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Looks at a flow update, and appends the alerts it causes.
    pub fn observe(&mut self, judged: &Judged<'_>, out: &mut Vec<Alert>) {
        self.findings.advance(judged.update.at, out);
        device::observe(judged, &self.policy, &mut self.findings, out);
        let Some(subject) = Subject::of(judged, &self.policy) else { return };
        for observation in self.rules.iter().filter_map(|rule| rule.judge(&subject)) {
            self.findings.add(&observation, &subject, &self.policy, out);
        }
    }

    /// Closes every finding, in the order of their relations: the replay is over.
    pub fn finish(&mut self, at: Timestamp, out: &mut Vec<Alert>) {
        self.findings.finish(at, out);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> DetectCounters {
        self.findings.counters
    }
}
