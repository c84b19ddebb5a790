//! X11: the setup of a connection (X Window System Protocol 11, chapter 8 and appendix B). What follows depends on the
//! byte order that only the setup tells, and is not read. The head is 12 bytes of a setup, 8 of the answer.

use super::{Carrier, Login, Message, Protocol, Reading, Speaker};

const PORT_COUNT: usize = 64;
const PORTS: [u16; PORT_COUNT] = displays();

/// Displays 0 to 63.
pub const PROTOCOL: Protocol = Protocol { name: "x11", carrier: Carrier::Stream, ports: &PORTS, read };

const fn displays() -> [u16; PORT_COUNT] {
    let mut ports = [6000; PORT_COUNT];
    let mut rest: &mut [u16] = &mut ports;
    let mut port = 6000;
    while let Some((first, others)) = rest.split_first_mut() {
        *first = port;
        port += 1;
        rest = others;
    }
    ports
}

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    match bytes {
        [b'B' | b'l', 0, ..] => setup(bytes),
        [0..=2, _, ..] => answer(bytes),
        [] | [b'B' | b'l' | 0..=2] => Reading::More,
        _ => Reading::Other,
    }
}

/// Byte order, version 11.0, and the lengths of what authorises the client.
fn setup(bytes: &[u8]) -> Reading<Message<'_>> {
    let &[order, _, a, b, c, d, e, f, g, h, _, _, ..] = bytes else { return Reading::More };
    let number =
        |high, low| if order == b'B' { u16::from_be_bytes([high, low]) } else { u16::from_le_bytes([high, low]) };
    let (name, data) = (usize::from(number(e, f)), usize::from(number(g, h)));
    if number(a, b) != 11 || number(c, d) != 0 || name > 64 || data > 1024 {
        return Reading::Other;
    }
    let length = 12 + name.next_multiple_of(4) + data.next_multiple_of(4);
    Reading::Found(Message { length, speaker: Some(Speaker::Client), login: Some(Login::Tried), ..Message::default() })
}

/// Failed, success, or authenticate; the length in units of four bytes. The version tells the byte order.
fn answer(bytes: &[u8]) -> Reading<Message<'_>> {
    let &[status, _, a, b, c, d, e, f, ..] = bytes else { return Reading::More };
    let units = match (status, [a, b, c, d]) {
        (0 | 1, [0, 11, 0, 0]) => u16::from_be_bytes([e, f]),
        (0 | 1, [11, 0, 0, 0]) => u16::from_le_bytes([e, f]),
        (2, [0, 0, 0, 0]) => u16::from_be_bytes([e, f]).min(u16::from_le_bytes([e, f])),
        _ => return Reading::Other,
    };
    if status == 2 && !(1..=64).contains(&units) {
        return Reading::Other;
    }
    let login = match status {
        0 => Login::Refused,
        1 => Login::Granted,
        _ => Login::Tried,
    };
    let length = 8 + 4 * usize::from(units);
    Reading::Found(Message { length, speaker: Some(Speaker::Server), login: Some(login), ..Message::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_sets_up_in_either_byte_order() {
        for head in [[b'B', 0, 0, 11, 0, 0, 0, 18, 0, 16, 0, 0], [b'l', 0, 11, 0, 0, 0, 18, 0, 16, 0, 0, 0]] {
            assert!(matches!(read(&head), Reading::Found(Message { length: 48, login: Some(Login::Tried), .. })));
        }
        assert_eq!(PROTOCOL.ports.last(), Some(&6063));
    }

    #[test]
    fn the_server_lets_it_in_or_not() {
        let login = |bytes: &'static [u8]| read(bytes).map(|found| found.login);
        assert_eq!(login(&[1, 0, 0, 11, 0, 0, 0, 40]), Reading::Found(Some(Login::Granted)));
        assert_eq!(login(&[0, 22, 11, 0, 0, 0, 6, 0]), Reading::Found(Some(Login::Refused)));
        assert_eq!(login(&[1, 0, 0]), Reading::More);
        assert_eq!(login(&[1, 0, 0, 12, 0, 0, 0, 40]), Reading::Other);
        assert_eq!(login(b"GET / HTTP/1.1"), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &[b'B', 0, 0, 11, 0, 0, 0, 18, 0, 16, 0, 0]);
    }
}
