//! Frame to packet: strips link layers and tunnels down to the innermost conversation.
//!
//! Decoding a frame yields a [`Packet`] (a small `Copy` value that points into the batch) or a [`Skip`], the reason
//! why there is none. It allocates nothing, logs nothing and panics on no input.
//!
//! * `walk` holds the way down, `link` and its neighbours the layers below IP, `ip` the addresses and extension
//!   headers, `ip_tunnel` and `udp_tunnel` what rides on IP, `transport` the ports.
//! * `fragment` puts datagrams together; decoding then goes on inside them.
//! * `plain` is the short way of what nearly every frame is.
//! * `duplicate` finds the second copy of a packet mirrored twice, by its `print`.
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
mod plain;
mod ppp;
mod print;
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

use crate::capture::{Batch, Frame, FrameRef, LinkType};
use crate::net::Timestamp;
use duplicate::Duplicates;
use envelope::{EnvelopeRecorder, Recorder};
use fragment::{Fragments, Whole};
use print::{Keys, Path, Print};
use view::View;
use walk::{Found, Outcome, Walk};

/// Decodes the frames of one stream of batches.
#[derive(Debug)]
pub struct Decoder {
    options: Options,
    fragments: Fragments,
    duplicates: Duplicates,
    account: Account,
    /// What the fingerprints of packets are made with.
    keys: Keys,
}

/// Where every frame is accounted for.
#[derive(Debug, Default)]
struct Account {
    skips: SkipCounters,
    counters: Counters,
}

/// A packet found ahead of its turn.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    /// The packet.
    pub packet: Packet,
    print: Print,
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
            keys: Keys::new(0),
        }
    }

    /// Takes a secret from `seed` and the first frame, by which copies are told from packets that only look like them: so the
    /// same capture gives the same, and nobody could know it when the packets were sent. To be called before anything else.
    pub fn key(&mut self, seed: u64, first: &Frame<'_>) {
        self.keys = Keys::new(seed).of_frame(first.meta.timestamp, first.data);
    }

    /// Decodes the frame at `index` of `batch`; a reassembled datagram is appended to the bytes of the batch. `clock`
    /// is the highest packet time so far.
    ///
    /// # Errors
    /// The reason why the frame yields no packet; it has been counted.
    #[inline]
    pub fn decode(&mut self, batch: &mut Batch, index: usize, clock: Timestamp) -> Result<Decoded, Skip> {
        self.advance(clock);
        let mut plain = None;
        self.look_ahead(batch, index, &mut plain);
        match (plain, batch.frames.get(index)) {
            (Some(plain), Some(meta)) => self.count_plain(meta, &plain).map(|()| Decoded::Packet(plain.packet)),
            _ => self.decode_odd(batch, index, clock),
        }
    }

    /// Puts the packet of the frame at `index` into `plain`, where that is as plain as nearly every frame: it depends on
    /// nothing that was decoded before. It counts once [`Decoder::count_plain`] is told, in the order of the frames.
    #[inline(always)]
    pub fn look_ahead(&self, batch: &Batch, index: usize, plain: &mut Option<Plain>) {
        *plain = None;
        let Some(Frame { data, meta }) = batch.frame(index) else { return };
        if meta.link != LinkType::ETHERNET {
            return;
        }
        let mut path = Path::new(meta.interface);
        let view = View::new(data, meta.wire_len as usize);
        let Some(found) = plain::find(&self.options, view, &mut path) else { return };
        // In two steps: there are too few registers for both.
        let plain = plain.insert(Plain { packet: packet(&batch.bytes, index, &meta, &found), print: Print::NONE });
        if self.duplicates.is_on() {
            plain.print = Print::of_packet(&found, path, self.keys);
        }
    }

    /// Brings what counting these packets needs into the cache: their reads do not depend on each other, so the processor
    /// overlaps their misses.
    #[inline]
    pub fn warm<'a>(&self, ahead: impl Iterator<Item = &'a Plain>) {
        let mut words = 0;
        for plain in ahead {
            words ^= self.duplicates.warm(&plain.print);
        }
        std::hint::black_box(words);
    }

    /// Moves on to a frame that came when the highest packet time was `clock`: before [`Decoder::count_plain`].
    #[inline]
    pub fn advance(&mut self, clock: Timestamp) {
        if self.fragments.deadline <= clock {
            self.fragments.expire(clock, &mut self.account);
        }
    }

    /// Counts a packet found ahead, in its turn.
    ///
    /// # Errors
    /// It is the second copy of one that counted.
    #[inline]
    pub fn count_plain(&mut self, meta: &FrameRef, plain: &Plain) -> Result<(), Skip> {
        let Plain { packet, print } = plain;
        self.account.counters.frames_cut += u64::from(meta.is_cut());
        if self.duplicates.check(print, packet.timestamp) {
            self.account.skips.add(Skip::Duplicate, 1);
            return Err(Skip::Duplicate);
        }
        self.account.counters.frames_decoded += 1;
        Ok(())
    }

    /// Decodes a frame that is not plain.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    #[inline(never)]
    pub fn decode_odd(&mut self, batch: &mut Batch, index: usize, clock: Timestamp) -> Result<Decoded, Skip> {
        let Some(meta) = batch.frames.get(index).copied() else { return Err(Skip::Truncated) };
        if self.duplicates.is_on() {
            self.decode_frame(batch, index, meta, clock, Path::new(meta.interface))
        } else {
            self.decode_frame(batch, index, meta, clock, ())
        }
    }

    #[inline(always)]
    fn decode_frame<R: Recorder>(
        &mut self,
        batch: &mut Batch,
        index: usize,
        meta: FrameRef,
        clock: Timestamp,
        recorder: R,
    ) -> Result<Decoded, Skip> {
        self.account.counters.frames_cut += u64::from(meta.is_cut());
        let start = meta.offset as usize;
        let data = batch.bytes.get(start..start + meta.captured_len as usize).unwrap_or_default();
        let mut walk = Walk::new(&self.options, recorder);
        match walk.link(meta.link, View::new(data, meta.wire_len as usize)) {
            Ok(Outcome::Packet) => self.deliver(&batch.bytes, index, &meta, &walk, 1),
            Ok(Outcome::Fragment) => {
                let whole = self.hold(&walk, 1, &meta, clock);
                let walk = walk.resume();
                self.reassembled(batch, index, clock, walk, whole)
            }
            Err(skip) => self.skip(skip, 1),
        }
    }

    /// Goes on inside the datagrams that a fragment completed.
    #[inline(never)]
    fn reassembled<R: Recorder>(
        &mut self,
        batch: &mut Batch,
        index: usize,
        clock: Timestamp,
        mut before: Walk<'static, R>,
        mut whole: Result<Option<Whole>, Skip>,
    ) -> Result<Decoded, Skip> {
        let Some(meta) = batch.frames.get(index).copied() else { return Err(Skip::Truncated) };
        let mut frames = 1;
        loop {
            let done = match whole {
                Ok(Some(done)) => done,
                Ok(None) => return Ok(Decoded::Held),
                Err(skip) => return self.skip(skip, frames),
            };
            let start = batch.bytes.len();
            let datagram = self.fragments.finish(done, &mut batch.bytes, &mut self.account);
            frames = datagram.frames;
            let mut walk = before.resume();
            let view = View::new(batch.bytes.get(start..).unwrap_or_default(), 0);
            let outcome = walk.descend().and_then(|()| walk.enter_datagram(datagram.ip, datagram.protocol, view));
            whole = match outcome {
                Ok(Outcome::Packet) => return self.deliver(&batch.bytes, index, &meta, &walk, frames),
                Ok(Outcome::Fragment) => self.hold(&walk, frames, &meta, clock),
                Err(skip) => return self.skip(skip, frames),
            };
            before = walk.resume();
        }
    }

    /// Keeps the fragment a walk ended at, which stands for `frames` frames. `Some` where it completes its datagram.
    fn hold<R: Recorder>(
        &mut self,
        walk: &Walk<'_, R>,
        frames: u32,
        meta: &FrameRef,
        clock: Timestamp,
    ) -> Result<Option<Whole>, Skip> {
        let print = walk.recorder.path().map(|path| Print::of_fragment(&walk.found, path, self.keys));
        if print.is_some_and(|print| self.duplicates.check(&print, meta.timestamp)) {
            return Err(Skip::Duplicate);
        }
        self.fragments.insert(&walk.found, frames, clock, &mut self.account)
    }

    #[inline(always)]
    fn deliver<R: Recorder>(
        &mut self,
        bytes: &[u8],
        index: usize,
        meta: &FrameRef,
        walk: &Walk<'_, R>,
        frames: u32,
    ) -> Result<Decoded, Skip> {
        // The fragments of a reassembled datagram have been looked up one by one.
        let path = if walk.found.ip.frames == 1 { walk.recorder.path() } else { None };
        if path
            .is_some_and(|path| self.duplicates.check(&Print::of_packet(&walk.found, path, self.keys), meta.timestamp))
        {
            return self.skip(Skip::Duplicate, frames);
        }
        self.account.counters.frames_decoded += u64::from(frames);
        Ok(Decoded::Packet(packet(bytes, index, meta, &walk.found)))
    }

    #[inline]
    fn skip(&mut self, reason: Skip, frames: u32) -> Result<Decoded, Skip> {
        self.account.skips.add(reason, frames.into());
        Err(reason)
    }

    /// Whether the packet of a frame that another decoder has decoded is a copy of one that counted here; it is remembered
    /// otherwise. What came in fragments never is.
    pub fn is_copy(&mut self, batch: &Batch, index: usize) -> bool {
        let Some(frame) = batch.frame(index).filter(|_| self.duplicates.is_on()) else { return false };
        let mut plain = None;
        self.look_ahead(batch, index, &mut plain);
        if let Some(plain) = plain {
            return self.duplicates.check(&plain.print, frame.meta.timestamp);
        }
        let mut walk = Walk::new(&self.options, Path::new(frame.meta.interface));
        let outcome = walk.link(frame.meta.link, View::new(frame.data, frame.meta.wire_len as usize));
        let path = if matches!(outcome, Ok(Outcome::Packet)) { walk.recorder.path() } else { None };
        path.is_some_and(|path| {
            self.duplicates.check(&Print::of_packet(&walk.found, path, self.keys), frame.meta.timestamp)
        })
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
    let mut walk = Walk::new(options, EnvelopeRecorder::default());
    // A frame without a packet still tells what was stripped before the walk ended.
    let _ = walk.link(frame.meta.link, View::new(frame.data, frame.meta.wire_len as usize));
    walk.recorder.finish()
}

#[inline(always)]
fn packet(bytes: &[u8], index: usize, meta: &FrameRef, found: &Found<'_>) -> Packet {
    let Found { ip, protocol, segment, .. } = found;
    let payload = segment.payload;
    let captured = place(bytes, payload.data);
    // IP bytes are what the header says; of payload no more can have passed than the frame had room for.
    let room = match (ip.frames, captured.len) {
        (1, 0) => meta.wire_len - meta.captured_len.min(meta.wire_len),
        (1, _) => meta.offset.saturating_add(meta.wire_len).saturating_sub(captured.offset),
        _ => u32::MAX,
    };
    Packet {
        timestamp: meta.timestamp,
        source: ip.source,
        destination: ip.destination,
        frame: index as u32,
        frames: ip.frames,
        ip_bytes: ip.ip_bytes,
        payload_len: (payload.wire as u32).min(room),
        payload: captured,
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
