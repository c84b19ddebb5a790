//! Telnet: negotiation at the beginning of a direction (RFC 854), and who is the terminal by what is negotiated.

use super::cursor::Cursor;
use super::{Reading, Speaker};

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

#[cfg(test)]
mod tests {
    use super::*;

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
