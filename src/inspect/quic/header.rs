//! Long headers (RFC 8999 section 5.1, RFC 9000 section 17.2), and what follows one in the same datagram.

use super::bytes::Bytes;
use super::version::{self, Scheme};

/// Longest connection id of the versions read here (RFC 9000 section 17.2).
const LONGEST_ID: usize = 20;
/// A client's first destination id has at least so many bytes (RFC 9000 section 7.2).
const SHORTEST_FIRST_ID: usize = 8;

/// A connection id: 0 to 20 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionId {
    bytes: [u8; LONGEST_ID],
    length: usize,
}

impl ConnectionId {
    fn new(id: &[u8]) -> Option<ConnectionId> {
        let mut bytes = [0; LONGEST_ID];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(ConnectionId { bytes, length: id.len() })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether a client may have made it up for its first Initial, so that keys follow from it.
    pub(super) fn may_be_first(&self) -> bool {
        self.length >= SHORTEST_FIRST_ID
    }
}

/// The part of a long header that all versions share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invariant<'a> {
    pub(super) first: u8,
    pub(super) version: u32,
    pub(super) destination: ConnectionId,
    pub(super) source: ConnectionId,
    pub(super) rest: &'a [u8],
}

impl<'a> Invariant<'a> {
    pub(super) fn parse(packet: &'a [u8]) -> Option<Invariant<'a>> {
        let mut bytes = Bytes(packet);
        let first = bytes.u8().filter(|first| first & 0x80 != 0)?;
        let version = bytes.u32()?;
        let [destination, source] = [id(&mut bytes)?, id(&mut bytes)?];
        Some(Invariant { first, version, destination, source, rest: bytes.0 })
    }

    /// The packet type of the versions read here: two bits behind the form and the fixed bit.
    fn kind(&self) -> u8 {
        self.first >> 4 & 3
    }

    /// The scheme of its version, where that is known and the fixed bit is set.
    pub(super) fn scheme(&self) -> Option<&'static Scheme> {
        version::scheme(self.version).filter(|_| self.first & 0x40 != 0)
    }

    /// An Initial, of a client as far as its destination tells.
    pub(super) fn may_be_first_initial(&self) -> bool {
        self.destination.may_be_first() && self.scheme().is_some_and(|scheme| self.kind() == scheme.initial)
    }
}

fn id(bytes: &mut Bytes<'_>) -> Option<ConnectionId> {
    let length = bytes.u8()?;
    ConnectionId::new(bytes.take(usize::from(length))?)
}

/// One packet at the front of a datagram.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    Initial(Initial<'a>),
    /// A packet that carries no client hello; `rest` follows it.
    Passed {
        rest: &'a [u8],
    },
    /// QUIC behind which nothing more can be read: Retry, version negotiation, a packet cut off.
    Last,
}

/// A protected Initial.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initial<'a> {
    pub(super) version: u32,
    pub(super) scheme: &'static Scheme,
    pub(super) destination: ConnectionId,
    pub(super) source: ConnectionId,
    pub(super) has_token: bool,
    /// From the first byte of the header to the end of the protected payload.
    pub(super) bytes: &'a [u8],
    /// Where in `bytes` the packet number begins.
    pub(super) number_at: usize,
    pub(super) rest: &'a [u8],
}

/// Reads the packet at the front of `datagram`; `None` where it is no long header of QUIC.
pub(super) fn packet(datagram: &[u8]) -> Option<Packet<'_>> {
    let header = Invariant::parse(datagram)?;
    if header.version == 0 || version::is_reserved(header.version) {
        return Some(Packet::Last);
    }
    let scheme = header.scheme()?;
    if header.kind() == scheme.retry {
        return Some(Packet::Last);
    }
    Some(protected(datagram, &header, scheme).unwrap_or(Packet::Last))
}

fn protected<'a>(datagram: &'a [u8], header: &Invariant<'a>, scheme: &'static Scheme) -> Option<Packet<'a>> {
    let is_initial = header.kind() == scheme.initial;
    let mut bytes = Bytes(header.rest);
    let has_token = is_initial && !bytes.prefixed()?.is_empty();
    let length = usize::try_from(bytes.varint()?).ok()?;
    let number_at = datagram.len().checked_sub(bytes.0.len())?;
    let (packet, rest) = datagram.split_at_checked(number_at.checked_add(length)?)?;
    if !is_initial {
        return Some(Packet::Passed { rest });
    }
    let Invariant { version, destination, source, .. } = *header;
    Some(Packet::Initial(Initial { version, scheme, destination, source, has_token, bytes: packet, number_at, rest }))
}
