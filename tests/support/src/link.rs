//! Hosts and the link layers that carry their packets.

use std::net::IpAddr;

/// Where a packet comes from or goes to, as seen at the capture point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// The address in the frame: the host's own, or its router's.
    pub mac: [u8; 6],
    /// The address in the packet.
    pub ip: IpAddr,
    /// TTL or hop limit its packets have here.
    pub hop_limit: u8,
}

impl Host {
    /// A host with a locally administered MAC made of the end of its address.
    ///
    /// # Panics
    /// Where `ip` is no address.
    #[must_use]
    pub fn new(ip: &str) -> Host {
        let ip: IpAddr = ip.parse().unwrap_or_else(|_| panic!("{ip:?} is no IP address"));
        let tail: [u8; 4] = match ip {
            IpAddr::V4(ip) => ip.octets(),
            IpAddr::V6(ip) => std::array::from_fn(|index| ip.octets()[12 + index]),
        };
        Host { mac: [0x02, 0, tail[0], tail[1], tail[2], tail[3]], ip, hop_limit: 64 }
    }

    /// The same host behind `mac`.
    #[must_use]
    pub fn with_mac(self, mac: [u8; 6]) -> Host {
        Host { mac, ..self }
    }

    /// The same host with this TTL or hop limit.
    #[must_use]
    pub fn with_hop_limit(self, hop_limit: u8) -> Host {
        Host { hop_limit, ..self }
    }
}

/// What stands before the IP packet in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet II.
    Ethernet,
    /// Ethernet with one 802.1Q tag per VLAN id, the outermost first; several tags are 802.1ad with 802.1Q inside.
    Vlan(Vec<u16>),
    /// Linux cooked capture v1.
    LinuxSll,
    /// Linux cooked capture v2.
    LinuxSll2,
    /// The IP packet alone.
    Raw,
}

impl Link {
    /// The `LINKTYPE_` number.
    #[must_use]
    pub fn link_type(&self) -> u16 {
        match self {
            Link::Ethernet | Link::Vlan(_) => 1,
            Link::LinuxSll => 113,
            Link::LinuxSll2 => 276,
            Link::Raw => 101,
        }
    }

    /// The frame that carries `packet` from `from` to `to`; Ethernet frames are padded to 60 bytes.
    #[must_use]
    pub fn frame(&self, from: Host, to: Host, packet: &[u8]) -> Vec<u8> {
        let ether_type: u16 = if packet.first().is_some_and(|byte| byte >> 4 == 6) { 0x86dd } else { 0x0800 };
        let mut frame = match self {
            Link::Ethernet => ethernet(from, to, &[]),
            Link::Vlan(ids) => ethernet(from, to, ids),
            Link::LinuxSll => cooked_v1(from),
            Link::LinuxSll2 => return cooked_v2(from, ether_type, packet),
            Link::Raw => return packet.to_vec(),
        };
        frame.extend(ether_type.to_be_bytes());
        frame.extend(packet);
        if self.link_type() == 1 && frame.len() < 60 {
            frame.resize(60, 0);
        }
        frame
    }
}

/// Addresses and tags (IEEE 802.1Q-2022, clause 9), up to where the EtherType stands.
fn ethernet(from: Host, to: Host, vlan_ids: &[u16]) -> Vec<u8> {
    let mut header = Vec::with_capacity(64);
    header.extend(to.mac);
    header.extend(from.mac);
    for (index, id) in vlan_ids.iter().enumerate() {
        let tag: u16 = if index + 1 < vlan_ids.len() { 0x88a8 } else { 0x8100 };
        header.extend(tag.to_be_bytes());
        header.extend((id & 0x0fff).to_be_bytes());
    }
    header
}

/// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>, without the protocol.
fn cooked_v1(from: Host) -> Vec<u8> {
    let mut header = vec![0, 0, 0, 1, 0, 6];
    header.extend(from.mac);
    header.extend([0, 0]);
    header
}

/// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>.
fn cooked_v2(from: Host, ether_type: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = ether_type.to_be_bytes().to_vec();
    frame.extend([0, 0, 0, 0, 0, 2, 0, 1, 0, 6]);
    frame.extend(from.mac);
    frame.extend([0, 0]);
    frame.extend(packet);
    frame
}

#[cfg(test)]
mod tests {
    use super::{Host, Link};

    #[test]
    fn link_headers_have_the_length_of_their_specification() {
        let (a, b) = (Host::new("10.0.0.1"), Host::new("10.0.0.2"));
        let packet = [0x45; 100];
        let overhead = |link: Link| link.frame(a, b, &packet).len() - packet.len();
        assert_eq!(overhead(Link::Ethernet), 14);
        assert_eq!(overhead(Link::Vlan(vec![100, 7])), 22);
        assert_eq!(overhead(Link::LinuxSll), 16);
        assert_eq!(overhead(Link::LinuxSll2), 20);
        assert_eq!(overhead(Link::Raw), 0);
    }

    #[test]
    fn a_short_ethernet_frame_is_padded() {
        assert_eq!(Link::Ethernet.frame(Host::new("10.0.0.1"), Host::new("10.0.0.2"), &[0x45; 20]).len(), 60);
    }
}
