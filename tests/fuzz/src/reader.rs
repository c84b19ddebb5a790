//! Any bytes through the capture reader.
//!
//! Input: how it is packed, how it arrives, then the capture. What is read must not depend on the pieces in which the
//! bytes arrive, on the size of blocks, or on compression; every frame lies inside its batch; memory stays bounded.

use std::io::{self, Read, Write};

use borderflow::capture::{Batch, CaptureError, CaptureReader, Delivery, LinkType, MAX_FRAME_BYTES, PacketSource};
use borderflow::net::Timestamp;

use super::input::Input;

/// Frames compared; a few bytes of a compressed capture can hold millions.
const MOST_FRAMES: usize = 4096;

/// Checks one input.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let (packing, arrival) = (input.byte(), Arrival::of(&mut input));
    let capture = input.rest();
    let whole = read(capture, Arrival::WHOLE);
    let pieces = read(capture, arrival);
    if is_compressed(capture) {
        // A damaged stream may give up more or less of what came before the damage.
        whole.assert_agrees(&pieces);
        return;
    }
    assert_eq!(whole, pieces, "what is read depends on how it arrives");
    if let Some(packed) = pack(packing, capture) {
        let unpacked = read(&packed, arrival);
        assert!(
            whole.frames == unpacked.frames && whole.end.kind() == unpacked.end.kind(),
            "compression changes what is read: {whole:?}, then {unpacked:?}"
        );
    }
}

/// What a reader gave.
#[derive(Debug, PartialEq)]
struct Reading {
    frames: Vec<Seen>,
    end: End,
}

type Seen = (Timestamp, LinkType, u32, u16, Vec<u8>);

#[derive(Debug, PartialEq)]
enum End {
    Clean,
    NotACapture,
    Damaged {
        problem: String,
        offset: u64,
    },
    /// Enough was seen.
    Stopped,
}

impl End {
    fn kind(&self) -> std::mem::Discriminant<End> {
        std::mem::discriminant(self)
    }
}

impl Reading {
    fn assert_agrees(&self, other: &Reading) {
        let common = self.frames.len().min(other.frames.len());
        assert_eq!(self.frames.get(..common), other.frames.get(..common));
        if self.end == End::Clean || other.end == End::Clean {
            assert_eq!(self, other);
        }
    }
}

fn read(bytes: &[u8], arrival: Arrival) -> Reading {
    let is_plain = !is_compressed(bytes);
    let delivery = if arrival.is_prompt { Delivery::Prompt } else { Delivery::Full };
    let source = Pieces { bytes, arrival, turn: 0 };
    let mut reader = CaptureReader::new("input", source, delivery).with_block_bytes(arrival.block_bytes);
    let (mut batch, mut frames, mut batches) = (Batch::default(), Vec::new(), 0);
    let end = loop {
        let outcome = reader.next_batch(&mut batch);
        batches += 1;
        assert!(!is_plain || batches <= bytes.len() + 2, "the reader does not come to an end");
        assert!(batch.bytes.capacity() <= 2 * (MAX_FRAME_BYTES as usize + arrival.block_bytes + 64));
        match outcome {
            Ok(true) => collect(&batch, &mut frames),
            Ok(false) => break End::Clean,
            Err(error) => break of_error(error, frames.len()),
        }
        if frames.len() >= MOST_FRAMES {
            frames.truncate(MOST_FRAMES);
            break End::Stopped;
        }
    };
    if end != End::Stopped {
        assert!(matches!(reader.next_batch(&mut batch), Ok(false)) && batch.frames.is_empty(), "an end is the end");
    }
    assert!(reader.bytes_read() <= bytes.len() as u64);
    Reading { frames, end }
}

fn collect(batch: &Batch, frames: &mut Vec<Seen>) {
    assert!(!batch.frames.is_empty(), "a batch holds a frame");
    assert_eq!(batch.first_frame, frames.len() as u64);
    for (index, meta) in batch.frames.iter().enumerate() {
        assert!(meta.captured_len <= meta.wire_len && meta.captured_len <= MAX_FRAME_BYTES, "{meta:?}");
        let frame = batch.frame(index);
        assert!(frame.is_some(), "{meta:?} lies outside its batch of {} bytes", batch.bytes.len());
        let data = frame.map(|frame| frame.data.to_vec()).unwrap_or_default();
        frames.push((meta.timestamp, meta.link, meta.wire_len, meta.interface, data));
    }
}

fn of_error(error: CaptureError, delivered: usize) -> End {
    assert!(error.to_string().starts_with("input: "), "{error}");
    match error {
        CaptureError::Damaged { problem, offset, frames, .. } => {
            assert_eq!(frames, delivered as u64, "the message counts the frames delivered");
            End::Damaged { problem, offset }
        }
        CaptureError::Format { .. } => End::NotACapture,
        CaptureError::Io { error, .. } => unreachable!("nothing here refuses to be read: {error}"),
    }
}

/// How bytes come to the reader.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// Longest piece.
    piece_bytes: usize,
    block_bytes: usize,
    is_prompt: bool,
}

impl Arrival {
    const WHOLE: Arrival = Arrival { piece_bytes: usize::MAX, block_bytes: 4096, is_prompt: false };

    fn of(input: &mut Input<'_>) -> Arrival {
        let choice = input.byte();
        Arrival {
            piece_bytes: 1 + usize::from(choice >> 2),
            block_bytes: if choice & 2 == 0 { 64 } else { 1024 },
            is_prompt: choice & 1 == 1,
        }
    }
}

/// Hands bytes out in pieces, and is interrupted now and then.
struct Pieces<'a> {
    bytes: &'a [u8],
    arrival: Arrival,
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let longest = self.arrival.piece_bytes.saturating_mul(self.turn % 3 + 1);
        let len = room.len().min(longest);
        self.bytes.read(room.get_mut(..len).unwrap_or_default())
    }
}

/// Whether the reader will unpack this.
pub(super) fn is_compressed(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0x1f, 0x8b, ..]
            | [0x28, 0xb5, 0x2f, 0xfd, ..]
            | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]
            | [0x04, 0x22, 0x4d, 0x18, ..]
            | [0xfd, b'7', b'z', b'X', b'Z', 0, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', ..]
    )
}

fn pack(packing: u8, bytes: &[u8]) -> Option<Vec<u8>> {
    let packed = match packing % 8 {
        1 => gzip(bytes),
        2 => zstd::bulk::compress(bytes, 1),
        3 => lz4(bytes),
        4 => xz(bytes),
        5 => bzip2(bytes),
        6 => in_two(bytes, gzip),
        7 => in_two(bytes, lz4),
        _ => return None,
    };
    Some(packed.unwrap_or_else(|error| unreachable!("writing to memory cannot fail: {error}")))
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes)?;
    writer.finish()
}

fn lz4(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

fn xz(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 0);
    writer.write_all(bytes)?;
    writer.finish()
}

fn bzip2(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes)?;
    writer.finish()
}

/// Two streams one after the other, as appending to a compressed capture makes them.
fn in_two(bytes: &[u8], pack: fn(&[u8]) -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    Ok([pack(first)?, pack(second)?].concat())
}
