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

mod duplicate;
mod encapsulation;
mod envelope;
mod ether;
mod fits;
mod fragment;
#[cfg(test)]
mod golden;
mod gre;
mod ip;
mod ip_tunnel;
mod link;
mod options;
mod packet;
mod ppp;
mod ranges;
mod skip;
#[cfg(test)]
mod tests;
mod transport;
mod udp_tunnel;
mod view;
mod walk;
mod wifi;

pub use encapsulation::{Encapsulation, TunnelError, TunnelSet};
pub use envelope::{Envelope, Few, Stripped};
pub use options::{FragmentOptions, Options};
pub use packet::{Decoded, Packet, Payload, TcpFields, TcpFlags};
pub use skip::{Skip, SkipCounters};

use crate::capture::{Batch, Frame, FrameRef};
use crate::net::Timestamp;
use duplicate::{Duplicates, Path, Print};
use envelope::{EnvelopeRecorder, Recorder};
use fragment::{Fragments, Whole};
use ip::Fragment;
use view::View;
use walk::{Found, Outcome, Walk};

/// Decodes the frames of one stream of batches.
#[derive(Debug)]
pub struct Decoder {
    options: Options,
    fragments: Fragments,
    duplicates: Duplicates,
    account: Account,
}

/// Where every frame is accounted for.
#[derive(Debug, Default)]
struct Account {
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
        Decoder {
            options,
            fragments: Fragments::new(options.fragments),
            duplicates: Duplicates::new(options.duplicate_window),
            account: Account::default(),
        }
    }

    /// Decodes the frame at `index` of `batch`; a reassembled datagram is appended to the bytes of the batch. `clock`
    /// is the highest packet time so far.
    ///
    /// # Errors
    /// The reason why the frame yields no packet; it has been counted.
    #[inline]
    pub fn decode(&mut self, batch: &mut Batch, index: usize, clock: Timestamp) -> Result<Decoded, Skip> {
        if self.fragments.deadline <= clock {
            self.fragments.expire(clock, &mut self.account);
        }
        let Some(FrameRef { interface, .. }) = batch.frames.get(index) else { return Err(Skip::Truncated) };
        let mut frames = 1;
        let decoded = if self.duplicates.is_on() {
            let path = Path::new(*interface);
            self.decode_frame(batch, index, clock, path, &mut frames)
        } else {
            self.decode_frame(batch, index, clock, (), &mut frames)
        };
        match decoded {
            Ok(Decoded::Packet(_)) => self.account.counters.frames_decoded += u64::from(frames),
            Ok(Decoded::Held) => {}
            Err(skip) => self.account.skips.add(skip, frames.into()),
        }
        decoded
    }

    /// `frames` becomes the number of frames that end here: more than one where the frame completes a datagram.
    #[inline]
    fn decode_frame<R: Recorder>(
        &mut self,
        batch: &mut Batch,
        index: usize,
        clock: Timestamp,
        recorder: R,
        frames: &mut u32,
    ) -> Result<Decoded, Skip> {
        let Frame { data, meta } = batch.frame(index).ok_or(Skip::Truncated)?;
        self.account.counters.frames_cut += u64::from(meta.captured_len < meta.wire_len);
        let mut walk = walk(&self.options, recorder);
        let outcome = walk.link(meta.link, View::new(data, meta.wire_len as usize))?;
        let whole = match outcome {
            Outcome::Packet(found) => return self.deliver(&batch.bytes, index, &meta, &walk.recorder, &found),
            Outcome::Fragment(fragment) => self.hold(&fragment, &walk.recorder, *frames, &meta, clock)?,
        };
        self.reassembled(batch, index, clock, (walk, whole), frames)
    }

    /// Goes on inside the datagrams that a fragment completed.
    #[inline(never)]
    fn reassembled<R: Recorder>(
        &mut self,
        batch: &mut Batch,
        index: usize,
        clock: Timestamp,
        (mut walk, mut whole): (Walk<R>, Option<Whole>),
        frames: &mut u32,
    ) -> Result<Decoded, Skip> {
        let meta = *batch.frames.get(index).ok_or(Skip::Truncated)?;
        while let Some(done) = whole {
            let start = batch.bytes.len();
            let datagram = self.fragments.finish(done, &mut batch.bytes, &mut self.account);
            *frames = datagram.frames;
            walk.descend()?;
            let view = View::new(batch.bytes.get(start..).unwrap_or_default(), datagram.wire);
            whole = match walk.upper(datagram.ip, datagram.protocol, view)? {
                Outcome::Packet(found) => return self.deliver(&batch.bytes, index, &meta, &walk.recorder, &found),
                Outcome::Fragment(fragment) => self.hold(&fragment, &walk.recorder, *frames, &meta, clock)?,
            };
        }
        Ok(Decoded::Held)
    }

    /// Keeps a fragment, which stands for `frames` frames. `Some` where it completes its datagram.
    fn hold<R: Recorder>(
        &mut self,
        fragment: &Fragment<'_>,
        recorder: &R,
        frames: u32,
        meta: &FrameRef,
        clock: Timestamp,
    ) -> Result<Option<Whole>, Skip> {
        let print = recorder.path().map(|path| Print::of_fragment(fragment, path));
        if print.is_some_and(|print| self.duplicates.check(print, meta.timestamp)) {
            return Err(Skip::Duplicate);
        }
        self.fragments.insert(fragment, frames, clock, &mut self.account)
    }

    #[inline]
    fn deliver<R: Recorder>(
        &mut self,
        bytes: &[u8],
        index: usize,
        meta: &FrameRef,
        recorder: &R,
        found: &Found<'_>,
    ) -> Result<Decoded, Skip> {
        // The fragments of a reassembled datagram have been looked up one by one.
        let path = if found.ip.frames == 1 { recorder.path() } else { None };
        if path.is_some_and(|path| self.duplicates.check(Print::of_packet(found, path), meta.timestamp)) {
            return Err(Skip::Duplicate);
        }
        Ok(Decoded::Packet(packet(bytes, index, meta, found)))
    }

    /// Gives up the fragments that are pending: at the end of the input.
    pub fn flush(&mut self) {
        self.fragments.flush(&mut self.account);
    }

    /// Frames skipped so far, by reason, those of datagrams given up included.
    #[must_use]
    pub fn skips(&self) -> &SkipCounters {
        &self.account.skips
    }

    /// What decoding saw so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.account.counters
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
    let detours = options.max_depth.saturating_mul(2).saturating_add(8);
    Walk { tunnels: options.tunnels, depth: options.max_depth, detours, recorder }
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
