//! The packet path takes no memory in the steady state: 100,000 frames through batch, decoding and a full flow table
//! without one allocation, whatever they carry and however many flows come and go.

#![expect(clippy::indexing_slicing, reason = "a test says where it fails")]
#![expect(unsafe_code, reason = "counting allocations takes an allocator, and implementing one is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use borderflow::capture::{Batch, LinkType};
use borderflow::decode;
use borderflow::flow::{self, FlowUpdate};
use borderflow::net::Timestamp;
use borderflow::pipeline::{Front, Prepared, Shard};
use borderflow_testkit::{Conversation, Frame, Host, Link, Prng, Side, packet_frame, udp_frame};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on unchanged to the system's allocator, which keeps the contract; counting touches only
// a thread-local cell that needs neither initialisation nor destruction.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and every block came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, and every block came from `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

const BATCH_FRAMES: usize = 2_000;
const MAX_FLOWS: usize = 1_024;
const ROUND_NS: u64 = 600_000_000_000;

/// Everything between the capture and the judge, on one thread, with buffers that are used again.
struct Path {
    front: Front,
    shard: Shard,
    batch: Batch,
    packets: [Vec<Prepared>; 1],
    updates: Vec<FlowUpdate>,
}

impl Path {
    fn new() -> Path {
        let flows = flow::Options { max_flows: MAX_FLOWS, ..flow::Options::default() };
        let decode = decode::Options::default();
        Path {
            front: Front::new(decode, None, flows.seed),
            shard: Shard::new(&flows, decode, 0, 1),
            batch: Batch::default(),
            packets: [Vec::new()],
            updates: Vec::new(),
        }
    }

    /// Takes `frames` through, `shift_ns` later than they say.
    fn replay(&mut self, frames: &[(LinkType, Frame)], shift_ns: u64) {
        for block in frames.chunks(BATCH_FRAMES) {
            self.batch.clear();
            for (link, frame) in block {
                let time = Timestamp::from_nanos(frame.timestamp_ns + shift_ns);
                self.batch.push(time, *link, frame.wire_len, &frame.data);
            }
            self.front.decode(&mut self.batch, &mut self.packets);
            let [packets] = &mut self.packets;
            self.updates.clear();
            self.shard.handle(&self.batch, packets, self.front.clock(), &mut self.updates);
            packets.clear();
        }
    }
}

#[test]
fn a_hundred_thousand_frames_through_a_full_flow_table_allocate_nothing() {
    let frames = traffic();
    assert!(frames.len() >= 100_000, "{} frames", frames.len());
    let mut path = Path::new();
    for round in 0..2 {
        path.replay(&frames, round * ROUND_NS);
    }
    let before = (path.shard.counters(), path.front.counters(), ALLOCATIONS.get());
    path.replay(&frames, 2 * ROUND_NS);
    let allocations = ALLOCATIONS.get() - before.2;

    let (flows, front) = (path.shard.counters(), path.front.counters());
    assert_eq!(front.frames_read - before.1.frames_read, frames.len() as u64);
    assert!(flows.evicted - before.0.evicted > 1_000, "the table was never full");
    assert!(flows.tcp > before.0.tcp && flows.udp > before.0.udp && flows.icmp > before.0.icmp);
    let reassembled = front.decode.datagrams_reassembled - before.1.decode.datagrams_reassembled;
    assert!(reassembled > 100, "{reassembled} datagrams reassembled");
    let given_up = front.decode.datagrams_given_up - before.1.decode.datagrams_given_up;
    assert!(given_up > 100, "{given_up} datagrams given up");
    assert_eq!(allocations, 0, "allocations in {} frames", frames.len());
}

#[test]
fn the_allocator_of_this_test_counts() {
    let before = ALLOCATIONS.get();
    let buffer = std::hint::black_box(vec![0u8; 100]);
    assert_eq!((buffer.len(), ALLOCATIONS.get() - before), (100, 1));
}

/// A little of everything, within the time of one round.
fn traffic() -> Vec<(LinkType, Frame)> {
    let mut prng = Prng::new(7);
    let links = [Link::Ethernet, Link::Vlan(vec![20]), Link::Vlan(vec![7, 20]), Link::LinuxSll2, Link::Raw];
    let mut frames = Vec::new();
    for number in 0..2_800u64 {
        let time = number * 200_000_000;
        let link = &links[number as usize % links.len()];
        let link_type = LinkType(link.link_type());
        let (home, remote) = hosts(number);
        let port = 32_768 + (number % 30_000) as u16;
        let mut add = |new: Vec<Frame>| frames.extend(new.into_iter().map(|frame| (link_type, frame)));
        add(conversation(link, home, port, remote, time));
        for index in 0..10 {
            let payload = prng.bytes(64);
            add(vec![udp_frame(link, time + index * 60_000_000, (home, port), (remote, 53), &payload)]);
            add(vec![udp_frame(link, time + index * 60_000_000 + 1, (remote, 53), (home, port), &payload)]);
        }
        add(echo(link, home, remote, time));
        add(fragments(link, number, time));
        frames.push((LinkType::ETHERNET, vxlan(home, remote, port, time)));
    }
    frames.sort_by_key(|(_, frame)| frame.timestamp_ns);
    frames
}

fn hosts(number: u64) -> (Host, Host) {
    let (high, low) = (number / 250, number % 250);
    if number.is_multiple_of(3) {
        (Host::new(&format!("fd00::{high:x}:{low:x}")), Host::new(&format!("2001:db8::{low:x}")))
    } else {
        (Host::new(&format!("10.0.{high}.{low}")), Host::new(&format!("203.0.113.{low}")))
    }
}

/// A connection with a retransmission and a hole in what was captured.
fn conversation(link: &Link, home: Host, port: u16, remote: Host, time: u64) -> Vec<Frame> {
    let talk = Conversation::new(home, port, remote, 443).over(link.clone()).at(time).open();
    let talk = talk.client(&[7; 3_000]).retransmit(Side::Client).exchange(Side::Client, &[1; 300], &[2; 2_000]);
    let mut frames = talk.close().frames();
    frames.remove(4);
    frames
}

fn echo(link: &Link, home: Host, remote: Host, time: u64) -> Vec<Frame> {
    let protocol = if home.ip.is_ipv4() { 1 } else { 58 };
    let message = |from: Host, to: Host, reply| borderflow_testkit::icmp_echo(from.ip, to.ip, reply, 7, 1, &[3; 32]);
    vec![
        packet_frame(link, time, home, remote, protocol, &message(home, remote, false)),
        packet_frame(link, time + 1, remote, home, protocol, &message(remote, home, true)),
    ]
}

/// An IPv4 datagram in two fragments, the second of which is missing now and then.
fn fragments(link: &Link, number: u64, time: u64) -> Vec<Frame> {
    let (from, to) = (Host::new("10.9.0.1"), Host::new("203.0.113.9"));
    let whole = packet_frame(&Link::Raw, time, from, to, 17, &{
        let (from, to) = (std::net::SocketAddr::new(from.ip, 5_000), std::net::SocketAddr::new(to.ip, 5_001));
        borderflow_testkit::udp(from, to, &[5; 1_600])
    });
    let (header, body) = whole.data.split_at(20);
    let part = |range: std::ops::Range<usize>, more: bool| {
        let mut packet = header.to_vec();
        packet[2..4].copy_from_slice(&((20 + range.len()) as u16).to_be_bytes());
        packet[4..6].copy_from_slice(&(number as u16).to_be_bytes());
        let field = (range.start / 8) as u16 | if more { 0x2000 } else { 0 };
        packet[6..8].copy_from_slice(&field.to_be_bytes());
        packet.extend(&body[range]);
        Frame::new(time, link.frame(from, to, &packet))
    };
    let mut frames = vec![part(0..800, true)];
    if !number.is_multiple_of(5) {
        frames.push(part(800..body.len(), false));
    }
    frames
}

/// A packet in VXLAN (RFC 7348).
fn vxlan(home: Host, remote: Host, port: u16, time: u64) -> Frame {
    let inner = udp_frame(&Link::Ethernet, time, (home, port), (remote, 123), &[9; 48]);
    let mut payload = vec![8, 0, 0, 0, 0, 0, 42, 0];
    payload.extend(&inner.data);
    udp_frame(&Link::Ethernet, time, (Host::new("192.0.2.1"), port), (Host::new("192.0.2.2"), 4_789), &payload)
}
