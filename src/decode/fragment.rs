//! Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5) in memory taken at the start.
//!
//! A datagram holds a slot and as many blocks as its payload touches. Where fragments overlap, the bytes that came
//! first stay, whatever comes later (a teardrop, a rewritten header). Slots form a list by age: time gives up the
//! oldest, and so does want of memory. A datagram that would need more separate ranges than [`Ranges`] holds is given
//! up too, so tiny fragments cost no more than others. Bytes the snap length cut count as received, and end the captured
//! part of the datagram, so volumes stay exact.

use super::ip::{Fragment, Ip};
use super::ranges::Ranges;
use super::{Account, FragmentOptions, Skip};
use crate::net::{IpVersion, Timestamp};

const BLOCK_BYTES: usize = 1024;
/// Longest payload of a datagram, in bytes.
const MAX_PAYLOAD: usize = 65_535;
const MAX_BLOCKS: usize = MAX_PAYLOAD.div_ceil(BLOCK_BYTES);
const NONE: u32 = u32::MAX;

/// Datagrams waiting for the rest of their fragments.
#[derive(Debug)]
pub(super) struct Fragments {
    options: FragmentOptions,
    slots: Vec<Slot>,
    free_slots: Vec<u32>,
    blocks: Vec<[u8; BLOCK_BYTES]>,
    free_blocks: Vec<u32>,
    /// First slot of each hash chain.
    buckets: Vec<u32>,
    oldest: u32,
    newest: u32,
    /// When the oldest datagram is given up.
    pub(super) deadline: Timestamp,
}

/// What fragments of one datagram share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    source: u128,
    destination: u128,
    id: u32,
    version: IpVersion,
    /// IPv4 only: in IPv6 it may differ between fragments, and the first one's counts.
    protocol: u8,
}

#[derive(Clone, Debug)]
struct Slot {
    key: Key,
    next_in_bucket: u32,
    older: u32,
    newer: u32,
    deadline: Timestamp,
    /// Frames to account for; more than `packets` where the fragments came out of reassembled carriers.
    frames: u32,
    /// Fragments.
    packets: u32,
    ip_bytes: u32,
    protocol: u8,
    /// Length of the payload, once the last fragment is there.
    total: Option<u32>,
    /// Where the captured bytes stop being contiguous.
    cut: u32,
    ranges: Ranges,
    blocks: [u32; MAX_BLOCKS],
}

/// A datagram made whole: its payload is the tail of the buffer it was written to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram {
    /// The header of the completing fragment, with the volume of all.
    pub(super) ip: Ip,
    pub(super) protocol: u8,
    /// Frames it took.
    pub(super) frames: u32,
    /// Payload bytes by the headers; the captured part may be shorter.
    pub(super) wire: usize,
}

/// A datagram of which everything has come, and the header of the fragment that completed it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    slot: u32,
    ip: Ip,
}

impl Fragments {
    pub(super) fn new(options: FragmentOptions) -> Fragments {
        let slots = options.max_datagrams.min(NONE as usize - 1);
        let blocks = (options.max_bytes / BLOCK_BYTES).min(NONE as usize - 1);
        Fragments {
            options,
            slots: vec![Slot::EMPTY; slots],
            free_slots: (0..slots as u32).rev().collect(),
            blocks: vec![[0; BLOCK_BYTES]; blocks],
            free_blocks: (0..blocks as u32).rev().collect(),
            buckets: vec![NONE; (slots * 2).next_power_of_two()],
            oldest: NONE,
            newest: NONE,
            deadline: Timestamp::MAX,
        }
    }

    /// Takes in a fragment that stands for `frames` frames. `Some` where it completes its datagram.
    pub(super) fn insert(
        &mut self,
        fragment: &Fragment<'_>,
        frames: u32,
        clock: Timestamp,
        account: &mut Account,
    ) -> Result<Option<Whole>, Skip> {
        let start = fragment.offset;
        let end = start as usize + fragment.data.wire;
        let is_ragged = fragment.more && !fragment.data.wire.is_multiple_of(8);
        if fragment.data.wire == 0 || is_ragged || end > MAX_PAYLOAD {
            return Err(Skip::Malformed);
        }
        let key = Key::of(fragment);
        let index = match self.find(&key) {
            NONE => self.open(key, clock, account).ok_or(Skip::FragmentIncomplete)?,
            index => index,
        };
        let slot = self.slots.get_mut(index as usize).ok_or(Skip::FragmentIncomplete)?;
        slot.frames = slot.frames.saturating_add(frames);
        slot.packets = slot.packets.saturating_add(1);
        slot.ip_bytes = slot.ip_bytes.saturating_add(fragment.ip.ip_bytes);
        self.add(index, fragment, end as u32, account);
        let is_whole = self.slots.get(index as usize).is_some_and(Slot::is_whole);
        Ok(is_whole.then_some(Whole { slot: index, ip: fragment.ip }))
    }

    /// Appends the payload of a whole datagram to `bytes` and frees its slot.
    pub(super) fn finish(&mut self, whole: Whole, bytes: &mut Vec<u8>, account: &mut Account) -> Datagram {
        account.counters.datagrams_reassembled += 1;
        let Whole { slot: index, ip } = whole;
        let Some(slot) = self.slots.get(index as usize) else {
            return Datagram { ip, protocol: 0, frames: 1, wire: 0 };
        };
        let wire = slot.total.unwrap_or_default() as usize;
        let mut rest = wire.min(slot.cut as usize);
        for block in &slot.blocks {
            let len = rest.min(BLOCK_BYTES);
            let Some(part) = self.blocks.get(*block as usize).and_then(|block| block.get(..len)) else { break };
            bytes.extend_from_slice(part);
            rest -= len;
        }
        let ip = Ip { frames: slot.packets, ip_bytes: slot.ip_bytes, ..ip };
        let datagram = Datagram { ip, protocol: slot.protocol, frames: slot.frames, wire };
        self.release(index);
        datagram
    }

    /// Gives up every datagram whose time is over at `clock`.
    #[cold]
    pub(super) fn expire(&mut self, clock: Timestamp, account: &mut Account) {
        while self.deadline <= clock && self.oldest != NONE {
            self.give_up(self.oldest, account);
        }
    }

    /// Gives up every datagram.
    pub(super) fn flush(&mut self, account: &mut Account) {
        while self.oldest != NONE {
            self.give_up(self.oldest, account);
        }
    }

    fn add(&mut self, index: u32, fragment: &Fragment<'_>, end: u32, account: &mut Account) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        if fragment.offset == 0 && slot.ranges.first_is_missing() {
            slot.protocol = fragment.protocol;
        }
        if !fragment.more && slot.total.is_none() && slot.ranges.end() <= end {
            slot.total = Some(end);
        }
        let end = end.min(slot.total.unwrap_or(end));
        if fragment.offset >= end {
            account.counters.fragments_overlapping += 1;
            return;
        }
        let captured_end = fragment.offset + fragment.data.data.len() as u32;
        if captured_end < end {
            slot.cut = slot.cut.min(captured_end);
        }
        let before = slot.ranges;
        match slot.ranges.cover(fragment.offset, end) {
            Some(is_overlapping) => account.counters.fragments_overlapping += u64::from(is_overlapping),
            None => return self.give_up(index, account),
        }
        let (mut at, data) = (fragment.offset, fragment.data.data);
        while let Some((from, to)) = before.gap(at, end.min(captured_end)) {
            let part = data.get((from - fragment.offset) as usize..(to - fragment.offset) as usize);
            if !self.write(index, from as usize, part.unwrap_or_default(), account) {
                return;
            }
            at = to;
        }
    }

    /// Writes `part` at `offset` of the datagram. `false` where that took so much memory that the datagram was given up.
    fn write(&mut self, index: u32, mut offset: usize, mut part: &[u8], account: &mut Account) -> bool {
        while !part.is_empty() {
            let Some(block) = self.block(index, offset / BLOCK_BYTES, account) else { return false };
            let within = offset % BLOCK_BYTES;
            let (now, later) = part.split_at(part.len().min(BLOCK_BYTES - within));
            let target =
                self.blocks.get_mut(block as usize).and_then(|block| block.get_mut(within..within + now.len()));
            let Some(target) = target else { return false };
            target.copy_from_slice(now);
            offset += now.len();
            part = later;
        }
        true
    }

    /// The block at `position` of the datagram, taken from the free ones or from the oldest datagrams.
    fn block(&mut self, index: u32, position: usize, account: &mut Account) -> Option<u32> {
        let slot = self.slots.get(index as usize)?;
        match slot.blocks.get(position).copied()? {
            NONE => {}
            block => return Some(block),
        }
        while self.free_blocks.is_empty() {
            let victim = self.oldest;
            self.give_up(victim, account);
            if victim == index || victim == NONE {
                return None;
            }
        }
        let block = self.free_blocks.pop()?;
        *self.slots.get_mut(index as usize)?.blocks.get_mut(position)? = block;
        Some(block)
    }

    fn find(&self, key: &Key) -> u32 {
        let mut index = self.buckets.get(self.bucket(key)).copied().unwrap_or(NONE);
        while let Some(slot) = self.slots.get(index as usize) {
            if slot.key == *key {
                return index;
            }
            index = slot.next_in_bucket;
        }
        NONE
    }

    fn open(&mut self, key: Key, clock: Timestamp, account: &mut Account) -> Option<u32> {
        if self.free_slots.is_empty() {
            self.give_up(self.oldest, account);
        }
        let index = self.free_slots.pop()?;
        let bucket = self.bucket(&key);
        let deadline = clock.after(self.options.timeout);
        let next_in_bucket = std::mem::replace(self.buckets.get_mut(bucket)?, index);
        let slot = Slot { key, next_in_bucket, older: self.newest, deadline, ..Slot::EMPTY };
        *self.slots.get_mut(index as usize)? = slot;
        match self.slots.get_mut(self.newest as usize) {
            Some(newest) => newest.newer = index,
            None => (self.oldest, self.deadline) = (index, deadline),
        }
        self.newest = index;
        Some(index)
    }

    fn give_up(&mut self, index: u32, account: &mut Account) {
        let Some(slot) = self.slots.get(index as usize) else { return };
        account.skips.add(Skip::FragmentIncomplete, slot.frames.into());
        account.counters.datagrams_given_up += 1;
        self.release(index);
    }

    /// Takes the slot out of its hash chain and of the list by age, and frees it and its blocks.
    fn release(&mut self, index: u32) {
        let Some(slot) = self.slots.get_mut(index as usize) else { return };
        let (key, next, older, newer) = (slot.key, slot.next_in_bucket, slot.older, slot.newer);
        let used = slot.blocks.iter_mut().filter(|block| **block != NONE);
        self.free_blocks.extend(used.map(|block| std::mem::replace(block, NONE)));
        slot.total = None;
        self.unchain(&key, index, next);
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        self.deadline = self.slots.get(self.oldest as usize).map_or(Timestamp::MAX, |slot| slot.deadline);
        self.free_slots.push(index);
    }

    fn unchain(&mut self, key: &Key, index: u32, next: u32) {
        let bucket = self.bucket(key);
        let Some(head) = self.buckets.get_mut(bucket) else { return };
        let mut at = *head;
        if at == index {
            *head = next;
            return;
        }
        while let Some(slot) = self.slots.get_mut(at as usize) {
            if slot.next_in_bucket == index {
                slot.next_in_bucket = next;
                return;
            }
            at = slot.next_in_bucket;
        }
    }

    fn bucket(&self, key: &Key) -> usize {
        let addresses = key.source ^ key.destination.rotate_left(64);
        let mixed = (addresses ^ addresses >> 64) as u64 ^ u64::from(key.id) << 16 ^ u64::from(key.protocol);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.buckets.len() - 1)
    }
}

impl Key {
    fn of(fragment: &Fragment<'_>) -> Key {
        let Ip { source, destination, version, .. } = fragment.ip;
        let protocol = if version == IpVersion::V4 { fragment.protocol } else { 0 };
        Key { source, destination, id: fragment.id, version, protocol }
    }
}

impl Slot {
    const EMPTY: Slot = Slot {
        key: Key { source: 0, destination: 0, id: 0, version: IpVersion::V4, protocol: 0 },
        next_in_bucket: NONE,
        older: NONE,
        newer: NONE,
        deadline: Timestamp::MAX,
        frames: 0,
        packets: 0,
        ip_bytes: 0,
        protocol: 0,
        total: None,
        cut: u32::MAX,
        ranges: Ranges::EMPTY,
        blocks: [NONE; MAX_BLOCKS],
    };

    fn is_whole(&self) -> bool {
        self.total.is_some_and(|total| self.ranges.is_just(total))
    }
}

#[cfg(test)]
mod tests;
