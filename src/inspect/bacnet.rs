//! BACnet/IP (ANSI/ASHRAE 135-2016, annex J, clauses 6, 20 and 21): what a datagram asks of a device.

use super::cursor::Cursor;
use super::message::cut_off;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Read, Write};

/// BACnet/IP; a head of 40 bytes is enough with the addresses of any link in use.
pub const PROTOCOL: Protocol = Protocol { name: "bacnet", carrier: Carrier::Datagram, ports: &[], read };

const BVLC: u8 = 0x81;

type Asked = (CommandKind, &'static str);

const AUTHENTICATE: Asked = (Read, "authenticate");

/// The datagram.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let mut cursor = Cursor(bytes);
    let header = (cursor.u8(), cursor.u8(), cursor.be16());
    let (Some(BVLC), Some(function @ 0..=11), Some(length)) = header else {
        let may_be = bytes.len() < 4 && bytes.first().is_none_or(|first| *first == BVLC);
        return if may_be { Reading::More } else { Reading::Other };
    };
    let length = usize::from(length);
    if bytes.len() > length {
        return Reading::Other;
    }
    let message = Message { length, ..Message::default() };
    let plain = |speaker, asked: Option<Asked>| {
        let command = asked.map(|(kind, function)| Command { kind, function });
        Reading::Found(Message { speaker: Some(speaker), command, ..message })
    };
    match (function, length) {
        (0, 6) => match cursor.be16() {
            None => Reading::More,
            Some(0x00 | 0x10 | 0x20 | 0x30 | 0x40 | 0x50 | 0x60) => plain(Speaker::Server, None),
            Some(_) => Reading::Other,
        },
        (1, _) if length % 10 == 4 => plain(Speaker::Client, Some((Write, "write broadcast distribution table"))),
        (2, 4) => plain(Speaker::Client, Some((Read, "read broadcast distribution table"))),
        (3 | 7, _) if length % 10 == 4 => plain(Speaker::Server, None),
        (5, 6) => plain(Speaker::Client, Some((Read, "register foreign device"))),
        (6, 4) => plain(Speaker::Client, Some((Read, "read foreign device table"))),
        (8, 10) => plain(Speaker::Client, Some((Write, "delete foreign device table entry"))),
        (4, 12..) => match cursor.take(6) {
            None => Reading::More,
            Some(_) => network(cursor, message).unwrap_or_else(|| cut_off(bytes, length)),
        },
        (9..=11, 6..) => network(cursor, message).unwrap_or_else(|| cut_off(bytes, length)),
        _ => Reading::Other,
    }
}

/// The network layer (clause 6.2): routed from and to, then its own message or that of the application.
fn network<'a>(mut cursor: Cursor<'_>, message: Message<'a>) -> Option<Reading<Message<'a>>> {
    let (version, control) = (cursor.u8()?, cursor.u8()?);
    if version != 1 || control & 0x50 != 0 {
        return Some(Reading::Other);
    }
    let destination = control & 0x20 != 0;
    if destination {
        address(&mut cursor)?;
    }
    if control & 0x08 != 0 {
        address(&mut cursor)?;
    }
    if destination {
        let _hops = cursor.u8()?;
    }
    let (speaker, asked) = match control & 0x80 {
        0 => match application(&mut cursor)? {
            Reading::Found(told) => told,
            Reading::Other | Reading::More => return Some(Reading::Other),
        },
        _ => routing(cursor.u8()?),
    };
    let login = (asked == Some(AUTHENTICATE)).then_some(Login::Tried);
    let command = asked.map(|(kind, function)| Command { kind, function });
    Some(Reading::Found(Message { speaker, command, login, ..message }))
}

fn address(cursor: &mut Cursor<'_>) -> Option<()> {
    let _network = cursor.be16()?;
    let length = cursor.u8()?;
    cursor.take(usize::from(length)).map(drop)
}

/// Who sends an application message, and what it asks (clause 20.1).
fn application(cursor: &mut Cursor<'_>) -> Option<Reading<(Option<Speaker>, Option<Asked>)>> {
    let head = cursor.u8()?;
    let server = head & 1 != 0;
    Some(match head >> 4 {
        0 if head & 1 == 0 => {
            let segmented = head & 0x08 != 0;
            cursor.take(if segmented { 4 } else { 2 })?;
            Reading::Found((Some(Speaker::Client), confirmed(cursor.u8()?)))
        }
        1 if head & 0xf == 0 => Reading::Found(unconfirmed(cursor.u8()?)),
        2 | 3 | 5 | 6 => Reading::Found((Some(Speaker::Server), None)),
        4 | 7 => Reading::Found((Some(if server { Speaker::Server } else { Speaker::Client }), None)),
        _ => Reading::Other,
    })
}

fn confirmed(service: u8) -> Option<Asked> {
    Some(match service {
        0 => (Write, "acknowledge alarm"),
        3 => (Read, "get alarm summary"),
        4 => (Read, "get enrollment summary"),
        5 => (Read, "subscribe cov"),
        6 => (Read, "atomic read file"),
        7 => (Write, "atomic write file"),
        8 => (Write, "add list element"),
        9 => (Write, "remove list element"),
        10 => (Write, "create object"),
        11 => (Write, "delete object"),
        12 => (Read, "read property"),
        13 => (Read, "read property conditional"),
        14 => (Read, "read property multiple"),
        15 => (Write, "write property"),
        16 => (Write, "write property multiple"),
        17 => (Control, "device communication control"),
        18 => (Write, "confirmed private transfer"),
        19 => (Write, "confirmed text message"),
        20 => (Control, "reinitialize device"),
        21 => (Control, "vt open"),
        22 => (Control, "vt close"),
        23 => (Control, "vt data"),
        24 => AUTHENTICATE,
        25 => (Read, "request key"),
        26 => (Read, "read range"),
        27 => (Control, "life safety operation"),
        28 => (Read, "subscribe cov property"),
        29 => (Read, "get event information"),
        30 => (Read, "subscribe cov property multiple"),
        33 => (Read, "audit log query"),
        _ => return None,
    })
}

fn unconfirmed(service: u8) -> (Option<Speaker>, Option<Asked>) {
    let asked = match service {
        5 => (Write, "unconfirmed text message"),
        6 => (Write, "time synchronization"),
        7 => (Read, "who-has"),
        8 => (Read, "who-is"),
        9 => (Write, "utc time synchronization"),
        10 => (Write, "write group"),
        13 => (Read, "who-am-i"),
        14 => (Write, "you-are"),
        0 | 1 => return (Some(Speaker::Server), None),
        _ => return (None, None),
    };
    (Some(Speaker::Client), Some(asked))
}

/// Messages of the network layer (clause 6.4).
fn routing(kind: u8) -> (Option<Speaker>, Option<Asked>) {
    let asked = match kind {
        0 => (Read, "who-is-router-to-network"),
        6 => (Write, "initialize routing table"),
        8 => (Control, "establish connection to network"),
        9 => (Control, "disconnect connection to network"),
        18 => (Read, "what is network number"),
        _ => return (None, None),
    };
    (Some(Speaker::Client), Some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(function: u8, rest: &[u8]) -> Vec<u8> {
        [&[BVLC, function, 0, 4 + rest.len() as u8], rest].concat()
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<Asked>) {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_request_is_told_from_its_answer() {
        let client = Some(Speaker::Client);
        assert_eq!(told(&datagram(10, &[1, 4, 0, 5, 1, 12, 12])), (client, Some((Read, "read property"))));
        assert_eq!(told(&datagram(10, &[1, 4, 0, 5, 1, 15, 12])), (client, Some((Write, "write property"))));
        assert_eq!(told(&datagram(10, &[1, 4, 8, 5, 1, 0, 4, 20])), (client, Some((Control, "reinitialize device"))));
        assert_eq!(told(&datagram(10, &[1, 0, 0x30, 1, 12])), (Some(Speaker::Server), None));
        assert_eq!(told(&datagram(11, &[1, 0, 0x10, 0, 0xc4])), (Some(Speaker::Server), None));
    }

    #[test]
    fn routed_and_forwarded_requests_are_read_behind_their_addresses() {
        let routed = [1, 0x2c, 0, 5, 1, 9, 0, 6, 6, 192, 0, 2, 1, 0xba, 0xc0, 254, 0, 5, 1, 17];
        assert_eq!(told(&datagram(10, &routed)).1, Some((Control, "device communication control")));
        let forwarded = [&[192, 0, 2, 9, 0xba, 0xc0][..], &[1, 0x20, 0xff, 0xff, 0, 255, 0x10, 6, 0xa4]].concat();
        assert_eq!(told(&datagram(4, &forwarded)).1, Some((Write, "time synchronization")));
        assert_eq!(told(&datagram(10, &[1, 0x80, 0])).1, Some((Read, "who-is-router-to-network")));
    }

    #[test]
    fn a_cut_head_waits_and_other_bytes_are_refused() {
        let bytes = datagram(10, &[1, 4, 0, 5, 1, 15, 12]);
        assert_eq!(read(&bytes[..8]), Reading::More);
        assert_eq!(read(&[bytes.as_slice(), &[0]].concat()), Reading::Other);
        assert_eq!(read(&datagram(10, &[2, 4, 0, 5, 1, 15])), Reading::Other);
        assert_eq!(read(&[0x80, 0x00, 0, 10, 0, 0, 0, 0, 0, 0]), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(function in 0u8..13, rest in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            if let Reading::Found(found) = read(&datagram(function, &rest)) {
                proptest::prop_assert!(found.length > 0);
            }
        }
    }
}
