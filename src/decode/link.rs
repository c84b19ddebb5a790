//! Link layers, by the `LINKTYPE_` number of the capture, and what an EtherType means.

use etherparse::EtherType;

use super::envelope::Recorder;
use super::view::View;
use super::walk::{Outcome, Walk};
use super::{Encapsulation, Skip};
use crate::capture::LinkType;

/// EtherTypes that announce a VLAN tag: 802.1Q, 802.1ad, and the numbers QinQ used before it.
pub(super) const VLAN_TYPES: [u16; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];

impl<R: Recorder> Walk<R> {
    /// A frame of link type `link`.
    #[inline]
    pub(super) fn link<'a>(&mut self, link: LinkType, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        if link == LinkType::ETHERNET { self.ethernet(view) } else { self.other_link(link, view) }
    }

    #[inline(never)]
    fn other_link<'a>(&mut self, link: LinkType, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        match link.0 {
            12 | 14 | 101 | 228 | 229 => self.ip(view),
            113 => self.cooked(view),
            276 => self.cooked_v2(view),
            _ => Err(Skip::UnknownLinkType),
        }
    }

    /// Ethernet II, and 802.3 with a length where the EtherType would be.
    #[inline]
    pub(super) fn ethernet<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let (h, rest) = view.take::<14>()?;
        self.recorder.macs([h[0], h[1], h[2], h[3], h[4], h[5]], [h[6], h[7], h[8], h[9], h[10], h[11]]);
        self.ether_type(u16::from_be_bytes([h[12], h[13]]), rest)
    }

    /// What an EtherType announces, behind any number of VLAN tags.
    #[inline]
    pub(super) fn ether_type<'a>(&mut self, mut ether_type: u16, mut view: View<'a>) -> Result<Outcome<'a>, Skip> {
        while VLAN_TYPES.contains(&ether_type) {
            let (tag, rest) = view.take::<4>()?;
            self.strip(Encapsulation::Vlan, Some(u32::from(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff)))?;
            (ether_type, view) = (u16::from_be_bytes([tag[2], tag[3]]), rest);
        }
        match EtherType(ether_type) {
            EtherType::IPV4 => self.ipv4(view),
            EtherType::IPV6 => self.ipv6(view),
            _ => Err(Skip::NotIp),
        }
    }

    /// Linux cooked capture v1: type, hardware type, address length, address, protocol.
    fn cooked<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let (h, rest) = view.take::<16>()?;
        if h[5] == 6 {
            self.recorder.macs([0; 6], [h[6], h[7], h[8], h[9], h[10], h[11]]);
        }
        self.ether_type(u16::from_be_bytes([h[14], h[15]]), rest)
    }

    /// Linux cooked capture v2: protocol first.
    fn cooked_v2<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let (h, rest) = view.take::<20>()?;
        if h[11] == 6 {
            self.recorder.macs([0; 6], [h[12], h[13], h[14], h[15], h[16], h[17]]);
        }
        self.ether_type(u16::from_be_bytes([h[0], h[1]]), rest)
    }
}
