//! MMS, as IEC 61850 and TASE.2 use it (ISO 9506-2, section 5; IEC 61850-8-1, section 20): what a confirmed request asks.
//!
//! It is read behind ISO transport (see `tpkt`), session and presentation in their usual, short form. On its port
//! everything in ISO transport that is not S7 communication is taken for it: fragments do not say what they are.

use super::cursor::Cursor;
use super::s7comm;
use super::tpkt::{Body, packet};
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// MMS; a head of 96 bytes is enough.
pub const PROTOCOL: Protocol = Protocol { name: "mms", carrier: Carrier::Stream, ports: &[102], read };

/// Bytes behind transport that are waited for: the name of a variable is in them.
const HEAD: usize = 89;
const CONNECT: u8 = 0x0d;
const ACCEPT: u8 = 0x0e;
const WRITE: u8 = 5;

/// The message that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let packet = match packet(bytes) {
        Reading::Found(packet) => packet,
        Reading::More => return Reading::More,
        Reading::Other => return Reading::Other,
    };
    let message = packet.message();
    let s7 = (s7comm::PROTOCOL.read)(bytes);
    match packet.body {
        Body::Connection { .. } | Body::Data { length: 1.., .. } if s7 != Reading::Other => match s7 {
            Reading::More => Reading::More,
            Reading::Found(_) | Reading::Other => Reading::Other,
        },
        Body::Connection { by, .. } => Reading::Found(Message { speaker: Some(by), ..message }),
        Body::Disconnect => Reading::Found(message),
        Body::Data { there, length, .. } => match *there {
            [CONNECT, ..] => Reading::Found(Message { speaker: Some(Speaker::Client), ..message }),
            [ACCEPT, ..] => Reading::Found(Message { speaker: Some(Speaker::Server), ..message }),
            _ if there.len() < length.min(HEAD) => Reading::More,
            _ => {
                let (speaker, command) = protocol(there.get(..HEAD).unwrap_or(there)).unwrap_or_default();
                Reading::Found(Message { speaker, command, ..message })
            }
        },
    }
}

/// Who sent a protocol data unit and what it asks.
fn protocol(bytes: &[u8]) -> Option<(Option<Speaker>, Option<Command>)> {
    let mut cursor = Cursor(bytes);
    if bytes.starts_with(&[1, 0, 1, 0]) {
        cursor.take(4)?;
        presentation(&mut cursor)?;
    }
    let unit = cursor.u8()?;
    length(&mut cursor)?;
    Some(match unit {
        0xa0 => (Some(Speaker::Client), request(cursor)),
        0xa8 | 0x8b => (Some(Speaker::Client), None),
        0xa1..=0xa3 | 0xa9 | 0x8c => (Some(Speaker::Server), None),
        _ => (None, None),
    })
}

/// Fully encoded user data: context and the value in it (ISO 8823-1, section 8.4).
fn presentation(cursor: &mut Cursor<'_>) -> Option<()> {
    for tag in [0x61, 0x30] {
        (cursor.u8()? == tag).then_some(())?;
        length(cursor)?;
    }
    let mut tag = cursor.u8()?;
    while matches!(tag, 0x02 | 0x06) {
        let skipped = length(cursor)?;
        cursor.take(skipped)?;
        tag = cursor.u8()?;
    }
    length(cursor).filter(|_| tag == 0xa0).map(drop)
}

/// The length octets of BER (X.690, section 8.1.3).
fn length(cursor: &mut Cursor<'_>) -> Option<usize> {
    match cursor.u8()? {
        0x81 => cursor.u8().map(usize::from),
        0x82 => cursor.be16().map(usize::from),
        0x80.. => None,
        short => Some(usize::from(short)),
    }
}

/// The service is a choice behind the number of the invocation.
fn request(mut cursor: Cursor<'_>) -> Option<Command> {
    let tag = cursor.u8()?;
    let skipped = length(&mut cursor).filter(|_| tag == 0x02)?;
    cursor.take(skipped)?;
    let tag = cursor.u8()?;
    let service = if tag & 0x1f == 0x1f { cursor.u8()? } else { tag & 0x1f };
    let operates = service == WRITE && cursor.0.windows(4).any(|name| name == b"$CO$");
    let (kind, function) = if operates { (Control, "write of a control object") } else { named(service)? };
    (tag & 0xc0 == 0x80).then_some(Command { kind, function })
}

fn named(service: u8) -> Option<(CommandKind, &'static str)> {
    Some(match service {
        0 => (Read, "status"),
        1 => (Read, "get name list"),
        2 => (Read, "identify"),
        3 => (Write, "rename"),
        4 => (Read, "read"),
        WRITE => (Write, "write"),
        6 => (Read, "get variable access attributes"),
        7 => (Write, "define named variable"),
        8 => (Write, "define scattered access"),
        10 => (Write, "delete variable access"),
        11 => (Write, "define named variable list"),
        12 => (Read, "get named variable list attributes"),
        13 => (Write, "delete named variable list"),
        14 => (Write, "define named type"),
        16 => (Write, "delete named type"),
        17 => (Control, "input"),
        18 => (Control, "output"),
        19 => (Control, "take control"),
        20 => (Control, "relinquish control"),
        21 | 22 => (Write, "define or delete semaphore"),
        9 | 15 | 23..=25 => (Read, "report"),
        26 => (Program, "initiate download sequence"),
        27 => (Program, "download segment"),
        28 => (Program, "terminate download sequence"),
        29 => (Read, "initiate upload sequence"),
        30 => (Read, "upload segment"),
        31 => (Read, "terminate upload sequence"),
        32 => (Program, "request domain download"),
        33 => (Read, "request domain upload"),
        34 => (Program, "load domain content"),
        35 => (Read, "store domain content"),
        36 => (Program, "delete domain"),
        37 => (Read, "get domain attributes"),
        38 => (Program, "create program invocation"),
        39 => (Program, "delete program invocation"),
        40 => (Control, "start"),
        41 => (Control, "stop"),
        42 => (Control, "resume"),
        43 => (Control, "reset"),
        44 => (Control, "kill"),
        45 => (Read, "get program invocation attributes"),
        46 => (Write, "obtain file"),
        47 | 48 | 51..=54 | 57..=59 => (Write, "define or alter event"),
        49 | 50 | 55 | 56 | 60 | 61 | 63 | 64 => (Read, "report event"),
        62 => (Write, "acknowledge event notification"),
        65 | 68 => (Read, "read journal"),
        66 | 67 | 69 | 70 => (Write, "write journal"),
        71 => (Read, "get capability list"),
        72 => (Read, "file open"),
        73 => (Read, "file read"),
        74 => (Read, "file close"),
        75 => (Write, "file rename"),
        76 => (Write, "file delete"),
        77 => (Read, "file directory"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(payload: &[u8]) -> Vec<u8> {
        [&[3, 0, 0, 7 + payload.len() as u8, 2, 0xf0, 0x80], payload].concat()
    }

    fn unit(unit: &[u8]) -> Vec<u8> {
        let n = unit.len() as u8;
        data(&[&[1, 0, 1, 0, 0x61, n + 7, 0x30, n + 5, 2, 1, 3, 0xa0, n], unit].concat())
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_request_is_told_from_its_response() {
        let client = Some(Speaker::Client);
        assert_eq!(told(&unit(&[0xa0, 5, 2, 1, 9, 0xa4, 0])), (client, Some((Read, "read"))));
        assert_eq!(told(&unit(&[0xa0, 5, 2, 1, 9, 0xa5, 0])), (client, Some((Write, "write"))));
        assert_eq!(told(&unit(&[0xa0, 6, 2, 1, 9, 0xbf, 76, 0])), (client, Some((Write, "file delete"))));
        assert_eq!(told(&data(&[0xa0, 6, 2, 1, 9, 0xbf, 44, 0])), (client, Some((Control, "kill"))));
        assert_eq!(told(&unit(&[0xa0, 5, 2, 1, 9, 0xba, 0])), (client, Some((Program, "initiate download sequence"))));
        assert_eq!(told(&unit(&[0xa1, 5, 2, 1, 9, 0xa4, 0])), (Some(Speaker::Server), None));
    }

    #[test]
    fn a_write_of_a_control_object_operates() {
        let name = b"\xa0\x1e\x02\x01\x09\xa5\x19\xa0\x17\x30\x15\xa0\x13\xa1\x11\x1a\x02LD\x1a\x0bX$CO$Y$Oper";
        assert_eq!(told(&unit(name)).1, Some((Control, "write of a control object")));
    }

    #[test]
    fn a_cut_head_waits_and_others_in_the_same_transport_are_refused() {
        assert_eq!(read(&unit(&[0xa0, 5, 2, 1, 9, 0xa4, 0])[..20]), Reading::More);
        assert_eq!(read(&data(&[0x32, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0xf0, 0])), Reading::Other);
        assert_eq!(read(&[3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0]), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..99)) {
            for bytes in [unit(&payload), data(&payload)] {
                if let Reading::Found(found) = read(&bytes) {
                    proptest::prop_assert!(found.length > 0);
                }
            }
        }
    }
}
