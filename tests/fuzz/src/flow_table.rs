//! Any sequence of packets through a small flow table.
//!
//! What ends is what was fed, deltas sum to totals, the table keeps to its bound and is empty at the end. A second run,
//! any number of shards and any cut into batches give the same updates in the same order, and what a batch causes comes
//! after what the batches before it caused.

use std::collections::BTreeMap;
use std::time::Duration;

use borderflow::decode::{Envelope, Packet, Payload, TcpFields, TcpFlags};
use borderflow::flow::{
    Arrival, Cause, FlowCounters, FlowHasher, FlowKey, FlowUpdate, Flows, Options, PARTITIONS, Party, Place, Volume,
    partition,
};
use borderflow::net::{Endpoint, IpVersion, Timestamp};

use super::input::Input;

/// Flows are crowded into few partitions, so that these become full.
const CROWDED: usize = 3;

/// Checks one input.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let options = options(&mut input);
    let packets = packets(&mut input);
    let cuts = |index: usize| packets.get(index).is_some_and(|fed| fed.ends_batch);
    let first = run(&options, &packets, PARTITIONS, cuts);
    check_conservation(&packets, &first);
    first.assert_equals(&run(&options, &packets, PARTITIONS, cuts), "a second run differs");
    first.assert_equals(&run(&options, &packets, PARTITIONS, |_| true), "the batches make a difference");
    // Fewer shards have more tables each, which takes time.
    let shards = if packets.len() % 16 == 1 { 1 } else { 31 };
    first.assert_equals(&run(&options, &packets, shards, cuts), "the number of shards makes a difference");
}

struct Fed {
    packet: Packet,
    payload: &'static [u8],
    ends_batch: bool,
}

fn options(input: &mut Input<'_>) -> Options {
    let choice = input.byte();
    let seconds = |bits: u8, few: u64, many: u64| Duration::from_secs(if choice & bits == 0 { few } else { many });
    Options {
        max_flows: PARTITIONS * (1 + usize::from(choice & 3)),
        tcp_idle: seconds(4, 30, 20_000),
        tcp_closed_idle: seconds(8, 2, 10),
        udp_idle: seconds(16, 5, 120),
        other_idle: seconds(32, 7, 60),
        unanswered_idle: seconds(64, 3, 60),
        update_interval: seconds(128, 1, 60),
        max_inspections: PARTITIONS * (1 + usize::from(choice & 1)),
        max_dialogues: PARTITIONS * (1 + usize::from(choice & 1)),
        silence: Duration::from_secs(2),
        seed: 0,
    }
}

/// Whether time is about to end; then each packet: hosts and direction, ports and transport, flags, length, sequence numbers, time step.
fn packets(input: &mut Input<'_>) -> Vec<Fed> {
    let mut packets = Vec::new();
    let mut nanos = if input.flag() { u64::MAX - 60_000_000_000 } else { 5_000_000_000u64 };
    while !input.is_empty() && packets.len() < 2000 {
        let (hosts, kind, flags, step) = (input.byte(), input.byte(), input.byte(), input.byte());
        let at = match step {
            0..=127 => nanos.saturating_add(u64::from(step) * 10_000_000),
            128..=159 => nanos.saturating_sub(u64::from(step - 127) * 100_000_000),
            160..=254 => nanos.saturating_add(u64::from(step - 159) * 250_000_000),
            255 => nanos.saturating_add(9_000_000_000_000),
        };
        nanos = nanos.max(at);
        let (payload_len, payload) = payload(input.byte());
        let packet = packet(input, [hosts, kind, flags], payload_len, Timestamp::from_nanos(at));
        packets.push(Fed { packet, payload, ends_batch: hosts & 0x80 != 0 });
    }
    packets
}

fn packet(input: &mut Input<'_>, [hosts, kind, flags]: [u8; 3], payload_len: u32, timestamp: Timestamp) -> Packet {
    let protocol = match kind & 7 {
        0..=3 => 6,
        4 | 5 => 17,
        6 => 1,
        _ => 132,
    };
    let here = (0x0a00_0001 + u128::from(hosts & 3), 40_000 + u16::from(kind >> 3 & 7));
    let there = (0x0909_0909 + u128::from(hosts >> 2 & 1), if kind & 0x40 == 0 { 443 } else { 53 });
    let (source, destination) = if hosts & 0x10 == 0 { (here, there) } else { (there, here) };
    let tcp = TcpFields { sequence: number(input), acknowledgement: number(input), flags: TcpFlags(flags) };
    Packet {
        timestamp,
        source: source.0,
        destination: destination.0,
        frame: 0,
        frames: if hosts & 0x60 == 0x60 { u32::MAX } else { 1 },
        ip_bytes: payload_len.saturating_add(40),
        payload_len,
        payload: Payload::default(),
        tcp: if protocol == 6 { tcp } else { TcpFields::default() },
        source_port: source.1,
        destination_port: destination.1,
        protocol,
        version: if hosts & 8 == 0 { IpVersion::V4 } else { IpVersion::V6 },
        one_way: protocol == 1 && flags & 1 == 1,
    }
}

/// What inspection listens to, whole and in parts.
const SAYINGS: [&[u8]; 12] = [
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHo",
    b"st: b.example\r\n\r\n",
    b"SSH-2.0-one\r\n",
    b"SSH-2",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x00\x07\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x09\x00\x04\x2f\x61\x01\x0a",
    b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01",
    b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
    b"\xc3\x00\x00\x00\x01\x08\x01\x02\x03\x04\x05\x06\x07\x08\x00\x00\x44\x9e",
    &[0; 40],
];

/// Payload length by the headers, and what of it was captured.
fn payload(choice: u8) -> (u32, &'static [u8]) {
    match choice {
        n @ 0..=149 => (u32::from(n), &[]),
        n @ 150..=190 => (u32::from(n - 149) * 1460, &[]),
        n @ 191..=195 => (1 << (u32::from(n - 191) * 6 + 4), &[]),
        n => {
            let said = SAYINGS.get(usize::from(n) % SAYINGS.len()).copied().unwrap_or_default();
            (said.len() as u32, said)
        }
    }
}

/// Numbers near each other, near the wrap-around, or anywhere.
fn number(input: &mut Input<'_>) -> u32 {
    let offset = u32::from(input.byte());
    match input.byte() {
        n @ 0..=99 => u32::from(n).wrapping_mul(100).wrapping_add(offset),
        n @ 100..=199 => u32::from(n - 100).wrapping_mul(100).wrapping_add(offset).wrapping_sub(5000),
        n @ 200..=231 => (1u32 << (n - 200)).wrapping_add(offset).wrapping_sub(128),
        _ => input.u32(),
    }
}

struct Run {
    updates: Vec<FlowUpdate>,
    counters: FlowCounters,
}

fn run(options: &Options, packets: &[Fed], shards: usize, ends_batch: impl Fn(usize) -> bool) -> Run {
    let hasher = FlowHasher::new(options.seed);
    let used = 0..CROWDED.min(shards);
    let mut flows: Vec<Flows> = used.map(|shard| Flows::new(options, shard, shards)).collect();
    let (mut updates, mut batch, mut clock) = (Vec::new(), Vec::new(), Timestamp::ZERO);
    for (index, Fed { packet, payload, .. }) in packets.iter().enumerate() {
        clock = clock.max(packet.timestamp);
        let (key, sender) = FlowKey::of(packet);
        let hash = crowded(hasher.hash(&key));
        let arrival = Arrival { packet, payload, key, sender, hash, frame: index as u64, clock };
        if let Some(shard) = flows.get_mut(partition(hash) % shards) {
            shard.observe(&arrival, Envelope::default, &mut batch);
            assert!(shard.len() <= options.max_flows, "the table outgrows its bound");
        }
        if ends_batch(index) {
            flows.iter_mut().for_each(|shard| shard.expire(clock, &mut batch));
            judge(&mut batch, &mut updates);
        }
    }
    flows.iter_mut().for_each(|shard| shard.finish(clock, &mut batch));
    judge(&mut batch, &mut updates);
    assert!(flows.iter().all(Flows::is_empty), "flows are left after the end");
    let mut counters = FlowCounters::default();
    flows.iter().for_each(|shard| counters.add(&shard.counters()));
    Run { updates, counters }
}

/// Takes the updates of a batch in their order, all of them after those of earlier batches.
fn judge(batch: &mut Vec<FlowUpdate>, updates: &mut Vec<FlowUpdate>) {
    batch.sort_by_key(|update| update.place);
    if let (Some(last), Some(first)) = (updates.last(), batch.first()) {
        assert!(last.place < first.place, "{first:?} comes too late, after {last:?}");
    }
    updates.append(batch);
}

/// Few partitions and few index buckets, still a function of the flow.
fn crowded(hash: u64) -> u64 {
    ((hash >> 58) % CROWDED as u64) << 58 | hash & 0x7
}

type PartyFacts = (Endpoint, Volume, Volume, u64);
type Told = ((Timestamp, Place, u64), Cause, [PartyFacts; 2], [Timestamp; 2], [bool; 3], String);

impl Run {
    fn assert_equals(&self, other: &Run, otherwise: &str) {
        assert_eq!(self.facts(), other.facts(), "{otherwise}");
        assert_eq!(self.counters, other.counters, "{otherwise}");
    }

    fn facts(&self) -> Vec<Told> {
        let party = |party: &Party| (party.endpoint, party.total, party.delta, party.missed_bytes);
        let facts = |update: &FlowUpdate| {
            let parties = [party(&update.initiator), party(&update.responder)];
            let states = [update.answered, update.was_answered, update.one_sided];
            let said = match (&update.facts, update.answers.as_slice()) {
                (None, []) => String::new(),
                said => format!("{said:?}"),
            };
            let seen = [update.first_seen, update.last_seen];
            ((update.at, update.place, update.flow), update.cause, parties, seen, states, said)
        };
        self.updates.iter().map(facts).collect()
    }
}

/// Transport, sender and receiver.
type Direction = (u8, IpVersion, bool, Endpoint, Endpoint);

fn check_conservation(packets: &[Fed], run: &Run) {
    let mut fed: BTreeMap<Direction, Volume> = BTreeMap::new();
    for Fed { packet, .. } in packets {
        let end = |bits, port| Endpoint { address: packet.version.address(bits), port };
        let (from, to) = (end(packet.source, packet.source_port), end(packet.destination, packet.destination_port));
        let volume = fed.entry((packet.protocol, packet.version, packet.one_way, from, to)).or_default();
        volume.packets += u64::from(packet.frames);
        volume.ip_bytes += u64::from(packet.ip_bytes);
        volume.payload_bytes += u64::from(packet.payload_len);
    }
    let mut ended: BTreeMap<Direction, Volume> = BTreeMap::new();
    for end in run.updates.iter().filter(|update| update.cause.is_end()) {
        for (from, to) in [(&end.initiator, &end.responder), (&end.responder, &end.initiator)] {
            let direction = (end.protocol, end.version, end.one_way, from.endpoint, to.endpoint);
            add(ended.entry(direction).or_default(), from.total);
        }
    }
    ended.retain(|_, volume| *volume != Volume::default());
    assert!(fed.keys().eq(ended.keys()), "other directions end than were fed");
    for ((direction, fed), ended) in fed.iter().zip(ended.values()) {
        assert_eq!((fed.packets, fed.ip_bytes), (ended.packets, ended.ip_bytes), "{direction:?}");
        let is_tcp = direction.0 == 6;
        assert!(fed.payload_bytes == ended.payload_bytes || is_tcp && fed.payload_bytes > ended.payload_bytes);
    }
    check_deltas(run);
}

fn add(sum: &mut Volume, volume: Volume) {
    sum.packets += volume.packets;
    sum.ip_bytes += volume.ip_bytes;
    sum.payload_bytes += volume.payload_bytes;
}

fn check_deltas(run: &Run) {
    let mut deltas: BTreeMap<(u64, Endpoint), Volume> = BTreeMap::new();
    let (mut ends, mut evicted) = (BTreeMap::new(), 0);
    for update in &run.updates {
        assert!(ends.insert(update.flow, update.cause).is_none_or(|cause| !cause.is_end()), "a flow ends once");
        assert!(update.first_seen <= update.last_seen);
        evicted += u64::from(update.cause == Cause::Evicted);
        for party in [&update.initiator, &update.responder] {
            let sum = deltas.entry((update.flow, party.endpoint)).or_default();
            add(sum, party.delta);
            assert!(*sum == party.total, "deltas do not sum to totals: {update:?} {sum:?}");
        }
    }
    assert!(ends.values().all(|cause| cause.is_end()), "every flow ends");
    assert_eq!(run.counters.total(), ends.len() as u64);
    assert_eq!(run.counters.evicted, evicted);
}
