//! The capture formats, told apart by their first four bytes.

use super::MAX_FRAME_BYTES;
use super::pcap::{self, Pcap};
use super::pcapng::{self, Pcapng};
use super::snoop::{self, Snoop};
use crate::capture::{FrameRef, Loss};

/// Bytes it takes to tell formats apart.
const MAGIC_BYTES: usize = 4;
/// Bytes a message shows of what is no capture.
pub(super) const DESCRIBED_BYTES: usize = 16;

/// A format and its state.
#[derive(Debug)]
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    Snoop(Snoop),
}

/// How far indexing came: the first record that is not whole, and the bytes it has as far as can be told (always more
/// than there were).
#[derive(Clone, Copy, Debug)]
pub(super) struct Indexed {
    pub(super) next: usize,
    pub(super) need: usize,
}

/// A record that cannot be read. The frames before it have been indexed.
#[derive(Debug)]
pub(super) struct Damage {
    /// Where the record starts in the bytes that were to be indexed.
    pub(super) at: usize,
    pub(super) problem: String,
}

impl Damage {
    pub(super) fn new(at: usize, problem: impl Into<String>) -> Damage {
        Damage { at, problem: problem.into() }
    }

    pub(super) fn frame_too_long(at: usize, len: u32) -> Damage {
        Damage::new(at, format!("record of {len} bytes, more than the {MAX_FRAME_BYTES} a frame may have,"))
    }
}

impl Format {
    /// The format of a capture that starts with `bytes`, and the length of its file header; `None` where it is no
    /// capture or there are too few bytes to say.
    pub(super) fn detect(bytes: &[u8]) -> Result<Option<(Format, usize)>, Damage> {
        let Some(&magic) = bytes.first_chunk::<MAGIC_BYTES>() else { return Ok(None) };
        let format = if pcapng::is_magic(magic) {
            Some((Format::Pcapng(Pcapng::new()), 0))
        } else if pcap::is_magic(magic) {
            Pcap::open(bytes)?.map(|(pcap, header_len)| (Format::Pcap(pcap), header_len))
        } else if snoop::is_magic(magic) {
            Snoop::open(bytes)?.map(|(snoop, header_len)| (Format::Snoop(snoop), header_len))
        } else {
            None
        };
        Ok(format)
    }

    /// Appends the frames of every whole record of `bytes` from `at` on to `frames`.
    pub(super) fn index(&mut self, bytes: &[u8], at: usize, frames: &mut Vec<FrameRef>) -> Result<Indexed, Damage> {
        match self {
            Format::Pcap(pcap) => pcap.index(bytes, at, frames),
            Format::Pcapng(pcapng) => pcapng.index(bytes, at, frames),
            Format::Snoop(snoop) => snoop.index(bytes, at, frames),
        }
    }

    /// Frames lost before they reached the file, as far as the file says.
    pub(super) fn loss(&self) -> Loss {
        match self {
            Format::Pcap(_) => Loss::default(),
            Format::Pcapng(pcapng) => pcapng.loss(),
            Format::Snoop(snoop) => snoop.loss(),
        }
    }
}

/// Whether `bytes` start like a capture.
pub(super) fn is_magic(bytes: &[u8]) -> bool {
    let magic = bytes.first_chunk::<MAGIC_BYTES>();
    magic.is_some_and(|&magic| pcap::is_magic(magic) || pcapng::is_magic(magic) || snoop::is_magic(magic))
}

/// What a stream that is no capture starts with, for a message.
pub(super) fn describe(bytes: &[u8]) -> String {
    let start = bytes.get(..bytes.len().min(DESCRIBED_BYTES)).unwrap_or_default();
    match std::str::from_utf8(start) {
        Ok("") => "it is empty".to_owned(),
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            format!("it starts with {text:?}")
        }
        Ok(_) | Err(_) => {
            let hex: Vec<String> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("it starts with the bytes {}", hex.join(" "))
        }
    }
}
