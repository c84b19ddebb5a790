//! OPC UA connection protocol (OPC 10000-6, sections 5.2, 6.7 and 7.1; service identifiers of OPC 10000-6, annex A.3).
//!
//! Without encryption the service a message asks for is its first field. Encrypted messages have something else there,
//! which is a known identifier once in a billion.

use super::cursor::Cursor;
use super::message::cut_off;
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};
use CommandKind::{Control, Read, Write};

/// OPC UA over TCP; a head of 44 bytes is enough, to open a channel of 80.
pub const PROTOCOL: Protocol = Protocol { name: "opcua", carrier: Carrier::Stream, ports: &[], read };

const HEADER: usize = 8;
const LENGTH_MAX: usize = 1 << 24;
/// Length of `http://opcfoundation.org/UA/SecurityPolicy#Aes256_Sha256_RsaPss`, the longest known, and some more.
const POLICY_MAX: u32 = 64;
const ACTIVATE_SESSION: u16 = 467;
const FAULT: u16 = 397;
/// Identity token invalid or rejected, user access denied.
const REFUSALS: [u32; 3] = [0x8020_0000, 0x8021_0000, 0x801f_0000];

/// The message that begins with the first byte.
fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    header(bytes).unwrap_or(Reading::More)
}

fn header(bytes: &[u8]) -> Option<Reading<Message<'_>>> {
    let mut cursor = Cursor(bytes);
    let kinds = [b"HEL", b"ACK", b"ERR", b"RHE", b"OPN", b"MSG", b"CLO"];
    let begins = |kind: &&[u8; 3]| kind.iter().zip(bytes).all(|(expected, byte)| expected == byte);
    if !kinds.iter().any(begins) {
        return Some(Reading::Other);
    }
    let (kind, chunk) = (cursor.array::<3>()?, cursor.u8()?);
    let length = usize::try_from(u32::from_le_bytes(cursor.array()?)).unwrap_or(usize::MAX);
    let chunked = kind == *b"MSG" && matches!(chunk, b'C' | b'A');
    if !(16..=LENGTH_MAX).contains(&length) || !(chunk == b'F' || chunked) {
        return Some(Reading::Other);
    }
    let message = Message { length, ..Message::default() };
    let told = |speaker| Reading::Found(Message { speaker: Some(speaker), ..message });
    let read = match &kind {
        b"HEL" => url_ends(cursor, 20, length)?.map(|()| Speaker::Client).map_or(Reading::Other, told),
        b"RHE" => told(Speaker::Server),
        b"ACK" if length == 28 => told(Speaker::Server),
        b"ERR" => url_ends(cursor, 4, length)?.map(|()| Speaker::Server).map_or(Reading::Other, told),
        b"CLO" if length >= 24 => told(Speaker::Client),
        b"OPN" => open(cursor, message)?,
        b"MSG" if length >= 26 => return Some(service(bytes, cursor, message)),
        _ => Reading::Other,
    };
    Some(read)
}

/// The text behind `fixed` bytes ends with the message.
fn url_ends(mut cursor: Cursor<'_>, fixed: usize, length: usize) -> Option<Option<()>> {
    cursor.take(fixed)?;
    let text = u32::from_le_bytes(cursor.array()?);
    let text = if text == u32::MAX { Some(0) } else { usize::try_from(text).ok() };
    Some(text.filter(|text| HEADER + fixed + 4 + text == length).map(drop))
}

/// A secure channel: its first request has no number yet; the policy says whether what follows is readable.
fn open<'a>(mut cursor: Cursor<'a>, message: Message<'a>) -> Option<Reading<Message<'a>>> {
    let channel = cursor.be32()?;
    let policy = u32::from_le_bytes(cursor.array()?);
    if !(1..=POLICY_MAX).contains(&policy) {
        return Some(Reading::Other);
    }
    let policy = str::from_utf8(cursor.take(usize::try_from(policy).ok()?)?).ok();
    let Some(policy) = policy.filter(|policy| policy.starts_with("http://opcfoundation.org/UA/SecurityPolicy#")) else {
        return Some(Reading::Other);
    };
    let speaker = (channel == 0).then_some(Speaker::Client);
    Some(Reading::Found(Message { speaker, detail: policy.rsplit('#').next(), ..message }))
}

fn service<'a>(bytes: &[u8], mut cursor: Cursor<'_>, message: Message<'a>) -> Reading<Message<'a>> {
    let whole = message.length;
    let Some(_channel_token_sequence_request) = cursor.array::<16>() else { return Reading::More };
    let node = (cursor.u8(), cursor.u8(), cursor.array().map(u16::from_le_bytes));
    let (Some(1), Some(0), Some(id)) = node else {
        let cut = node.0.is_none_or(|encoding| encoding == 1) && node.1.is_none_or(|namespace| namespace == 0);
        let more = cut && cut_off::<()>(bytes, whole.min(28)) == Reading::More;
        return if more { Reading::More } else { Reading::Found(message) };
    };
    if let Some((kind, function)) = named(id) {
        let (speaker, command) = (Some(Speaker::Client), Some(Command { kind, function }));
        let login = (id == ACTIVATE_SESSION).then_some(Login::Tried);
        return Reading::Found(Message { speaker, command: command.filter(|_| login.is_none()), login, ..message });
    }
    if id != FAULT && id.checked_sub(3).and_then(named).is_none() {
        return Reading::Found(message);
    }
    let message = Message { speaker: Some(Speaker::Server), ..message };
    if !matches!(id, FAULT | 470) {
        return Reading::Found(message);
    }
    let Some(_time_and_handle) = cursor.take(12) else { return unless_whole(bytes, message) };
    let Some(result) = cursor.array().map(u32::from_le_bytes) else { return unless_whole(bytes, message) };
    let login = match (id, result) {
        (FAULT, _) => REFUSALS.contains(&result).then_some(Login::Refused),
        (_, 0) => Some(Login::Granted),
        _ => Some(Login::Refused),
    };
    Reading::Found(Message { login, ..message })
}

fn unless_whole<'a>(bytes: &[u8], message: Message<'a>) -> Reading<Message<'a>> {
    match cut_off::<()>(bytes, message.length) {
        Reading::More => Reading::More,
        Reading::Other | Reading::Found(()) => Reading::Found(message),
    }
}

/// Requests by the identifier of their binary encoding; the response's is three more.
fn named(id: u16) -> Option<(CommandKind, &'static str)> {
    Some(match id {
        422 => (Read, "find servers"),
        12208 => (Read, "find servers on network"),
        428 => (Read, "get endpoints"),
        437 => (Write, "register server"),
        12211 => (Write, "register server 2"),
        461 => (Read, "create session"),
        ACTIVATE_SESSION => (Read, "activate session"),
        473 => (Read, "close session"),
        479 => (Read, "cancel"),
        488 => (Write, "add nodes"),
        494 => (Write, "add references"),
        500 => (Write, "delete nodes"),
        506 => (Write, "delete references"),
        527 => (Read, "browse"),
        533 => (Read, "browse next"),
        554 => (Read, "translate browse paths to node ids"),
        560 => (Read, "register nodes"),
        566 => (Read, "unregister nodes"),
        615 => (Read, "query first"),
        621 => (Read, "query next"),
        631 => (Read, "read"),
        664 => (Read, "history read"),
        673 => (Write, "write"),
        700 => (Write, "history update"),
        712 => (Control, "call"),
        751 => (Read, "create monitored items"),
        763 => (Read, "modify monitored items"),
        769 => (Read, "set monitoring mode"),
        775 => (Read, "set triggering"),
        781 => (Read, "delete monitored items"),
        787 => (Read, "create subscription"),
        793 => (Read, "modify subscription"),
        799 => (Read, "set publishing mode"),
        826 => (Read, "publish"),
        832 => (Read, "republish"),
        841 => (Read, "transfer subscriptions"),
        847 => (Read, "delete subscriptions"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&kind[..], &(8 + body.len() as u32).to_le_bytes(), body].concat()
    }

    fn service(id: u16, rest: &[u8]) -> Vec<u8> {
        message(b"MSGF", &[&[7; 16][..], &[1, 0], &id.to_le_bytes(), rest].concat())
    }

    fn found(bytes: &[u8]) -> Message<'_> {
        let Reading::Found(found) = read(bytes) else { panic!("not read: {bytes:x?}") };
        assert_eq!(found.length, bytes.len());
        found
    }

    fn told(bytes: &[u8]) -> (Option<Speaker>, Option<(CommandKind, &'static str)>) {
        let found = found(bytes);
        (found.speaker, found.command.map(|it| (it.kind, it.function)))
    }

    #[test]
    fn each_kind_of_request_is_told_from_its_response() {
        let client = Some(Speaker::Client);
        assert_eq!(told(&service(631, &[0; 16])), (client, Some((Read, "read"))));
        assert_eq!(told(&service(673, &[0; 16])), (client, Some((Write, "write"))));
        assert_eq!(told(&service(712, &[0; 16])), (client, Some((Control, "call"))));
        assert_eq!(told(&service(676, &[0; 16])), (Some(Speaker::Server), None));
        assert_eq!(told(&message(b"MSGF", &[0x5e; 40])), (None, None));
    }

    #[test]
    fn a_session_is_activated_or_refused() {
        assert_eq!(found(&service(467, &[0; 16])).login, Some(Login::Tried));
        assert_eq!(found(&service(470, &[0; 16])).login, Some(Login::Granted));
        let refused = [&[0; 12][..], &0x801f_0000_u32.to_le_bytes()].concat();
        assert_eq!(found(&service(397, &refused)).login, Some(Login::Refused));
    }

    #[test]
    fn a_channel_says_its_policy() {
        let hello = [&[0; 20][..], &14u32.to_le_bytes(), b"opc.tcp://h:48"].concat();
        assert_eq!(told(&message(b"HELF", &hello)), (Some(Speaker::Client), None));
        let policy = b"http://opcfoundation.org/UA/SecurityPolicy#None";
        let open = message(b"OPNF", &[&[0; 4][..], &47u32.to_le_bytes(), policy, &[0xff; 8]].concat());
        assert_eq!((found(&open).speaker, found(&open).detail), (Some(Speaker::Client), Some("None")));
    }

    #[test]
    fn a_cut_head_waits_and_other_bytes_are_refused() {
        assert_eq!(read(&service(673, &[0; 16])[..27]), Reading::More);
        assert_eq!(read(b"HE"), Reading::More);
        assert_eq!(read(b"HELO mail.example\r\n"), Reading::Other);
        assert_eq!(read(b"MSG alice :hello, how are you\r\n"), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(kind in 0usize..7, body in proptest::collection::vec(proptest::num::u8::ANY, 0..99)) {
            let kind = [b"HELF", b"ACKF", b"ERRF", b"RHEF", b"OPNF", b"MSGF", b"CLOF"][kind];
            if let Reading::Found(found) = read(&message(kind, &body)) {
                proptest::prop_assert!(found.length > 0);
            }
        }
    }
}
