//! Exact TCP payload volumes from segments that arrive in any order, twice, or not at all.
//!
//! Each direction keeps the next expected sequence number. Data beyond it leaves a *hole*; data below it counts only
//! where it fills one. So every payload byte counts once, whatever the capture reordered or repeated. A hole that the
//! other side acknowledged is data that passed unseen: the *missed bytes* of the flow. Holes live in a bounded pool
//! beside the table, since few flows have any. Sequence arithmetic is modulo 2³² (RFC 9293, section 3.4).

use super::key::{PerSide, Side};
use crate::decode::{Packet, TcpFlags};

/// Holes kept per direction; a further one gives up the oldest.
const HOLES_PER_SIDE: usize = 12;

/// A distance at which a sequence number is taken for a new beginning rather than for a hole of that size.
const RESYNC_DISTANCE: u32 = 1 << 30;

/// How far a SYN may lie below data that the capture shows before it, and still open the same connection.
const REORDER_WINDOW: u32 = 1 << 20;

/// Sequence state of one direction, in the flow's hot part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sequence {
    /// Next sequence number expected; meaningful when `known`.
    next: u32,
    /// Whether `next` has been set.
    known: bool,
    /// Control bits seen so far, combined.
    pub(super) flags: TcpFlags,
    /// Whether the side has sent anything but resets.
    pub(super) alive: bool,
    /// How many volume steps the side's payload has passed (of any transport).
    step: u8,
}

impl Sequence {
    /// True where `payload_bytes`, sent by this side so far, reaches its next step: the first byte, then each power
    /// of two from 64 KiB on.
    #[inline]
    pub(super) fn passes_step(&mut self, payload_bytes: u64) -> bool {
        if payload_bytes < step_bytes(self.step) {
            return false;
        }
        while payload_bytes >= step_bytes(self.step) {
            self.step += 1;
        }
        true
    }
}

/// Payload bytes that reach step number `step`.
fn step_bytes(step: u8) -> u64 {
    match step {
        0 => 1,
        1..=48 => 1 << (15 + step),
        _ => u64::MAX,
    }
}

/// Index of a flow's holes in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HoleSlot(u32);

impl HoleSlot {
    /// A flow without holes.
    pub(super) const NONE: HoleSlot = HoleSlot(u32::MAX);
}

/// Where a direction's numbering began, in the flow's cold part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin {
    /// Lowest sequence number seen; bytes below it have not been counted.
    first: u32,
    /// Sequence number of the SYN, once one was seen.
    syn: Option<u32>,
    /// Whether the first segment seen had a single byte and no SYN: a keep-alive, more likely than data.
    is_keep_alive: bool,
}

impl Origin {
    /// How far into its direction a segment numbered `start` begins; `None` for a keep-alive before all that was seen,
    /// whose byte is none of the direction's.
    pub(super) fn offset_of(&self, start: u32) -> Option<u32> {
        start.wrapping_sub(self.first).checked_sub(u32::from(self.is_keep_alive))
    }

    /// True where a SYN numbered `sequence` begins another connection than the one whose numbering is `self`.
    pub(super) fn contradicts(&self, sequence: u32, state: &Sequence) -> bool {
        match self.syn {
            Some(syn) => syn != sequence,
            None => state.known && self.first.wrapping_sub(sequence.wrapping_add(1)) > REORDER_WINDOW,
        }
    }
}

/// Everything a segment changes beside the volumes.
pub(super) struct Tracker<'a> {
    pub(super) sequences: &'a mut PerSide<Sequence>,
    pub(super) origins: &'a mut PerSide<Origin>,
    pub(super) holes: &'a mut HoleSlot,
    pub(super) pool: &'a mut HolePool,
}

impl Tracker<'_> {
    /// Applies a segment that `sender` sent, and says how many of its payload bytes are new.
    #[inline]
    pub(super) fn segment(&mut self, sender: Side, packet: &Packet) -> u32 {
        let flags = packet.tcp.flags;
        let own = self.sequences.of_mut(sender);
        own.flags = TcpFlags(own.flags.0 | flags.0);
        if flags.has(TcpFlags::RST) {
            return 0;
        }
        own.alive = true;
        let start = packet.tcp.sequence.wrapping_add(u32::from(flags.has(TcpFlags::SYN)));
        let end = start.wrapping_add(packet.payload_len);
        let fresh = if own.known && own.next == start && !flags.has(TcpFlags::SYN) {
            own.next = end;
            packet.payload_len
        } else {
            self.place(sender, start, packet)
        };
        let own = self.sequences.of_mut(sender);
        if flags.has(TcpFlags::FIN) && own.next == end {
            own.next = end.wrapping_add(1);
        }
        if flags.has(TcpFlags::ACK) {
            let acknowledged = packet.tcp.acknowledgement;
            let other = self.sequences.of(sender.other());
            if !other.known || *self.holes != HoleSlot::NONE || acknowledged.wrapping_sub(other.next) as i32 > 0 {
                self.acknowledge(sender.other(), acknowledged);
            }
        }
        fresh
    }

    /// Counts a segment that does not begin at the next expected number.
    #[cold]
    fn place(&mut self, side: Side, start: u32, packet: &Packet) -> u32 {
        let (own, origin) = (self.sequences.of_mut(side), self.origins.of_mut(side));
        let len = packet.payload_len;
        let end = start.wrapping_add(len);
        let ahead = start.wrapping_sub(own.next) as i32;
        let mut is_beginning = !own.known || ahead.unsigned_abs() > RESYNC_DISTANCE;
        if packet.tcp.flags.has(TcpFlags::SYN) {
            // Another attempt on the same ports numbers anew.
            is_beginning |= origin.syn.is_some_and(|syn| syn != packet.tcp.sequence);
            origin.syn = Some(packet.tcp.sequence);
        }
        if is_beginning {
            (own.next, own.known, origin.first) = (end, true, start);
            origin.is_keep_alive = len == 1 && origin.syn.is_none();
            self.pool.forget(*self.holes, side);
            return len;
        }
        if ahead >= 0 {
            if len > 0 {
                if ahead > 0 {
                    self.pool.open(self.holes, side, own.next, start);
                }
                own.next = end;
            }
            return len;
        }
        let before = self.extend_down(side, start, end);
        let own = self.sequences.of_mut(side);
        let beyond = (end.wrapping_sub(own.next) as i32).max(0) as u32;
        own.next = own.next.wrapping_add(beyond);
        let filled = self.pool.fill(*self.holes, side, start.wrapping_add(before), end.wrapping_sub(beyond));
        // Numbers that leap about may leave holes that overlap; no segment has more new bytes than it has bytes.
        (before + beyond).saturating_add(filled).min(len)
    }

    /// Counts what lies below everything seen so far: the capture began, or was reordered, after it.
    fn extend_down(&mut self, side: Side, start: u32, end: u32) -> u32 {
        let origin = self.origins.of_mut(side);
        let below = (origin.first.wrapping_sub(start) as i32).max(0) as u32;
        if below == 0 || origin.syn.is_some_and(|syn| (syn.wrapping_sub(start) as i32) >= 0) {
            return 0;
        }
        let gap = (origin.first.wrapping_sub(end) as i32).max(0) as u32;
        if gap > 0 {
            self.pool.open(self.holes, side, end, origin.first);
        }
        (origin.first, origin.is_keep_alive) = (start, false);
        below - gap
    }

    /// Takes note that the peer of `side` has everything before `acknowledged`.
    #[cold]
    fn acknowledge(&mut self, side: Side, acknowledged: u32) {
        let (own, origin) = (self.sequences.of_mut(side), self.origins.of_mut(side));
        if !own.known {
            (own.next, own.known, origin.first) = (acknowledged, true, acknowledged);
            return;
        }
        let ahead = acknowledged.wrapping_sub(own.next) as i32;
        if ahead > 0 && ahead.unsigned_abs() < RESYNC_DISTANCE {
            self.pool.open(self.holes, side, own.next, acknowledged);
            own.next = acknowledged;
        }
        self.pool.acknowledge(*self.holes, side, acknowledged);
    }
}

/// Holes of one direction, oldest first.
#[derive(Clone, Copy, Debug, Default)]
struct Holes {
    ranges: [(u32, u32); HOLES_PER_SIDE],
    len: u8,
    /// Highest acknowledgement seen since the first hole.
    acknowledged: Option<u32>,
    /// Bytes of holes that were given up.
    given_up: u64,
}

impl Holes {
    fn open(&mut self, start: u32, end: u32) {
        if usize::from(self.len) == HOLES_PER_SIDE {
            self.remove(0);
        }
        if let Some(place) = self.ranges.get_mut(usize::from(self.len)) {
            *place = (start, end);
            self.len += 1;
        }
    }

    /// Gives up every hole: the numbering began anew.
    fn forget(&mut self) {
        self.given_up = self.missed(0);
        (self.len, self.acknowledged) = (0, None);
    }

    /// Drops the hole at `index` and counts what is left of it as given up.
    fn remove(&mut self, index: usize) {
        if let Some(&(start, end)) = self.ranges.get(index) {
            self.given_up += u64::from(end.wrapping_sub(start));
        }
        self.ranges.copy_within(index + 1..usize::from(self.len), index);
        self.len -= 1;
    }

    /// Closes what `start..end` covers and returns how many bytes that was.
    fn fill(&mut self, start: u32, end: u32) -> u32 {
        let mut filled = 0;
        let mut index = 0;
        while let Some(&(from, to)) = self.ranges.get(..usize::from(self.len)).and_then(|ranges| ranges.get(index)) {
            // Offsets from the segment's start keep the comparison free of wrap-around.
            let hole_from = from.wrapping_sub(start) as i32;
            let hole_to = to.wrapping_sub(start) as i32;
            let length = end.wrapping_sub(start) as i32;
            let (cut_from, cut_to) = (hole_from.max(0), hole_to.min(length));
            if cut_from >= cut_to {
                index += 1;
                continue;
            }
            filled += (cut_to - cut_from) as u32;
            let left = (from, start.wrapping_add(cut_from as u32));
            let right = (start.wrapping_add(cut_to as u32), to);
            match (left.0 != left.1, right.0 != right.1) {
                (false, false) => {
                    self.ranges.copy_within(index + 1..usize::from(self.len), index);
                    self.len -= 1;
                }
                (true, false) => self.replace(&mut index, left),
                (false, true) => self.replace(&mut index, right),
                (true, true) => {
                    self.replace(&mut index, left);
                    self.open(right.0, right.1);
                }
            }
        }
        filled
    }

    fn replace(&mut self, index: &mut usize, range: (u32, u32)) {
        if let Some(place) = self.ranges.get_mut(*index) {
            *place = range;
        }
        *index += 1;
    }

    /// Bytes the peer acknowledged and we never saw. One number at the very end is left out: it is a FIN more likely
    /// than a byte of data.
    fn missed(&self, next: u32) -> u64 {
        let ranges = self.ranges.iter().take(usize::from(self.len));
        let open = ranges.filter(|&&(start, end)| end != next || end.wrapping_sub(start) > 1).map(|&(start, end)| {
            let acknowledged = self.acknowledged.map_or(0, |ack| ack.wrapping_sub(start) as i32);
            let length = end.wrapping_sub(start) as i32;
            u64::from(acknowledged.clamp(0, length.max(0)) as u32)
        });
        self.given_up + open.sum::<u64>()
    }
}

/// The holes of the few flows that have any; fixed capacity.
#[derive(Debug)]
pub(super) struct HolePool {
    flows: Vec<PerSide<Holes>>,
    free: Vec<u32>,
    capacity: usize,
    /// Holes that found the pool full: later data in them counts as repeated.
    pub(super) untracked: u64,
}

impl HolePool {
    /// A pool for `capacity` flows with holes.
    pub(super) fn new(capacity: usize) -> Self {
        HolePool { flows: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity), capacity, untracked: 0 }
    }

    fn open(&mut self, slot: &mut HoleSlot, side: Side, start: u32, end: u32) {
        if *slot == HoleSlot::NONE {
            *slot = self.take();
        }
        match self.flows.get_mut(slot.0 as usize) {
            Some(holes) => holes.of_mut(side).open(start, end),
            None => self.untracked += 1,
        }
    }

    fn take(&mut self) -> HoleSlot {
        if let Some(index) = self.free.pop() {
            return HoleSlot(index);
        }
        if self.flows.len() == self.capacity {
            return HoleSlot::NONE;
        }
        self.flows.push(PerSide::default());
        HoleSlot(self.flows.len() as u32 - 1)
    }

    fn fill(&mut self, slot: HoleSlot, side: Side, start: u32, end: u32) -> u32 {
        self.flows.get_mut(slot.0 as usize).map_or(0, |holes| holes.of_mut(side).fill(start, end))
    }

    fn forget(&mut self, slot: HoleSlot, side: Side) {
        if let Some(holes) = self.flows.get_mut(slot.0 as usize) {
            holes.of_mut(side).forget();
        }
    }

    fn acknowledge(&mut self, slot: HoleSlot, side: Side, acknowledged: u32) {
        if let Some(holes) = self.flows.get_mut(slot.0 as usize) {
            let known = &mut holes.of_mut(side).acknowledged;
            if known.is_none_or(|before| acknowledged.wrapping_sub(before) as i32 > 0) {
                *known = Some(acknowledged);
            }
        }
    }

    /// Bytes that `side` sent, that its peer acknowledged, and that the capture does not hold.
    pub(super) fn missed(&self, slot: HoleSlot, side: Side, sequence: &Sequence) -> u64 {
        self.flows.get(slot.0 as usize).map_or(0, |holes| holes.of(side).missed(sequence.next))
    }

    /// Gives the holes of an ended flow back.
    pub(super) fn release(&mut self, slot: HoleSlot) {
        if let Some(holes) = self.flows.get_mut(slot.0 as usize) {
            *holes = PerSide::default();
            self.free.push(slot.0);
        }
    }
}

/// Where a TCP connection stands, by the control bits seen from both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum TcpState {
    /// A SYN nobody answered.
    SynSent,
    /// SYN and SYN-ACK, nothing after.
    SynReceived,
    /// Open.
    Established,
    /// One side has sent its FIN.
    Closing,
    /// Both sides have sent their FIN.
    Closed,
    /// Ended by a reset.
    Reset,
}

impl TcpState {
    /// The state that the combined control bits of both sides amount to.
    pub(super) fn of(sequences: &PerSide<Sequence>) -> TcpState {
        let (low, high) = (sequences.of(Side::Low).flags, sequences.of(Side::High).flags);
        let either = TcpFlags(low.0 | high.0);
        if either.has(TcpFlags::RST) {
            TcpState::Reset
        } else if low.has(TcpFlags::FIN) && high.has(TcpFlags::FIN) {
            TcpState::Closed
        } else if either.has(TcpFlags::FIN) {
            TcpState::Closing
        } else if low.has(TcpFlags::ACK) && high.has(TcpFlags::ACK) || !either.has(TcpFlags::SYN) {
            TcpState::Established
        } else if low.has(TcpFlags::SYN) && high.has(TcpFlags::SYN) {
            TcpState::SynReceived
        } else if either.has(TcpFlags::ACK) {
            TcpState::Established
        } else {
            TcpState::SynSent
        }
    }

    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TcpState::SynSent => "syn_sent",
            TcpState::SynReceived => "syn_received",
            TcpState::Established => "established",
            TcpState::Closing => "closing",
            TcpState::Closed => "closed",
            TcpState::Reset => "reset",
        }
    }
}
