//! A good frame of each protocol, link layer and tunnel, to be broken.

use std::net::{IpAddr, SocketAddr};

use borderflow_testkit::{
    Conversation, Host, Ipv6Extension, Link, Side, icmp_echo, icmp_unreachable, ip_packet, ipv6_extended, sctp, udp,
};

/// Frames that make flows.
pub(crate) struct Good {
    pub(crate) name: &'static str,
    pub(crate) link: u16,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) flows: u64,
}

fn one(name: &'static str, link: u16, frame: Vec<u8>) -> Good {
    Good { name, link, frames: vec![frame], flows: 1 }
}

/// Every good frame; the first is UDP over IPv4 in Ethernet.
pub(crate) fn all() -> Vec<Good> {
    [transports(), links(), below_ip(), ip_tunnels(), udp_tunnels()].into_iter().flatten().collect()
}

fn v4() -> (Host, Host) {
    (Host::new("10.0.0.7"), Host::new("47.97.1.10"))
}

fn v6() -> (Host, Host) {
    (Host::new("fd00::7"), Host::new("2400:3200::1"))
}

fn packet((from, to): (Host, Host), protocol: u8, transport: &[u8]) -> Vec<u8> {
    ip_packet(from.ip, to.ip, protocol, 64, 9, transport)
}

fn datagram((from, to): (Host, Host), ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    udp(SocketAddr::new(from.ip, ports.0), SocketAddr::new(to.ip, ports.1), payload)
}

/// The conversation inside of everything: UDP over IPv4.
fn inner() -> Vec<u8> {
    packet(v4(), 17, &datagram(v4(), (40_000, 514), b"a line for the log"))
}

fn inner6() -> Vec<u8> {
    packet(v6(), 17, &datagram(v6(), (40_000, 514), b"a line for the log"))
}

fn ether(ether_type: u16, content: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ether_type.to_be_bytes()[..], content].concat()
}

fn over_ethernet(hosts: (Host, Host), protocol: u8, transport: &[u8]) -> Vec<u8> {
    Link::Ethernet.frame(hosts.0, hosts.1, &packet(hosts, protocol, transport))
}

fn transports() -> Vec<Good> {
    let echo = |(from, to): (Host, Host)| icmp_echo(from.ip, to.ip, false, 1, 1, b"ping");
    let unreachable = |(from, to): (Host, Host)| icmp_unreachable(from.ip, to.ip, &inner());
    vec![
        one("udp", 1, ether(0x0800, &inner())),
        one("udp v6", 1, ether(0x86dd, &inner6())),
        connection("tcp", v4()),
        connection("tcp v6", v6()),
        one("icmp echo", 1, over_ethernet(v4(), 1, &echo(v4()))),
        one("icmpv6 echo", 1, over_ethernet(v6(), 58, &echo(v6()))),
        one("icmp unreachable", 1, over_ethernet(v4(), 1, &unreachable(v4()))),
        one("sctp", 1, over_ethernet(v4(), 132, &sctp(2_905, 2_905, 7, b"data"))),
        one("igmp", 1, over_ethernet(v4(), 2, &[0x16, 0, 0, 0, 239, 1, 2, 3])),
        one("extension headers", 1, ether(0x86dd, &extended())),
        fragments(),
        fragments_v6(),
    ]
}

fn connection(name: &'static str, hosts: (Host, Host)) -> Good {
    let talk = Conversation::new(hosts.0, 40_000, hosts.1, 443).open().exchange(Side::Client, b"ask", b"answer");
    let frames = talk.close().frames().into_iter().take(5).map(|frame| frame.data).collect();
    Good { name, link: 1, frames, flows: 1 }
}

fn extended() -> Vec<u8> {
    let (IpAddr::V6(from), IpAddr::V6(to)) = (v6().0.ip, v6().1.ip) else { panic!("IPv6") };
    let options = [1, 4, 0, 0, 0, 0];
    let extensions = [0, 43, 60].map(|kind| Ipv6Extension { kind, body: &options });
    ipv6_extended(from, to, &extensions, 17, &datagram(v6(), (40_000, 514), b"behind headers"))
}

fn fragments() -> Good {
    let (header, body) = (inner()[..20].to_vec(), inner()[20..].to_vec());
    let part = |content: &[u8], field: u16| {
        let mut packet = [&header, content].concat();
        packet[2..4].copy_from_slice(&((20 + content.len()) as u16).to_be_bytes());
        packet[6..8].copy_from_slice(&field.to_be_bytes());
        ether(0x0800, &packet)
    };
    Good { name: "fragments", link: 1, frames: vec![part(&body[..16], 0x2000), part(&body[16..], 2)], flows: 1 }
}

/// RFC 8200, section 4.5.
fn fragments_v6() -> Good {
    let body = inner6()[40..].to_vec();
    let part = |content: &[u8], field: u16| {
        let head = [&[17, 0], &field.to_be_bytes()[..], &[0, 0, 0, 9]].concat();
        ether(0x86dd, &packet(v6(), 44, &[&head, content].concat()))
    };
    Good { name: "fragments v6", link: 1, frames: vec![part(&body[..16], 1), part(&body[16..], 16)], flows: 1 }
}

fn links() -> Vec<Good> {
    let (from, to) = v4();
    let framed = |name, link: &Link| one(name, link.link_type(), link.frame(from, to, &inner()));
    let before = |name, number, head: &[u8]| one(name, number, [head, &inner()].concat());
    vec![
        framed("vlan", &Link::Vlan(vec![20])),
        framed("qinq", &Link::Vlan(vec![20, 7])),
        framed("cooked", &Link::LinuxSll),
        framed("cooked 2", &Link::LinuxSll2),
        framed("raw", &Link::Raw),
        one("raw v6", 229, inner6()),
        before("bsd loopback", 0, &[2, 0, 0, 0]),
        before("openbsd loopback", 108, &[0, 0, 0, 2]),
        before("ppp", 9, &[0xff, 3, 0, 0x21]),
        before("hdlc", 104, &[0x0f, 0, 8, 0]),
        one("802.11", 105, [&wifi(), &inner()[..]].concat()),
        one("radiotap", 127, [&[0, 0, 8, 0, 0, 0, 0, 0], &wifi()[..], &inner()].concat()),
    ]
}

/// A data frame to an access point and the LLC/SNAP header (IEEE 802.11-2020, clause 9.3.2; IEEE 802.2).
fn wifi() -> Vec<u8> {
    let mut header = vec![0x08, 0x01, 0, 0];
    for last in 1..=3 {
        header.extend([2, 0, 0, 0, 0, last]);
    }
    header.extend([0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    header
}

fn below_ip() -> Vec<Good> {
    let ethernet = ether(0x0800, &inner());
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner()].concat();
    let pppoe = [&[0x11, 0, 0, 5], &((inner().len() + 2) as u16).to_be_bytes()[..], &[0, 0x21], &inner()].concat();
    vec![
        one("llc snap", 1, ether(snap.len() as u16, &snap)),
        one("mpls", 1, ether(0x8847, &[&[0, 1, 0x01, 64], &inner()[..]].concat())),
        one("mpls ethernet", 1, ether(0x8847, &[&[0, 1, 0x01, 64, 0, 0, 0, 0], &ethernet[..]].concat())),
        one("pppoe", 1, ether(0x8864, &pppoe)),
        one("provider bridge", 1, ether(0x88e7, &[&[0, 0, 0, 9], &ethernet[..]].concat())),
    ]
}

fn ip_tunnels() -> Vec<Good> {
    let ethernet = ether(0x0800, &inner());
    let carried = |name, protocol, content: &[u8]| one(name, 1, over_ethernet(v4(), protocol, content));
    let gre = |name, head: &[u8], content: &[u8]| carried(name, 47, &[head, content].concat());
    vec![
        carried("4in4", 4, &inner()),
        carried("6in4", 41, &inner6()),
        one("4in6", 1, over_ethernet(v6(), 4, &inner())),
        gre("gre", &[0, 0, 8, 0], &inner()),
        gre("gre with key and sequence", &[0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2], &inner()),
        gre("erspan 1", &[0, 0, 0x88, 0xbe], &ethernet),
        gre("erspan 2", &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 7, 0, 0, 0, 0], &ethernet),
        gre("erspan 3", &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 7, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0], &ethernet),
        carried("etherip", 97, &[&[0x30, 0], &ethernet[..]].concat()),
    ]
}

fn udp_tunnels() -> Vec<Good> {
    let ethernet = ether(0x0800, &inner());
    let carried = |name, port, head: &[u8], content: &[u8]| {
        let payload = [head, content].concat();
        one(name, 1, over_ethernet(v4(), 17, &datagram(v4(), (50_000, port), &payload)))
    };
    let gtp = [&[0x30, 0xff], &(inner().len() as u16).to_be_bytes()[..], &[0, 0, 0, 1]].concat();
    vec![
        carried("vxlan", 4_789, &[8, 0, 0, 0, 0, 0, 42, 0], &ethernet),
        carried("vxlan gpe", 4_790, &[0x0c, 0, 0, 1, 0, 0, 42, 0], &inner()),
        carried("geneve", 6_081, &[0, 0, 0x65, 0x58, 0, 0, 42, 0], &ethernet),
        carried("gtp", 2_152, &gtp, &inner()),
        carried("teredo", 3_544, &[], &inner6()),
        carried("lisp", 4_341, &[0; 8], &inner()),
    ]
}
