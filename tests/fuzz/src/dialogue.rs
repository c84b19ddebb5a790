//! Messages of one flow, as they may arrive.
//!
//! Input: how they arrive, then the two directions. Commands, logins and messages are counted the same however a direction
//! is cut and repeated, and where two runs of whole messages swap places. That is promised of messages whose heads say
//! all within 128 bytes, one directly after the other, of a client that is known; what is behind them is left out here.
//! Datagrams are one message each at most.

use borderflow::inspect::{Asked, Carrier, Dealings, Dialogue, End, Login, Message, Protocol, Reading, protocols};

use super::input::Input;

/// Most bytes of a message's head that are kept from one segment to the next.
const HEAD_BYTES: usize = 128;

/// Messages of a direction that are compared.
const MOST_MESSAGES: usize = 64;

/// Bytes that say how two directions arrive.
pub const PLAN_BYTES: usize = 2 * 29;

/// The first byte of an input for a protocol of this port, or for any.
#[must_use]
pub fn choice(carrier: Carrier, port: u16) -> Option<u8> {
    let before = if carrier == Carrier::Stream { 0 } else { protocols(Carrier::Stream).len() };
    let protocols = protocols(carrier);
    let of_port = protocols.iter().position(|protocol| protocol.ports.first() == Some(&port));
    let number = of_port.or_else(|| protocols.iter().position(|protocol| protocol.ports.is_empty()))?;
    u8::try_from(before + number).ok()
}

/// Checks one input.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = usize::from(input.byte());
    let (streams, datagrams) = (protocols(Carrier::Stream), protocols(Carrier::Datagram));
    match choice % (streams.len() + datagrams.len()) {
        n if n < streams.len() => stream(&mut input, port_of(streams, n)),
        n => self::datagrams(&mut input, port_of(datagrams, n - streams.len())),
    }
}

/// A port the server of the protocol is looked for on, or one that says nothing.
fn port_of(protocols: &[&Protocol], number: usize) -> u16 {
    protocols.get(number).and_then(|protocol| protocol.ports.first()).copied().unwrap_or(9)
}

/// A part of a direction: where it begins, and its bytes.
type Part<'a> = (usize, &'a [u8]);

fn stream(input: &mut Input<'_>, port: u16) {
    let (low_plan, high_plan) = (Plan::of(input), Plan::of(input));
    let low_len = usize::from(input.u16());
    let (low, high) = (input.take(low_len), input.rest());
    let Some(read) = claimant(port, low) else { return };
    let (low, high) = (Messages::of(read, low), Messages::of(read, high));
    if !claimant(port, low.bytes).is_some_and(|same| std::ptr::fn_addr_eq(same, read)) {
        return;
    }
    let follow = |low_parts: &[Part<'_>], high_parts: &[Part<'_>]| {
        let mut dialogue = Dialogue::begin(Carrier::Stream, (40_000, port), low.bytes)?;
        dialogue.set_client(End::Low);
        low_parts.iter().for_each(|&(offset, payload)| _ = dialogue.follow(End::Low, offset as u32, payload));
        high_parts.iter().for_each(|&(offset, payload)| _ = dialogue.follow(End::High, offset as u32, payload));
        Some(amount(dialogue.dealings()))
    };
    let whole = follow(&[(0, low.bytes)], &[(0, high.bytes)]);
    let (low_parts, high_parts) = (low_plan.cut(low.bytes), high_plan.cut(high.bytes));
    assert_eq!(whole, follow(&low_parts, &high_parts), "cut: {low_parts:?} {high_parts:?}");
    let (low_parts, high_parts) = (low_plan.swap(&low), high_plan.swap(&high));
    assert_eq!(whole, follow(&low_parts, &high_parts), "swapped: {low_parts:?} {high_parts:?}");
}

/// What messages amount to that must not change.
fn amount(dealings: &Dealings) -> ([[u32; 4]; 2], Option<Login>, u32, u32) {
    let commands: u64 = dealings.ends.iter().map(Asked::total).sum();
    assert!(commands.max(dealings.refused.into()) <= u64::from(dealings.messages), "{dealings:?}");
    (dealings.ends.each_ref().map(|end| end.commands), dealings.login, dealings.refused, dealings.messages)
}

type Read = for<'a> fn(&'a [u8]) -> Reading<Message<'a>>;

/// The reader of the protocol that claims a direction that begins with `bytes`.
fn claimant(port: u16, bytes: &[u8]) -> Option<Read> {
    let claims = |protocol: &&&Protocol| match (protocol.read)(bytes) {
        Reading::Found(said) => {
            !matches!(protocol.name, "http" | "cwmp") || said.command.is_some() || said.login.is_some()
        }
        Reading::More | Reading::Other => false,
    };
    let all = protocols(Carrier::Stream);
    let bound = all.iter().filter(|protocol| protocol.ports.contains(&port));
    let protocol = bound.chain(all.iter().filter(|protocol| protocol.ports.is_empty())).find(claims)?;
    Some(protocol.read)
}

/// Messages one directly after the other.
struct Messages<'a> {
    bytes: &'a [u8],
    /// Where each begins, and where the last ends.
    edges: Vec<usize>,
}

impl<'a> Messages<'a> {
    /// The beginning of `bytes` of which following promises something.
    fn of(read: Read, bytes: &'a [u8]) -> Messages<'a> {
        let (mut edges, mut at) = (vec![0], 0);
        while edges.len() <= MOST_MESSAGES
            && let Some(rest @ [_, ..]) = bytes.get(at..)
            && let Some(length) = promised(read, rest)
        {
            at = at.saturating_add(length).min(bytes.len());
            edges.push(at);
        }
        Messages { bytes: bytes.get(..at).unwrap_or_default(), edges }
    }
}

/// The length of the message that `bytes` begin with, where its head says the same wherever it is cut.
fn promised(read: Read, bytes: &[u8]) -> Option<usize> {
    let Reading::Found(message) = read(bytes) else { return None };
    let same = |now: Message<'_>| Message { detail: None, ..now } == Message { detail: None, ..message };
    let is_whole = |len: usize| match read(bytes.get(..len).unwrap_or(bytes)) {
        Reading::More => Some(false),
        Reading::Found(now) if same(now) => Some(true),
        Reading::Found(_) | Reading::Other => None,
    };
    let most = HEAD_BYTES.min(bytes.len()).min(message.length);
    let heads: Option<Vec<bool>> = (1..=most).map(is_whole).collect();
    heads.is_some_and(|heads| heads.is_sorted() && heads.last() == Some(&true)).then_some(message.length)
}

/// How one direction arrives.
struct Plan {
    cuts: [u16; 12],
    chosen: u32,
    overlap: u8,
}

impl Plan {
    fn of(input: &mut Input<'_>) -> Plan {
        Plan { cuts: std::array::from_fn(|_| input.u16()), chosen: input.u32(), overlap: input.byte() }
    }

    fn chooses(&self, number: usize) -> bool {
        self.chosen.rotate_right(number as u32) & 1 == 1
    }

    /// Segments in order, some of them twice, the second time from farther back.
    fn cut<'a>(&self, bytes: &'a [u8]) -> Vec<Part<'a>> {
        let mut edges: Vec<usize> = self.cuts.iter().map(|&cut| usize::from(cut) % bytes.len().max(1)).collect();
        edges.extend([0, bytes.len()]);
        edges.sort_unstable();
        edges.dedup();
        let mut parts = Vec::new();
        for (number, pair) in edges.windows(2).enumerate() {
            let &[from, to] = pair else { continue };
            parts.push((from, bytes.get(from..to).unwrap_or_default()));
            if self.chooses(number) {
                let from = from.saturating_sub(usize::from(self.overlap));
                parts.push((from, bytes.get(from..to).unwrap_or_default()));
            }
        }
        parts
    }

    /// Runs of whole messages, of which some swap places with the next.
    fn swap<'a>(&self, messages: &Messages<'a>) -> Vec<Part<'a>> {
        let edges = messages.edges.iter().enumerate();
        let last = messages.edges.len() - 1;
        let edges: Vec<usize> = edges
            .filter(|&(number, _)| number == 0 || number == last || self.chooses(number))
            .map(|(_, &at)| at)
            .collect();
        let runs = edges.windows(2).filter_map(|pair| {
            let &[from, to] = pair else { return None };
            Some((from, messages.bytes.get(from..to)?))
        });
        let mut runs: Vec<Part<'a>> = runs.collect();
        for (number, pair) in runs.chunks_mut(2).enumerate() {
            if self.chooses(number + 16) {
                pair.reverse();
            }
        }
        runs
    }
}

/// Each datagram: its end and length, then its bytes.
fn datagrams(input: &mut Input<'_>, port: u16) {
    let mut dialogue: Option<Dialogue> = None;
    let mut followed = 0;
    while !input.is_empty() {
        let head = input.u16();
        let end = if head & 0x8000 == 0 { End::Low } else { End::High };
        let payload = input.take(usize::from(head & 0x0fff));
        dialogue = dialogue.or_else(|| Dialogue::begin(Carrier::Datagram, (40_000, port), payload));
        let Some(dialogue) = dialogue.as_mut().filter(|dialogue| !dialogue.is_over()) else { continue };
        dialogue.follow(end, 0, payload);
        followed += 1;
        amount(dialogue.dealings());
        assert!(dialogue.dealings().messages <= followed, "{dialogue:?}");
    }
}
