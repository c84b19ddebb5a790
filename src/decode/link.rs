//! Link layers, by the `LINKTYPE_` number of the capture (<https://www.tcpdump.org/linktypes.html>).

use super::Skip;
use super::envelope::Recorder;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};
use crate::capture::LinkType;

/// ARCNET, BSD form.
const ARCNET: LinkType = LinkType(7);
/// OpenBSD `enc`: twelve bytes, then IP.
const ENCAPSULATION: LinkType = LinkType(109);
/// OpenBSD pf log.
const PACKET_FILTER_LOG: LinkType = LinkType(117);
/// SunATM.
const SUN_ATM: LinkType = LinkType(123);
/// ARCNET, Linux form.
const ARCNET_LINUX: LinkType = LinkType(129);
/// IP over IEEE 1394.
const IEEE1394: LinkType = LinkType(138);
/// Private use; macOS wrote `pktap` under it.
const USER_2: LinkType = LinkType(149);
/// PPP behind a byte of direction.
const PPP_DIRECTION: LinkType = LinkType(204);
/// Cisco HDLC behind a byte of direction.
const CISCO_HDLC_DIRECTION: LinkType = LinkType(205);
/// Frame relay behind a byte of direction.
const FRAME_RELAY_DIRECTION: LinkType = LinkType(206);
/// A label stack.
const MPLS: LinkType = LinkType(219);
/// Solaris `ipnet`.
const IPNET: LinkType = LinkType(226);
/// Hilscher netANALYZER: four bytes, then Ethernet.
const NET_ANALYZER: LinkType = LinkType(240);
/// macOS `pktap`.
const PACKET_TAP: LinkType = LinkType(258);
/// Ethernet behind its preamble (802.3br).
const MPACKET: LinkType = LinkType(274);

impl<'a, R: Recorder> Walk<'a, R> {
    /// A frame of link type `link`.
    #[inline]
    pub(super) fn link(&mut self, link: LinkType, view: View<'a>) -> Result<Outcome, Skip> {
        if link == LinkType::ETHERNET { self.ethernet(view) } else { self.other_link(link, view) }
    }

    #[inline(never)]
    fn other_link(&mut self, link: LinkType, view: View<'a>) -> Result<Outcome, Skip> {
        match link {
            LinkType::NULL | LinkType::LOOP => self.loopback(view),
            LinkType::TOKEN_RING => self.token_ring(view),
            ARCNET => self.arcnet(view.skip(2)?),
            LinkType::PPP | LinkType::PPP_HDLC => self.ppp(view),
            LinkType::FDDI => self.llc(view.skip(13)?),
            LinkType::RAW_12 | LinkType::RAW_14 | LinkType::RAW | LinkType::IPV4 => self.enter(Layer::Ip, view),
            LinkType::PPP_ETHER => self.pppoe(view),
            LinkType::ATM_RFC1483 => self.llc(view),
            LinkType::CISCO_HDLC => self.cisco_hdlc(view),
            LinkType::IEEE802_11 => self.wifi(view, 0),
            LinkType::FRAME_RELAY => self.frame_relay(view),
            ENCAPSULATION => self.enter(Layer::Ip, view.skip(12)?),
            LinkType::LINUX_SLL => self.cooked(view),
            PACKET_FILTER_LOG => self.packet_filter_log(view),
            LinkType::PRISM | LinkType::AVS => self.wifi_prism(view),
            LinkType::IP_OVER_FC => self.llc(view.skip(16)?),
            SUN_ATM => self.sun_atm(view),
            LinkType::RADIOTAP => self.wifi_radiotap(view),
            ARCNET_LINUX => self.arcnet(view.skip(4)?),
            IEEE1394 => self.enter(Layer::EtherType(view.be16(16)?), view.skip(18)?),
            LinkType::PPP_WITH_DIRECTION => self.ppp(view.skip(2)?),
            LinkType::PPI => self.per_packet_information(view),
            PPP_DIRECTION => self.ppp(view.skip(1)?),
            CISCO_HDLC_DIRECTION => self.cisco_hdlc(view.skip(1)?),
            FRAME_RELAY_DIRECTION => self.frame_relay(view.skip(1)?),
            MPLS => self.enter(Layer::EtherType(0x8847), view),
            IPNET => self.enter(Layer::Ip, view.skip(24)?),
            LinkType::IPV6 => self.enter(Layer::EtherType(0x86dd), view),
            LinkType::NFLOG => self.netfilter_log(view),
            NET_ANALYZER => self.enter(Layer::Ethernet, view.skip(4)?),
            LinkType::IPOIB => self.enter(Layer::EtherType(view.be16(40)?), view.skip(44)?),
            USER_2 | PACKET_TAP => self.packet_tap(view),
            MPACKET => self.enter(Layer::Ethernet, view.skip(8)?),
            LinkType::LINUX_SLL2 => self.cooked_v2(view),
            _ => Err(Skip::UnknownLinkType),
        }
    }

    /// Another link header inside this one.
    fn inner_link(&mut self, link: u32, view: View<'a>) -> Result<Outcome, Skip> {
        self.descend()?;
        self.link(LinkType(u16::try_from(link).map_err(|_| Skip::UnknownLinkType)?), view)
    }

    /// BSD loopback: the address family in the byte order of the machine that captured, or of the network. The
    /// numbers of IPv6 differ: 10 Linux, 23 Windows, 24 NetBSD and OpenBSD, 28 FreeBSD, 30 macOS.
    fn loopback(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (family, rest) = view.take::<4>()?;
        let family = match u32::from_le_bytes(*family) {
            low @ 0..=0xffff => low,
            _ => u32::from_be_bytes(*family),
        };
        match family {
            2 | 10 | 23 | 24 | 28 | 30 => self.enter(Layer::Ip, rest),
            0x600..=0xffff => self.enter(Layer::EtherType(family as u16), rest),
            _ => Err(Skip::NotIp),
        }
    }

    /// IEEE 802.5: access and frame control, two addresses, routing information where the source says so.
    fn token_ring(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let has_route = view.byte(8)? & 0x80 != 0;
        let route_len = if has_route { usize::from(view.byte(14)? & 0x1f) } else { 0 };
        self.llc(view.skip(14 + route_len)?)
    }

    /// From the protocol number on: RFC 1201 (with a split flag and sequence number) or RFC 1051.
    fn arcnet(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        match view.byte(0)? {
            // The longest frames have an extra header before the real one.
            212 if view.byte(1)? == 0xff => self.enter(Layer::Ip, view.skip(8)?),
            212 => self.enter(Layer::Ip, view.skip(4)?),
            240 => self.enter(Layer::Ip, view.skip(1)?),
            _ => Err(Skip::NotIp),
        }
    }

    /// Linux cooked capture v1: type, hardware type, address length, address, protocol.
    fn cooked(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (h, rest) = view.take::<16>()?;
        self.recorder.passage(u64::from(h[1]));
        if h[5] == 6 {
            self.recorder.macs([0; 6], [h[6], h[7], h[8], h[9], h[10], h[11]]);
        }
        self.cooked_protocol(u16::from_be_bytes([h[2], h[3]]), u16::from_be_bytes([h[14], h[15]]), rest)
    }

    /// Linux cooked capture v2: protocol first.
    fn cooked_v2(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (h, rest) = view.take::<20>()?;
        self.recorder.passage(u64::from(h[10]) << 32 | u64::from(u32::from_be_bytes([h[4], h[5], h[6], h[7]])));
        if h[11] == 6 {
            self.recorder.macs([0; 6], [h[12], h[13], h[14], h[15], h[16], h[17]]);
        }
        self.cooked_protocol(u16::from_be_bytes([h[8], h[9]]), u16::from_be_bytes([h[0], h[1]]), rest)
    }

    /// The protocol field means an EtherType, except where the hardware type (`ARPHRD_`) or a small number says
    /// otherwise.
    fn cooked_protocol(&mut self, hardware: u16, protocol: u16, rest: View<'a>) -> Result<Outcome, Skip> {
        match (hardware, protocol) {
            (801, _) => self.wifi(rest, 0),
            (803, _) => self.wifi_radiotap(rest),
            (824, _) => Err(Skip::NotIp),
            (_, 4) => self.llc(rest),
            _ => self.enter(Layer::EtherType(protocol), rest),
        }
    }

    /// OpenBSD pf log: header length without padding first.
    fn packet_filter_log(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        self.enter(Layer::Ip, view.skip(usize::from(view.byte(0)?).next_multiple_of(4))?)
    }

    /// Linux netfilter log: a list of attributes, of which number 9 is the packet.
    fn netfilter_log(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let mut rest = view.skip(4)?;
        loop {
            let (h, _) = rest.take::<4>()?;
            let len = usize::from(u16::from_le_bytes([h[0], h[1]]));
            if len < 4 {
                return Err(Skip::Malformed);
            }
            if u16::from_le_bytes([h[2], h[3]]) & 0x7fff == 9 {
                return self.enter(Layer::Ip, rest.limit(len).skip(4)?);
            }
            rest = rest.skip(len.next_multiple_of(4))?;
        }
    }

    /// SunATM: kind of traffic, VPI, VCI; then LLC, or LAN emulation with a client id before the Ethernet header.
    fn sun_atm(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        match view.byte(0)? & 0x0f {
            1 => self.enter(Layer::Ethernet, view.skip(6)?),
            2 => self.llc(view.skip(4)?),
            _ => Err(Skip::NotIp),
        }
    }

    /// Per-packet information: length and link type, little-endian.
    fn per_packet_information(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let h = view.peek::<8>()?;
        let len = usize::from(u16::from_le_bytes([h[2], h[3]]));
        if len < 8 {
            return Err(Skip::Malformed);
        }
        self.inner_link(u32::from_le_bytes([h[4], h[5], h[6], h[7]]), view.skip(len)?)
    }

    /// macOS `pktap` (older files use the number of `USER2`): header length, record type, link type, little-endian.
    fn packet_tap(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let h = view.peek::<12>()?;
        let len = u32::from_le_bytes([h[0], h[1], h[2], h[3]]) as usize;
        if len < 12 {
            return Err(Skip::Malformed);
        }
        self.inner_link(u32::from_le_bytes([h[8], h[9], h[10], h[11]]), view.skip(len)?)
    }
}
