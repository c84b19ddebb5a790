//! PPPP: the peer-to-peer protocol of cameras (CS2 Network, Yunni iLnkP2P) over UDP (M. Ihse Bursie, `PPPP.md`, 2023;
//! P. Marrapese, `pppp.fdesc`; re-ws.pl, 2018; W. Palant, 2025).
//!
//! Datagram: `f1`, type, length of the rest. A directory server tells each end where the other is (PunchTo, RlyTo); then
//! commands travel in channel 0. The variants that mix the bytes with a key (first byte `2c` and others) are not readable.

use super::cursor::Cursor;
use super::text::words;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Any port: the length is that of the datagram.
pub const PROTOCOL: Protocol = Protocol { name: "pppp", carrier: Carrier::Datagram, ports: &[], read };

const MAGIC: u8 = 0xf1;
const PUNCH_TO: u8 = 0x40;
const RELAY_TO: u8 = 0x82;
const DATA: u8 = 0xd0;
/// What the content of data begins with.
const DATA_MARK: u8 = 0xd1;
const COMMAND_CHANNEL: u8 = 0;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let [MAGIC, kind, high, low, content @ ..] = bytes else { return Reading::Other };
    if usize::from(u16::from_be_bytes([*high, *low])) != content.len() || !fits(*kind, content) {
        return Reading::Other;
    }
    let speaker = match *kind {
        0x00 | 0x10 | 0x12 | 0x14 | 0x16 | 0x18 | 0x20 | 0x26 | 0x67 | 0x68 | 0x6a | 0x70 | 0x72 | 0x80 => {
            Some(Speaker::Client)
        }
        0x01 | 0x11 | 0x13 | 0x15 | 0x19 | 0x21 | PUNCH_TO | 0x69 | 0x71 | 0x73 | 0x81 | RELAY_TO => {
            Some(Speaker::Server)
        }
        _ => None,
    };
    let found = Message { length: bytes.len(), speaker, ..Message::default() };
    Reading::Found(match (*kind, content) {
        (PUNCH_TO | RELAY_TO, _) => Message { peer: address(content), ..found },
        (DATA, [DATA_MARK, COMMAND_CHANNEL, _, _, said @ ..]) => asked(said, found),
        _ => found,
    })
}

/// Known types, and the length or the mark of those that have one.
fn fits(kind: u8, content: &[u8]) -> bool {
    match kind {
        0x00 | 0x30 | 0xe0 | 0xe1 | 0xf0 => content.is_empty(),
        0x01 => content.len() == 16,
        PUNCH_TO => content.len() == 16 && address(content).is_some(),
        0x41 | 0x42 => content.len() == 20,
        DATA | 0xd1 => content.len() >= 4 && content.first() == Some(&DATA_MARK),
        0x02
        | 0x03
        | 0x08..=0x19
        | 0x20
        | 0x21
        | 0x26
        | 0x31
        | 0x32
        | 0x43
        | 0x60..=0x63
        | 0x67..=0x6a
        | 0x70..=0x78
        | 0x80..=0x87
        | 0x90..=0x94
        | 0xa0..=0xa2
        | 0xd8
        | 0xf9 => content.len() <= 128,
        _ => false,
    }
}

/// `sockaddr_in` as these devices send it: family first, port and address with their bytes turned round.
fn address(content: &[u8]) -> Option<SocketAddr> {
    let mut cursor = Cursor(content);
    let (0x0002 | 0x0200) = cursor.be16()? else { return None };
    let port = u16::from_le_bytes(cursor.array()?);
    let address = Ipv4Addr::from(u32::from_le_bytes(cursor.array()?));
    Some(SocketAddr::new(IpAddr::V4(address), port))
}

/// A command of the channel behind its header of 8 bytes: a request for a CGI page, JSON with a name in `pro`, or binary.
fn asked<'a>(said: &'a [u8], found: Message<'a>) -> Message<'a> {
    let text = said.get(8..).and_then(words).unwrap_or_default();
    let name = if let Some(page) = text.strip_prefix("GET /") {
        page.split(['?', ' ']).next()
    } else if text.starts_with('{') {
        text.split_once("\"pro\":").and_then(|(_, value)| value.trim_start().strip_prefix('"')?.split('"').next())
    } else {
        None
    };
    match (name, said) {
        (Some(name), _) => Message {
            command: Some(command(name)),
            detail: Some(name),
            login: name.starts_with("check_user").then_some(Login::Tried),
            ..found
        },
        (None, [0x11, 0x0a, 0x20, 0x10, ..]) => Message { login: Some(Login::Tried), ..found },
        (None, [0x11, 0x0a, _, 0x10 | 0x20 | 0x30, ..]) => {
            Message { command: Some(Command { kind: CommandKind::Control, function: "device command" }), ..found }
        }
        _ => found,
    }
}

fn command(name: &str) -> Command {
    let has = |word: &str| name.contains(word);
    let (kind, function) = match () {
        () if has("upgrade") || has("firmware") => (CommandKind::Program, "upgrade"),
        () if has("reboot") || has("restart") || has("restore") => (CommandKind::Control, "reboot"),
        () if has("decoder_control") || has("ptz") => (CommandKind::Control, "camera movement"),
        () if has("set_") || has("set") => (CommandKind::Write, "set parameter"),
        () => (CommandKind::Read, "camera command"),
    };
    Command { kind, function }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[MAGIC, kind][..], &(content.len() as u16).to_be_bytes(), content].concat()
    }

    fn data(said: &[u8]) -> Vec<u8> {
        datagram(DATA, &[&[DATA_MARK, 0, 0, 1][..], said].concat())
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        found
    }

    #[test]
    fn the_server_tells_where_the_other_end_is() {
        let punch = datagram(PUNCH_TO, &[0, 2, 0x50, 0xc3, 7, 100, 51, 198, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(found(&punch).peer, Some("198.51.100.7:50000".parse().unwrap()));
        assert_eq!(found(&punch).speaker, Some(Speaker::Server));
    }

    #[test]
    fn a_command_in_the_channel_is_named() {
        let bytes = data(b"\x01\x0a\0\0\x30\0\0\0GET /decoder_control.cgi?command=2&loginpas=x");
        assert_eq!(found(&bytes).command.map(|it| it.kind), Some(CommandKind::Control));
        assert_eq!(found(&bytes).detail, Some("decoder_control.cgi"));
        let login = data(b"\x06\x0a\xa0\x80\x30\0\0\0{\"pro\":\"check_user\",\"cmd\":100}");
        assert_eq!(found(&login).login, Some(Login::Tried));
        assert_eq!(found(&data(b"\x06\x0a\xa0\x80\x10\0\0\0{\"cmd\":100,\"result\":0}")).command, None);
    }

    #[test]
    fn a_wrong_length_or_type_is_none() {
        assert_eq!(read(&[MAGIC, 0xe0, 0, 1]), Reading::Other);
        assert_eq!(read(&datagram(0x55, &[])), Reading::Other);
        assert!(matches!(read(&datagram(0xe0, &[])), Reading::Found(_)));
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &data(b"\x01\x0a\0\0\x30\0\0\0GET /set_x.cgi?"));
    }
}
