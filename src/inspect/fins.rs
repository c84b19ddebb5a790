//! Omron FINS over UDP and TCP (Omron W342, section 5; FINS/TCP: W420, section 7): what a frame asks of a controller.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Program, Read, Write};

/// FINS/TCP; a head of 28 bytes is enough.
pub const PROTOCOL: Protocol = Protocol { name: "fins", carrier: Carrier::Stream, ports: &[], read: stream };

/// FINS over UDP.
pub const DATAGRAM: Protocol = Protocol { name: "fins", carrier: Carrier::Datagram, ports: &[9600], read: datagram };

const MAGIC: &[u8; 4] = b"FINS";
const LENGTH_MAX: u32 = 4096;

/// A message with the header that TCP needs.
fn stream(bytes: &[u8]) -> Reading<Message<'_>> {
    tcp(bytes).unwrap_or(Reading::More)
}

fn tcp(bytes: &[u8]) -> Option<Reading<Message<'_>>> {
    let mut cursor = Cursor(bytes);
    if !bytes.iter().zip(MAGIC).all(|(byte, expected)| byte == expected) {
        return Some(Reading::Other);
    }
    cursor.take(MAGIC.len())?;
    let (length, command, _error) = (cursor.be32()?, cursor.be32()?, cursor.be32()?);
    let whole = 8 + usize::try_from(length).ok()?;
    let told = |speaker| Reading::Found(Message { length: whole, speaker, ..Message::default() });
    Some(match (command, length) {
        (0, 8..=12) => told(Some(Speaker::Client)),
        (1, 8..=16) => told(Some(Speaker::Server)),
        (2, 20..=LENGTH_MAX) => frame(cursor)?.map(|message| Message { length: whole, ..message }),
        (3 | 6, 8..=LENGTH_MAX) => told(None),
        _ => Reading::Other,
    })
}

/// The datagram.
fn datagram(bytes: &[u8]) -> Reading<Message<'_>> {
    frame(Cursor(bytes)).unwrap_or(Reading::More).map(|message| Message { length: bytes.len(), ..message })
}

/// Control field, gateways, addresses and number, then the command.
fn frame<'a>(mut cursor: Cursor<'_>) -> Option<Reading<Message<'a>>> {
    let (control, reserved, gateways) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
    let _addresses_and_number = cursor.array::<7>()?;
    let code = cursor.be16()?;
    let known = named(code);
    if control & 0xbe != 0x80 || reserved != 0 || gateways > 7 || known.is_none() {
        return Some(Reading::Other);
    }
    let answers = control & 0x40 != 0;
    let speaker = Some(if answers { Speaker::Server } else { Speaker::Client });
    let command = known.filter(|_| !answers).map(|(kind, function)| Command { kind, function });
    Some(Reading::Found(Message { speaker, command, ..Message::default() }))
}

fn named(code: u16) -> Option<(CommandKind, &'static str)> {
    Some(match code {
        0x0101 => (Read, "memory area read"),
        0x0102 => (Write, "memory area write"),
        0x0103 => (Write, "memory area fill"),
        0x0104 => (Read, "multiple memory area read"),
        0x0105 => (Write, "memory area transfer"),
        0x0201 => (Read, "parameter area read"),
        0x0202 => (Write, "parameter area write"),
        0x0203 => (Write, "parameter area clear"),
        0x0220 => (Read, "data link table read"),
        0x0221 => (Write, "data link table write"),
        0x0304 => (Program, "program area protect"),
        0x0305 => (Program, "program area protect clear"),
        0x0306 => (Read, "program area read"),
        0x0307 => (Program, "program area write"),
        0x0308 => (Program, "program area clear"),
        0x0401 => (Control, "run"),
        0x0402 => (Control, "stop"),
        0x0403 => (Control, "reset"),
        0x0501 => (Read, "controller data read"),
        0x0502 => (Read, "connection data read"),
        0x0601 => (Read, "controller status read"),
        0x0602 => (Read, "network status read"),
        0x0603 => (Read, "data link status read"),
        0x0620 => (Read, "cycle time read"),
        0x0701 => (Read, "clock read"),
        0x0702 => (Write, "clock write"),
        0x0801 => (Read, "loop-back test"),
        0x0802 => (Read, "broadcast test results read"),
        0x0803 => (Read, "broadcast test data send"),
        0x0920 => (Read, "message read"),
        0x0c01 => (Write, "access right acquire"),
        0x0c02 => (Write, "access right forced acquire"),
        0x0c03 => (Write, "access right release"),
        0x2101 => (Write, "error clear"),
        0x2102 => (Read, "error log read"),
        0x2103 => (Write, "error log clear"),
        0x2201 => (Read, "file name read"),
        0x2202 => (Read, "single file read"),
        0x2203 => (Write, "single file write"),
        0x2204 => (Write, "memory card format"),
        0x2205 => (Write, "file delete"),
        0x2206 => (Write, "volume label create/delete"),
        0x2207 => (Write, "file copy"),
        0x2208 => (Write, "file name change"),
        0x2209 => (Read, "file data check"),
        0x220a | 0x220b => (Write, "area file transfer"),
        0x220c => (Program, "program area file transfer"),
        0x220f | 0x2210 => (Read, "file memory read"),
        0x2211 => (Write, "file memory write"),
        0x2301 => (Control, "forced set/reset"),
        0x2302 => (Control, "forced set/reset cancel"),
        0x230a => (Read, "multiple forced status read"),
        0x2601 => (Write, "name set"),
        0x2602 => (Write, "name delete"),
        0x2603 => (Read, "name read"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(control: u8, code: u16) -> Vec<u8> {
        [&[control, 0, 2, 0, 0, 0, 0, 0x63, 0, 0xef][..], &code.to_be_bytes(), &[1, 0]].concat()
    }

    fn told(message: Reading<Message<'_>>) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let Reading::Found(found) = message else { panic!("not read") };
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_command_is_told_from_its_response() {
        let client = Some(Speaker::Client);
        assert_eq!(told(datagram(&frame(0x80, 0x0101))), (client, Some((Read, "memory area read"))));
        assert_eq!(told(datagram(&frame(0x81, 0x0102))), (client, Some((Write, "memory area write"))));
        assert_eq!(told(datagram(&frame(0x80, 0x0402))), (client, Some((Control, "stop"))));
        assert_eq!(told(datagram(&frame(0x80, 0x0307))), (client, Some((Program, "program area write"))));
        assert_eq!(told(datagram(&frame(0xc0, 0x0402))), (Some(Speaker::Server), None));
    }

    #[test]
    fn over_tcp_a_header_says_the_length() {
        let frame = frame(0x80, 0x0402);
        let head = [&MAGIC[..], &[0, 0, 0, 8 + frame.len() as u8, 0, 0, 0, 2, 0, 0, 0, 0]].concat();
        let bytes = [head, frame].concat();
        let Reading::Found(found) = stream(&bytes) else { panic!("not read") };
        assert_eq!((found.length, found.command.map(|it| it.kind)), (bytes.len(), Some(Control)));
        assert_eq!(stream(&bytes[..27]), Reading::More);
        assert_eq!(stream(b"FIN wait"), Reading::Other);
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(datagram(&frame(0x80, 0x0999)), Reading::Other);
        assert_eq!(datagram(&[0x80; 20]), Reading::Other);
        assert_eq!(datagram(&frame(0x80, 0x0402)[..11]), Reading::More);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 1..64)) {
            let tcp = [&MAGIC[..], &bytes].concat();
            bytes[0] = 0x80;
            for read in [datagram(&bytes), stream(&tcp)] {
                if let Reading::Found(found) = read {
                    proptest::prop_assert!(found.length > 0);
                }
            }
        }
    }
}
