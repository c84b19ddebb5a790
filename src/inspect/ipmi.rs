//! IPMI over LAN in RMCP and RMCP+ (IPMI 2.0, sections 13.1, 13.6, 13.8, 13.17–13.24; ASF 2.0, section 3.2): power and
//! firmware of a server behind its operating system's back.
//!
//! An RMCP+ session is encrypted once the login is through; then no command is seen.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// RMCP's port.
pub const PROTOCOL: Protocol = Protocol { name: "ipmi", carrier: Carrier::Datagram, ports: &[623, 664], read };

const ASF_IANA: u32 = 0x11be;
const RMCP_PLUS: u8 = 6;
const APPLICATION: u8 = 6;
const FIRMWARE: u8 = 8;
const ACTIVATE_SESSION: u8 = 0x3a;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match message(bytes) {
        Some(found) => Reading::Found(Message { length: bytes.len(), ..found }),
        None => Reading::Other,
    }
}

fn message(bytes: &[u8]) -> Option<Message<'static>> {
    let mut cursor = Cursor(bytes);
    let [6, 0, _sequence, class] = cursor.array::<4>()? else { return None };
    match class {
        6 => asf(cursor),
        7 => session(cursor),
        0x80..=0x87 if cursor.0.is_empty() => Some(Message::default()),
        _ => None,
    }
}

fn asf(mut cursor: Cursor<'_>) -> Option<Message<'static>> {
    cursor.be32().filter(|iana| *iana == ASF_IANA)?;
    Some(match cursor.u8()? {
        0x80 => from(Speaker::Client, None),
        0x10..=0x13 => asked(CommandKind::Control, "remote control"),
        0x40 => from(Speaker::Server, None),
        _ => Message::default(),
    })
}

fn session(mut cursor: Cursor<'_>) -> Option<Message<'static>> {
    let authentication = cursor.u8()?;
    if authentication == RMCP_PLUS {
        return payload(cursor);
    }
    cursor.take(8).filter(|_| matches!(authentication, 0..=2 | 4 | 5))?;
    if authentication != 0 {
        cursor.take(16)?;
    }
    let length = usize::from(cursor.u8()?);
    command_message(cursor.0).filter(|_| (7..=cursor.0.len()).contains(&length))
}

fn payload(mut cursor: Cursor<'_>) -> Option<Message<'static>> {
    let kind = cursor.u8()?;
    if kind & 0x3f == 2 {
        cursor.take(6)?;
    }
    cursor.take(8)?;
    let length = usize::from(u16::from_le_bytes(cursor.array()?));
    let content = cursor.0.get(..length)?;
    let status = content.get(1).map(|status| if *status == 0 { Login::Granted } else { Login::Refused });
    Some(match kind & 0x3f {
        _ if kind & 0x80 != 0 => Message::default(),
        0 => command_message(content)?,
        1 => asked(CommandKind::Control, "serial over lan"),
        0x10 => from(Speaker::Client, None),
        0x11 => from(Speaker::Server, None),
        0x12 | 0x14 => from(Speaker::Client, Some(Login::Tried)),
        0x13 => from(Speaker::Server, status.filter(|status| *status == Login::Refused)),
        0x15 => from(Speaker::Server, status),
        _ => Message::default(),
    })
}

/// Addresses, function, checksum, sequence, command; an answer's function is odd and its data begins with a code.
fn command_message(content: &[u8]) -> Option<Message<'static>> {
    let &[_to, function, _check, _from, _sequence, code, ref rest @ ..] = content else { return None };
    let function = function >> 2;
    if function & 1 == 0 {
        let login = (function == APPLICATION && matches!(code, 0x39 | ACTIVATE_SESSION)).then_some(Login::Tried);
        return Some(Message { command: command(function, code), login, ..from(Speaker::Client, None) });
    }
    let granted = match rest.first() {
        Some(0) => Login::Granted,
        _ => Login::Refused,
    };
    let is_login = function == APPLICATION | 1 && code == ACTIVATE_SESSION;
    Some(from(Speaker::Server, is_login.then_some(granted)))
}

/// IPMI 2.0, appendix G. What anybody may ask before a login, a ping and the ways to authenticate, manages nothing.
fn command(function: u8, code: u8) -> Option<Command> {
    let (kind, function) = match (function, code) {
        (0, 0) => (CommandKind::Read, "get chassis capabilities"),
        (0, 1) => (CommandKind::Read, "get chassis status"),
        (0, 2) => (CommandKind::Control, "chassis control"),
        (0, 3) => (CommandKind::Control, "chassis reset"),
        (0, 4) => (CommandKind::Control, "chassis identify"),
        (0, 5) => (CommandKind::Write, "set chassis capabilities"),
        (0, 6) => (CommandKind::Write, "set power restore policy"),
        (0, 8) => (CommandKind::Write, "set system boot options"),
        (0, 9) => (CommandKind::Read, "get system boot options"),
        (4, 0x12 | 0x16 | 0x17) => (CommandKind::Write, "set event filter"),
        (4, 0x20..=0x2f) => (CommandKind::Read, "get sensor reading"),
        (APPLICATION, 1) => (CommandKind::Read, "get device id"),
        (APPLICATION, 2) => (CommandKind::Control, "cold reset"),
        (APPLICATION, 3) => (CommandKind::Control, "warm reset"),
        (APPLICATION, 0x24 | 0x22) => (CommandKind::Control, "watchdog timer"),
        (APPLICATION, 0x3b) => (CommandKind::Read, "set session privilege level"),
        (APPLICATION, 0x40) => (CommandKind::Write, "set channel access"),
        (APPLICATION, 0x43) => (CommandKind::Write, "set user access"),
        (APPLICATION, 0x45) => (CommandKind::Write, "set user name"),
        (APPLICATION, 0x47) => (CommandKind::Write, "set user password"),
        (APPLICATION, 0x48) => (CommandKind::Control, "activate payload"),
        (APPLICATION, 0x52) => (CommandKind::Write, "master write-read"),
        (APPLICATION, 0x08 | 0x37 | 0x3d | 0x41 | 0x42 | 0x44 | 0x46 | 0x54) => {
            (CommandKind::Read, "get application data")
        }
        (FIRMWARE, _) => (CommandKind::Program, "firmware"),
        (0x0a, 0x12) => (CommandKind::Write, "write fru data"),
        (0x0a, 0x44 | 0x46 | 0x47 | 0x49) => (CommandKind::Write, "change event log"),
        (0x0a, _) => (CommandKind::Read, "get storage data"),
        (0x0c, 1) => (CommandKind::Write, "set lan configuration parameters"),
        (0x0c, 2) => (CommandKind::Read, "get lan configuration parameters"),
        (0x0c, 0x21) => (CommandKind::Write, "set sol configuration parameters"),
        _ => return None,
    };
    Some(Command { kind, function })
}

fn asked(kind: CommandKind, function: &'static str) -> Message<'static> {
    Message { command: Some(Command { kind, function }), ..from(Speaker::Client, None) }
}

fn from(speaker: Speaker, login: Option<Login>) -> Message<'static> {
    Message { speaker: Some(speaker), login, ..Message::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message outside a session of version 1.5.
    fn plain(function: u8, code: u8, data: &[u8]) -> Vec<u8> {
        let message = [&[0x20, function << 2, 0, 0x81, 4, code][..], data, &[0]].concat();
        [&[6, 0, 0xff, 7][..], &[0; 9], &[message.len() as u8], &message].concat()
    }

    fn plus(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[6, 0, 0xff, 7, 6, kind][..], &[0; 8], &(content.len() as u16).to_le_bytes(), content].concat()
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        found
    }

    #[test]
    fn power_firmware_and_reading_are_told_apart() {
        let kind = |function, code| found(&plain(function, code, &[1])).command.map(|it| it.kind);
        assert_eq!(kind(0, 2), Some(CommandKind::Control));
        assert_eq!(kind(APPLICATION, 1), Some(CommandKind::Read));
        assert_eq!(kind(FIRMWARE, 0), Some(CommandKind::Program));
        let ping = [&[6, 0, 1, 6][..], &ASF_IANA.to_be_bytes(), &[0x80, 0, 0, 0]].concat();
        assert_eq!((found(&ping).command, found(&ping).speaker), (None, Some(Speaker::Client)));
        assert_eq!(kind(APPLICATION, 0x38), None);
    }

    #[test]
    fn a_login_is_followed_in_both_versions() {
        let login = |bytes: &[u8]| found(bytes).login;
        assert_eq!(login(&plain(APPLICATION, ACTIVATE_SESSION, &[4])), Some(Login::Tried));
        assert_eq!(login(&plain(APPLICATION | 1, ACTIVATE_SESSION, &[0])), Some(Login::Granted));
        assert_eq!(login(&plus(0x12, &[0; 28])), Some(Login::Tried));
        assert_eq!(login(&plus(0x13, &[0, 0, 0, 0])), None);
        assert_eq!(login(&plus(0x15, &[0, 2, 0, 0])), Some(Login::Refused));
        assert_eq!(login(&plus(0x15, &[0, 0, 0, 0])), Some(Login::Granted));
    }

    #[test]
    fn what_is_encrypted_commands_nothing_seen() {
        assert_eq!(found(&plus(0xc0, &[0x20, 0, 0, 0x81, 4, 2, 0])).command, None);
        assert_eq!(found(&plus(0, &[0x20, 0, 0, 0x81, 4, 2, 0])).command.map(|it| it.kind), Some(CommandKind::Control));
        assert_eq!(read(&[6, 0, 0xff, 9, 0, 0]), Reading::Other);
        assert_eq!(read(&plain(0, 2, &[1])[..15]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &plain(0, 2, &[1]));
        super::super::hostile::withstands(read, &plus(0x15, &[0, 0, 0, 0]));
    }
}
