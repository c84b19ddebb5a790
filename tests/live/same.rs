//! What comes in on an interface is judged as what comes from a file, by one shard or many, from one interface or two.

use std::fs;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use borderflow_testkit::dns::{self, Kind};
use borderflow_testkit::{Conversation, Frame, Host, Link, Pcap, udp_frame};

use super::capture::{self, demo, root, sample};
use super::daemon::{Daemon, Setup};
use super::network::Network;
use super::records::{insist_on_alerts, insist_on_flows, text, without_ways};
use super::tools::setting;

const MANY: u64 = 2_000;

fn demo_policy() -> String {
    fs::read_to_string(root().join("demo/config.toml")).unwrap()
}

/// Coverage is told once a minute: by the sensor when the minute is over, by a replay with the first frame after it, which
/// then is in it. So what is compared must not stand on both sides of that.
fn begin_in_a_minute() {
    let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() % 60;
    if second > 35 {
        thread::sleep(Duration::from_secs(61 - second));
    }
}

#[test]
fn the_demo_on_an_interface_makes_the_flows_and_alerts_of_the_demo_in_a_file() {
    let Some(network) = Network::new() else { return };
    begin_in_a_minute();
    let setup = Setup::new(&network, "sensor").policy(&demo_policy());
    let (recording, daemon) = (network.record("b"), setup.start());
    let frames = network.replay(&demo(), "a", MANY);
    daemon.wait_for_frames(frames);
    let found = daemon.stop();
    let expected = setup.replay(&recording.end(frames));
    assert!(expected.flows.len() > 400 && expected.alerts.len() > 30);
    insist_on_flows("demo", &found.flows, &expected.flows);
    insist_on_alerts("demo", &found, &expected);
}

/// Frames into `a`, and what daemons with 1, 2 and 4 shards and a replay make of what comes out at `b`: all the same. How
/// many frames the shards of each handed over.
fn handed_over(of: &str, policy: &str, frames: &[Frame]) -> Option<[f64; 3]> {
    let network = Network::new()?;
    let setups = ["1", "2", "4"].map(|shards| {
        let name = format!("shards-{shards}");
        Setup::new(&network, &name).policy(policy).set(&[&format!("capture.shards={shards}")])
    });
    begin_in_a_minute();
    let recording = network.record("b");
    let daemons = setups.each_ref().map(Setup::start);
    network.send(frames, "a", MANY);
    for daemon in &daemons {
        daemon.wait_for_frames(frames.len());
    }
    let handed_over = daemons.each_ref().map(|daemon| daemon.metric("borderflow_handovers_total"));
    for daemon in &daemons {
        assert_eq!(daemon.metric("borderflow_handovers_dropped_total"), 0.0);
    }
    let found = daemons.map(Daemon::stop);
    let expected = setups[0].replay(&recording.end(frames.len()));
    println!(
        "{of}: {} frames, {} flows, {} alerts; handed over {handed_over:?}",
        frames.len(),
        expected.flows.len(),
        expected.alerts.len()
    );
    assert!(!expected.flows.is_empty());
    for (number, shards) in [1, 2, 4].into_iter().enumerate() {
        let of = format!("{of}, {shards} shards");
        let (mut found, mut expected) = (found[number].clone(), expected.clone());
        if handed_over[number] > 0.0 {
            (found, expected) = (without_ways(&found), without_ways(&expected));
        }
        insist_on_flows(&of, &found.flows, &expected.flows);
        insist_on_alerts(&of, &found, &expected);
    }
    Some(handed_over)
}

/// Conversations over IPv4 and IPv6, TCP and UDP, with and without a VLAN tag.
fn plain() -> Vec<Frame> {
    let mut frames = Vec::new();
    for number in 0..60u16 {
        let (client, server) = match number % 2 {
            0 => (format!("10.1.0.{}", number + 1), format!("47.97.1.{}", number + 1)),
            _ => (format!("fd00::{number:x}"), format!("2408:4000::{number:x}")),
        };
        let mac = |side: u8| [2, 0, 0, 0, side, number as u8];
        let (client, server) = (Host::new(&client).with_mac(mac(1)), Host::new(&server).with_mac(mac(2)));
        let link = if number % 3 == 0 { Link::Vlan(vec![30]) } else { Link::Ethernet };
        let at = u64::from(number) * 1_000_000;
        frames.extend(
            Conversation::new(client, 40_000 + number, server, 443)
                .over(link.clone())
                .at(at)
                .open()
                .client(&[1; 3_000])
                .server(&[2; 500])
                .close()
                .frames(),
        );
        frames.push(udp_frame(&link, at, (client, 5_000 + number), (server, 4_433), &[3; 200]));
        frames.push(udp_frame(&link, at + 9_000_000, (server, 4_433), (client, 5_000 + number), &[4; 300]));
    }
    frames.sort_by_key(|frame| frame.timestamp_ns);
    frames
}

#[test]
fn the_kernel_deals_plain_traffic_to_shards_as_flows_are_dealt() {
    let Some(handed_over) = handed_over("plain traffic", "", &plain()) else { return };
    assert_eq!(handed_over, [0.0; 3]);
}

#[test]
fn what_is_in_tunnels_and_fragments_finds_its_shard() {
    let frames = sample(&["tunnel:", "frag:"], 300, 1).concat();
    if frames.is_empty() {
        return;
    }
    let Some(handed_over) = handed_over("tunnels and fragments", "", &frames) else { return };
    assert!(handed_over[0] == 0.0 && handed_over[1] > 0.0 && handed_over[2] > 0.0, "{handed_over:?}");
}

/// One way with an MPLS label, the other without, as beside a provider's router.
#[test]
fn a_flow_of_which_one_direction_is_labelled_has_its_true_volumes() {
    let Some(network) = Network::new() else { return };
    let labelled = |frame: Frame| {
        let mut data = frame.data;
        data.splice(12..14, [0x88, 0x47, 0, 1, 0xd1, 0xff]);
        Frame::new(frame.timestamp_ns, data)
    };
    let mut frames = Vec::new();
    for number in 1..=20 {
        let (client, server) = (Host::new(&format!("10.1.0.{number}")), Host::new(&format!("47.97.1.{number}")));
        let conversation = Conversation::new(client, 40_000, server, 443).at(1_000_000_000);
        let of_one = conversation.open().client(&[1; 300]).server(&[2; 100_000]).close().frames();
        let is_servers = |frame: &Frame| frame.data[26] == 47;
        frames.extend(of_one.into_iter().map(|frame| if is_servers(&frame) { labelled(frame) } else { frame }));
    }
    let daemons = ["1", "4"].map(|shards| {
        Setup::new(&network, &format!("shards-{shards}")).set(&[&format!("capture.shards={shards}")]).start()
    });
    network.send(&frames, "a", MANY);
    for daemon in daemons {
        daemon.wait_for_frames(frames.len());
        let flows = daemon.stop().flows;
        assert_eq!(flows.len(), 20);
        for flow in &flows {
            let told = &flow["borderflow"];
            let volumes =
                (&told["payload_bytes_sent"], &told["payload_bytes_received"], &told["missed_bytes_received"]);
            assert_eq!(volumes, (&300.into(), &100_000.into(), &serde_json::Value::Null), "{flow}");
        }
    }
}

/// A host asks for a name and speaks to the address at once; the answer and the conversation come to different shards.
#[test]
fn a_name_that_one_shard_learned_is_known_to_the_flow_of_another() {
    let Some(network) = Network::new() else { return };
    let (asset, resolver) = (Host::new("10.1.0.1"), (Host::new("10.1.0.53"), 53));
    let mut frames = Vec::new();
    for number in 1..=100u16 {
        let name = format!("host-{number}.example");
        let remote = Host::new(&format!("47.97.1.{number}"));
        let port = 10_000 + number;
        let answer = dns::answer(number, &name, Kind::A, &[dns::Data::Address(remote.ip)]);
        frames.push(udp_frame(&Link::Ethernet, 0, (asset, port), resolver, &dns::query(number, &name, Kind::A)));
        frames.push(udp_frame(&Link::Ethernet, 0, resolver, (asset, port), &answer));
        frames.push(udp_frame(&Link::Ethernet, 0, (asset, port), (remote, 9_999), &[1; 100]));
        frames.push(udp_frame(&Link::Ethernet, 0, (remote, 9_999), (asset, port), &[2; 100]));
    }
    let daemons = ["1", "4"].map(|shards| {
        Setup::new(&network, &format!("shards-{shards}")).set(&[&format!("capture.shards={shards}")]).start()
    });
    network.send(&frames, "a", MANY);
    for daemon in daemons {
        daemon.wait_for_frames(frames.len());
        let records = daemon.stop();
        let is_named = |flow: &&serde_json::Value| text(flow, "destination.domain").starts_with("host-");
        let spoken = records.flows.iter().filter(|flow| flow["destination"]["port"] == 9_999);
        assert_eq!(spoken.clone().filter(is_named).count(), 100, "of {} flows", spoken.count());
    }
}

/// BORDERFLOW_LIVE_STEP=1 takes every capture of the corpus that can be sent.
#[test]
fn captures_of_the_corpus_are_judged_by_1_2_and_4_shards_as_from_a_file() {
    let frames = sample(&[], 400, setting("BORDERFLOW_LIVE_STEP", 3) as usize).concat();
    if !frames.is_empty() {
        handed_over("a sample of the corpus", "", &frames);
    }
}

/// What a tap gives: what the client sends on one interface, what the server sends on the other, at their own pace.
#[test]
fn the_two_directions_of_a_tap_on_two_interfaces_are_one_conversation() {
    let Some(network) = Network::new() else { return };
    begin_in_a_minute();
    network.cable("c", "d");
    let frames = plain();
    let is_ours = |frame: &Frame| frame.data[10] == 1;
    let (sent, received): (Vec<Frame>, Vec<Frame>) = frames.iter().cloned().partition(is_ours);
    assert!(sent.len() > 300 && received.len() > 300, "{} {}", sent.len(), received.len());
    let setup = Setup::new(&network, "tap").args("-i b -i d");
    let recordings = [network.record("b"), network.record("d")];
    let daemon = setup.start();
    network.send_directions([(&sent, "a"), (&received, "c")]);
    daemon.wait_for_frames(frames.len());
    let found = daemon.stop();
    let [one, other] = recordings;
    let files = [one.end(sent.len()), other.end(received.len())];
    let whole = network.path("whole.pcap");
    let merged = capture::merged(&files.map(|file| fs::read(file).unwrap()));
    fs::write(&whole, Pcap { nanoseconds: true, ..Pcap::microseconds(1) }.write(&merged)).unwrap();
    let expected = setup.replay(&whole);
    assert_eq!(found.flows.len(), 120);
    for flow in &found.flows {
        assert!(flow["source"]["packets"].as_u64() >= Some(1) && flow["destination"]["packets"].as_u64() >= Some(1));
        assert_eq!(flow["borderflow"]["answered"], true, "{flow}");
        assert!(text(flow, "network.direction") == "outbound", "{flow}");
    }
    insist_on_flows("tap", &found.flows, &expected.flows);
    insist_on_alerts("tap", &found, &expected);
}
