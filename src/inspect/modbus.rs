//! Modbus/TCP, and the same over UDP: what a message asks (Modbus Messaging on TCP/IP, section 3.1.3; Modbus Application
//! Protocol 1.1b3, section 6), with Schneider's UMAS in function 90 (as described by Kaspersky ICS CERT, September 2022).
//!
//! The header has two fixed bytes only, so away from its port a message counts where its function has exactly that
//! shape; on the port others and damaged ones are passed over, so that the flow can be followed.
//! Functions 5, 6, 8, 21 and 22 are answered by their echo: their speaker stays open, and only who is the client of the
//! flow tells the command from its answer.

use super::cursor::Cursor;
use super::message::cut_off;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// Modbus/TCP on its port; a head of 17 bytes is enough.
pub const PROTOCOL: Protocol = Protocol { name: "modbus", carrier: Carrier::Stream, ports: &[502], read: read_any };

/// Modbus/TCP on any port.
pub const ELSEWHERE: Protocol = Protocol { name: "modbus", carrier: Carrier::Stream, ports: &[], read };

/// Modbus over UDP, with the same header.
pub const DATAGRAM: Protocol = Protocol { name: "modbus", carrier: Carrier::Datagram, ports: &[502], read };

const HEADER: usize = 6;
const UMAS: u8 = 90;

/// Longest PDU with its unit byte (Modbus Application Protocol 1.1b3, section 4.1).
const LENGTH_MAX: u16 = 254;
/// UMAS moves blocks of a kilobyte.
const LENGTH_MAX_UMAS: u16 = 2048;

/// The first message of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modbus {
    /// Function code without the exception bit.
    pub function: u8,
    /// Who sent it, where its shape says so.
    pub speaker: Option<Speaker>,
}

/// The beginning of either direction.
#[must_use]
pub fn modbus(prefix: &[u8]) -> Reading<Modbus> {
    let mut cursor = Cursor(prefix);
    let (Some(_transaction), Some(protocol), Some(length)) = (cursor.be16(), cursor.be16(), cursor.be16()) else {
        let zero = prefix.iter().skip(2).take(2).all(|&byte| byte == 0);
        return if zero { Reading::More } else { Reading::Other };
    };
    if protocol != 0 || !(2..=LENGTH_MAX).contains(&length) {
        return Reading::Other;
    }
    match cursor.take(usize::from(length)) {
        None => Reading::More,
        Some([_unit, function, data @ ..]) => message(*function, data).map_or(Reading::Other, Reading::Found),
        Some(_) => Reading::Other,
    }
}

fn message(code: u8, data: &[u8]) -> Option<Modbus> {
    let function = code & 0x7f;
    let known = matches!(function, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 | 90);
    let counted = data.split_first().is_some_and(|(count, rest)| usize::from(*count) == rest.len());
    let speaker = match (code, data.len()) {
        (0x80.., 1) => Some(Speaker::Server),
        (0x80.., _) => return None,
        (1..=4, 4) if !counted => Some(Speaker::Client),
        (1..=4, _) if counted => Some(Speaker::Server),
        (1..=4, _) => return None,
        (15 | 16, 4) => Some(Speaker::Server),
        (15 | 16, 6..) => Some(Speaker::Client),
        _ => None,
    };
    known.then_some(Modbus { function, speaker })
}

/// The message that begins with the first byte, if its function has its shape.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    whole(bytes).unwrap_or(Reading::More)
}

/// The message that begins with the first byte, whatever its function.
fn read_any(bytes: &[u8]) -> Reading<Message<'_>> {
    match (read(bytes), header(bytes)) {
        (Reading::Other, Some(Reading::Found(header))) => {
            let speaker = (header.code > 0x80 && header.length == 2).then_some(Speaker::Server);
            Reading::Found(Message { length: HEADER + header.length, speaker, ..Message::default() })
        }
        (reading, _) => reading,
    }
}

struct Header<'a> {
    /// Bytes from the unit on.
    length: usize,
    code: u8,
    /// What follows the code, as far as it is there.
    data: &'a [u8],
}

fn header(bytes: &[u8]) -> Option<Reading<Header<'_>>> {
    let mut cursor = Cursor(bytes);
    let _transaction = cursor.be16()?;
    for _ in 0..2 {
        if cursor.u8()? != 0 {
            return Some(Reading::Other);
        }
    }
    let length = cursor.be16()?;
    let (unit, code) = (cursor.u8()?, cursor.u8()?);
    let longest = if code & 0x7f == UMAS { LENGTH_MAX_UMAS } else { LENGTH_MAX };
    if !(2..=longest).contains(&length) || (248..255).contains(&unit) {
        return Some(Reading::Other);
    }
    let length = usize::from(length);
    Some(Reading::Found(Header { length, code, data: cursor.0.get(..length - 2).unwrap_or(cursor.0) }))
}

fn whole(bytes: &[u8]) -> Option<Reading<Message<'_>>> {
    let Reading::Found(Header { length, code, data }) = header(bytes)? else { return Some(Reading::Other) };
    let shape = shape(code, length - 2, data).unwrap_or_else(|| cut_off(bytes, HEADER + length));
    Some(shape.map(|speaker| {
        let command = if speaker == Some(Speaker::Server) { None } else { command(code, data) };
        Message { length: HEADER + length, speaker, command, is_echoed: speaker.is_none(), ..Message::default() }
    }))
}

/// Who sends a function with `length` bytes of data of that shape; `None` where too few of them are there to tell.
fn shape(code: u8, length: usize, data: &[u8]) -> Option<Reading<Option<Speaker>>> {
    let at = |index: usize| data.get(index).copied();
    let counted = || Some(length == 1 + usize::from(at(0)?));
    let quantity = |max: u16| Some((1..=max).contains(&u16::from_be_bytes([at(2)?, at(3)?])));
    Some(match code {
        1 | 2 if length == 4 => told(quantity(2000)?, counted()?),
        3 | 4 if length == 4 => told(quantity(125)?, false),
        1 | 2 if length > 1 => told(false, counted()?),
        3 | 4 if length > 1 => told(false, counted()? && length % 2 == 1),
        5 if length == 4 => echoed(matches!((at(2)?, at(3)?), (0 | 0xff, 0))),
        6 => echoed(length == 4),
        7 => told(length == 0, length == 1),
        8 if length >= 4 => echoed(at(0)? == 0 && at(1)? <= 20),
        11 => told(length == 0, length == 4),
        12 | 17 if length > 0 => told(false, counted()?),
        12 | 17 => told(true, false),
        15 | 16 if length == 4 => told(false, quantity(1968)?),
        15 if length > 5 => told(quantity(1968)? && length == 5 + usize::from(at(4)?), false),
        16 if length > 5 => told(quantity(123)? && length == 5 + usize::from(at(4)?), false),
        20 | 21 if length > 2 => records(code, counted()?, at(1)?, at(2)?),
        22 => echoed(length == 6),
        23 if length > 9 => told(length == 9 + usize::from(at(8)?), counted()?),
        23 if length > 2 => told(false, counted()?),
        24 if length > 1 => told(length == 2, length == 2 + usize::from(u16::from_be_bytes([at(0)?, at(1)?]))),
        43 if length > 2 && at(0)? == 14 => told(length == 3, length > 6),
        43 if length > 2 => echoed(at(0)? == 13),
        UMAS if length > 1 => told(!matches!(at(1)?, 0xfd..), matches!(at(1)?, 0xfd | 0xfe)),
        0x81.. if length == 1 && named(code & 0x7f).is_some() => told(false, (1..=11).contains(&at(0)?)),
        _ => Reading::Other,
    })
}

fn told(asks: bool, answers: bool) -> Reading<Option<Speaker>> {
    match (asks, answers) {
        (true, false) => Reading::Found(Some(Speaker::Client)),
        (false, true) => Reading::Found(Some(Speaker::Server)),
        (true, true) => Reading::Found(None),
        (false, false) => Reading::Other,
    }
}

fn echoed(fits: bool) -> Reading<Option<Speaker>> {
    told(fits, fits)
}

/// File records: each of a request begins with reference type 6; an answer to a read has a length before it.
fn records(code: u8, counted: bool, first: u8, second: u8) -> Reading<Option<Speaker>> {
    match code {
        21 => echoed(counted && first == 6),
        _ => told(counted && first == 6, counted && second == 6),
    }
}

/// What a request with this function code and data asks for; serial lines and what else carries Modbus share the codes.
pub(super) fn command(code: u8, data: &[u8]) -> Option<Command> {
    let (kind, function) = match (code, data) {
        (8, [0, 1, ..]) => (Control, "restart communications option"),
        (8, [0, 4, ..]) => (Control, "force listen only mode"),
        (43, [13, ..]) => (Write, "canopen general reference"),
        (UMAS, [_key, function, ..]) => umas(*function),
        _ => named(code)?,
    };
    Some(Command { kind, function })
}

fn named(function: u8) -> Option<(CommandKind, &'static str)> {
    Some(match function {
        1 => (Read, "read coils"),
        2 => (Read, "read discrete inputs"),
        3 => (Read, "read holding registers"),
        4 => (Read, "read input registers"),
        5 => (Write, "write single coil"),
        6 => (Write, "write single register"),
        7 => (Read, "read exception status"),
        8 => (Read, "diagnostics"),
        11 => (Read, "get comm event counter"),
        12 => (Read, "get comm event log"),
        15 => (Write, "write multiple coils"),
        16 => (Write, "write multiple registers"),
        17 => (Read, "report server id"),
        20 => (Read, "read file record"),
        21 => (Write, "write file record"),
        22 => (Write, "mask write register"),
        23 => (Write, "read/write multiple registers"),
        24 => (Read, "read fifo queue"),
        43 => (Read, "read device identification"),
        UMAS => (Read, "umas"),
        _ => return None,
    })
}

/// UMAS calls it an upload when the station loads the controller.
fn umas(function: u8) -> (CommandKind, &'static str) {
    match function {
        0x10 => (Write, "umas take plc reservation"),
        0x11 => (Write, "umas release plc reservation"),
        0x20 => (Read, "umas read memory block"),
        0x21 => (Write, "umas write memory block"),
        0x22 => (Read, "umas read variables"),
        0x23 => (Write, "umas write variables"),
        0x24 => (Read, "umas read coils registers"),
        0x25 => (Write, "umas write coils registers"),
        0x30 => (Program, "umas initialize upload"),
        0x31 => (Program, "umas upload block"),
        0x32 => (Program, "umas end strategy upload"),
        0x33 => (Read, "umas initialize download"),
        0x34 => (Read, "umas download block"),
        0x35 => (Read, "umas end strategy download"),
        0x36 => (Program, "umas restore or back up"),
        0x40 => (Control, "umas start plc"),
        0x41 => (Control, "umas stop plc"),
        0x70 => (Read, "umas read io object"),
        0x71 => (Write, "umas write io object"),
        _ => (Read, "umas"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_shows_in_the_shape_of_a_message() {
        let found = |function, speaker| Reading::Found(Modbus { function, speaker: Some(speaker) });
        assert_eq!(modbus(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10]), found(3, Speaker::Client));
        assert_eq!(modbus(&[0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7]), found(3, Speaker::Server));
        assert_eq!(modbus(&[0, 1, 0, 0, 0, 3, 1, 0x83, 2]), found(3, Speaker::Server));
    }

    #[test]
    fn another_protocol_identifier_or_a_bad_length_is_no_modbus() {
        assert_eq!(modbus(&[0, 1, 0, 1]), Reading::Other);
        assert_eq!(modbus(&[0, 1, 0, 0, 1, 6, 1, 3]), Reading::Other);
        assert_eq!(modbus(&[0, 1, 0, 0, 0, 6, 1, 3]), Reading::More);
    }

    fn message(pdu: &[u8]) -> Vec<u8> {
        [&[0, 1, 0, 0, 0, pdu.len() as u8 + 1, 1], pdu].concat()
    }

    fn told(pdu: &[u8]) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let bytes = message(pdu);
        let Reading::Found(found) = read(&bytes) else { panic!("not read: {pdu:x?}") };
        assert_eq!(found.length, pdu.len() + 7);
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_request_is_told_from_its_answer() {
        let client = Some(Speaker::Client);
        assert_eq!(told(&[3, 0, 0, 0, 10]), (client, Some((Read, "read holding registers"))));
        assert_eq!(told(&[16, 0, 0, 0, 1, 2, 0, 7]), (client, Some((Write, "write multiple registers"))));
        assert_eq!(told(&[90, 0, 0x41, 1]), (client, Some((Control, "umas stop plc"))));
        assert_eq!(told(&[90, 0, 0x31, 1, 2]), (client, Some((Program, "umas upload block"))));
        for answer in [&[3, 2, 0, 7][..], &[16, 0, 0, 0, 1], &[0x90, 2], &[90, 0, 0xfe]] {
            assert_eq!(told(answer), (Some(Speaker::Server), None));
        }
    }

    #[test]
    fn an_echoed_function_leaves_the_speaker_open() {
        assert_eq!(told(&[5, 0, 1, 0xff, 0]), (None, Some((Write, "write single coil"))));
        assert_eq!(told(&[8, 0, 1, 0, 0]), (None, Some((Control, "restart communications option"))));
        assert_eq!(told(&[8, 0, 0, 1, 2]), (None, Some((Read, "diagnostics"))));
    }

    #[test]
    fn the_end_is_known_before_it_is_there_and_other_shapes_are_refused() {
        let long = message(&[&[16, 0, 0, 0, 100, 200][..], &[7; 200]].concat());
        let Reading::Found(found) = read(&long[..13]) else { panic!("not read") };
        assert_eq!(found.length, long.len());
        assert_eq!(read(&long[..9]), Reading::More);
        for other in [&[3, 0, 0, 0, 0][..], &[3, 3, 0, 7], &[16, 0, 0, 0, 1, 9, 0, 7], &[66, 0], &[0x83, 40]] {
            assert_eq!(read(&message(other)), Reading::Other, "{other:x?}");
            let bytes = message(other);
            let Reading::Found(found) = read_any(&bytes) else { panic!("not passed over: {other:x?}") };
            assert_eq!((found.length, found.command), (bytes.len(), None));
        }
        assert_eq!(read_any(b"GET / HTTP/1.1\r\n"), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(function: u8, length: u8, data: Vec<u8>) {
            let bytes = [&[0, 1, 0, 0, 0, length, 1, function], data.as_slice()].concat();
            for reading in [read(&bytes), read_any(&bytes)] {
                if let Reading::Found(found) = reading {
                    proptest::prop_assert!(found.length > 0);
                }
            }
        }
    }
}
