//! Reading capture files: one code path for plain files, compressed files and standard input.
//!
//! A [`CaptureReader`] reads large blocks straight into the batch's buffer and indexes the whole records in it; only
//! the record a block ends in is copied, to the front of the next. What a format knows sits in its own file behind
//! `Format` and does no input: it is handed bytes and says how far it came. [`CaptureFiles`] puts any number of
//! captures into the order of their first packets.

mod bytes;
mod compress;
mod format;
mod inputs;
mod pcap;
mod pcapng;
mod snoop;
#[cfg(test)]
mod tests;

pub use inputs::CaptureFiles;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::compress::Compression;
use self::format::{Damage, Format, Indexed};
use super::{Batch, CaptureError, FrameRef, Loss, PacketSource};

/// The longest frame (and pcapng block) a capture may hold, in bytes; a greater length is damage. libpcap's bound.
pub const MAX_FRAME_BYTES: u32 = 16 * 1024 * 1024;

/// Bytes a batch is filled up to, unless one frame needs more. Block, frames and packets of a batch stay in the second
/// cache, with room for the tables that every packet looks into.
const BLOCK_BYTES: usize = 128 * 1024;

/// When a batch is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// When its block is full: for files.
    Full,
    /// As soon as a read has brought a whole frame: for pipes that are still being written.
    Prompt,
}

/// Reads one capture, compressed or not, from any stream.
pub struct CaptureReader<'a> {
    name: String,
    input: Box<dyn Read + Send + 'a>,
    consumed: Arc<AtomicU64>,
    compression: Compression,
    delivery: Delivery,
    block_bytes: usize,
    format: Option<Format>,
    /// Start of the record that the last block ended in.
    tail: Vec<u8>,
    /// Bytes that record needs.
    need: usize,
    /// Offset of the next block's first byte in the decompressed capture.
    position: u64,
    frames: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Unopened,
    Reading,
    /// Frames before this fault have been delivered; it is reported next.
    Failed(CaptureError),
    Ended,
}

/// The part of the buffer that is in use, and the first byte of it that is not indexed.
struct Block {
    filled: usize,
    next: usize,
}

enum Progress {
    More,
    Deliver,
    End,
}

/// Why reading stops.
enum Fault {
    NotACapture(String),
    Damage(Damage),
    Io(io::Error),
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Fault {
        Fault::Damage(damage)
    }
}

impl<'a> CaptureReader<'a> {
    /// A reader of `input`, called `name` in messages. Nothing is read yet.
    pub fn new(name: impl Into<String>, input: impl Read + Send + 'a, delivery: Delivery) -> CaptureReader<'a> {
        let consumed = Arc::new(AtomicU64::new(0));
        CaptureReader {
            name: name.into(),
            input: Box::new(Counted { input, consumed: Arc::clone(&consumed) }),
            consumed,
            compression: Compression::None,
            delivery,
            block_bytes: BLOCK_BYTES,
            format: None,
            tail: Vec::new(),
            need: 0,
            position: 0,
            frames: 0,
            state: State::Unopened,
        }
    }

    /// Fills blocks of about `bytes` (at least 64) instead of 128 KiB: for a look at the first frame, and for tests.
    #[must_use]
    pub fn with_block_bytes(mut self, bytes: usize) -> CaptureReader<'a> {
        self.block_bytes = bytes.max(64);
        self
    }

    /// The name given to [`CaptureReader::new`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self) -> Result<(), Fault> {
        let raw = std::mem::replace(&mut self.input, Box::new(io::empty()));
        (self.compression, self.input) = compress::open(raw).map_err(Fault::Io)?;
        Ok(())
    }

    /// Fills `batch` until it is to be handed over; what ends the capture is kept in `state`.
    fn fill(&mut self, batch: &mut Batch) {
        // The buffer keeps its length from block to block, so that zeros are written only where it grows.
        let Batch { bytes, frames, .. } = batch;
        let mut block = Block { filled: self.tail.len(), next: 0 };
        grow(bytes, self.tail.len());
        if let Some(front) = bytes.get_mut(..self.tail.len()) {
            front.copy_from_slice(&self.tail);
        }
        loop {
            match self.fill_once(&mut block, bytes, frames) {
                Ok(Progress::More) => {}
                Ok(Progress::Deliver) => break,
                Ok(Progress::End) => {
                    self.state = State::Ended;
                    break;
                }
                Err(fault) => {
                    let frames = self.frames + frames.len() as u64;
                    self.state = State::Failed(self.error(fault, self.position + block.next as u64, frames));
                    break;
                }
            }
        }
        self.tail.clear();
        self.tail.extend_from_slice(bytes.get(block.next..block.filled).unwrap_or_default());
        bytes.truncate(block.next);
        self.position += block.next as u64;
        self.frames += frames.len() as u64;
    }

    /// One read, and the index of what it brought.
    fn fill_once(
        &mut self,
        block: &mut Block,
        bytes: &mut Vec<u8>,
        frames: &mut Vec<FrameRef>,
    ) -> Result<Progress, Fault> {
        if frames.is_empty() && block.next > 0 {
            bytes.copy_within(block.next..block.filled, 0);
            self.position += block.next as u64;
            block.filled -= block.next;
            block.next = 0;
        }
        let goal = if frames.is_empty() { self.block_bytes.max(self.need) } else { self.block_bytes };
        grow(bytes, goal);
        let room = bytes.get_mut(block.filled..goal).unwrap_or_default();
        let count = self.input.read(room).map_err(Fault::Io)?;
        if count == 0 {
            return self.check_end(bytes.get(block.next..block.filled).unwrap_or_default(), block.next);
        }
        block.filled += count;
        let indexed = self.index(bytes.get(..block.filled).unwrap_or_default(), block.next, frames);
        let indexed = indexed.inspect_err(|fault| {
            if let Fault::Damage(damage) = fault {
                block.next = damage.at;
            }
        })?;
        (block.next, self.need) = (indexed.next, indexed.need);
        let full = block.filled >= goal || self.delivery == Delivery::Prompt;
        Ok(if full && !frames.is_empty() { Progress::Deliver } else { Progress::More })
    }

    fn index(&mut self, bytes: &[u8], at: usize, frames: &mut Vec<FrameRef>) -> Result<Indexed, Fault> {
        if let Some(format) = &mut self.format {
            return Ok(format.index(bytes, at, frames)?);
        }
        match Format::detect(bytes)? {
            None if bytes.len() >= format::DESCRIBED_BYTES && !format::is_magic(bytes) => {
                Err(Fault::NotACapture(format::describe(bytes)))
            }
            None => Ok(Indexed { next: 0, need: bytes.len() + 1 }),
            Some((format, header_len)) => Ok(self.format.insert(format).index(bytes, header_len, frames)?),
        }
    }

    /// Whether the input may end here, with `rest` unread.
    fn check_end(&self, rest: &[u8], at: usize) -> Result<Progress, Fault> {
        match &self.format {
            Some(_) if rest.is_empty() => Ok(Progress::End),
            Some(_) => {
                let problem = format!("cut off in the middle of a record ({} of {} bytes)", rest.len(), self.need);
                Err(Damage::new(at, problem).into())
            }
            None if format::is_magic(rest) => Err(Damage::new(at, "cut off in the file header").into()),
            None => Err(Fault::NotACapture(format::describe(rest))),
        }
    }

    fn error(&self, fault: Fault, offset: u64, frames: u64) -> CaptureError {
        let input = self.name.clone();
        let unpacked = self.compression != Compression::None;
        match fault {
            Fault::NotACapture(found) => {
                CaptureError::Format { input, problem: self.compression.not_a_capture(&found) }
            }
            Fault::Damage(damage) => CaptureError::Damaged { input, problem: damage.problem, offset, unpacked, frames },
            Fault::Io(error) if self.compression == Compression::None || error.raw_os_error().is_some() => {
                CaptureError::Io { input, error }
            }
            Fault::Io(error) => {
                let problem = format!("{} stream cut off or damaged ({error})", self.compression.name());
                CaptureError::Damaged { input, problem, offset, unpacked, frames }
            }
        }
    }
}

impl PacketSource for CaptureReader<'_> {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        batch.frames.clear();
        batch.first_frame = self.frames;
        if matches!(self.state, State::Unopened) {
            self.state = match self.open() {
                Ok(()) => State::Reading,
                Err(fault) => State::Failed(self.error(fault, 0, 0)),
            };
        }
        if matches!(self.state, State::Reading) {
            self.fill(batch);
        }
        if !batch.frames.is_empty() {
            return Ok(true);
        }
        batch.clear();
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Failed(error) => Err(error),
            State::Unopened | State::Reading | State::Ended => Ok(false),
        }
    }

    fn bytes_read(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    fn loss(&self) -> Loss {
        self.format.as_ref().map(Format::loss).unwrap_or_default()
    }
}

/// Grows `bytes` to `len`; never shrinks it.
fn grow(bytes: &mut Vec<u8>, len: usize) {
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
}

/// Counts what is read through it, and reads again where a signal interrupted: not every decompressor does.
struct Counted<R> {
    input: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
