//! DNP3 over TCP and UDP (IEEE 1815-2012, sections 4, 8, 9 and 13): what a link frame asks of an outstation.
//!
//! The header's check sum makes a frame unmistakable. The function is in the first segment of a fragment; the segments
//! after it ask nothing more.

use super::cursor::Cursor;
use super::message::cut_off;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// DNP3 over TCP; a head of 13 bytes is enough, of 42 to open a file.
pub const PROTOCOL: Protocol = Protocol { name: "dnp3", carrier: Carrier::Stream, ports: &[], read };

/// DNP3 over UDP.
pub const DATAGRAM: Protocol = Protocol { name: "dnp3", carrier: Carrier::Datagram, ports: &[], read };

const HEADER: usize = 10;
const OPEN_FILE: u8 = 25;
/// Where the mode of a file to open is: object header, names, time, permissions, key and size before it, and one check sum.
const OPEN_MODE: usize = 41;

/// The frame that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    frame(bytes).unwrap_or(Reading::More)
}

fn frame(bytes: &[u8]) -> Option<Reading<Message<'_>>> {
    let mut cursor = Cursor(bytes);
    if cursor.u8()? != 0x05 || cursor.u8()? != 0x64 {
        return Some(Reading::Other);
    }
    let (length, control) = (usize::from(cursor.u8()?), cursor.u8()?);
    let _addresses = cursor.array::<4>()?;
    let sum = u16::from_le_bytes(cursor.array()?);
    let Some(data) = length.checked_sub(5).filter(|_| bytes.get(..8).map(check_sum) == Some(sum)) else {
        return Some(Reading::Other);
    };
    let length = HEADER + data + 2 * data.div_ceil(16);
    let from_master = control & 0x80 != 0;
    let speaker = Some(if from_master { Speaker::Client } else { Speaker::Server });
    let message = Message { length, speaker, ..Message::default() };
    let carries_data = control & 0x40 != 0 && matches!(control & 0xf, 3 | 4);
    if !carries_data || data < 3 {
        return Some(Reading::Found(message));
    }
    let first = cursor.u8()? & 0x40 != 0;
    if !first {
        return Some(Reading::Found(message));
    }
    let _application_control = cursor.u8()?;
    let function = cursor.u8()?;
    if function != OPEN_FILE {
        return Some(Reading::Found(asked(message, function, None)));
    }
    Some(match bytes.get(OPEN_MODE) {
        None if data > 30 => cut_off(bytes, length),
        mode => Reading::Found(asked(message, function, mode.copied())),
    })
}

fn asked(message: Message<'_>, function: u8, mode: Option<u8>) -> Message<'_> {
    if function > 128 {
        return Message { speaker: Some(Speaker::Server), ..message };
    }
    let login = matches!(function, 29 | 32).then_some(Login::Tried);
    match command(function, mode) {
        None => Message { login, ..message },
        command => Message { speaker: Some(Speaker::Client), command, login, ..message },
    }
}

fn command(function: u8, mode: Option<u8>) -> Option<Command> {
    let (kind, function) = match function {
        1 => (Read, "read"),
        2 => (Write, "write"),
        3 => (Control, "select"),
        4 => (Control, "operate"),
        5 => (Control, "direct operate"),
        6 => (Control, "direct operate, no response"),
        7 | 8 => (Write, "immediate freeze"),
        9 | 10 => (Write, "freeze and clear"),
        11 | 12 => (Write, "freeze at time"),
        13 => (Control, "cold restart"),
        14 => (Control, "warm restart"),
        15 => (Write, "initialize data"),
        16 => (Control, "initialize application"),
        17 => (Control, "start application"),
        18 => (Control, "stop application"),
        19 => (Write, "save configuration"),
        20 => (Write, "enable unsolicited responses"),
        21 => (Write, "disable unsolicited responses"),
        22 => (Write, "assign class"),
        23 => (Read, "delay measurement"),
        24 => (Read, "record current time"),
        OPEN_FILE if mode == Some(1) => (Read, "open file"),
        OPEN_FILE => (Write, "open file"),
        26 => (Read, "close file"),
        27 => (Write, "delete file"),
        28 => (Read, "get file information"),
        29 => (Read, "authenticate file"),
        30 => (Write, "abort file"),
        31 => (Program, "activate configuration"),
        _ => return None,
    };
    Some(Command { kind, function })
}

/// CRC-16 with the reflected polynomial a6bc, inverted (section 9.2.4.3).
fn check_sum(bytes: &[u8]) -> u16 {
    let step = |sum: u16, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0xa6bc };
    !bytes.iter().fold(0, |sum, byte| (0..8).fold(sum ^ u16::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(control: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x05, 0x64, 5 + data.len() as u8, control, 1, 0, 2, 0];
        bytes.extend(check_sum(&bytes).to_le_bytes());
        for block in data.chunks(16) {
            bytes.extend_from_slice(block);
            bytes.extend(check_sum(block).to_le_bytes());
        }
        bytes
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn the_check_sum_is_that_of_the_standard() {
        assert_eq!(check_sum(b"123456789"), 0xea82);
    }

    #[test]
    fn each_kind_of_request_is_told_from_the_response() {
        let client = Some(Speaker::Client);
        assert_eq!(told(&frame(0xc4, &[0xc0, 0xc1, 1, 60, 1, 6])), (client, Some((Read, "read"))));
        assert_eq!(told(&frame(0xc4, &[0xc0, 0xc1, 5, 12, 1])), (client, Some((Control, "direct operate"))));
        assert_eq!(told(&frame(0xc3, &[0xc0, 0xc1, 13])), (client, Some((Control, "cold restart"))));
        assert_eq!(told(&frame(0xc4, &[0xc0, 0xc1, 31])), (client, Some((Program, "activate configuration"))));
        assert_eq!(told(&frame(0x44, &[0xc0, 0xc1, 129, 0, 0])), (Some(Speaker::Server), None));
        assert_eq!(told(&frame(0xc9, &[])), (client, None));
        assert_eq!(told(&frame(0xc4, &[0x81, 0xc1, 5, 12])), (client, None));
    }

    #[test]
    fn a_file_is_opened_to_be_read_or_to_be_written() {
        let open = |mode| {
            let fields = [&[0xc0, 0xc1, 25, 70, 3, 0x5b, 1, 30, 0, 26, 0, 4, 0][..], &[0; 16], &[mode, 0, 0, 4, 1, 0]];
            frame(0xc4, &[&fields.concat()[..], b"conf"].concat())
        };
        assert_eq!(told(&open(1)).1, Some((Read, "open file")));
        assert_eq!(told(&open(2)).1, Some((Write, "open file")));
        assert_eq!(read(&open(2)[..30]), Reading::More);
    }

    #[test]
    fn a_cut_head_waits_and_a_wrong_check_sum_is_refused() {
        let mut bytes = frame(0xc4, &[0xc0, 0xc1, 5, 12, 1]);
        assert_eq!(read(&bytes[..9]), Reading::More);
        bytes[4] ^= 1;
        assert_eq!(read(&bytes), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(length: u8, control: u8, data: Vec<u8>) {
            let mut bytes = vec![0x05, 0x64, length, control, 1, 0, 2, 0];
            bytes.extend(check_sum(&bytes).to_le_bytes());
            bytes.extend(data);
            if let Reading::Found(found) = read(&bytes) {
                proptest::prop_assert!(found.length > 0);
            }
        }
    }
}
