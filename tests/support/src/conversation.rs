//! A TCP connection as frames, told step by step.
//!
//! The capture point stands next to the client: what the server sends arrives half a round trip after it could have
//! been sent. Steps chain and move time forward; [`Conversation::frames`] hands the frames over.

use crate::capture::Frame;
use crate::ip::{ip_packet, protocol};
use crate::link::{Host, Link};
use crate::transport::{Segment, flags, tcp};
use std::net::SocketAddr;

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Opens the connection.
    Client,
    /// Accepts it.
    Server,
}

impl Side {
    /// The opposite end.
    #[must_use]
    pub fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

#[derive(Clone, Debug)]
struct End {
    host: Host,
    port: u16,
    /// Sequence number of the next new byte.
    next: u32,
    /// IPv4 identification of the next packet.
    id: u16,
    /// Sequence number and bytes of the last data segment.
    last: (u32, Vec<u8>),
}

/// A connection under construction. Begin with [`Conversation::open`], or leave it out for one caught midstream.
#[derive(Clone, Debug)]
pub struct Conversation {
    client: End,
    server: End,
    link: Link,
    now_ns: u64,
    round_trip_ns: u64,
    gap_ns: u64,
    segment_size: usize,
    segments_per_ack: usize,
    payload_kept: usize,
    seen: Option<Side>,
    frames: Vec<Frame>,
}

/// SYN options: MSS 1460, SACK permitted, window scale 7 (RFC 9293 section 3.2, RFC 2018, RFC 7323).
const SYN_OPTIONS: [u8; 12] = [2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7, 1, 0];

impl Conversation {
    /// A connection over Ethernet from `client` to `server`: at time 0, a round trip of 20 ms, segments of 1460
    /// bytes, everything captured.
    #[must_use]
    pub fn new(client: Host, client_port: u16, server: Host, server_port: u16) -> Conversation {
        let end = |host: Host, port: u16| {
            let seed =
                host.mac.iter().fold(u32::from(port), |sum, byte| sum.wrapping_mul(0x0100_0193) ^ u32::from(*byte));
            End { host, port, next: seed.wrapping_mul(0x9e37_79b1), id: seed as u16, last: (0, Vec::new()) }
        };
        Conversation {
            client: end(client, client_port),
            server: end(server, server_port),
            link: Link::Ethernet,
            now_ns: 0,
            round_trip_ns: 20_000_000,
            gap_ns: 120_000,
            segment_size: 1460,
            segments_per_ack: 2,
            payload_kept: usize::MAX,
            seen: None,
            frames: Vec::new(),
        }
    }

    /// The next step happens at `time_ns` since the epoch.
    #[must_use]
    pub fn at(mut self, time_ns: u64) -> Self {
        self.now_ns = time_ns;
        self
    }

    /// The next step happens this much later.
    #[must_use]
    pub fn wait(mut self, pause_ns: u64) -> Self {
        self.now_ns += pause_ns;
        self
    }

    /// The connection runs over `link`.
    #[must_use]
    pub fn over(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// The time from a client's packet to the answer.
    #[must_use]
    pub fn round_trip(mut self, round_trip_ns: u64) -> Self {
        self.round_trip_ns = round_trip_ns;
        self
    }

    /// Payload bytes per segment from here on; above 1460 as after receive offload, 65,000 at most.
    #[must_use]
    pub fn segment_size(mut self, bytes: usize) -> Self {
        self.segment_size = bytes;
        self
    }

    /// Segments a peer lets arrive before it acknowledges, from here on; the last is always acknowledged.
    #[must_use]
    pub fn segments_per_ack(mut self, segments: usize) -> Self {
        self.segments_per_ack = segments;
        self
    }

    /// From here on only this many payload bytes of a segment are captured, as by a snap length.
    #[must_use]
    pub fn keep_payload(mut self, bytes: usize) -> Self {
        self.payload_kept = bytes;
        self
    }

    /// From here on the capture sees only what `side` sends, as on a one-sided mirror.
    #[must_use]
    pub fn only(mut self, side: Side) -> Self {
        self.seen = Some(side);
        self
    }

    /// The sequence number of the client's next byte, to provoke wrap-around.
    #[must_use]
    pub fn client_sequence(mut self, sequence: u32) -> Self {
        self.client.next = sequence;
        self
    }

    /// SYN, SYN-ACK, ACK.
    #[must_use]
    pub fn open(self) -> Self {
        self.syn().answer_syn()
    }

    /// A SYN that takes its sequence number.
    #[must_use]
    pub fn syn(mut self) -> Self {
        self.emit(Side::Client, flags::SYN, &SYN_OPTIONS, &[]);
        self.client.next = self.client.next.wrapping_add(1);
        self
    }

    /// The SYN once more, after a timeout of `after_ns`.
    #[must_use]
    pub fn repeat_syn(mut self, after_ns: u64) -> Self {
        self.now_ns += after_ns;
        self.client.next = self.client.next.wrapping_sub(1);
        self.syn()
    }

    /// SYN-ACK and the ACK that completes the handshake.
    #[must_use]
    pub fn answer_syn(mut self) -> Self {
        self.now_ns += self.round_trip_ns;
        self.emit(Side::Server, flags::SYN | flags::ACK, &SYN_OPTIONS, &[]);
        self.server.next = self.server.next.wrapping_add(1);
        self.now_ns += self.gap_ns;
        self.emit(Side::Client, flags::ACK, &[], &[]);
        self
    }

    /// The server refuses the SYN with a reset.
    #[must_use]
    pub fn refuse(mut self) -> Self {
        self.now_ns += self.round_trip_ns;
        self.server.next = 0;
        self.emit(Side::Server, flags::RST | flags::ACK, &[], &[]);
        self
    }

    /// The client sends `data` and the server acknowledges it.
    #[must_use]
    pub fn client(self, data: &[u8]) -> Self {
        self.send(Side::Client, data)
    }

    /// The server sends `data` and the client acknowledges it.
    #[must_use]
    pub fn server(self, data: &[u8]) -> Self {
        self.send(Side::Server, data)
    }

    /// `side` sends `data` in segments; the peer acknowledges every second one (or as set) and the last.
    #[must_use]
    pub fn send(mut self, side: Side, data: &[u8]) -> Self {
        self.transmit(side, data);
        self.now_ns += self.echo_ns(side);
        self.emit(side.peer(), flags::ACK, &[], &[]);
        self
    }

    /// `side` asks and the peer answers at once, so that the answer carries the acknowledgement.
    #[must_use]
    pub fn exchange(mut self, side: Side, request: &[u8], response: &[u8]) -> Self {
        self.transmit(side, request);
        self.send(side.peer(), response)
    }

    /// `side` repeats its last data segment, and the peer its acknowledgement.
    #[must_use]
    pub fn retransmit(mut self, side: Side) -> Self {
        self.now_ns += 2 * self.round_trip_ns;
        let next = self.end(side).next;
        let (sequence, data) = self.end(side).last.clone();
        self.end_mut(side).next = sequence;
        self.emit(side, flags::PSH | flags::ACK, &[], &data);
        self.end_mut(side).next = next;
        self.now_ns += self.gap_ns;
        self.emit(side.peer(), flags::ACK, &[], &[]);
        self
    }

    /// A keep-alive of `side` (RFC 9293, section 3.8.4): the byte before the next, with no data, and its answer.
    #[must_use]
    pub fn keep_alive(mut self, side: Side) -> Self {
        let next = self.end(side).next;
        self.end_mut(side).next = next.wrapping_sub(1);
        self.emit(side, flags::ACK, &[], &[]);
        self.end_mut(side).next = next;
        self.now_ns += self.round_trip_ns;
        self.emit(side.peer(), flags::ACK, &[], &[]);
        self
    }

    /// The client ends the connection, the server follows.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.now_ns += self.gap_ns;
        self.finish(Side::Client);
        self.now_ns += self.round_trip_ns;
        self.finish(Side::Server);
        self.now_ns += self.gap_ns;
        self.emit(Side::Client, flags::ACK, &[], &[]);
        self
    }

    /// `side` aborts the connection.
    #[must_use]
    pub fn reset(mut self, side: Side) -> Self {
        self.now_ns += self.gap_ns;
        self.emit(side, flags::RST | flags::ACK, &[], &[]);
        self
    }

    /// The time of the next step, in nanoseconds since the epoch.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The frames so far, and the conversation to go on with: for one too long to hold.
    #[must_use]
    pub fn drain(mut self) -> (Vec<Frame>, Self) {
        (std::mem::take(&mut self.frames), self)
    }

    /// The frames so far.
    #[must_use]
    pub fn frames(self) -> Vec<Frame> {
        self.frames
    }

    /// Segments of `data`, with the acknowledgements that come between them.
    fn transmit(&mut self, side: Side, data: &[u8]) {
        self.now_ns += self.round_trip_ns / 2;
        let segments = data.len().div_ceil(self.segment_size);
        for (index, segment) in data.chunks(self.segment_size).enumerate() {
            let last = index + 1 == segments;
            self.now_ns += self.gap_ns;
            self.data(side, if last { flags::PSH | flags::ACK } else { flags::ACK }, segment);
            if !last && (index + 1).is_multiple_of(self.segments_per_ack) {
                self.now_ns += self.gap_ns;
                self.emit(side.peer(), flags::ACK, &[], &[]);
            }
        }
    }

    /// How long after a packet of `side` the peer's answer passes the capture point.
    fn echo_ns(&self, side: Side) -> u64 {
        match side {
            Side::Client => self.round_trip_ns,
            Side::Server => self.gap_ns,
        }
    }

    fn finish(&mut self, side: Side) {
        self.emit(side, flags::FIN | flags::ACK, &[], &[]);
        let end = self.end_mut(side);
        end.next = end.next.wrapping_add(1);
    }

    fn data(&mut self, side: Side, flags: u8, payload: &[u8]) {
        self.emit(side, flags, &[], payload);
        let end = self.end_mut(side);
        end.last = (end.next, payload.to_vec());
        end.next = end.next.wrapping_add(payload.len() as u32);
    }

    fn emit(&mut self, side: Side, flags: u8, options: &[u8], payload: &[u8]) {
        let end = self.end_mut(side);
        end.id = end.id.wrapping_add(1);
        if self.seen.is_some_and(|seen| seen != side) {
            return;
        }
        let (end, peer) = (self.end(side), self.end(side.peer()));
        let segment = Segment {
            from: SocketAddr::new(end.host.ip, end.port),
            to: SocketAddr::new(peer.host.ip, peer.port),
            sequence: end.next,
            acknowledgement: if flags & flags::ACK == 0 { 0 } else { peer.next },
            flags,
            options,
        };
        let bytes = tcp(&segment, payload);
        let packet = ip_packet(end.host.ip, peer.host.ip, protocol::TCP, end.host.hop_limit, end.id, &bytes);
        let frame = Frame::new(self.now_ns, self.link.frame(end.host, peer.host, &packet));
        let cut = payload.len().saturating_sub(self.payload_kept);
        let kept = frame.data.len() - cut;
        self.frames.push(frame.snapped(kept));
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Conversation, Side};
    use crate::link::Host;

    fn conversation() -> Conversation {
        Conversation::new(Host::new("10.0.0.1"), 40_000, Host::new("192.0.2.1"), 443)
    }

    fn sequence(data: &[u8]) -> u32 {
        u32::from_be_bytes(data[38..42].try_into().unwrap())
    }

    #[test]
    fn data_is_cut_into_segments_and_acknowledged() {
        let frames = conversation().open().client(&[7; 4000]).close().frames();
        let lengths: Vec<usize> = frames.iter().map(|frame| frame.data.len()).collect();
        assert_eq!(lengths, [66, 66, 60, 1514, 1514, 60, 1134, 60, 60, 60, 60]);
        assert!(frames.is_sorted_by_key(|frame| frame.timestamp_ns));
    }

    #[test]
    fn an_exchange_needs_one_acknowledgement() {
        let frames = conversation().exchange(Side::Client, b"ask", b"answer").frames();
        assert_eq!(frames.len(), 3);
        assert_eq!(frames[1].data[42..46], (sequence(&frames[0].data).wrapping_add(3)).to_be_bytes());
    }

    #[test]
    fn a_retransmission_repeats_bytes_and_sequence_number() {
        let frames = conversation().open().client(b"hello").retransmit(Side::Client).frames();
        assert_eq!(sequence(&frames[3].data), sequence(&frames[5].data));
        assert_eq!(frames[3].data[54..], frames[5].data[54..]);
    }

    #[test]
    fn a_snapped_segment_keeps_its_length_on_the_wire() {
        let frames = conversation().keep_payload(16).segment_size(60_000).client(&[7; 60_000]).frames();
        assert_eq!((frames[0].data.len(), frames[0].wire_len), (14 + 20 + 20 + 16, 60_054));
    }

    #[test]
    fn a_one_sided_capture_holds_one_side() {
        let frames = conversation().only(Side::Client).open().client(b"hello").close().frames();
        assert!(frames.iter().all(|frame| frame.data[26..30] == [10, 0, 0, 1]));
    }
}
