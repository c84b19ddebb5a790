//! IEC 60870-5-104 (edition 2, sections 5 to 8): what an APDU asks of a controlled station.
//!
//! An APDU has one fixed byte, so those with information count only where the type, the number of objects and the size
//! of each make up the length; types of the private range are not read.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Read, Write};

/// IEC 60870-5-104; a head of 12 bytes is enough.
pub const PROTOCOL: Protocol = Protocol { name: "iec104", carrier: Carrier::Stream, ports: &[], read };

const START: u8 = 0x68;
/// Type, qualifier of structure, cause with originator, common address.
const UNIT_IDENTIFIER: usize = 6;

/// The message that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    apdu(bytes).unwrap_or(Reading::More)
}

fn apdu(bytes: &[u8]) -> Option<Reading<Message<'_>>> {
    let mut cursor = Cursor(bytes);
    if cursor.u8()? != START {
        return Some(Reading::Other);
    }
    let length = cursor.u8()?;
    if !(4..=253).contains(&length) {
        return Some(Reading::Other);
    }
    let message = Message { length: 2 + usize::from(length), ..Message::default() };
    let control = cursor.array::<4>()?;
    Some(match (control, length) {
        ([0x07 | 0x13, 0, 0, 0], 4) => Reading::Found(Message { speaker: Some(Speaker::Client), ..message }),
        ([0x0b | 0x23, 0, 0, 0], 4) => Reading::Found(Message { speaker: Some(Speaker::Server), ..message }),
        ([0x43 | 0x83, 0, 0, 0], 4) => Reading::Found(message),
        ([1, 0, received, _], 4) if received % 2 == 0 => Reading::Found(message),
        ([sent, _, received, _], 10..) if sent % 2 == 0 && received % 2 == 0 => asdu(cursor, message)?,
        _ => Reading::Other,
    })
}

fn asdu<'a>(mut cursor: Cursor<'_>, message: Message<'a>) -> Option<Reading<Message<'a>>> {
    let (kind, structure, cause) = (cursor.u8()?, cursor.u8()?, cursor.u8()? & 0x3f);
    let _originator = cursor.u8()?;
    let address = cursor.array::<2>()?;
    let objects = message.length - 2 - 4 - UNIT_IDENTIFIER;
    let known = matches!(cause, 1..=16 | 20..=41 | 44..=47) && address != [0, 0];
    if !known || !fits(kind, structure, objects) {
        return Some(Reading::Other);
    }
    let speaker = match (kind, cause) {
        (..45 | 70 | 126, _) | (_, 7 | 9 | 10 | 44..=47) => Some(Speaker::Server),
        (45..=113, 5 | 6 | 8) => Some(Speaker::Client),
        _ => None,
    };
    let command = if speaker == Some(Speaker::Server) { None } else { command(kind) };
    Some(Reading::Found(Message { speaker, command, ..message }))
}

/// The objects, one after another with their addresses or a sequence after the first address, fill the bytes.
fn fits(kind: u8, structure: u8, bytes: usize) -> bool {
    let count = usize::from(structure & 0x7f);
    match (size(kind), structure & 0x80) {
        (Some(size), 0) => count > 0 && bytes == count * (3 + size),
        (Some(size), _) => count > 0 && bytes == 3 + count * size,
        (None, _) => kind == 125 && count == 1 && bytes > 7,
    }
}

/// Bytes of an information object without its address (section 7 and IEC 60870-5-101, section 7.3).
fn size(kind: u8) -> Option<usize> {
    Some(match kind {
        102 => 0,
        1 | 3 | 45..=47 | 70 | 100 | 101 | 105 | 113 => 1,
        5 | 21 | 104 | 106 => 2,
        9 | 11 | 48 | 49 | 110 | 111 => 3,
        2 | 4 | 51 | 122 | 124 => 4,
        6 | 7 | 13 | 15 | 20 | 50 | 112 | 123 => 5,
        10 | 12 | 17 | 120 => 6,
        18 | 19 | 103 | 121 => 7,
        8 | 14 | 16 | 30 | 31 | 58..=60 => 8,
        32 | 107 => 9,
        34 | 35 | 38 | 61 | 62 => 10,
        39 | 40 | 64 => 11,
        33 | 36 | 37 | 63 => 12,
        126 => 13,
        127 => 16,
        _ => return None,
    })
}

fn command(kind: u8) -> Option<Command> {
    let (kind, function) = match kind {
        45 | 58 => (Control, "single command"),
        46 | 59 => (Control, "double command"),
        47 | 60 => (Control, "regulating step command"),
        48 | 61 => (Control, "set-point command, normalized value"),
        49 | 62 => (Control, "set-point command, scaled value"),
        50 | 63 => (Control, "set-point command, short floating point number"),
        51 | 64 => (Control, "bitstring of 32 bits"),
        100 => (Read, "interrogation command"),
        101 => (Read, "counter interrogation command"),
        102 => (Read, "read command"),
        103 => (Write, "clock synchronization command"),
        104 | 107 => (Read, "test command"),
        105 => (Control, "reset process command"),
        106 => (Write, "delay acquisition command"),
        110 => (Write, "parameter of measured value, normalized value"),
        111 => (Write, "parameter of measured value, scaled value"),
        112 => (Write, "parameter of measured value, short floating point number"),
        113 => (Write, "parameter activation"),
        120 => (Write, "file ready"),
        121 => (Write, "section ready"),
        122 => (Read, "call directory, select file, call file, call section"),
        123 => (Write, "last section, last segment"),
        125 => (Write, "segment"),
        127 => (Read, "query log"),
        _ => return None,
    };
    Some(Command { kind, function })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asdu(kind: u8, cause: u8, object: &[u8]) -> Vec<u8> {
        let unit = [kind, 1, cause, 0, 1, 0, 7, 0, 0];
        [&[START, (4 + unit.len() + object.len()) as u8, 0, 0, 2, 0][..], &unit, object].concat()
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn an_activation_is_a_command_and_its_confirmation_is_none() {
        assert_eq!(told(&asdu(45, 6, &[1])), (Some(Speaker::Client), Some((Control, "single command"))));
        assert_eq!(told(&asdu(45, 0x47, &[1])), (Some(Speaker::Server), None));
        assert_eq!(told(&asdu(100, 6, &[20])), (Some(Speaker::Client), Some((Read, "interrogation command"))));
        assert_eq!(told(&asdu(103, 6, &[0; 7])).1, Some((Write, "clock synchronization command")));
        assert_eq!(told(&asdu(105, 6, &[1])).1, Some((Control, "reset process command")));
        assert_eq!(told(&asdu(1, 3, &[1])), (Some(Speaker::Server), None));
    }

    #[test]
    fn the_controlling_station_starts_the_transfer() {
        assert_eq!(told(&[START, 4, 7, 0, 0, 0]), (Some(Speaker::Client), None));
        assert_eq!(told(&[START, 4, 0x0b, 0, 0, 0]), (Some(Speaker::Server), None));
        assert_eq!(told(&[START, 4, 1, 0, 8, 0]), (None, None));
    }

    #[test]
    fn a_cut_head_waits_and_other_bytes_are_refused() {
        assert_eq!(read(&asdu(45, 6, &[1])[..11]), Reading::More);
        assert_eq!(read(&asdu(45, 6, &[1, 2])), Reading::Other);
        assert_eq!(read(b"help me, I am only a text\n"), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes: Vec<u8>) {
            if let Some(first) = bytes.first_mut() {
                *first = START;
            }
            if let Reading::Found(found) = read(&bytes) {
                proptest::prop_assert!(found.length > 0);
            }
        }
    }
}
