//! Tuya's protocol in the local network, TCP 6668 and broadcasts on UDP 6666, 6667 (jasonacox/tinytuya, `core`): versions
//! 3.1 to 3.3 in frames `000055aa … 0000aa55`, from 3.4 on sealed, from 3.5 in frames `00006699 … 00009966`.
//!
//! The command's number is in the clear in all of them. To its cloud a device speaks MQTT, topics `smart/device/in/…` of
//! which `mqtt` names where they are not in TLS. The head is 24 bytes.

use super::cursor::Cursor;
use super::{Carrier, Command, CommandKind, Message, Protocol, Reading, Speaker};

/// Any port: a frame that is whole must end in its mark.
pub const STREAM: Protocol = Protocol { name: "tuya", carrier: Carrier::Stream, ports: &[], read };
/// Broadcasts of devices.
pub const DATAGRAM: Protocol = Protocol { name: "tuya", carrier: Carrier::Datagram, ports: &[], read };

const BEGIN: [u8; 4] = [0, 0, 0x55, 0xaa];
const END: [u8; 4] = [0, 0, 0xaa, 0x55];
const BEGIN_3_5: [u8; 4] = [0, 0, 0x66, 0x99];
const END_3_5: [u8; 4] = [0, 0, 0x99, 0x66];
const LENGTH_MAX: usize = 8 << 10;

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let begins = |mark: [u8; 4]| bytes.iter().zip(mark).all(|(byte, mark)| *byte == mark);
    let (end, reserved, behind) = match (begins(BEGIN), begins(BEGIN_3_5)) {
        (true, _) => (END, 0, 0),
        (_, true) => (END_3_5, 2, END_3_5.len()),
        _ => return Reading::Other,
    };
    let mut cursor = Cursor(bytes);
    let header = (cursor.take(4 + reserved + 4), cursor.be32(), cursor.be32());
    let (Some(_), Some(number), Some(length)) = header else { return Reading::More };
    let total = bytes.len() - cursor.0.len() + length as usize + behind;
    if number > 0xff || !(4..LENGTH_MAX).contains(&(length as usize)) {
        return Reading::Other;
    }
    if bytes.get(total - 4..total).is_some_and(|last| last != end) {
        return Reading::Other;
    }
    let Some(content) = cursor.array::<4>() else { return Reading::More };
    // An answer of the older versions begins with a code; in a sealed one who speaks is not seen.
    let answers = reserved == 0 && length > 8 && matches!(content, [0, 0, 0, 0 | 1]);
    let command = if answers { None } else { command(number) };
    let speaker = match number {
        _ if answers => Some(Speaker::Server),
        8 | 4 => Some(Speaker::Server),
        3 | 5 => Some(Speaker::Client),
        _ if reserved == 0 => command.map(|_| Speaker::Client),
        _ => None,
    };
    Reading::Found(Message { length: total, speaker, command, ..Message::default() })
}

fn command(number: u32) -> Option<Command> {
    let (kind, function) = match number {
        1 | 0x14 => (CommandKind::Write, "ap config"),
        6 => (CommandKind::Control, "unbind"),
        7 => (CommandKind::Control, "control"),
        0x0d => (CommandKind::Control, "control new"),
        0x0a | 0x10 => (CommandKind::Read, "dp query"),
        0x0b | 0x0f => (CommandKind::Read, "query wifi"),
        0x0e => (CommandKind::Write, "enable wifi"),
        0x11 => (CommandKind::Control, "scene execute"),
        0x12 => (CommandKind::Read, "update dps"),
        _ => return None,
    };
    Some(Command { kind, function })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u32 + 8).to_be_bytes();
        [&BEGIN[..], &[0, 0, 0, 1, 0, 0, 0, number], &length, content, &[1, 2, 3, 4], &END].concat()
    }

    fn frame_3_5(number: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u32).to_be_bytes();
        [&BEGIN_3_5[..], &[0, 0], &[0, 0, 0, 1, 0, 0, 0, number], &length, content, &END_3_5].concat()
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read") };
        assert_eq!(found.length, bytes.len());
        found
    }

    #[test]
    fn a_command_is_known_though_its_content_is_sealed() {
        assert_eq!(found(&frame(7, b"3.3\0\0\0\0")).command.map(|it| it.kind), Some(CommandKind::Control));
        assert_eq!(found(&frame(10, b"{\"gwId\":\"x\"}")).command.map(|it| it.kind), Some(CommandKind::Read));
        assert_eq!(found(&frame_3_5(0x0d, &[9; 40])).command.map(|it| it.function), Some("control new"));
    }

    #[test]
    fn an_answer_and_a_broadcast_command_nothing() {
        let answer = frame(7, &[0, 0, 0, 0, 9, 9]);
        assert_eq!((found(&answer).command, found(&answer).speaker), (None, Some(Speaker::Server)));
        assert_eq!(found(&frame(0x13, &[9; 32])).command, None);
    }

    #[test]
    fn a_wrong_end_is_none_and_a_cut_head_waits() {
        let mut wrong = frame(7, b"3.3");
        let last = wrong.len() - 1;
        wrong[last] = 0;
        assert_eq!(read(&wrong), Reading::Other);
        assert_eq!(read(&frame(7, b"3.3")[..15]), Reading::More);
        assert_eq!(read(&[0, 0, 0, 1]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &frame(7, b"3.3\0\0\0\0"));
        super::super::hostile::withstands(read, &frame_3_5(7, &[9; 16]));
    }
}
