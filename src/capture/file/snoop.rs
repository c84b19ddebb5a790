//! The snoop format of Solaris (RFC 1761): big-endian, microseconds, records padded and with a drop counter.

use super::MAX_FRAME_BYTES;
use super::bytes::{Order, u32_at};
use super::format::{Damage, Indexed};
use crate::capture::{FrameRef, LinkType, Loss};
use crate::net::Timestamp;

const MAGIC: [u8; 8] = *b"snoop\0\0\0";
const FILE_HEADER_BYTES: usize = 16;
const RECORD_HEADER_BYTES: usize = 24;

/// Whether a file that starts so is snoop.
pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    MAGIC.starts_with(&magic)
}

/// What follows from a file header, and the drops counted so far.
#[derive(Debug)]
pub(super) struct Snoop {
    link: LinkType,
    drops: u32,
}

impl Snoop {
    /// Reads the file header at the start of `bytes`; `None` while there are too few bytes.
    pub(super) fn open(bytes: &[u8]) -> Result<Option<(Snoop, usize)>, Damage> {
        let Some(header) = bytes.get(..FILE_HEADER_BYTES) else { return Ok(None) };
        let (version, datalink) = (u32_at(Order::Big, header, 8), u32_at(Order::Big, header, 12));
        if !header.starts_with(&MAGIC) || version != 2 {
            return Err(Damage::new(8, format!("snoop version {version}, expected 2")));
        }
        let link = match datalink {
            0 | 4 => LinkType::ETHERNET,
            2 => LinkType::TOKEN_RING,
            8 => LinkType::FDDI,
            _ => return Err(Damage::new(12, format!("snoop datalink {datalink}, expected Ethernet (4)"))),
        };
        Ok(Some((Snoop { link, drops: 0 }, FILE_HEADER_BYTES)))
    }

    /// Appends every whole record of `bytes` from `at` on to `frames`.
    pub(super) fn index(&mut self, bytes: &[u8], mut at: usize, frames: &mut Vec<FrameRef>) -> Result<Indexed, Damage> {
        loop {
            let Some(header) = bytes.get(at..).and_then(<[u8]>::first_chunk::<RECORD_HEADER_BYTES>) else {
                return Ok(Indexed { next: at, need: RECORD_HEADER_BYTES });
            };
            let [wire_len, captured_len, record_len, drops, seconds, micros] =
                [0, 4, 8, 12, 16, 20].map(|field| u32_at(Order::Big, header, field));
            if captured_len > MAX_FRAME_BYTES || record_len > MAX_FRAME_BYTES {
                return Err(Damage::frame_too_long(at, captured_len.max(record_len)));
            }
            if (record_len as usize) < RECORD_HEADER_BYTES + captured_len as usize {
                let problem = format!("record of {record_len} bytes cannot hold {captured_len} captured bytes");
                return Err(Damage::new(at, problem));
            }
            let end = at + record_len as usize;
            if end > bytes.len() {
                return Ok(Indexed { next: at, need: end - at });
            }
            self.drops = drops;
            frames.push(FrameRef {
                timestamp: Timestamp::from_nanos(u64::from(seconds) * 1_000_000_000 + u64::from(micros) * 1_000),
                offset: (at + RECORD_HEADER_BYTES) as u32,
                captured_len,
                wire_len: wire_len.max(captured_len),
                link: self.link,
                interface: 0,
            });
            at = end;
        }
    }

    /// The drop counter of the last record, which counts from the start of the capture.
    pub(super) fn loss(&self) -> Loss {
        Loss { kernel: u64::from(self.drops), interface: 0 }
    }
}
