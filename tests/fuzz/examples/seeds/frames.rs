//! A frame for each link layer, tunnel, extension header and transport.

use borderflow_testkit::{Host, Ipv6Extension, Link, Segment, flags, icmp_echo, ip_packet, ipv6_extended, protocol};
use borderflow_testkit::{sctp, tcp, udp};

/// Name, place of the link type in the decoder target's table, bytes.
pub(crate) type Named = (&'static str, u8, Vec<u8>);

const ETHERNET: u8 = 0;
const RAW: u8 = 1;

/// The `LINKTYPE_` number at a place of that table, as far as captures of one link type are made here.
pub(crate) fn link_type(place: u8) -> u16 {
    match place {
        ETHERNET => 1,
        RAW => 101,
        _ => u16::MAX,
    }
}

pub(crate) fn all() -> Vec<Named> {
    let mut all = links();
    all.extend(ethernets());
    all.extend(ip_tunnels());
    all.extend(udp_tunnels());
    all.extend(plain());
    all.extend(fragments());
    all
}

fn a() -> Host {
    Host::new("10.0.0.1")
}

fn b() -> Host {
    Host::new("47.97.1.10")
}

fn inner() -> Vec<u8> {
    let segment = udp(([10, 0, 0, 3], 5000).into(), ([47, 97, 1, 11], 502).into(), b"inner payload");
    ip_packet([10, 0, 0, 3].into(), [47, 97, 1, 11].into(), protocol::UDP, 64, 9, &segment)
}

fn inner_v6() -> Vec<u8> {
    let (from, to) = ("2001:db8::3", "2400:3200::1");
    let segment = segment(&format!("[{from}]:5000"), &format!("[{to}]:443"));
    ip_packet(Host::new(from).ip, Host::new(to).ip, protocol::TCP, 64, 0, &segment)
}

fn inner_ethernet() -> Vec<u8> {
    Link::Ethernet.frame(a(), b(), &inner())
}

fn segment(from: &str, to: &str) -> Vec<u8> {
    let (from, to) = (from.parse().expect("an address"), to.parse().expect("an address"));
    let flags = flags::PSH | flags::ACK;
    tcp(&Segment { from, to, sequence: 1000, acknowledgement: 2000, flags, options: &[1, 1, 1, 0] }, b"hi")
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ip_packet(a().ip, b().ip, protocol, 64, 7, payload)
}

fn ethernet(ether_type: u16, content: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ether_type.to_be_bytes()[..], content].concat()
}

fn over_ip(protocol: u8, header: &[u8], content: &[u8]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(protocol, &[header, content].concat()))
}

fn over_udp(port: u16, header: &[u8], content: &[u8]) -> Vec<u8> {
    let payload = [header, content].concat();
    ethernet(0x0800, &ipv4(protocol::UDP, &udp((a().ip, 50_000).into(), (b().ip, port).into(), &payload)))
}

fn links() -> Vec<Named> {
    let raw = inner();
    let behind = |header: &[u8]| [header, &raw].concat();
    let llc = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let wifi = [&[8, 2, 0, 0][..], &[2; 6], &[4; 6], &[6; 6], &[0, 0], &llc].concat();
    vec![
        ("raw", RAW, raw.clone()),
        ("cooked", 2, Link::LinuxSll.frame(a(), b(), &raw)),
        ("cooked-2", 3, Link::LinuxSll2.frame(a(), b(), &raw)),
        ("null", 4, behind(&[2, 0, 0, 0])),
        ("loop", 5, behind(&[0, 0, 0, 2])),
        ("ppp", 6, behind(&[0xff, 3, 0, 0x21])),
        ("ppp-hdlc", 7, behind(&[0xff, 3, 0, 0x21])),
        ("ppp-ether", 8, behind(&[0x11, 0, 0, 9, 0, 43, 0, 0x21])),
        ("ppp-direction", 9, behind(&[0, 0xff, 3, 0, 0x21])),
        ("cisco", 10, behind(&[0x0f, 0, 8, 0])),
        ("wifi", 11, behind(&wifi)),
        ("wifi-qos", 11, behind(&[&[0x88, 3][..], &wifi[2..24], &[6; 6], &[0, 0], &llc].concat())),
        ("radiotap", 12, behind(&[&[0, 0, 8, 0, 0, 0, 0, 0][..], &wifi].concat())),
        ("prism", 13, behind(&[&[0, 0, 0, 0x44, 0, 0, 0, 144][..], &[0; 136], &wifi].concat())),
        ("avs", 14, behind(&[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56], &wifi].concat())),
        ("ppi", 15, [&[0, 0, 8, 0, 1, 0, 0, 0][..], &inner_ethernet()].concat()),
        ("nflog", 18, behind(&[2, 0, 0, 0, 0, (raw.len() + 4) as u8, 9, 0].map(|byte: u8| byte))),
        ("infiniband", 19, behind(&[&[0; 40][..], &[8, 0, 0, 0]].concat())),
        ("frame-relay", 20, behind(&[0x18, 0x41, 3, 0xcc])),
        ("atm", 21, behind(&llc)),
        ("token-ring", 22, behind(&[&[0x10, 0x40][..], &[2; 6], &[4; 6], &llc].concat())),
        ("fddi", 23, behind(&[&[0x50][..], &[2; 6], &[4; 6], &llc].concat())),
    ]
}

fn ethernets() -> Vec<Named> {
    let raw = inner();
    let behind = |header: &[u8]| [header, &raw].concat();
    let llc = behind(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    let pbb = [&[0x12, 0, 0x30, 0x39][..], &inner_ethernet()].concat();
    vec![
        ("ethernet", ETHERNET, inner_ethernet()),
        ("vlans", ETHERNET, Link::Vlan(vec![20, 21, 22]).frame(a(), b(), &raw)),
        ("llc", ETHERNET, ethernet(llc.len() as u16, &llc)),
        ("mpls", ETHERNET, ethernet(0x8847, &behind(&[0, 1, 0, 64, 0, 2, 1, 64]))),
        ("mpls-ethernet", ETHERNET, ethernet(0x8847, &[&[0, 2, 1, 64, 0, 0, 0, 0][..], &inner_ethernet()].concat())),
        ("pppoe", ETHERNET, ethernet(0x8864, &behind(&[0x11, 0, 0, 9, 0, raw.len() as u8 + 2, 0, 0x21]))),
        ("pbb", ETHERNET, ethernet(0x88e7, &pbb)),
        ("macsec", ETHERNET, ethernet(0x88e5, &behind(&[&[0, 0, 0, 0, 0, 1, 8, 0][..]].concat()))),
        ("nsh", ETHERNET, ethernet(0x894f, &behind(&[0x0f, 0xc2, 1, 1, 0, 0, 1, 255]))),
        ("arp", ETHERNET, ethernet(0x0806, &[0; 28])),
    ]
}

fn ip_tunnels() -> Vec<Named> {
    let raw = inner();
    let ethernet = inner_ethernet();
    let erspan2 = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0x14, 0, 7, 0, 0, 0, 0];
    let erspan3 = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0x14, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
    vec![
        ("4in4", ETHERNET, over_ip(4, &[], &raw)),
        ("6in4", ETHERNET, over_ip(41, &[], &inner_v6())),
        ("gre", ETHERNET, over_ip(47, &[0, 0, 8, 0], &raw)),
        ("gre-key", ETHERNET, over_ip(47, &[0x30, 0, 0x65, 0x58, 0, 0, 0, 5, 0, 0, 0, 1], &ethernet)),
        ("gre-ppp", ETHERNET, over_ip(47, &[0x30, 1, 0x88, 0x0b, 0, 60, 0, 9, 0, 0, 0, 1, 0xff, 3, 0, 0x21], &raw)),
        ("erspan1", ETHERNET, over_ip(47, &[0, 0, 0x88, 0xbe], &ethernet)),
        ("erspan2", ETHERNET, over_ip(47, &erspan2, &ethernet)),
        ("erspan3", ETHERNET, over_ip(47, &erspan3, &ethernet)),
        ("etherip", ETHERNET, over_ip(97, &[0x30, 0], &ethernet)),
        ("l2tp3", ETHERNET, over_ip(115, &[0, 0, 0, 7], &ethernet)),
        (
            "ah",
            ETHERNET,
            over_ip(51, &[17, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5], &raw[20..]),
        ),
        ("esp", ETHERNET, over_ip(50, &[0, 0, 0, 1, 0, 0, 0, 2], &[9; 40])),
    ]
}

fn udp_tunnels() -> Vec<Named> {
    let raw = inner();
    let ethernet = inner_ethernet();
    let len = (raw.len() as u16).to_be_bytes();
    let l2tp = [0, 2, 0, 1, 0, 7, 0xff, 3, 0, 0x21];
    vec![
        ("vxlan", ETHERNET, over_udp(4789, &[8, 0, 0, 0, 0, 0x13, 0x89, 0], &ethernet)),
        ("vxlan-gpe", ETHERNET, over_udp(4790, &[0x0c, 0, 0, 1, 0, 0x13, 0x89, 0], &raw)),
        ("geneve", ETHERNET, over_udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 7, 0], &ethernet)),
        ("geneve-options", ETHERNET, over_udp(6081, &[1, 0, 8, 0, 0, 0, 7, 0, 1, 2, 3, 0], &raw)),
        ("gtp", ETHERNET, over_udp(2152, &[0x30, 0xff, len[0], len[1], 0, 0, 0, 7], &raw)),
        (
            "gtp-extended",
            ETHERNET,
            over_udp(2152, &[0x34, 0xff, 0, len[1] + 8, 0, 0, 0, 7, 0, 0, 0, 0x85, 1, 0, 9, 0], &raw),
        ),
        ("teredo", ETHERNET, over_udp(3544, &[], &inner_v6())),
        ("teredo-origin", ETHERNET, over_udp(3544, &[0, 0, 1, 2, 3, 4, 5, 6], &inner_v6())),
        ("l2tp2", ETHERNET, over_udp(1701, &l2tp, &raw)),
        ("lisp", ETHERNET, over_udp(4341, &[0x80, 0, 0, 1, 0, 0, 0, 1], &raw)),
        ("capwap", ETHERNET, over_udp(5247, &[0, 0x10, 2, 0, 0, 0, 0, 0], &ethernet)),
        ("nested", ETHERNET, over_udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0], &over_ip(47, &[0, 0, 8, 0], &raw))),
    ]
}

fn plain() -> Vec<Named> {
    let (from, to) = (
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        [0x24, 0, 0x32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    );
    let extensions = [
        Ipv6Extension { kind: 0, body: &[1, 4, 0, 0, 0, 0] },
        Ipv6Extension { kind: 43, body: &[0; 14] },
        Ipv6Extension { kind: 60, body: &[1, 4, 0, 0, 0, 0] },
    ];
    let extended = ipv6_extended(from.into(), to.into(), &extensions, protocol::UDP, &inner()[20..]);
    let echo = icmp_echo(a().ip, b().ip, false, 1, 1, b"ping");
    let segment = segment("10.0.0.1:40000", "47.97.1.10:443");
    vec![
        ("tcp", ETHERNET, over_ip(6, &[], &segment)),
        ("tcp-v6", RAW, inner_v6()),
        ("icmp", ETHERNET, over_ip(1, &[], &echo)),
        ("sctp", ETHERNET, over_ip(132, &[], &sctp(36412, 36412, 7, b"chunk"))),
        ("dccp", ETHERNET, over_ip(33, &[], &[0x13, 0x88, 0x13, 0x89, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 5, 5])),
        ("extended", RAW, extended),
    ]
}

/// Two fragments of one datagram, the second first.
fn fragments() -> Vec<Named> {
    let payload = udp(([10, 0, 0, 1], 5000).into(), ([47, 97, 1, 10], 502).into(), &[7; 56]);
    let part = |place: u16, content: &[u8]| {
        let mut packet = ipv4(protocol::UDP, content);
        packet[6..8].copy_from_slice(&place.to_be_bytes());
        packet
    };
    vec![("fragment-2", RAW, part(4, &payload[32..])), ("fragment-1", RAW, part(0x2000, &payload[..32]))]
}
