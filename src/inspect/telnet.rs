//! Telnet: negotiation at the beginning of a direction (RFC 854), and who is the terminal by what is negotiated.
//!
//! As messages a segment is one. A login shows in what hosts commonly print; a prompt that ends a segment is taken for the
//! shell's. A program that prints the same words is taken for a login, so this holds for Telnet's own ports only.

use super::cursor::Cursor;
use super::{Carrier, Login, Message, Protocol, Reading, Speaker};

/// Its ports.
pub const PROTOCOL: Protocol = Protocol { name: "telnet", carrier: Carrier::Stream, ports: &[23, 2323], read };

/// Bytes at either end of a segment in which words are looked for.
const LOOKED_AT: usize = 512;

const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;

const ECHO: u8 = 1;
/// Options only a terminal has: type (RFC 1091), window size (1073), speed (1079), X display (1096), environment (1408,
/// 1572).
const OF_TERMINAL: [u8; 6] = [24, 31, 32, 35, 36, 39];
/// Highest option assigned below the experimental ones (IANA, Telnet Options).
const OPTION_MAX: u8 = 49;

/// Whether a direction begins with negotiation.
#[must_use]
pub fn telnet(prefix: &[u8]) -> Reading<()> {
    match *prefix {
        [] | [IAC] => Reading::More,
        [IAC, SUBNEGOTIATION..=DONT] => Reading::More,
        [IAC, SUBNEGOTIATION..=DONT, 0..=OPTION_MAX, ..] => Reading::Found(()),
        _ => Reading::Other,
    }
}

/// Who sent a direction, by the first negotiation only one end has reason to send.
#[must_use]
pub fn speaker(prefix: &[u8]) -> Reading<Speaker> {
    let mut cursor = Cursor(prefix);
    loop {
        let negotiation = match cursor.0 {
            [] | [IAC] | [IAC, WILL..=DONT] => return Reading::More,
            &[IAC, verb @ WILL..=DONT, option, ..] => Some((verb, option)),
            [IAC, SUBNEGOTIATION, ..] => None,
            _ => return Reading::Other,
        };
        match negotiation {
            Some((WILL, ECHO)) => return Reading::Found(Speaker::Server),
            Some((DO | DONT, option)) if OF_TERMINAL.contains(&option) => return Reading::Found(Speaker::Server),
            Some((DO | DONT, ECHO)) => return Reading::Found(Speaker::Client),
            Some((WILL | WONT, option)) if OF_TERMINAL.contains(&option) => return Reading::Found(Speaker::Client),
            _ => {}
        }
        let length = if negotiation.is_some() { Some(3) } else { subnegotiation(cursor.0) };
        if length.and_then(|length| cursor.take(length)).is_none() {
            return Reading::More;
        }
    }
}

/// Bytes up to and with IAC SE.
fn subnegotiation(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == [IAC, 240]).map(|at| at + 2)
}

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let found = Message { length: bytes.len(), ..Message::default() };
    match bytes {
        [] => return Reading::More,
        [IAC, SUBNEGOTIATION..=DONT, 0..=OPTION_MAX, ..] => {}
        [IAC, ..] if bytes.len() < 3 => return Reading::More,
        [IAC, 240..=249, ..] => {}
        _ if is_text(bytes) => {}
        _ => return Reading::Other,
    }
    let negotiated = match speaker(bytes) {
        Reading::Found(speaker) => Some(speaker),
        Reading::More | Reading::Other => None,
    };
    let login = login(bytes);
    Reading::Found(Message { speaker: login.map(|_| Speaker::Server).or(negotiated), login, ..found })
}

/// The first bytes are printable, of a terminal's control codes, or negotiation.
fn is_text(bytes: &[u8]) -> bool {
    let fits = |byte: &u8| matches!(*byte, 0 | 3 | 4 | 7..=13 | 0x1b | b' '..=0x7f | 0xa0..=0xf4 | IAC);
    bytes.iter().take(64).all(fits)
}

/// What a host prints of a login.
pub(super) fn login(bytes: &[u8]) -> Option<Login> {
    let head = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let tail = bytes.get(bytes.len().saturating_sub(LOOKED_AT)..).unwrap_or(bytes).trim_ascii_end();
    let says = |words: &&[u8]| {
        [head, tail].iter().any(|part| part.windows(words.len()).any(|it| it.eq_ignore_ascii_case(words)))
    };
    let ends = |words: &&[u8]| {
        tail.len()
            .checked_sub(words.len())
            .is_some_and(|at| tail.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(words)))
    };
    let refusals: [&[u8]; 7] = [
        b"login incorrect",
        b"authentication failed",
        b"access denied",
        b"login failed",
        b"bad password",
        b"login invalid",
        b"incorrect password",
    ];
    let questions: [&[u8]; 4] = [b"login:", b"username:", b"password:", b"user name:"];
    // A welcome is printed before the login as often as after it.
    let welcomes: [&[u8]; 1] = [b"last login"];
    if refusals.iter().any(&says) {
        Some(Login::Refused)
    } else if questions.iter().any(ends) {
        Some(Login::Tried)
    } else if welcomes.iter().any(says) || is_prompt(tail) || matches!(bytes, [b'$' | b'#' | b'>', b' ']) {
        Some(Login::Granted)
    } else {
        None
    }
}

/// A last line of a host's or user's name and one of the marks shells end with. One mark alone is an echo.
fn is_prompt(tail: &[u8]) -> bool {
    let line = tail.rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or(tail);
    matches!(line, [b'!'..=b'~', .., b'$' | b'#' | b'>']) && line.len() <= 80 && line.len() < tail.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_followed_by_what_the_host_prints() {
        let login = |text: &str| match read(text.as_bytes()) {
            Reading::Found(found) => found.login,
            Reading::More | Reading::Other => panic!("not read"),
        };
        assert_eq!(login("\r\nplc1 login: "), Some(Login::Tried));
        assert_eq!(login("Password: "), Some(Login::Tried));
        assert_eq!(login("\r\nLogin incorrect\r\nlogin: "), Some(Login::Refused));
        assert_eq!(login("Last login: Mon\r\n"), Some(Login::Granted));
        assert_eq!(login("\r\nBusyBox v1.2\r\nroot@plc1:~# "), Some(Login::Granted));
        assert_eq!(login("ls -l\r\n"), None);
        assert_eq!((login("#"), login("# ")), (None, Some(Login::Granted)));
    }

    #[test]
    fn a_segment_is_a_message_and_binary_is_none() {
        assert!(matches!(
            read(&[IAC, DO, 24, IAC, DO, 3]),
            Reading::Found(Message { length: 6, speaker: Some(Speaker::Server), .. })
        ));
        assert_eq!(read(&[IAC, DO]), Reading::More);
        assert_eq!(read(&[0x16, 3, 1, 2, 0, 1]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, b"\xff\xfb\x01\r\nlogin: ");
    }

    #[test]
    fn the_terminal_is_told_from_the_host_by_what_they_negotiate() {
        assert_eq!(speaker(&[IAC, DO, 3, IAC, DO, 24]), Reading::Found(Speaker::Server));
        assert_eq!(speaker(&[IAC, SUBNEGOTIATION, 3, 1, IAC, 240, IAC, WILL, 31]), Reading::Found(Speaker::Client));
        assert_eq!(speaker(&[IAC, WILL, 3, IAC]), Reading::More);
        assert_eq!(speaker(b"\xff\xfb\x03login: "), Reading::Other);
    }

    #[test]
    fn text_is_no_negotiation() {
        assert_eq!(telnet(&[IAC, DO, 3]), Reading::Found(()));
        assert_eq!(telnet(&[IAC, DO, 200]), Reading::Other);
        assert_eq!(telnet(b"login: "), Reading::Other);
    }
}
