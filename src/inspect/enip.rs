//! EtherNet/IP and the CIP service inside (CIP Networks Library, volume 2, chapter 2, and volume 1, chapter 3 and
//! appendix A), with what Rockwell's controllers add: tags (publication 1756-PM020) and PCCC (publication 1770-6.5.16).
//!
//! A NOP is not read: it is only zeros. Several services packed into one message count as the strongest of them, as far as they are there to read.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// EtherNet/IP over TCP; a head of 80 bytes is enough for one service, packed ones are read where they are there.
pub const PROTOCOL: Protocol = Protocol { name: "enip", carrier: Carrier::Stream, ports: &[44818], read };

/// The same on any port, without the lists: a request for one is nearly all zeros.
pub const ELSEWHERE: Protocol = Protocol { name: "enip", carrier: Carrier::Stream, ports: &[], read: read_session };

/// EtherNet/IP over UDP.
pub const DATAGRAM: Protocol = Protocol { name: "enip", carrier: Carrier::Datagram, ports: &[44818], read };

const HEADER: usize = 24;
/// Bytes waited for; what lies behind is read if it is there.
const HEAD: usize = 80;
/// Packed services looked at.
const PACKED_MAX: usize = 64;

const CONNECTION_MANAGER: u16 = 0x06;
const FILE: u16 = 0x37;
const PCCC: u16 = 0x67;
const CONTROLLER: u16 = 0x8e;
const NONVOLATILE_STORAGE: u16 = 0xa1;
const MULTIPLE_SERVICE_PACKET: u8 = 0x0a;
const EXECUTE_PCCC: u8 = 0x4b;
const UNCONNECTED_SEND: u8 = 0x52;

type Asked = (CommandKind, &'static str);

/// The message that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    header(bytes).unwrap_or(Reading::More)
}

/// The message that begins with the first byte, of a session.
fn read_session(bytes: &[u8]) -> Reading<Message<'_>> {
    match bytes.first() {
        Some(0x04 | 0x63 | 0x64) => Reading::Other,
        _ => read(bytes),
    }
}

fn header(bytes: &[u8]) -> Option<Reading<Message<'_>>> {
    let mut cursor = Cursor(bytes);
    let command = cursor.u8()?;
    if !matches!(command, 0x04 | 0x63..=0x66 | 0x6f | 0x70) || cursor.u8()? != 0 {
        return Some(Reading::Other);
    }
    let length = u16::from_le_bytes(cursor.array()?);
    let session = cursor.be32()?;
    let status = u32::from_le_bytes(cursor.array()?);
    let _context = cursor.array::<8>()?;
    let options = cursor.be32()?;
    if options != 0 || !matches!(status, 0..=3 | 0x64 | 0x65 | 0x69 | 0x6a) {
        return Some(Reading::Other);
    }
    let whole = HEADER + usize::from(length);
    let message = Message { length: whole, ..Message::default() };
    let told = |speaker, asked: Option<Asked>| {
        let command = asked.map(|(kind, function)| Command { kind, function });
        Reading::Found(Message { speaker, command, ..message })
    };
    let body = Cursor(cursor.0.get(..usize::from(length)).unwrap_or(cursor.0));
    Some(match (command, length, session) {
        (0x04 | 0x63 | 0x64, 0, 0) => told(Some(Speaker::Client), Some((Read, listed(command)))),
        (0x04 | 0x63 | 0x64, 8.., 0) => match body.0.get(..2) {
            Some([0..8, 0]) => told(Some(Speaker::Server), None),
            Some(_) => Reading::Other,
            None => Reading::More,
        },
        (0x65, 4, 0) => told(Some(Speaker::Client), None),
        (0x65, 0 | 4, _) => told(Some(Speaker::Server), None),
        (0x66, 0, 1..) => told(Some(Speaker::Client), None),
        (0x6f | 0x70, _, _) if status != 0 => told(Some(Speaker::Server), None),
        (0x6f | 0x70, 16.., _) => match items(body) {
            Some(None) => Reading::Other,
            _ if bytes.len() < whole.min(HEAD) => Reading::More,
            Some(Some((speaker, asked))) => told(speaker, asked),
            None if bytes.len() < whole => told(None, None),
            None => Reading::Other,
        },
        _ => Reading::Other,
    })
}

fn listed(command: u8) -> &'static str {
    match command {
        0x04 => "list services",
        0x63 => "list identity",
        _ => "list interfaces",
    }
}

type Told = (Option<Speaker>, Option<Asked>);

/// The service among the items; `Some(None)` where they are none.
fn items(mut cursor: Cursor<'_>) -> Option<Option<Told>> {
    let interface = cursor.be32()?;
    let _timeout = cursor.be16()?;
    let count = u16::from_le_bytes(cursor.array()?);
    if interface != 0 || !(1..=4).contains(&count) {
        return Some(None);
    }
    for _ in 0..count {
        let kind = u16::from_le_bytes(cursor.array()?);
        let length = usize::from(u16::from_le_bytes(cursor.array()?));
        let mut data = Cursor(cursor.0.get(..length).unwrap_or(cursor.0));
        match (kind, length) {
            (0x00b1, 4..) => {
                let _sequence = data.be16()?;
                return service(data, true).map(Some);
            }
            (0x00b2, 2..) => return service(data, true).map(Some),
            (0x0000, 0) | (0x00a1, 4) | (0x8000..=0x8002, 16) => cursor.take(length)?,
            _ => return Some(None),
        };
    }
    Some(Some((None, None)))
}

/// A service, or the strongest of those in it; a service in a service holds none itself.
fn service(mut cursor: Cursor<'_>, outer: bool) -> Option<Told> {
    let service = cursor.u8()?;
    if service & 0x80 != 0 {
        return Some((Some(Speaker::Server), None));
    }
    let path_words = cursor.u8()?;
    let path = cursor.take(2 * usize::from(path_words))?;
    let class = match *path {
        [0x20, class, ..] => Some(u16::from(class)),
        [0x21, 0, low, high, ..] => Some(u16::from_le_bytes([low, high])),
        _ => None,
    };
    let asked = match (service, class) {
        (MULTIPLE_SERVICE_PACKET, _) if outer => strongest(cursor),
        (UNCONNECTED_SEND, Some(CONNECTION_MANAGER)) if outer => {
            let _timing_and_length = cursor.be32()?;
            return self::service(cursor, false);
        }
        (EXECUTE_PCCC, Some(PCCC)) => pccc(cursor)?,
        _ => named(service, class),
    };
    Some((Some(Speaker::Client), asked))
}

fn strongest(packed: Cursor<'_>) -> Option<Asked> {
    let mut offsets = packed;
    let count = usize::from(u16::from_le_bytes(offsets.array()?));
    let mut strongest = None;
    for _ in 0..count.min(PACKED_MAX) {
        let Some(offset) = offsets.array().map(u16::from_le_bytes) else { break };
        let inner = packed.0.get(usize::from(offset)..).and_then(|bytes| service(Cursor(bytes), false));
        strongest = match (strongest, inner.and_then(|(_, asked)| asked)) {
            (Some((kind, _)), Some(asked)) if asked.0 > kind => Some(asked),
            (None, asked) => asked,
            (strongest, _) => strongest,
        };
    }
    strongest
}

/// Classes 68 to 72 and 7e are those that a Logix controller creates when a program is loaded into it, as captured.
fn named(service: u8, class: Option<u16>) -> Option<Asked> {
    Some(match (service, class) {
        (0x01, _) => (Read, "get attributes all"),
        (0x02, _) => (Write, "set attributes all"),
        (0x03, _) => (Read, "get attribute list"),
        (0x04, _) => (Write, "set attribute list"),
        (0x05, _) => (Control, "reset"),
        (0x06, _) => (Control, "start"),
        (0x07, _) => (Control, "stop"),
        (0x08, Some(0x68..=0x72 | 0x7e)) => (Program, "create"),
        (0x09, Some(0x68..=0x72 | 0x7e)) => (Program, "delete"),
        (0x08, _) => (Write, "create"),
        (0x09, _) => (Write, "delete"),
        (0x0d, _) => (Write, "apply attributes"),
        (0x0e, _) => (Read, "get attribute single"),
        (0x10, _) => (Write, "set attribute single"),
        (0x11, _) => (Read, "find next object instance"),
        (0x15, _) => (Write, "restore"),
        (0x16, _) => (Write, "save"),
        (0x18, _) => (Read, "get member"),
        (0x19, _) => (Write, "set member"),
        (0x1a, _) => (Write, "insert member"),
        (0x1b, _) => (Write, "remove member"),
        (0x1c, _) => (Write, "group sync"),
        (0x4b.., Some(CONNECTION_MANAGER)) => return None,
        (0x4b | 0x4d | 0x4f, Some(FILE)) => (Read, "file: upload"),
        (0x4c | 0x4e | 0x50, Some(FILE)) => (Program, "file: download"),
        (0x51, Some(FILE)) => (Program, "file: clear"),
        (0x4b | 0x4f | 0x50, Some(0x68 | 0x6a | 0x6d)) => (Program, "program: object-specific service"),
        (0x4b.., Some(NONVOLATILE_STORAGE)) => (Program, "nonvolatile storage: update"),
        (0x4b.., Some(CONTROLLER)) => (Control, "controller: object-specific service"),
        (0x4c, _) => (Read, "read tag"),
        (0x4d, _) => (Write, "write tag"),
        (0x4e, _) => (Write, "read modify write tag"),
        (0x52, _) => (Read, "read tag fragmented"),
        (0x53, _) => (Write, "write tag fragmented"),
        (0x55, _) => (Read, "get instance attribute list"),
        _ => return None,
    })
}

/// A command to an older controller, behind the requestor's number.
fn pccc(mut cursor: Cursor<'_>) -> Option<Option<Asked>> {
    let requestor = usize::from(cursor.u8()?);
    cursor.take(requestor.saturating_sub(1))?;
    let command = cursor.u8()?;
    let _status_and_transaction = cursor.array::<3>()?;
    Some(Some(match command {
        0x00 => (Write, "pccc protected write"),
        0x01 => (Read, "pccc unprotected read"),
        0x02 => (Write, "pccc protected bit write"),
        0x05 => (Write, "pccc unprotected bit write"),
        0x08 => (Write, "pccc unprotected write"),
        0x06 => match cursor.u8()? {
            0 | 1 | 3 | 9 => (Read, "pccc diagnostic"),
            _ => (Write, "pccc diagnostic setting"),
        },
        0x07 => match cursor.u8()? {
            4 | 5 => (Program, "pccc download mode"),
            6 => (Read, "pccc upload mode"),
            _ => (Control, "pccc enable or disable"),
        },
        0x0f => pccc_function(cursor.u8()?),
        _ => return Some(None),
    }))
}

fn pccc_function(function: u8) -> Asked {
    match function {
        0x01 | 0x04 | 0x09 | 0x17 | 0x29 | 0x68 | 0xa1 | 0xa2 | 0xa7 => (Read, "pccc read"),
        0x06 | 0x53 | 0x55 => (Read, "pccc upload"),
        0x11 | 0x12 => (Read, "pccc edit resource"),
        0x81 | 0x82 => (Read, "pccc open or close file"),
        0x05 => (Program, "pccc download request"),
        0x18 => (Program, "pccc write bytes physical"),
        0x50 => (Program, "pccc download all request"),
        0x52 => (Program, "pccc download completed"),
        0x57 => (Program, "pccc initialize memory"),
        0x07 => (Control, "pccc shutdown"),
        0x0a => (Control, "pccc restart request"),
        0x3a => (Control, "pccc set cpu mode"),
        0x41 => (Control, "pccc disable forces"),
        0x80 => (Control, "pccc change cpu mode"),
        0x67 => (Write, "pccc typed write"),
        0xa9 | 0xaa => (Write, "pccc protected typed logical write"),
        _ => (Write, "pccc write"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(command: u8, session: u8, body: &[u8]) -> Vec<u8> {
        let head = [command, 0, body.len() as u8, 0, session, 0, 0, 0];
        [&head[..], &[0; 4], b"context!", &[0; 4], body].concat()
    }

    fn unconnected(service: &[u8]) -> Vec<u8> {
        let items = [0, 0, 0, 0, 10, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0, service.len() as u8, 0];
        message(0x6f, 7, &[&items[..], service].concat())
    }

    fn connected(service: &[u8]) -> Vec<u8> {
        let items = [0, 0, 0, 0, 0, 0, 2, 0, 0xa1, 0, 4, 0, 9, 9, 9, 9, 0xb1, 0, 2 + service.len() as u8, 0, 1, 0];
        message(0x70, 7, &[&items[..], service].concat())
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<Asked>) {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_service_is_told_from_its_reply() {
        let client = Some(Speaker::Client);
        assert_eq!(
            told(&unconnected(&[0x0e, 3, 0x20, 1, 0x24, 1, 0x30, 7])),
            (client, Some((Read, "get attribute single")))
        );
        assert_eq!(told(&connected(&[0x4d, 2, 0x91, 2, b'a', b'b', 0xc4, 0])), (client, Some((Write, "write tag"))));
        assert_eq!(told(&connected(&[7, 2, 0x20, 0x8e, 0x24, 1])), (client, Some((Control, "stop"))));
        assert_eq!(told(&unconnected(&[0x50, 2, 0x20, 0x37, 0x24, 1])), (client, Some((Program, "file: download"))));
        assert_eq!(told(&unconnected(&[0x54, 2, 0x20, 6, 0x24, 1])), (client, None));
        assert_eq!(told(&connected(&[0xcd, 0, 0, 0])), (Some(Speaker::Server), None));
    }

    #[test]
    fn services_in_services_are_read() {
        let send = [0x52, 2, 0x20, 6, 0x24, 1, 10, 9, 6, 0, 5, 2, 0x20, 1, 0x24, 1, 1, 0, 1, 0];
        assert_eq!(told(&unconnected(&send)).1, Some((Control, "reset")));
        let packed = [10, 2, 0x20, 2, 0x24, 1, 2, 0, 6, 0, 12, 0, 1, 2, 0x20, 1, 0x24, 1, 0x10, 2, 0x20, 1, 0x24, 1];
        assert_eq!(told(&connected(&packed)).1, Some((Write, "set attribute single")));
        let mode = [0x4b, 2, 0x20, 0x67, 0x24, 1, 7, 1, 0, 9, 9, 9, 9, 0x0f, 0, 1, 0, 0x80, 6];
        assert_eq!(told(&unconnected(&mode)).1, Some((Control, "pccc change cpu mode")));
    }

    #[test]
    fn sessions_and_lists_have_their_sides() {
        assert_eq!(told(&message(0x65, 0, &[1, 0, 0, 0])), (Some(Speaker::Client), None));
        assert_eq!(told(&message(0x65, 7, &[1, 0, 0, 0])), (Some(Speaker::Server), None));
        assert_eq!(told(&message(0x63, 0, &[])).1, Some((Read, "list identity")));
        assert_eq!(read_session(&message(0x63, 0, &[])), Reading::Other);
    }

    #[test]
    fn a_cut_head_waits_and_other_bytes_are_refused() {
        let bytes = connected(&[7, 2, 0x20, 0x8e, 0x24, 1]);
        assert_eq!(read(&bytes[..47]), Reading::More);
        assert_eq!(read(&[0; 40]), Reading::Other);
        assert_eq!(read(&message(0x6f, 7, &[9; 30])), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(nested in 0usize..4, service in proptest::collection::vec(proptest::num::u8::ANY, 0..99)) {
            let prefix: &[u8] = [&[][..], &[10, 0, 1, 0, 4, 0], &[0x52, 2, 0x20, 6, 0x24, 1], &[0x4b, 2, 0x20, 0x67, 0x24, 1]][nested];
            let bytes = unconnected(&[prefix, &service].concat());
            if let Reading::Found(found) = read(&bytes) {
                proptest::prop_assert!(found.length > 0);
            }
        }
    }
}
