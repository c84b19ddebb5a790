//! The captures behind the golden behaviours. 203.0.113.0/24 and 2001:db8:6::/48 are a flagged network by the
//! configuration of each folder; 198.51.100.0/24 is an innocent one.

use borderflow_testkit::industrial::modbus;
use borderflow_testkit::tls::{self, ClientHello};
use borderflow_testkit::{Conversation, Frame, Host, Link, Prng, Side, dhcp, dns, mqtt, ssh, udp_frame};

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

/// An SSH connection from outside up to the answer to the last password.
fn ssh_login(from: &str, port: u16, to: &str, granted: &[bool]) -> Conversation {
    let mut prng = Prng::new(u64::from(port));
    let mut ssh = Conversation::new(Host::new(from), port, Host::new(to), 22).at(MORNING).open();
    ssh = ssh.server(&ssh::banner("OpenSSH_9.2")).client(&ssh::banner("PuTTY_0.81"));
    ssh = ssh.client(&ssh::kexinit(&mut prng)).server(&ssh::kexinit(&mut prng));
    ssh = ssh.client(&ssh::ecdh_init(&mut prng)).server(&ssh::ecdh_reply(&mut prng)).client(&ssh::new_keys(&mut prng));
    for (asked, answered) in ssh::login(granted) {
        ssh = ssh.exchange(Side::Client, &prng.bytes(asked), &prng.bytes(answered));
    }
    ssh
}

pub(crate) fn inbound_session() -> Vec<Frame> {
    let mut ssh = ssh_login("203.0.113.66", 51_000, PUMP, &[true]);
    for _ in 0..30 {
        ssh = ssh.wait(3 * SECOND).exchange(Side::Client, &[1; 36], &[2; 400]);
    }
    ssh.close().frames()
}

/// Two hosts try passwords on two assets: a hundred and twenty connections, each answered, none granted.
pub(crate) fn failed_logins() -> Vec<Frame> {
    let mut frames = Vec::new();
    for number in 0..120 {
        let (from, to) = [("203.0.113.66", PUMP), ("203.0.113.67", "10.20.0.16")][usize::from(number % 2)];
        let wait = u64::from(number) * 20 * SECOND;
        let tried = ssh_login(from, 51_000 + number, to, &[false, false]).close().frames();
        frames.extend(tried.into_iter().map(|frame| Frame { timestamp_ns: frame.timestamp_ns + wait, ..frame }));
    }
    frames
}

/// Nothing but TLS without a name: the other side breaks the silence each half minute, and is answered at length.
pub(crate) fn driven() -> Vec<Frame> {
    let mut prng = Prng::new(7);
    let hello = ClientHello { server_name: None, alpn: &[], post_quantum: false }.record(&mut prng);
    let flight = tls::server_flight(&hello, 2_600, &mut prng);
    let mut line = talk(PUMP, 40_000, FLAGGED).open().client(&hello).server(&flight);
    line = line.client(&tls::client_finished(&mut prng));
    for round in 0..12 {
        let (asked, told) = (tls::application_data(60, &mut prng), tls::application_data(300 + 40 * round, &mut prng));
        line = line.wait(30 * SECOND).exchange(Side::Server, &asked, &told);
    }
    line.close().frames()
}

/// Somebody outside reads registers, and an hour later writes one.
pub(crate) fn controller_written_to() -> Vec<Frame> {
    let mut poll = Conversation::new(Host::new("203.0.113.66"), 51_000, Host::new(PUMP), 502).at(MORNING).open();
    for round in 0..4 {
        let (asked, told) = (modbus::read_registers(round, 1, 100, 2), modbus::registers(round, 1, &[417, 50]));
        poll = poll.exchange(Side::Client, &asked, &told).wait(20 * SECOND);
    }
    let written = modbus::write_register(9, 1, 40, 0);
    poll.wait(60 * SECOND).exchange(Side::Client, &written, &written).close().frames()
}

/// The pump dials out and reports; its broker publishes to it.
pub(crate) fn mqtt_push() -> Vec<Frame> {
    let talk = Conversation::new(Host::new(PUMP), 40_000, Host::new(FLAGGED), 1883).at(MORNING).open();
    let talk = talk.exchange(Side::Client, &mqtt::connect("pump-7", "pump", "********", 60), &mqtt::connack());
    let talk = talk.client(&mqtt::subscribe(1, "pumps/7/set")).client(&mqtt::publish("pumps/7/flow", b"41.7"));
    talk.wait(90 * SECOND).server(&mqtt::publish("pumps/7/set", b"speed=0")).close().frames()
}

/// A request whose Host comes only with its second segment, long after the first.
pub(crate) fn late_name() -> Vec<Frame> {
    let talk = talk(PUMP, 40_000, FLAGGED).open().client(b"POST /v1/upload HTTP/1.1\r\nContent-Length: 4\r\n");
    let talk = talk.wait(3 * SECOND).client(b"Host: in.pumps.example\r\n\r\nflow");
    talk.exchange(Side::Client, b"flow", b"HTTP/1.1 200 OK\r\n\r\n").close().frames()
}

/// A camera of a Chinese maker by its MAC asks for an address and uses the plant's resolver, and nothing else.
pub(crate) fn undeclared_device() -> Vec<Frame> {
    let mac = [0x3c, 0xef, 0x8c, 0x5a, 0x10, 0x77];
    let (camera, resolver) = (Host::new("10.20.0.77").with_mac(mac), Host::new("10.20.0.53"));
    let request = dhcp::request(mac, [10, 20, 0, 77].into(), "lobby-cam", "IPC-EXAMPLE");
    let (nobody, everybody) = (Host::new("0.0.0.0").with_mac(mac), Host::new("255.255.255.255").with_mac([0xff; 6]));
    let mut frames = vec![udp_frame(&Link::Ethernet, MORNING, (nobody, 68), (everybody, 67), &request)];
    let query = dns::query(1, "time.example.cz", dns::Kind::A);
    let answer = dns::answer(1, "time.example.cz", dns::Kind::A, &[dns::Data::Address([192, 0, 2, 1].into())]);
    for number in 0..3 {
        let (at, from) = (MORNING + (1 + u64::from(number)) * SECOND, (camera, 40_000 + number));
        frames.push(udp_frame(&Link::Ethernet, at, from, (resolver, 53), &query));
        frames.push(udp_frame(&Link::Ethernet, at + 900_000, (resolver, 53), from, &answer));
    }
    frames
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

/// On Wednesday morning, which is in the schedule; in the evening, which is not; a week later, when it has expired.
pub(crate) fn accepted_risk() -> Vec<Frame> {
    let at = |hours: u64, port| talk(PUMP, port, FLAGGED).wait(hours * HOUR);
    let sent = |talk: Conversation| talk.open().exchange(Side::Client, &[7; 500], b"OK").close().frames();
    [at(0, 40_000), at(10, 40_001), at(7 * 24, 40_002)].map(sent).concat()
}

/// A kilobyte every 20 minutes from 18:00 on: twenty of them by half past midnight.
pub(crate) fn slow_drip() -> Vec<Frame> {
    let drop = |number: u64| {
        let talk = talk(PUMP, 40_000 + number as u16, FLAGGED).wait(10 * HOUR + number * HOUR / 3);
        talk.open().exchange(Side::Client, &[7; 1_000], b"OK").close().frames()
    };
    (0..24).flat_map(drop).collect()
}

/// Five hosts within a minute where there is room for two.
pub(crate) fn crowded() -> Vec<Frame> {
    let host = |number: u64| {
        let home = format!("10.20.0.{}", 100 + number);
        let talk = talk(&home, 40_000, FLAGGED).wait(number * 10 * SECOND);
        talk.open().exchange(Side::Client, &[7; 500], b"OK").close().frames()
    };
    (0..5).flat_map(host).collect()
}
