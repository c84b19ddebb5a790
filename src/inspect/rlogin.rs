//! rlogin (RFC 1282): the client's three names, each ended by a zero; the server's zero. The head is 65 bytes.
//!
//! Of what is typed and shown behind it, only the login is read, as in Telnet.

use super::text::words;
use super::{Carrier, Login, Message, Protocol, Reading, Speaker, telnet};

/// Its port.
pub const PROTOCOL: Protocol = Protocol { name: "rlogin", carrier: Carrier::Stream, ports: &[513], read };

const HEAD: usize = 64;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match bytes {
        [] => Reading::More,
        [0, names @ ..] if !names.is_empty() && !matches!(names, [0x80, ..]) => opening(bytes, names),
        _ => Reading::Found(Message { length: bytes.len(), login: telnet::login(bytes), ..Message::default() }),
    }
}

/// Zero, client's user, server's user, terminal and speed. One zero alone is the server's.
fn opening<'a>(bytes: &'a [u8], names: &'a [u8]) -> Reading<Message<'a>> {
    let names = names.get(..HEAD).unwrap_or(names);
    let ended = names.iter().filter(|byte| **byte == 0).count();
    let mut parts = names.split(|byte| *byte == 0);
    let (Some(_), Some(user), terminal) = (parts.next(), parts.next(), parts.next()) else {
        return if names.len() < HEAD { Reading::More } else { Reading::Other };
    };
    if ended < 3 {
        return if names.len() < HEAD { Reading::More } else { Reading::Other };
    }
    if !terminal.is_some_and(|it| it.iter().all(|byte| byte.is_ascii_graphic())) {
        return Reading::Other;
    }
    Reading::Found(Message {
        length: bytes.len(),
        speaker: Some(Speaker::Client),
        login: Some(Login::Tried),
        detail: words(user),
        ..Message::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_says_as_whom_it_logs_in() {
        let Reading::Found(found) = read(b"\0local\0operator\0vt100/9600\0") else { panic!("not read") };
        assert_eq!((found.login, found.detail), (Some(Login::Tried), Some("operator")));
        assert_eq!(read(b"\0local\0oper"), Reading::More);
    }

    #[test]
    fn the_rest_is_passed_over() {
        assert!(matches!(read(b"\0"), Reading::Found(Message { length: 1, login: None, .. })));
        assert!(matches!(read(b"ls\r"), Reading::Found(Message { length: 3, login: None, .. })));
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"\0local\0operator\0vt100/9600\0");
    }
}
