//! A day of packet time in one go: what the daemon's stages hold stays as large as it was after the first hours, however many
//! flows come and go. In a process of its own, since it is the process that is measured.

#![expect(clippy::unwrap_used, reason = "a test says where it fails")]

#[path = "findings/kit.rs"]
mod kit;

use std::net::{IpAddr, Ipv4Addr};

use borderflow::capture::{Batch, LinkType};
use borderflow::decode;
use borderflow::detect::SavedKind;
use borderflow::flow;
use borderflow::net::Timestamp;
use borderflow::pipeline::{Front, Judge, Prepared, Shard};
use borderflow_testkit::dns::{self, Data, Kind};
use borderflow_testkit::tls::ClientHello;
use borderflow_testkit::{Conversation, Frame, Host, Link, Prng, udp_frame};

use kit::{ENTITIES, START_S, Told, judge, remote, rss_bytes};

// What other tests make of the kit.
const _: fn(u64, u32, u32, u64, u64) -> borderflow::flow::FlowUpdate = kit::ended;

const HOUR_NS: u64 = 3_600_000_000_000;
const ASSETS: u64 = 60;

/// The stages as the daemon has them, on one thread.
struct Stages {
    front: Front,
    shard: Shard,
    judge: Judge,
    told: Told,
    /// Bytes of what a journal would have kept.
    kept: u64,
    largest: usize,
}

impl Stages {
    fn new() -> Stages {
        let flows = flow::Options { max_flows: 50_000, ..flow::Options::default() };
        let decode = decode::Options::default();
        let mut judge = judge("[detect]\nmax_findings = 50000\n");
        let nothing: Vec<_> = SavedKind::ALL.iter().map(|&kind| (kind, Vec::new())).collect();
        judge.resume(None, &nothing);
        Stages {
            front: Front::new(decode, None, flows.seed),
            shard: Shard::new(&flows, decode, 0, 1),
            judge,
            told: Told::default(),
            kept: 0,
            largest: 0,
        }
    }

    fn take(&mut self, frames: &[Frame]) {
        let (mut batch, mut packets, mut updates) = (Batch::default(), [Vec::<Prepared>::new()], Vec::new());
        for block in frames.chunks(512) {
            batch.clear();
            for frame in block {
                batch.push(Timestamp::from_nanos(frame.timestamp_ns), LinkType::ETHERNET, frame.wire_len, &frame.data);
            }
            self.front.decode(&mut batch, &mut packets);
            let [list] = &mut packets;
            self.shard.handle(&batch, list, self.front.clock(), &mut updates);
            list.clear();
            self.largest = self.largest.max(self.shard.flows());
            self.judge.hear(self.front.sightings());
            self.judge.handle(&mut updates, &mut [&mut self.told]);
            let (changed, _) = self.judge.changes(self.front.clock(), false);
            self.kept += changed.iter().map(|saved| saved.value.as_ref().map_or(0, Vec::len) as u64).sum::<u64>();
        }
    }
}

/// BORDERFLOW_SOAK_HOURS=168 is a week.
#[test]
fn a_day_of_traffic_takes_no_more_memory_than_its_first_hours() {
    let hours: u64 = std::env::var("BORDERFLOW_SOAK_HOURS").map_or(24, |text| text.parse().unwrap());
    let (mut stages, mut prng, mut after) = (Stages::new(), Prng::new(24), Vec::new());
    for hour in 0..hours {
        for part in 0..12 {
            stages.take(&traffic(&mut prng, START_S * 1_000_000_000 + hour * HOUR_NS + part * HOUR_NS / 12));
        }
        after.push(rss_bytes() / 1_000);
    }
    let counters = (stages.front.counters().frames_read, stages.shard.counters().total());
    println!(
        "{} frames, {} flows, {} at once, {} alerts, {} kept; resident kB after each hour: {after:?}",
        counters.0, counters.1, stages.largest, stages.told.alerts, stages.kept
    );
    assert!(stages.told.alerts > 1_000 && stages.kept > 100_000 && counters.1 > hours * 6_000, "too little happened");
    // The memory of flows is touched as they come: it is full when the most there were at once have been.
    let (early, late) = after.split_at(after.len() * 2 / 3);
    let (early, late) = (early.iter().max().unwrap(), late.iter().max().unwrap());
    assert!(late * 100 <= early * 102, "{late} kB after {early} kB");
}

/// Five minutes of a utility's network: names are asked, clouds are reached, somebody scans.
fn traffic(prng: &mut Prng, start_ns: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    for _ in 0..700 {
        let time = start_ns + prng.below(HOUR_NS / 12);
        let asset = Host::new(&format!("10.0.0.{}", 1 + prng.below(ASSETS)));
        let port = 32_768 + prng.below(28_000) as u16;
        let entity = prng.below(u64::from(ENTITIES)) as u32;
        let cloud = Host::new(&remote(entity).to_string());
        match prng.below(5) {
            0 => frames.extend(question(asset, port, entity, time, prng)),
            1 => {
                let hello = ClientHello::for_name(&format!("n{entity}.example.net")).record(prng);
                let talk = Conversation::new(asset, port, cloud, 443).at(time).open().client(&hello);
                let length = prng.below(3_000) as usize;
                let sent = prng.bytes(length);
                frames.extend(talk.client(&sent).server(&[0; 700]).close().frames());
            }
            2 => frames.push(udp_frame(&Link::Ethernet, time, (asset, port), (cloud, 8_800), &[1; 120])),
            3 => {
                let scanner = Ipv4Addr::from_bits(0x0900_0000 + prng.below(1 << 24) as u32);
                frames.extend(
                    Conversation::new(Host::new(&scanner.to_string()), port, asset, 22).at(time).syn().frames(),
                );
            }
            _ => {
                let talk = Conversation::new(asset, port, cloud, 8_883).at(time).open();
                frames.extend(talk.client(&[2; 90]).wait(prng.below(400_000_000_000)).server(&[3; 60]).frames());
            }
        }
    }
    frames.sort_by_key(|frame| frame.timestamp_ns);
    frames
}

fn question(asset: Host, port: u16, entity: u32, time: u64, prng: &mut Prng) -> Vec<Frame> {
    // A new name each time, as trackers and content networks have them.
    let name = format!("{:x}.n{entity}.example.net", prng.below(u64::MAX));
    let resolver = Host::new("10.0.9.53");
    let address: IpAddr = remote(entity);
    let (query, answer) = (dns::query(7, &name, Kind::A), dns::answer(7, &name, Kind::A, &[Data::Address(address)]));
    vec![
        udp_frame(&Link::Ethernet, time, (asset, port), (resolver, 53), &query),
        udp_frame(&Link::Ethernet, time + 2_000_000, (resolver, 53), (asset, port), &answer),
    ]
}
