//! Transport headers: ports, TCP fields, ICMP types, and where the payload begins.
//!
//! Ports are all that must be captured. Where the snap length cuts the rest of a header, or a header length lies, the
//! packet still counts with the volume its IP header states.

use etherparse::IpNumber;

use super::Skip;
use super::envelope::Recorder;
use super::packet::{TcpFields, TcpFlags};
use super::view::View;
use super::walk::{Outcome, Walk};
use crate::net::deal::is_tunnel_port;

/// What a transport header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) one_way: bool,
    pub(super) tcp: TcpFields,
    pub(super) payload: View<'a>,
}

impl<'a> Segment<'a> {
    pub(super) const NONE: Segment<'static> = Segment {
        source_port: 0,
        destination_port: 0,
        one_way: false,
        tcp: TcpFields { sequence: 0, acknowledgement: 0, flags: TcpFlags(0) },
        payload: View { data: &[], wire: 0 },
    };

    /// RFC 9293, section 3.1: `data` begins with the header `h`.
    #[inline(always)]
    pub(super) fn tcp(h: &[u8; 20], data: View<'a>) -> Segment<'a> {
        let header_len = usize::from(h[12] >> 4) * 4;
        let is_sane = header_len >= 20 && header_len <= data.wire;
        Segment {
            source_port: u16::from_be_bytes([h[0], h[1]]),
            destination_port: u16::from_be_bytes([h[2], h[3]]),
            one_way: false,
            tcp: TcpFields {
                sequence: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
                acknowledgement: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
                flags: TcpFlags(h[13]),
            },
            payload: if is_sane { behind(data, header_len) } else { data.limit(0) },
        }
    }

    /// RFC 768: `data` begins with the header `h`. A length of 0 is a jumbogram (RFC 2675) or a super-frame.
    #[inline(always)]
    pub(super) fn udp(h: &[u8; 8], data: View<'a>) -> Segment<'a> {
        let len = match usize::from(u16::from_be_bytes([h[4], h[5]])) {
            0 => data.wire,
            len => len.min(data.wire),
        };
        Segment {
            source_port: u16::from_be_bytes([h[0], h[1]]),
            destination_port: u16::from_be_bytes([h[2], h[3]]),
            payload: behind(data.limit(len), 8),
            ..Segment::NONE
        }
    }
}

impl<'a, R: Recorder> Walk<'a, R> {
    /// The transport of the IP packet found, or the packet inside it where it is a tunnel.
    #[inline(always)]
    pub(super) fn transport(&mut self, protocol: u8, data: View<'a>) -> Result<Outcome, Skip> {
        self.found.protocol = protocol;
        if R::KEEPS_TRANSPORT {
            self.found.data = data;
        }
        match IpNumber(protocol) {
            IpNumber::TCP => self.tcp(data)?,
            IpNumber::UDP => {
                self.udp(data)?;
                let Segment { source_port, destination_port, .. } = self.found.segment;
                let is_candidate = is_tunnel_port(destination_port) || is_tunnel_port(source_port);
                if is_candidate && let Some(inner) = self.udp_tunnel()? {
                    return Ok(inner);
                }
            }
            _ => match self.ip_tunnel(protocol, data)? {
                Some(inner) => return Ok(inner),
                None => self.other(protocol, data)?,
            },
        }
        Ok(Outcome::Packet)
    }

    #[inline(always)]
    fn tcp(&mut self, data: View<'a>) -> Result<(), Skip> {
        // Cut off behind its ports, the least header is assumed.
        let Ok(h) = data.peek::<20>() else { return self.ported(data, 20) };
        self.found.segment = Segment::tcp(h, data);
        Ok(())
    }

    #[inline(always)]
    fn udp(&mut self, data: View<'a>) -> Result<(), Skip> {
        let Ok(h) = data.peek::<8>() else { return self.ported(data, 8) };
        self.found.segment = Segment::udp(h, data);
        Ok(())
    }

    #[inline(never)]
    fn other(&mut self, protocol: u8, data: View<'a>) -> Result<(), Skip> {
        match IpNumber(protocol) {
            IpNumber::ICMP => self.icmp(data, ICMP_PAIRS),
            IpNumber::IPV6_ICMP => self.icmp(data, ICMPV6_PAIRS),
            IpNumber::SCTP => self.ported(data, 12),
            IpNumber::UDP_LITE => self.ported(data, 8),
            IpNumber::DCCP => self.ported(data, data.byte(4).map_or(12, |words| usize::from(words) * 4)),
            _ => {
                self.found.segment = Segment { payload: data, ..Segment::NONE };
                Ok(())
            }
        }
    }

    /// A header of `header_len` bytes of which only the ports at its begin are read.
    #[cold]
    fn ported(&mut self, data: View<'a>, header_len: usize) -> Result<(), Skip> {
        let (source_port, destination_port) = (data.be16(0)?, data.be16(2)?);
        let payload = behind(data, header_len);
        self.found.segment = Segment { source_port, destination_port, payload, ..Segment::NONE };
        Ok(())
    }

    /// RFC 792, RFC 4443.
    fn icmp(&mut self, data: View<'a>, pairs: &[(u8, u8)]) -> Result<(), Skip> {
        let (kind, code) = (data.byte(0)?, data.byte(1)?);
        let answer = pairs.iter().find_map(|&(request, reply)| match kind {
            _ if kind == request => Some(reply),
            _ if kind == reply => Some(request),
            _ => None,
        });
        self.found.segment = Segment {
            source_port: kind.into(),
            destination_port: answer.unwrap_or(code).into(),
            one_way: answer.is_none(),
            payload: behind(data, 8),
            ..Segment::NONE
        };
        Ok(())
    }
}

/// What follows `header_len` bytes of header, captured or not.
#[inline(always)]
fn behind(data: View<'_>, header_len: usize) -> View<'_> {
    View { data: data.data.get(header_len..).unwrap_or_default(), wire: data.wire.saturating_sub(header_len) }
}

/// Message types that answer each other (community id specification 1.0, <https://github.com/corelight/community-id-spec>).
const ICMP_PAIRS: &[(u8, u8)] = &[(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
/// The same for ICMPv6.
const ICMPV6_PAIRS: &[(u8, u8)] = &[(128, 129), (133, 134), (135, 136), (130, 131), (139, 140), (144, 145)];
