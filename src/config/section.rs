//! Sections of plain numbers and switches, which are read straight into their checked form. Their defaults are the
//! built-in ones.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::value::{hours, integer, millis, one_of, seconds};
use crate::net::{Country, Prefix};

/// `[detect]`: when something becomes a finding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Detect {
    /// Payload bytes an asset must have sent to one operator in one jurisdiction before an egress finding opens.
    #[serde(deserialize_with = "integer::<1, 1_000_000_000_000, _, _>")]
    pub egress_min_bytes: u64,
    /// A finding closes after this much packet time without anything new.
    #[serde(rename = "finding_idle_hours", deserialize_with = "hours::<1, 8760, _>")]
    pub finding_idle: Duration,
    /// Open findings at most.
    #[serde(deserialize_with = "integer::<1, 10_000_000, _, _>")]
    pub max_findings: u32,
    /// Silence after which whoever speaks first begins an exchange.
    #[serde(rename = "driven_silence_s", deserialize_with = "seconds::<1, 3_600, _>")]
    pub driven_silence: Duration,
    /// Exchanges begun by the other side and answered from which on an encrypted flow behaves like remote management.
    #[serde(deserialize_with = "integer::<2, 1_000_000, _, _>")]
    pub driven_exchanges: u32,
}

impl Default for Detect {
    fn default() -> Self {
        Detect {
            egress_min_bytes: 1,
            finding_idle: Duration::from_secs(24 * 3600),
            max_findings: 100_000,
            driven_silence: Duration::from_secs(2),
            driven_exchanges: 6,
        }
    }
}

/// `[flow]`: how many flows are followed, and when each ends. All times are packet time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Flow {
    /// Flows followed at once, over all shards.
    #[serde(deserialize_with = "integer::<1, 100_000_000, _, _>")]
    pub max_flows: u32,
    /// Silence that ends an established TCP connection (RFC 5382: at least 2 h 4 min, beyond TCP keep-alive).
    #[serde(rename = "tcp_idle_s", deserialize_with = "seconds::<1, 604_800, _>")]
    pub tcp_idle: Duration,
    /// Silence that ends a TCP connection after FIN from both sides or RST: late packets still belong to it.
    #[serde(rename = "tcp_closed_s", deserialize_with = "seconds::<1, 3_600, _>")]
    pub tcp_closed: Duration,
    /// Silence that ends a flow only one side of which was ever seen.
    #[serde(rename = "unanswered_s", deserialize_with = "seconds::<1, 604_800, _>")]
    pub unanswered: Duration,
    /// Silence that ends an answered UDP flow (RFC 4787: 5 minutes).
    #[serde(rename = "udp_idle_s", deserialize_with = "seconds::<1, 604_800, _>")]
    pub udp_idle: Duration,
    /// Silence that ends any other answered flow.
    #[serde(rename = "other_idle_s", deserialize_with = "seconds::<1, 604_800, _>")]
    pub other_idle: Duration,
    /// An active flow is handed on at least this often.
    #[serde(rename = "update_interval_s", deserialize_with = "seconds::<1, 3_600, _>")]
    pub update_interval: Duration,
}

impl Default for Flow {
    fn default() -> Self {
        Flow {
            max_flows: 1_000_000,
            tcp_idle: Duration::from_secs(7_440),
            tcp_closed: Duration::from_secs(15),
            unanswered: Duration::from_secs(120),
            udp_idle: Duration::from_secs(300),
            other_idle: Duration::from_secs(120),
            update_interval: Duration::from_secs(60),
        }
    }
}

/// `[decode]`: how a frame is taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Decode {
    /// Encapsulations (VLAN tags, label stacks, tunnels) stripped from one frame at most.
    #[serde(deserialize_with = "integer::<1, 64, _, _>")]
    pub max_depth: u8,
    /// Tunnels that are stripped, of [`TUNNELS`]; any other stays the conversation it is.
    #[serde(deserialize_with = "tunnels")]
    pub tunnels: Vec<&'static str>,
    /// A packet seen again within this time is a second copy from the mirror and counts once; zero: never.
    #[serde(rename = "deduplicate_window_ms", deserialize_with = "millis::<0, 1_000, _>")]
    pub deduplicate_window: Duration,
    /// Datagrams under reassembly at most.
    #[serde(deserialize_with = "integer::<1, 1_000_000, _, _>")]
    pub fragment_datagrams: u32,
    /// Memory for fragments at most, bytes.
    #[serde(deserialize_with = "integer::<65_536, 17_179_869_184, _, _>")]
    pub fragment_memory_bytes: u64,
    /// A datagram still incomplete after this time is given up.
    #[serde(rename = "fragment_timeout_s", deserialize_with = "seconds::<1, 120, _>")]
    pub fragment_timeout: Duration,
}

impl Default for Decode {
    fn default() -> Self {
        Decode {
            max_depth: 16,
            tunnels: TUNNELS.to_vec(),
            deduplicate_window: Duration::from_millis(50),
            fragment_datagrams: 1_024,
            fragment_memory_bytes: 4 << 20,
            fragment_timeout: Duration::from_secs(30),
        }
    }
}

/// The tunnels decoding can strip, by the names of `decode::Encapsulation::TUNNELS`.
pub const TUNNELS: [&str; 17] = [
    "gre",
    "erspan1",
    "erspan2",
    "erspan3",
    "vxlan",
    "vxlan_gpe",
    "geneve",
    "4in4",
    "6in4",
    "4in6",
    "6in6",
    "gtp",
    "teredo",
    "l2tp",
    "lisp",
    "capwap",
    "etherip",
];

fn tunnels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'static str>, D::Error> {
    let names = Vec::<TunnelName>::deserialize(deserializer)?;
    Ok(names.into_iter().map(|TunnelName(name)| name).collect())
}

struct TunnelName(&'static str);

impl<'de> Deserialize<'de> for TunnelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_of(deserializer, &TUNNELS).map(TunnelName)
    }
}

/// `[geoip]`: where country and network of an address come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Geoip {
    /// The user's country database; `None` for the embedded one.
    pub country: Option<PathBuf>,
    /// The user's database of autonomous systems; `None` for the embedded one.
    pub asn: Option<PathBuf>,
    /// A further catalogue of operators, with the columns of `geoip/operators.tsv`.
    pub operators: Option<PathBuf>,
    /// A further catalogue of services, with the columns of `geoip/services.tsv`.
    pub services: Option<PathBuf>,
    /// A further catalogue of tools, with the columns of `geoip/tools.tsv`.
    pub tools: Option<PathBuf>,
    /// Rows of the catalogues that are under review count too.
    pub review: bool,
    /// What the user knows better than any database; no two have the same prefix, the longest prefix wins.
    pub overrides: Vec<GeoipOverride>,
}

/// `[[geoip.override]]`: corrects what the databases say of a prefix. At least one field is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoipOverride {
    /// The addresses it holds for.
    pub prefix: Prefix,
    /// Their country.
    pub country: Option<Country>,
    /// Their autonomous system's number.
    pub asn: Option<u32>,
    /// Who runs the network.
    pub organization: Option<String>,
}

/// `[journal]`: where alerts are kept until every output has them, and what is known is kept between runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The file; `None`: a private temporary one.
    pub path: Option<PathBuf>,
    /// Its size at most, bytes.
    pub max_bytes: u64,
    /// Alerts are kept so long.
    pub max_age: Duration,
}
