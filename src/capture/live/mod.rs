//! Interfaces, through libpcap.
//!
//! Each shard has one handle on each interface, and the kernel deals frames to the shards (`PACKET_FANOUT`, packet(7)) by
//! [`crate::net::deal`]; where it cannot, the first shard reads everything. The kernel writes frames into a ring that it
//! shares with the handle; a shard copies them into its batch and gives the room back at once, so that the ring is free for
//! what comes. [`Taps`] is what one shard listens to.

mod device;
mod handle;
mod merge;
#[cfg(target_os = "linux")]
mod socket;

pub use device::{ANY, DeviceState, device_index, device_named, device_state, devices};
pub use handle::{Handle, LiveError, Lost, Opening, open};

use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::merge::Stage;
use super::{Batch, CaptureError, PacketSource};
use crate::net::Timestamp;

/// Frames of a batch at most.
const BATCH_FRAMES: usize = 512;

/// How much later than the clock was read a frame of the same batch can have come.
const FUTURE: Duration = Duration::from_secs(1);

/// How interfaces are listened to.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Frames for other hosts are taken too.
    pub promiscuous: bool,
    /// Bytes of a frame at most.
    pub snap_length: u32,
    /// Bytes of the kernel's ring.
    pub ring_bytes: u32,
    /// A pcap filter expression; empty: everything.
    pub filter: String,
}

/// What the clocks say when frames are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Packet time.
    pub now: Timestamp,
    /// What is to be added to the kernel's timestamps to make them packet time, nanoseconds: not zero once the machine's
    /// clock was set.
    pub correction_ns: i64,
    /// No frame can have come before: the machine's clock was set just now.
    pub earliest: Timestamp,
}

impl Timing {
    /// The packet time of a frame. What claims to be from the future was stamped before the clock was set back.
    fn of_frame(self, stamp: Timestamp) -> Timestamp {
        let corrected = Timestamp::from_nanos(stamp.as_nanos().saturating_add_signed(self.correction_ns));
        corrected.min(self.now.after(FUTURE)).max(self.earliest)
    }
}

/// An interface that a shard listens to.
#[derive(Default)]
struct Tap {
    /// `None` while it is away.
    handle: Option<Handle>,
    stage: Stage,
    /// What handles that are gone have missed.
    lost_before: Lost,
    frames: u64,
    wire_bytes: u64,
}

/// What a shard listens to: a handle for each interface. [`PacketSource::next_batch`] says `false` where nothing came within
/// [`Taps::WAIT`]; an interface never ends, but may be away.
pub struct Taps {
    taps: Vec<Tap>,
    timing: Timing,
    gone: Vec<Gone>,
    is_last: bool,
}

/// A handle that ceased to deliver.
#[derive(Debug)]
pub struct Gone {
    /// The place of its interface.
    pub interface: u16,
    /// How often that was opened before.
    pub generation: u32,
    /// Why.
    pub error: LiveError,
}

/// What came in on one interface, and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapCounters {
    /// Frames read.
    pub frames: u64,
    /// Bytes of them on the wire.
    pub wire_bytes: u64,
    /// What was lost.
    pub lost: Lost,
}

impl Taps {
    /// How long it waits for a frame.
    pub const WAIT: Duration = Duration::from_millis(50);

    /// For `interfaces` of them, all away.
    #[must_use]
    pub fn new(interfaces: u16) -> Taps {
        let taps = (0..interfaces).map(|_| Tap::default()).collect();
        Taps { taps, timing: Timing::default(), gone: Vec::new(), is_last: false }
    }

    /// Takes `handle` in place of what was on its interface.
    pub fn attach(&mut self, handle: Handle) {
        let interface = handle.interface();
        self.detach(interface);
        if let Some(tap) = self.taps.get_mut(usize::from(interface)) {
            tap.handle = Some(handle);
            tap.stage.is_open = true;
        }
    }

    /// Lets go of what is on an interface.
    pub fn detach(&mut self, interface: u16) {
        if let Some(tap) = self.taps.get_mut(usize::from(interface)) {
            tap.let_go();
        }
    }

    /// Says what the clocks say; asked for before each batch.
    pub fn set_timing(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// Nothing is waited for any more: what is there is handed on.
    pub fn finish(&mut self) {
        self.is_last = true;
    }

    /// Interfaces that ceased to deliver since this was last asked, and why; they are away from now on.
    pub fn gone(&mut self) -> impl Iterator<Item = Gone> + '_ {
        self.gone.drain(..)
    }

    /// What came in on each interface.
    pub fn counters(&mut self) -> impl Iterator<Item = TapCounters> + '_ {
        self.taps.iter_mut().map(|tap| TapCounters { frames: tap.frames, wire_bytes: tap.wire_bytes, lost: tap.lost() })
    }

    fn read(&mut self, batch: &mut Batch) {
        batch.clear();
        let Taps { taps, timing, gone, is_last } = self;
        let is_alone = taps.len() == 1;
        for (tap, interface) in taps.iter_mut().zip(0..) {
            if let Err(error) = tap.read(batch, *timing, is_alone) {
                let generation = tap.handle.as_ref().map_or(0, Handle::generation);
                tap.let_go();
                gone.push(Gone { interface, generation, error });
            }
        }
        if !is_alone {
            merge::merge(taps, |tap| &mut tap.stage, batch, BATCH_FRAMES, timing.now, *is_last);
        }
    }

    /// Waits until a frame comes in on any interface, for [`Taps::WAIT`] at most; less where frames wait for older ones.
    fn wait(&self) {
        let mut waiting: Vec<PollFd<'_>> = Vec::new();
        let handles = self.taps.iter().filter(|tap| tap.stage.len() == 0).filter_map(|tap| tap.handle.as_ref());
        waiting.extend(handles.map(|handle| PollFd::new(handle.as_fd(), PollFlags::POLLIN)));
        let is_held = self.taps.iter().any(|tap| tap.stage.len() > 0);
        let wait = if is_held { merge::HOLD / 4 } else { Taps::WAIT };
        // What goes wrong here shows when the handle is read.
        let _ = poll(&mut waiting, PollTimeout::from(wait.as_millis() as u16));
    }
}

impl Tap {
    /// Takes what waits: into the batch where this is the only interface, else onto its stage.
    fn read(&mut self, batch: &mut Batch, timing: Timing, is_alone: bool) -> Result<(), LiveError> {
        let Some(handle) = &mut self.handle else { return Ok(()) };
        let (frames, wire_bytes) = if is_alone {
            handle.read(batch, BATCH_FRAMES, timing)?
        } else {
            self.stage.refill(handle, BATCH_FRAMES, timing)?
        };
        self.frames += frames as u64;
        self.wire_bytes += wire_bytes;
        Ok(())
    }

    fn let_go(&mut self) {
        self.lost_before = self.lost();
        self.handle = None;
        self.stage.is_open = false;
    }

    fn lost(&mut self) -> Lost {
        let now = self.handle.as_mut().map(Handle::lost).unwrap_or_default();
        Lost {
            kernel: self.lost_before.kernel + now.kernel,
            freezes: self.lost_before.freezes + now.freezes,
            interface: self.lost_before.interface + now.interface,
        }
    }
}

impl PacketSource for Taps {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<bool, CaptureError> {
        self.read(batch);
        if batch.frames.is_empty() && !self.is_last && self.gone.is_empty() {
            self.wait();
            self.read(batch);
        }
        Ok(!batch.frames.is_empty())
    }

    fn bytes_read(&self) -> u64 {
        self.taps.iter().map(|tap| tap.wire_bytes).sum()
    }
}
