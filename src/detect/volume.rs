//! Slow drip: what an asset sent to one entity within a window comes to more than it may.

use super::ledger::{Booked, FirstContact, Window};
use super::{Activity, LedgerKey, Observation, Policy, Relation, Subject, exception};

/// How much assets may send to one entity in a window before it is a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threshold {
    /// Names of assets it holds for.
    pub assets: Vec<String>,
    /// Sectors of assets it holds for. Both lists empty: all assets.
    pub sectors: Vec<String>,
    /// Payload bytes in an hour, a day, 30 days; `None`: any number.
    pub bytes: [Option<u64>; 3],
}

/// By how much a threshold was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VolumeInfo {
    /// The window.
    pub window: Window,
    /// Payload bytes sent within it.
    pub bytes: u64,
    /// What may be sent.
    pub threshold_bytes: u64,
}

impl VolumeInfo {
    /// How many times the threshold it is.
    #[must_use]
    pub fn ratio(&self) -> u64 {
        self.bytes / self.threshold_bytes.max(1)
    }
}

/// Enters what an observation adds in the ledger of its relation. Says what is new about the other party, and makes an
/// observation of its own where a threshold is passed.
pub(super) fn book(
    observation: &Observation,
    subject: &Subject<'_>,
    policy: &Policy,
    ledgers: &mut super::ledger::Ledgers,
) -> (FirstContact, Option<Observation>) {
    let key = LedgerKey { asset: subject.asset, jurisdiction: subject.jurisdiction, entity: subject.entity() };
    let sent = match observation.relation.activity {
        Activity::Egress => observation.added.sent_bytes,
        Activity::Management(_) => 0,
        // Neither is contact.
        Activity::Attempt | Activity::Device | Activity::LoginFailed | Activity::Volume => {
            return (FirstContact::default(), None);
        }
    };
    let Booked { sums, first } = ledgers.book(key, subject.seen(), sent, policy.max_ledgers);
    let passed = if sent > 0 { passed(sums, subject, policy) } else { None };
    let passed = passed.map(|volume| Observation {
        relation: Relation {
            activity: Activity::Volume,
            asset: Some(key.asset),
            jurisdiction: key.jurisdiction,
            entity: key.entity,
            accepted: None,
        },
        added: observation.added,
        session: None,
        volume: Some(volume),
    });
    (first, passed)
}

/// The longest window whose threshold is passed: a shorter one says less.
fn passed(sums: [u64; 3], subject: &Subject<'_>, policy: &Policy) -> Option<VolumeInfo> {
    let threshold =
        policy.thresholds.iter().find(|it| exception::is_among(subject.asset, &it.assets, &it.sectors, policy))?;
    let windows = Window::ALL.into_iter().zip(sums).zip(threshold.bytes);
    let passed = windows.filter_map(|((window, bytes), most)| {
        let threshold_bytes = most.filter(|most| bytes >= *most)?;
        Some(VolumeInfo { window, bytes, threshold_bytes })
    });
    passed.max_by_key(|volume| (volume.ratio(), volume.window))
}
