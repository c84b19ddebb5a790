//! Reolink's Baichuan protocol (thirtythreeforty/neolink, `dissector/`): over TCP, port 9000, and over UDP in frames of
//! its own. The number of a message is in the clear, its content mostly not.
//!
//! Header: magic, message, length, eight bytes of which the class is the last two; all least significant byte first. The
//! head is 24 bytes.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Any port: the magic.
pub const STREAM: Protocol = Protocol { name: "reolink", carrier: Carrier::Stream, ports: &[], read };
/// Any port: three magics.
pub const DATAGRAM: Protocol =
    Protocol { name: "reolink", carrier: Carrier::Datagram, ports: &[], read: read_datagram };

const MAGIC: [u8; 4] = [0xf0, 0xde, 0xbc, 0x0a];
const DISCOVERY: [u8; 4] = [0x3a, 0xcf, 0x87, 0x2a];
const ACKNOWLEDGEMENT: [u8; 4] = [0x20, 0xcf, 0x87, 0x2a];
const DATA: [u8; 4] = [0x10, 0xcf, 0x87, 0x2a];
const LOGIN: u32 = 1;
/// A picture in full resolution takes a few megabytes.
const LENGTH_MAX: u32 = 32 << 20;

const CLASS_LEGACY: u16 = 0x6514;
const CLASS_ANSWER: u16 = 0x6614;
const CLASS_MODERN: u16 = 0x6414;
const CLASS_MODERN_ANSWER: u16 = 0;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    if !bytes.iter().zip(MAGIC).all(|(byte, magic)| *byte == magic) {
        return Reading::Other;
    }
    let mut cursor = Cursor(bytes);
    let mut number = || cursor.array().map(u32::from_le_bytes);
    let header = (number(), number(), number(), number(), number());
    let (_, Some(message), Some(length), _, Some(last)) = header else { return Reading::More };
    let (status, class) = (last as u16, (last >> 16) as u16);
    let (header, speaker) = match class {
        CLASS_LEGACY => (20, Speaker::Client),
        CLASS_ANSWER => (20, Speaker::Server),
        CLASS_MODERN => (24, Speaker::Client),
        CLASS_MODERN_ANSWER => (24, Speaker::Server),
        _ => return Reading::Other,
    };
    if length > LENGTH_MAX {
        return Reading::Other;
    }
    let login = match (message, speaker, status) {
        (LOGIN, Speaker::Client, _) => Some(Login::Tried),
        (LOGIN, Speaker::Server, 200) if class == CLASS_MODERN_ANSWER => Some(Login::Granted),
        (LOGIN, Speaker::Server, 400..) if class == CLASS_MODERN_ANSWER => Some(Login::Refused),
        _ => None,
    };
    let command = if speaker == Speaker::Client { command(message) } else { None };
    let length = header + length as usize;
    Reading::Found(Message { length, speaker: Some(speaker), command, login, ..Message::default() })
}

fn read_datagram(bytes: &[u8]) -> Reading<Message<'_>> {
    let Some((magic, rest)) = bytes.split_first_chunk::<4>() else { return Reading::Other };
    let found = Message { length: bytes.len(), ..Message::default() };
    match *magic {
        DISCOVERY | ACKNOWLEDGEMENT if bytes.len() >= 20 => Reading::Found(found),
        DATA => match read(rest.get(16..).unwrap_or_default()) {
            Reading::Found(inner) => Reading::Found(Message { length: bytes.len(), ..inner }),
            // A message goes on over several datagrams.
            Reading::More | Reading::Other => Reading::Found(found),
        },
        _ => Reading::Other,
    }
}

fn command(message: u32) -> Option<Command> {
    let (kind, function) = match message {
        18 | 79 | 190 => (CommandKind::Control, "ptz control"),
        23 => (CommandKind::Control, "reboot"),
        67 => (CommandKind::Program, "upgrade"),
        25 | 36 | 39 | 41 | 43 | 45 | 47 | 51 | 55 | 57 | 59 | 69 | 71 | 77 | 82 | 84 | 92 | 98 | 100 | 105 | 107
        | 211 => (CommandKind::Write, "write configuration"),
        3 => (CommandKind::Read, "preview"),
        5 | 8 | 13 => (CommandKind::Read, "replay"),
        14..=16
        | 26
        | 37
        | 38
        | 40
        | 42
        | 44
        | 46
        | 50
        | 52
        | 54
        | 56
        | 58
        | 68
        | 70
        | 76
        | 78
        | 80
        | 81
        | 83
        | 91
        | 97
        | 101
        | 102
        | 104
        | 106
        | 108
        | 109
        | 114
        | 115
        | 120
        | 146
        | 151
        | 199
        | 208
        | 210 => (CommandKind::Read, "read configuration"),
        _ => return None,
    };
    Some(Command { kind, function })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: u32, status: u16, class: u16) -> Vec<u8> {
        let fields = [&MAGIC[..], &number.to_le_bytes(), &4u32.to_le_bytes(), &[0; 4], &status.to_le_bytes()].concat();
        let offset: &[u8] = if matches!(class, CLASS_MODERN | CLASS_MODERN_ANSWER) { &[0; 4] } else { &[] };
        [&fields, &class.to_le_bytes()[..], offset, b"<x/>"].concat()
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        assert_eq!(found.length, bytes.len());
        found
    }

    #[test]
    fn movement_restart_and_upgrade_are_known_by_number() {
        let kind = |number| found(&message(number, 0, CLASS_MODERN)).command.map(|it| it.kind);
        assert_eq!((kind(18), kind(23)), (Some(CommandKind::Control), Some(CommandKind::Control)));
        assert_eq!((kind(67), kind(36)), (Some(CommandKind::Program), Some(CommandKind::Write)));
        assert_eq!(found(&message(23, 200, CLASS_MODERN_ANSWER)).command, None);
    }

    #[test]
    fn a_login_is_tried_granted_or_refused() {
        assert_eq!(found(&message(1, 0xdc01, CLASS_LEGACY)).login, Some(Login::Tried));
        assert_eq!(found(&message(1, 0xdd01, CLASS_ANSWER)).login, None);
        assert_eq!(found(&message(1, 200, CLASS_MODERN_ANSWER)).login, Some(Login::Granted));
        assert_eq!(found(&message(1, 401, CLASS_MODERN_ANSWER)).login, Some(Login::Refused));
    }

    #[test]
    fn over_udp_the_message_lies_behind_a_header() {
        let bytes = [&DATA[..], &[0; 16], &message(23, 0, CLASS_MODERN)].concat();
        assert!(matches!(read_datagram(&bytes), Reading::Found(Message { command: Some(_), .. })));
        assert_eq!(read_datagram(b"\x3a\xcf\x87\x2b"), Reading::Other);
        assert_eq!(read(&MAGIC), Reading::More);
        assert_eq!(read(b"\xf0\xde\xbc\x0b"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &message(1, 200, CLASS_MODERN_ANSWER));
        super::super::hostile::withstands(
            read_datagram,
            &[&DATA[..], &[0; 16], &message(23, 0, CLASS_MODERN)].concat(),
        );
    }
}
