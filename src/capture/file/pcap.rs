//! The pcap format: a 24-byte file header, then records of a fixed header and the captured bytes.
//!
//! Source: draft-ietf-opsawg-pcap-05 and, for the historic variants, the behaviour of libpcap and TShark: the magics of
//! patched tcpdumps, lengths in swapped order before version 2.4, flags in the upper bits of the link type.

use super::MAX_FRAME_BYTES;
use super::bytes::{Order, u16_at, u32_at};
use super::format::{Damage, Indexed};
use crate::capture::{FrameRef, LinkType};
use crate::net::Timestamp;

/// Length of the file header.
const FILE_HEADER_BYTES: usize = 24;
/// Bits of the link-type field that must be zero (between the 16-bit link type and the FCS flags).
const RESERVED_LINK_BITS: u32 = 0x03ff_0000;

/// What follows from a file header.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    nanos_per_tick: u64,
    record_header_bytes: usize,
    lengths: Lengths,
    link: LinkType,
}

/// How the two length fields of a record are to be read.
#[derive(Clone, Copy, Debug)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Version 2.3 was written both ways: the smaller one is the captured length.
    SmallerIsCaptured,
}

/// Byte order, nanoseconds per tick and record header length behind each magic number.
fn variant(magic: [u8; 4]) -> Option<(Order, u64, usize)> {
    [Order::Little, Order::Big].into_iter().find_map(|order| match order.u32(magic) {
        // The second and third were written by patched tcpdumps (F. Mesquita, Navtel), with ordinary records.
        0xa1b2_c3d4 | 0xa1b2_34cd | 0xa12b_3c4d => Some((order, 1_000, 16)),
        0xa1b2_3c4d => Some((order, 1, 16)),
        // A. Kuznetzov's: interface index, protocol and packet type follow the lengths.
        0xa1b2_cd34 => Some((order, 1_000, 24)),
        _ => None,
    })
}

/// Whether a file that starts so is pcap.
pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    variant(magic).is_some()
}

impl Pcap {
    /// Reads the file header at the start of `bytes`; `None` while there are too few bytes.
    pub(super) fn open(bytes: &[u8]) -> Result<Option<(Pcap, usize)>, Damage> {
        let (Some(magic), Some(header)) = (bytes.first_chunk::<4>(), bytes.get(..FILE_HEADER_BYTES)) else {
            return Ok(None);
        };
        let Some((order, nanos_per_tick, record_header_bytes)) = variant(*magic) else {
            return Err(Damage::new(0, "no pcap magic number"));
        };
        let version = (u16_at(order, header, 4), u16_at(order, header, 6));
        let lengths = match version {
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, 0..=2) | (543, _) => Lengths::WireFirst,
            (2, _) => Lengths::CapturedFirst,
            (major, minor) => {
                return Err(Damage::new(4, format!("pcap version {major}.{minor}, expected 2.0 to 2.4")));
            }
        };
        let link = u32_at(order, header, 20);
        if link & RESERVED_LINK_BITS != 0 {
            return Err(Damage::new(20, format!("link type 0x{link:08x} has reserved bits set")));
        }
        let link = LinkType(link as u16);
        Ok(Some((Pcap { order, nanos_per_tick, record_header_bytes, lengths, link }, FILE_HEADER_BYTES)))
    }

    /// Appends every whole record of `bytes` from `at` on to `frames`.
    pub(super) fn index(&self, bytes: &[u8], mut at: usize, frames: &mut Vec<FrameRef>) -> Result<Indexed, Damage> {
        loop {
            let Some(header) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) else {
                return Ok(Indexed { next: at, need: self.record_header_bytes });
            };
            let [seconds, ticks, first, second] = self.order.words(header);
            let (captured_len, wire_len) = self.lengths.order(first, second);
            if captured_len > MAX_FRAME_BYTES {
                return Err(Damage::frame_too_long(at, captured_len));
            }
            let start = at + self.record_header_bytes;
            let end = start + captured_len as usize;
            if end > bytes.len() {
                return Ok(Indexed { next: at, need: end - at });
            }
            let nanos = u64::from(seconds) * 1_000_000_000 + u64::from(ticks) * self.nanos_per_tick;
            frames.push(FrameRef {
                timestamp: Timestamp::from_nanos(nanos),
                offset: start as u32,
                captured_len,
                wire_len: wire_len.max(captured_len),
                link: self.link,
                interface: 0,
            });
            at = end;
        }
    }
}

impl Lengths {
    /// Captured and wire length.
    fn order(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        }
    }
}
