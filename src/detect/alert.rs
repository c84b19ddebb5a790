//! What a finding tells: one alert per step of its lifecycle.

use crate::attribute::geo::Place;
use crate::attribute::{Basis, Evidence, EvidenceKind, Strength};
use crate::flow::{CommunityId, Exchanges, FlowUpdate};
use crate::inspect::{Command, Login};
use crate::net::{Country, Endpoint, MacAddr, Timestamp};

use super::{Activity, Coverage, Criticality, Direction, ExceptionInfo, FirstContact, Severity, Via, VolumeInfo};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Step in the life of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Seen for the first time.
    Opened,
    /// Grew tenfold (a hundredfold without an asset), or its evidence grew.
    Updated,
    /// Nothing new for the idle time, or the end of a replay.
    Closed,
}

impl Step {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Step::Opened => "opened",
            Step::Updated => "updated",
            Step::Closed => "closed",
        }
    }
}

/// A stable identifier: 128 bits of SHA-1 over what it identifies, in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StableId([u8; 32]);

impl StableId {
    /// Of a list of texts.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        use sha1::{Digest as _, Sha1};
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut sha = Sha1::new();
        for part in parts {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part.as_bytes());
        }
        let digit = |value: u8| DIGITS.get(usize::from(value & 15)).copied().unwrap_or_default();
        let mut text = [0; 32];
        for (pair, byte) in text.as_chunks_mut().0.iter_mut().zip(sha.finalize()) {
            *pair = [digit(byte >> 4), digit(byte)];
        }
        StableId(text)
    }

    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for StableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StableId({})", self.as_str())
    }
}

impl serde::Serialize for StableId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for StableId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let id = <[u8; 32]>::try_from(text.as_bytes()).ok().filter(|id| id.is_ascii()).map(StableId);
        id.ok_or_else(|| D::Error::custom("expected the 32 hexadecimal digits of an identifier"))
    }
}

/// An asset as an alert names it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AssetInfo {
    /// Declared name, or the address.
    pub name: Box<str>,
    /// True where the configuration declares it.
    pub declared: bool,
    /// Sector.
    pub sector: Option<Box<str>>,
    /// Criticality.
    pub criticality: Criticality,
    /// Supplier.
    pub supplier: Option<Box<str>>,
    /// Owner.
    pub owner: Option<Box<str>>,
    /// What is known of the device from the network alone.
    pub device: Option<Box<DeviceInfo>>,
}

/// A device of a monitored network as the traffic shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeviceInfo {
    /// Its own hardware address.
    pub mac: Option<MacAddr>,
    /// Who registered the prefix of that address.
    pub registrant: Option<String>,
    /// The vendor that registrant is known to be.
    pub vendor: Option<String>,
    /// What that vendor makes.
    pub class: Option<String>,
    /// Name it gives itself.
    pub name: Option<String>,
    /// Model it says it is.
    pub model: Option<String>,
    /// The protocol in which it said so.
    #[serde(deserialize_with = "crate::net::known::word_option")]
    pub announced_by: Option<crate::net::known::Word>,
}

/// A flagged jurisdiction as an alert names it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JurisdictionInfo {
    /// Its code.
    pub country: Country,
    /// Risk, 0–100.
    pub risk: u8,
    /// Why it is flagged.
    pub basis: Arc<str>,
}

/// A piece of evidence as an alert names it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EvidenceInfo {
    /// What kind of tie.
    pub kind: EvidenceKind,
    /// The jurisdiction it speaks for.
    pub jurisdiction: Country,
    /// How far it carries.
    pub strength: Strength,
    /// What it was read from.
    pub basis: Basis,
    /// Operator or vendor with what was looked up, such as `Alibaba Group, Alibaba (US) Technology AS45102`; empty where
    /// the address alone speaks.
    pub detail: String,
    /// Where it is from.
    pub source: String,
    /// When the source was made.
    pub date: String,
}

impl EvidenceInfo {
    pub(super) fn of(item: &Evidence<'_>, asn: Option<u32>) -> Self {
        EvidenceInfo {
            kind: item.kind,
            jurisdiction: item.jurisdiction,
            strength: item.strength,
            basis: item.basis,
            detail: item.detail(asn),
            source: item.source.to_owned(),
            date: item.date.to_owned(),
        }
    }

    /// True where it says what `item` says: of one owner, one network and one name are enough.
    pub(super) fn is_of(&self, item: &Evidence<'_>) -> bool {
        let owner = item.owner.map_or(item.subject, |owner| owner.name);
        self.kind == item.kind && self.jurisdiction == item.jurisdiction && self.detail.starts_with(owner)
    }
}

/// An endpoint of the flow that caused an alert, with what is known of its place.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartyInfo {
    /// Address and port.
    pub endpoint: Endpoint,
    /// Hardware address on the first frame.
    pub mac: Option<MacAddr>,
    /// IP bytes it sent in this flow so far.
    pub ip_bytes: u64,
    /// Packets it sent in this flow so far.
    pub packets: u64,
    /// Country of its address; `None` for assets and where unknown.
    pub country: Option<Country>,
    /// AS number.
    pub asn: Option<u32>,
    /// Organisation that holds the autonomous system.
    pub organization: Option<Arc<str>>,
}

impl PartyInfo {
    /// What is known of its place.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place { country: self.country, asn: self.asn, organization: self.organization.as_deref() }
    }
}

/// The flow that caused an alert: one example of what the finding is about.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct FlowInfo {
    /// Who began it.
    pub initiator: PartyInfo,
    /// The other side.
    pub responder: PartyInfo,
    /// IP protocol number.
    pub protocol: u8,
    /// The name by which the responder was contacted, and what it was read from.
    pub domain: Option<(Basis, Box<str>)>,
    /// Community id.
    pub community_id: CommunityId,
    /// Direction.
    pub direction: Direction,
    /// The flagged host itself, where the other end is only a relay.
    pub peer: Option<SocketAddr>,
    /// The flow as the table reported it.
    pub update: FlowUpdate,
}

/// What a finding amounts to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Payload bytes the assets sent.
    pub sent_bytes: u64,
    /// Payload bytes they received.
    pub received_bytes: u64,
    /// Flows, or attempts.
    pub flows: u64,
    /// Those of them begun from outside.
    pub inbound_flows: u64,
    /// Commands the other side gave, by kind: read, write, control, program.
    pub commands: [u64; 4],
}

/// What is known of a session by which an asset is managed: of the last one that said anything.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ManagementInfo {
    /// By what, and how surely.
    pub via: Via,
    /// Name of the tool.
    pub tool: Option<String>,
    /// How far the login came.
    pub login: Option<Login>,
    /// Logins by the same host that failed before.
    pub failed_before: u32,
    /// Functions the other side called, the first few.
    pub functions: Vec<Command>,
    /// What they were about: topics, files, shares.
    pub details: Vec<String>,
    /// Exchanges the other side began after a silence.
    pub exchanges: Exchanges,
}

impl ManagementInfo {
    /// True where how far the login came was not read but inferred, from the sizes of encrypted messages.
    #[must_use]
    pub fn login_is_inferred(&self) -> bool {
        self.login.is_some() && self.via.protocol == "ssh"
    }
}

/// One message about a finding. What many findings say alike is held once.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Stable identity of this message: the same whenever the same capture is read with the same configuration.
    pub id: StableId,
    /// Identity of the finding.
    pub finding: StableId,
    /// Where in its life the finding is.
    pub step: Step,
    /// Number of this alert within its finding, from 0.
    pub number: u32,
    /// Packet time of the step.
    pub at: Timestamp,
    /// What happened.
    pub activity: Activity,
    /// Who it is about; `None` for findings that aggregate over all monitored hosts.
    pub asset: Option<Arc<AssetInfo>>,
    /// Where to.
    pub jurisdiction: JurisdictionInfo,
    /// AS number the entity was first met at; `None` where the network is unknown or the finding is about many.
    pub asn: Option<u32>,
    /// Name of the entity.
    pub entity: Option<Arc<str>>,
    /// How bad, and why.
    pub severity: Arc<Severity>,
    /// Why the endpoint counts to the jurisdiction.
    pub evidence: Vec<Arc<EvidenceInfo>>,
    /// Earliest and latest packet of the finding.
    pub first_seen: Timestamp,
    /// See `first_seen`.
    pub last_seen: Timestamp,
    /// Volumes and counts.
    pub totals: Totals,
    /// How the asset is managed, where it is that.
    pub management: Option<Box<ManagementInfo>>,
    /// Flow updates that added to the finding since the last alert and caused none of their own.
    pub suppressed: u64,
    /// The exception that matches what was seen, or did.
    pub exception: Option<Arc<ExceptionInfo>>,
    /// Who of the other side the asset had not been in touch with before the finding.
    pub first_contact: FirstContact,
    /// The threshold that is passed, where it is that.
    pub volume: Option<VolumeInfo>,
    /// What the capture shows of the time of the finding.
    pub coverage: Coverage,
    /// The flow that caused this alert; of a closed finding, the last that added to it.
    pub flow: Box<FlowInfo>,
}
