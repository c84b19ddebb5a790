//! Link layers, by the `LINKTYPE_` number of the capture (<https://www.tcpdump.org/linktypes.html>).

use super::Skip;
use super::envelope::Recorder;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};
use crate::capture::LinkType;

impl<R: Recorder> Walk<R> {
    /// A frame of link type `link`.
    #[inline]
    pub(super) fn link<'a>(&mut self, link: LinkType, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        if link == LinkType::ETHERNET { self.ethernet(view) } else { self.other_link(link.0, view) }
    }

    #[inline(never)]
    fn other_link<'a>(&mut self, link: u16, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        match link {
            0 | 108 => self.loopback(view),
            6 => self.token_ring(view),
            7 => self.arcnet(view.skip(2)?),
            9 | 50 => self.ppp(view),
            10 => self.llc(view.skip(13)?),
            12 | 14 | 101 | 228 | 229 => self.ip(view),
            51 => self.pppoe(view),
            100 => self.llc(view),
            104 => self.cisco_hdlc(view),
            105 => self.wifi(view, 0),
            107 => self.frame_relay(view),
            109 => self.ip(view.skip(12)?),
            113 => self.cooked(view),
            117 => self.packet_filter_log(view),
            119 | 163 => self.wifi_prism(view),
            122 => self.llc(view.skip(16)?),
            123 => self.sun_atm(view),
            127 => self.wifi_radiotap(view),
            129 => self.arcnet(view.skip(4)?),
            138 => self.ether_type(view.be16(16)?, view.skip(18)?),
            166 => self.ppp(view.skip(2)?),
            192 => self.per_packet_information(view),
            204 => self.ppp(view.skip(1)?),
            205 => self.cisco_hdlc(view.skip(1)?),
            206 => self.frame_relay(view.skip(1)?),
            219 => self.enter(Layer::EtherType(0x8847), view),
            226 => self.ip(view.skip(24)?),
            239 => self.netfilter_log(view),
            240 => self.ethernet(view.skip(4)?),
            258 => self.packet_tap(view),
            274 => self.ethernet(view.skip(8)?),
            276 => self.cooked_v2(view),
            _ => Err(Skip::UnknownLinkType),
        }
    }

    /// Another link header inside this one.
    fn inner_link<'a>(&mut self, link: u32, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        self.descend()?;
        self.link(LinkType(u16::try_from(link).map_err(|_| Skip::UnknownLinkType)?), view)
    }

    /// BSD loopback: the address family in the byte order of the machine that captured, or of the network. The
    /// numbers of IPv6 differ: 10 Linux, 23 Windows, 24 NetBSD and OpenBSD, 28 FreeBSD, 30 macOS.
    fn loopback<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let (family, rest) = view.take::<4>()?;
        let family = match u32::from_le_bytes(*family) {
            low @ 0..=0xffff => low,
            _ => u32::from_be_bytes(*family),
        };
        match family {
            2 | 10 | 23 | 24 | 28 | 30 => self.ip(rest),
            0x600..=0xffff => self.ether_type(family as u16, rest),
            _ => Err(Skip::NotIp),
        }
    }

    /// IEEE 802.5: access and frame control, two addresses, routing information where the source says so.
    fn token_ring<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let has_route = view.byte(8)? & 0x80 != 0;
        let route_len = if has_route { usize::from(view.byte(14)? & 0x1f) } else { 0 };
        self.llc(view.skip(14 + route_len)?)
    }

    /// From the protocol number on: RFC 1201 (with a split flag and sequence number) or RFC 1051.
    fn arcnet<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        match view.byte(0)? {
            // The longest frames have an extra header before the real one.
            212 if view.byte(1)? == 0xff => self.ip(view.skip(8)?),
            212 => self.ip(view.skip(4)?),
            240 => self.ip(view.skip(1)?),
            _ => Err(Skip::NotIp),
        }
    }

    /// Linux cooked capture v1: type, hardware type, address length, address, protocol.
    fn cooked<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let (h, rest) = view.take::<16>()?;
        if h[5] == 6 {
            self.recorder.macs([0; 6], [h[6], h[7], h[8], h[9], h[10], h[11]]);
        }
        self.cooked_protocol(u16::from_be_bytes([h[2], h[3]]), u16::from_be_bytes([h[14], h[15]]), rest)
    }

    /// Linux cooked capture v2: protocol first.
    fn cooked_v2<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let (h, rest) = view.take::<20>()?;
        if h[11] == 6 {
            self.recorder.macs([0; 6], [h[12], h[13], h[14], h[15], h[16], h[17]]);
        }
        self.cooked_protocol(u16::from_be_bytes([h[8], h[9]]), u16::from_be_bytes([h[0], h[1]]), rest)
    }

    /// The protocol field means an EtherType, except where the hardware type (`ARPHRD_`) or a small number says
    /// otherwise.
    fn cooked_protocol<'a>(&mut self, hardware: u16, protocol: u16, rest: View<'a>) -> Result<Outcome<'a>, Skip> {
        match (hardware, protocol) {
            (801, _) => self.wifi(rest, 0),
            (803, _) => self.wifi_radiotap(rest),
            (824, _) => Err(Skip::NotIp),
            (_, 4) => self.llc(rest),
            _ => self.ether_type(protocol, rest),
        }
    }

    /// OpenBSD pf log: header length without padding first.
    fn packet_filter_log<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        self.ip(view.skip(usize::from(view.byte(0)?).next_multiple_of(4))?)
    }

    /// Linux netfilter log: a list of attributes, of which number 9 is the packet.
    fn netfilter_log<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let mut rest = view.skip(4)?;
        loop {
            let (h, _) = rest.take::<4>()?;
            let len = usize::from(u16::from_le_bytes([h[0], h[1]]));
            if len < 4 {
                return Err(Skip::Malformed);
            }
            if u16::from_le_bytes([h[2], h[3]]) & 0x7fff == 9 {
                return self.ip(rest.limit(len).skip(4)?);
            }
            rest = rest.skip(len.next_multiple_of(4))?;
        }
    }

    /// SunATM: kind of traffic, VPI, VCI; then LLC, or LAN emulation with a client id before the Ethernet header.
    fn sun_atm<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        match view.byte(0)? & 0x0f {
            1 => self.ethernet(view.skip(6)?),
            2 => self.llc(view.skip(4)?),
            _ => Err(Skip::NotIp),
        }
    }

    /// Per-packet information: length and link type, little-endian.
    fn per_packet_information<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let h = view.peek::<8>()?;
        let len = usize::from(u16::from_le_bytes([h[2], h[3]]));
        if len < 8 {
            return Err(Skip::Malformed);
        }
        self.inner_link(u32::from_le_bytes([h[4], h[5], h[6], h[7]]), view.skip(len)?)
    }

    /// macOS `pktap`: header length, record type, link type, little-endian.
    fn packet_tap<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let h = view.peek::<12>()?;
        let len = u32::from_le_bytes([h[0], h[1], h[2], h[3]]) as usize;
        if len < 12 {
            return Err(Skip::Malformed);
        }
        self.inner_link(u32::from_le_bytes([h[8], h[9], h[10], h[11]]), view.skip(len)?)
    }
}
