//! Frames made by hand, one for each link layer and tunnel, all around the same conversation.

use crate::capture::LinkType;

/// The payload every golden frame carries.
pub(super) const PAYLOAD: &[u8] = b"golden payload of a small request";

/// A frame, and what it must decode to.
pub(super) struct Golden {
    pub(super) name: &'static str,
    pub(super) link: LinkType,
    pub(super) bytes: Vec<u8>,
    pub(super) path: &'static str,
    pub(super) protocol: u8,
    /// Length of the IPv6 header with extension headers.
    pub(super) ip6_header: usize,
    /// Bytes behind the innermost packet.
    pub(super) trailer: usize,
}

fn golden(name: &'static str, link: u16, path: &'static str, bytes: Vec<u8>) -> Golden {
    Golden { name, link: LinkType(link), bytes, path, protocol: 17, ip6_header: 40, trailer: 0 }
}

/// Every golden frame; the first is plain IPv4 and UDP in Ethernet.
pub(super) fn all() -> Vec<Golden> {
    let mut all = links();
    all.extend(tunnels());
    all
}

/// The innermost IPv4 packet.
pub(super) fn inner() -> Vec<u8> {
    ipv4(17, 64, 9, &udp(4660, 502, PAYLOAD))
}

fn links() -> Vec<Golden> {
    let over_tcp = |bytes| Golden { protocol: 6, ..golden("tcp", 1, "", bytes) };
    let extended = [[6, 0, 1, 4, 0, 0, 0, 0].as_slice(), &tcp(PAYLOAD)].concat();
    vec![
        golden("ethernet", 1, "", ethernet(0x0800, inner())),
        over_tcp(ethernet(0x0800, ipv4(6, 64, 9, &tcp(PAYLOAD)))),
        over_tcp(ethernet(0x86dd, ipv6(6, &tcp(PAYLOAD)))),
        Golden { ip6_header: 48, ..over_tcp(ethernet(0x86dd, ipv6(60, &extended))) },
        golden("qinq", 1, "", ethernet(0x88a8, [tag(20, 0x8100), tag(21, 0x0800), inner()].concat())),
        golden("raw", 101, "", inner()),
        golden("raw v6", 229, "", ipv6(17, &udp(4660, 502, PAYLOAD))),
        golden("sll", 113, "", [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0][..], &inner()].concat()),
        golden("sll2", 276, "", [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &inner()].concat()),
    ]
}

fn tunnels() -> Vec<Golden> {
    vec![
        golden("4in4", 1, "4in4", ethernet(0x0800, ipv4(4, 64, 1, &inner()))),
        golden("6in4", 1, "6in4", ethernet(0x0800, ipv4(41, 64, 1, &ipv6(17, &udp(4660, 502, PAYLOAD))))),
        golden("4in6", 1, "4in6", ethernet(0x86dd, ipv6(4, &inner()))),
    ]
}

pub(super) fn ethernet(ether_type: u16, content: Vec<u8>) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    [&addresses[..], &ether_type.to_be_bytes(), &content].concat()
}

pub(super) fn tag(vlan: u16, ether_type: u16) -> Vec<u8> {
    [vlan.to_be_bytes(), ether_type.to_be_bytes()].concat()
}

pub(super) fn ipv4(protocol: u8, ttl: u8, id: u16, content: &[u8]) -> Vec<u8> {
    let [len, id] = [(20 + content.len() as u16).to_be_bytes(), id.to_be_bytes()];
    let head = [0x45, 0, len[0], len[1], id[0], id[1], 0, 0, ttl, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&head[..], content].concat()
}

pub(super) fn ipv6(next: u8, content: &[u8]) -> Vec<u8> {
    let len = (content.len() as u16).to_be_bytes();
    let address = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    [&[0x60, 0, 0, 0, len[0], len[1], next, 64], &address(1)[..], &address(2), content].concat()
}

pub(super) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len() as u16).to_be_bytes();
    [&source.to_be_bytes()[..], &destination.to_be_bytes(), &len, &[0x12, 0x34], payload].concat()
}

pub(super) fn tcp(payload: &[u8]) -> Vec<u8> {
    let head = [0x12, 0x34, 1, 0xf6, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 2, 0, 0x43, 0x21, 0, 0];
    [&head[..], payload].concat()
}
