//! Ethernet and what an EtherType announces: VLAN and other tags, MPLS, PPPoE, MACsec, LLC.

use etherparse::EtherType;

use super::envelope::Recorder;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};
use super::{Encapsulation, Skip, fits};

/// EtherTypes that announce a VLAN tag: 802.1Q, 802.1ad, and the numbers QinQ used before it.
pub(super) const VLAN_TYPES: [u16; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];

impl<'a, R: Recorder> Walk<'a, R> {
    /// Ethernet II, and 802.3 with a length where the EtherType would be.
    #[inline(always)]
    pub(super) fn ethernet(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (h, rest) = view.take::<14>()?;
        self.recorder.macs([h[0], h[1], h[2], h[3], h[4], h[5]], [h[6], h[7], h[8], h[9], h[10], h[11]]);
        self.ether_type(u16::from_be_bytes([h[12], h[13]]), rest)
    }

    /// What an EtherType announces, behind any number of VLAN tags.
    #[inline(always)]
    pub(super) fn ether_type(&mut self, mut ether_type: u16, mut view: View<'a>) -> Result<Outcome, Skip> {
        while VLAN_TYPES.contains(&ether_type) {
            let (tag, rest) = view.take::<4>()?;
            self.strip(Encapsulation::Vlan, Some(u32::from(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff)))?;
            (ether_type, view) = (u16::from_be_bytes([tag[2], tag[3]]), rest);
        }
        match EtherType(ether_type) {
            EtherType::IPV4 => self.ip(view),
            EtherType::IPV6 => self.ipv6(view),
            _ => self.other_ether_type(ether_type, view),
        }
    }

    #[inline(never)]
    fn other_ether_type(&mut self, ether_type: u16, view: View<'a>) -> Result<Outcome, Skip> {
        match ether_type {
            0..=1500 => self.llc(view.limit(view.wire.min(ether_type.into()))),
            0x6558 => self.enter(Layer::Ethernet, view),
            0x880b => self.ppp(view),
            0x8847 | 0x8848 => self.mpls(view),
            0x8864 => self.pppoe(view),
            0x8870 => self.llc(view),
            // Cisco FabricPath: a tag between two Ethernet headers.
            0x8903 => self.enter(Layer::Ethernet, view.skip(2)?),
            // Cisco metadata: version, number of options, options of four bytes.
            0x8909 => self.tag(2 + usize::from(view.byte(1)?) * 4, view),
            // VN-Tag and E-Tag (IEEE 802.1BR).
            0x8926 => self.tag(4, view),
            0x893f => self.tag(6, view),
            0x88e5 => self.macsec(view),
            0x88e7 => self.backbone_bridge(view),
            0x894f => self.service_header(view),
            _ => Err(Skip::NotIp),
        }
    }

    /// A tag of `len` bytes, then the next EtherType.
    fn tag(&mut self, len: usize, view: View<'a>) -> Result<Outcome, Skip> {
        let rest = view.skip(len)?;
        self.enter(Layer::EtherType(rest.be16(0)?), rest.skip(2)?)
    }

    /// IEEE 802.2: service access points, or SNAP (RFC 1042), or OSI network layer ids (RFC 2684).
    pub(super) fn llc(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (sap, rest) = view.take::<3>()?;
        match *sap {
            [0xaa, 0xaa, 0x03] => self.snap(rest),
            [0x06, 0x06, 0x03] => self.enter(Layer::Ip, rest),
            [0xfe, 0xfe, 0x03] => self.network_layer_id(rest),
            _ => Err(Skip::NotIp),
        }
    }

    /// Behind the LLC header: an organisation and a protocol.
    pub(super) fn snap(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (h, rest) = view.take::<5>()?;
        match *h {
            [0, 0, 0 | 0xf8, high, low] => self.enter(Layer::EtherType(u16::from_be_bytes([high, low])), rest),
            // Bridged Ethernet, in ATM behind two bytes of padding.
            [0x00, 0x80, 0xc2, 0x00, 0x01 | 0x07] => {
                let padding = if fits::ethernet(rest) { 0 } else { 2 };
                self.enter(Layer::Ethernet, rest.skip(padding)?)
            }
            _ => Err(Skip::NotIp),
        }
    }

    /// ISO/IEC TR 9577: IPv4, IPv6, SNAP.
    pub(super) fn network_layer_id(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (id, rest) = view.take::<1>()?;
        match *id {
            [0xcc | 0x8e] => self.enter(Layer::Ip, rest),
            [0x80] => self.snap(rest),
            _ => Err(Skip::NotIp),
        }
    }

    /// RFC 3032. What follows the stack is not said: IP, or Ethernet with or without a control word (RFC 4448).
    pub(super) fn mpls(&mut self, mut view: View<'a>) -> Result<Outcome, Skip> {
        let label = loop {
            let (entry, rest) = view.take::<4>()?;
            view = rest;
            if entry[2] & 1 == 1 {
                break u32::from_be_bytes(*entry) >> 12;
            }
        };
        self.strip(Encapsulation::Mpls, Some(label))?;
        match view.byte(0)? >> 4 {
            0 if view.skip(4).is_ok_and(fits::ethernet) => self.enter(Layer::Ethernet, view.skip(4)?),
            4 | 6 if fits::ip(view) || !fits::ethernet(view) => self.enter(Layer::Ip, view),
            _ if fits::ethernet(view) => self.enter(Layer::Ethernet, view),
            _ => Err(Skip::NotIp),
        }
    }

    /// RFC 2516, session stage.
    pub(super) fn pppoe(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (h, rest) = view.take::<6>()?;
        if h[0] != 0x11 || h[1] != 0 {
            return Err(Skip::NotIp);
        }
        self.strip(Encapsulation::Pppoe, Some(u16::from_be_bytes([h[2], h[3]]).into()))?;
        self.ppp(rest.limit(usize::from(u16::from_be_bytes([h[4], h[5]])).min(rest.wire)))
    }

    /// IEEE 802.1AE: control bits, short length, packet number, channel id where present. The integrity check value
    /// at the end is left out with the padding.
    fn macsec(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
        const HAS_CHANNEL: u8 = 0x20;
        let control = view.byte(0)?;
        if control & ENCRYPTED_OR_CHANGED != 0 {
            return Err(Skip::Opaque);
        }
        self.strip(Encapsulation::Macsec, None)?;
        let rest = view.skip(if control & HAS_CHANNEL == 0 { 6 } else { 14 })?;
        self.enter(Layer::EtherType(rest.be16(0)?), rest.skip(2)?)
    }

    /// IEEE 802.1ah: the service tag, then the customer's Ethernet header.
    fn backbone_bridge(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (tag, rest) = view.take::<4>()?;
        self.strip(Encapsulation::BackboneBridge, Some(u32::from_be_bytes(*tag) & 0x00ff_ffff))?;
        self.enter(Layer::Ethernet, rest)
    }

    /// RFC 8300: length in words, next protocol, service path.
    pub(super) fn service_header(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let h = view.peek::<8>()?;
        let len = usize::from(h[1] & 0x3f) * 4;
        if len < 8 {
            return Err(Skip::Malformed);
        }
        self.strip(Encapsulation::ServiceHeader, Some(u32::from_be_bytes([0, h[4], h[5], h[6]])))?;
        let layer = match h[3] {
            1 | 2 => Layer::Ip,
            3 => Layer::Ethernet,
            5 => Layer::EtherType(0x8847),
            _ => return Err(Skip::NotIp),
        };
        self.enter(layer, view.skip(len)?)
    }
}
