//! On an ordinary machine's own interfaces.

use std::net::{SocketAddr, UdpSocket};

use super::capture::{exchange_with, exchanges};
use super::daemon::Setup;
use super::network::Network;
use super::records::text;

/// A conversation of this machine with itself: one datagram each way.
fn talk(network: &Network, address: &str) {
    let at = |port: u16| SocketAddr::new(address.parse().unwrap(), port);
    network.inside(|| {
        let (one, other) = (UdpSocket::bind(at(40_000)).unwrap(), UdpSocket::bind(at(9_999)).unwrap());
        one.send_to(&[1; 300], at(9_999)).unwrap();
        other.recv(&mut [0; 400]).unwrap();
        other.send_to(&[2; 500], at(40_000)).unwrap();
        one.recv(&mut [0; 600]).unwrap();
    });
}

#[test]
fn a_conversation_on_the_loopback_counts_once() {
    for interface in ["lo", "any"] {
        let Some(network) = Network::new() else { return };
        network.ip("addr add 10.9.9.9/32 dev lo");
        let setup = Setup::new(&network, "sensor").args(&format!("-i {interface} --filter udp"));
        let daemon = setup.start();
        talk(&network, "10.9.9.9");
        daemon.wait_for_frames(2);
        assert_eq!(daemon.metric("borderflow_frames_read_total"), 2.0, "-i {interface}");
        let flows = daemon.stop().flows;
        assert_eq!(flows.len(), 1, "-i {interface}: {flows:?}");
        let flow = &flows[0];
        let side = |side: &str| (text(flow, &format!("{side}.ip")).to_owned(), flow[side]["packets"].as_u64().unwrap());
        let once = ("10.9.9.9".to_owned(), 1);
        assert_eq!((side("source"), side("destination")), (once.clone(), once), "-i {interface}");
        assert_eq!(flow["borderflow"]["payload_bytes_sent"], 300, "-i {interface}");
        assert_eq!(flow["borderflow"]["payload_bytes_received"], 500, "-i {interface}");
    }
}

#[test]
fn the_interface_that_is_all_of_them_sees_what_comes_in_on_each() {
    let Some(network) = Network::new() else { return };
    network.cable("c", "d");
    let daemon = Setup::new(&network, "sensor").args("-i any --filter udp").start();
    // Both ends of a cable are here: what goes into one end is seen there and at the other, as by any machine that routes.
    network.send(&exchanges(1, 50), "a", 1_000);
    // What nothing numbers: IPv6.
    let unnumbered = (1..=50).flat_map(|n| exchange_with(&format!("fd00::{n}"), "2408:4000::1"));
    network.send(&unnumbered.collect::<Vec<_>>(), "c", 1_000);
    daemon.wait_for_frames(400);
    let flows = daemon.stop().flows;
    assert_eq!(flows.len(), 100, "{flows:?}");
    for flow in &flows {
        assert_eq!((&flow["source"]["packets"], &flow["destination"]["packets"]), (&1.into(), &1.into()), "{flow}");
    }
}
