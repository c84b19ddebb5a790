//! DNS (RFC 1035): questions, and addresses with every name they were asked by; mDNS (RFC 6762) and LLMNR (RFC 4795)
//! speak the same.
//!
//! A message is a view: its header and questions are read once, records are walked where they stand, and nothing is
//! allocated until a name is made text. [`Message::resolved`] is what a cache "this address was answered for this name"
//! needs: each address with the CNAME chain from the name asked down to the one that holds it.

mod encrypted;
mod name;
mod record;
#[cfg(test)]
pub(super) mod tests;

pub use encrypted::is_doh;
pub use name::Name;
pub use record::{Data, Hints, Record, Records, Section};

use super::cursor::Cursor;
use super::{Reading, Speaker};
use std::net::IpAddr;

/// Most questions looked at in a message; mDNS asks several at once.
pub const QUESTIONS_MAX: usize = 32;
/// Most records looked at in a message, over all its sections.
pub const RECORDS_MAX: usize = 64;
/// Most names in a chain of CNAMEs, the one asked and the one with the address included.
pub const CHAIN_MAX: usize = 12;

const HEADER: usize = 12;
const CLASS_ANY: u16 = 255;
/// The class's top bit asks for a unicast response, or says that the record is the only one (RFC 6762, sections 5.4, 10.2).
const CLASS_MASK: u16 = 0x7fff;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// Transaction; 0 in mDNS.
    pub id: u16,
    flags: u16,
    counts: [u16; 4],
    records_at: Option<usize>,
}

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name asked.
    pub name: Name<'a>,
    /// Type asked: 1 A, 28 AAAA, 65 HTTPS, 12 PTR, …
    pub kind: u16,
    /// Class: 1 Internet.
    pub class: u16,
}

/// An address, and how it was reached.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'n, 'a> {
    /// The address of an A or AAAA record, or a hint of an HTTPS or SVCB record.
    pub address: IpAddr,
    /// Seconds all of the chain is valid.
    pub ttl_s: u32,
    /// The name asked first, then each CNAME's target, at last the owner of the address; never empty.
    pub names: &'n [Name<'a>],
}

/// The payload of a datagram from or to a port of DNS (53), mDNS (5353) or LLMNR (5355): damaged messages are read as
/// far as they go.
#[must_use]
pub fn udp(payload: &[u8]) -> Reading<Message<'_>> {
    let plausible = |message: &Message<'_>| {
        message.opcode() <= 6
            && message.counts != [0; 4]
            && (message.counts[0] == 0 || message.questions().next().is_some())
    };
    match Message::new(payload).filter(plausible) {
        Some(message) => Reading::Found(message),
        None => Reading::Other,
    }
}

/// Whether a datagram from any port is a DNS message beyond doubt: sane flags and counts, plausible names, and read to
/// its last byte.
#[must_use]
pub fn looks_like_dns(payload: &[u8]) -> bool {
    Message::new(payload).is_some_and(|message| message.flags_are_sane() && message.is_whole())
}

/// The beginning of a direction of a DNS connection: each message has two bytes of length before it.
#[must_use]
pub fn tcp(prefix: &[u8]) -> Reading<Messages<'_>> {
    let mut cursor = Cursor(prefix);
    let (Some(length), Some(header)) = (cursor.be16(), cursor.0.get(..HEADER)) else {
        return if prefix.len() < 2 + HEADER { Reading::More } else { Reading::Other };
    };
    if usize::from(length) < HEADER + 5 || !Message::new(header).is_some_and(|message| message.flags_are_sane()) {
        return Reading::Other;
    }
    match cursor.0.get(..usize::from(length)) {
        None => Reading::More,
        Some(message) => match udp(message) {
            Reading::Found(_) => Reading::Found(Messages { rest: Cursor(prefix) }),
            Reading::Other | Reading::More => Reading::Other,
        },
    }
}

/// The whole messages at the beginning of a direction.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: Cursor<'a>,
}

impl<'a> Messages<'a> {
    /// Bytes behind the messages taken so far: where to go on once the direction has grown.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest.0
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        self.rest.counted16().and_then(Message::new)
    }
}

impl<'a> Message<'a> {
    fn new(bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut cursor = Cursor(bytes);
        let (id, flags) = (cursor.be16()?, cursor.be16()?);
        let counts = [cursor.be16()?, cursor.be16()?, cursor.be16()?, cursor.be16()?];
        let mut message = Message { bytes, id, flags, counts, records_at: None };
        message.records_at = message.behind_questions();
        Some(message)
    }

    /// Whether it answers.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Who sent it.
    #[must_use]
    pub fn speaker(&self) -> Speaker {
        if self.is_response() { Speaker::Server } else { Speaker::Client }
    }

    /// Kind of query: 0 standard, 4 notify, 5 update.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        (self.flags >> 11) as u8 & 0xf
    }

    /// Result of a response: 0 no error, 2 server failure, 3 no such name, 5 refused.
    #[must_use]
    pub fn rcode(&self) -> u8 {
        self.flags as u8 & 0xf
    }

    /// Its questions, at most [`QUESTIONS_MAX`].
    pub fn questions(&self) -> impl Iterator<Item = Question<'a>> + use<'a> {
        let (bytes, mut at) = (self.bytes, HEADER);
        let questions = (0..self.counts[0]).map_while(move |_| {
            let (question, end) = Question::read(bytes, at)?;
            at = end;
            Some(question)
        });
        questions.take(QUESTIONS_MAX)
    }

    /// Its records, at most [`RECORDS_MAX`], as far as they are well formed.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        let [_, counts @ ..] = self.counts;
        Records::new(self.bytes, self.records_at.unwrap_or(self.bytes.len()), counts)
    }

    /// Shows each address of a response with the chain of names that leads to it, in order of the records.
    pub fn resolved(&self, mut visit: impl FnMut(Resolved<'_, 'a>)) {
        if !self.is_response() {
            return;
        }
        let aliases = Aliases::of(self.records());
        for record in self.records() {
            match record.data {
                Data::Address(address) => aliases.show(&record, &mut std::iter::once(address), &mut visit),
                Data::Service { hints, .. } => aliases.show(&record, &mut { hints }, &mut visit),
                Data::Cname(_) | Data::Pointer(_) | Data::Host { .. } | Data::Text(_) | Data::Other => {}
            }
        }
    }

    fn behind_questions(&self) -> Option<usize> {
        (0..self.counts[0]).try_fold(HEADER, |at, _| Question::read(self.bytes, at).map(|(_, end)| end))
    }

    fn flags_are_sane(&self) -> bool {
        let [questions, answers, authorities, additionals] = self.counts;
        let (authoritative, reserved) = (self.flags & 0x0400 != 0, self.flags & 0x0040 != 0);
        let counted = usize::from(answers) + usize::from(authorities) + usize::from(additionals);
        let sane = self.opcode() == 0 && !reserved && self.rcode() <= 10 && counted <= 256;
        let query = questions == 1 && answers == 0 && authorities == 0 && additionals <= 2;
        let multicast =
            self.id == 0 && self.flags & 0x7bff == 0 && (1..=256).contains(&(counted + usize::from(questions)));
        sane && match self.is_response() {
            false => (query && self.rcode() == 0 && !authoritative) || multicast,
            true => (questions == 1 && (counted > 0 || self.rcode() > 0 || answers == 0)) || multicast,
        }
    }

    fn is_whole(&self) -> bool {
        let netbios = |question: &Question<'_>| {
            let encoded = |label: &[u8]| label.len() == 32 && label.iter().all(|byte| (b'A'..=b'P').contains(byte));
            matches!(question.kind, 0x20 | 0x21) && question.name.labels().next().is_some_and(encoded)
        };
        let plausible = |question: Question<'_>| {
            !netbios(&question)
                && question.kind != 0
                && matches!(question.class & CLASS_MASK, 1 | 3 | CLASS_ANY)
                && question.name.labels().all(is_printable)
        };
        let mut records = self.records();
        records.by_ref().for_each(drop);
        self.records_at.is_some() && self.questions().all(plausible) && records.is_done()
    }
}

fn is_printable(label: &[u8]) -> bool {
    label.iter().all(|&byte| byte >= b' ' && byte != 0x7f)
}

impl<'a> Question<'a> {
    fn read(message: &'a [u8], at: usize) -> Option<(Question<'a>, usize)> {
        let (name, end) = Name::read(message, at)?;
        let mut cursor = Cursor(message.get(end..)?);
        let question = Question { name, kind: cursor.be16()?, class: cursor.be16()? };
        Some((question, end + 4))
    }
}

/// The CNAMEs of a message.
struct Aliases<'a> {
    links: [Option<Record<'a>>; CHAIN_MAX],
}

impl<'a> Aliases<'a> {
    fn of(records: Records<'a>) -> Aliases<'a> {
        let mut links = [None; CHAIN_MAX];
        let aliases = records.filter(|record| matches!(record.data, Data::Cname(_)));
        links.iter_mut().zip(aliases).for_each(|(link, record)| *link = Some(record));
        Aliases { links }
    }

    /// The CNAME that leads to `name`.
    fn to(&self, name: Name<'a>) -> Option<&Record<'a>> {
        self.links.iter().flatten().find(|link| link.data == Data::Cname(name))
    }

    fn show(
        &self,
        record: &Record<'a>,
        addresses: &mut dyn Iterator<Item = IpAddr>,
        visit: &mut dyn FnMut(Resolved<'_, 'a>),
    ) {
        let mut names = [record.owner; CHAIN_MAX];
        let (mut ttl_s, mut last, mut first) = (record.ttl_s, record.owner, CHAIN_MAX - 1);
        while let Some(link) = self.to(last).filter(|_| first > 0) {
            first -= 1;
            last = link.owner;
            ttl_s = ttl_s.min(link.ttl_s);
            if let Some(name) = names.get_mut(first) {
                *name = last;
            }
        }
        let names = names.get(first..).unwrap_or_default();
        addresses.for_each(|address| visit(Resolved { address, ttl_s, names }));
    }
}
