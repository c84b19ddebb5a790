//! Any payloads of one flow, as they may arrive.
//!
//! Input: how they arrive, then what the ends say. Segments of a stream may be cut, reordered and repeated, and what is
//! found in the end is what is found where each direction comes whole. That is promised of what a sensor keeps: 15 KiB
//! of a direction, eight segments beyond a gap (each repetition counts), 48 packets, and a client's first hello (a second one is read where it
//! begins a segment). Of a server's answer to a hello that is damaged nothing is promised. How the directions mix makes no difference where it makes none for whole ones. Of datagrams it is
//! promised that one that comes twice in a row says nothing else than one that comes once.

use std::net::IpAddr;

use borderflow::inspect::{Answer, Conversation, End, Facts, Notes, Open, Reading, Route, tls};

use super::input::Input;

/// Bytes of a direction that are waited for.
const MOST_BYTES: usize = (15 << 10) - 1;

/// Segments a direction is cut into.
const MOST_SEGMENTS: usize = 8;

/// Segments that come of a direction: the first, and as many beyond a gap as are remembered.
const MOST_COMING: usize = 9;

/// Datagrams that may say nothing: with each twice, less than those after which a flow is given up.
const MOST_DATAGRAMS: usize = 5;

/// Names of one kind kept per flow.
const MOST_NAMES: usize = 8;

/// Longest text kept: a name of DNS with each byte escaped.
const MOST_TEXT: usize = 1020;

/// Ports by which protocols are told apart.
const PORTS: [u16; 20] =
    [443, 80, 22, 25, 53, 853, 21, 23, 110, 143, 587, 3389, 1883, 445, 389, 5432, 123, 67, 1900, 5353];

/// Bytes that say how two directions arrive.
pub const PLAN_BYTES: usize = 2 * (3 * MOST_SEGMENTS) + 4;

/// The first byte of an input for streams of this port.
#[must_use]
pub fn port_number(port: u16) -> u8 {
    PORTS.iter().position(|it| *it == port).unwrap_or_default() as u8
}

/// Checks one input.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    let port = PORTS.get(usize::from(choice & 0x7f) % PORTS.len()).copied().unwrap_or(443);
    if choice & 0x80 == 0 { streams(&mut input, port) } else { datagrams(&mut input, port) }
}

/// A segment: who sent it, where in its direction it begins, its bytes.
type Segment<'a> = (End, usize, &'a [u8]);

fn streams(input: &mut Input<'_>, port: u16) {
    let (low_plan, high_plan, mix) = (Plan::of(input), Plan::of(input), input.u32());
    let low_len = usize::from(input.u16());
    let (low, high) = before_second_hello(input.take(low_len), input.rest());
    let found = listen_to_streams(&[(End::Low, 0, low), (End::High, 0, high)], port);
    check_facts(&found.facts);
    let turned = listen_to_streams(&[(End::High, 0, high), (End::Low, 0, low)], port);
    let mix = if found == turned { mix } else { u32::MAX };
    let parts = mixed(low_plan.segments(End::Low, low), high_plan.segments(End::High, high), mix);
    let again = listen_to_streams(&parts, port);
    assert!(found == again, "{found:#?}\n--- or, as {parts:?} ---\n{again:#?}");
}

/// How one direction arrives.
struct Plan {
    cuts: [u16; MOST_SEGMENTS - 1],
    order: [u8; MOST_SEGMENTS],
    repeated: u8,
    overlap: u8,
}

impl Plan {
    fn of(input: &mut Input<'_>) -> Plan {
        Plan {
            cuts: std::array::from_fn(|_| input.u16()),
            order: std::array::from_fn(|_| input.byte()),
            repeated: input.byte(),
            overlap: input.byte(),
        }
    }

    /// The direction cut into segments, those in their order, some of them once more later on and from farther back.
    fn segments<'a>(&self, end: End, bytes: &'a [u8]) -> Vec<Segment<'a>> {
        let mut edges: Vec<usize> = self.cuts.iter().map(|&cut| usize::from(cut) % bytes.len().max(1)).collect();
        edges.extend([0, bytes.len()]);
        edges.sort_unstable();
        edges.dedup();
        let piece = |from: usize, to: usize| (end, from, bytes.get(from..to).unwrap_or_default());
        let mut repeats = MOST_COMING + 1 - edges.len();
        let mut ordered = Vec::new();
        for ((pair, order), number) in edges.windows(2).zip(self.order).zip(0..) {
            let &[from, to] = pair else { continue };
            ordered.push((order, piece(from, to)));
            if self.repeated >> number & 1 == 1 && repeats > 0 {
                repeats -= 1;
                let from = from.saturating_sub(usize::from(self.overlap));
                ordered.push((order.wrapping_mul(5).wrapping_add(3), piece(from, to)));
            }
        }
        ordered.sort_by_key(|&(order, _)| order);
        ordered.into_iter().map(|(_, segment)| segment).collect()
    }
}

/// Both directions in one order: a bit per segment says whether the low end is next while it has one.
fn mixed<'a>(low: Vec<Segment<'a>>, high: Vec<Segment<'a>>, mix: u32) -> Vec<Segment<'a>> {
    let (mut low, mut high) = (low.into_iter().peekable(), high.into_iter().peekable());
    let mut all = Vec::new();
    while low.peek().or(high.peek()).is_some() {
        let is_low = mix.rotate_right(all.len() as u32) & 1 == 1;
        let next = if is_low { low.next().or_else(|| high.next()) } else { high.next().or_else(|| low.next()) };
        all.extend(next);
    }
    all
}

/// Both directions up to the end of the first hello.
fn before_second_hello<'a>(low: &'a [u8], high: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    let most = |bytes: &'a [u8]| bytes.get(..MOST_BYTES).unwrap_or(bytes);
    let (low, high) = (most(low), most(high));
    if let Some((from, _)) = tls::after_starttls(low, high) {
        return (behind_hello(low, from), high);
    }
    match tls::after_starttls(high, low) {
        Some((from, _)) => (low, behind_hello(high, from)),
        None => (behind_hello(low, 0), behind_hello(high, 0)),
    }
}

/// `bytes` up to the end of the hello that begins at `from`, or all of them.
fn behind_hello(bytes: &[u8], from: usize) -> &[u8] {
    let hello = bytes.get(from..).unwrap_or_default();
    let is_found = |len: usize| matches!(tls::client(hello.get(..len).unwrap_or(hello)), Reading::Found(_));
    let (mut less, mut enough) = (0, hello.len());
    if !is_found(enough) {
        return bytes;
    }
    while less + 1 < enough {
        let middle = usize::midpoint(less, enough);
        if is_found(middle) { enough = middle } else { less = middle }
    }
    bytes.get(..from + enough).unwrap_or(bytes)
}

/// What was found in the end.
#[derive(Debug, Default, PartialEq)]
struct Found {
    facts: Facts,
    /// Each once.
    answers: Vec<Answer>,
}

impl Found {
    fn new(facts: Facts, answers: Vec<Answer>) -> Found {
        let mut found = Found { facts, answers: Vec::new() };
        if found.facts.ja4.is_empty() {
            (found.facts.tls_version, found.facts.tls_cipher, found.facts.certificate) = (None, None, None);
            found.facts.protocol = found.facts.protocol.filter(|protocol| *protocol != "tls");
        }
        for answer in answers {
            if !found.answers.contains(&answer) {
                found.answers.push(answer);
            }
        }
        found
    }
}

fn route(end: End, port: u16) -> Route {
    match end {
        End::Low => Route { from: IpAddr::from([10, 0, 0, 1]), ports: (40_000, port) },
        End::High => Route { from: IpAddr::from([192, 0, 2, 1]), ports: (port, 40_000) },
    }
}

fn listen_to_streams(segments: &[Segment<'_>], port: u16) -> Found {
    let (mut conversation, mut open) = (Conversation::default(), Open::default());
    let (mut facts, mut answers) = (Facts::default(), Vec::new());
    for &(end, offset, payload) in segments {
        let notes = &mut Notes { facts: &mut facts, answers: &mut answers };
        let heard = conversation.segment(end, offset as u32, payload, route(end, port), notes, || Some(&mut open));
        if heard.is_over {
            break;
        }
    }
    Found::new(facts, answers)
}

/// Each datagram: its end and length, then its bytes.
fn datagrams(input: &mut Input<'_>, port: u16) {
    let repeated = input.byte();
    let mut once: Vec<(End, &[u8])> = Vec::new();
    while !input.is_empty() && once.len() < MOST_DATAGRAMS {
        let head = input.u16();
        let end = if head & 0x8000 == 0 { End::Low } else { End::High };
        once.push((end, input.take(usize::from(head & 0x0fff))));
    }
    let found = listen_to_datagrams(&once, port);
    check_facts(&found.facts);
    let times = |number: usize| 1 + usize::from(repeated >> number & 1);
    let twice: Vec<(End, &[u8])> =
        once.iter().enumerate().flat_map(|(number, &sent)| std::iter::repeat_n(sent, times(number))).collect();
    let again = listen_to_datagrams(&twice, port);
    assert!(found == again, "{found:#?}\n--- or, as {twice:?} ---\n{again:#?}");
}

fn listen_to_datagrams(datagrams: &[(End, &[u8])], port: u16) -> Found {
    let (mut conversation, mut open) = (Conversation::default(), Open::default());
    let (mut facts, mut answers) = (Facts::default(), Vec::new());
    for &(end, payload) in datagrams {
        let notes = &mut Notes { facts: &mut facts, answers: &mut answers };
        if conversation.datagram(end, payload, route(end, port), notes, || Some(&mut open)).is_over {
            break;
        }
    }
    Found::new(facts, answers)
}

fn check_facts(facts: &Facts) {
    let lists = [&facts.server_names, &facts.ja4, &facts.alpn, &facts.http_hosts, &facts.questions];
    assert!(lists.iter().all(|list| list.len() <= MOST_NAMES) && facts.announced.len() <= MOST_NAMES, "{facts:?}");
    let texts = [
        &facts.http_method,
        &facts.user_agent,
        &facts.http_server,
        &facts.ssh_client,
        &facts.ssh_server,
        &facts.banner,
        &facts.client_id,
    ];
    let announced = facts.announced.iter().flat_map(|said| [&said.name, &said.model]);
    for text in lists.into_iter().flatten().chain(texts.into_iter().chain(announced).flatten()) {
        assert!(text.len() <= MOST_TEXT && !text.chars().any(char::is_control), "{text:?}");
    }
}
