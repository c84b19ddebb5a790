//! Transparent decompression, by the first bytes of a stream.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bzip2::read::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use lz4_flex::frame::FrameDecoder;

/// Longest magic number below.
const MAGIC_BYTES: usize = 6;
/// Compressed bytes read at a time.
const READ_BYTES: usize = 128 * 1024;
/// Memory an xz stream may ask for (`xz -9` needs 65 MiB). zstd refuses windows over 128 MiB by itself.
const XZ_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// Begins an lz4 frame.
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// Ends the blocks of an lz4 frame.
const LZ4_END_MARK: [u8; 4] = [0; 4];

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
    Lz4,
    Xz,
    Bzip2,
}

impl Compression {
    fn of(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            head if head.starts_with(&LZ4_MAGIC) => Compression::Lz4,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
            _ => Compression::None,
        }
    }

    /// As messages name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Compression::None => "uncompressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        }
    }

    /// The message for a stream in which no capture was `found`.
    pub(super) fn not_a_capture(self, found: &str) -> String {
        let inside = match self {
            Compression::None => String::new(),
            Compression::Gzip | Compression::Zstd | Compression::Lz4 | Compression::Xz | Compression::Bzip2 => {
                format!(" ({} inside)", self.name())
            }
        };
        format!(
            "not a capture: {found}{inside}; expected pcap, pcapng or snoop, optionally in gzip, zstd, lz4, xz or bzip2"
        )
    }
}

/// Reads the first bytes of `input` and puts the right decompressor over it.
pub(super) fn open<'a>(mut input: Box<dyn Read + Send + 'a>) -> io::Result<(Compression, Box<dyn Read + Send + 'a>)> {
    let mut head = Vec::with_capacity(MAGIC_BYTES);
    input.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut head)?;
    let compression = Compression::of(&head);
    let whole = Cursor::new(head).chain(input);
    let buffered = |whole| BufReader::with_capacity(READ_BYTES, whole);
    let stream: Box<dyn Read + Send + 'a> = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(MultiGzDecoder::new(buffered(whole))),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(buffered(whole))?),
        Compression::Lz4 => {
            let input = LastBytes { input: whole, last: [[u8::MAX; 4]; 2] };
            Box::new(Lz4(FrameDecoder::new(BufReader::with_capacity(READ_BYTES, input))))
        }
        Compression::Xz => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY_BYTES, CONCATENATED).map_err(io::Error::other)?;
            Box::new(XzDecoder::new_stream(whole, stream))
        }
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(whole)),
    };
    Ok((compression, stream))
}

/// lz4 frames one after the other. The decoder says 0 at the end of each frame, and also where the input ends between
/// two blocks of one, or behind the magic number of another: that a frame is whole is seen by the end mark before its
/// optional checksum.
struct Lz4<R: Read>(FrameDecoder<BufReader<LastBytes<R>>>);

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(room)?;
            if count > 0 || room.is_empty() {
                return Ok(count);
            }
            if self.0.get_mut().fill_buf()?.is_empty() {
                let [before, last] = self.0.get_ref().get_ref().last;
                let whole = last == LZ4_END_MARK || before == LZ4_END_MARK && last != LZ4_MAGIC;
                return if whole { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}

/// Remembers the last eight bytes read through it.
struct LastBytes<R> {
    input: R,
    last: [[u8; 4]; 2],
}

impl<R: Read> Read for LastBytes<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(room)?;
        for &byte in room.iter().take(count).skip(count.saturating_sub(8)) {
            let last = self.last.as_flattened_mut();
            last.rotate_left(1);
            if let Some(end) = last.last_mut() {
                *end = byte;
            }
        }
        Ok(count)
    }
}
