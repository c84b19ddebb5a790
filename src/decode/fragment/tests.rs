//! Reassembly of fragments, tested on a decoder.

use std::time::Duration;

use super::*;
use crate::capture::{Batch, LinkType};
use crate::decode::{Decoded, Decoder, Options, Packet, golden};
use proptest::prelude::*;

/// The fragment `start..end` of `payload` in an IPv4 packet.
fn v4(id: u16, payload: &[u8], (start, end): (usize, usize)) -> Vec<u8> {
    let mut bytes = golden::ipv4(17, 64, id, &payload[start..end]);
    let field = (start / 8) as u16 | if end < payload.len() { 0x2000 } else { 0 };
    bytes[6..8].copy_from_slice(&field.to_be_bytes());
    bytes
}

fn v6(id: u32, payload: &[u8], (start, end): (usize, usize)) -> Vec<u8> {
    let field = start as u16 | u16::from(end < payload.len());
    let header = [&[17, 0][..], &field.to_be_bytes(), &id.to_be_bytes()].concat();
    golden::ipv6(44, &[&header, &payload[start..end]].concat())
}

fn decoder() -> Decoder {
    Decoder::new(Options { duplicate_window: Duration::ZERO, ..Options::default() })
}

/// Decodes raw IP packets a second apart; the packets that come out with their payloads.
fn run(decoder: &mut Decoder, frames: &[Vec<u8>]) -> Vec<(Packet, Vec<u8>)> {
    let mut batch = Batch::default();
    for (second, bytes) in frames.iter().enumerate() {
        batch.push(Timestamp::from_parts(second as u64, 0), LinkType::RAW, 0, bytes);
    }
    let mut packets = Vec::new();
    for index in 0..frames.len() {
        let clock = batch.frames[index].timestamp;
        if let Ok(Decoded::Packet(packet)) = decoder.decode(&mut batch, index, clock) {
            packets.push((packet, packet.payload.of(&batch.bytes).to_vec()));
        }
    }
    packets
}

fn accounted(decoder: &mut Decoder) -> u64 {
    decoder.flush();
    decoder.counters().frames_decoded + decoder.skips().total()
}

#[test]
fn fragments_in_any_order_become_one_packet_with_their_volumes() {
    let payload = golden::udp(1000, 2000, &[7; 3000]);
    for make in [
        |part| (20, v4(1, &golden::udp(1000, 2000, &[7; 3000]), part)),
        |part| (48, v6(1, &golden::udp(1000, 2000, &[7; 3000]), part)),
    ] {
        let parts = [(1480, 2960), (2960, payload.len()), (0, 1480)].map(make);
        let header = parts[0].0;
        let mut decoder = decoder();
        let packets = run(&mut decoder, &parts.map(|(_, bytes)| bytes));
        let [(packet, bytes)] = packets.as_slice() else { panic!("{} packets", packets.len()) };
        assert_eq!((packet.frames, packet.ip_bytes as usize), (3, 3 * header + payload.len()));
        assert_eq!((packet.source_port, packet.payload_len, bytes.as_slice()), (1000, 3000, &[7; 3000][..]));
        assert_eq!((accounted(&mut decoder), decoder.skips().total()), (3, 0));
    }
}

#[test]
fn what_came_first_stays_where_fragments_overlap() {
    let good = golden::udp(1000, 2000, &[1; 100]);
    let bad = golden::udp(6666, 6666, &[2; 100]);
    let frames = [v4(1, &good, (0, 48)), v4(1, &bad, (0, 64)), v4(1, &good, (40, good.len()))];
    let mut decoder = decoder();
    let packets = run(&mut decoder, &frames);
    let [(packet, bytes)] = packets.as_slice() else { panic!("{} packets", packets.len()) };
    assert_eq!(packet.source_port, 1000);
    assert_eq!(bytes[..40], [1; 40]);
    assert_eq!(bytes[40..56], [2; 16]);
    assert_eq!(bytes[56..], [1; 44]);
    assert_eq!(decoder.counters().fragments_overlapping, 2);
}

#[test]
fn a_datagram_that_stays_incomplete_is_given_up_by_packet_time() {
    let payload = golden::udp(1000, 2000, &[7; 100]);
    let mut frames = vec![v4(1, &payload, (0, 48))];
    frames.resize(32, golden::inner());
    let mut decoder = decoder();
    run(&mut decoder, &frames);
    assert_eq!(decoder.skips().of(Skip::FragmentIncomplete), 1);
    assert_eq!(accounted(&mut decoder), 32);
}

#[test]
fn a_flood_of_fragments_keeps_to_its_memory_and_is_accounted_for() {
    let options = FragmentOptions { max_bytes: 16 << 10, max_datagrams: 8, ..FragmentOptions::default() };
    let mut decoder = Decoder::new(Options { fragments: options, ..Options::default() });
    let payload = golden::udp(1000, 2000, &[7; 8000]);
    let frames: Vec<_> = (0..2000u16).map(|id| v4(id, &payload, (0, 4000))).collect();
    run(&mut decoder, &frames);
    assert!(decoder.skips().of(Skip::FragmentIncomplete) >= 1990);
    assert_eq!(accounted(&mut decoder), 2000);
    assert_eq!(decoder.fragments.free_blocks.len(), 16);
    assert_eq!((decoder.fragments.free_slots.len(), decoder.fragments.oldest), (8, NONE));
}

#[test]
fn a_tunnel_in_fragments_gives_the_packet_inside_with_its_own_volume() {
    let inner = golden::ipv4(17, 64, 5, &golden::udp(4660, 502, &[9; 200]));
    let carried = golden::ipv4(4, 64, 6, &inner);
    let payload = &carried[20..];
    let mut parts: Vec<_> = [(0, 104), (104, payload.len())].map(|part| v4(6, payload, part)).to_vec();
    for part in &mut parts {
        part[9] = 4;
    }
    let mut decoder = decoder();
    let packets = run(&mut decoder, &parts);
    let [(packet, _)] = packets.as_slice() else { panic!("{} packets", packets.len()) };
    assert_eq!((packet.frames, packet.ip_bytes, packet.destination_port), (1, 228, 502));
    assert_eq!((decoder.counters().frames_decoded, accounted(&mut decoder)), (2, 2));
}

#[test]
fn a_lone_first_and_last_fragment_header_is_a_plain_packet() {
    let payload = golden::udp(4660, 502, b"atomic");
    let packets = run(&mut decoder(), &[v6(1, &payload, (0, payload.len()))]);
    assert_eq!((packets.len(), packets[0].0.frames, packets[0].0.ip_bytes), (1, 1, 40 + 8 + 14));
}

proptest! {
    #[test]
    fn any_split_order_and_repetition_gives_the_datagram_once(
        cuts in proptest::collection::btree_set(1usize..125, 1..12),
        order in proptest::collection::vec(proptest::num::usize::ANY, 40),
    ) {
        let content: Vec<u8> = (0..1000u32).map(|i| (i * 7) as u8).collect();
        let payload = golden::udp(1000, 2000, &content[..992]);
        let mut edges: Vec<usize> = cuts.iter().map(|cut| cut * 8).collect();
        edges.insert(0, 0);
        edges.push(payload.len());
        let mut parts: Vec<_> = edges.windows(2).map(|w| v4(3, &payload, (w[0], w[1]))).collect();
        for (index, pick) in order.iter().enumerate() {
            let other = pick % parts.len();
            let at = index % parts.len();
            parts.swap(at, other);
        }
        parts.push(parts[order[0] % parts.len()].clone());
        let mut decoder = decoder();
        let packets = run(&mut decoder, &parts);
        let [(packet, bytes)] = packets.as_slice() else { panic!("{} packets", packets.len()) };
        prop_assert_eq!(bytes.as_slice(), &content[..992]);
        prop_assert_eq!(packet.payload_len, 992);
        prop_assert_eq!(accounted(&mut decoder), parts.len() as u64);
    }

    #[test]
    fn random_fragments_never_break_the_account(
        parts in proptest::collection::vec((0u16..4, 0u16..0x4000, 0usize..300), 0..200),
        max_datagrams in 0usize..4,
        max_bytes in 0usize..8000,
    ) {
        let fragments = FragmentOptions { max_bytes, max_datagrams, timeout: Duration::from_secs(20) };
        let mut decoder = Decoder::new(Options { fragments, ..Options::default() });
        let frames: Vec<_> = parts.iter().map(|&(id, field, len)| {
            let mut bytes = golden::ipv4(17, 64, id, &vec![7; len]);
            bytes[6..8].copy_from_slice(&(field & 0x203f).to_be_bytes());
            bytes
        }).collect();
        run(&mut decoder, &frames);
        prop_assert_eq!(accounted(&mut decoder), frames.len() as u64);
        prop_assert_eq!(decoder.fragments.free_slots.len(), max_datagrams);
        prop_assert_eq!(decoder.fragments.free_blocks.len(), max_bytes / BLOCK_BYTES);
    }
}
