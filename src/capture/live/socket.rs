//! What the socket under a capture handle is asked that libpcap has no words for: fanout, the kernel's own counters.
//!
//! # Safety
//! Every call hands the kernel a pointer to a value that lives on the stack or in a slice for the whole call, and its true
//! size in bytes; the kernel writes at most that many bytes, and any bit pattern is a valid value of these types, which are
//! plain integers.
#![expect(unsafe_code, reason = "setsockopt and getsockopt have no safe form for these options")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use crate::net::deal::Instruction;

/// Since the last time it was asked (packet(7), `PACKET_STATISTICS`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    /// Frames for which the ring had no room.
    pub(super) dropped: u64,
    /// Times that the ring became full.
    pub(super) freezes: u64,
}

/// The kernel's counters, which it sets to zero.
///
/// # Errors
/// The socket has none.
pub(super) fn statistics(socket: BorrowedFd<'_>) -> io::Result<Statistics> {
    // struct tpacket_stats_v3: packets, drops, freezes.
    let mut counters = [0u32; 3];
    get(socket, libc::PACKET_STATISTICS, &mut counters)?;
    let [_, dropped, freezes] = counters.map(u64::from);
    Ok(Statistics { dropped, freezes })
}

/// `PACKET_FANOUT_CBPF` of linux/if_packet.h.
const FANOUT_BY_PROGRAM: u32 = 6;
/// `PACKET_FANOUT_FLAG_UNIQUEID`.
const FANOUT_NEW: u32 = 0x2000;
/// `PACKET_FANOUT_DATA`.
const FANOUT_DATA: libc::c_int = 22;

/// Founds a fanout group that deals by `program`; its id. The members are numbered in the order they join.
///
/// # Errors
/// The kernel has no fanout, or refuses the program.
pub(super) fn found_group(socket: BorrowedFd<'_>, program: &[Instruction]) -> io::Result<u16> {
    set(socket, libc::PACKET_FANOUT, &(FANOUT_BY_PROGRAM << 16 | FANOUT_NEW << 16))?;
    let mut group = [0u32; 1];
    get(socket, libc::PACKET_FANOUT, &mut group)?;
    let mut filters: Vec<libc::sock_filter> = program
        .iter()
        .map(|step| libc::sock_filter { code: step.code, jt: step.jump_true, jf: step.jump_false, k: step.value })
        .collect();
    let length = u16::try_from(filters.len()).map_err(|_| io::Error::other("the program is too long"))?;
    set(socket, FANOUT_DATA, &libc::sock_fprog { len: length, filter: filters.as_mut_ptr() })?;
    let [group] = group;
    Ok(group as u16)
}

/// Joins a group.
///
/// # Errors
/// The kernel refuses: the socket is on another interface than the group.
pub(super) fn join_group(socket: BorrowedFd<'_>, group: u16) -> io::Result<()> {
    set(socket, libc::PACKET_FANOUT, &(FANOUT_BY_PROGRAM << 16 | u32::from(group)))
}

fn set<T>(socket: BorrowedFd<'_>, option: libc::c_int, value: &T) -> io::Result<()> {
    let size = size_of::<T>() as libc::socklen_t;
    let pointer = std::ptr::from_ref(value).cast();
    // SAFETY: see the module.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, pointer, size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn get<const N: usize>(socket: BorrowedFd<'_>, option: libc::c_int, value: &mut [u32; N]) -> io::Result<()> {
    let mut size = size_of::<[u32; N]>() as libc::socklen_t;
    let pointer = std::ptr::from_mut(value).cast();
    // SAFETY: see the module.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, pointer, &raw mut size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
