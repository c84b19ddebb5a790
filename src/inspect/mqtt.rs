//! MQTT 3.1, 3.1.1 and 5.0: the client's CONNECT, and what it subscribes to and publishes.
//!
//! Sources: OASIS MQTT 3.1.1, sections 3.1, 3.3 and 3.8; OASIS MQTT 5.0, the same sections.

use super::cursor::Cursor;
use super::text::text;
use super::{Reading, Speaker};

/// Most topics kept of each kind.
pub const TOPICS_MAX: usize = 8;
const TEXT_MAX: usize = 256;

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 3;
const SUBSCRIBE: u8 = 0x82;

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
