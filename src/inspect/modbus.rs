//! Modbus/TCP: whether a direction begins with a plausible header (Modbus Messaging on TCP/IP, section 3.1.3).

use super::cursor::Cursor;
use super::{Command, CommandKind, Reading, Speaker};

/// Longest PDU with its unit byte (Modbus Application Protocol 1.1b3, section 4.1).
const LENGTH_MAX: u16 = 254;

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

/// What a request with this function code and data asks for (Modbus Application Protocol 1.1b3, section 6); TCP, serial
/// lines and what else carries it share the codes.
pub(super) fn command(code: u8, data: &[u8]) -> Option<Command> {
    if code == 8 && matches!(data, [0, 1 | 4, ..]) {
        return Some(Command { kind: CommandKind::Control, function: "restart or silence communications" });
    }
    let (kind, function) = match code {
        1 => (CommandKind::Read, "read coils"),
        2 => (CommandKind::Read, "read discrete inputs"),
        3 => (CommandKind::Read, "read holding registers"),
        4 => (CommandKind::Read, "read input registers"),
        5 => (CommandKind::Write, "write single coil"),
        6 => (CommandKind::Write, "write single register"),
        7 => (CommandKind::Read, "read exception status"),
        8 => (CommandKind::Read, "diagnostics"),
        15 => (CommandKind::Write, "write multiple coils"),
        16 => (CommandKind::Write, "write multiple registers"),
        17 => (CommandKind::Read, "report server id"),
        20 => (CommandKind::Read, "read file record"),
        21 => (CommandKind::Write, "write file record"),
        22 => (CommandKind::Write, "mask write register"),
        23 => (CommandKind::Write, "read/write multiple registers"),
        43 => (CommandKind::Read, "encapsulated interface transport"),
        _ => return None,
    };
    Some(Command { kind, function })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Reading<Modbus> {
        modbus(bytes)
    }

    #[test]
    fn who_asks_shows_in_the_shape_of_a_message() {
        let found = |function, speaker| Reading::Found(Modbus { function, speaker: Some(speaker) });
        assert_eq!(read(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10]), found(3, Speaker::Client));
        assert_eq!(read(&[0, 1, 0, 0, 0, 5, 1, 3, 2, 0, 7]), found(3, Speaker::Server));
        assert_eq!(read(&[0, 1, 0, 0, 0, 3, 1, 0x83, 2]), found(3, Speaker::Server));
    }

    #[test]
    fn another_protocol_identifier_or_a_bad_length_is_no_modbus() {
        assert_eq!(read(&[0, 1, 0, 1]), Reading::Other);
        assert_eq!(read(&[0, 1, 0, 0, 1, 6, 1, 3]), Reading::Other);
        assert_eq!(read(&[0, 1, 0, 0, 0, 6, 1, 3]), Reading::More);
    }
}
