//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, extension headers, and which packets are fragments.
//!
//! Volumes come from the headers, so captures cut by the snap length count exactly. A length of 0 is a super-frame
//! (segmentation offload) or a jumbogram and takes what is left of the frame; padding behind the packet is left out.

use etherparse::{IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice};

use super::Skip;
use super::envelope::Recorder;
use super::view::View;
use super::walk::{Outcome, Walk};
use crate::net::IpVersion;

/// What later layers need of an IP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip {
    pub(super) source: u128,
    pub(super) destination: u128,
    /// Header, extension headers and payload, in bytes; summed over the fragments of a datagram.
    pub(super) ip_bytes: u32,
    /// IP packets it took: 1, or the number of fragments.
    pub(super) frames: u32,
    /// IPv4 identification; 0 for IPv6.
    pub(super) id: u16,
    /// Time to live or hop limit.
    pub(super) ttl: u8,
    pub(super) version: IpVersion,
}

/// A piece of an IP datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) ip: Ip,
    /// Protocol of the datagram's payload: of the IPv4 header, or behind the IPv6 fragment header.
    pub(super) protocol: u8,
    /// Identification: 16 bits (IPv4) or 32 bits (IPv6).
    pub(super) id: u32,
    /// Where in the datagram's payload it begins, in bytes.
    pub(super) offset: u32,
    pub(super) more: bool,
    pub(super) data: View<'a>,
}

const IPV6_HEADER: usize = 40;

impl<R: Recorder> Walk<R> {
    /// An IP packet of the version its first four bits say.
    #[inline]
    pub(super) fn ip<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        match view.byte(0)? >> 4 {
            4 => self.ipv4(view),
            6 => self.ipv6(view),
            _ => Err(Skip::Malformed),
        }
    }

    #[inline]
    pub(super) fn ipv4<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let h = view.peek::<20>()?;
        let header_len = usize::from(h[0] & 0x0f) * 4;
        let total_len = match usize::from(u16::from_be_bytes([h[2], h[3]])) {
            0 => view.wire,
            len => len,
        };
        if h[0] >> 4 != 4 || header_len < 20 || total_len < header_len {
            return Err(Skip::Malformed);
        }
        let body = view.limit(total_len).skip(header_len)?;
        let id = u16::from_be_bytes([h[4], h[5]]);
        let ip = Ip {
            source: u128::from(u32::from_be_bytes([h[12], h[13], h[14], h[15]])),
            destination: u128::from(u32::from_be_bytes([h[16], h[17], h[18], h[19]])),
            ip_bytes: total_len as u32,
            frames: 1,
            id,
            ttl: h[8],
            version: IpVersion::V4,
        };
        let fragment = u16::from_be_bytes([h[6], h[7]]);
        if fragment & 0x3fff != 0 {
            let (offset, more) = (u32::from(fragment & 0x1fff) * 8, fragment & 0x2000 != 0);
            return Ok(Outcome::Fragment(Fragment { ip, protocol: h[9], id: id.into(), offset, more, data: body }));
        }
        self.upper(ip, h[9], body)
    }

    #[inline]
    pub(super) fn ipv6<'a>(&mut self, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        let (h, rest) = view.take::<IPV6_HEADER>()?;
        if h[0] >> 4 != 6 {
            return Err(Skip::Malformed);
        }
        let next = h[6];
        let payload_len = match usize::from(u16::from_be_bytes([h[4], h[5]])) {
            0 if next != IpNumber::IPV6_NO_NEXT_HEADER.0 => rest.wire,
            len => len,
        };
        let [_, _, _, _, _, _, _, ttl, addresses @ ..] = h;
        let (source, destination) = split_addresses(addresses);
        let ip_bytes = (IPV6_HEADER + payload_len) as u32;
        let ip = Ip { source, destination, ip_bytes, frames: 1, id: 0, ttl: *ttl, version: IpVersion::V6 };
        self.upper(ip, next, rest.limit(payload_len))
    }

    /// What an IP header or a reassembled datagram carries: extension headers, then a transport.
    #[inline]
    pub(super) fn upper<'a>(&mut self, ip: Ip, protocol: u8, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        match IpNumber(protocol) {
            IpNumber::TCP | IpNumber::UDP => self.transport(ip, protocol, view),
            _ => self.extensions(ip, protocol, view),
        }
    }

    #[inline(never)]
    fn extensions<'a>(&mut self, ip: Ip, mut protocol: u8, mut view: View<'a>) -> Result<Outcome<'a>, Skip> {
        loop {
            let is_v6 = ip.version == IpVersion::V6;
            match IpNumber(protocol) {
                IpNumber::AUTHENTICATION_HEADER => {
                    let Ok(header) = IpAuthHeaderSlice::from_slice(view.data) else { break };
                    protocol = header.next_header().0;
                    view = view.skip(header.slice().len())?;
                }
                IpNumber::IPV6_FRAGMENTATION_HEADER if is_v6 => {
                    let header = Ipv6FragmentHeaderSlice::from_slice(view.data).map_err(|_| Skip::Truncated)?;
                    protocol = header.next_header().0;
                    view = view.skip(header.slice().len())?;
                    if header.is_fragmenting_payload() {
                        let offset = u32::from(header.fragment_offset().value()) * 8;
                        let (id, more) = (header.identification(), header.more_fragments());
                        return Ok(Outcome::Fragment(Fragment { ip, protocol, id, offset, more, data: view }));
                    }
                }
                IpNumber::IPV6_HEADER_HOP_BY_HOP
                | IpNumber::IPV6_ROUTE_HEADER
                | IpNumber::IPV6_DESTINATION_OPTIONS
                | IpNumber::MOBILITY_HEADER
                | IpNumber::HIP
                | IpNumber::SHIM6
                    if is_v6 =>
                {
                    let (next, len) = (view.byte(0)?, view.byte(1)?);
                    view = view.skip(8 + usize::from(len) * 8)?;
                    protocol = next;
                }
                _ => break,
            }
        }
        self.transport(ip, protocol, view)
    }
}

#[inline]
fn split_addresses(bytes: &[u8; 32]) -> (u128, u128) {
    let both = bytes.as_chunks::<16>().0;
    match both {
        [source, destination] => (u128::from_be_bytes(*source), u128::from_be_bytes(*destination)),
        _ => (0, 0),
    }
}
