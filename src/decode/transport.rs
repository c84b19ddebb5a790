//! Transport headers: ports, TCP fields, ICMP types, and where the payload begins.
//!
//! Ports are all that must be captured. Where the snap length cuts the rest of a header, or a header length lies, the
//! packet still counts with the volume its IP header states.

use etherparse::IpNumber;

use super::Skip;
use super::envelope::Recorder;
use super::ip::Ip;
use super::packet::{TcpFields, TcpFlags};
use super::udp_tunnel::is_tunnel_port;
use super::view::View;
use super::walk::{Found, Outcome, Walk};

/// What a transport header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
    pub(super) one_way: bool,
    pub(super) tcp: TcpFields,
    pub(super) payload: View<'a>,
}

impl<R: Recorder> Walk<R> {
    /// The transport of `ip`, or the packet inside it where it is a tunnel.
    #[inline]
    pub(super) fn transport<'a>(&mut self, ip: Ip, protocol: u8, data: View<'a>) -> Result<Outcome<'a>, Skip> {
        let segment = match IpNumber(protocol) {
            IpNumber::TCP => tcp(data)?,
            IpNumber::UDP => {
                let segment = udp(data)?;
                let is_candidate = is_tunnel_port(segment.destination_port) || is_tunnel_port(segment.source_port);
                if is_candidate && let Some(inner) = self.udp_tunnel(&ip, &segment)? {
                    return Ok(inner);
                }
                segment
            }
            _ => match self.ip_tunnel(&ip, protocol, data)? {
                Some(inner) => return Ok(inner),
                None => other(protocol, data)?,
            },
        };
        Ok(Outcome::Packet(Found { ip, protocol, segment, data }))
    }
}

/// A segment of which only the ports are known.
#[inline]
fn ported(source_port: u16, destination_port: u16, payload: View<'_>) -> Segment<'_> {
    Segment { source_port, destination_port, one_way: false, tcp: TcpFields::default(), payload }
}

/// Nothing captured, nothing on the wire.
#[inline]
fn nothing(data: View<'_>) -> View<'_> {
    data.limit(0)
}

/// What follows `header_len` bytes of header, captured or not.
#[inline]
fn behind(data: View<'_>, header_len: usize) -> View<'_> {
    View { data: data.data.get(header_len..).unwrap_or_default(), wire: data.wire.saturating_sub(header_len) }
}

/// RFC 9293, section 3.1.
#[inline]
fn tcp(data: View<'_>) -> Result<Segment<'_>, Skip> {
    let Ok(h) = data.peek::<20>() else { return cut_tcp(data) };
    let header_len = usize::from(h[12] >> 4) * 4;
    let is_sane = header_len >= 20 && header_len <= data.wire;
    let tcp = TcpFields {
        sequence: u32::from_be_bytes([h[4], h[5], h[6], h[7]]),
        acknowledgement: u32::from_be_bytes([h[8], h[9], h[10], h[11]]),
        flags: TcpFlags(h[13]),
    };
    let payload = if is_sane { behind(data, header_len) } else { nothing(data) };
    let (source, destination) = (u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]]));
    Ok(Segment { tcp, ..ported(source, destination, payload) })
}

/// A TCP header cut off behind its ports: the least header is assumed.
#[cold]
fn cut_tcp(data: View<'_>) -> Result<Segment<'_>, Skip> {
    Ok(ported(data.be16(0)?, data.be16(2)?, behind(data, 20)))
}

/// RFC 768; a length of 0 is a jumbogram (RFC 2675) or a super-frame.
#[inline]
fn udp(data: View<'_>) -> Result<Segment<'_>, Skip> {
    let Ok(h) = data.peek::<8>() else {
        return Ok(ported(data.be16(0)?, data.be16(2)?, behind(data, 8)));
    };
    let all = data.wire;
    let len = match usize::from(u16::from_be_bytes([h[4], h[5]])) {
        0 => all,
        len => len.min(all),
    };
    let (source, destination) = (u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]]));
    Ok(ported(source, destination, behind(data.limit(len), 8)))
}

#[inline(never)]
fn other(protocol: u8, data: View<'_>) -> Result<Segment<'_>, Skip> {
    let segment = match IpNumber(protocol) {
        IpNumber::ICMP => icmp(data, ICMP_PAIRS)?,
        IpNumber::IPV6_ICMP => icmp(data, ICMPV6_PAIRS)?,
        IpNumber::SCTP => ported(data.be16(0)?, data.be16(2)?, behind(data, 12)),
        IpNumber::UDP_LITE => ported(data.be16(0)?, data.be16(2)?, behind(data, 8)),
        IpNumber::DCCP => {
            let header_len = data.byte(4).map_or(12, |words| usize::from(words) * 4);
            ported(data.be16(0)?, data.be16(2)?, behind(data, header_len))
        }
        _ => ported(0, 0, data),
    };
    Ok(segment)
}

/// Message types that answer each other (community id specification 1.0, <https://github.com/corelight/community-id-spec>).
const ICMP_PAIRS: &[(u8, u8)] = &[(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
/// The same for ICMPv6.
const ICMPV6_PAIRS: &[(u8, u8)] = &[(128, 129), (133, 134), (135, 136), (130, 131), (139, 140), (144, 145)];

/// RFC 792, RFC 4443.
fn icmp<'a>(data: View<'a>, pairs: &[(u8, u8)]) -> Result<Segment<'a>, Skip> {
    let (kind, code) = (data.byte(0)?, data.byte(1)?);
    let answer = pairs.iter().find_map(|&(request, reply)| match kind {
        _ if kind == request => Some(reply),
        _ if kind == reply => Some(request),
        _ => None,
    });
    let segment = ported(kind.into(), answer.unwrap_or(code).into(), behind(data, 8));
    Ok(Segment { one_way: answer.is_none(), ..segment })
}
