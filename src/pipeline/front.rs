//! Frames to packets, with the clock of the capture and the shard of each packet.
//!
//! Frames are taken [`AHEAD`] at a time, in two passes. The first decodes what is plain, which depends on nothing but the
//! frame: so the processor works on several frames at once, and the cache misses of all of them overlap. The second goes
//! through all frames in their order, moves the clock, looks for copies, and decodes what is not plain.

use std::time::Duration;

use crate::capture::{Batch, Filter, FrameRef, LinkType};
use crate::decode::{self, Decoded, Decoder, Packet, Plain, Skip, SkipCounters};
use crate::detect::Coverage;
use crate::flow::{self, FlowHasher, FlowKey, Place};
use crate::inspect::{self, Announcement};
use crate::net::Timestamp;

/// Link types named in a message when they cannot be read.
const MOST_UNKNOWN_LINKS: usize = 16;

/// A packet on its way to its shard.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// The packet.
    pub packet: Packet,
    /// Hash of its flow key.
    pub hash: u64,
    /// Number of its frame within the run.
    pub frame: u64,
    /// Highest packet time when it came.
    pub clock: Timestamp,
}

/// Frames decoded ahead of their turn at most: what is found of them stays in the nearest cache.
const AHEAD: usize = 32;

/// A packet found ahead of its turn, and the hash of its flow key.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    plain: Option<Plain>,
    hash: u64,
}

/// A step of packet time that one frame alone does not prove.
const LEAP: Duration = Duration::from_secs(7 * 86_400);

/// True where two frames agree about when they were captured, to within an hour.
fn near(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).max(other.since(one)) <= Duration::from_secs(3_600)
}

/// What the front counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontCounters {
    /// Frames read.
    pub frames_read: u64,
    /// Bytes of those frames on the wire.
    pub wire_bytes: u64,
    /// Time of the earliest frame; meaningful once a frame was read.
    pub first_time: Timestamp,
    /// Time of the latest frame.
    pub last_time: Timestamp,
    /// Frames whose time leapt ahead by more than a week and that no other frame had confirmed yet.
    pub clock_leaps: u64,
    /// Frames decoded into packets or parts of packets.
    pub decode: decode::Counters,
    /// Frames skipped, by reason.
    pub skips: SkipCounters,
}

/// What the front saw besides packets.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Its place among the flow updates.
    pub place: Place,
    /// What it is.
    pub seen: Seen,
}

/// What the front can see besides packets.
#[derive(Clone, Debug)]
pub enum Seen {
    /// What a device said of itself below IP, where no flow can tell it.
    Device(Announcement),
    /// What the capture has shown so far; told once a minute of packet time, so that it does not depend on how the input is
    /// cut into batches.
    Coverage(Covered),
}

/// What one of several fronts has shown of the capture.
#[derive(Clone, Copy, Debug)]
pub struct Covered {
    /// Number of the front, and how many there are.
    pub front: (u16, u16),
    /// Until when.
    pub at: Timestamp,
    /// Since the front began.
    pub coverage: Coverage,
}

/// Most devices kept of one batch: they repeat themselves every half minute.
const MOST_SIGHTINGS: usize = 256;

/// Seconds of packet time between two sightings of the coverage.
const COVERAGE_EVERY_S: u64 = 60;

/// Filters and decodes batches.
pub struct Front {
    decoder: Decoder,
    seed: u64,
    filter: Option<Filter>,
    filtered: SkipCounters,
    hasher: FlowHasher,
    clock: Timestamp,
    /// Whether the clock was ever told a time.
    is_begun: bool,
    /// Its number among the fronts of the capture, and how many there are.
    number: (u16, u16),
    /// An unconfirmed leap of time.
    leap: Option<Timestamp>,
    /// Minute of the last sighting of the coverage.
    covered: u64,
    /// When it is over.
    cover_due: Timestamp,
    /// Frames lost before they were captured.
    lost: u64,
    counters: FrontCounters,
    unknown_links: Vec<LinkType>,
    sightings: Vec<Sighting>,
    /// What was found ahead in the frames whose turn comes next.
    ahead: Box<[Ahead; AHEAD]>,
}

impl Front {
    /// Decodes by `options`, leaves out what `filter` does not match, and deals by a hash with `seed`.
    #[must_use]
    pub fn new(options: decode::Options, filter: Option<Filter>, seed: u64) -> Self {
        Front {
            decoder: Decoder::new(options),
            seed,
            filter,
            filtered: SkipCounters::default(),
            hasher: FlowHasher::new(seed),
            clock: Timestamp::ZERO,
            is_begun: false,
            number: (0, 1),
            leap: None,
            covered: 0,
            cover_due: Timestamp::from_parts(COVERAGE_EVERY_S, 0),
            lost: 0,
            counters: FrontCounters { first_time: Timestamp::MAX, ..FrontCounters::default() },
            unknown_links: Vec::with_capacity(MOST_UNKNOWN_LINKS),
            sightings: Vec::new(),
            ahead: Box::new([Ahead::default(); AHEAD]),
        }
    }

    /// As front `number` (from 0) of the `of` fronts that one judge hears: it numbers its frames, by which flows are known,
    /// as no other of them does.
    #[must_use]
    pub fn numbered(mut self, number: u16, of: u16) -> Self {
        let of = of.max(1);
        self.number = (number % of, of);
        self
    }

    /// The number of the `count`th frame (from 0) read here.
    #[inline]
    fn frame_number(&self, count: u64) -> u64 {
        let (number, of) = self.number;
        count.wrapping_mul(u64::from(of)).wrapping_add(u64::from(number))
    }

    /// Decodes `batch` and appends each packet to the list of its shard; there are as many shards as lists.
    pub fn decode(&mut self, batch: &mut Batch, shards: &mut [Vec<Prepared>]) {
        batch.first_frame = self.counters.frames_read;
        if self.counters.frames_read == 0
            && let Some(first) = batch.frame(0)
        {
            self.decoder.key(self.seed, &first);
        }
        for first in (0..batch.frames.len()).step_by(AHEAD) {
            self.look_ahead(batch, first);
            let end = batch.frames.len().min(first + AHEAD);
            for index in first..end {
                self.frame(batch, index, index - first, shards);
            }
        }
    }

    /// Finds what is plain in the frames from number `first` of the batch on.
    #[inline(always)]
    fn look_ahead(&mut self, batch: &Batch, first: usize) {
        for (index, ahead) in (first..).zip(self.ahead.iter_mut()) {
            self.decoder.look_ahead(batch, index, &mut ahead.plain);
        }
        for ahead in self.ahead.iter_mut() {
            if let Some(plain) = &ahead.plain {
                ahead.hash = self.hasher.hash(&FlowKey::of(&plain.packet).0);
            }
        }
        self.decoder.warm(self.ahead.iter().filter_map(|ahead| ahead.plain.as_ref()));
    }

    /// The frame whose turn it is, of which what is at `place` was found ahead.
    #[inline]
    fn frame(&mut self, batch: &mut Batch, index: usize, place: usize, shards: &mut [Vec<Prepared>]) {
        let Some(&meta) = batch.frames.get(index) else { return };
        let frame = self.frame_number(self.counters.frames_read);
        self.counters.frames_read += 1;
        self.counters.wire_bytes += u64::from(meta.wire_len);
        self.counters.first_time = self.counters.first_time.min(meta.timestamp);
        self.advance(meta.timestamp);
        self.cover_if_due(frame);
        if let Some(filter) = &mut self.filter
            && !batch.frame(index).is_some_and(|frame| filter.matches(&frame))
        {
            self.filtered.add(Skip::Filtered, 1);
            return;
        }
        self.decoder.advance(self.clock);
        if let Some(Ahead { plain: Some(plain), hash }) = self.ahead.get(place) {
            if self.decoder.count_plain(&meta, plain).is_ok()
                && let Some(list) = list_of(shards, *hash)
            {
                list.push(Prepared { packet: plain.packet, hash: *hash, frame, clock: self.clock });
            }
        } else if let Some(prepared) = self.odd(batch, index, &meta, frame)
            && let Some(list) = list_of(shards, prepared.hash)
        {
            list.push(prepared);
        }
    }

    /// A frame that is not plain.
    #[inline(never)]
    fn odd(&mut self, batch: &mut Batch, index: usize, meta: &FrameRef, frame: u64) -> Option<Prepared> {
        match self.decoder.decode_odd(batch, index, self.clock) {
            Ok(Decoded::Packet(packet)) => {
                let (key, _) = FlowKey::of(&packet);
                Some(Prepared { packet, hash: self.hasher.hash(&key), frame, clock: self.clock })
            }
            Ok(Decoded::Held) => None,
            Err(Skip::UnknownLinkType) => {
                self.remember(meta.link);
                None
            }
            Err(Skip::NotIp) => {
                self.sight(batch, index, frame);
                None
            }
            Err(_) => None,
        }
    }

    /// Moves the clock. A leap of more than [`LEAP`] counts once a second frame confirms it: a single wrong timestamp
    /// must not end every flow and stop time for the rest of the run.
    #[inline]
    fn advance(&mut self, time: Timestamp) {
        if time <= self.clock {
            self.is_begun = true;
            return;
        }
        let is_begun = std::mem::replace(&mut self.is_begun, true);
        let step_ns = u128::from(time.as_nanos() - self.clock.as_nanos());
        if is_begun && step_ns > LEAP.as_nanos() && !self.leap.is_some_and(|leap| near(leap, time)) {
            self.leap = Some(time);
            self.counters.clock_leaps += 1;
            return;
        }
        self.clock = time;
    }

    /// Moves the clock on to `time` without a frame, where the line is silent: flows end and coverage is told as if a
    /// frame had come that shows nothing. Never goes back, and like a frame's a leap must be confirmed.
    pub fn advance_to(&mut self, time: Timestamp) {
        self.advance(time);
        self.cover_if_due(self.frame_number(self.counters.frames_read));
    }

    /// Takes over packets that another front has decoded: time goes on with them and not back, and copies of what was seen
    /// here are left out. Says how many.
    pub fn take_over(&mut self, batch: &Batch, packets: &mut Vec<Prepared>) -> u64 {
        let before = packets.len();
        packets.retain_mut(|prepared| {
            self.advance_to(prepared.clock);
            prepared.clock = self.clock;
            prepared.packet.frames > 1 || !self.decoder.is_copy(batch, prepared.packet.frame as usize)
        });
        (before - packets.len()) as u64
    }

    #[inline]
    fn cover_if_due(&mut self, frame: u64) {
        if self.clock >= self.cover_due {
            self.cover_minute(frame);
        }
    }

    #[cold]
    fn cover_minute(&mut self, frame: u64) {
        let minute = self.clock.as_secs() / COVERAGE_EVERY_S;
        if minute > self.covered {
            self.cover(minute, frame);
        }
    }

    #[cold]
    fn remember(&mut self, link: LinkType) {
        if self.unknown_links.len() < MOST_UNKNOWN_LINKS && !self.unknown_links.contains(&link) {
            self.unknown_links.push(link);
        }
    }

    /// Listens to devices that announce themselves below IP.
    #[cold]
    fn sight(&mut self, batch: &Batch, index: usize, frame: u64) {
        let Some(found) = batch.frame(index).filter(|frame| frame.meta.link == LinkType::ETHERNET) else { return };
        if let Some(said) = inspect::below_ip(found.data)
            && self.sightings.len() < MOST_SIGHTINGS
        {
            self.sightings.push(Sighting { place: Place::of_packet(self.clock, frame), seen: Seen::Device(said) });
        }
    }

    /// Notes what the capture has shown when frame number `frame` came.
    #[cold]
    fn cover(&mut self, minute: u64, frame: u64) {
        self.covered = minute;
        self.cover_due = Timestamp::from_parts((minute + 1) * COVERAGE_EVERY_S, 0);
        let place = Place::of_packet(self.clock, frame);
        let covered = Covered { front: self.number, at: self.clock, coverage: self.coverage() };
        self.sightings.push(Sighting { place, seen: Seen::Coverage(covered) });
    }

    /// What the capture has shown so far.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let counters = self.counters();
        Coverage {
            frames: counters.frames_read,
            frames_lost: self.lost,
            frames_cut: counters.decode.frames_cut,
            frames_skipped: counters.skips.total() - counters.skips.of(Skip::Filtered),
            ..Coverage::default()
        }
    }

    /// Takes over how many frames were lost before they were captured, as the source knows by now.
    pub fn lose(&mut self, frames: u64) {
        self.lost = frames;
    }

    /// What was seen besides packets in the batch decoded last.
    pub fn sightings(&mut self) -> impl Iterator<Item = Sighting> + '_ {
        self.sightings.drain(..)
    }

    /// Highest packet time so far: the clock of everything behind the front.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Gives up what waits for more, and notes what the capture has shown in all: the input is over.
    pub fn finish(&mut self) {
        self.decoder.flush();
        self.cover(self.covered, self.frame_number(self.counters.frames_read));
    }

    /// What was counted so far. Frames of incomplete datagrams are in neither sum before [`Front::finish`].
    #[must_use]
    pub fn counters(&self) -> FrontCounters {
        let mut skips = *self.decoder.skips();
        skips.add(Skip::Filtered, self.filtered.of(Skip::Filtered));
        FrontCounters { last_time: self.clock, decode: *self.decoder.counters(), skips, ..self.counters }
    }

    /// Link types met that cannot be read, in order of appearance.
    #[must_use]
    pub fn unknown_links(&self) -> &[LinkType] {
        &self.unknown_links
    }

    /// The filter in force, to ask what it could not apply to.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }
}

/// The list of the shard that a flow with this hash belongs to.
#[inline]
fn list_of(shards: &mut [Vec<Prepared>], hash: u64) -> Option<&mut Vec<Prepared>> {
    match shards {
        [only] => Some(only),
        many => many.get_mut(flow::partition(hash) % many.len().max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use borderflow_testkit::{Host, Link, udp_frame};

    const DAY: u64 = 86_400;

    /// The clock after frames at these seconds, and how many of them leapt.
    fn clock_after(seconds: &[u64]) -> (u64, u64) {
        let mut front = Front::new(decode::Options::default(), None, 0);
        let mut batch = Batch::default();
        for &second in seconds {
            let (from, to) = ((Host::new("10.0.0.1"), 4000), (Host::new("9.9.9.9"), 53));
            let frame = udp_frame(&Link::Ethernet, 0, from, to, b"payload");
            batch.push(Timestamp::from_parts(second, 0), LinkType(1), 0, &frame.data);
        }
        front.decode(&mut batch, &mut [Vec::new()]);
        (front.clock().as_secs(), front.counters().clock_leaps)
    }

    #[test]
    fn one_frame_with_a_wrong_time_does_not_move_the_clock() {
        assert_eq!(clock_after(&[100, 900 * DAY, 101, 102]), (102, 1));
        assert_eq!(clock_after(&[100, 900 * DAY, 101, 400 * DAY, 102]), (102, 2));
    }

    #[test]
    fn coverage_is_told_every_minute_whatever_time_a_single_frame_claims() {
        let mut front = Front::new(decode::Options::default(), None, 0);
        let mut batch = Batch::default();
        for second in [60, 900 * DAY, 61, 130, 200] {
            let (from, to) = ((Host::new("10.0.0.1"), 4000), (Host::new("9.9.9.9"), 53));
            let frame = udp_frame(&Link::Ethernet, 0, from, to, b"payload");
            batch.push(Timestamp::from_parts(second, 0), LinkType(1), 0, &frame.data);
        }
        front.decode(&mut batch, &mut [Vec::new()]);
        let told = front.sightings().map(|sighting| sighting.place);
        assert_eq!(told.count(), 3);
    }

    #[test]
    fn on_a_silent_line_the_clock_moves_on_and_coverage_is_told() {
        let mut front = Front::new(decode::Options::default(), None, 0).numbered(1, 3);
        front.advance_to(Timestamp::from_parts(1_000, 0));
        let (from, to) = ((Host::new("10.0.0.1"), 4000), (Host::new("9.9.9.9"), 53));
        let frame = udp_frame(&Link::Ethernet, 0, from, to, b"payload");
        let mut batch = Batch::default();
        batch.push(Timestamp::from_parts(900 * DAY, 0), LinkType(1), 0, &frame.data);
        batch.push(Timestamp::from_parts(1_001, 0), LinkType(1), 0, &frame.data);
        let mut lists = [Vec::new()];
        front.decode(&mut batch, &mut lists);
        assert_eq!(front.clock().as_secs(), 1_001, "the first frame may be wrong, too");
        assert_eq!(lists[0].iter().map(|prepared| prepared.frame).collect::<Vec<_>>(), [1, 4]);
        for second in 1_002..1_200 {
            front.advance_to(Timestamp::from_parts(second, 0));
        }
        front.advance_to(Timestamp::from_parts(1_100, 0));
        assert_eq!(front.clock().as_secs(), 1_199);
        let told: Vec<_> = front.sightings().collect();
        assert!(told.windows(2).all(|pair| pair[0].place <= pair[1].place));
        assert_eq!(told.len(), 4, "1,000, 1,020, 1,080 and 1,140 seconds");
    }

    #[test]
    fn a_capture_that_pauses_for_a_month_goes_on_from_its_second_frame() {
        assert_eq!(clock_after(&[100, 30 * DAY, 30 * DAY + 1]), (30 * DAY + 1, 1));
        assert_eq!(clock_after(&[100, 6 * DAY]), (6 * DAY, 0));
    }
}
