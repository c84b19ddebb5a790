//! Any frames of any link type through the decoder.
//!
//! Input: options, then frames (link type, time, length, bytes). Every frame is accounted for, packets lie inside their
//! batch and within the volume of their headers, and what comes out does not depend on the batches frames come in.

use std::time::Duration;

use borderflow::capture::{Batch, Frame, LinkType};
use borderflow::decode::{
    Counters, Decoded, Decoder, Encapsulation, FragmentOptions, Options, Packet, Payload, Skip, TunnelSet, envelope,
};
use borderflow::net::{IpVersion, Timestamp};

use super::input::Input;

/// Link types worth most tries; any other comes by number.
const LINKS: [LinkType; 32] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::PPP_WITH_DIRECTION,
    LinkType::CISCO_HDLC,
    LinkType::IEEE802_11,
    LinkType::RADIOTAP,
    LinkType::PRISM,
    LinkType::AVS,
    LinkType::PPI,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::NFLOG,
    LinkType::IPOIB,
    LinkType::FRAME_RELAY,
    LinkType::ATM_RFC1483,
    LinkType::TOKEN_RING,
    LinkType::FDDI,
    LinkType::SLIP,
    LinkType::IP_OVER_FC,
    LinkType::DSA_TAG,
    LinkType::INFINIBAND,
    LinkType::RAW_12,
    LinkType::RAW_14,
    LinkType::USB_LINUX,
    LinkType::CAN_SOCKETCAN,
];

/// Longest payload of a reassembled datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Checks one input.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let options = options(&mut input);
    let frames = frames(&mut input);
    let together = run(&options, &frames, frames.len().max(1));
    let apart = run(&options, &frames, 1);
    assert_eq!(together, apart, "what is decoded depends on the batches");
}

fn options(input: &mut Input<'_>) -> Options {
    let choice = input.byte();
    let tunnels = match choice >> 6 {
        0..=2 => TunnelSet::ALL,
        _ => Encapsulation::TUNNELS.into_iter().skip(usize::from(choice) % 17).step_by(2).collect(),
    };
    Options {
        max_depth: if choice & 1 == 0 { 16 } else { input.byte() },
        tunnels,
        fragments: FragmentOptions {
            max_bytes: 16 << 10,
            max_datagrams: if choice & 2 == 0 { 8 } else { 1 },
            timeout: Duration::from_secs(2),
        },
        duplicate_window: if choice & 4 == 0 { Duration::ZERO } else { Duration::from_millis(50) },
    }
}

struct Given<'a> {
    time: Timestamp,
    link: LinkType,
    wire_len: u32,
    data: &'a [u8],
}

/// Each frame: link type, time step, what the snap length cut, length, bytes.
fn frames<'a>(input: &mut Input<'a>) -> Vec<Given<'a>> {
    let (mut frames, mut nanos) = (Vec::new(), 1_000_000_000u64);
    while !input.is_empty() {
        let link = match input.byte() {
            255 => LinkType(input.u16()),
            n => LINKS.get(usize::from(n) % LINKS.len()).copied().unwrap_or(LinkType::ETHERNET),
        };
        nanos += match input.byte() {
            n @ 0..=127 => u64::from(n) * 10_000,
            n => u64::from(n - 127) * 20_000_000,
        };
        let cut = match input.byte() {
            255 => u32::MAX,
            n => u32::from(n.saturating_sub(127)) * 17,
        };
        let len = usize::from(input.u16() & 0x0fff);
        let data = input.take(len);
        let wire_len = cut.saturating_add(data.len() as u32);
        frames.push(Given { time: Timestamp::from_nanos(nanos), link, wire_len, data });
    }
    frames
}

/// A packet freed of its place in the batch, with its payload; `None` for a fragment kept.
type Came = Result<Option<(Packet, Vec<u8>)>, Skip>;

#[derive(Debug, PartialEq)]
struct Run {
    outcomes: Vec<Came>,
    counters: Counters,
    skips: Vec<u64>,
}

fn run(options: &Options, frames: &[Given<'_>], batch_len: usize) -> Run {
    let mut decoder = Decoder::new(*options);
    let (mut outcomes, mut clock) = (Vec::new(), Timestamp::ZERO);
    for given in frames.chunks(batch_len) {
        let mut batch = Batch::default();
        for frame in given {
            batch.push(frame.time, frame.link, frame.wire_len, frame.data);
        }
        for (index, frame) in given.iter().enumerate() {
            clock = clock.max(frame.time);
            outcomes.push(decode(&mut decoder, &mut batch, index, clock, options));
        }
    }
    decoder.flush();
    let skips = decoder.skips();
    let accounted = decoder.counters().frames_decoded + skips.total();
    assert_eq!(accounted, frames.len() as u64, "{:?} {skips:?}", decoder.counters());
    Run { outcomes, counters: *decoder.counters(), skips: Skip::ALL.map(|skip| skips.of(skip)).to_vec() }
}

/// Decodes and checks one frame.
fn decode(decoder: &mut Decoder, batch: &mut Batch, index: usize, clock: Timestamp, options: &Options) -> Came {
    let before = batch.bytes.len();
    let decoded = decoder.decode(batch, index, clock);
    assert!(batch.bytes.len() - before <= MAX_DATAGRAM * (usize::from(options.max_depth) + 1), "memory is bounded");
    if let Some(frame) = batch.frame(index) {
        check_envelope(frame, options);
    }
    match decoded {
        Ok(Decoded::Packet(packet)) => {
            check_packet(&packet, batch, index);
            let payload = packet.payload.of(&batch.bytes).to_vec();
            Ok(Some((Packet { frame: 0, payload: Payload::default(), ..packet }, payload)))
        }
        Ok(Decoded::Held) => Ok(None),
        Err(skip) => Err(skip),
    }
}

fn check_packet(packet: &Packet, batch: &Batch, index: usize) {
    assert_eq!(packet.frame as usize, index);
    assert!(packet.frames >= 1);
    assert_eq!(packet.payload.of(&batch.bytes).len(), packet.payload.len as usize, "the payload lies in the batch");
    assert!(packet.payload.len <= packet.payload_len, "{packet:?}");
    let header = match packet.version {
        IpVersion::V4 => 20,
        IpVersion::V6 => 40,
    };
    assert!(u64::from(packet.ip_bytes) >= u64::from(packet.payload_len) + header, "{packet:?}");
    let bits = packet.source | packet.destination;
    assert!(packet.version == IpVersion::V6 || u32::try_from(bits).is_ok(), "{packet:?}");
}

fn check_envelope(frame: Frame<'_>, options: &Options) {
    let envelope = envelope(frame, options);
    assert!(envelope.path.len() <= usize::from(options.max_depth), "{envelope:?}");
    for stripped in envelope.path.iter() {
        assert!(!stripped.kind.is_tunnel() || options.tunnels.has(stripped.kind), "{envelope:?}");
        assert!(stripped.to_string().starts_with(stripped.kind.name()));
    }
    assert!(envelope.vlans.iter().all(|id| id < 4096), "{envelope:?}");
}
