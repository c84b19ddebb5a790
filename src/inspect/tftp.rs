//! TFTP requests (RFC 1350, section 5; RFC 2347). The transfer itself uses ports of its own choice and is not followed.

use super::cursor::Cursor;
use super::text::words;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};

/// The server's port.
pub const PROTOCOL: Protocol = Protocol { name: "tftp", carrier: Carrier::Datagram, ports: &[69], read };

/// Ends of names of firmware images.
const IMAGES: [&str; 16] = [
    ".bin", ".img", ".fw", ".hex", ".rom", ".upd", ".upg", ".trx", ".chk", ".dav", ".swu", ".pkg", ".ipk", ".mcs",
    ".s19", ".uimage",
];

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match request(bytes) {
        Some(found) => Reading::Found(found),
        None => Reading::Other,
    }
}

fn request(bytes: &[u8]) -> Option<Message<'_>> {
    let mut cursor = Cursor(bytes);
    let code = cursor.be16()?;
    let mut strings = cursor.0.split(|byte| *byte == 0);
    let (name, mode) = (strings.next()?, strings.next()?);
    let file = words(name).filter(|words| words.len() == name.len())?;
    let known = [b"octet".as_slice(), b"netascii", b"mail"].iter().any(|known| mode.eq_ignore_ascii_case(known));
    let (kind, function) = match (code, is_firmware(file)) {
        (1, true) => (CommandKind::Read, "read request for firmware"),
        (1, false) => (CommandKind::Read, "read request"),
        (2, true) => (CommandKind::Program, "write request of firmware"),
        (2, false) => (CommandKind::Write, "write request"),
        _ => return None,
    };
    known.then_some(Message {
        length: bytes.len(),
        speaker: Some(Speaker::Client),
        command: Some(Command { kind, function }),
        detail: Some(file),
        ..Message::default()
    })
}

/// Whether a file is called as images of firmware are.
pub(super) fn is_firmware(file: &str) -> bool {
    let ends = |end: &&str| {
        file.len().checked_sub(end.len()).and_then(|at| file.get(at..)).is_some_and(|it| it.eq_ignore_ascii_case(end))
    };
    IMAGES.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8]) -> Option<CommandKind> {
        match read(bytes) {
            Reading::Found(found) => found.command.map(|it| it.kind),
            Reading::More | Reading::Other => None,
        }
    }

    #[test]
    fn requests_are_told_by_their_files() {
        assert_eq!(kind(b"\0\x01startup-config\0netascii\0"), Some(CommandKind::Read));
        assert_eq!(kind(b"\0\x02config.txt\0octet\0tsize\x000\0"), Some(CommandKind::Write));
        assert_eq!(kind(b"\0\x02PLC_V2.BIN\0octet\0"), Some(CommandKind::Program));
        let Reading::Found(found) = read(b"\0\x01fw/image.upd\0OCTET\0") else { panic!("not read") };
        assert_eq!(
            (found.detail, found.command.map(|it| it.function)),
            (Some("fw/image.upd"), Some("read request for firmware"))
        );
    }

    #[test]
    fn other_datagrams_are_none() {
        assert_eq!(read(b"\0\x03\0\x01data"), Reading::Other);
        assert_eq!(read(b"\0\x01name\0binary\0"), Reading::Other);
        assert_eq!(read(b"\0\x01name"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"\0\x01startup-config\0netascii\0");
    }
}
