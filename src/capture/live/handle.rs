//! One libpcap handle on one interface.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use pcap::{Active, Precision};

use super::device::{self, DeviceState};
#[cfg(target_os = "linux")]
use super::socket;
use super::{LiveOptions, Timing};
use crate::capture::{Batch, FrameRef, LinkType};
use crate::net::Timestamp;
use crate::net::deal::Deal;

/// How long the kernel keeps frames to itself at most while its ring fills.
pub(super) const DELIVERY: Duration = Duration::from_millis(50);

/// Why an interface cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// There is none of this name.
    #[error("interface {name:?}: there is none of this name; the interfaces here: {}", .known.join(", "))]
    Unknown {
        /// As given.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// It is switched off.
    #[error("interface {name}: it is down; switch it on (ip link set {name} up)")]
    Down {
        /// Its name.
        name: String,
    },
    /// We may not.
    #[error(
        "interface {name}: not allowed to capture; start as root, or give the program the capability (setcap cap_net_raw=ep): {problem}"
    )]
    Forbidden {
        /// Its name.
        name: String,
        /// What the system said.
        problem: String,
    },
    /// The filter makes no sense for it.
    #[error("interface {name}: filter {expression:?}: {problem}")]
    Filter {
        /// Its name.
        name: String,
        /// As given.
        expression: String,
        /// What libpcap says.
        problem: String,
    },
    /// It has ceased to deliver.
    #[error("interface {name}: {problem}")]
    Failed {
        /// Its name.
        name: String,
        /// What the system said.
        problem: String,
    },
}

/// An open capture of one shard on one interface.
pub struct Handle {
    capture: pcap::Capture<Active>,
    name: String,
    /// The number of its interface, by which that is known whatever it is called.
    index: Option<u32>,
    link: LinkType,
    /// Its place among the interfaces listened to.
    interface: u16,
    generation: u32,
    lost: Lost,
    /// What the interface had lost when this began.
    lost_before: u64,
}

/// What did not come through a handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Frames for which the kernel's ring had no room.
    pub kernel: u64,
    /// Times that the ring became full.
    pub freezes: u64,
    /// Frames lost by the interface; the same for all handles on it.
    pub interface: u64,
}

/// Which handles are opened together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The place of the interface among those listened to.
    pub interface: u16,
    /// How often it was opened before.
    pub generation: u32,
    /// Handles wanted, one for each shard.
    pub shards: u16,
    /// How the kernel is to deal frames to them.
    pub deal: Deal,
}

/// Opens a handle for each shard on the interface called `name`; where the kernel cannot deal, one handle for the first.
///
/// # Errors
/// The first reason why not.
pub fn open(name: &str, opening: Opening, options: &LiveOptions) -> Result<Vec<Handle>, LiveError> {
    match device::device_state(name) {
        DeviceState::Gone => return Err(LiveError::Unknown { name: name.to_owned(), known: device::devices() }),
        DeviceState::Down | DeviceState::Up => {}
    }
    let first = Handle::open(name, opening, options)?;
    let mut handles = vec![first];
    if opening.shards > 1
        && let Some(group) = handles.first().and_then(|first| first.found_group(opening))
    {
        for _ in 1..opening.shards {
            let handle = Handle::open(name, opening, options)?;
            handle.join_group(group)?;
            handles.push(handle);
        }
    }
    Ok(handles)
}

impl Handle {
    fn open(name: &str, opening: Opening, options: &LiveOptions) -> Result<Handle, LiveError> {
        let problem = |error: pcap::Error| problem(name, &error);
        let inactive = pcap::Capture::from_device(name).map_err(problem)?;
        let capture = inactive
            .promisc(options.promiscuous)
            .snaplen(i32::try_from(options.snap_length).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.ring_bytes).unwrap_or(i32::MAX))
            .timeout(DELIVERY.as_millis() as i32)
            .precision(Precision::Nano)
            .open()
            .map_err(problem)?;
        let mut capture = capture.setnonblock().map_err(problem)?;
        let data_link = capture.get_datalink().0;
        if !options.filter.is_empty() {
            capture.filter(&options.filter, true).map_err(|error| LiveError::Filter {
                name: name.to_owned(),
                expression: options.filter.clone(),
                problem: said(&error),
            })?;
        }
        Ok(Handle {
            capture,
            name: name.to_owned(),
            index: device::device_index(name),
            link: file_link(data_link),
            interface: opening.interface,
            generation: opening.generation,
            lost: Lost::default(),
            lost_before: device::device_loss(name),
        })
    }

    /// The place of its interface among those listened to.
    #[must_use]
    pub const fn interface(&self) -> u16 {
        self.interface
    }

    /// How often its interface was opened before.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The name of its interface.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Appends up to `most` of the frames that wait, and says how many, and how many bytes they had on the wire.
    ///
    /// # Errors
    /// The interface is gone or down.
    pub(super) fn read(&mut self, batch: &mut Batch, most: usize, timing: Timing) -> Result<(usize, u64), LiveError> {
        let mut wire_bytes = 0;
        let (link, interface) = (self.link, self.interface);
        let taken = self.capture.dispatch(Some(most), |packet| {
            let (seconds, nanos) = (packet.header.ts.tv_sec as u64, packet.header.ts.tv_usec as u32);
            wire_bytes += u64::from(packet.header.len);
            let Batch { bytes, frames, .. } = &mut *batch;
            // A batch is far smaller than the 4 GiB that an offset reaches.
            let offset = bytes.len() as u32;
            bytes.extend_from_slice(packet.data);
            frames.push(FrameRef {
                timestamp: timing.of_frame(Timestamp::from_parts(seconds, nanos)),
                offset,
                captured_len: packet.data.len() as u32,
                wire_len: packet.header.len.max(packet.data.len() as u32),
                link,
                interface,
            });
        });
        taken.map(|frames| (frames, wire_bytes)).map_err(|error| problem(&self.name, &error))
    }

    /// What it has missed so far.
    #[cfg(target_os = "linux")]
    pub(super) fn lost(&mut self) -> Lost {
        // An interface that is gone has nothing more to tell.
        let new = socket::statistics(self.capture.as_fd()).unwrap_or_default();
        self.lost.kernel += new.dropped;
        self.lost.freezes += new.freezes;
        if device::device_index(&self.name) != self.index
            && let Some(name) = self.index.and_then(device::device_named)
        {
            self.name = name;
        }
        if device::device_index(&self.name) == self.index {
            let lost = device::device_loss(&self.name).saturating_sub(self.lost_before);
            self.lost.interface = self.lost.interface.max(lost);
        }
        self.lost
    }

    /// What it has missed so far.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn lost(&mut self) -> Lost {
        if let Ok(said) = self.capture.stats() {
            self.lost.kernel = u64::from(said.dropped);
            self.lost.interface = u64::from(said.if_dropped);
        }
        self.lost
    }

    /// Founds a group of handles that the kernel deals to; `None` where it has no such thing.
    #[cfg(target_os = "linux")]
    fn found_group(&self, opening: Opening) -> Option<u16> {
        let program = opening.deal.program(u32::from(opening.shards));
        socket::found_group(self.capture.as_fd(), &program).ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn found_group(&self, _: Opening) -> Option<u16> {
        None
    }

    #[cfg(target_os = "linux")]
    fn join_group(&self, group: u16) -> Result<(), LiveError> {
        let refused = |error: io::Error| LiveError::Failed { name: self.name.clone(), problem: error.to_string() };
        socket::join_group(self.capture.as_fd(), group).map_err(refused)
    }

    #[cfg(not(target_os = "linux"))]
    fn join_group(&self, _: u16) -> Result<(), LiveError> {
        Ok(())
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

/// The number files use for a link type where libpcap itself uses another on Linux (<https://www.tcpdump.org/linktypes.html>).
fn file_link(data_link: i32) -> LinkType {
    match data_link {
        12 => LinkType::RAW,
        11 => LinkType::ATM_RFC1483,
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

fn said(error: &pcap::Error) -> String {
    if let pcap::Error::PcapError(message) = error { message.clone() } else { error.to_string() }
}

fn problem(name: &str, error: &pcap::Error) -> LiveError {
    let (name, problem) = (name.to_owned(), said(error));
    let lower = problem.to_lowercase();
    if ["permission", "not permitted"].iter().any(|sign| lower.contains(sign)) {
        LiveError::Forbidden { name, problem }
    } else if lower.contains("is not up") {
        LiveError::Down { name }
    } else {
        LiveError::Failed { name, problem }
    }
}
