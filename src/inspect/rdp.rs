//! RDP connection requests and confirmations over TPKT and X.224 (MS-RDPBCGR, sections 2.2.1.1 and 2.2.1.2).
//!
//! Industrial protocols open with the same X.224; RDP is told by its cookie or its negotiation. A request with neither,
//! as clients before Windows XP sent it, is not claimed.
//!
//! As messages: what follows the confirmation is TLS or sealed by RDP itself, so the login is not seen. Over UDP the
//! opening of a connection (MS-RDPEUDP, section 2.2.2) is. The head is 64 bytes of a request, 19 of a confirmation.

use super::cursor::Cursor;
use super::text::{some_text, words};
use super::{Carrier, Message, Protocol, Reading, Speaker};

/// Any port: X.224 with RDP's cookie or negotiation; on its own port what it carries too.
pub const STREAM: Protocol = Protocol { name: "rdp", carrier: Carrier::Stream, ports: &[], read: read_connection };
/// Its own port.
pub const STREAM_3389: Protocol = Protocol { name: "rdp", carrier: Carrier::Stream, ports: &[3389], read };
/// Its own port over UDP.
pub const DATAGRAM: Protocol =
    Protocol { name: "rdp", carrier: Carrier::Datagram, ports: &[3389], read: read_datagram };

const TEXT_MAX: usize = 64;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;

/// What the first packet of a side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rdp {
    /// A request is the client's.
    pub speaker: Speaker,
    /// Account of the client's user from `Cookie: mstshash=`, cut to nine characters by most clients.
    pub account: Option<String>,
    /// Security protocols offered or chosen: 0 RDP itself, 1 TLS, 2 CredSSP, 8 CredSSP early; the server's refusal gives none.
    pub protocols: Option<u32>,
}

/// The beginning of either direction.
#[must_use]
pub fn rdp(prefix: &[u8]) -> Reading<Rdp> {
    let header = [3, 0];
    let shared = prefix.len().min(header.len());
    if prefix.get(..shared) != header.get(..shared) {
        return Reading::Other;
    }
    let mut cursor = Cursor(prefix.get(shared..).unwrap_or_default());
    let Some(length) = cursor.be16() else { return Reading::More };
    if !(11..=1024).contains(&length) {
        return Reading::Other;
    }
    match cursor.take(usize::from(length) - 4) {
        None if cursor.0.get(1).is_none_or(|kind| matches!(*kind, CONNECTION_REQUEST | CONNECTION_CONFIRM)) => {
            Reading::More
        }
        None => Reading::Other,
        Some(packet) => connection(packet).map_or(Reading::Other, Reading::Found),
    }
}

fn read_connection(bytes: &[u8]) -> Reading<Message<'_>> {
    let &[3, 0, high, low, indicator, kind, _, _, _, _, _, ref rest @ ..] = bytes else {
        let header = [3, 0];
        let may_be = bytes.len() < 11
            && bytes.iter().zip(header).all(|(byte, fixed)| *byte == fixed)
            && bytes.get(5).is_none_or(|kind| matches!(*kind, CONNECTION_REQUEST | CONNECTION_CONFIRM));
        return if may_be { Reading::More } else { Reading::Other };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if usize::from(indicator) + 5 != length {
        return Reading::Other;
    }
    let rest = rest.get(..length - 11).unwrap_or(rest);
    let found = |speaker, detail| Message { length, speaker: Some(speaker), detail, ..Message::default() };
    match kind {
        CONNECTION_REQUEST if rest.starts_with(b"Cookie: ") => {
            let account = rest.strip_prefix(b"Cookie: mstshash=").and_then(words);
            Reading::Found(found(Speaker::Client, account))
        }
        CONNECTION_REQUEST | CONNECTION_CONFIRM => match (kind, negotiation(Cursor(rest))) {
            (CONNECTION_REQUEST, Some((1, _))) => Reading::Found(found(Speaker::Client, None)),
            (CONNECTION_CONFIRM, Some((2 | 3, _))) => Reading::Found(found(Speaker::Server, None)),
            (_, None) if rest.len() < (length - 11).min(8) => Reading::More,
            _ => Reading::Other,
        },
        _ => Reading::Other,
    }
}

/// On RDP's port: X.224 data too, in which the unencrypted part of a session goes.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match *bytes {
        [3, 0, high, low, 2, 0xf0, 0x80, ..] => {
            let length = usize::from(u16::from_be_bytes([high, low])).max(7);
            Reading::Found(Message { length, ..Message::default() })
        }
        // A confirmation without negotiation, of servers before Windows XP.
        [3, 0, 0, 11, 6, kind @ (CONNECTION_REQUEST | CONNECTION_CONFIRM), _, _, _, _, _, ..] => {
            let speaker = if kind == CONNECTION_REQUEST { Speaker::Client } else { Speaker::Server };
            Reading::Found(Message { length: 11, speaker: Some(speaker), ..Message::default() })
        }
        [3, 0, _, _, 2] | [3, 0, _, _, 2, 0xf0] => Reading::More,
        _ => read_connection(bytes),
    }
}

/// SYN, or SYN with ACK, and what each end takes in a datagram.
fn read_datagram(bytes: &[u8]) -> Reading<Message<'_>> {
    const SYN: u16 = 1;
    const ACK: u16 = 4;
    let mut cursor = Cursor(bytes);
    let fields = (cursor.be32(), cursor.be16(), cursor.be16(), cursor.be32(), cursor.be16(), cursor.be16());
    let (Some(acknowledged), _, Some(flags), _, Some(up), Some(down)) = fields else { return Reading::Other };
    let sizes = [up, down].iter().all(|size| (1132..=1232).contains(size));
    let speaker = match (flags & (SYN | ACK), acknowledged) {
        (SYN, u32::MAX) => Speaker::Client,
        (5, _) => Speaker::Server,
        _ => return Reading::Other,
    };
    if !sizes {
        return Reading::Other;
    }
    Reading::Found(Message { length: bytes.len(), speaker: Some(speaker), ..Message::default() })
}

fn connection(packet: &[u8]) -> Option<Rdp> {
    let mut cursor = Cursor(packet);
    let (length, kind) = (cursor.u8()?, cursor.u8()?);
    cursor.take(5).filter(|_| usize::from(length) + 1 == packet.len())?;
    match kind {
        CONNECTION_REQUEST => request(cursor),
        CONNECTION_CONFIRM => confirm(cursor),
        _ => None,
    }
}

fn request(mut cursor: Cursor<'_>) -> Option<Rdp> {
    let cookie = if cursor.0.starts_with(b"Cookie: ") { cursor.line() } else { None };
    let account =
        cookie.and_then(|line| line.strip_prefix(b"Cookie: mstshash=")).and_then(|it| some_text(it, TEXT_MAX));
    let protocols = negotiation(cursor).filter(|(kind, _)| *kind == 1).map(|(_, protocols)| protocols);
    (cookie.is_some() || protocols.is_some()).then_some(Rdp { speaker: Speaker::Client, account, protocols })
}

fn confirm(cursor: Cursor<'_>) -> Option<Rdp> {
    let (kind, value) = negotiation(cursor)?;
    let protocols = (kind == 2).then_some(value);
    matches!(kind, 2 | 3).then_some(Rdp { speaker: Speaker::Server, account: None, protocols })
}

/// Kind and value of a negotiation structure: type, flags, length 8, value, least significant byte first.
fn negotiation(mut cursor: Cursor<'_>) -> Option<(u8, u32)> {
    let [kind, _flags, 8, 0] = cursor.array::<4>()? else { return None };
    cursor.array().map(|value| (kind, u32::from_le_bytes(value)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn packet(kind: u8, variable: &[u8]) -> Vec<u8> {
        let length = 6 + variable.len() as u8;
        [&[3, 0, 0, length + 5, length, kind, 0, 0, 0, 0, 0], variable].concat()
    }

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        packet(CONNECTION_REQUEST, b"Cookie: mstshash=operator\r\n\x01\x00\x08\x00\x0b\x00\x00\x00")
    }

    #[test]
    fn a_request_names_the_account_and_what_it_offers() {
        let client = Rdp { speaker: Speaker::Client, account: Some("operator".to_owned()), protocols: Some(11) };
        assert_eq!(rdp(&golden()), Reading::Found(client));
    }

    #[test]
    fn a_message_quotes_the_account_and_ends_where_it_says() {
        let request = golden();
        let Reading::Found(found) = read_connection(&request) else { panic!("not read") };
        assert_eq!((found.length, found.detail), (request.len(), Some("operator")));
        let confirm = packet(CONNECTION_CONFIRM, &[2, 0, 8, 0, 2, 0, 0, 0]);
        let Reading::Found(found) = read_connection(&confirm) else { panic!("not read") };
        assert_eq!((found.length, found.speaker), (19, Some(Speaker::Server)));
        assert_eq!(read_connection(&request[..9]), Reading::More);
        let controller = packet(CONNECTION_REQUEST, &[0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2]);
        assert_eq!(read_connection(&controller), Reading::Other);
    }

    #[test]
    fn over_udp_the_opening_is_known_by_its_sizes() {
        let syn =
            [&[0xff; 4][..], &[0, 64, 0x10, 1], &[1, 2, 3, 4], &1232u16.to_be_bytes(), &1232u16.to_be_bytes()].concat();
        assert!(matches!(read_datagram(&syn), Reading::Found(Message { speaker: Some(Speaker::Client), .. })));
        assert_eq!(read_datagram(&[0xff; 20]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &golden());
        super::super::hostile::withstands(read_datagram, &[0xff; 16]);
    }

    #[test]
    fn an_answer_is_the_servers() {
        let server = |protocols| Reading::Found(Rdp { speaker: Speaker::Server, account: None, protocols });
        assert_eq!(rdp(&packet(CONNECTION_CONFIRM, &[2, 0, 8, 0, 2, 0, 0, 0])), server(Some(2)));
        assert_eq!(rdp(&packet(CONNECTION_CONFIRM, &[3, 0, 8, 0, 5, 0, 0, 0])), server(None));
    }

    #[test]
    fn a_programmable_controllers_connection_is_not_rdp() {
        assert_eq!(rdp(&packet(CONNECTION_REQUEST, &[0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2])), Reading::Other);
    }
}
