//! What does it cost to decode a frame, by what is in it, what does looking for duplicates add, and what does all that
//! comes before the flows cost?

#![expect(clippy::unwrap_used, reason = "a bench stops where it cannot measure")]

use std::time::Duration;

use borderflow::capture::{Batch, LinkType};
use borderflow::decode::{Decoder, Options};
use borderflow::net::Timestamp;
use borderflow::pipeline::Front;
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// As many frames as a busy shard finds in one batch.
const FRAMES: usize = 1024;
const ON: Duration = Duration::from_millis(50);

fn main() {
    divan::main();
}

#[divan::bench]
fn udp_v4(bencher: Bencher<'_, '_>) {
    run(bencher, Duration::ZERO, |id| ethernet(0x0800, ipv4(17, id, &udp(502, &[7; 64]))));
}

#[divan::bench]
fn tcp_v4_vlan(bencher: Bencher<'_, '_>) {
    run(bencher, Duration::ZERO, |id| ethernet(0x8100, [vec![0, 20, 8, 0], ipv4(6, id, &tcp(id, &[7; 64]))].concat()));
}

#[divan::bench]
fn tcp_v6(bencher: Bencher<'_, '_>) {
    run(bencher, Duration::ZERO, |id| ethernet(0x86dd, ipv6(6, &tcp(id, &[7; 64]))));
}

#[divan::bench]
fn vxlan(bencher: Bencher<'_, '_>) {
    run(bencher, Duration::ZERO, |id| {
        let inner = ethernet(0x0800, ipv4(6, id, &tcp(id, &[7; 64])));
        ethernet(0x0800, ipv4(17, id, &udp(4789, &[vec![8, 0, 0, 0, 0, 0, 7, 0], inner].concat())))
    });
}

#[divan::bench(args = [64, 1400])]
fn duplicate_window_off(bencher: Bencher<'_, '_>, payload: usize) {
    run(bencher, Duration::ZERO, |id| ethernet(0x0800, ipv4(6, id, &tcp(id, &vec![7; payload]))));
}

#[divan::bench(args = [64, 1400])]
fn duplicate_window_on(bencher: Bencher<'_, '_>, payload: usize) {
    run(bencher, ON, |id| ethernet(0x0800, ipv4(6, id, &tcp(id, &vec![7; payload]))));
}

#[divan::bench]
fn two_fragments(bencher: Bencher<'_, '_>) {
    run(bencher, Duration::ZERO, |id| {
        let payload = udp(502, &[7; 1992]);
        let (first, second) = payload.split_at(1000);
        let (part, field) = if id % 2 == 0 { (first, 0x2000u16) } else { (second, 125) };
        let mut packet = ipv4(17, id / 2, part);
        packet.splice(6..8, field.to_be_bytes());
        ethernet(0x0800, packet)
    });
}

/// Everything before the flows, on datagrams and segments in turn: the clock, decoding, the search for copies, the hash.
#[divan::bench(args = [18, 64, 1400])]
fn front(bencher: Bencher<'_, '_>, payload: usize) {
    let mut batch = Batch::default();
    for id in 0..FRAMES as u16 {
        let transport = if id % 2 == 0 { (17, udp(502, &vec![7; payload])) } else { (6, tcp(id, &vec![7; payload])) };
        batch.push(Timestamp::ZERO, LinkType::ETHERNET, 0, &ethernet(0x0800, ipv4(transport.0, id, &transport.1)));
    }
    let mut front = Front::new(Options::default(), None, 0);
    let (mut clock, mut lists) = (Timestamp::ZERO, [Vec::new()]);
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        clock = clock.after(Duration::from_secs(1));
        for frame in &mut batch.frames {
            frame.timestamp = clock;
        }
        front.decode(&mut batch, &mut lists);
        let [list] = &mut lists;
        assert_eq!(black_box(&*list).len(), FRAMES);
        list.clear();
    });
}

/// Decodes a batch of frames made from their numbers, over and over; time goes on by a second each time.
fn run(bencher: Bencher<'_, '_>, duplicate_window: Duration, frame: impl Fn(u16) -> Vec<u8>) {
    let mut batch = Batch::default();
    for id in 0..FRAMES as u16 {
        batch.push(Timestamp::ZERO, LinkType::ETHERNET, 0, &frame(id));
    }
    let len = batch.bytes.len();
    batch.bytes.reserve(len * 2);
    let mut decoder = Decoder::new(Options { duplicate_window, ..Options::default() });
    let mut clock = Timestamp::ZERO;
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        clock = clock.after(Duration::from_secs(1));
        batch.bytes.truncate(len);
        for index in 0..FRAMES {
            batch.frames.get_mut(index).unwrap().timestamp = clock;
            let decoded = decoder.decode(&mut batch, index, clock);
            let _ = black_box(&decoded);
        }
    });
}

fn ethernet(ether_type: u16, content: Vec<u8>) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1][..], &ether_type.to_be_bytes(), &content].concat()
}

fn ipv4(protocol: u8, id: u16, content: &[u8]) -> Vec<u8> {
    let [len, id] = [(20 + content.len() as u16).to_be_bytes(), id.to_be_bytes()];
    let head = [0x45, 0, len[0], len[1], id[0], id[1], 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&head[..], content].concat()
}

fn ipv6(next: u8, content: &[u8]) -> Vec<u8> {
    let len = (content.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, len[0], len[1], next, 64][..], &[0x20; 32], content].concat()
}

fn udp(destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len() as u16).to_be_bytes();
    [&[0xc3, 0x50][..], &destination.to_be_bytes(), &len, &[0, 0], payload].concat()
}

fn tcp(id: u16, payload: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    [&[0x12, 0x34, 1, 0xf6, 0, 0, id[0], id[1], 0, 0, 0, 2, 0x50, 0x18, 2, 0, 0, 0, 0, 0][..], payload].concat()
}
