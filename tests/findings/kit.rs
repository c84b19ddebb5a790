//! A judge over made-up flows, and what it tells.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use borderflow::config::Config;
use borderflow::decode::Few;
use borderflow::deliver::Output;
use borderflow::detect::{Alert, Step};
use borderflow::flow::{Cause, Exchanges, FlowUpdate, InitiatorBasis, Party, Place, TcpState, Volume};
use borderflow::inspect::End;
use borderflow::net::{Endpoint, IpVersion, Timestamp};
use borderflow::pipeline::Judge;
use borderflow::run;

pub(crate) const ENTITIES: u32 = 200;
pub(crate) const START_S: u64 = 1_762_934_400;

/// Alerts by step, the last totals of each finding, and what is to be kept.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) alerts: u64,
    pub(crate) steps: BTreeMap<Step, u64>,
    pub(crate) ids: Vec<(String, Step, u64)>,
    pub(crate) keeps_ids: bool,
    /// Of alerts that open a finding.
    pub(crate) severities: Vec<u8>,
}

impl Output for Told {
    fn alert(&mut self, alert: &Alert) {
        self.alerts += 1;
        *self.steps.entry(alert.step).or_default() += 1;
        if alert.step == Step::Opened && self.severities.len() < 100 {
            self.severities.push(alert.severity.score);
        }
        if self.keeps_ids {
            self.ids.push((alert.id.as_str().to_owned(), alert.step, alert.totals.sent_bytes));
        }
    }
}

pub(crate) fn judge(settings: &str) -> Judge {
    let mut text = format!("[monitor]\nhome = [\"10.0.0.0/8\"]\n{settings}");
    for entity in 0..ENTITIES {
        let prefix = remote(entity);
        let asn = 64_512 + entity;
        let _ = writeln!(text, "[[geoip.override]]\nprefix = \"{prefix}/32\"\ncountry = \"CN\"\nasn = {asn}");
    }
    let config = Config::from_text(Some(("flood.toml".as_ref(), &text)), &[]).unwrap();
    Judge::new(run::attributor(&config).unwrap(), run::policy(&config))
}

pub(crate) fn remote(entity: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + entity))
}

/// A whole flow of `bytes` from an asset to an entity.
pub(crate) fn ended(number: u64, asset: u32, entity: u32, seconds: u64, bytes: u64) -> FlowUpdate {
    let at = Timestamp::from_parts(START_S + seconds, 0);
    let volume = |payload_bytes| Volume { packets: 4, ip_bytes: payload_bytes + 160, payload_bytes };
    let party = |address, port, bytes| Party {
        endpoint: Endpoint { address, port },
        mac: None,
        total: volume(bytes),
        delta: volume(bytes),
        missed_bytes: 0,
        exchanges: Exchanges::default(),
    };
    FlowUpdate {
        at,
        cause: Cause::Idle,
        flow: number,
        place: Place::of_packet(at, number),
        initiator: party(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + asset)), 40_000, bytes),
        responder: party(remote(entity), 443, 100),
        basis: InitiatorBasis::Syn,
        protocol: 6,
        version: IpVersion::V4,
        one_way: false,
        first_seen: at,
        last_seen: at,
        answered: true,
        was_answered: false,
        one_sided: false,
        tcp_state: Some(TcpState::Closed),
        vlans: Few::default(),
        tunnel_path: None,
        application: None,
        facts: None,
        answers: Vec::new(),
        dealings: None,
        initiator_end: End::Low,
        client: None,
    }
}

pub(crate) fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}
