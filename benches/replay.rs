//! What does a packet cost from the capture's bytes to the judged flow, everything on?
//!
//! The capture is in memory, so the disk does not count; `benches/captures` makes the large ones for files.

#![expect(clippy::expect_used, reason = "a bench stops where it cannot measure")]

use std::net::SocketAddr;

use borderflow::attribute::geo::Databases;
use borderflow::attribute::{Attributor, Catalogue};
use borderflow::capture::{Batch, CaptureReader, Delivery, PacketSource as _};
use borderflow::config::Config;
use borderflow::pipeline::{Front, Judge, Shard};
use borderflow::run;
use borderflow_testkit::{Host, Link, Pcap, Segment, flags, packet_frame, protocol, tcp, udp};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// Many conversations side by side: TCP with payload both ways, and UDP. The bytes, and how many frames they hold.
fn capture(flows: u32, packets_each: u32) -> (Vec<u8>, usize) {
    let server = Host::new("47.91.67.66");
    let mut frames = Vec::new();
    for (round, flow) in (0..packets_each).flat_map(|round| (0..flows).map(move |flow| (round, flow))) {
        let client = Host::new(&format!("10.{}.{}.{}", flow >> 16 & 255, flow >> 8 & 255, flow & 255));
        let (inside, outside) = ((client, 40_000), (server, 443));
        let (from, to) = if round % 2 == 0 { (inside, outside) } else { (outside, inside) };
        let time_ns = u64::from(round * flows + flow) * 10_000;
        let (source, destination) = (SocketAddr::new(from.0.ip, from.1), SocketAddr::new(to.0.ip, to.1));
        let (number, transport) = if flow % 2 == 0 {
            (protocol::UDP, udp(source, destination, &[0x55; 64]))
        } else {
            let segment = Segment {
                from: source,
                to: destination,
                sequence: round / 2 * 64,
                acknowledgement: round.div_ceil(2) * 64,
                flags: flags::ACK | flags::PSH,
                options: &[],
            };
            (protocol::TCP, tcp(&segment, &[0x55; 64]))
        };
        frames.push(packet_frame(&Link::Ethernet, time_ns, from.0, to.0, number, &transport));
    }
    let count = frames.len();
    (Pcap::microseconds(1).write(&frames), count)
}

#[divan::bench(args = [100, 20_000], sample_count = 10)]
fn mixed(bencher: Bencher<'_, '_>, flows: u32) {
    let (bytes, frames) = capture(flows, 200_000 / flows);
    let config = Config::from_text(None, &[]).expect("the defaults are valid");
    bencher
        .counter(ItemsCount::new(frames))
        .counter(BytesCount::new(bytes.len()))
        .with_inputs(|| {
            Attributor::new(Databases::embedded().expect("shipped"), Catalogue::embedded().expect("shipped"))
        })
        .bench_local_values(|attributor| {
            let (decode, flow) = (run::decode_options(&config), run::flow_options(&config));
            let mut source = CaptureReader::new("memory", bytes.as_slice(), Delivery::Full);
            let mut front = Front::new(decode, None, flow.seed);
            let (mut shard, mut judge) =
                (Shard::new(&flow, decode, 0, 1), Judge::new(attributor, run::policy(&config)));
            let (mut batch, mut packets, mut updates) = (Batch::default(), [Vec::new()], Vec::new());
            while source.next_batch(&mut batch).expect("the capture is whole") {
                front.decode(&mut batch, &mut packets);
                let [list] = &mut packets;
                shard.handle(&batch, list, front.clock(), &mut updates);
                list.clear();
                judge.hear(front.sightings());
                judge.handle(&mut updates, &mut []);
            }
            shard.finish(front.clock(), &mut updates);
            judge.finish(&mut updates, front.clock(), &mut []);
            judge.counters().findings
        });
}
