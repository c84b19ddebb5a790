//! Properties of the flow table: exact volumes under any disorder, conservation under any load, bounded memory.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::testing::{tcp, udp};
use super::*;
use crate::decode::TcpFlags;

/// Runs packets with their clock through one shard and returns every update, the end included.
fn run(options: &Options, packets: &[(u64, Packet)]) -> (Vec<FlowUpdate>, FlowCounters) {
    let hasher = FlowHasher::new(options.seed);
    let mut flows = Flows::new(options, 0, 1);
    let mut out = Vec::new();
    let mut clock = Timestamp::ZERO;
    for (frame, (seconds, packet)) in packets.iter().enumerate() {
        let packet = Packet { timestamp: Timestamp::from_parts(*seconds, 0), ..*packet };
        clock = clock.max(packet.timestamp);
        flows.observe(&arrival(&hasher, &packet, &[], frame as u64, clock), Envelope::default, &mut out);
        assert!(flows.len() <= options.max_flows.div_ceil(PARTITIONS) * PARTITIONS);
    }
    flows.expire(clock, &mut out);
    flows.finish(clock, &mut out);
    assert!(flows.is_empty());
    (out, flows.counters())
}

/// A whole TCP conversation: handshake, `there` and `back` bytes in segments of `mss`, acknowledgements, close.
fn conversation(there: u32, back: u32, mss: u32, isn: (u32, u32)) -> Vec<Packet> {
    const ACK: u8 = TcpFlags::ACK;
    let (a, b) = (("10.0.0.1", 40000), ("9.9.9.9", 443));
    let (x, y) = (isn.0.wrapping_add(1), isn.1.wrapping_add(1));
    let out = |flags, seq, ack, len| tcp(a.0, a.1, b.0, b.1, flags, seq, ack, len);
    let home = |flags, seq, ack, len| tcp(b.0, b.1, a.0, a.1, flags, seq, ack, len);
    let mut packets = vec![out(TcpFlags::SYN, isn.0, 0, 0), home(TcpFlags::SYN | ACK, isn.1, x, 0), out(ACK, x, y, 0)];
    let mut sent = 0;
    while sent < there {
        let len = mss.min(there - sent);
        packets.push(out(ACK, x.wrapping_add(sent), y, len));
        sent += len;
        packets.push(home(ACK, y, x.wrapping_add(sent), 0));
    }
    let mut answered = 0;
    while answered < back {
        let len = mss.min(back - answered);
        packets.push(home(ACK, y.wrapping_add(answered), x.wrapping_add(there), len));
        answered += len;
    }
    packets.push(out(ACK | TcpFlags::FIN, x.wrapping_add(there), y.wrapping_add(back), 0));
    packets.push(home(ACK | TcpFlags::FIN, y.wrapping_add(back), x.wrapping_add(there).wrapping_add(1), 0));
    packets
}

fn total(updates: &[FlowUpdate]) -> (u64, u64, u64) {
    let ends: Vec<_> = updates.iter().filter(|update| update.cause.is_end()).collect();
    let sum = |pick: fn(&FlowUpdate) -> u64| ends.iter().map(|update| pick(update)).sum();
    let of = |address: &str| {
        let address: std::net::IpAddr = address.parse().unwrap();
        ends.iter()
            .flat_map(|end| [end.initiator, end.responder])
            .filter(|party| party.endpoint.address == address)
            .map(|party| party.total.payload_bytes)
            .sum::<u64>()
    };
    (of("10.0.0.1"), of("9.9.9.9"), sum(|end| end.initiator.missed_bytes + end.responder.missed_bytes))
}

proptest! {
    #[test]
    fn payload_counts_once_however_the_capture_shuffles_and_repeats_it(
        there in 0u32..9_000, back in 0u32..9_000, isn in any::<(u32, u32)>(),
        swaps in prop::collection::vec((0usize..100, 0usize..100), 0..30),
        repeats in prop::collection::vec((0usize..100, 0usize..100), 0..10),
    ) {
        let mut packets = conversation(there, back, 1000, isn);
        let len = packets.len();
        for (from, to) in swaps {
            packets.swap(from % len, to % len);
        }
        for (which, place) in repeats {
            let packet = packets[which % len];
            packets.insert(place % packets.len(), packet);
        }
        let timed: Vec<_> = packets.into_iter().map(|packet| (1, packet)).collect();
        let (updates, _) = run(&Options::default(), &timed);
        prop_assert_eq!(total(&updates), (u64::from(there), u64::from(back), 0));
    }

    #[test]
    fn what_the_capture_lost_is_missed_and_never_counted(
        there in 0u32..9_000, isn in any::<(u32, u32)>(), lost in prop::collection::vec(0u32..9, 0..4),
    ) {
        let (syn, _) = isn;
        let gone = |packet: &Packet| {
            let offset = packet.tcp.sequence.wrapping_sub(syn.wrapping_add(1));
            packet.source_port == 40000 && packet.payload_len > 0 && lost.contains(&(offset / 1000))
        };
        let all = conversation(there, 10, 1000, isn);
        let missing: u64 = all.iter().filter(|packet| gone(packet)).map(|packet| u64::from(packet.payload_len)).sum();
        let kept: Vec<_> = all.into_iter().filter(|packet| !gone(packet)).map(|packet| (1, packet)).collect();
        let (updates, _) = run(&Options::default(), &kept);
        let (sent, received, missed) = total(&updates);
        prop_assert_eq!((sent, received), (u64::from(there) - missing, 10));
        // A single lost byte at the very end cannot be told from an unseen FIN.
        prop_assert!(missed == missing || missing - missed == 1);
    }

    #[test]
    fn every_packet_and_byte_is_in_exactly_one_flow_under_any_load(
        load in prop::collection::vec((0u64..400, 0u8..6, 0u16..40, any::<bool>(), 0u8..64), 0..300),
    ) {
        let options = Options { max_flows: 64, ..Options::default() };
        let packets: Vec<_> = load.iter().map(|&(second, host, port, back, flags)| {
            let client = format!("10.0.0.{host}");
            let packet = match (back, port % 2 == 0) {
                (false, false) => udp(&client, port, "9.9.9.9", 53),
                (true, false) => udp("9.9.9.9", 53, &client, port),
                (false, true) => tcp(&client, port, "9.9.9.9", 80, flags, u32::from(port) * 7, 9, 10),
                (true, true) => tcp("9.9.9.9", 80, &client, port, flags, 9, 3, 20),
            };
            (second, packet)
        }).collect();
        let (updates, counters) = run(&options, &packets);
        let mut deltas: HashMap<u64, (u64, u64, u64)> = HashMap::new();
        let (mut sum_packets, mut sum_bytes) = (0, 0);
        for update in &updates {
            let delta = deltas.entry(update.flow).or_default();
            for party in [update.initiator, update.responder] {
                delta.0 += party.delta.packets;
                delta.1 += party.delta.ip_bytes;
                delta.2 += party.delta.payload_bytes;
            }
            if update.cause.is_end() {
                let (i, r) = (update.initiator.total, update.responder.total);
                let total = (i.packets + r.packets, i.ip_bytes + r.ip_bytes, i.payload_bytes + r.payload_bytes);
                prop_assert_eq!(deltas.get(&update.flow), Some(&total));
                sum_packets += total.0;
                sum_bytes += total.1;
            }
        }
        prop_assert_eq!(sum_packets, packets.len() as u64);
        prop_assert_eq!(sum_bytes, packets.iter().map(|(_, packet)| u64::from(packet.ip_bytes)).sum::<u64>());
        prop_assert_eq!(counters.total(), updates.iter().filter(|update| update.cause.is_end()).count() as u64);
    }
}

#[test]
fn a_flood_of_lonely_packets_pushes_out_no_conversation() {
    let options = Options { max_flows: 6_400, ..Options::default() };
    let mut packets = vec![(1, udp("10.0.0.1", 4000, "9.9.9.9", 53)), (1, udp("9.9.9.9", 53, "10.0.0.1", 4000))];
    for n in 0..100_000u32 {
        packets.push((1, udp(&std::net::Ipv4Addr::from_bits(0x0b00_0000 + n).to_string(), 99, "10.0.0.1", 5)));
    }
    packets.push((2, udp("10.0.0.1", 4000, "9.9.9.9", 53)));
    let (updates, counters) = run(&options, &packets);
    let kept = updates.iter().find(|update| update.cause.is_end() && update.initiator.endpoint.port == 4000).unwrap();
    assert_eq!((kept.initiator.total.packets, kept.responder.total.packets), (2, 1));
    assert!(counters.evicted >= 100_000 - 6_400, "{counters:?}");
}

#[test]
fn an_idle_flow_ends_at_its_last_packet_plus_its_idle_time_whenever_that_is_noticed() {
    let packets = [(100, udp("10.0.0.1", 4000, "9.9.9.9", 53)), (9_000, udp("10.0.0.1", 4000, "9.9.9.9", 53))];
    let (updates, _) = run(&Options::default(), &packets);
    let ends: Vec<_> =
        updates.iter().filter(|update| update.cause.is_end()).map(|end| (end.at.as_secs(), end.cause)).collect();
    assert_eq!(ends, [(160, Cause::Idle), (9_000, Cause::EndOfInput)]);
}

#[test]
fn a_new_syn_on_used_ports_is_a_new_flow_and_a_repeated_one_is_not() {
    let mut packets: Vec<_> = conversation(10, 10, 1000, (5, 9)).into_iter().map(|packet| (1, packet)).collect();
    packets.insert(1, packets[0]);
    let again: Vec<_> = conversation(10, 10, 1000, (77_777, 9)).into_iter().map(|packet| (2, packet)).collect();
    packets.extend(again);
    let (updates, counters) = run(&Options::default(), &packets);
    assert_eq!(counters.tcp, 2);
    assert_eq!(total(&updates), (20, 20, 0));
    assert!(updates.iter().any(|update| update.cause == Cause::PortReuse));
}

#[test]
fn ports_used_again_are_a_new_flow_though_the_first_syn_was_refused_or_not_seen() {
    let syn = |sequence| tcp("10.0.0.1", 40000, "9.9.9.9", 443, TcpFlags::SYN, sequence, 0, 0);
    let refuse = |sequence| tcp("9.9.9.9", 443, "10.0.0.1", 40000, TcpFlags::RST | TcpFlags::ACK, 0, sequence, 0);
    let refused = [(1, syn(5)), (1, refuse(6)), (2, syn(77_777)), (2, refuse(77_778))];
    let (_, counters) = run(&Options::default(), &refused);
    assert_eq!(counters.tcp, 2, "a refused connection and its second try");
    let (_, counters) = run(&Options::default(), &[(1, syn(5)), (2, syn(5)), (3, refuse(6))]);
    assert_eq!(counters.tcp, 1, "a repeated SYN");

    let mut unseen: Vec<_> = conversation(10, 10, 1000, (5, 9)).into_iter().map(|packet| (1, packet)).collect();
    let again = conversation(10, 10, 1000, (77_777, 9_000_000)).into_iter().skip(1);
    unseen.extend(again.map(|packet| (2, packet)));
    let (updates, counters) = run(&Options::default(), &unseen);
    assert_eq!(counters.tcp, 2, "a SYN-ACK whose SYN was lost");
    assert_eq!(total(&updates), (20, 20, 0));
}

#[test]
fn a_long_upload_is_reported_while_it_lives_at_each_step_and_at_least_every_interval() {
    let options = Options { tcp_idle: Duration::from_secs(900), ..Options::default() };
    let mut packets = Vec::new();
    for n in 0..200u32 {
        packets.push((u64::from(n), tcp("10.0.0.1", 40000, "9.9.9.9", 443, TcpFlags::ACK, n * 1000, 1, 1000)));
        packets.push((u64::from(n), tcp("9.9.9.9", 443, "10.0.0.1", 40000, TcpFlags::ACK, 1, n * 1000 + 1000, 0)));
    }
    let (updates, _) = run(&options, &packets);
    let alive: Vec<_> = updates
        .iter()
        .filter(|update| !update.cause.is_end())
        .map(|update| (update.at.as_secs(), update.initiator.total.payload_bytes))
        .collect();
    assert_eq!(alive, [(0, 1_000), (60, 61_000), (65, 66_000), (120, 121_000), (131, 132_000), (180, 181_000)]);
}

#[test]
fn one_direction_alone_is_recognised_and_keeps_its_initiator() {
    let both = conversation(5_000, 3_000, 1000, (5, 9));
    let seen: Vec<_> = both.into_iter().filter(|packet| packet.source_port == 443).map(|packet| (1, packet)).collect();
    let (updates, counters) = run(&Options::default(), &seen);
    let end = updates.last().unwrap();
    assert!(end.one_sided && end.answered);
    assert_eq!((end.initiator.endpoint.port, end.basis), (40000, InitiatorBasis::SynAck));
    assert_eq!((end.initiator.missed_bytes, end.responder.total.payload_bytes), (5_000, 3_000));
    assert_eq!(counters.one_sided, 1);
}

#[test]
fn an_initiator_seen_midstream_is_corrected_while_the_flow_lives() {
    let ack = TcpFlags::ACK;
    let mut packets = vec![(1, tcp("9.9.9.9", 40001, "10.0.0.1", 40000, ack, 1, 1, 0))];
    packets.push((1, tcp("10.0.0.1", 40000, "9.9.9.9", 40001, ack, 1, 1, 10)));
    let (updates, _) = run(&Options::default(), &packets);
    let mut end = updates.last().unwrap().clone();
    assert_eq!((end.initiator.endpoint.port, end.basis), (40001, InitiatorBasis::First));
    end.settle_by_role(|address| address.to_string().starts_with("10."));
    assert_eq!((end.initiator.endpoint.port, end.basis), (40000, InitiatorBasis::Role));
    assert_eq!(end.initiator.total.payload_bytes, 10);

    let hasher = FlowHasher::new(0);
    let (mut flows, mut out) = (Flows::new(&Options::default(), 0, 1), Vec::new());
    let hello = tcp("10.0.0.1", 40000, "9.9.9.9", 443, ack, 1, 1, 8);
    let answer = tcp("9.9.9.9", 443, "10.0.0.1", 40000, TcpFlags::SYN | ack, 0, 1, 0);
    flows.observe(
        &arrival(&hasher, &hello, &[22, 3, 1, 2, 0, 1, 0, 1], 0, Timestamp::ZERO),
        Envelope::default,
        &mut out,
    );
    assert_eq!(out.last().unwrap().basis, InitiatorBasis::Grammar);
    flows.observe(&arrival(&hasher, &answer, &[], 1, Timestamp::ZERO), Envelope::default, &mut out);
    flows.finish(Timestamp::ZERO, &mut out);
    assert_eq!(
        (out.last().unwrap().basis, out.last().unwrap().initiator.endpoint.port),
        (InitiatorBasis::SynAck, 40000)
    );
}

#[test]
fn a_keep_alive_before_the_first_data_hides_no_name() {
    let hasher = FlowHasher::new(0);
    let (mut flows, mut out) = (Flows::new(&Options::default(), 0, 1), Vec::new());
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let probe = tcp("10.0.0.1", 40000, "9.9.9.9", 80, TcpFlags::ACK, 99, 1, 1);
    let data = tcp("10.0.0.1", 40000, "9.9.9.9", 80, TcpFlags::ACK, 100, 1, request.len() as u32);
    for (frame, (packet, payload)) in [(probe, &[0][..]), (probe, &[0]), (data, request)].iter().enumerate() {
        flows.observe(&arrival(&hasher, packet, payload, frame as u64, Timestamp::ZERO), Envelope::default, &mut out);
    }
    flows.finish(Timestamp::ZERO, &mut out);
    let facts = out.last().unwrap().facts.clone().unwrap();
    assert_eq!(facts.http_hosts, ["a.example"]);
}
