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
    let mut all = ip_and_ethernet();
    all.extend(other_links());
    all.extend(wifi());
    all
}

fn ip_and_ethernet() -> Vec<Golden> {
    let over_tcp = |bytes| Golden { protocol: 6, ..golden("tcp", 1, "", bytes) };
    let extended = [[6, 0, 1, 4, 0, 0, 0, 0].as_slice(), &tcp(PAYLOAD)].concat();
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner()].concat();
    let macsec = [&[0x20, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 1, 8, 0][..], &inner(), &[0; 16]].concat();
    let customer = ethernet(0x8100, [tag(5, 0x0800), inner()].concat());
    vec![
        golden("ethernet", 1, "", ethernet(0x0800, inner())),
        over_tcp(ethernet(0x0800, ipv4(6, 64, 9, &tcp(PAYLOAD)))),
        over_tcp(ethernet(0x86dd, ipv6(6, &tcp(PAYLOAD)))),
        Golden { ip6_header: 48, ..over_tcp(ethernet(0x86dd, ipv6(60, &extended))) },
        golden("qinq", 1, "", ethernet(0x88a8, [tag(20, 0x8100), tag(21, 0x0800), inner()].concat())),
        golden("802.3", 1, "", ethernet(snap.len() as u16, snap)),
        golden("e-tag", 1, "", ethernet(0x893f, [&[0, 0, 0, 1, 0, 0, 8, 0][..], &inner()].concat())),
        golden("pbb", 1, "pbb:500 vlan:5", ethernet(0x88e7, [&[0, 0, 1, 0xf4][..], &customer].concat())),
        Golden { trailer: 16, ..golden("macsec", 1, "macsec", ethernet(0x88e5, macsec)) },
        golden("mpls", 1, "mpls:17", ethernet(0x8847, [&[0, 1, 0, 64, 0, 1, 0x11, 64][..], &inner()].concat())),
        golden("mpls word", 1, "mpls:17", mpls(&[&[0, 0, 0, 9][..], &ethernet(0x0800, inner())].concat())),
        golden("mpls ethernet", 1, "mpls:17", mpls(&ethernet(0x0800, inner()))),
        golden("pppoe", 1, "pppoe:7", ethernet(0x8864, pppoe())),
        golden("nsh", 1, "nsh:42", ethernet(0x894f, nsh())),
    ]
}

fn mpls(content: &[u8]) -> Vec<u8> {
    ethernet(0x8847, [&[0, 1, 0x11, 64][..], content].concat())
}

fn pppoe() -> Vec<u8> {
    let len = (2 + inner().len() as u16).to_be_bytes();
    [&[0x11, 0, 0, 7, len[0], len[1], 0, 0x21][..], &inner()].concat()
}

fn nsh() -> Vec<u8> {
    [&[0x0f, 0xc2, 2, 1, 0, 0, 42, 255][..], &inner()].concat()
}

fn other_links() -> Vec<Golden> {
    let with = |head: &[u8]| [head, &inner()].concat();
    let snap = with(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
    let attribute = ((4 + inner().len()) as u16).to_le_bytes();
    let netfilter = [2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 3, 0, attribute[0], attribute[1], 9, 0];
    let tap = [&[12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &ethernet(0x0800, inner())].concat();
    vec![
        golden("null little-endian", 0, "", with(&[2, 0, 0, 0])),
        golden("null big-endian", 0, "", with(&[0, 0, 0, 2])),
        golden("loop", 108, "", with(&[0, 0, 0, 2])),
        golden("token ring", 6, "", [&[0x10, 0x40, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &snap].concat()),
        golden("arcnet", 129, "", with(&[1, 2, 0, 0, 212, 0, 0, 1])),
        golden("ppp", 9, "", with(&[0xff, 3, 0, 0x21])),
        golden("ppp compressed", 9, "", with(&[0x21])),
        golden("ppp ether", 51, "pppoe:7", pppoe()),
        golden("fddi", 10, "", [&[0x50, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &snap].concat()),
        golden("raw", 101, "", inner()),
        golden("raw v6", 229, "", ipv6(17, &udp(4660, 502, PAYLOAD))),
        golden("atm", 100, "", snap.clone()),
        golden("sunatm", 123, "", [&[2, 0, 0, 5][..], &snap].concat()),
        golden("cisco hdlc", 104, "", with(&[0x0f, 0, 8, 0])),
        golden("ppp hdlc as cisco", 50, "", with(&[0x8f, 0, 8, 0])),
        golden("frame relay", 107, "", with(&[0x18, 0x41, 3, 0xcc])),
        golden("frame relay cisco", 107, "", with(&[0x18, 0x41, 8, 0])),
        golden("sll", 113, "", with(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0])),
        golden("sll2", 276, "", with(&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0])),
        golden("pflog", 117, "", [&[61, 2][..], &[0; 62], &inner()].concat()),
        golden("nflog", 239, "", with(&[&netfilter[..4], &netfilter[4..12], &netfilter[12..]].concat())),
        golden("ipnet", 226, "", [&[0; 24][..], &inner()].concat()),
        golden("ipoib", 242, "", [&[0; 40][..], &[8, 0, 0, 0], &inner()].concat()),
        golden("pktap", 258, "", tap),
        golden("mpls link", 219, "mpls:17", with(&[0, 1, 0x11, 64])),
    ]
}

fn wifi() -> Vec<Golden> {
    let bare = wifi_data(&[0x08, 0x01], &[]);
    let quality = wifi_data(&[0x88, 0x03], &[2, 0, 0, 0, 0, 4, 0, 0]);
    let padded = wifi_data(&[0x88, 0x01], &[0, 0, 0, 0]);
    let radiotap = [&[0, 0, 9, 0, 2, 0, 0, 0, 0x20][..], &padded].concat();
    let mut prism = vec![0; 144];
    prism[..8].copy_from_slice(&[0, 0, 0, 0x44, 144, 0, 0, 0]);
    vec![
        golden("802.11", 105, "", bare.clone()),
        golden("802.11 four addresses, quality", 105, "", quality),
        golden("radiotap", 127, "", radiotap),
        golden("ppi", 192, "", [&[0, 0, 8, 0, 105, 0, 0, 0][..], &bare].concat()),
        golden("prism", 119, "", [&prism, &bare[..]].concat()),
        golden("avs", 163, "", [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 8][..], &bare].concat()),
    ]
}

/// A data frame with `control` and what follows the third address and the sequence number.
fn wifi_data(control: &[u8; 2], rest: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0, 0];
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    [&control[..], &[0, 0], &addresses, rest, &snap, &inner()].concat()
}

fn tunnels() -> Vec<Golden> {
    let mut all = ip_tunnels();
    all.extend(udp_tunnels());
    all
}

fn ip_tunnels() -> Vec<Golden> {
    let outer = |protocol, content: &[u8]| ethernet(0x0800, ipv4(protocol, 64, 1, content));
    let gre = |head: &[u8], content: &[u8]| outer(47, &[head, content].concat());
    let frame = ethernet(0x0800, inner());
    let nested = ethernet(0x0800, ipv4(17, 64, 2, &vxlan(5001)));
    let mirrored =
        [&[0x30, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0, 0, 0, 1], &[0x10, 0, 0, 7, 0, 0, 0, 0], &nested].concat();
    let erspan2 = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0x10, 0, 0, 7, 0, 0, 0, 0]].concat();
    let erspan3 = [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1][..], &[0x20, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1], &[0; 8]].concat();
    let on_vlan = ethernet(0x8100, [tag(20, 0x0800), ipv4(47, 64, 1, &mirrored)].concat());
    let l2tp = [&[0, 0, 1, 1][..], &[1, 2, 3, 4], &frame].concat();
    vec![
        golden("4in4", 1, "4in4", outer(4, &inner())),
        golden("6in4", 1, "6in4", outer(41, &ipv6(17, &udp(4660, 502, PAYLOAD)))),
        golden("4in6", 1, "4in6", ethernet(0x86dd, ipv6(4, &inner()))),
        golden("gre", 1, "gre", gre(&[0, 0, 8, 0], &inner())),
        golden("gre options", 1, "gre:5", gre(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1], &inner())),
        golden(
            "gre routing",
            1,
            "gre",
            gre(&[0x40, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0], &inner()),
        ),
        golden("nvgre", 1, "gre:1281", gre(&[0x20, 0, 0x65, 0x58, 0, 0, 5, 1], &frame)),
        golden("pptp", 1, "gre:5", gre(&[0x20, 1, 0x88, 0x0b, 0, 0, 0, 5, 0x21], &inner())),
        golden("wccp", 1, "gre", gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &inner())),
        golden("erspan1", 1, "erspan1", gre(&[0, 0, 0x88, 0xbe], &frame)),
        golden("erspan2", 1, "erspan2:7", gre(&erspan2, &frame)),
        golden("erspan3", 1, "erspan3:9", gre(&erspan3, &frame)),
        golden("nested", 1, "vlan:20 erspan2:7 vxlan:5001", on_vlan),
        golden("l2tpv3", 1, "l2tp:257", outer(115, &l2tp)),
        golden("etherip", 1, "etherip", outer(97, &[&[0x30, 0][..], &frame].concat())),
        golden("ah", 1, "4in4", outer(51, &[&[4, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0; 12], &inner()].concat())),
    ]
}

/// A VXLAN datagram.
fn vxlan(vni: u32) -> Vec<u8> {
    udp(50_000, 4789, &[&[8, 0, 0, 0][..], &(vni << 8).to_be_bytes(), &ethernet(0x0800, inner())].concat())
}

fn udp_tunnels() -> Vec<Golden> {
    let over = |port, head: &[u8], content: &[u8]| {
        ethernet(0x0800, ipv4(17, 64, 1, &udp(50_000, port, &[head, content].concat())))
    };
    let frame = ethernet(0x0800, inner());
    let v6 = ipv6(17, &udp(4660, 502, PAYLOAD));
    let gtp_len = (8 + inner().len() as u16).to_be_bytes();
    let gtp = [0x34, 255, gtp_len[0], gtp_len[1], 0, 0, 0, 3, 0, 0, 0, 0x85, 1, 0, 0, 0];
    let teredo = [0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6];
    let capwap = [0, 0x10, 0x43, 0x20, 0, 0, 0, 0];
    let swapped = wifi_data(&[0x01, 0x08], &[]);
    vec![
        golden("vxlan", 1, "vxlan:5001", ethernet(0x0800, ipv4(17, 64, 1, &vxlan(5001)))),
        golden("vxlan gpe", 1, "vxlan_gpe:9", over(4790, &[0x0c, 0, 0, 1, 0, 0, 9, 0], &inner())),
        golden("vxlan gpe nsh", 1, "vxlan_gpe:9 nsh:42", over(4790, &[0x0c, 0, 0, 4, 0, 0, 9, 0], &nsh())),
        golden("geneve", 1, "geneve:9", over(6081, &[1, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 3, 0], &frame)),
        golden("gtp", 1, "gtp:3", over(2152, &gtp, &inner())),
        golden("teredo", 1, "teredo", over(3544, &teredo, &v6)),
        golden("l2tpv2", 1, "l2tp:6", over(1701, &[0, 2, 0, 5, 0, 6, 0xff, 3, 0, 0x21], &inner())),
        golden("l2tpv3 udp", 1, "l2tp:257", over(1701, &[0, 3, 0, 0, 0, 0, 1, 1], &frame)),
        golden("lisp", 1, "lisp:8", over(4341, &[0x88, 0, 0, 1, 0, 0, 8, 0], &inner())),
        golden("gre in udp", 1, "gre", over(4754, &[0, 0, 8, 0], &inner())),
        golden("capwap", 1, "capwap", over(5247, &capwap, &swapped)),
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
