//! SNMP over UDP: v1 (RFC 1157), v2c (RFC 1901, RFC 3416) and v3 (RFC 3412, section 6; RFC 3414).
//!
//! A datagram holds one message in BER, read up to the tag of its PDU. What version 3 encrypts asks for something that is
//! not seen; its reports of an unknown user or a wrong digest refuse a login.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Agents on 161, receivers of notifications on 162.
pub const PROTOCOL: Protocol = Protocol { name: "snmp", carrier: Carrier::Datagram, ports: &[161, 162], read };

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const RESPONSE: u8 = 0xa2;
const REPORT: u8 = 0xa8;
const ENCRYPTED: u8 = 2;
const REPORTABLE: u8 = 4;

/// usmStats (RFC 3414, section 5), without the counter's number.
const USM_STATS: [u8; 8] = [0x2b, 6, 1, 6, 3, 15, 1, 1];
const UNKNOWN_USER_NAMES: u8 = 3;
const WRONG_DIGESTS: u8 = 5;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    message(bytes).map_or(Reading::Other, Reading::Found)
}

fn message(bytes: &[u8]) -> Option<Message<'static>> {
    let mut cursor = Cursor(bytes);
    let content = opened(&mut cursor, SEQUENCE)?;
    let length = bytes.len() - cursor.0.len() + content;
    let &[version] = field(&mut cursor, INTEGER)? else { return None };
    let found = match version {
        0 | 1 => {
            field(&mut cursor, OCTETS)?;
            pdu(cursor)?
        }
        3 => version_3(cursor)?,
        _ => return None,
    };
    Some(Message { length, ..found })
}

fn version_3(mut cursor: Cursor<'_>) -> Option<Message<'static>> {
    let mut global = Cursor(field(&mut cursor, SEQUENCE)?);
    field(&mut global, INTEGER).filter(|id| id.len() <= 5)?;
    field(&mut global, INTEGER).filter(|size| size.len() <= 5)?;
    let &[flags] = field(&mut global, OCTETS)? else { return None };
    field(&mut cursor, OCTETS)?;
    if flags & ENCRYPTED == 0 {
        opened(&mut cursor, SEQUENCE)?;
        field(&mut cursor, OCTETS)?;
        field(&mut cursor, OCTETS)?;
        return pdu(cursor);
    }
    opened(&mut cursor, OCTETS)?;
    let speaker = (flags & REPORTABLE != 0).then_some(Speaker::Client);
    Some(Message { speaker, ..Message::default() })
}

fn pdu(mut cursor: Cursor<'_>) -> Option<Message<'static>> {
    let tag = *cursor.0.first().filter(|tag| matches!(tag, 0xa0..=REPORT))?;
    opened(&mut cursor, tag)?;
    let command = command(tag);
    let speaker = match tag {
        RESPONSE | REPORT => Some(Speaker::Server),
        _ => command.map(|_| Speaker::Client),
    };
    let login = (tag == REPORT && refuses(cursor) == Some(true)).then_some(Login::Refused);
    Some(Message { speaker, command, login, ..Message::default() })
}

fn command(tag: u8) -> Option<Command> {
    let (kind, function) = match tag {
        0xa0 => (CommandKind::Read, "get request"),
        0xa1 => (CommandKind::Read, "get next request"),
        0xa3 => (CommandKind::Write, "set request"),
        0xa5 => (CommandKind::Read, "get bulk request"),
        _ => return None,
    };
    Some(Command { kind, function })
}

/// Whether a report's first variable counts unknown users or wrong digests.
fn refuses(mut pdu: Cursor<'_>) -> Option<bool> {
    for _ in ["request-id", "error-status", "error-index"] {
        field(&mut pdu, INTEGER)?;
    }
    opened(&mut pdu, SEQUENCE)?;
    opened(&mut pdu, SEQUENCE)?;
    let counter = field(&mut pdu, OBJECT)?.strip_prefix(&USM_STATS)?;
    Some(matches!(counter, [UNKNOWN_USER_NAMES | WRONG_DIGESTS, 0]))
}

/// Takes tag and length of an element; its content's length.
fn opened(cursor: &mut Cursor<'_>, tag: u8) -> Option<usize> {
    let mut ahead = *cursor;
    ahead.u8().filter(|found| *found == tag)?;
    let length = match ahead.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(ahead.u8()?),
        0x82 => usize::from(ahead.be16()?),
        _ => return None,
    };
    *cursor = ahead;
    Some(length)
}

fn field<'a>(cursor: &mut Cursor<'a>, tag: u8) -> Option<&'a [u8]> {
    let length = opened(cursor, tag)?;
    cursor.take(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, content.len() as u8], content].concat()
    }

    fn community(version: u8, tag: u8, variables: &[u8]) -> Vec<u8> {
        let pdu = element(tag, &[&[2, 1, 1, 2, 1, 0, 2, 1, 0], variables].concat());
        element(SEQUENCE, &[&[2, 1, version][..], &element(OCTETS, b"public"), &pdu].concat())
    }

    fn version_3(flags: u8, data: &[u8]) -> Vec<u8> {
        let global = element(SEQUENCE, &[2, 1, 7, 2, 2, 5, 0xdc, 4, 1, flags, 2, 1, 3]);
        element(SEQUENCE, &[&[2, 1, 3][..], &global, &element(OCTETS, &[0x30, 0]), data].concat())
    }

    fn scoped(tag: u8, variables: &[u8]) -> Vec<u8> {
        let pdu = element(tag, &[&[2, 1, 1, 2, 1, 0, 2, 1, 0], variables].concat());
        element(SEQUENCE, &[&[4, 1, 9, 4, 0][..], &pdu].concat())
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        assert_eq!(found.length, bytes.len());
        found
    }

    #[test]
    fn a_set_is_told_from_a_get_in_every_version() {
        let function = |bytes: &[u8]| found(bytes).command.map(|it| (it.kind, it.function));
        assert_eq!(function(&community(0, 0xa1, &[0x30, 0])), Some((CommandKind::Read, "get next request")));
        assert_eq!(function(&community(1, 0xa3, &[0x30, 0])), Some((CommandKind::Write, "set request")));
        assert_eq!(function(&version_3(5, &scoped(0xa3, &[0x30, 0]))), Some((CommandKind::Write, "set request")));
        assert_eq!(found(&community(1, 0xa3, &[0x30, 0])).speaker, Some(Speaker::Client));
    }

    #[test]
    fn answers_notifications_and_encrypted_requests_command_nothing() {
        for tag in [RESPONSE, 0xa4, 0xa6, 0xa7] {
            assert_eq!(found(&community(1, tag, &[0x30, 0])).command, None);
        }
        let encrypted = version_3(7, &element(OCTETS, &[9; 40]));
        assert_eq!((found(&encrypted).command, found(&encrypted).speaker), (None, Some(Speaker::Client)));
    }

    #[test]
    fn a_wrong_digest_refuses_and_a_discovery_does_not() {
        let counter = |number| {
            let object = element(OBJECT, &[&USM_STATS[..], &[number, 0]].concat());
            element(SEQUENCE, &element(SEQUENCE, &[object, vec![0x41, 1, 5]].concat()))
        };
        let login = |number| found(&version_3(0, &scoped(REPORT, &counter(number)))).login;
        assert_eq!((login(WRONG_DIGESTS), login(4)), (Some(Login::Refused), None));
    }

    #[test]
    fn other_ber_and_cut_heads_are_none() {
        let ldap = element(SEQUENCE, &[&[2, 1, 1][..], &element(0x60, &[2, 1, 3])].concat());
        assert_eq!(read(&ldap), Reading::Other);
        assert_eq!(read(&community(1, 0xa3, &[])[..12]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &version_3(0, &scoped(REPORT, &[0x30, 0])));
    }
}
