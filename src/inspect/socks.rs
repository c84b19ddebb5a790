//! SOCKS 4, 4a (Y. Lee) and 5 (RFC 1928, RFC 1929), and HTTP's CONNECT (RFC 9110, section 9.3.6): for whom a proxy is asked.
//!
//! The target is the peer where it is an address, the detail where it is a name. The head is 64 bytes; a longer name is
//! given as far as it is there.

use super::cursor::Cursor;
use super::text::words;
use super::{Carrier, Login, Message, Protocol, Reading, Speaker};
use std::net::{IpAddr, SocketAddr};

/// Ports of proxies and of Tor.
pub const PROTOCOL: Protocol = Protocol {
    name: "socks",
    carrier: Carrier::Stream,
    ports: &[1080, 1081, 1086, 1088, 7890, 7891, 9050, 9150, 10_808],
    read,
};
/// Any port: the method's line. Other HTTP is followed where it administers, this always.
pub const CONNECT: Protocol =
    Protocol { name: "http-connect", carrier: Carrier::Stream, ports: &[], read: read_connect };

const LINE_MAX: usize = 512;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match bytes {
        [4, 1 | 2, ..] => version_4(bytes),
        [0, 0x5a..=0x5d, ..] if bytes.len() == 8 => {
            Reading::Found(Message { length: 8, speaker: Some(Speaker::Server), ..Message::default() })
        }
        [5, _, ..] => version_5(bytes),
        [1, _, ..] => password(bytes),
        [] | [1 | 4 | 5] => Reading::More,
        _ => Reading::Other,
    }
}

/// Command, port, address, user; a name behind it where the address is 0.0.0.x.
fn version_4(bytes: &[u8]) -> Reading<Message<'_>> {
    let &[_, _, high, low, a, b, c, d, ref rest @ ..] = bytes else { return Reading::More };
    let asked = Message { speaker: Some(Speaker::Client), ..Message::default() };
    let end = |rest: &[u8]| rest.iter().take(256).position(|byte| *byte == 0);
    let Some(user) = end(rest) else { return if rest.len() < 256 { Reading::More } else { Reading::Other } };
    if !rest.iter().take(user).all(u8::is_ascii_graphic) {
        return Reading::Other;
    }
    if !matches!([a, b, c, d], [0, 0, 0, 1..=255]) {
        let peer = SocketAddr::new(IpAddr::from([a, b, c, d]), u16::from_be_bytes([high, low]));
        return Reading::Found(Message { length: 9 + user, peer: Some(peer), ..asked });
    }
    let name = rest.get(user + 1..).unwrap_or_default();
    match end(name) {
        Some(length) => Reading::Found(Message { length: 10 + user + length, detail: words(name), ..asked }),
        None if name.len() < 256 => Reading::More,
        None => Reading::Other,
    }
}

/// Greeting, choice of a method, request or reply; the last two are alike.
fn version_5(bytes: &[u8]) -> Reading<Message<'_>> {
    let found = |length, speaker| Reading::Found(Message { length, speaker: Some(speaker), ..Message::default() });
    match *bytes {
        [5, 0 | 2 | 0xff] => found(2, Speaker::Server),
        [5, 0, 0] => Reading::More,
        [5, code @ 0..=8, 0, kind @ (1 | 3 | 4), ref rest @ ..] if !rest.is_empty() || code == 0 => {
            // Of a reply the address is the proxy's own. A request has commands 1 to 3.
            target(kind, rest).map(|(length, peer, detail)| match code {
                1..=3 => {
                    Message { length: 4 + length, speaker: Some(Speaker::Client), peer, detail, ..Message::default() }
                }
                _ => Message { length: 4 + length, speaker: Some(Speaker::Server), ..Message::default() },
            })
        }
        [5, count @ 1..=16, ref methods @ ..] => {
            let methods = methods.get(..usize::from(count)).unwrap_or(methods);
            let known = methods.iter().all(|method| matches!(method, 0..=9 | 0x80..));
            match (known, methods.len() == usize::from(count)) {
                (true, true) => found(2 + methods.len(), Speaker::Client),
                (true, false) => Reading::More,
                (false, _) => Reading::Other,
            }
        }
        _ => Reading::Other,
    }
}

type Target<'a> = (usize, Option<SocketAddr>, Option<&'a str>);

fn target(kind: u8, rest: &[u8]) -> Reading<Target<'_>> {
    let mut cursor = Cursor(rest);
    if kind == 3 {
        let Some(length) = cursor.u8().map(usize::from) else { return Reading::More };
        let name = cursor.0.get(..length).unwrap_or(cursor.0);
        return match (words(name), name.len() == length) {
            (Some(said), _) if said.len() < name.len() => Reading::Other,
            (Some(said), true) => Reading::Found((1 + length + 2, None, Some(said))),
            (_, false) => Reading::More,
            (None, true) => Reading::Other,
        };
    }
    let address =
        if kind == 1 { cursor.array::<4>().map(IpAddr::from) } else { cursor.array::<16>().map(IpAddr::from) };
    match (address, cursor.be16()) {
        (Some(address), Some(port)) => {
            Reading::Found((rest.len() - cursor.0.len(), Some(SocketAddr::new(address, port)), None))
        }
        _ => Reading::More,
    }
}

/// User and password (RFC 1929), or the answer.
fn password(bytes: &[u8]) -> Reading<Message<'_>> {
    if let &[1, status] = bytes {
        let login = if status == 0 { Login::Granted } else { Login::Refused };
        return Reading::Found(Message {
            length: 2,
            speaker: Some(Speaker::Server),
            login: Some(login),
            ..Message::default()
        });
    }
    let mut cursor = Cursor(bytes);
    cursor.take(1);
    let lengths = cursor.u8().and_then(|user| cursor.take(usize::from(user)).zip(cursor.u8()));
    match lengths {
        Some((user, password)) if !user.is_empty() && words(user).is_some_and(|said| said.len() == user.len()) => {
            let length = 3 + user.len() + usize::from(password);
            Reading::Found(Message {
                length,
                speaker: Some(Speaker::Client),
                login: Some(Login::Tried),
                ..Message::default()
            })
        }
        Some(_) => Reading::Other,
        None => Reading::More,
    }
}

fn read_connect(bytes: &[u8]) -> Reading<Message<'_>> {
    const METHOD: &str = "CONNECT ";
    let head = bytes.get(..LINE_MAX).unwrap_or(bytes);
    if !head.iter().zip(METHOD.bytes()).all(|(byte, letter)| *byte == letter) {
        return Reading::Other;
    }
    let Some(line) = Cursor(head).line() else {
        return if head.len() < LINE_MAX { Reading::More } else { Reading::Other };
    };
    let parts = line.get(METHOD.len()..).and_then(words).and_then(|rest| rest.split_once(' '));
    let Some((target, _)) = parts.filter(|(_, version)| version.starts_with("HTTP/1.")) else { return Reading::Other };
    let peer: Option<SocketAddr> = target.parse().ok();
    let detail = if peer.is_some() { None } else { Some(target) };
    // Fields follow up to the empty line; then the tunnel, whose bytes are not of this protocol.
    Reading::Found(Message { length: bytes.len(), speaker: Some(Speaker::Client), peer, detail, ..Message::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        assert_eq!(found.length, bytes.len());
        found
    }

    #[test]
    fn the_target_is_an_address_or_a_name() {
        let peer = Some("198.51.100.7:443".parse().unwrap());
        assert_eq!(found(b"\x04\x01\x01\xbb\xc6\x33\x64\x07user\0").peer, peer);
        assert_eq!(found(b"\x04\x01\x01\xbb\0\0\0\x01\0vendor.example\0").detail, Some("vendor.example"));
        assert_eq!(found(b"\x05\x01\0\x01\xc6\x33\x64\x07\x01\xbb").peer, peer);
        assert_eq!(found(b"\x05\x01\0\x03\x0evendor.example\x01\xbb").detail, Some("vendor.example"));
        assert_eq!(found(b"\x05\0\0\x01\xc6\x33\x64\x07\x01\xbb").peer, None);
    }

    #[test]
    fn greetings_and_passwords_are_followed() {
        assert_eq!(found(b"\x05\x02\0\x02").speaker, Some(Speaker::Client));
        assert_eq!(found(b"\x05\x02").speaker, Some(Speaker::Server));
        assert_eq!(found(b"\x01\x04user\x06secret").login, Some(Login::Tried));
        assert_eq!((found(b"\x01\0").login, found(b"\x01\x01").login), (Some(Login::Granted), Some(Login::Refused)));
        assert_eq!(read(b"\x05\x01\0\x03\x0even"), Reading::More);
        assert_eq!(read(b"\x05\x01\x40"), Reading::Other);
    }

    #[test]
    fn connect_names_its_target() {
        let peer = |text: &'static str| read_connect(text.as_bytes()).map(|found| (found.peer, found.detail));
        assert_eq!(
            peer("CONNECT [2001:db8::1]:22 HTTP/1.1\r\n\r\n"),
            Reading::Found((Some("[2001:db8::1]:22".parse().unwrap()), None))
        );
        assert_eq!(peer("CONNECT vpn.example:443 HTTP/1.0\r\n"), Reading::Found((None, Some("vpn.example:443"))));
        assert_eq!(peer("CONNECT vpn"), Reading::More);
        assert_eq!(peer("GET / HTTP/1.1\r\n"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"\x05\x01\0\x03\x0evendor.example\x01\xbb");
        super::super::hostile::withstands(read, b"\x04\x01\x01\xbb\0\0\0\x01\0vendor.example\0");
        super::super::hostile::withstands(read_connect, b"CONNECT vpn.example:443 HTTP/1.0\r\n");
    }
}
