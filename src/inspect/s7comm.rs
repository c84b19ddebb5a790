//! S7 communication of SIMATIC controllers: the classic protocol and its successor for the 1200 and 1500.
//!
//! There is no public document; the layout is that of libnodave's and Snap7's notes and of the S7comm and S7comm-plus
//! dissectors (2014 to 2024), held against captures. Both travel in ISO transport (see `tpkt`), where a connection is
//! theirs by the selector it calls. A block is loaded by the controller asking for it piece by piece, so the program
//! code is in the station's acknowledgements.

use super::cursor::Cursor;
use super::message::cut_off;
use super::tpkt::{Body, Packet, Selectors, packet};
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// S7 communication; a head of 64 bytes is enough.
pub const PROTOCOL: Protocol = Protocol { name: "s7comm", carrier: Carrier::Stream, ports: &[], read };

const CLASSIC: u8 = 0x32;
const PLUS: u8 = 0x72;
/// Where the name of a program invocation service is no longer looked for.
const NAME_MAX: usize = 57;

type Asked = (CommandKind, &'static str);

/// The message that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let packet = match packet(bytes) {
        Reading::Found(packet) => packet,
        Reading::More => return Reading::More,
        Reading::Other => return Reading::Other,
    };
    match packet.body {
        Body::Connection { by, selectors } if are_selectors(selectors) => {
            Reading::Found(Message { speaker: Some(by), ..packet.message() })
        }
        Body::Connection { .. } => Reading::Other,
        Body::Disconnect | Body::Data { length: 0, .. } => Reading::Found(packet.message()),
        Body::Data { there, length, last } => {
            data(there, length, last, packet).unwrap_or_else(|| cut_off(bytes, packet.length))
        }
    }
}

/// Kind of connection, then rack and slot; the small controllers' own; or a name.
fn are_selectors(selectors: Selectors<'_>) -> bool {
    let named = selectors.called.is_some_and(|called| called.starts_with(b"SIMATIC-ROOT-"));
    let numbered = |selector: &[u8]| matches!(selector, [1..=3 | 0x10..=0x13 | 0x20 | 0x4d, _]);
    named || selectors.calling.is_none_or(numbered) && selectors.called.is_none_or(numbered)
}

fn data(there: &[u8], length: usize, last: bool, packet: Packet<'_>) -> Option<Reading<Message<'static>>> {
    let mut cursor = Cursor(there);
    match cursor.u8()? {
        CLASSIC => classic(cursor, length, last, packet),
        PLUS => plus(cursor, length, packet),
        _ => Some(Reading::Other),
    }
}

fn classic(mut cursor: Cursor<'_>, length: usize, last: bool, packet: Packet<'_>) -> Option<Reading<Message<'static>>> {
    let kind = cursor.u8()?;
    let _reserved_and_reference = cursor.be32()?;
    let (declared, data) = (usize::from(cursor.be16()?), usize::from(cursor.be16()?));
    let header = if matches!(kind, 2 | 3) { 12 } else { 10 };
    let whole = header + declared + data;
    if !matches!(kind, 1..=3 | 7) || if last { whole != length } else { whole < length } {
        return Some(Reading::Other);
    }
    if header == 12 {
        let _error = cursor.be16()?;
    }
    let parameters = Cursor(cursor.0.get(..declared).unwrap_or(cursor.0));
    let message = packet.message();
    let (speaker, asked, login) = match kind {
        7 => user_data(parameters)?,
        _ if declared == 0 => (None, None, None),
        _ => job(kind == 1, parameters)?,
    };
    let command = asked.map(|(kind, function)| Command { kind, function });
    Some(Reading::Found(Message { speaker, command, login, ..message }))
}

type Told = (Option<Speaker>, Option<Asked>, Option<Login>);

fn job(asks: bool, mut parameters: Cursor<'_>) -> Option<Told> {
    let function = parameters.u8()?;
    let loads = matches!(function, 0x1b | 0x1c);
    let speaker = if asks == loads { Speaker::Server } else { Speaker::Client };
    if speaker == Speaker::Server {
        return Some((Some(speaker), None, None));
    }
    let asked = match function {
        0x04 => (Read, "read var"),
        0x05 => (Write, "write var"),
        0x1a => (Program, "request download"),
        0x1b => (Program, "download block"),
        0x1c => (Program, "download ended"),
        0x1d => (Read, "start upload"),
        0x1e => (Read, "upload"),
        0x1f => (Read, "end upload"),
        0x28 => invocation(parameters)?,
        0x29 => (Control, "plc stop"),
        _ => return Some((Some(speaker), None, None)),
    };
    Some((Some(speaker), Some(asked), None))
}

/// A program invocation service, by its name behind its arguments.
fn invocation(mut parameters: Cursor<'_>) -> Option<Asked> {
    parameters.take(7)?;
    let arguments = usize::from(parameters.be16()?);
    if arguments > NAME_MAX - 30 {
        return Some((Control, "pi service"));
    }
    parameters.take(arguments)?;
    let length = usize::from(parameters.u8()?).min(9);
    Some(match parameters.take(length)? {
        b"P_PROGRAM" => (Control, "pi service p_program: start"),
        b"_INSE" | b"_INS2" => (Program, "pi service _inse: activate block"),
        b"_DELE" => (Program, "pi service _dele: delete block"),
        b"_MODU" => (Program, "pi service _modu: copy ram to rom"),
        b"_GARB" => (Control, "pi service _garb: compress memory"),
        _ => (Control, "pi service"),
    })
}

fn user_data(mut parameters: Cursor<'_>) -> Option<Told> {
    let head = parameters.array::<3>()?;
    let _length = parameters.u8()?;
    let (_method, group, function) = (parameters.u8()?, parameters.u8()?, parameters.u8()?);
    if head != [0, 1, 0x12] || !matches!(group >> 4, 4 | 7) {
        let login = match (group, function) {
            (0x85, 1) => {
                parameters.take(3)?;
                Some(if parameters.be16()? == 0 { Login::Granted } else { Login::Refused })
            }
            _ => None,
        };
        return Some((Some(Speaker::Server), None, login));
    }
    let login = (group & 0xf == 5 && function == 1).then_some(Login::Tried);
    Some((Some(Speaker::Client), user_function(group & 0xf, function), login))
}

fn user_function(group: u8, function: u8) -> Option<Asked> {
    Some(match (group, function) {
        (1, 8) => (Write, "modify variable"),
        (1, 9) => (Write, "force"),
        (1, 10) => (Control, "breakpoint"),
        (1, 11) => (Control, "exit hold"),
        (1, 12) => (Control, "memory reset"),
        (1, 22) => (Control, "flash led"),
        (1, _) => (Read, "programmer commands"),
        (2, _) => (Read, "cyclic services"),
        (3, _) => (Read, "block functions"),
        (4, 1) => (Read, "read szl"),
        (4, 2) => (Read, "message service"),
        (4, 7 | 8) => (Write, "lock or unlock alarm"),
        (4, 11) => (Write, "acknowledge alarm"),
        (4, _) => (Read, "cpu functions"),
        (6, _) => (Write, "pbc bsend"),
        (7, 1 | 3) => (Read, "read clock"),
        (7, 2 | 4) => (Write, "set clock"),
        (15, 1..=4) => (Program, "nc programming: download"),
        (15, 6..=8) => (Read, "nc programming: upload"),
        _ => return None,
    })
}

/// Version 3 has a digest in front; the last fragment has a trailer behind.
fn plus(mut cursor: Cursor<'_>, whole: usize, packet: Packet<'_>) -> Option<Reading<Message<'static>>> {
    let (version, length) = (cursor.u8()?, usize::from(cursor.be16()?));
    if !matches!(version, 1..=3 | 0xfe | 0xff) || !(length + 4 == whole || length + 8 == whole) {
        return Some(Reading::Other);
    }
    let mut message = packet.message();
    if version > 3 || length < 5 {
        return Some(Reading::Found(message));
    }
    let mut operation = cursor.u8()?;
    if version == 3 && operation == 32 && length > 37 {
        cursor.take(32)?;
        operation = cursor.u8()?;
    }
    let _reserved = cursor.be16()?;
    let function = cursor.be16()?;
    message.speaker = match operation {
        0x31 => Some(Speaker::Client),
        0x02 | 0x32 | 0x33 => Some(Speaker::Server),
        _ => None,
    };
    if operation == 0x31 {
        message.command = plus_function(version, function).map(|(kind, function)| Command { kind, function });
    }
    Some(Reading::Found(message))
}

/// An object created in version 1 is the session itself.
fn plus_function(version: u8, function: u16) -> Option<Asked> {
    Some(match function {
        0x04bb => (Read, "explore"),
        0x04ca if version == 1 => return None,
        0x04ca => (Write, "create object"),
        0x04d4 => (Write, "delete object"),
        0x04f2 => (Write, "set variable"),
        0x04fc => (Read, "get variable"),
        0x0506 => (Write, "add link"),
        0x051a => (Write, "remove link"),
        0x0524 => (Read, "get link"),
        0x0542 => (Write, "set multi variables"),
        0x054c => (Read, "get multi variables"),
        0x0556 => (Write, "begin sequence"),
        0x0560 => (Write, "end sequence"),
        0x056b => (Control, "invoke"),
        0x057c => (Write, "set var substreamed"),
        0x0586 => (Read, "get var substreamed"),
        0x0590 => (Read, "get variables address"),
        0x059a => (Control, "abort"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(payload: &[u8]) -> Vec<u8> {
        [&[3, 0, 0, 7 + payload.len() as u8, 2, 0xf0, 0x80], payload].concat()
    }

    fn classic(kind: u8, parameters: &[u8]) -> Vec<u8> {
        let error: &[u8] = if kind == 3 { &[0, 0] } else { &[] };
        data(&[&[CLASSIC, kind, 0, 0, 0, 1, 0, parameters.len() as u8, 0, 0], error, parameters].concat())
    }

    fn plus(version: u8, payload: &[u8]) -> Vec<u8> {
        data(&[&[PLUS, version, 0, payload.len() as u8], payload, &[PLUS, version, 0, 0]].concat())
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        found
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<Asked>) {
        let found = found(bytes);
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_job_is_told_from_its_acknowledgement() {
        let client = Some(Speaker::Client);
        assert_eq!(told(&classic(1, &[4, 1, 0x12])), (client, Some((Read, "read var"))));
        assert_eq!(told(&classic(1, &[5, 1, 0x12])), (client, Some((Write, "write var"))));
        assert_eq!(told(&classic(1, b"\x29\0\0\0\0\0\x09P_PROGRAM")), (client, Some((Control, "plc stop"))));
        assert_eq!(told(&classic(3, &[4, 1])), (Some(Speaker::Server), None));
        let start = classic(1, b"\x28\0\0\0\0\0\0\xfd\0\0\x09P_PROGRAM");
        assert_eq!(told(&start).1, Some((Control, "pi service p_program: start")));
        let insert = classic(1, b"\x28\0\0\0\0\0\0\xfd\0\x0a\x01\x000800001P\x05_INSE");
        assert_eq!(told(&insert).1, Some((Program, "pi service _inse: activate block")));
    }

    #[test]
    fn a_block_is_fetched_by_the_controller() {
        assert_eq!(told(&classic(1, &[0x1a, 0])), (Some(Speaker::Client), Some((Program, "request download"))));
        assert_eq!(told(&classic(1, &[0x1b, 0])), (Some(Speaker::Server), None));
        assert_eq!(told(&classic(3, &[0x1b, 0])), (Some(Speaker::Client), Some((Program, "download block"))));
    }

    #[test]
    fn user_data_sets_the_clock_and_gives_the_password() {
        let set_clock = classic(7, &[0, 1, 0x12, 4, 0x11, 0x47, 2, 0]);
        assert_eq!(told(&set_clock), (Some(Speaker::Client), Some((Write, "set clock"))));
        assert_eq!(found(&classic(7, &[0, 1, 0x12, 4, 0x11, 0x45, 1, 0])).login, Some(Login::Tried));
        let answer = |error| classic(7, &[0, 1, 0x12, 8, 0x12, 0x85, 1, 2, 0, 0, error, 0]);
        assert_eq!(found(&answer(0)).login, Some(Login::Granted));
        assert_eq!(found(&answer(0xd6)).login, Some(Login::Refused));
    }

    #[test]
    fn the_successor_is_read_with_and_without_a_digest() {
        assert_eq!(told(&plus(2, &[0x31, 0, 0, 5, 0x42, 0, 0])).1, Some((Write, "set multi variables")));
        assert_eq!(told(&plus(1, &[0x31, 0, 0, 4, 0xca, 0, 0])), (Some(Speaker::Client), None));
        assert_eq!(told(&plus(2, &[0x32, 0, 0, 5, 0x42, 0, 0])), (Some(Speaker::Server), None));
        let signed = [&[32][..], &[9; 32], &[0x31, 0, 0, 5, 0x6b, 0, 0]].concat();
        assert_eq!(told(&plus(3, &signed)).1, Some((Control, "invoke")));
    }

    #[test]
    fn a_connection_is_its_own_by_the_selector_called() {
        let request =
            |rest: &[u8]| [&[3, 0, 0, 11 + rest.len() as u8, 6 + rest.len() as u8, 0xe0, 0, 0, 0, 1, 0], rest].concat();
        assert_eq!(told(&request(&[0xc0, 1, 10, 0xc1, 2, 1, 0, 0xc2, 2, 1, 2])), (Some(Speaker::Client), None));
        assert_eq!(read(&request(&[0xc1, 2, 0, 0, 0xc2, 2, 0, 1])), Reading::Other);
        assert_eq!(read(&request(&[0xc1, 2, 0, 2, 0xc2, 2, 2, 0])), Reading::Other);
        assert_eq!(read(&request(&[1, 0, 8, 0, 3, 0, 0, 0])), Reading::Other);
        assert_eq!(read(&request(b"Cookie: mstshash=user\r\n")), Reading::Other);
        assert_eq!(read(&request(&[])), Reading::Other);
    }

    #[test]
    fn a_cut_head_waits_and_a_wrong_length_is_refused() {
        let mut bytes = classic(1, &[4, 1, 0x12]);
        assert_eq!(read(&bytes[..12]), Reading::More);
        bytes[14] = 9;
        assert_eq!(read(&bytes), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(kind: u8, successor: bool, payload in proptest::collection::vec(proptest::num::u8::ANY, 0..99)) {
            let bytes = if successor { plus(kind & 3, &payload) } else { classic(kind & 7, &payload) };
            if let Reading::Found(found) = read(&bytes) {
                proptest::prop_assert!(found.length > 0);
            }
        }
    }
}
