//! Fragments of known datagrams, cut, shuffled, overlapped, repeated and mixed as the input says.
//!
//! With memory enough a naive model says when each datagram must come out, and with which bytes. With too little, or
//! with a search for duplicates before it, a datagram may be lost but what comes out is a datagram that was sent.

use std::time::Duration;

use borderflow::capture::{Batch, LinkType};
use borderflow::decode::{Decoded, Decoder, FragmentOptions, Options, Packet, Skip};
use borderflow::net::Timestamp;

use super::input::Input;

/// Separate ranges of a datagram beyond which it is given up.
const MAX_RANGES: usize = 32;
const TIMEOUT: Duration = Duration::from_secs(2);
const DATAGRAMS: usize = 3;

/// Checks one input.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let choice = input.byte();
    let sent = Sent { is_v6: choice & 1 == 1, len: 8 + input.below(3000) };
    let is_strict = choice & 6 != 6;
    let fragments = fragments(&mut input, &sent, is_strict);
    if is_strict {
        strict(&sent, &fragments);
    } else {
        lenient(&sent, &fragments, &mut input);
    }
}

/// The datagrams: UDP between the same two hosts, told apart by their identification.
struct Sent {
    is_v6: bool,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Fragment {
    datagram: usize,
    start: usize,
    end: usize,
    /// Bytes of its payload that were captured.
    captured: usize,
    /// Which of several contents a sender that contradicts itself puts into it.
    variant: u8,
    time: Timestamp,
}

impl Fragment {
    fn is_cut(&self) -> bool {
        self.captured < self.end - self.start
    }
}

impl Sent {
    fn byte(&self, datagram: usize, variant: u8, at: usize) -> u8 {
        let len = (self.len as u16).to_be_bytes();
        // The ports, the length, and a checksum nobody needs.
        match at {
            0..2 => 0x20 + datagram as u8,
            2 => 0x30,
            3 => variant,
            4 => len[0],
            5 => len[1],
            _ => (at * 7 + at / 256) as u8 ^ variant.wrapping_mul(59) ^ datagram as u8,
        }
    }

    fn packet(&self, fragment: &Fragment) -> Vec<u8> {
        let Fragment { datagram, start, end, captured, variant, .. } = *fragment;
        let more = end < self.len;
        let mut packet = if self.is_v6 { v6(datagram, start, end, more) } else { v4(datagram, start, end, more) };
        packet.extend((start..start + captured).map(|at| self.byte(datagram, variant, at)));
        packet
    }

    fn header_len(&self) -> usize {
        if self.is_v6 { 48 } else { 20 }
    }
}

fn v4(datagram: usize, start: usize, end: usize, more: bool) -> Vec<u8> {
    let len = ((20 + end - start) as u16).to_be_bytes();
    let place = ((start / 8) as u16 | u16::from(more) << 13).to_be_bytes();
    let id = datagram as u8 + 1;
    vec![0x45, 0, len[0], len[1], 0, id, place[0], place[1], 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
}

fn v6(datagram: usize, start: usize, end: usize, more: bool) -> Vec<u8> {
    let len = ((8 + end - start) as u16).to_be_bytes();
    let place = (start as u16 | u16::from(more)).to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, len[0], len[1], 44, 64];
    for last in [1, 2] {
        packet.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend([17, 0, place[0], place[1], 0, 0, 0, datagram as u8 + 1]);
    packet
}

/// Each fragment: datagram and content, where it starts, its length, time step, what the snap length left.
fn fragments(input: &mut Input<'_>, sent: &Sent, is_strict: bool) -> Vec<Fragment> {
    let (mut fragments, mut nanos) = (Vec::new(), 1_000_000_000u64);
    while !input.is_empty() && fragments.len() < 400 {
        let choice = input.byte();
        let start = input.below(sent.len.div_ceil(8)) * 8;
        let len = match input.byte() {
            255 => sent.len,
            n => (usize::from(n) + 1) * 8,
        };
        let end = sent.len.min(start + len);
        nanos += match input.byte() {
            n @ 0..=199 => u64::from(n) * 1_000,
            n => u64::from(n - 199) * 50_000_000,
        };
        let is_cut = choice & 0x40 != 0 && is_strict;
        let captured = if is_cut { input.below(end - start + 1) } else { end - start };
        let variant = if is_strict { choice >> 2 & 3 } else { 0 };
        let datagram = usize::from(choice & 3) % DATAGRAMS;
        fragments.push(Fragment { datagram, start, end, captured, variant, time: Timestamp::from_nanos(nanos) });
    }
    fragments
}

/// A packet and its payload; `None` for a fragment kept.
type Came = Result<Option<(Packet, Vec<u8>)>, Skip>;

/// What the decoder makes of the fragments, one by one.
struct Run {
    decoder: Decoder,
    batch: Batch,
}

impl Run {
    fn new(sent: &Sent, fragments: &[Fragment], options: Options) -> Run {
        let mut batch = Batch::default();
        for fragment in fragments {
            let wire_len = sent.header_len() + fragment.end - fragment.start;
            batch.push(fragment.time, LinkType::RAW, wire_len as u32, &sent.packet(fragment));
        }
        Run { decoder: Decoder::new(options), batch }
    }

    fn step(&mut self, index: usize, fragment: &Fragment) -> Came {
        match self.decoder.decode(&mut self.batch, index, fragment.time)? {
            Decoded::Packet(packet) => Ok(Some((packet, packet.payload.of(&self.batch.bytes).to_vec()))),
            Decoded::Held => Ok(None),
        }
    }

    fn finish(mut self, frames: usize) {
        self.decoder.flush();
        let (counters, skips) = (self.decoder.counters(), self.decoder.skips());
        assert_eq!(counters.frames_decoded + skips.total(), frames as u64, "{counters:?} {skips:?}");
    }
}

/// A datagram as the simplest program would put it together.
#[derive(Clone, Default)]
struct Model {
    bytes: Vec<Option<u8>>,
    began: Option<Timestamp>,
    fragments: u32,
}

impl Model {
    fn add(&mut self, sent: &Sent, fragment: &Fragment) {
        if self.began.is_some_and(|began| began.after(TIMEOUT) <= fragment.time) {
            *self = Model::default();
        }
        if self.began.is_none() {
            *self = Model { bytes: vec![None; sent.len], began: Some(fragment.time), fragments: 0 };
        }
        self.fragments += 1;
        for (at, byte) in self.bytes.iter_mut().enumerate().take(fragment.end).skip(fragment.start) {
            byte.get_or_insert(sent.byte(fragment.datagram, fragment.variant, at));
        }
    }

    fn is_whole(&self) -> bool {
        self.bytes.iter().all(Option::is_some)
    }

    fn is_given_up(&self) -> bool {
        self.bytes.chunk_by(|a, b| a.is_some() == b.is_some()).filter(|run| matches!(run, [Some(_), ..])).count()
            > MAX_RANGES
    }
}

fn strict(sent: &Sent, fragments: &[Fragment]) {
    let bounds = FragmentOptions { max_bytes: 16 << 10, max_datagrams: 8, timeout: TIMEOUT };
    let options = Options { fragments: bounds, duplicate_window: Duration::ZERO, ..Options::default() };
    let mut run = Run::new(sent, fragments, options);
    let mut models = vec![Model::default(); DATAGRAMS];
    for (index, fragment) in fragments.iter().enumerate() {
        let outcome = run.step(index, fragment);
        let mut alone = Model::default();
        let is_atomic = fragment.start == 0 && fragment.end == sent.len;
        if fragment.is_cut() {
            assert_is_cut(sent, fragment, outcome);
            continue;
        }
        let model = if is_atomic { Some(&mut alone) } else { models.get_mut(fragment.datagram) };
        let Some(model) = model else { unreachable!("datagram {}", fragment.datagram) };
        model.add(sent, fragment);
        if model.is_given_up() {
            assert_eq!(outcome, Ok(None));
            *model = Model::default();
        } else if model.is_whole() {
            assert_is_whole(sent, model, outcome);
            *model = Model::default();
        } else {
            assert_eq!(outcome, Ok(None), "{fragment:?} completes nothing");
        }
    }
    run.finish(fragments.len());
}

/// A fragment of which bytes are missing counts by itself where it has the ports.
fn assert_is_cut(sent: &Sent, fragment: &Fragment, outcome: Came) {
    match outcome {
        Ok(Some((packet, payload))) => {
            assert_eq!((fragment.start, packet.frames), (0, 1));
            assert_eq!(packet.payload_len as usize, fragment.end - 8);
            let sent = (8..fragment.captured.max(8)).map(|at| sent.byte(fragment.datagram, fragment.variant, at));
            assert!(sent.eq(payload), "{fragment:?}");
        }
        Err(Skip::Truncated) => assert!(fragment.start == 0 && fragment.captured < 4, "{fragment:?}"),
        Err(Skip::FragmentIncomplete) => assert!(fragment.start > 0, "{fragment:?}"),
        other => panic!("{fragment:?} gave {other:?}"),
    }
}

fn assert_is_whole(sent: &Sent, model: &Model, outcome: Came) {
    let expected: Vec<u8> = model.bytes.iter().copied().flatten().collect();
    let Ok(Some((packet, payload))) = outcome else { panic!("the datagram is whole, but {outcome:?}") };
    assert_eq!((packet.payload_len as usize, packet.frames), (sent.len - 8, model.fragments));
    assert!(packet.ip_bytes as usize >= sent.len + sent.header_len() * model.fragments as usize);
    assert_eq!(Some(payload.as_slice()), expected.get(8..));
    let port = |at: usize| expected.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    assert_eq!((Some(packet.source_port), Some(packet.destination_port)), (port(0), port(2)));
}

/// Little memory, perhaps a search for duplicates; one content per datagram.
fn lenient(sent: &Sent, fragments: &[Fragment], input: &mut Input<'_>) {
    let bounds = FragmentOptions {
        max_bytes: input.below(5) << 10,
        max_datagrams: input.below(DATAGRAMS),
        timeout: Duration::from_millis(u64::from(input.byte())),
    };
    let window = if input.flag() { Duration::from_millis(10) } else { Duration::ZERO };
    let options = Options { fragments: bounds, duplicate_window: window, ..Options::default() };
    let mut run = Run::new(sent, fragments, options);
    for (index, fragment) in fragments.iter().enumerate() {
        if let Ok(Some((packet, payload))) = run.step(index, fragment) {
            let expected: Vec<u8> = (8..sent.len).map(|at| sent.byte(fragment.datagram, 0, at)).collect();
            assert_eq!((packet.payload_len as usize, payload), (expected.len(), expected));
        }
    }
    run.finish(fragments.len());
}
