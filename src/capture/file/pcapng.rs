//! The pcapng format: sections of blocks, each with its type, its length at both ends and its own byte order.
//!
//! Source: draft-ietf-opsawg-pcapng-03. Packets come in Enhanced, Simple and (obsolete) Packet Blocks; interface
//! descriptions say how to read them; interface statistics say what was lost. Every other block (names, secrets,
//! custom, unknown) is stepped over by its length.

use super::MAX_FRAME_BYTES;
use super::bytes::{Order, u16_at, u32_at};
use super::format::{Damage, Indexed};
use crate::capture::{FrameRef, LinkType, Loss};
use crate::net::Timestamp;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Block type and block length in front, block length again behind.
const BLOCK_OVERHEAD: usize = 12;
const BLOCK_HEADER_BYTES: usize = 8;
/// Interfaces a section may describe.
const MAX_INTERFACES: usize = 65_536;

/// Whether a file that starts so is pcapng.
pub(super) fn is_magic(magic: [u8; 4]) -> bool {
    Order::Big.u32(magic) == SECTION_HEADER
}

/// State of a pcapng stream: the current section's order and interfaces.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Interfaces of earlier sections: interface numbers count on over the whole file.
    earlier_interfaces: usize,
    /// Losses of earlier sections.
    earlier_loss: Loss,
    /// Given to Simple Packets, which have no time of their own.
    last_timestamp: Timestamp,
}

/// An interface description.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    /// 0 where there is no limit.
    snap_len: u32,
    clock: Clock,
    loss: Loss,
}

/// Where a packet block says its frame is, relative to the block's body.
struct PacketBlock {
    interface: u32,
    ticks: Option<u64>,
    captured_len: u32,
    wire_len: u32,
    /// Length of the fields before the captured bytes.
    fields: usize,
}

impl Pcapng {
    /// A stream at its very start.
    pub(super) fn new() -> Pcapng {
        Pcapng {
            order: Order::Little,
            interfaces: Vec::new(),
            earlier_interfaces: 0,
            earlier_loss: Loss::default(),
            last_timestamp: Timestamp::ZERO,
        }
    }

    /// Appends the frames of every whole block of `bytes` from `at` on to `frames`.
    pub(super) fn index(&mut self, bytes: &[u8], mut at: usize, frames: &mut Vec<FrameRef>) -> Result<Indexed, Damage> {
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(header) = rest.first_chunk::<BLOCK_OVERHEAD>() else {
                return Ok(Indexed { next: at, need: BLOCK_OVERHEAD });
            };
            let kind = u32_at(self.order, header, 0);
            if kind == SECTION_HEADER {
                self.order = section_order(header).ok_or_else(|| Damage::new(at, "no byte-order magic in section"))?;
            }
            let declared = u32_at(self.order, header, 4);
            let len = block_len(declared).ok_or_else(|| bad_block_len(at, declared))?;
            let Some(block) = rest.get(..len) else { return Ok(Indexed { next: at, need: len }) };
            let trailer = u32_at(self.order, block, len - 4);
            if trailer != declared {
                return Err(Damage::new(at, format!("block says {declared} bytes at its start, {trailer} at its end")));
            }
            let body = block.get(BLOCK_HEADER_BYTES..len - 4).unwrap_or_default();
            self.block(kind, body, at + BLOCK_HEADER_BYTES, frames).map_err(|problem| Damage::new(at, problem))?;
            at += len;
        }
    }

    /// Frames dropped, as the file's interface statistics and Packet Blocks have it.
    pub(super) fn loss(&self) -> Loss {
        self.interfaces.iter().fold(self.earlier_loss, |sum, interface| sum + interface.loss)
    }

    // Inlined with the three below: out of line, a frame took 40 ns instead of 22 (benches/capture.rs).
    #[inline(always)]
    fn block(&mut self, kind: u32, body: &[u8], at: usize, frames: &mut Vec<FrameRef>) -> Result<(), String> {
        let packet = match kind {
            ENHANCED_PACKET => self.enhanced(body)?,
            SIMPLE_PACKET => self.simple(body)?,
            PACKET => self.obsolete(body)?,
            SECTION_HEADER => return self.section(body),
            INTERFACE_DESCRIPTION => return self.interface(body),
            INTERFACE_STATISTICS => {
                self.statistics(body);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.packet(packet, body, at, frames)
    }

    #[inline(always)]
    fn packet(
        &mut self,
        packet: PacketBlock,
        body: &[u8],
        at: usize,
        frames: &mut Vec<FrameRef>,
    ) -> Result<(), String> {
        let PacketBlock { interface: number, ticks, captured_len, wire_len, fields } = packet;
        let Some(interface) = self.interfaces.get(number as usize) else {
            let known = self.interfaces.len();
            return Err(format!("packet of interface {number}, but the section describes {known} so far"));
        };
        let room = body.len().saturating_sub(fields);
        if captured_len as usize > room {
            return Err(format!("packet says {captured_len} bytes were captured, its block has room for {room}"));
        }
        if let Some(ticks) = ticks {
            self.last_timestamp = interface.clock.timestamp(ticks);
        }
        frames.push(FrameRef {
            timestamp: self.last_timestamp,
            offset: (at + fields) as u32,
            captured_len,
            wire_len: wire_len.max(captured_len),
            link: interface.link,
            interface: (self.earlier_interfaces + number as usize).min(usize::from(u16::MAX)) as u16,
        });
        Ok(())
    }

    /// Section 4.3.
    #[inline(always)]
    fn enhanced(&self, body: &[u8]) -> Result<PacketBlock, String> {
        let (Some(head), Some(fields)) = (body.first_chunk::<16>(), body.get(..20)) else {
            return Err(too_short("Enhanced Packet", body));
        };
        let [interface, high, low, captured_len] = self.order.words(head);
        let wire_len = u32_at(self.order, fields, 16);
        Ok(PacketBlock { interface, ticks: Some(ticks(high, low)), captured_len, wire_len, fields: 20 })
    }

    /// Section 4.4: always the section's first interface, cut to its snap length.
    fn simple(&self, body: &[u8]) -> Result<PacketBlock, String> {
        if body.len() < 4 {
            return Err(too_short("Simple Packet", body));
        }
        let wire_len = u32_at(self.order, body, 0);
        let snap_len = self.interfaces.first().map_or(0, |interface| interface.snap_len);
        let captured_len = if snap_len == 0 { wire_len } else { wire_len.min(snap_len) };
        Ok(PacketBlock { interface: 0, ticks: None, captured_len, wire_len, fields: 4 })
    }

    /// Appendix A: the Packet Block, with a 16-bit interface number and the drops since the packet before.
    fn obsolete(&mut self, body: &[u8]) -> Result<PacketBlock, String> {
        if body.len() < 20 {
            return Err(too_short("Packet", body));
        }
        let number = u16_at(self.order, body, 0);
        let drops = u16_at(self.order, body, 2);
        if let Some(interface) = self.interfaces.get_mut(usize::from(number))
            && drops != u16::MAX
        {
            interface.loss.kernel = interface.loss.kernel.saturating_add(u64::from(drops));
        }
        let [high, low, captured_len, wire_len] = [4, 8, 12, 16].map(|field| u32_at(self.order, body, field));
        let interface = u32::from(number);
        Ok(PacketBlock { interface, ticks: Some(ticks(high, low)), captured_len, wire_len, fields: 20 })
    }

    /// Section 4.1: interfaces belong to their section.
    fn section(&mut self, body: &[u8]) -> Result<(), String> {
        if body.len() < 16 {
            return Err(too_short("Section Header", body));
        }
        let (major, minor) = (u16_at(self.order, body, 4), u16_at(self.order, body, 6));
        if !matches!((major, minor), (1, 0 | 2)) {
            return Err(format!("pcapng version {major}.{minor}, expected 1.0"));
        }
        self.earlier_loss = self.loss();
        self.earlier_interfaces += self.interfaces.len();
        self.interfaces.clear();
        Ok(())
    }

    /// Section 4.2.
    fn interface(&mut self, body: &[u8]) -> Result<(), String> {
        if body.len() < 8 {
            return Err(too_short("Interface Description", body));
        }
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(format!("section describes more than {MAX_INTERFACES} interfaces"));
        }
        let mut clock = Clock::default();
        for (code, value) in options(self.order, body.get(8..).unwrap_or_default()) {
            match (code, value) {
                (9, &[resolution, ..]) => clock.rate = Rate::of(resolution),
                (14, value) => {
                    if let Some(&seconds) = value.first_chunk() {
                        clock.offset_s = self.order.u64(seconds) as i64;
                    }
                }
                _ => {}
            }
        }
        let link = LinkType(u16_at(self.order, body, 0));
        self.interfaces.push(Interface { link, snap_len: u32_at(self.order, body, 4), clock, loss: Loss::default() });
        Ok(())
    }

    /// Section 4.6: counters since the start of the capture, so the last block wins.
    fn statistics(&mut self, body: &[u8]) {
        let order = self.order;
        let number = u32_at(order, body, 0) as usize;
        let Some(interface) = self.interfaces.get_mut(number) else { return };
        for (code, value) in options(order, body.get(12..).unwrap_or_default()) {
            let Some(&count) = value.first_chunk() else { continue };
            match code {
                5 => interface.loss.interface = order.u64(count),
                7 => interface.loss.kernel = order.u64(count),
                _ => {}
            }
        }
    }
}

/// Byte order of a section, from the magic behind its block length.
fn section_order(header: &[u8; BLOCK_OVERHEAD]) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|&order| u32_at(order, header, 8) == 0x1a2b_3c4d)
}

/// Bytes a block occupies: its declared length on the next 32-bit boundary; `None` where it cannot be.
fn block_len(declared: u32) -> Option<usize> {
    let possible = BLOCK_OVERHEAD as u32..=MAX_FRAME_BYTES;
    possible.contains(&declared).then(|| (declared as usize).next_multiple_of(4))
}

fn bad_block_len(at: usize, declared: u32) -> Damage {
    Damage::new(at, format!("block says it has {declared} bytes, expected {BLOCK_OVERHEAD} to {MAX_FRAME_BYTES}"))
}

fn too_short(block: &str, body: &[u8]) -> String {
    format!("{block} Block has only {} bytes", body.len() + BLOCK_OVERHEAD)
}

fn ticks(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The options in `bytes`: code and value, up to the end mark or the first that does not fit.
fn options(order: Order, mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.first_chunk::<4>()?;
        let (code, len) = (u16_at(order, header, 0), usize::from(u16_at(order, header, 2)));
        let value = bytes.get(4..4 + len)?;
        bytes = bytes.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        (code != 0).then_some((code, value))
    })
}

/// How an interface counts time: `if_tsresol` and `if_tsoffset`.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    rate: Rate,
    offset_s: i64,
}

/// Length of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rate {
    NanosPerTick(u64),
    TicksPerNano(u64),
    /// Ticks of 2 to the minus this, in seconds.
    BinaryFraction(u8),
}

impl Default for Rate {
    fn default() -> Rate {
        Rate::NanosPerTick(1_000)
    }
}

impl Rate {
    /// From the `if_tsresol` octet: the negative exponent, of 2 where the highest bit is set, else of 10.
    fn of(resolution: u8) -> Rate {
        let exponent = resolution & 0x7f;
        if resolution & 0x80 != 0 {
            Rate::BinaryFraction(exponent)
        } else if exponent <= 9 {
            Rate::NanosPerTick(10u64.pow(9 - u32::from(exponent)))
        } else {
            Rate::TicksPerNano(10u64.saturating_pow(u32::from(exponent) - 9))
        }
    }
}

impl Clock {
    #[inline(always)]
    fn timestamp(self, ticks: u64) -> Timestamp {
        let nanos = match self.rate {
            Rate::NanosPerTick(nanos) => ticks.saturating_mul(nanos),
            Rate::TicksPerNano(ticks_per_nano) => ticks / ticks_per_nano,
            Rate::BinaryFraction(exponent) => {
                let nanos = (u128::from(ticks) * 1_000_000_000) >> exponent;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        Timestamp::from_nanos(nanos.saturating_add_signed(self.offset_s.saturating_mul(1_000_000_000)))
    }
}
