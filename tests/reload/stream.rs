//! Flows of some days made of a seed, a judge over them, what it tells and what it keeps.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use borderflow::attribute::Attributor;
use borderflow::config::Config;
use borderflow::decode::Few;
use borderflow::deliver::Output;
use borderflow::detect::{Alert, Policy, SavedKind, SavedValues};
use borderflow::encode::ecs;
use borderflow::flow::{Cause, Exchanges, FlowUpdate, InitiatorBasis, Party, Place, TcpState, Volume};
use borderflow::inspect::{End, Facts};
use borderflow::net::{Endpoint, IpVersion, Timestamp};
use borderflow::pipeline::Judge;
use borderflow::run;
use borderflow_testkit::Prng;

const START_S: u64 = 1_762_934_400;
const ENTITIES: u32 = 5;

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_parts(START_S + seconds, 0)
}

pub(crate) fn asset(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))
}

pub(crate) fn remote(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + number))
}

/// A policy in which assets are declared and not, a risk is accepted until it expires, and thresholds are passed.
pub(crate) const POLICY: &str = "[ledger]\nday_bytes = 60000\n[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.1\"]\n\
    [[asset]]\nname = \"valve\"\naddresses = [\"10.0.0.3\"]\ncriticality = \"critical\"\n\
    [[exception]]\nname = \"accepted\"\nreason = \"r\"\napprover = \"a\"\nexpires = \"2025-11-14\"\nassets = [\"pump\"]\n";

pub(crate) fn config(settings: &str) -> Config {
    let mut text = format!("[monitor]\nhome = [\"10.0.0.0/8\"]\n{settings}");
    for entity in 0..ENTITIES {
        let prefix = remote(entity);
        let asn = 64_512 + entity;
        let _ = writeln!(text, "[[geoip.override]]\nprefix = \"{prefix}/32\"\ncountry = \"CN\"\nasn = {asn}");
    }
    Config::from_text(Some((Path::new("stream.toml"), &text)), &[]).unwrap()
}

pub(crate) fn loaded(settings: &str) -> (Arc<Attributor>, Policy) {
    let config = config(settings);
    (Arc::new(run::attributor(&config).unwrap()), run::policy(&config))
}

/// One flow, and what it has sent when.
#[derive(Clone)]
pub(crate) struct Flow {
    pub(crate) number: u64,
    pub(crate) asset: u32,
    pub(crate) entity: u32,
    pub(crate) is_inbound: bool,
    pub(crate) is_answered: bool,
    pub(crate) server_name: Option<&'static str>,
    pub(crate) basis: InitiatorBasis,
    /// Seconds, and bytes sent by then; the last is its end.
    pub(crate) steps: Vec<(u64, u64)>,
}

impl Flow {
    /// From an asset to an entity, with one update.
    pub(crate) fn brief(number: u64, asset: u32, entity: u32, seconds: u64, bytes: u64) -> Flow {
        let (is_inbound, is_answered, server_name) = (false, true, None);
        let (basis, steps) = (InitiatorBasis::Syn, vec![(seconds, bytes)]);
        Flow { number, asset, entity, is_inbound, is_answered, server_name, basis, steps }
    }

    pub(crate) fn update(&self, step: usize) -> FlowUpdate {
        let (seconds, bytes) = self.steps[step];
        let before = if step == 0 { 0 } else { self.steps[step - 1].1 };
        let volume = |payload_bytes| Volume { packets: 4, ip_bytes: payload_bytes + 160, payload_bytes };
        let party = |address, port, bytes, before| Party {
            endpoint: Endpoint { address, port },
            mac: None,
            total: volume(bytes),
            delta: volume(bytes - before),
            missed_bytes: 0,
            exchanges: Exchanges::default(),
        };
        let port = 20_000 + (self.number % 20_000) as u16;
        let (home, far) = (asset(self.asset), remote(self.entity));
        let (ours, theirs) = if self.is_inbound { (443, port) } else { (port, 443) };
        let received = if self.is_answered { 100 } else { 0 };
        let home = party(home, ours, bytes, before);
        let far = party(far, theirs, received, if step == 0 { 0 } else { received });
        let (initiator, responder) = if self.is_inbound { (far, home) } else { (home, far) };
        let names = |name: &&str| Arc::new(Facts { server_names: vec![(*name).to_owned()], ..Facts::default() });
        FlowUpdate {
            at: at(seconds),
            cause: if step + 1 == self.steps.len() { Cause::Idle } else { Cause::Alive },
            flow: self.number,
            place: Place::of_packet(at(seconds), self.number),
            initiator,
            responder,
            basis: self.basis,
            protocol: 6,
            version: IpVersion::V4,
            one_way: false,
            first_seen: at(self.steps[0].0),
            last_seen: at(seconds),
            answered: self.is_answered,
            was_answered: step > 0 && self.is_answered,
            one_sided: false,
            tcp_state: Some(TcpState::Established),
            vlans: Few::default(),
            tunnel_path: None,
            application: self.server_name.map(|_| "tls"),
            facts: self.server_name.as_ref().map(names),
            answers: Vec::new(),
            dealings: None,
            initiator_end: End::Low,
            client: None,
        }
    }
}

/// Brief flows, flows of hours, attempts and conversations from outside, over four days.
pub(crate) fn flows(seed: u64) -> Vec<Flow> {
    let mut random = Prng::new(seed);
    let mut flow = |number: u64| {
        let seconds = number * 900 + random.below(900);
        let (asset, entity) = (random.below(5) as u32, random.below(u64::from(ENTITIES)) as u32);
        let mut flow = Flow::brief(number, asset, entity, seconds, 1 + random.below(20_000));
        flow.server_name = (random.below(4) == 0).then_some("litedev.hik-connect.com");
        match random.below(5) {
            0 => flow.is_answered = false,
            1 => flow.is_inbound = true,
            2 => {}
            _ => {
                flow.is_inbound = random.below(3) == 0;
                // More than an answer to a knock.
                flow.steps[0].1 += 4_096;
                for _ in 0..random.below(6) {
                    let (seconds, bytes) = flow.steps[flow.steps.len() - 1];
                    flow.steps.push((seconds + 60 + random.below(3_000), bytes * (1 + random.below(12))));
                }
            }
        }
        flow
    };
    (0..400).map(&mut flow).collect()
}

/// Each step of each flow, in the order of their times.
pub(crate) fn updates(flows: &[Flow]) -> Vec<FlowUpdate> {
    let all = flows.iter().flat_map(|flow| (0..flow.steps.len()).map(|step| flow.update(step)));
    let mut all: Vec<FlowUpdate> = all.collect();
    all.sort_by_key(|update| update.place);
    all
}

/// The alerts, as their records and in short.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) records: Vec<String>,
    pub(crate) alerts: Vec<Alert>,
    pub(crate) flows: usize,
}

impl Output for Told {
    fn alert(&mut self, alert: &Alert) {
        let mut record = Vec::new();
        ecs::alert(alert, &mut record);
        self.records.push(String::from_utf8(record).unwrap());
        self.alerts.push(alert.clone());
    }

    fn flow(&mut self, _: &borderflow::detect::Judged<'_>) {
        self.flows += 1;
    }
}

/// What is kept, by kind and key.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Kept(pub(crate) BTreeMap<(SavedKind, String), Vec<u8>>, Timestamp);

impl Kept {
    /// Takes what has changed; all of it at the end.
    pub(crate) fn take(&mut self, judge: &mut Judge, now: Timestamp, all: bool) {
        let (changed, complete) = judge.changes(now, all);
        for saved in changed {
            match saved.value {
                Some(value) => self.0.insert((saved.kind, saved.key), value),
                None => self.0.remove(&(saved.kind, saved.key)),
            };
        }
        if complete {
            self.1 = now;
        }
    }

    pub(crate) fn all(&self) -> Vec<(SavedKind, SavedValues)> {
        let of = |kind| {
            let values = self.0.iter().filter(|((it, _), _)| *it == kind);
            values.map(|((_, key), value)| (key.clone(), value.clone())).collect()
        };
        SavedKind::ALL.into_iter().map(|kind| (kind, of(kind))).collect()
    }

    /// A judge that goes on with it.
    pub(crate) fn resume(&self, (attributor, policy): &(Arc<Attributor>, Policy)) -> Judge {
        let mut judge = Judge::new(Arc::clone(attributor), policy.clone());
        let resumed = judge.resume(Some(self.1).filter(|until| *until > Timestamp::ZERO), &self.all());
        assert_eq!(resumed.dropped, 0);
        judge
    }
}
