//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers, extension headers, and which packets are fragments.
//!
//! Volumes come from the headers, so captures cut by the snap length count exactly. A length of 0 is a super-frame
//! (segmentation offload) or a jumbogram and takes what is left of the frame; padding behind the packet is left out.

use etherparse::{IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice};

use super::Skip;
use super::envelope::Recorder;
use super::view::View;
use super::walk::{Found, Outcome, Walk};
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

impl Ip {
    pub(super) const NONE: Ip =
        Ip { source: 0, destination: 0, ip_bytes: 0, frames: 0, id: 0, ttl: 0, version: IpVersion::V4 };
}

/// Which piece of an IP datagram a fragment is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// Identification: 16 bits (IPv4) or 32 bits (IPv6).
    pub(super) id: u32,
    /// Where in the datagram's payload it begins, in bytes.
    pub(super) offset: u32,
    pub(super) more: bool,
}

impl Piece {
    pub(super) const NONE: Piece = Piece { id: 0, offset: 0, more: false };
}

/// Length of the IPv6 header, in bytes.
pub(super) const IPV6_HEADER: usize = 40;

impl<'a, R: Recorder> Walk<'a, R> {
    /// An IP packet of the version its first four bits say.
    #[inline(always)]
    pub(super) fn ip(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        match view.byte(0)? >> 4 {
            4 => self.ipv4(view),
            6 => self.ipv6(view),
            _ => Err(Skip::Malformed),
        }
    }

    #[inline(always)]
    pub(super) fn ipv4(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let h = view.peek::<20>()?;
        let header_len = usize::from(h[0] & 0x0f) * 4;
        let total_len = match usize::from(u16::from_be_bytes([h[2], h[3]])) {
            0 => super_frame_len(view),
            len => len,
        };
        if h[0] >> 4 != 4 || header_len < 20 || total_len < header_len {
            return Err(Skip::Malformed);
        }
        let body = view.limit(total_len).skip(header_len)?;
        let id = u16::from_be_bytes([h[4], h[5]]);
        self.found.ip = Ip {
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
            return self.fragment(h[9], Piece { id: id.into(), offset, more }, body);
        }
        self.upper(h[9], body)
    }

    #[inline(always)]
    pub(super) fn ipv6(&mut self, view: View<'a>) -> Result<Outcome, Skip> {
        let (h, rest) = view.take::<IPV6_HEADER>()?;
        if h[0] >> 4 != 6 {
            return Err(Skip::Malformed);
        }
        let next = h[6];
        let payload_len = match usize::from(u16::from_be_bytes([h[4], h[5]])) {
            0 if next != IpNumber::IPV6_NO_NEXT_HEADER.0 => super_frame_len(rest),
            len => len,
        };
        let [_, _, _, _, _, _, _, ttl, addresses @ ..] = h;
        let (source, destination) = split_addresses(addresses);
        let ip_bytes = (IPV6_HEADER + payload_len) as u32;
        self.found.ip = Ip { source, destination, ip_bytes, frames: 1, id: 0, ttl: *ttl, version: IpVersion::V6 };
        self.upper(next, rest.limit(payload_len))
    }

    /// What the IP packet found or a reassembled datagram carries: extension headers, then a transport.
    #[inline(always)]
    pub(super) fn upper(&mut self, protocol: u8, view: View<'a>) -> Result<Outcome, Skip> {
        match IpNumber(protocol) {
            IpNumber::TCP | IpNumber::UDP => self.transport(protocol, view),
            _ => self.extensions(protocol, view),
        }
    }

    /// A fragment of which bytes are missing (by the snap length, or a length that lies) can never become whole: the
    /// first one counts by itself, since it has the ports.
    #[inline(never)]
    fn fragment(&mut self, protocol: u8, piece: Piece, data: View<'a>) -> Result<Outcome, Skip> {
        let is_whole = data.data.len() == data.wire;
        match piece.offset {
            _ if is_whole => {
                self.found = Found { protocol, piece, data, ..self.found };
                Ok(Outcome::Fragment)
            }
            0 => self.upper(protocol, data),
            _ => Err(Skip::FragmentIncomplete),
        }
    }

    #[inline(never)]
    fn extensions(&mut self, mut protocol: u8, mut view: View<'a>) -> Result<Outcome, Skip> {
        loop {
            let is_v6 = self.found.ip.version == IpVersion::V6;
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
                        return self.fragment(protocol, Piece { id, offset, more }, view);
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
        self.transport(protocol, view)
    }
}

/// Longest super-frame segmentation offload makes (Linux `GSO_MAX_SIZE`), in bytes.
const MAX_SUPER_FRAME: usize = 8 * 65_535;

/// Length of a packet whose header says 0: the rest of the frame. A frame that claims to be longer than any is not
/// believed beyond what was captured.
#[cold]
fn super_frame_len(view: View<'_>) -> usize {
    if view.wire <= MAX_SUPER_FRAME { view.wire } else { view.data.len() }
}

#[inline]
pub(super) fn split_addresses(bytes: &[u8; 32]) -> (u128, u128) {
    let both = bytes.as_chunks::<16>().0;
    match both {
        [source, destination] => (u128::from_be_bytes(*source), u128::from_be_bytes(*destination)),
        _ => (0, 0),
    }
}
