//! SSH: each side's banner (RFC 4253, section 4.2), and which side is the client by its key exchange.
//!
//! The role is what a reversed connection hides: whoever opened the TCP connection, the client is the end that sends the
//! key exchange's first number (RFC 4253, section 8; RFC 4419; RFC 5656; RFC 4462). Newer implementations say it earlier,
//! in the KEXINIT: only clients list `ext-info-c` or `kex-strict-c-v00@openssh.com` (RFC 8308).

use super::cursor::Cursor;
use super::text::{some_text, text};
use super::{Reading, Speaker};

/// Longest banner, in bytes with CR and LF (RFC 4253, section 4.2).
const BANNER_MAX: usize = 255;
/// Lines a server may send before its banner; the RFC sets no limit.
const LINES_BEFORE_MAX: usize = 16;
/// Longest packet an implementation must take, in bytes (RFC 4253, section 6.1).
const PACKET_MAX: u32 = 35_000;

const MSG_DISCONNECT: u8 = 1;
const MSG_KEXINIT: u8 = 20;
const MSG_NEWKEYS: u8 = 21;

/// What one side says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// The whole line, `SSH-2.0-OpenSSH_9.6 Ubuntu-3`.
    pub text: String,
    /// Protocol version, `2.0`; 1.99 is a server that speaks both.
    pub protocol: String,
    /// Software and its version, `OpenSSH_9.6`.
    pub software: String,
    /// What follows the software, often the distribution.
    pub comments: Option<String>,
}

/// The banner at the beginning of one direction.
#[must_use]
pub fn banner(prefix: &[u8]) -> Reading<Banner> {
    match find(prefix) {
        Line::Other => Reading::Other,
        Line::More => Reading::More,
        Line::Found { line, .. } => split(line).map_or(Reading::Other, Reading::Found),
    }
}

/// Who sent this direction, by its first key exchange message after the banner.
#[must_use]
pub fn speaker(prefix: &[u8]) -> Reading<Speaker> {
    match find(prefix) {
        Line::Other => Reading::Other,
        Line::More => Reading::More,
        Line::Found { line, .. } if line.starts_with(b"SSH-1.") && !line.starts_with(b"SSH-1.99-") => Reading::Other,
        Line::Found { preceded: true, .. } => Reading::Found(Speaker::Server),
        Line::Found { rest, .. } => by_packets(Cursor(rest)),
    }
}

enum Line<'a> {
    Other,
    More,
    Found { line: &'a [u8], rest: &'a [u8], preceded: bool },
}

/// The line that starts with `SSH-`; only a server sends others before it.
fn find(prefix: &[u8]) -> Line<'_> {
    let mut cursor = Cursor(prefix);
    for before in 0..=LINES_BEFORE_MAX {
        let rest = cursor.0;
        let is_banner = rest.starts_with(b"SSH-");
        let Some(line) = cursor.line() else { return unfinished(rest, before) };
        match line {
            _ if line.len() + 1 > BANNER_MAX => return Line::Other,
            _ if is_banner => return Line::Found { line, rest: cursor.0, preceded: before > 0 },
            _ if !line.iter().all(|&byte| printable(byte)) => return Line::Other,
            _ => {}
        }
    }
    Line::Other
}

/// A line without its end: it may still become a banner, or greeting text before one.
fn unfinished(rest: &[u8], before: usize) -> Line<'_> {
    let text = rest.strip_suffix(b"\r").unwrap_or(rest);
    let may_be_banner = rest.starts_with(b"SSH-") || b"SSH-".starts_with(rest);
    let may_be_greeting = before < LINES_BEFORE_MAX && text.iter().all(|&byte| printable(byte));
    if rest.len() <= BANNER_MAX && (may_be_banner || may_be_greeting) { Line::More } else { Line::Other }
}

fn printable(byte: u8) -> bool {
    byte >= b' ' || byte == b'\t'
}

fn split(line: &[u8]) -> Option<Banner> {
    let mut parts = line.splitn(3, |&byte| byte == b'-').skip(1);
    let protocol = parts.next().filter(|version| version.first().is_some_and(u8::is_ascii_digit))?;
    let mut rest = parts.next()?.splitn(2, |&byte| byte == b' ');
    Some(Banner {
        text: text(line, BANNER_MAX),
        protocol: text(protocol, BANNER_MAX),
        software: text(rest.next()?, BANNER_MAX),
        comments: rest.next().and_then(|comments| some_text(comments, BANNER_MAX)),
    })
}

fn by_packets(mut cursor: Cursor<'_>) -> Reading<Speaker> {
    loop {
        let mut packet = cursor;
        let (Some(length), Some(padding), Some(message)) = (packet.be32(), packet.u8(), packet.u8()) else {
            return Reading::More;
        };
        if !(5..=PACKET_MAX).contains(&length) || u32::from(padding) + 1 >= length {
            return Reading::Other;
        }
        let whole = cursor.take(4 + length as usize);
        let body = packet.0.get(..length as usize - 2);
        match (message, body) {
            (30 | 34, _) => return Reading::Found(Speaker::Client),
            (31..=33, _) => return Reading::Found(Speaker::Server),
            (MSG_DISCONNECT | MSG_NEWKEYS, _) => return Reading::Other,
            (MSG_KEXINIT, Some(body)) => {
                if let Some(speaker) = by_algorithms(body) {
                    return Reading::Found(speaker);
                }
            }
            _ => {}
        }
        if whole.is_none() {
            return Reading::More;
        }
    }
}

/// Who sent a KEXINIT, by the markers among its key exchange algorithms: 16 bytes of cookie, then the list.
fn by_algorithms(body: &[u8]) -> Option<Speaker> {
    let mut cursor = Cursor(body);
    cursor.take(16)?;
    let length = cursor.be32()?;
    let list = cursor.take(length as usize)?;
    list.split(|&byte| byte == b',').find_map(|name| match name {
        b"ext-info-c" | b"kex-strict-c-v00@openssh.com" => Some(Speaker::Client),
        b"ext-info-s" | b"kex-strict-s-v00@openssh.com" => Some(Speaker::Server),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(message: u8, body: &[u8]) -> Vec<u8> {
        let length = 1 + 1 + body.len() + 4;
        [&(length as u32).to_be_bytes()[..], &[4, message], body, &[0; 4]].concat()
    }

    fn kexinit(algorithms: &str) -> Vec<u8> {
        let list = [&(algorithms.len() as u32).to_be_bytes()[..], algorithms.as_bytes()].concat();
        packet(MSG_KEXINIT, &[&[7; 16][..], &list, &[0; 45]].concat())
    }

    fn side(packets: &[Vec<u8>]) -> Vec<u8> {
        [b"SSH-2.0-dropbear\r\n".as_slice(), &packets.concat()].concat()
    }

    #[test]
    fn a_banner_is_split_into_its_parts() {
        let Reading::Found(banner) = banner(b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\nmore") else {
            panic!("no banner")
        };
        assert_eq!(banner.text, "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13");
        assert_eq!((banner.protocol.as_str(), banner.software.as_str()), ("2.0", "OpenSSH_9.6p1"));
        assert_eq!(banner.comments.as_deref(), Some("Ubuntu-3ubuntu13"));
    }

    #[test]
    fn the_client_is_who_sends_the_first_key_exchange_number_whoever_connected() {
        let first = kexinit("diffie-hellman-group14-sha1");
        for (message, speaker_is) in
            [(30, Speaker::Client), (34, Speaker::Client), (31, Speaker::Server), (33, Speaker::Server)]
        {
            let bytes = side(&[first.clone(), packet(message, &[0; 64])]);
            assert_eq!(speaker(&bytes), Reading::Found(speaker_is), "message {message}");
        }
    }

    #[test]
    fn modern_implementations_are_told_apart_by_their_key_exchange_list() {
        assert_eq!(speaker(&side(&[kexinit("curve25519-sha256,ext-info-c")])), Reading::Found(Speaker::Client));
        assert_eq!(speaker(&side(&[kexinit("a,kex-strict-s-v00@openssh.com")])), Reading::Found(Speaker::Server));
    }

    #[test]
    fn only_a_server_greets_before_its_banner() {
        let bytes = b"Authorised use only\r\nSSH-2.0-x\r\n";
        assert!(matches!(banner(bytes), Reading::Found(_)));
        assert_eq!(speaker(bytes), Reading::Found(Speaker::Server));
    }

    #[test]
    fn encrypted_packets_say_nothing_of_the_role() {
        assert_eq!(speaker(&side(&[kexinit("x"), packet(MSG_NEWKEYS, &[])])), Reading::Other);
        assert_eq!(speaker(b"SSH-1.5-old\nabcdefghijkl"), Reading::Other);
    }
}
