//! Solarman V5: what inverter loggers and their cloud say to each other over TCP (pysolarmanv5, "Solarman V5 protocol";
//! s-allius/tsun-gen3-proxy).
//!
//! A logger dials out and reports; a request the other way carries an AT command for the logger or a Modbus RTU frame for
//! the inverter. In the plant's own network the same request comes from a client, so it does not say who began.
//!
//! Frame: `a5`, length of the payload, `10` and control code, sequence, logger's serial number, payload, sum of all bytes
//! but the first, `15`; numbers least significant byte first. The head is 28 bytes: up to the function of a Modbus frame.

use super::cursor::Cursor;
use super::text::words;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker, modbus};

/// Any port: a frame that is whole must have the right sum.
pub const PROTOCOL: Protocol = Protocol { name: "solarman", carrier: Carrier::Stream, ports: &[], read };

const START: u8 = 0xa5;
const END: u8 = 0x15;
/// What every known control code begins with.
const FAMILY: u8 = 0x10;
const REQUEST: u8 = 0x45;
const HEADER: usize = 11;
const TRAILER: usize = 2;
/// Longest payload: loggers report in frames of a few hundred bytes.
const PAYLOAD_MAX: u16 = 2048;
/// Payload of a request before what it carries: frame type, sensor type, three times.
const REQUEST_HEAD: usize = 15;
const FOR_LOGGER: u8 = 1;
const FOR_INVERTER: u8 = 2;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let begins = |at: usize, wanted: u8| bytes.get(at).is_none_or(|byte| *byte == wanted);
    if !begins(0, START) || !begins(3, FAMILY) || !bytes.get(4).is_none_or(|code| is_known(*code)) {
        return Reading::Other;
    }
    let mut cursor = Cursor(bytes);
    let Some([_, low, high, _, code, ..]) = cursor.array::<HEADER>() else { return Reading::More };
    let length = u16::from_le_bytes([low, high]);
    let total = HEADER + usize::from(length) + TRAILER;
    if length > PAYLOAD_MAX || bytes.get(..total).is_some_and(|frame| !is_sound(frame)) {
        return Reading::Other;
    }
    let payload = cursor.0.get(..usize::from(length)).unwrap_or(cursor.0);
    if code == REQUEST && payload.len() < usize::from(length).min(REQUEST_HEAD + 2) {
        return Reading::More;
    }
    let speaker = match code {
        0x41..=0x43 | 0x47 | 0x48 => Some(Speaker::Client),
        0x11..=0x13 | 0x17 | 0x18 => Some(Speaker::Server),
        _ => None,
    };
    let asked = if code == REQUEST { request(payload) } else { None };
    let (command, detail) = asked.unwrap_or_default();
    Reading::Found(Message { length: total, speaker, command, detail, ..Message::default() })
}

/// Telemetry `41`–`43`, `47`, `48`, the request `45`, and the answers to each, `30` below.
fn is_known(code: u8) -> bool {
    matches!(code, 0x11..=0x13 | 0x15 | 0x17 | 0x18 | 0x41..=0x43 | 0x45 | 0x47 | 0x48)
}

/// The last two bytes are the sum of those between and the end mark.
fn is_sound(frame: &[u8]) -> bool {
    let [START, summed @ .., sum, END] = frame else { return false };
    summed.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == *sum
}

fn request(payload: &[u8]) -> Option<(Option<Command>, Option<&str>)> {
    let (head, carried) = payload.split_at_checked(REQUEST_HEAD)?;
    match *head.first()? {
        FOR_INVERTER => {
            let [_unit, function, ref data @ ..] = *carried else { return None };
            Some((modbus::command(function, data), None))
        }
        FOR_LOGGER => {
            let words = words(carried)?;
            let kind = if words.contains('=') { CommandKind::Write } else { CommandKind::Read };
            Some((Some(Command { kind, function: "at command" }), Some(words)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(code: u8, payload: &[u8]) -> Vec<u8> {
        let serial = [0x11, 0x22, 0x33, 0x44];
        let head = [&(payload.len() as u16).to_le_bytes()[..], &[FAMILY, code, 7, 0], &serial, payload].concat();
        let sum = head.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        [&[START][..], &head, &[sum, END]].concat()
    }

    fn request(kind: u8, carried: &[u8]) -> Vec<u8> {
        let mut payload = vec![0; REQUEST_HEAD];
        payload[0] = kind;
        frame(REQUEST, &[&payload, carried].concat())
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        found
    }

    #[test]
    fn a_write_to_the_inverter_is_seen_inside_a_request() {
        let write = request(FOR_INVERTER, &[1, 6, 0, 43, 0, 1, 0x39, 0xc2]);
        let read_only = request(FOR_INVERTER, &[1, 3, 0, 43, 0, 1, 0xf4, 0x02]);
        assert_eq!(found(&write).command.map(|it| it.kind), Some(CommandKind::Write));
        assert_eq!(found(&read_only).command.map(|it| it.kind), Some(CommandKind::Read));
        assert_eq!((found(&write).length, found(&write).speaker), (write.len(), None));
    }

    #[test]
    fn an_at_command_is_quoted() {
        let asked = request(FOR_LOGGER, b"AT+NETP=TCP,Client,10000,cloud\r");
        assert_eq!(found(&asked).command.map(|it| it.kind), Some(CommandKind::Write));
        assert_eq!(found(&asked).detail, Some("AT+NETP=TCP,Client,10000,cloud"));
        assert_eq!(found(&request(FOR_LOGGER, b"AT+VER\r")).command.map(|it| it.kind), Some(CommandKind::Read));
    }

    #[test]
    fn telemetry_and_answers_say_who_speaks_and_command_nothing() {
        let shape = |code| (found(&frame(code, &[2; 20])).speaker, found(&frame(code, &[2; 20])).command);
        assert_eq!(shape(0x42), (Some(Speaker::Client), None));
        assert_eq!(shape(0x12), (Some(Speaker::Server), None));
        assert_eq!(shape(0x15), (None, None));
    }

    #[test]
    fn the_function_is_known_before_the_frame_is_whole() {
        let write = request(FOR_INVERTER, &[1, 16, 0, 43, 0, 1, 2, 0, 1, 0, 0]);
        assert_eq!(read(&write[..20]), Reading::More);
        assert_eq!(found(&write[..28]), found(&write));
    }

    #[test]
    fn a_wrong_sum_or_an_unknown_code_is_none() {
        let mut wrong = frame(0x42, &[1, 2, 3]);
        wrong[12] ^= 1;
        assert_eq!(read(&wrong), Reading::Other);
        assert_eq!(read(&[START, 3, 0, FAMILY, 0x50]), Reading::Other);
        assert_eq!(read(b"\x10\x0e\0\x04MQTT"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &request(FOR_INVERTER, &[1, 6, 0, 43, 0, 1, 0x39, 0xc2]));
        super::super::hostile::withstands(read, &request(FOR_LOGGER, b"AT+VER\r"));
    }
}
