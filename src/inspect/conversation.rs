//! Listens to the first payloads of one flow.
//!
//! A beginning that is whole in one segment – nearly every hello – is read where it lies. Only one that is split,
//! reordered or longer takes an [`Open`] inspection, whose buffers the flow table lends from a fixed pool.

use super::facts::{Answer, Facts};
use super::prefix::{MOST_BYTES, Prefix};
use super::quic::{self, Chlo, Hello, QuicHello};
use super::stream::{self, Outcome};
use super::text::host_name;
use super::{Reading, Speaker, dns, http, tls};

/// Payload packets of a flow that are listened to.
const MOST_PACKETS: u8 = 48;

/// Datagrams that say nothing known before a flow is given up.
const MOST_DATAGRAMS: u8 = 12;

/// One end of the conversation, as the flow table numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first.
    Low,
    /// The second.
    High,
}

/// How far listening to a flow has come: small enough to be in every flow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conversation {
    packets: u8,
    low_is_done: bool,
    high_is_done: bool,
}

/// Buffers of an inspection that needs more than one segment.
#[derive(Debug)]
pub struct Open {
    low: Prefix,
    high: Prefix,
    quic: Option<Box<QuicHello>>,
}

/// What listening to a payload came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Whether the facts have grown.
    pub news: bool,
    /// Whether nothing more can come: the flow need not be listened to again.
    pub is_over: bool,
    /// Who sent the payload, where it said so.
    pub speaker: Option<Speaker>,
}

impl Default for Open {
    /// Buffers that will not grow; those for QUIC are made when the first hello needs them.
    fn default() -> Self {
        Open { low: Prefix::new(), high: Prefix::new(), quic: None }
    }
}

impl Open {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.low.clear();
        self.high.clear();
        if let Some(quic) = &mut self.quic {
            quic.reset();
        }
    }

    fn of(&mut self, end: End) -> &mut Prefix {
        match end {
            End::Low => &mut self.low,
            End::High => &mut self.high,
        }
    }
}

impl Conversation {
    /// Listens to `payload`, which `end` sent at `offset` bytes from the beginning of its direction. `open` lends
    /// buffers where they are needed; without one, only what is whole in this segment can be read.
    pub fn segment<'o>(
        &mut self,
        end: End,
        offset: u32,
        payload: &[u8],
        facts: &mut Facts,
        open: impl FnOnce() -> Option<&'o mut Open>,
    ) -> Heard {
        self.packets = self.packets.saturating_add(1);
        if self.is_done(end) {
            return self.heard(false, None);
        }
        let offset = offset as usize;
        let outcome = if offset >= MOST_BYTES { None } else { read_segment(end, offset, payload, facts, open) };
        let Some(outcome) = outcome else {
            self.finish(end);
            return self.heard(false, None);
        };
        if !outcome.more {
            self.finish(end);
        }
        self.heard(outcome.news, outcome.speaker)
    }

    /// Listens to a datagram between these ports; `open` lends buffers for a QUIC hello.
    pub fn datagram<'o>(
        &mut self,
        ports: (u16, u16),
        payload: &[u8],
        facts: &mut Facts,
        answers: &mut Vec<Answer>,
        open: impl FnOnce() -> Option<&'o mut Open>,
    ) -> Heard {
        self.packets = self.packets.saturating_add(1);
        let is_name_service = [53, 5353, 5355].iter().any(|port| ports.0 == *port || ports.1 == *port);
        if is_name_service {
            // On its own port DNS must look like it; multicast names and LLMNR are laxer.
            let is_local = ports.0 != 53 && ports.1 != 53;
            if let Reading::Found(message) = dns::udp(payload)
                && (is_local || dns::looks_like_dns(payload))
            {
                let news = facts.name_service(&message, answers);
                return Heard { news, is_over: false, speaker: Some(message.speaker()) };
            }
        } else if ports.0 == 1900 || ports.1 == 1900 {
            if let Reading::Found(request) = http::requests(payload) {
                facts.protocol = Some("ssdp");
                let known = facts.http_hosts.len();
                for host in request.hosts {
                    Facts::add(&mut facts.http_hosts, host);
                }
                let news = facts.http_hosts.len() > known;
                return Heard { news, is_over: self.packets >= MOST_PACKETS, speaker: None };
            }
        } else if let [22, 0xfe, ..] = payload {
            if let Reading::Found(hello) = tls::dtls_client(payload) {
                facts.client_hello(hello, "dtls");
                return Heard { news: true, is_over: true, speaker: Some(Speaker::Client) };
            }
        } else if self.low_is_done || quic::looks_like_quic(payload) {
            // From its first Initial on, a flow is QUIC: later ones need not look like it alone.
            self.low_is_done = true;
            return self.quic(payload, facts, open);
        }
        Heard { news: false, is_over: !is_name_service && self.packets >= MOST_DATAGRAMS, speaker: None }
    }

    fn quic<'o>(&mut self, payload: &[u8], facts: &mut Facts, open: impl FnOnce() -> Option<&'o mut Open>) -> Heard {
        let Some(open) = open() else { return Heard { is_over: true, ..Heard::default() } };
        match open.quic.get_or_insert_default().datagram(payload) {
            Reading::Found(Hello::Tls { handshake, .. }) => {
                if let Reading::Found(hello) = tls::client_hello_message(handshake, tls::Transport::Quic) {
                    facts.client_hello(hello, "quic");
                }
                Heard { news: true, is_over: true, speaker: Some(Speaker::Client) }
            }
            Reading::Found(Hello::Google { chlo, .. }) => {
                facts.google_hello(&chlo);
                Heard { news: true, is_over: true, speaker: Some(Speaker::Client) }
            }
            Reading::More => {
                let news = facts.protocol.is_none();
                facts.protocol = Some("quic");
                Heard { news, is_over: self.packets >= MOST_PACKETS, speaker: None }
            }
            Reading::Other => Heard { is_over: self.packets >= MOST_DATAGRAMS, ..Heard::default() },
        }
    }

    fn heard(&self, news: bool, speaker: Option<Speaker>) -> Heard {
        let is_over = self.packets >= MOST_PACKETS || self.low_is_done && self.high_is_done;
        Heard { news, is_over, speaker }
    }

    fn is_done(&self, end: End) -> bool {
        match end {
            End::Low => self.low_is_done,
            End::High => self.high_is_done,
        }
    }

    fn finish(&mut self, end: End) {
        match end {
            End::Low => self.low_is_done = true,
            End::High => self.high_is_done = true,
        }
    }
}

/// Reads what is known of a direction with this segment; `None` where it must be given up.
fn read_segment<'o>(
    end: End,
    offset: usize,
    payload: &[u8],
    facts: &mut Facts,
    open: impl FnOnce() -> Option<&'o mut Open>,
) -> Option<Outcome> {
    let alone =
        if offset == 0 { stream::read(payload, facts) } else { Outcome { news: false, more: true, speaker: None } };
    let goes_on = alone.more || offset == 0 && may_turn_to_tls(payload, facts);
    if !goes_on {
        return Some(alone);
    }
    let open = open()?;
    let prefix = open.of(end);
    if !prefix.add(offset, payload) {
        return Some(Outcome { more: true, ..alone });
    }
    let together = if prefix.whole().len() == payload.len() { alone } else { stream::read(prefix.whole(), facts) };
    let outcome =
        Outcome { news: alone.news || together.news, speaker: together.speaker.or(alone.speaker), ..together };
    if may_turn_to_tls(prefix.whole(), facts) {
        let patient = prefix.whole().len() < TURNING_BYTES;
        let turned = open.turn_to_tls(facts);
        return Some(Outcome { news: outcome.news || turned, more: outcome.more || patient, ..outcome });
    }
    Some(outcome)
}

/// Bytes of a direction within which a conversation in the clear turns to TLS, if it does.
const TURNING_BYTES: usize = 4096;

/// True for a direction that begins with text, SOCKS, or the framing of remote desktop, while no hello was seen.
fn may_turn_to_tls(prefix: &[u8], facts: &Facts) -> bool {
    facts.ja4.is_empty() && facts.protocol != Some("ssh") && matches!(prefix, [b' '..=b'~' | 3..=5, ..])
}

impl Open {
    /// Reads the hellos behind what was agreed in the clear; true where they said something new.
    fn turn_to_tls(&mut self, facts: &mut Facts) -> bool {
        let (low, high) = (self.low.whole(), self.high.whole());
        for (client, server) in [(low, high), (high, low)] {
            if let Some((from, to)) = tls::after_starttls(client, server) {
                let said = stream::read(client.get(from..).unwrap_or_default(), facts);
                let answered = stream::read(server.get(to..).unwrap_or_default(), facts);
                return said.news || answered.news;
            }
        }
        false
    }
}

impl Facts {
    /// Takes over what a hello of Google's own QUIC says.
    fn google_hello(&mut self, hello: &Chlo<'_>) {
        self.protocol = Some("quic");
        if let Some(name) = hello.server_name().and_then(host_name) {
            Facts::add(&mut self.server_names, name);
        }
    }

    /// Takes over the questions of a DNS message, and its addresses into `answers`; true where a question is new.
    fn name_service(&mut self, message: &dns::Message<'_>, answers: &mut Vec<Answer>) -> bool {
        self.protocol = self.protocol.or(Some("dns"));
        let mut news = false;
        for question in message.questions() {
            news |= Facts::add(&mut self.questions, question.name.to_string());
        }
        message.resolved(|resolved| {
            answers.push(Answer {
                address: resolved.address,
                names: resolved.names.iter().map(ToString::to_string).collect(),
                ttl_s: resolved.ttl_s,
            });
        });
        news || !answers.is_empty()
    }
}
