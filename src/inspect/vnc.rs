//! VNC: the protocol version each side sends first (RFC 6143, section 7.1.1). Both send the same twelve bytes; the
//! server is the one that speaks first.
//!
//! What follows has no mark of its own (sections 7.1.2, 7.1.3), and a reader that keeps nothing can tell it only by its
//! size: a list of security types, sixteen bytes of challenge or answer, a result of four bytes. Only version 3.8 adds a
//! reason to a refusal, which makes it certain. A server of version 3.3 that wants no password says so with the same four
//! bytes as a refusal. All else, pictures and keys, is passed over a segment at a time.

use super::cursor::Cursor;
use super::{Carrier, Login, Message, Protocol, Reading, Speaker};

/// Its ports, for the first displays, and that of a server that dials out.
pub const PROTOCOL: Protocol = Protocol {
    name: "vnc",
    carrier: Carrier::Stream,
    ports: &[5500, 5900, 5901, 5902, 5903, 5904, 5905, 5906, 5907, 5908, 5909, 5910],
    read,
};
/// Any port: the version alone. The head is 12 bytes.
pub const VERSION: Protocol = Protocol { name: "vnc", carrier: Carrier::Stream, ports: &[], read: read_version };

/// A challenge, or the answer to it.
const CHALLENGE: usize = 16;

const SHAPE: &[u8; 12] = b"RFB 000.000\n";

/// The version at the beginning of either direction: `003.008`.
#[must_use]
pub fn version(prefix: &[u8]) -> Reading<String> {
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    if !prefix.iter().zip(SHAPE).all(fits) {
        return Reading::Other;
    }
    match prefix.get(4..SHAPE.len() - 1) {
        Some(version) if prefix.len() >= SHAPE.len() => {
            Reading::Found(version.iter().map(|&it| char::from(it)).collect())
        }
        _ => Reading::More,
    }
}

fn read_version(bytes: &[u8]) -> Reading<Message<'_>> {
    read_shape(bytes)
}

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let version = read_shape(bytes);
    if version != Reading::Other {
        return version;
    }
    let found = |length, login| Message { length, speaker: Some(Speaker::Server), login, ..Message::default() };
    let mut cursor = Cursor(bytes);
    Reading::Found(match (cursor.be32(), cursor.be32()) {
        (Some(0), None) if bytes.len() == 4 => found(4, Some(Login::Granted)),
        (Some(1), None) if bytes.len() == 4 => found(4, Some(Login::Refused)),
        (Some(2), None) if bytes.len() == 4 => found(4, Some(Login::Tried)),
        (Some(1), Some(reason @ 1..=512)) if cursor.0.first().is_some_and(u8::is_ascii_graphic) => {
            found(8 + reason as usize, Some(Login::Refused))
        }
        // Version 3.3 sends the type and the challenge together.
        (Some(2), Some(_)) if bytes.len() == 4 + CHALLENGE => found(bytes.len(), Some(Login::Tried)),
        _ if is_list_of_types(bytes) => found(bytes.len(), None),
        _ if bytes.len() == CHALLENGE => Message { length: CHALLENGE, login: Some(Login::Tried), ..Message::default() },
        _ if bytes.is_empty() => return Reading::More,
        _ => Message { length: bytes.len(), ..Message::default() },
    })
}

/// The version where the bytes could be its beginning, without allocating.
fn read_shape(bytes: &[u8]) -> Reading<Message<'_>> {
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    match bytes.iter().zip(SHAPE).all(fits) {
        false => Reading::Other,
        true if bytes.len() < SHAPE.len() => Reading::More,
        true => Reading::Found(Message { length: SHAPE.len(), ..Message::default() }),
    }
}

/// A count and as many types (IANA, Remote Framebuffer Security Types).
fn is_list_of_types(bytes: &[u8]) -> bool {
    let is_type = |kind: &u8| matches!(kind, 1 | 2 | 5..=8 | 13 | 16..=24 | 30 | 33 | 35 | 36 | 113 | 128..=134);
    matches!(bytes, [count @ 1..=16, types @ ..] if usize::from(*count) == types.len() && types.iter().all(is_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_shows_in_the_sizes_of_what_follows() {
        let login = |bytes: &[u8]| match read(bytes) {
            Reading::Found(found) => found.login,
            Reading::More | Reading::Other => panic!("not read"),
        };
        assert_eq!(login(b"RFB 003.008\n"), None);
        assert_eq!(login(&[2, 2, 16]), None);
        assert_eq!(login(&[0x5a; 16]), Some(Login::Tried));
        assert_eq!(login(&[&[0, 0, 0, 2][..], &[0x5a; 16]].concat()), Some(Login::Tried));
        assert_eq!(login(&[0, 0, 0, 0]), Some(Login::Granted));
        assert_eq!(login(&[0, 0, 0, 1]), Some(Login::Refused));
        assert_eq!(login(b"\0\0\0\x01\0\0\0\x06failed"), Some(Login::Refused));
        assert_eq!(login(&[3, 1, 0, 0, 0, 0, 4, 0, 3, 0]), None);
    }

    #[test]
    fn on_another_port_only_the_version_is_one() {
        assert!(matches!(read_version(b"RFB 003.003\n"), Reading::Found(Message { length: 12, .. })));
        assert_eq!(read_version(b"RFB"), Reading::More);
        assert_eq!(read_version(&[0, 0, 0, 0]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"RFB 003.008\n");
    }

    #[test]
    fn the_version_is_read_when_all_of_it_is_there() {
        assert_eq!(version(b"RFB 003.889\n\x01"), Reading::Found("003.889".to_owned()));
        assert_eq!(version(b"RFB 003.008"), Reading::More);
        assert_eq!(version(b"RFB 003,008\n"), Reading::Other);
    }
}
