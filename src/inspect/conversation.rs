//! Listens to the first payloads of one flow.
//!
//! A beginning that is whole in one segment – nearly every hello – is read where it lies. Only one that is split,
//! reordered or longer takes an [`Open`] inspection, whose buffers the flow table lends from a fixed pool.

use super::datagram::{self, Route};
use super::facts::{Facts, Notes};
use super::prefix::{MOST_BYTES, Prefix};
use super::quic::{self, Chlo, Hello, QuicHello};
use super::stream::{self, Outcome};
use super::text::host_name;
use super::{Reading, Speaker, rtp, tls};

/// Payload packets of a flow that are listened to.
const MOST_PACKETS: u8 = 48;

/// Datagrams that say nothing known before a flow is given up.
const MOST_DATAGRAMS: u8 = 12;

/// One end of the conversation, as the flow table numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum End {
    /// The first.
    Low,
    /// The second.
    High,
}

impl End {
    /// The opposite end.
    #[must_use]
    pub const fn other(self) -> End {
        match self {
            End::Low => End::High,
            End::High => End::Low,
        }
    }
}

/// How far listening to a flow has come: small enough to be in every flow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conversation {
    packets: u8,
    low_is_done: bool,
    high_is_done: bool,
    /// Whose TLS hello was the last thing it said: the server may want another one.
    awaits_hello: Option<End>,
    /// The last datagram of an end that may be media.
    media: Option<(End, rtp::Header)>,
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

    /// The beginning of a direction, as far as it has come without a gap.
    #[must_use]
    pub fn whole(&self, end: End) -> &[u8] {
        match end {
            End::Low => self.low.whole(),
            End::High => self.high.whole(),
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
        route: Route,
        notes: &mut Notes<'_>,
        open: impl FnOnce() -> Option<&'o mut Open>,
    ) -> Heard {
        self.packets = self.packets.saturating_add(1);
        if self.is_done(end) {
            return self.another_hello(end, payload, notes);
        }
        let (offset, hellos) = (offset as usize, notes.facts.ja4.len());
        let outcome = if offset >= MOST_BYTES { None } else { read_segment(end, offset, payload, route, notes, open) };
        let Some(outcome) = outcome else {
            self.finish(end);
            return self.heard(false, None);
        };
        if !outcome.more {
            self.finish(end);
        }
        if notes.facts.ja4.len() > hellos && outcome.speaker == Some(Speaker::Client) {
            self.awaits_hello = Some(end);
        }
        self.heard(outcome.news, outcome.speaker)
    }

    /// Reads on where a client has said hello: it may have to say it again.
    fn another_hello(&mut self, end: End, payload: &[u8], notes: &mut Notes<'_>) -> Heard {
        if self.awaits_hello != Some(end) {
            return self.heard(false, None);
        }
        let said = stream::second_hello(payload, notes.facts);
        if said != Some(false) {
            self.awaits_hello = None;
        }
        self.heard(said == Some(true), None)
    }

    /// Listens to a datagram that `end` sent; `open` lends buffers for a QUIC hello.
    pub fn datagram<'o>(
        &mut self,
        end: End,
        payload: &[u8],
        route: Route,
        notes: &mut Notes<'_>,
        open: impl FnOnce() -> Option<&'o mut Open>,
    ) -> Heard {
        self.packets = self.packets.saturating_add(1);
        // From its first Initial on, a flow is QUIC: later ones need not look like it alone.
        if self.low_is_done {
            return self.quic(payload, notes.facts, open);
        }
        if let Some(outcome) = datagram::read(payload, route, notes) {
            let is_over = !outcome.more || self.packets >= MOST_PACKETS && !is_name_service(route);
            return Heard { news: outcome.news, is_over, speaker: outcome.speaker };
        }
        if quic::looks_like_quic(payload) {
            self.low_is_done = true;
            return self.quic(payload, notes.facts, open);
        }
        let news = self.is_media(end, payload) && notes.facts.protocol.is_none();
        if news {
            notes.facts.protocol = Some("rtp");
        }
        let is_over = news || !is_name_service(route) && self.packets >= MOST_DATAGRAMS;
        Heard { news, is_over, speaker: None }
    }

    /// True for the second of two datagrams of one end that are one media stream.
    fn is_media(&mut self, end: End, payload: &[u8]) -> bool {
        let Some(header) = rtp::Header::read(payload) else { return false };
        match self.media {
            Some((other, _)) if other != end => false,
            Some((_, last)) if last.is_followed_by(&header) => true,
            _ => {
                self.media = Some((end, header));
                false
            }
        }
    }

    fn quic<'o>(&mut self, payload: &[u8], facts: &mut Facts, open: impl FnOnce() -> Option<&'o mut Open>) -> Heard {
        let Some(open) = open() else { return Heard { is_over: true, ..Heard::default() } };
        match open.quic.get_or_insert_default().datagram(payload) {
            Reading::Found(Hello::Tls { handshake, .. }) => {
                if let Reading::Found(hello) = tls::client_hello_message(handshake, tls::Transport::Quic) {
                    facts.client_hello(hello, "quic");
                    if facts.alpn.iter().any(|protocol| protocol == "doq") {
                        facts.encrypted_dns = Some("doq");
                    }
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
        let is_over =
            self.packets >= MOST_PACKETS || self.low_is_done && self.high_is_done && self.awaits_hello.is_none();
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

/// True between ports of name resolution, where every datagram may name another host.
fn is_name_service(route: Route) -> bool {
    [53, 5353, 5355].iter().any(|port| route.uses(*port))
}

/// Reads what is known of a direction with this segment; `None` where it must be given up.
fn read_segment<'o>(
    end: End,
    offset: usize,
    payload: &[u8],
    route: Route,
    notes: &mut Notes<'_>,
    open: impl FnOnce() -> Option<&'o mut Open>,
) -> Option<Outcome> {
    let alone = if offset == 0 { stream::read(payload, route, notes) } else { Outcome::WAIT };
    let goes_on = alone.more || offset == 0 && may_turn_to_tls(payload, notes.facts);
    if !goes_on {
        return Some(alone);
    }
    let open = open()?;
    let prefix = open.of(end);
    if !prefix.add(offset, payload) {
        return Some(Outcome { more: true, ..alone });
    }
    let is_alone = prefix.whole().len() == payload.len();
    let together = if is_alone { alone } else { stream::read(prefix.whole(), route, notes) };
    let outcome =
        Outcome { news: alone.news || together.news, speaker: together.speaker.or(alone.speaker), ..together };
    if may_turn_to_tls(prefix.whole(), notes.facts) {
        let patient = prefix.whole().len() < TURNING_BYTES;
        let turned = open.turn_to_tls(route, notes);
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
    fn turn_to_tls(&mut self, route: Route, notes: &mut Notes<'_>) -> bool {
        let (low, high) = (self.low.whole(), self.high.whole());
        for (client, server) in [(low, high), (high, low)] {
            if let Some((from, to)) = tls::after_starttls(client, server) {
                let said = stream::read(client.get(from..).unwrap_or_default(), route, notes);
                if notes.facts.ja4.is_empty() {
                    return said.news;
                }
                let answered = stream::read(server.get(to..).unwrap_or_default(), route, notes);
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
}
