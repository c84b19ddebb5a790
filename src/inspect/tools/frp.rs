//! frp, the tunnel from inside (fatedier/frp, `pkg/msg/msg.go`, `pkg/util/net/tls.go`): a login in JSON behind a type and
//! a length of eight bytes; or, before version 0.50, TLS behind a byte `17`. Later versions open with plain TLS and are
//! not seen. By default a multiplexer (yamux) comes in front of the login. The head is 35 bytes.

use super::super::cursor::Cursor;
use super::super::{Carrier, Login, Message, Protocol, Reading, Speaker};

/// Any port. What follows the login is sealed, so a segment is taken for a message.
pub const PROTOCOL: Protocol = Protocol { name: "frp", carrier: Carrier::Stream, ports: &[], read };

const TLS_BEHIND_MARK: [u8; 4] = [0x17, 0x16, 3, 1];
const LOGIN: u8 = b'o';
const LOGIN_ANSWER: u8 = b'1';
/// Longest login.
const JSON_MAX: u64 = 10 << 10;
/// yamux: version, type, flags, stream, length.
const FRAME: usize = 12;
const WINDOW_UPDATE_SYN: [u8; 8] = [0, 1, 0, 1, 0, 0, 0, 1];
const WINDOW_UPDATE_ACK: [u8; 8] = [0, 1, 0, 2, 0, 0, 0, 1];
const DATA: [u8; 4] = [0, 0, 0, 0];

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    if bytes.iter().zip(TLS_BEHIND_MARK).all(|(byte, fixed)| *byte == fixed) {
        return match bytes.len() {
            0..4 => Reading::More,
            length => Reading::Found(Message { length, speaker: Some(Speaker::Client), ..Message::default() }),
        };
    }
    let opened = [WINDOW_UPDATE_SYN, WINDOW_UPDATE_ACK]
        .iter()
        .any(|frame| bytes.iter().zip(frame).all(|(byte, fixed)| byte == fixed));
    if !opened {
        return login(bytes, bytes.len());
    }
    let Some((_, rest)) = bytes.split_at_checked(FRAME) else { return Reading::More };
    if !rest.iter().zip(DATA).all(|(byte, fixed)| *byte == fixed) {
        return Reading::Other;
    }
    match rest.split_at_checked(FRAME) {
        Some((_, message)) => login(message, bytes.len()),
        None => Reading::More,
    }
}

fn login(message: &[u8], length: usize) -> Reading<Message<'static>> {
    let mut cursor = Cursor(message);
    let (speaker, login) = match cursor.u8() {
        Some(LOGIN) => (Speaker::Client, Some(Login::Tried)),
        Some(LOGIN_ANSWER) => (Speaker::Server, None),
        Some(_) => return Reading::Other,
        None => return Reading::More,
    };
    let mut zeros = cursor.0.iter().take(6);
    if !zeros.all(|byte| *byte == 0) {
        return Reading::Other;
    }
    match (cursor.array().map(u64::from_be_bytes), cursor.array()) {
        (None, _) => Reading::More,
        (Some(2..=JSON_MAX), Some([b'{', b'"'])) => {
            Reading::Found(Message { length, speaker: Some(speaker), login, ..Message::default() })
        }
        (Some(2..=JSON_MAX), None) if cursor.0.len() < 2 => Reading::More,
        (Some(_), _) => Reading::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = b"o\0\0\0\0\0\0\0\x30{\"version\":\"0.34.0\",\"hostname\":\"\",\"os\":\"linux\"";

    #[test]
    fn a_login_is_seen_with_and_without_the_multiplexer() {
        let multiplexed = [&WINDOW_UPDATE_SYN[..], &[0; 4], &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 57], JSON].concat();
        for bytes in [JSON, &multiplexed] {
            let Reading::Found(found) = read(bytes) else { panic!("not read") };
            assert_eq!((found.speaker, found.login), (Some(Speaker::Client), Some(Login::Tried)));
            assert_eq!(read(&bytes[..6]), Reading::More);
        }
        assert!(matches!(read(b"\x17\x16\x03\x01\x02"), Reading::Found(_)));
    }

    #[test]
    fn tls_and_text_are_others() {
        assert_eq!(read(b"\x17\x03\x03\0\x20"), Reading::Other);
        assert_eq!(read(b"ok 200 ready"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        crate::inspect::hostile::withstands(read, JSON);
    }
}
