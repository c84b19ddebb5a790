//! Where frames come from: capture files, standard input, interfaces.
//!
//! A source fills a [`Batch`]: one buffer of captured bytes and one small index entry per frame. Bytes are read
//! straight into the buffer and never copied again; a batch can be shared between threads because it owns what its
//! frames point at. A batch is reused, so the steady state allocates nothing.

mod file;
mod filter;
mod link;
pub mod live;

pub use file::{CaptureFiles, CaptureReader, Delivery, MAX_FRAME_BYTES};
pub use filter::{Filter, FilterError};
pub use link::LinkType;

use crate::net::Timestamp;

/// One frame of a [`Batch`]: where its bytes are, and what the capture says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRef {
    /// Capture time. Order within a capture is not guaranteed.
    pub timestamp: Timestamp,
    /// First byte in [`Batch::bytes`].
    pub offset: u32,
    /// Bytes captured (at most the snap length), in `Batch::bytes` from `offset` on.
    pub captured_len: u32,
    /// Bytes the frame had on the wire; not smaller than `captured_len`.
    pub wire_len: u32,
    /// How to read its first byte.
    pub link: LinkType,
    /// Interface number within its input, counted on over the sections of a pcapng; 65535 also for all beyond; 0 in
    /// other formats.
    pub interface: u16,
}

impl FrameRef {
    /// True where the snap length cut it.
    #[inline]
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.captured_len < self.wire_len
    }
}

/// A borrowed frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The captured bytes.
    pub data: &'a [u8],
    /// The index entry.
    pub meta: FrameRef,
}

/// Frames read together, and the buffer they lie in.
#[derive(Debug, Default)]
pub struct Batch {
    /// Captured bytes, with file headers between the frames where the format has them. Decoding may append
    /// reassembled datagrams; offsets stay valid.
    pub bytes: Vec<u8>,
    /// The frames, in capture order.
    pub frames: Vec<FrameRef>,
    /// Number of the first frame, counted from 0 over the whole run.
    pub first_frame: u64,
}

impl Batch {
    /// Forgets frames and bytes and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
    }

    /// The frame at `index`, or `None` beyond the last.
    #[inline]
    #[must_use]
    pub fn frame(&self, index: usize) -> Option<Frame<'_>> {
        let meta = *self.frames.get(index)?;
        let start = meta.offset as usize;
        let data = self.bytes.get(start..start + meta.captured_len as usize)?;
        Some(Frame { data, meta })
    }

    /// Appends a frame by copying its bytes: for tests and for sources whose frames come one by one.
    pub fn push(&mut self, timestamp: Timestamp, link: LinkType, wire_len: u32, data: &[u8]) {
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(data);
        self.frames.push(FrameRef {
            timestamp,
            offset,
            captured_len: data.len() as u32,
            wire_len: wire_len.max(data.len() as u32),
            link,
            interface: 0,
        });
    }
}

/// What a source can say about frames it never delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Frames the kernel or the capturing tool dropped for want of buffer space.
    pub kernel: u64,
    /// Frames the interface or its driver dropped.
    pub interface: u64,
}

impl std::ops::Add for Loss {
    type Output = Loss;

    fn add(self, other: Loss) -> Loss {
        Loss {
            kernel: self.kernel.saturating_add(other.kernel),
            interface: self.interface.saturating_add(other.interface),
        }
    }
}

/// A source of frames.
pub trait PacketSource {
    /// Refills `batch`, and says whether it holds a frame; `false` is the end of a file, and silence on an interface. What the batch held is overwritten:
    /// clearing it first only costs the source a buffer full of zeros.
    ///
    /// # Errors
    /// A damaged or unreadable input. What was read before the damage has been delivered by earlier calls; the next
    /// call goes on with the next input, if there is one.
    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, CaptureError>;

    /// Bytes of input consumed so far (compressed size for a compressed capture), for progress and the summary.
    fn bytes_read(&self) -> u64;

    /// Frames lost before they reached us, as far as the source knows.
    fn loss(&self) -> Loss {
        Loss::default()
    }
}

/// Why a source cannot go on with an input.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system refused.
    #[error("{input}: {error}")]
    Io {
        /// File name, or `standard input`.
        input: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The input is no capture.
    #[error("{input}: {problem}")]
    Format {
        /// File name, or `standard input`.
        input: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The capture is cut off or damaged.
    #[error("{input}: {problem} at byte {offset}{}; the {frames} frames before it were processed", if *.unpacked { " of the unpacked capture" } else { "" })]
    Damaged {
        /// File name, or `standard input`.
        input: String,
        /// What is wrong there.
        problem: String,
        /// Offset of the record that cannot be read, in bytes from the start of the (decompressed) capture.
        offset: u64,
        /// Whether the input is compressed, so that `offset` counts unpacked bytes.
        unpacked: bool,
        /// Frames of this input that were delivered.
        frames: u64,
    },
}
