//! MQTT 3.1, 3.1.1 and 5.0: the client's CONNECT, and what it subscribes to and publishes.
//!
//! Sources: OASIS MQTT 3.1.1, sections 3.1, 3.3 and 3.8; OASIS MQTT 5.0, the same sections.
//!
//! Packet by packet: a PUBLISH to a device is how its cloud commands it. The same packet carries telemetry the other way
//! and does not say which it is; who began the flow does. The head is 64 bytes, so that most topics are whole.

use super::cursor::Cursor;
use super::text::{text, words};
use super::{Carrier, Command, CommandKind, Login, Message, Protocol, Reading, Speaker};

/// Any port: a packet that could be another protocol's must be followed by the head of a packet or by nothing.
pub const PROTOCOL: Protocol = Protocol { name: "mqtt", carrier: Carrier::Stream, ports: &[], read };

/// Most topics kept of each kind.
pub const TOPICS_MAX: usize = 8;
const TEXT_MAX: usize = 256;

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 0x82;
const UNSUBSCRIBE: u8 = 0xa2;
const HEAD: usize = 64;
/// Property "topic alias" of version 5, which may stand for a topic (section 3.3.2.3.4).
const TOPIC_ALIAS: u8 = 0x23;

/// What the beginning of a direction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Who sent it: a CONNECT is the client's, a CONNACK the server's.
    pub speaker: Speaker,
    /// The client's CONNECT.
    pub connect: Option<Connect>,
    /// Different topics published to, at most [`TOPICS_MAX`]; it grows with the bytes read. From the server: what the
    /// client is sent.
    pub published: Vec<String>,
    /// Different topic filters subscribed to, at most [`TOPICS_MAX`]; it grows with the bytes read.
    pub subscribed: Vec<String>,
}

/// A CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Protocol level: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0; a bridge sets the top bit, which is dropped.
    pub level: u8,
    /// Client identifier; may be empty.
    pub client_id: String,
    /// A user name is given.
    pub has_username: bool,
}

/// The beginning of either direction.
#[must_use]
pub fn mqtt(prefix: &[u8]) -> Reading<Mqtt> {
    let mut packets = Packets(Cursor(prefix));
    let first = match packets.read() {
        Reading::Found(first) => first,
        Reading::More if may_open(prefix) => return Reading::More,
        Reading::More | Reading::Other => return Reading::Other,
    };
    let (speaker, connect) = match first.head {
        CONNECT => (Speaker::Client, connect(first.body)),
        CONNACK if is_connack(first.body) => (Speaker::Server, None),
        _ => return Reading::Other,
    };
    if speaker == Speaker::Client && connect.is_none() {
        return Reading::Other;
    }
    let v5 = connect.as_ref().map_or(first.body.len() > 2, |connect| connect.level >= 5);
    let mut found = Mqtt { speaker, connect, published: Vec::new(), subscribed: Vec::new() };
    while let Reading::Found(packet) = packets.read() {
        found.topics(packet, v5);
    }
    Reading::Found(found)
}

fn may_open(prefix: &[u8]) -> bool {
    match prefix.first() {
        Some(&CONNECT) => names_mqtt(prefix),
        Some(&CONNACK) => prefix.get(1).is_none_or(|length| (2..128).contains(length)),
        Some(_) => false,
        None => true,
    }
}

/// The protocol's name stands behind the length, which takes one to four bytes; as far as it is there.
fn names_mqtt(prefix: &[u8]) -> bool {
    let begins = |rest: &[u8]| {
        [b"\0\x04MQTT".as_slice(), b"\0\x06MQIsdp"].iter().any(|name| name.starts_with(rest) || rest.starts_with(name))
    };
    let Some(rest) = prefix.get(1..) else { return true };
    match rest.iter().take(4).position(|byte| byte & 0x80 == 0) {
        Some(last) => rest.get(last + 1..).is_none_or(begins),
        None => rest.len() < 4,
    }
}

impl Mqtt {
    fn topics(&mut self, packet: Packet<'_>, v5: bool) {
        let mut cursor = Cursor(packet.body);
        match packet.head {
            SUBSCRIBE if self.speaker == Speaker::Client => {
                if cursor.be16().is_none() || (v5 && properties(&mut cursor).is_none()) {
                    return;
                }
                while let Some((filter, _options)) = cursor.counted16().zip(cursor.u8()) {
                    keep(&mut self.subscribed, filter);
                }
            }
            head if head >> 4 == PUBLISH => {
                if let Some(topic) = cursor.counted16() {
                    keep(&mut self.published, topic);
                }
            }
            _ => {}
        }
    }
}

fn keep(topics: &mut Vec<String>, topic: &[u8]) {
    let topic = text(topic, TEXT_MAX);
    if topics.len() < TOPICS_MAX && !topic.is_empty() && !topics.contains(&topic) {
        topics.push(topic);
    }
}

fn connect(body: &[u8]) -> Option<Connect> {
    let mut cursor = Cursor(body);
    let name = cursor.counted16()?;
    let level = cursor.u8()? & 0x7f;
    let flags = cursor.u8()?;
    let known = matches!((name, level), (b"MQIsdp", 3) | (b"MQTT", 4 | 5));
    cursor.be16().filter(|_| known)?;
    if level == 5 {
        properties(&mut cursor)?;
    }
    let client_id = text(cursor.counted16()?, TEXT_MAX);
    Some(Connect { level, client_id, has_username: flags & 0x80 != 0 })
}

/// Session present or not, a reason, and in 5.0 properties.
fn is_connack(body: &[u8]) -> bool {
    match *body {
        [0 | 1, 0..=5] => true,
        [0 | 1, 0 | 0x80..=0x9f, length, ref rest @ ..] => usize::from(length) == rest.len(),
        _ => false,
    }
}

fn properties(cursor: &mut Cursor<'_>) -> Option<()> {
    let length = variable(cursor)?;
    cursor.take(length).map(drop)
}

/// A length in one to four bytes (section 2.2.3).
fn variable(cursor: &mut Cursor<'_>) -> Option<usize> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = cursor.u8()?;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn read(bytes: &[u8]) -> Reading<Message<'_>> {
    let mut cursor = Cursor(bytes);
    let Some(head) = cursor.u8() else { return Reading::More };
    if !is_head(head) || (head == CONNECT && !names_mqtt(bytes)) {
        return Reading::Other;
    }
    let Some(remaining) = variable(&mut cursor) else {
        return if cursor.0.is_empty() { Reading::More } else { Reading::Other };
    };
    let length = bytes.len() - cursor.0.len() + remaining;
    let body = cursor.0.get(..remaining).unwrap_or(cursor.0);
    let found = Message { length, ..Message::default() };
    let from = |speaker, login| Message { speaker: Some(speaker), login, ..found };
    let found = match head {
        CONNECT if remaining < 10 => Reading::Other,
        CONNECT if body.len() < 8 => Reading::More,
        CONNECT => Reading::Found(from(Speaker::Client, Some(Login::Tried))),
        CONNACK if body.len() < remaining.min(2) => Reading::More,
        CONNACK => {
            connack(body, remaining).map_or(Reading::Other, |login| Reading::Found(from(Speaker::Server, Some(login))))
        }
        0x30..=0x3f => publish(head, body, remaining, bytes.len()).map(|detail| Message {
            command: Some(Command { kind: CommandKind::Write, function: "publish" }),
            detail,
            ..found
        }),
        SUBSCRIBE | UNSUBSCRIBE if body.len() < remaining.min(8) => Reading::More,
        SUBSCRIBE | UNSUBSCRIBE => {
            filter(body, remaining).map_or(Reading::Other, |()| Reading::Found(from(Speaker::Client, None)))
        }
        _ if body.len() < remaining.min(4) => Reading::More,
        _ => acknowledgement(head, body, remaining)
            .map_or(Reading::Other, |speaker| Reading::Found(Message { speaker, ..found })),
    };
    if bytes.get(length).is_none_or(|next| is_head(*next)) { found } else { Reading::Other }
}

/// Type and flags of a packet (section 2.2).
fn is_head(head: u8) -> bool {
    let flags = head & 0xf;
    match head >> 4 {
        PUBLISH => flags & 6 != 6,
        6 | 8 | 10 => flags == 2,
        kind => kind != 0 && flags == 0,
    }
}

/// What a CONNACK says of the login; only as far as its code.
fn connack(body: &[u8], remaining: usize) -> Option<Login> {
    match *body {
        [0 | 1, 0, ..] if (2..=1024).contains(&remaining) => Some(Login::Granted),
        [0, 1..=5, ..] if remaining == 2 => Some(Login::Refused),
        [0, 0x80..=0x9f, ..] if (3..=1024).contains(&remaining) => Some(Login::Refused),
        _ => None,
    }
}

/// The topic of a PUBLISH as far as it is there, none where an alias stands for it; `seen` bytes are there of the packet.
fn publish(head: u8, body: &[u8], remaining: usize, seen: usize) -> Reading<Option<&str>> {
    let mut cursor = Cursor(body);
    let Some(length) = cursor.be16().map(usize::from) else {
        return if remaining >= 2 { Reading::More } else { Reading::Other };
    };
    let identifier = if head & 6 == 0 { 0 } else { 2 };
    if 2 + length + identifier > remaining {
        return Reading::Other;
    }
    if length == 0 {
        return match cursor.0.get(identifier..identifier + 2) {
            Some([_, TOPIC_ALIAS]) => Reading::Found(None),
            Some(_) => Reading::Other,
            None if remaining >= identifier + 4 => Reading::More,
            None => Reading::Other,
        };
    }
    let topic = cursor.0.get(..length).unwrap_or(cursor.0);
    let said = words(topic).unwrap_or_default();
    // What is cut may end within a character.
    let is_text =
        said.len() + 3 > topic.len().min(TEXT_MAX) && (said.len() == length || topic.len() < length || length > 250);
    match is_text && !said.contains(['+', '#']) {
        true if topic.len() < length && seen < HEAD => Reading::More,
        true => Reading::Found(Some(said).filter(|said| !said.is_empty())),
        false => Reading::Other,
    }
}

/// A SUBSCRIBE or UNSUBSCRIBE begins with a packet identifier, in version 5 properties, and a filter.
fn filter(body: &[u8], remaining: usize) -> Option<()> {
    let mut cursor = Cursor(body);
    cursor.be16().filter(|identifier| *identifier != 0)?;
    let rest = cursor.0;
    let begins = |mut cursor: Cursor<'_>| {
        let length = usize::from(cursor.be16()?);
        let filter = words(cursor.0.get(..length).unwrap_or(cursor.0))?;
        (length > 0 && 4 + length <= remaining && filter.len() >= length.min(cursor.0.len()).min(200)).then_some(())
    };
    let after_properties = || {
        let mut cursor = Cursor(rest);
        properties(&mut cursor)?;
        begins(cursor)
    };
    begins(Cursor(rest)).or_else(after_properties)
}

/// Who sent a packet that carries little else: an identifier, reasons, in version 5 properties between or behind them.
fn acknowledgement(head: u8, body: &[u8], remaining: usize) -> Option<Option<Speaker>> {
    let is_reason = |reason: &u8| matches!(reason, 0..=4 | 0x10 | 0x11 | 0x18 | 0x19 | 0x80..=0xa2);
    let ends = |properties: usize, at: usize| remaining == at + properties;
    match (head, body) {
        (0xc0, []) => Some(Some(Speaker::Client)),
        (0xd0, []) => Some(Some(Speaker::Server)),
        (0xb0, [_, _]) => Some(Some(Speaker::Server)),
        (0x90 | 0xb0, [_, _, rest @ ..]) if remaining <= 64 && rest.iter().all(is_reason) => {
            Some(Some(Speaker::Server))
        }
        (0x40 | 0x50 | 0x62 | 0x70, [_, _]) | (0xe0, []) => Some(None),
        (0x40 | 0x50 | 0x62 | 0x70, [_, _, reason]) if is_reason(reason) => Some(None),
        (0x40 | 0x50 | 0x62 | 0x70, [_, _, reason, length, ..]) if is_reason(reason) => {
            ends(usize::from(*length), 4).then_some(None)
        }
        (0xe0, [reason]) if is_reason(reason) => Some(None),
        (0xe0 | 0xf0, [reason, length, ..]) if is_reason(reason) => ends(usize::from(*length), 2).then_some(None),
        _ => None,
    }
}

struct Packet<'a> {
    head: u8,
    body: &'a [u8],
}

struct Packets<'a>(Cursor<'a>);

impl<'a> Packets<'a> {
    fn read(&mut self) -> Reading<Packet<'a>> {
        let mut ahead = self.0;
        let Some(head) = ahead.u8() else { return Reading::More };
        let Some(length) = variable(&mut ahead) else {
            return if ahead.0.is_empty() { Reading::More } else { Reading::Other };
        };
        let Some(body) = ahead.take(length) else { return Reading::More };
        self.0 = ahead;
        Reading::Found(Packet { head, body })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn packet(head: u8, body: &[u8]) -> Vec<u8> {
        [&[head, body.len() as u8], body].concat()
    }

    fn field(text: &str) -> Vec<u8> {
        [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
    }

    fn connect_packet(level: u8, properties: &[u8]) -> Vec<u8> {
        packet(
            CONNECT,
            &[&field("MQTT")[..], &[level, 0xc2, 0, 60], properties, &field("inverter-7"), &field("user")].concat(),
        )
    }

    pub(in crate::inspect) fn golden() -> Vec<u8> {
        let subscribe = packet(SUBSCRIBE, &[&[0, 1][..], &field("cmd/#"), &[1], &field("ota"), &[0]].concat());
        let publish = packet(0x31, &[&field("up/data")[..], b"1"].concat());
        [connect_packet(4, &[]), subscribe, publish.clone(), publish].concat()
    }

    #[test]
    fn a_publish_names_its_topic_and_a_login_its_fate() {
        let bytes = packet(0x32, &[&field("cmd/reboot")[..], &[0, 7], b"{}"].concat());
        let Reading::Found(found) = read(&bytes) else { panic!("not read") };
        assert_eq!((found.length, found.speaker, found.detail), (bytes.len(), None, Some("cmd/reboot")));
        assert_eq!(found.command.map(|it| it.kind), Some(CommandKind::Write));
        let login = |bytes: &[u8]| match read(bytes) {
            Reading::Found(found) => found.login,
            Reading::More | Reading::Other => panic!("not read"),
        };
        assert_eq!(login(&connect_packet(4, &[])), Some(Login::Tried));
        assert_eq!(login(&packet(CONNACK, &[0, 0])), Some(Login::Granted));
        assert_eq!(login(&packet(CONNACK, &[0, 5])), Some(Login::Refused));
        assert_eq!(login(&packet(CONNACK, &[0, 0x87, 0])), Some(Login::Refused));
    }

    #[test]
    fn the_next_packet_is_where_the_length_says() {
        let stream = golden();
        let mut at = 0;
        let mut lengths = Vec::new();
        while at < stream.len() {
            let Reading::Found(found) = read(&stream[at..]) else { panic!("lost at {at}") };
            lengths.push(found.length);
            at += found.length;
        }
        assert_eq!((lengths.len(), at), (4, stream.len()));
    }

    #[test]
    fn a_topic_is_read_before_its_message_is_whole_and_other_bytes_are_none() {
        let long = [&[0x30, 0x80, 0x40][..], &field("ota/image"), &[0; 60]].concat();
        assert!(matches!(read(&long), Reading::Found(Message { length: 8195, detail: Some("ota/image"), .. })));
        assert_eq!(read(&long[..8]), Reading::More);
        assert_eq!(read(b"0\x1a\x02\x01\x01\x60\x15\x02\x01\x03"), Reading::Other);
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Reading::Other);
        assert_eq!(read(&[0xc0, 0, 1]), Reading::Other);
    }

    #[test]
    fn hostile_bytes_do_no_harm() {
        super::super::hostile::withstands(read, &golden());
        super::super::hostile::withstands(read, &packet(0x32, &[&field("cmd")[..], &[0, 7]].concat()));
    }

    #[test]
    fn a_client_says_its_id_and_topics() {
        let Reading::Found(found) = mqtt(&golden()) else { panic!("not read") };
        let connect = Connect { level: 4, client_id: "inverter-7".to_owned(), has_username: true };
        assert_eq!((found.speaker, found.connect), (Speaker::Client, Some(connect)));
        assert_eq!(
            (found.subscribed, found.published),
            (vec!["cmd/#".to_owned(), "ota".to_owned()], vec!["up/data".to_owned()])
        );
    }

    #[test]
    fn version_5_has_properties_in_between() {
        let subscribe = packet(SUBSCRIBE, &[&[0, 1, 2, 11, 5][..], &field("cmd"), &[1]].concat());
        let bytes = [connect_packet(5, &[3, 0x21, 0, 20]), subscribe].concat();
        let Reading::Found(found) = mqtt(&bytes) else { panic!("not read") };
        assert_eq!(found.connect.map(|it| it.client_id).as_deref(), Some("inverter-7"));
        assert_eq!(found.subscribed, ["cmd"]);
    }

    #[test]
    fn a_server_accepts_and_sends() {
        let bytes = [packet(CONNACK, &[0, 0]), packet(0x30, &[&field("cmd/reboot")[..], b"{}"].concat())].concat();
        let Reading::Found(found) = mqtt(&bytes) else { panic!("not read") };
        assert_eq!((found.speaker, found.published), (Speaker::Server, vec!["cmd/reboot".to_owned()]));
    }
}
