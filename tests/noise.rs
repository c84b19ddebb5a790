//! A day of the Internet's background noise against a small network, and what an operator has to read of it.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "noise/traffic.rs"]
mod traffic;

use borderflow::capture::{Batch, LinkType};
use borderflow::config::Config;
use borderflow::deliver::Output;
use borderflow::detect::{Activity, Alert, Judged, Step};
use borderflow::inspect::Login;
use borderflow::net::Timestamp;
use borderflow::pipeline::{Front, Judge, Shard};
use borderflow::run;
use borderflow_testkit::{Frame, Prng};

use traffic::{FLAGGED, START_NS, Service, Traffic, payload_bytes, session, session_ends};

#[derive(Default)]
struct Alerts(Vec<Alert>);

impl Output for Alerts {
    fn alert(&mut self, alert: &Alert) {
        self.0.push(alert.clone());
    }

    fn flow(&mut self, _: &Judged<'_>) {}
}

fn config() -> Config {
    let networks = FLAGGED.map(|(prefix, asn)| {
        format!("{{prefix=\"{prefix}\", country=\"CN\", asn={asn}, organization=\"Network {asn}\"}}")
    });
    let rest = "{prefix=\"198.19.0.0/16\", country=\"DE\", asn=64510, organization=\"Elsewhere\"}";
    let overrides = format!("geoip.override=[{}, {rest}]", networks.join(", "));
    Config::from_text(None, &["monitor.home=[\"10.20.0.0/24\"]".to_owned(), overrides]).unwrap()
}

/// What a replay of `frames` tells.
fn replay(frames: &[Frame]) -> Vec<Alert> {
    let config = config();
    let (decode, flow) = (run::decode_options(&config), run::flow_options(&config));
    let attributor = run::attributor(&config).unwrap();
    let (mut front, mut shard) = (Front::new(decode, None, flow.seed), Shard::new(&flow, decode, 0, 1));
    let mut judge = Judge::new(attributor, run::policy(&config));
    let (mut alerts, mut batch, mut updates) = (Alerts::default(), Batch::default(), Vec::new());
    let mut packets = [Vec::new()];
    for block in frames.chunks(2_000) {
        batch.clear();
        for frame in block {
            batch.push(Timestamp::from_nanos(frame.timestamp_ns), LinkType::ETHERNET, frame.wire_len, &frame.data);
        }
        front.decode(&mut batch, &mut packets);
        let [list] = &mut packets;
        shard.handle(&batch, list, front.clock(), &mut updates);
        list.clear();
        judge.hear(front.sightings());
        judge.handle(&mut updates, &mut [&mut alerts]);
    }
    front.finish();
    shard.finish(front.clock(), &mut updates);
    judge.finish(&mut updates, front.clock(), &mut [&mut alerts]);
    assert_eq!(shard.counters().evicted, 0, "the default table holds a day of noise");
    alerts.0
}

fn told(alerts: &[Alert]) -> String {
    let line = |alert: &Alert| {
        let asset = alert.asset.as_ref().map_or("many", |asset| &asset.name);
        let (rule, severity, entity) = (alert.activity.id(), alert.severity.score, alert.entity.as_deref());
        format!("{:?} {rule} {severity} {asset} {entity:?} {:?}\n", alert.step, alert.totals)
    };
    alerts.iter().map(line).collect()
}

fn is_management(alert: &&Alert) -> bool {
    matches!(alert.activity, Activity::Management(_))
}

#[test]
fn a_session_in_a_day_of_noise_is_told_whole_and_first_and_the_noise_in_a_dozen_alerts() {
    let mut prng = Prng::new(20_250_616);
    let mut traffic = Traffic::default();
    traffic.scan(&mut prng, 100_000, 5_000);
    traffic.campaigns(&mut prng, 20);
    let (from, to) = session_ends();
    let hidden = session(&mut prng, Service::Ssh, from, to, START_NS + 40_000_000_000_000, 120);
    let (sent, received) = (payload_bytes(&hidden, to), payload_bytes(&hidden, from));
    let (first, last) = (hidden[0].timestamp_ns, hidden[hidden.len() - 1].timestamp_ns);
    traffic.frames.extend(hidden);
    let traffic = traffic.sorted();
    let alerts = replay(&traffic.frames);
    assert!(alerts.len() <= 12, "{} alerts:\n{}", alerts.len(), told(&alerts));

    let sessions: Vec<&Alert> = alerts.iter().filter(is_management).collect();
    let closed = sessions.last().unwrap();
    assert!(sessions.iter().all(|alert| alert.finding == closed.finding), "{}", told(&alerts));
    let most = alerts.iter().filter(|alert| !is_management(alert)).map(|alert| alert.severity.score).max().unwrap();
    assert!(sessions.iter().all(|alert| alert.severity.score > most), "{}", told(&alerts));
    let totals = closed.totals;
    assert_eq!((closed.step, totals.flows, totals.inbound_flows), (Step::Closed, 1, 1));
    assert_eq!((totals.sent_bytes, totals.received_bytes), (sent, received));
    assert_eq!((closed.first_seen.as_nanos(), closed.last_seen.as_nanos()), (first, last));
    assert_eq!(*closed.asset.as_ref().unwrap().name, *to.ip.to_string());
    assert_eq!(closed.flow.initiator.endpoint.address, from.ip);
    assert_eq!(closed.management.as_ref().unwrap().login, Some(Login::Granted));

    let counted = |activity: Activity| {
        let of = alerts.iter().filter(|alert| alert.activity == activity && alert.step == Step::Closed);
        of.map(|alert| alert.totals.flows).collect::<Vec<u64>>()
    };
    assert_eq!(counted(Activity::LoginFailed), [traffic.refused]);
    // A datagram from a port where services listen looks like an answer to one that was not seen.
    let attempts = counted(Activity::Attempt);
    let knocks = traffic.unanswered + traffic.answered;
    assert!(matches!(attempts[..], [count] if (knocks - 10..=knocks).contains(&count)), "{attempts:?} of {knocks}");
    assert!(traffic.answered > 1_000);
}

#[test]
fn a_password_guessed_after_many_is_critical() {
    for service in [Service::Ssh, Service::Telnet] {
        let mut prng = Prng::new(7);
        let mut traffic = Traffic::default();
        let (from, to) = session_ends();
        traffic.guess(&mut prng, service, from, to, 40);
        let last = traffic.frames.iter().map(|frame| frame.timestamp_ns).max().unwrap();
        traffic.frames.extend(session(&mut prng, service, from, to, last + 2_000_000_000, 10));
        let alerts = replay(&traffic.sorted().frames);
        let sessions: Vec<&Alert> = alerts.iter().filter(is_management).collect();
        assert!(sessions.iter().any(|alert| alert.step == Step::Opened), "{}", told(&alerts));
        assert!(sessions.iter().all(|alert| alert.severity.level() == "critical"), "{}", told(&alerts));
        assert!(sessions[0].management.as_ref().unwrap().failed_before >= 40, "{}", told(&alerts));
    }
}
