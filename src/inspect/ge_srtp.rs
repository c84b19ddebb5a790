//! GE's service request transport protocol (as Denton, Karpisek, Breitinger and Baggili describe it in "Leveraging the
//! SRTP protocol for over-the-network memory acquisition of a GE Fanuc Series 90-30", DFRWS 2017).
//!
//! It has no fixed bytes to know it by, so it is read on its own port. No capture was at hand to hold this against.

use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// GE SRTP; a head of 56 bytes is enough.
pub const PROTOCOL: Protocol = Protocol { name: "ge-srtp", carrier: Carrier::Stream, ports: &[18245], read };

const HEADER: usize = 56;
/// Longest text behind the header.
const TEXT_MAX: usize = 8192;
const SHORT_REQUEST: u8 = 0xc0;
const REQUEST_WITH_TEXT: u8 = 0x80;
const LOGON: u8 = 0x20;
const PRIVILEGE: u8 = 0x21;

/// The message that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    if bytes.first().is_some_and(|kind| !matches!(kind, 0..=3)) || bytes.get(1).is_some_and(|zero| *zero != 0) {
        return Reading::Other;
    }
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Reading::More };
    let text = usize::from(u16::from_le_bytes([header[4], header[5]]));
    let message = Message { length: HEADER + text, ..Message::default() };
    let service = match header[31] {
        SHORT_REQUEST => header[42],
        REQUEST_WITH_TEXT => header[50],
        _ => u8::MAX,
    };
    match header[0] {
        0 if header.iter().all(|byte| *byte == 0) => {
            Reading::Found(Message { speaker: Some(Speaker::Client), ..message })
        }
        2 if text <= TEXT_MAX && service != u8::MAX => {
            let login = matches!(service, LOGON | PRIVILEGE).then_some(Login::Tried);
            let command = named(service).map(|(kind, function)| Command { kind, function });
            Reading::Found(Message { speaker: Some(Speaker::Client), command, login, ..message })
        }
        1 if text == 0 => Reading::Found(Message { speaker: Some(Speaker::Server), ..message }),
        3 if text <= TEXT_MAX => Reading::Found(Message { speaker: Some(Speaker::Server), ..message }),
        _ => Reading::Other,
    }
}

fn named(service: u8) -> Option<(CommandKind, &'static str)> {
    Some(match service {
        0x00 => (Read, "plc short status"),
        0x03 => (Read, "return control program names"),
        0x04 => (Read, "read system memory"),
        0x05 => (Read, "read task memory"),
        0x06 => (Read, "read program memory"),
        0x07 => (Write, "write system memory"),
        0x08 => (Write, "write task memory"),
        0x09 => (Program, "write program block memory"),
        LOGON => (Read, "programmer logon"),
        PRIVILEGE => (Write, "change privilege level"),
        0x22 => (Write, "set control id"),
        0x23 => (Control, "set plc state"),
        0x24 => (Write, "set plc time"),
        0x25 => (Read, "return plc time"),
        0x38 => (Read, "return fault table"),
        0x39 => (Write, "clear fault table"),
        0x3f => (Read, "program store"),
        0x40 => (Program, "program load"),
        0x43 => (Read, "return controller type and id"),
        0x44 => (Control, "toggle force system memory"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, service: u8) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        (bytes[0], bytes[31], bytes[42]) = (kind, SHORT_REQUEST, service);
        bytes
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_request_is_told_from_its_response() {
        let client = Some(Speaker::Client);
        assert_eq!(told(&[0; HEADER]), (client, None));
        assert_eq!(told(&message(2, 0x04)), (client, Some((Read, "read system memory"))));
        assert_eq!(told(&message(2, 0x07)), (client, Some((Write, "write system memory"))));
        assert_eq!(told(&message(2, 0x23)), (client, Some((Control, "set plc state"))));
        assert_eq!(told(&message(2, 0x40)), (client, Some((Program, "program load"))));
        assert_eq!(told(&message(3, 0x40)), (Some(Speaker::Server), None));
    }

    #[test]
    fn a_cut_head_waits_and_other_bytes_are_refused() {
        assert_eq!(read(&message(2, 4)[..40]), Reading::More);
        assert_eq!(read(&message(0, 4)), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..99)) {
            bytes.iter_mut().take(2).for_each(|byte| *byte &= 3);
            if let Reading::Found(found) = read(&bytes) {
                proptest::prop_assert!(found.length > 0);
            }
        }
    }
}
