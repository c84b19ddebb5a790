//! What outlives the process: open findings and ledgers, as text by the names of things.
//!
//! Within a run assets, owners and exceptions are numbers, their places in the configuration and the catalogues. Those
//! change between runs and with every reload, so what is kept names them. A finding whose asset, owner or exception is no
//! longer known goes on under a relation nothing adds to, and closes in its time; such a ledger is given up. A host that was
//! known by its address and has been declared since goes on as that asset, with its findings and ledgers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::findings::Findings;
use super::ledger::{Ledger, LedgerKey, Ledgers};
use super::management::Via;
use super::{Activity, AssetKey, Detector, Entity, Policy, Relation};
use crate::attribute::{Answers, Attributor, ClientAddress, Told};
use crate::net::{Country, Timestamp};

/// What kind of thing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SavedKind {
    /// An open finding; its key is its id.
    Finding,
    /// An open finding of a volume, which rests on ledgers and goes on with them.
    Volume,
    /// A ledger.
    Ledger,
    /// A flagged flow that lives, which after a restart is seen midstream.
    Flow,
    /// Names that DNS gave a client for an address.
    Name,
}

impl SavedKind {
    /// Every kind.
    pub const ALL: [SavedKind; 5] =
        [SavedKind::Finding, SavedKind::Volume, SavedKind::Ledger, SavedKind::Flow, SavedKind::Name];

    /// Its name in the journal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SavedKind::Finding => "finding",
            SavedKind::Volume => "volume",
            SavedKind::Ledger => "ledger",
            SavedKind::Flow => "flow",
            SavedKind::Name => "name",
        }
    }
}

/// Keys and values of one kind, as they were kept.
pub type SavedValues = Vec<(String, Vec<u8>)>;

/// Something to keep, or to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What it is.
    pub kind: SavedKind,
    /// Which it is, among those of its kind.
    pub key: String,
    /// JSON; `None`: it is over.
    pub value: Option<Vec<u8>>,
}

/// What of what was kept could be taken up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Findings that go on.
    pub findings: usize,
    /// Ledgers that go on.
    pub ledgers: usize,
    /// Flows that may go on.
    pub flows: usize,
    /// Clients' addresses whose names are known.
    pub names: usize,
    /// What could not be read, or is about what is no longer known.
    pub dropped: usize,
}

impl Resumed {
    /// Both together.
    #[must_use]
    pub const fn and(self, other: Resumed) -> Resumed {
        Resumed {
            findings: self.findings + other.findings,
            ledgers: self.ledgers + other.ledgers,
            flows: self.flows + other.flows,
            names: self.names + other.names,
            dropped: self.dropped + other.dropped,
        }
    }
}

/// Packet time after which findings that have only grown are kept again.
const GROWN_EVERY_S: u64 = 30;

/// When what has only grown was kept last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept(Timestamp);

impl Kept {
    fn is_due(&mut self, now: Timestamp) -> bool {
        let due = now.as_secs().abs_diff(self.0.as_secs()) >= GROWN_EVERY_S;
        if due {
            self.0 = now;
        }
        due
    }
}

#[derive(Serialize)]
struct FindingOut<'a> {
    relation: Named,
    finding: &'a Finding,
}

#[derive(Deserialize)]
struct FindingIn {
    relation: Named,
    finding: Finding,
}

/// A relation by names.
#[derive(Serialize, Deserialize)]
struct Named {
    activity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<Via>,
    asset: Option<NamedAsset>,
    jurisdiction: Country,
    entity: NamedEntity,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exception: Option<String>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum NamedAsset {
    Declared(String),
    Address(IpAddr),
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum NamedEntity {
    Owner(String),
    Network(u32),
    UnknownNetwork,
    Many,
}

#[derive(Serialize, Deserialize)]
struct NamedLedger {
    asset: NamedAsset,
    jurisdiction: Country,
    entity: NamedEntity,
}

impl Detector {
    /// From now on notes what changes, for [`Detector::changes`]. What ledgers hold up to `booked_until` is not entered again.
    pub fn keep_changes(&mut self, booked_until: Option<Timestamp>) {
        self.state.books.ledgers.booked_until = booked_until;
        self.state.books.findings.changes.are_kept = true;
        self.state.books.ledgers.are_kept = true;
    }

    /// What has changed since it was asked last and must outlive the process. What has only grown comes every
    /// half minute of packet time, and all of it where `all`; says whether this is all of it.
    pub fn changes(&mut self, now: Timestamp, all: bool, attributor: &Attributor) -> (Vec<Saved>, bool) {
        let Detector { policy, state } = self;
        let names = Names { policy, attributor };
        let mut saved = Vec::new();
        let over = state.books.findings.changes.over.drain(..);
        saved.extend(over.map(|(activity, id)| forgotten(kind_of(activity), id.as_str().to_owned())));
        let mut relations = std::mem::take(&mut state.books.findings.changes.told);
        let is_due = state.kept.is_due(now) || all;
        if is_due {
            relations.append(&mut state.books.findings.changes.grown);
        }
        saved.extend(relations.iter().filter_map(|relation| names.finding(relation, &state.books.findings)));
        let given_up = state.books.ledgers.given_up.drain(..);
        saved.extend(given_up.filter_map(|key| Some(forgotten(SavedKind::Ledger, names.ledger_key(&key)?))));
        let renamed = state.books.ledgers.renamed.drain(..);
        saved.extend(renamed.map(|key| forgotten(SavedKind::Ledger, key)));
        saved.extend(state.parked.changes());
        if is_due {
            let keys = std::mem::take(&mut state.books.ledgers.changed);
            let ledgers = keys.iter().filter_map(|key| Some((names.ledger_key(key)?, state.books.ledgers.get(key)?)));
            saved.extend(ledgers.map(|(key, ledger)| Saved {
                kind: SavedKind::Ledger,
                key,
                value: serde_json::to_vec(ledger).ok(),
            }));
            saved.extend(state.live.changes(now).into_iter().filter_map(|(ends, kept)| {
                Some(Saved {
                    kind: SavedKind::Flow,
                    key: serde_json::to_string(&ends).ok()?,
                    value: kept.and_then(|kept| serde_json::to_vec(&kept).ok()),
                })
            }));
        }
        (saved, is_due)
    }

    /// Takes up the flows that lived when an earlier run ended at `until`, and from now on notes what changes of flows.
    pub fn resume_flows(&mut self, until: Option<Timestamp>, kept: &[(String, Vec<u8>)]) -> Resumed {
        let flow = |(key, value): &(String, Vec<u8>)| {
            Some((serde_json::from_str(key).ok()?, serde_json::from_slice(value).ok()?))
        };
        let flows: Vec<_> = kept.iter().filter_map(flow).collect();
        let resumed = Resumed { flows: flows.len(), dropped: kept.len() - flows.len(), ..Resumed::default() };
        self.state.live.resume(until.unwrap_or_default(), flows);
        resumed
    }

    /// Takes up findings or ledgers that an earlier run kept.
    pub fn resume(&mut self, kind: SavedKind, kept: &[(String, Vec<u8>)], attributor: &Attributor) -> Resumed {
        let Detector { policy, state } = self;
        let names = Names { policy, attributor };
        let mut resumed = Resumed::default();
        for (key, value) in kept {
            let taken_up = match kind {
                SavedKind::Finding | SavedKind::Volume => names.resume_finding(value, &mut state.books.findings),
                SavedKind::Ledger => names.resume_ledger(key, value, &mut state.books.ledgers),
                SavedKind::Flow | SavedKind::Name => None,
            };
            match (taken_up, kind) {
                (Some(()), SavedKind::Finding | SavedKind::Volume) => resumed.findings += 1,
                (Some(()), SavedKind::Ledger) => resumed.ledgers += 1,
                (Some(()), SavedKind::Flow | SavedKind::Name) | (None, _) => resumed.dropped += 1,
            }
        }
        resumed
    }
}

/// What is to be kept of the names that clients were told.
pub fn changed_names(answers: &mut Answers, now: Timestamp, all: bool) -> impl Iterator<Item = Saved> {
    answers.changes(now, all).into_iter().map(|((client, address), told)| Saved {
        kind: SavedKind::Name,
        key: format!("{client} {address}"),
        value: told.and_then(|told| serde_json::to_vec(&told).ok()),
    })
}

/// Takes up the names that an earlier run kept, and from now on notes what changes of them.
pub fn resume_names(answers: &mut Answers, kept: &[(String, Vec<u8>)]) -> Resumed {
    let read = |(key, value): &(String, Vec<u8>)| -> Option<(ClientAddress, Vec<Told>)> {
        let (client, address) = key.split_once(' ')?;
        Some(((client.parse().ok()?, address.parse().ok()?), serde_json::from_slice(value).ok()?))
    };
    let names: Vec<_> = kept.iter().filter_map(read).collect();
    let resumed = Resumed { names: names.len(), dropped: kept.len() - names.len(), ..Resumed::default() };
    answers.resume(names);
    resumed
}

fn kind_of(activity: Activity) -> SavedKind {
    if activity == Activity::Volume { SavedKind::Volume } else { SavedKind::Finding }
}

fn forgotten(kind: SavedKind, key: String) -> Saved {
    Saved { kind, key, value: None }
}

/// Leads from numbers to names and back.
pub(super) struct Names<'a> {
    pub(super) policy: &'a Policy,
    pub(super) attributor: &'a Attributor,
}

impl Names<'_> {
    fn finding(&self, relation: &Relation, findings: &Findings) -> Option<Saved> {
        let finding = findings.get(relation)?.to_keep(findings.coverage);
        let out = FindingOut { relation: self.relation(relation), finding: &finding };
        let value = serde_json::to_vec(&out).ok()?;
        Some(Saved { kind: kind_of(relation.activity), key: finding.id.as_str().to_owned(), value: Some(value) })
    }

    fn relation(&self, relation: &Relation) -> Named {
        let exception = relation.accepted.and_then(|number| self.policy.exceptions.get(number as usize));
        Named {
            activity: relation.activity.id().to_owned(),
            via: relation.activity.via(),
            asset: relation.asset.map(|asset| self.asset(asset)),
            jurisdiction: relation.jurisdiction,
            entity: self.entity(relation.entity),
            exception: relation.accepted.map(|_| exception.map_or(String::new(), |exception| exception.name.clone())),
        }
    }

    fn asset(&self, asset: AssetKey) -> NamedAsset {
        match asset {
            AssetKey::Declared(_) => NamedAsset::Declared(self.policy.assets.name(asset).into_owned()),
            AssetKey::Address(address) => NamedAsset::Address(address),
        }
    }

    fn entity(&self, entity: Entity) -> NamedEntity {
        match entity {
            Entity::Owner(owner) => NamedEntity::Owner(self.attributor.owner_name(owner).to_owned()),
            Entity::Network(asn) => NamedEntity::Network(asn),
            Entity::UnknownNetwork => NamedEntity::UnknownNetwork,
            Entity::Many => NamedEntity::Many,
        }
    }

    pub(super) fn ledger_key(&self, key: &LedgerKey) -> Option<String> {
        let named = NamedLedger {
            asset: self.asset(key.asset),
            jurisdiction: key.jurisdiction,
            entity: self.entity(key.entity),
        };
        serde_json::to_string(&named).ok()
    }

    fn resume_finding(&self, value: &[u8], findings: &mut Findings) -> Option<()> {
        let FindingIn { relation: named, finding } = serde_json::from_slice(value).ok()?;
        let relation =
            Relation { activity: activity(&named)?, jurisdiction: named.jurisdiction, ..Relation::unknown() };
        findings.resume(finding, relation, self.relation_named(&named, relation), self.policy);
        Some(())
    }

    /// `None` where its asset, owner or exception is no longer known.
    fn relation_named(&self, named: &Named, relation: Relation) -> Option<Relation> {
        let asset = match &named.asset {
            Some(asset) => Some(self.asset_named(asset)?),
            None => None,
        };
        let place = |name: &String| self.policy.exceptions.iter().position(|exception| exception.name == *name);
        let accepted = match &named.exception {
            Some(name) => Some(place(name)? as u32),
            None => None,
        };
        Some(Relation { asset, accepted, entity: self.entity_named(&named.entity)?, ..relation })
    }

    pub(super) fn resume_ledger(&self, kept_key: &str, value: &[u8], ledgers: &mut Ledgers) -> Option<()> {
        let named: NamedLedger = serde_json::from_str(kept_key).ok()?;
        let asset = self.asset_named(&named.asset)?;
        let key = LedgerKey { asset, jurisdiction: named.jurisdiction, entity: self.entity_named(&named.entity)? };
        let ledger: Ledger = serde_json::from_slice(value).ok()?;
        if matches!((&named.asset, asset), (NamedAsset::Address(_), AssetKey::Declared(_))) {
            ledgers.renamed.push(kept_key.to_owned());
            ledgers.changed.insert(key);
        }
        ledgers.insert(key, ledger);
        Some(())
    }

    /// The asset that a host known by its address is by now.
    pub(super) fn asset_at(&self, address: IpAddr) -> Option<AssetKey> {
        self.policy.assets.identify(address, None)
    }

    fn asset_named(&self, asset: &NamedAsset) -> Option<AssetKey> {
        match asset {
            NamedAsset::Declared(name) => {
                let declared = self.policy.assets.declared();
                declared.iter().position(|asset| asset.name == *name).map(|place| AssetKey::Declared(place as u32))
            }
            NamedAsset::Address(address) => self.asset_at(*address),
        }
    }

    fn entity_named(&self, entity: &NamedEntity) -> Option<Entity> {
        match entity {
            NamedEntity::Owner(name) => self.attributor.owner_named(name).map(Entity::Owner),
            NamedEntity::Network(asn) => Some(Entity::Network(*asn)),
            NamedEntity::UnknownNetwork => Some(Entity::UnknownNetwork),
            NamedEntity::Many => Some(Entity::Many),
        }
    }
}

fn activity(named: &Named) -> Option<Activity> {
    let all = [Activity::Egress, Activity::Attempt, Activity::Device, Activity::LoginFailed, Activity::Volume];
    let of_name = all.into_iter().find(|activity| activity.id() == named.activity);
    of_name.or_else(|| named.via.map(Activity::Management).filter(|activity| activity.id() == named.activity))
}
