//! Frame to packet: strips link layers and tunnels down to the innermost conversation.
//!
//! Decoding a frame yields a [`Packet`] (a small `Copy` value that points into the batch) or a [`Skip`], the reason
//! why there is none. It allocates nothing, logs nothing and panics on no input.
//!
//! * `walk` holds the way down, `link` and its neighbours the layers below IP, `ip` the addresses and extension
//!   headers, `ip_tunnel` and `udp_tunnel` what rides on IP, `transport` the ports.
//! * `fragment` puts datagrams together; decoding then goes on inside them.
//! * `duplicate` finds the second copy of a packet mirrored twice.
//! * `envelope` tells what was stripped, on request: a flow asks once.

mod encapsulation;
mod envelope;
#[cfg(test)]
mod golden;
mod ip;
mod ip_tunnel;
mod link;
mod options;
mod packet;
mod skip;
#[cfg(test)]
mod tests;
mod transport;
mod udp_tunnel;
mod view;
mod walk;

pub use encapsulation::{Encapsulation, TunnelError, TunnelSet};
pub use envelope::{Envelope, Few, Stripped};
pub use options::{FragmentOptions, Options};
pub use packet::{Decoded, Packet, Payload, TcpFields, TcpFlags};
pub use skip::{Skip, SkipCounters};

use crate::capture::{Batch, Frame, FrameRef};
use crate::net::Timestamp;
use envelope::EnvelopeRecorder;
use view::View;
use walk::{Found, Outcome, Walk};

/// Decodes the frames of one stream of batches.
#[derive(Debug)]
pub struct Decoder {
    options: Options,
    skips: SkipCounters,
    counters: Counters,
}

/// What decoding saw, besides the frames it skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that became packets or parts of packets. With [`Decoder::skips`] they make up every frame decoded,
    /// once [`Decoder::flush`] has given up what is pending.
    pub frames_decoded: u64,
    /// Frames cut by the snap length.
    pub frames_cut: u64,
    /// Datagrams put together from fragments.
    pub datagrams_reassembled: u64,
    /// Datagrams given up: by time, for want of memory, or because their fragments contradict each other.
    pub datagrams_given_up: u64,
    /// Fragments that overlapped earlier ones of their datagram with other bytes or lengths; the first bytes count.
    pub fragments_overlapping: u64,
}

impl Decoder {
    /// Takes all the memory decoding will ever need.
    #[must_use]
    pub fn new(options: Options) -> Decoder {
        Decoder { options, skips: SkipCounters::default(), counters: Counters::default() }
    }

    /// Decodes the frame at `index` of `batch`; a reassembled datagram is appended to the bytes of the batch. `clock`
    /// is the highest packet time so far.
    ///
    /// # Errors
    /// The reason why the frame yields no packet; it has been counted.
    #[inline]
    pub fn decode(&mut self, batch: &mut Batch, index: usize, clock: Timestamp) -> Result<Decoded, Skip> {
        let decoded = self.decode_frame(batch, index, clock);
        match decoded {
            Ok(Decoded::Packet(packet)) => self.counters.frames_decoded += u64::from(packet.frames),
            Ok(Decoded::Held) => {}
            Err(skip) => self.skips.add(skip, 1),
        }
        decoded
    }

    #[inline]
    fn decode_frame(&mut self, batch: &mut Batch, index: usize, _clock: Timestamp) -> Result<Decoded, Skip> {
        let Frame { data, meta } = batch.frame(index).ok_or(Skip::Truncated)?;
        self.counters.frames_cut += u64::from(meta.captured_len < meta.wire_len);
        let mut walk = walk(&self.options, ());
        match walk.link(meta.link, View::new(data, meta.wire_len as usize))? {
            Outcome::Packet(found) => Ok(Decoded::Packet(packet(&batch.bytes, index, &meta, &found))),
            Outcome::Fragment(_) => Err(Skip::FragmentIncomplete),
        }
    }

    /// Gives up the fragments that are pending: at the end of the input.
    pub fn flush(&mut self) {}

    /// Frames skipped so far, by reason, those of datagrams given up included.
    #[must_use]
    pub fn skips(&self) -> &SkipCounters {
        &self.skips
    }

    /// What decoding saw so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// What is stripped from around the innermost packet of `frame`. Not for every packet: a new flow asks once.
#[must_use]
pub fn envelope(frame: Frame<'_>, options: &Options) -> Envelope {
    let mut walk = walk(options, EnvelopeRecorder::default());
    // A frame without a packet still tells what was stripped before the walk ended.
    let _ = walk.link(frame.meta.link, View::new(frame.data, frame.meta.wire_len as usize));
    walk.recorder.finish()
}

#[inline]
fn walk<R>(options: &Options, recorder: R) -> Walk<R> {
    Walk { tunnels: options.tunnels, depth: options.max_depth, recorder }
}

#[inline]
fn packet(bytes: &[u8], index: usize, meta: &FrameRef, found: &Found<'_>) -> Packet {
    let Found { ip, protocol, segment, .. } = found;
    let payload = segment.payload;
    Packet {
        timestamp: meta.timestamp,
        source: ip.source,
        destination: ip.destination,
        frame: index as u32,
        frames: ip.frames,
        ip_bytes: ip.ip_bytes,
        payload_len: payload.wire as u32,
        payload: place(bytes, payload.data),
        tcp: segment.tcp,
        source_port: segment.source_port,
        destination_port: segment.destination_port,
        protocol: *protocol,
        version: ip.version,
        one_way: segment.one_way,
    }
}

/// Where `part`, a slice of `bytes`, lies in it.
#[inline]
fn place(bytes: &[u8], part: &[u8]) -> Payload {
    let offset = (part.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
    if part.is_empty() { Payload::default() } else { Payload { offset: offset as u32, len: part.len() as u32 } }
}
