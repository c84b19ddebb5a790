//! Small packets in very many flows: what costs is finding the flow, not reading the bytes.

use crate::output::{Output, START_NS, inside, outside, unremarkable};
use borderflow_testkit::{Frame, Host, Link, Prng, Segment, flags, packet_frame, protocol, tcp, udp_frame};
use std::io;
use std::net::SocketAddr;

/// Between two packets: 100,000 packets per second.
const STEP_NS: u64 = 10_000;
const SERVERS: u64 = 50_000;
const TCP_PORTS: [u16; 4] = [443, 443, 80, 22];
const UDP_PORTS: [u16; 4] = [443, 53, 123, 3478];

/// What has happened in a flow so far.
#[derive(Clone, Copy, Default)]
struct Progress {
    packets: u32,
    client_sequence: u32,
    server_sequence: u32,
}

struct Ends {
    client: (Host, u16),
    server: (Host, u16),
}

/// Every flow has its first packet in turn, then each packet belongs to a flow picked at random; even flows are TCP
/// from the SYN on, odd ones UDP. Directions alternate. Of the flows, `anywhere` in a hundred go to servers from anywhere in
/// the world, the others to [`unremarkable`] ones.
pub(crate) fn write(output: &mut Output, packets: u64, flows: u64, anywhere: u64) -> io::Result<()> {
    let mut prng = Prng::new(0x73_6d61_6c6c);
    let mut table = vec![Progress::default(); flows as usize];
    for packet in 0..packets {
        let index = if packet < flows { packet } else { prng.below(flows) };
        let Some(progress) = table.get_mut(index as usize) else { continue };
        let time_ns = START_NS + packet * STEP_NS;
        let frame = match index % 2 {
            0 => segment(time_ns, &ends(index, TCP_PORTS, anywhere), progress, &mut prng),
            _ => datagram(time_ns, &ends(index, UDP_PORTS, anywhere), *progress, &mut prng),
        };
        progress.packets += 1;
        output.push(&frame)?;
    }
    Ok(())
}

fn ends(index: u64, ports: [u16; 4], anywhere: u64) -> Ends {
    let mut prng = Prng::new(index);
    let port = ports.get(prng.below(4) as usize).copied().unwrap_or(443);
    let client = (inside(prng.below(65_536)), 1_024 + prng.below(64_000) as u16);
    let server = prng.below(SERVERS);
    let server = if prng.below(100) < anywhere { outside(server) } else { unremarkable(server) };
    Ends { client, server: (server, port) }
}

/// SYN, SYN-ACK, then data both ways.
fn segment(time_ns: u64, ends: &Ends, progress: &mut Progress, prng: &mut Prng) -> Frame {
    let (flags, payload_len) = match progress.packets {
        0 => (flags::SYN, 0),
        1 => (flags::SYN | flags::ACK, 0),
        _ => (flags::PSH | flags::ACK, prng.below(75)),
    };
    let payload = prng.bytes(payload_len as usize);
    let from_client = progress.packets.is_multiple_of(2);
    let (from, to) = if from_client { (ends.client, ends.server) } else { (ends.server, ends.client) };
    let (sent, acknowledged) = match from_client {
        true => (&mut progress.client_sequence, progress.server_sequence),
        false => (&mut progress.server_sequence, progress.client_sequence),
    };
    let header = Segment {
        from: SocketAddr::new(from.0.ip, from.1),
        to: SocketAddr::new(to.0.ip, to.1),
        sequence: *sent,
        acknowledgement: if flags & flags::ACK == 0 { 0 } else { acknowledged },
        flags,
        options: &[],
    };
    *sent = sent.wrapping_add(payload_len as u32 + u32::from(flags & flags::SYN != 0));
    packet_frame(&Link::Ethernet, time_ns, from.0, to.0, protocol::TCP, &tcp(&header, &payload))
}

fn datagram(time_ns: u64, ends: &Ends, progress: Progress, prng: &mut Prng) -> Frame {
    let from_client = progress.packets.is_multiple_of(2);
    let (from, to) = if from_client { (ends.client, ends.server) } else { (ends.server, ends.client) };
    let payload_len = prng.between(18, 87) as usize;
    udp_frame(&Link::Ethernet, time_ns, from, to, &prng.bytes(payload_len))
}
