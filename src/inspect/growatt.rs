//! Growatt: what inverter loggers and server.growatt.com say to each other over TCP, port 5279 (johanmeijer/grott,
//! `grottserver.py`, 2022; J. Vromans, "Growatt WiFi Module Protocol").
//!
//! Record: number, protocol 2, 5 or 6, length, unit, type, body; protocols 5 and 6 mask the body with the word `Growatt`
//! and add a checksum that the length leaves out. A body begins with the logger's serial number, ten characters, in
//! protocol 6 followed by twenty zeros. Request and answer share a type and differ in length.
//!
//! The head is 18 bytes, 42 of a record that configures the logger.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};

/// Any port: a serial number under the mask is not met by chance.
pub const PROTOCOL: Protocol = Protocol { name: "growatt", carrier: Carrier::Stream, ports: &[], read };

const MASK: [u8; 7] = *b"Growatt";
const HEADER: usize = 8;
const SERIAL: usize = 10;
/// Longest record: buffered data of a meter takes under one kilobyte.
const LENGTH_MAX: u16 = 2048;
/// Length of an acknowledgement: unit, type, zero.
const ACKNOWLEDGEMENT: u16 = 3;

const PING: u8 = 0x16;
const CONFIGURE: u8 = 0x18;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    if !may_begin(bytes) {
        return Reading::Other;
    }
    let mut cursor = Cursor(bytes);
    let Some([_, _, _, version, high, low, _unit, kind]) = cursor.array::<HEADER>() else { return Reading::More };
    let length = u16::from_be_bytes([high, low]);
    let masked = version != 2;
    let total = 6 + usize::from(length) + if masked { 2 } else { 0 };
    let body = Body { bytes: cursor.0, masked };
    let found = Message { length: total, ..Message::default() };
    if length == ACKNOWLEDGEMENT {
        return match body.at(0) {
            None => Reading::More,
            Some(0) => Reading::Found(Message { speaker: Some(Speaker::Server), ..found }),
            Some(_) => Reading::Other,
        };
    }
    let serial = if version == 6 { 30 } else { SERIAL };
    if usize::from(length) < 2 + serial || length > LENGTH_MAX || !body.may_name_logger() {
        return Reading::Other;
    }
    let needed = if kind == CONFIGURE { serial + 2 } else { SERIAL };
    if body.bytes.len() < needed {
        return Reading::More;
    }
    let speaker = if matches!(kind, PING) || is_two_way(kind) { None } else { Some(Speaker::Client) };
    let asked = command(kind, usize::from(length) - 2 - serial, body.be16(serial));
    Reading::Found(Message { speaker: asked.map(|_| Speaker::Server).or(speaker), command: asked, ..found })
}

fn may_begin(bytes: &[u8]) -> bool {
    let is = |at: usize, plausible: fn(u8) -> bool| bytes.get(at).is_none_or(|byte| plausible(*byte));
    let is_type = |kind| matches!(kind, 3..=6 | 0x10 | PING | CONFIGURE | 0x19 | 0x1b | 0x20 | 0x29 | 0x50);
    is(2, |it| it == 0)
        && is(3, |it| matches!(it, 2 | 5 | 6))
        && is(4, |it| it <= 8)
        && is(6, |it| it == 1)
        && is(7, is_type)
}

/// Settings go both ways under one type: asked by the server, answered by the logger.
fn is_two_way(kind: u8) -> bool {
    matches!(kind, 5 | 6 | 0x10 | CONFIGURE | 0x19)
}

/// What the server asks, told from the answer by the bytes behind the serial number: an answer to a read carries values
/// behind the two registers, one to a write a result of one byte.
fn command(kind: u8, rest: usize, register: Option<u16>) -> Option<Command> {
    let (kind, function) = match (kind, rest) {
        (5, 4) => (CommandKind::Read, "read inverter registers"),
        (6, 4) => (CommandKind::Write, "write inverter register"),
        (0x10, 6..) => (CommandKind::Write, "write inverter registers"),
        (CONFIGURE, 5..) => configuration(register),
        (0x19, 4) => (CommandKind::Read, "query logger configuration"),
        _ => return None,
    };
    Some(Command { kind, function })
}

fn configuration(register: Option<u16>) -> (CommandKind, &'static str) {
    match register {
        Some(31) => (CommandKind::Write, "configure logger: time"),
        Some(32) => (CommandKind::Control, "configure logger: restart"),
        _ => (CommandKind::Write, "configure logger"),
    }
}

/// A body as far as it is there.
struct Body<'a> {
    bytes: &'a [u8],
    masked: bool,
}

impl Body<'_> {
    fn at(&self, index: usize) -> Option<u8> {
        let byte = *self.bytes.get(index)?;
        let mask = if self.masked { MASK.iter().copied().cycle().nth(index % MASK.len())? } else { 0 };
        Some(byte ^ mask)
    }

    fn be16(&self, index: usize) -> Option<u16> {
        Some(u16::from_be_bytes([self.at(index)?, self.at(index + 1)?]))
    }

    fn may_name_logger(&self) -> bool {
        (0..SERIAL).all(|index| self.at(index).is_none_or(|byte| byte.is_ascii_alphanumeric()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: u8, kind: u8, behind_serial: &[u8]) -> Vec<u8> {
        let zeros = if version == 6 { 20 } else { 0 };
        let plain = [&b"AH44460477"[..], &vec![0; zeros], behind_serial].concat();
        let mask = MASK.iter().cycle();
        let body = plain.iter().zip(mask).map(|(byte, mask)| if version == 2 { *byte } else { byte ^ mask });
        let length = (plain.len() as u16 + 2).to_be_bytes();
        let checksum: &[u8] = if version == 2 { &[] } else { &[0xaa, 0xbb] };
        [&[0, 1, 0, version][..], &length, &[1, kind], &body.collect::<Vec<u8>>(), checksum].concat()
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        assert_eq!(found.length, bytes.len());
        found
    }

    #[test]
    fn the_servers_configuration_is_told_from_the_loggers_answer_in_every_protocol() {
        for version in [2, 5, 6] {
            let asked =
                found(&record(version, CONFIGURE, &[0, 17, 0, 9, b'1', b'0', b'.', b'0', b'.', b'0', b'.', b'7', 0]))
                    .command;
            assert_eq!(asked.map(|it| (it.kind, it.function)), Some((CommandKind::Write, "configure logger")));
            assert_eq!(found(&record(version, CONFIGURE, &[0, 17, 0])).command, None);
            let restart = found(&record(version, CONFIGURE, &[0, 32, 0, 1, b'1'])).command;
            assert_eq!(restart.map(|it| it.kind), Some(CommandKind::Control));
        }
    }

    #[test]
    fn registers_of_the_inverter_are_read_and_written() {
        let kind = |kind, rest: &[u8]| found(&record(6, kind, rest)).command.map(|it| it.kind);
        assert_eq!(kind(5, &[0, 3, 0, 3]), Some(CommandKind::Read));
        assert_eq!(kind(5, &[0, 3, 0, 3, 0, 100]), None);
        assert_eq!(kind(6, &[0, 3, 0, 50]), Some(CommandKind::Write));
        assert_eq!(kind(6, &[0, 3, 0, 0, 50]), None);
        assert_eq!(kind(0x10, &[0, 3, 0, 4, 0, 1, 0, 2]), Some(CommandKind::Write));
        assert_eq!(kind(0x10, &[0, 3, 0, 4, 0]), None);
        assert_eq!(kind(0x19, &[0, 4, 0, 21]), Some(CommandKind::Read));
    }

    #[test]
    fn data_is_the_loggers_and_its_acknowledgement_the_servers() {
        assert_eq!(found(&record(5, 4, &[0; 60])).speaker, Some(Speaker::Client));
        assert_eq!(found(&record(5, PING, &[])).speaker, None);
        assert_eq!(found(&[0, 1, 0, 6, 0, 3, 1, 4, b'G', 0x12, 0x34]).speaker, Some(Speaker::Server));
        assert_eq!(found(&[0, 1, 0, 2, 0, 3, 1, 4, 0]).speaker, Some(Speaker::Server));
    }

    #[test]
    fn a_head_that_is_cut_needs_more_and_modbus_is_another() {
        assert_eq!(read(&record(6, CONFIGURE, &[0, 31, 0, 1, 1])[..30]), Reading::More);
        assert_eq!(read(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10]), Reading::Other);
        assert_eq!(read(&[0, 1, 0, 5, 0, 20, 1, 4, 0x80, 0]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &record(6, CONFIGURE, &[0, 31, 0, 2, 0, 1]));
    }
}
