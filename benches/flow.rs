//! What does a packet cost in the flow table: of a known flow, of a new one, in a full table?

use borderflow::decode::{Envelope, Packet, Payload, TcpFields, TcpFlags};
use borderflow::flow::{FlowHasher, FlowUpdate, Flows, Options, WARM_AHEAD, arrival};
use borderflow::net::{IpVersion, Timestamp};
use divan::Bencher;
use divan::counter::ItemsCount;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

fn packet(flow: u32, back: bool, protocol: u8, sequence: u32) -> Packet {
    let (client, server) = ((0x0a00_0000 + u128::from(flow), 40_000 + (flow % 20_000) as u16), (0x2f5b_4342, 443));
    let (source, destination) = if back { (server, client) } else { (client, server) };
    let flags = TcpFlags(if protocol == 6 { TcpFlags::ACK } else { 0 });
    Packet {
        timestamp: Timestamp::from_parts(1, 0),
        source: source.0,
        destination: destination.0,
        frame: 0,
        frames: 1,
        ip_bytes: 140,
        payload_len: 100,
        payload: Payload::default(),
        tcp: TcpFields { sequence, acknowledgement: 1, flags },
        source_port: source.1,
        destination_port: destination.1,
        protocol,
        version: IpVersion::V4,
        one_way: false,
    }
}

/// Every flow once per round, in an order that no cache can follow.
fn rounds(flows: u32, rounds: u32, protocol: u8) -> Vec<Packet> {
    let scattered = move |n: u32| (u64::from(n) * 2_654_435_761 % u64::from(flows)) as u32;
    (0..rounds)
        .flat_map(|round| (0..flows).map(move |n| packet(scattered(n), round % 2 == 1, protocol, round / 2 * 100)))
        .collect()
}

fn observe(flows: &mut Flows, hasher: &FlowHasher, packets: &[Packet], out: &mut Vec<FlowUpdate>) {
    let mut frame = 0;
    for ahead in packets.chunks(WARM_AHEAD) {
        let mut hashes = [0; WARM_AHEAD];
        for (hash, packet) in hashes.iter_mut().zip(ahead) {
            *hash = hasher.hash(&borderflow::flow::FlowKey::of(packet).0);
        }
        flows.warm(hashes.iter().take(ahead.len()).copied());
        for packet in ahead {
            flows.observe(&arrival(hasher, packet, &[], frame, packet.timestamp), Envelope::default, out);
            frame += 1;
        }
        out.clear();
    }
}

/// Packets of flows the table knows.
#[divan::bench(args = [1_000, 100_000, 1_000_000], sample_count = 10)]
fn hit(bencher: Bencher<'_, '_>, count: u32) {
    let options = Options { max_flows: 2_000_000, ..Options::default() };
    let (hasher, mut flows, mut out) = (FlowHasher::new(0), Flows::new(&options, 0, 1), Vec::new());
    let packets = rounds(count, 2, 17);
    observe(&mut flows, &hasher, &packets, &mut out);
    bencher.counter(ItemsCount::new(packets.len())).bench_local(|| observe(&mut flows, &hasher, &packets, &mut out));
}

/// One-packet flows in a full table: each pushes out the oldest.
#[divan::bench(args = [10_000, 100_000], sample_count = 10)]
fn churn_full_table(bencher: Bencher<'_, '_>, capacity: usize) {
    let options = Options { max_flows: capacity, ..Options::default() };
    let (hasher, mut flows, mut out) = (FlowHasher::new(0), Flows::new(&options, 0, 1), Vec::new());
    let packets = rounds(1_000_000, 1, 17);
    observe(&mut flows, &hasher, &packets, &mut out);
    bencher.counter(ItemsCount::new(packets.len())).bench_local(|| observe(&mut flows, &hasher, &packets, &mut out));
}
