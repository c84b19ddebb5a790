//! The captures behind the golden behaviours. 203.0.113.0/24 and 2001:db8:6::/48 are a flagged network by the
//! configuration of each folder; 198.51.100.0/24 is an innocent one.

use borderflow_testkit::{Conversation, Frame, Host, Link, Side, udp_frame};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;
/// 12 November 2025, 08:00 UTC.
const MORNING: u64 = 1_762_934_400 * SECOND;
/// An address of the watched plant.
const PUMP: &str = "10.20.0.15";
const FLAGGED: &str = "203.0.113.10";

fn talk(home: &str, port: u16, remote: &str) -> Conversation {
    Conversation::new(Host::new(home), port, Host::new(remote), 443).at(MORNING)
}

/// A short upload of `bytes`, and a little answer.
fn upload(home: &str, remote: &str, bytes: usize) -> Vec<Frame> {
    talk(home, 40_000, remote).open().exchange(Side::Client, &vec![7; bytes], b"200 OK").close().frames()
}

pub(crate) fn attempts() -> Vec<Frame> {
    let mut frames = Vec::new();
    for (number, remote) in ["203.0.113.10", "203.0.113.11"].into_iter().enumerate() {
        let syn = talk(PUMP, 40_000 + number as u16, remote).wait(number as u64 * HOUR).syn();
        frames.extend(syn.repeat_syn(SECOND).repeat_syn(2 * SECOND).frames());
    }
    for port in 1..=200 {
        let scanner = Conversation::new(Host::new("203.0.113.99"), 55_555, Host::new(PUMP), port);
        frames.extend(scanner.at(MORNING + u64::from(port) * SECOND).syn().frames());
    }
    frames
}

pub(crate) fn refused() -> Vec<Frame> {
    talk(PUMP, 40_000, FLAGGED).syn().refuse().frames()
}

pub(crate) fn midstream() -> Vec<Frame> {
    talk(PUMP, 40_000, FLAGGED).exchange(Side::Client, &[7; 5_000], &[8; 300]).client(&[7; 2_000]).frames()
}

pub(crate) fn retransmission() -> Vec<Frame> {
    let talk = talk(PUMP, 40_000, FLAGGED).open().client(&[7; 1_000]);
    talk.retransmit(Side::Client).wait(SECOND).retransmit(Side::Client).keep_alive(Side::Client).close().frames()
}

pub(crate) fn tenfold() -> Vec<Frame> {
    let mut talk = talk(PUMP, 40_000, FLAGGED).open();
    for size in [5, 40, 50, 1_000, 8_000, 10_000, 1_000_000] {
        talk = talk.exchange(Side::Client, &vec![7; size], b"OK").wait(61 * SECOND);
    }
    talk.client(b"!").close().frames()
}

pub(crate) fn closed_and_reopened() -> Vec<Frame> {
    let mut frames = upload(PUMP, FLAGGED, 500);
    let later = talk(PUMP, 40_001, FLAGGED).wait(40 * HOUR).open().exchange(Side::Client, &[7; 70], b"200 OK");
    frames.extend(later.close().frames());
    // Innocent traffic is what tells the time in between.
    for hour in 0..42 {
        let port = 41_000 + hour as u16;
        frames.extend(talk(PUMP, port, "198.51.100.1").wait(hour * HOUR).open().close().frames());
    }
    frames
}

pub(crate) fn inbound_session() -> Vec<Frame> {
    let mut ssh = Conversation::new(Host::new("203.0.113.66"), 51_000, Host::new(PUMP), 22).at(MORNING).open();
    ssh = ssh.server(b"SSH-2.0-OpenSSH_9.2\r\n").client(b"SSH-2.0-PuTTY_0.81\r\n");
    for _ in 0..30 {
        ssh = ssh.wait(3 * SECOND).exchange(Side::Client, &[1; 36], &[2; 400]);
    }
    ssh.close().frames()
}

/// To 77.88.55.88, which every database places in Russia (Yandex).
pub(crate) fn moscow() -> Vec<Frame> {
    upload(PUMP, "77.88.55.88", 900)
}

pub(crate) fn hong_kong_and_china() -> Vec<Frame> {
    [upload(PUMP, "203.0.113.10", 100), upload(PUMP, "198.51.100.10", 200)].concat()
}

/// Two addresses of one network in China, of which the configuration knows one better.
pub(crate) fn alibaba_and_its_neighbour() -> Vec<Frame> {
    [upload(PUMP, "47.97.1.10", 100), upload(PUMP, FLAGGED, 200)].concat()
}

pub(crate) fn private_hosts() -> Vec<Frame> {
    [upload("192.168.1.20", "47.97.1.10", 1_234), upload("172.16.0.9", "77.75.79.222", 99)].concat()
}

pub(crate) fn taiwan() -> Vec<Frame> {
    upload(PUMP, "203.66.35.10", 50_000)
}

pub(crate) fn ipv6() -> Vec<Frame> {
    upload("fd00:20::15", "2001:db8:6::10", 4_321)
}

pub(crate) fn vlan() -> Vec<Frame> {
    let talk = talk(PUMP, 40_000, FLAGGED).over(Link::Vlan(vec![120, 7]));
    talk.open().exchange(Side::Client, &[7; 640], b"200 OK").close().frames()
}

/// One camera with two addresses, as DHCP gives them.
pub(crate) fn roaming() -> Vec<Frame> {
    let camera = |ip| Host::new(ip).with_mac([0x04, 0x03, 0x12, 0x5a, 0x10, 0x21]);
    let visit = |ip, hours| {
        let talk = Conversation::new(camera(ip), 40_000, Host::new(FLAGGED), 443).at(MORNING + hours * HOUR);
        talk.open().exchange(Side::Client, &[7; 300], b"200 OK").close().frames()
    };
    [visit("10.20.0.77", 0), visit("10.20.0.78", 3)].concat()
}

pub(crate) fn threshold() -> Vec<Frame> {
    [upload(PUMP, FLAGGED, 999), upload("10.20.0.16", FLAGGED, 1_000)].concat()
}

/// Three requests of 100 bytes, of which the last is answered a minute later.
pub(crate) fn udp_answered_later() -> Vec<Frame> {
    let (home, remote) = ((Host::new(PUMP), 40_000), (Host::new(FLAGGED), 123));
    let mut frames: Vec<Frame> = (0..3)
        .map(|number| udp_frame(&Link::Ethernet, MORNING + number * SECOND, home, remote, &[number as u8; 100]))
        .collect();
    frames.push(udp_frame(&Link::Ethernet, MORNING + 62 * SECOND, remote, home, &[9; 48]));
    frames
}

pub(crate) fn one_sided() -> Vec<Frame> {
    talk(PUMP, 40_000, FLAGGED).only(Side::Client).open().client(&[7; 3_000]).close().frames()
}

pub(crate) fn external() -> Vec<Frame> {
    upload("198.51.100.20", FLAGGED, 700)
}
