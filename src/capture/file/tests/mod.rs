//! Captures made by code, and what the reader is to make of them.

mod damage;
mod formats;
mod streams;

use super::bytes::Order;
use super::{CaptureReader, Delivery};
use crate::capture::{Batch, CaptureError, FrameRef, PacketSource};

/// A frame as the tests compare it: index entry with offset 0, and captured bytes.
pub(super) type Owned = (FrameRef, Vec<u8>);

/// Reads everything: the frames, and the error that ended it.
pub(super) fn drain(source: &mut impl PacketSource) -> (Vec<Owned>, Option<CaptureError>) {
    let (mut batch, mut frames) = (Batch::default(), Vec::new());
    loop {
        match source.next_batch(&mut batch) {
            Ok(true) => {
                assert_eq!(batch.first_frame, frames.len() as u64);
                frames.extend((0..batch.frames.len()).map(|index| {
                    let frame = batch.frame(index).unwrap();
                    (FrameRef { offset: 0, ..frame.meta }, frame.data.to_vec())
                }));
            }
            Ok(false) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

pub(super) fn read(capture: &[u8]) -> (Vec<Owned>, Option<CaptureError>) {
    drain(&mut CaptureReader::new("test", capture, Delivery::Full))
}

/// Reads a capture that must be sound.
pub(super) fn frames(capture: &[u8]) -> Vec<Owned> {
    let (frames, error) = read(capture);
    assert!(error.is_none(), "{error:?}");
    frames
}

/// Writes integers in one byte order.
pub(super) struct Writer {
    pub(super) order: Order,
    pub(super) bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new(order: Order) -> Writer {
        Writer { order, bytes: Vec::new() }
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.integer(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.integer(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.integer(&value.to_le_bytes())
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn integer(&mut self, little: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(little);
        if self.order == Order::Big {
            let start = self.bytes.len() - little.len();
            self.bytes[start..].reverse();
        }
        self
    }

    /// A pcap file header.
    pub(super) fn pcap(order: Order, magic: u32, version: (u16, u16), link: u32) -> Writer {
        let mut writer = Writer::new(order);
        writer.u32(magic).u16(version.0).u16(version.1).u32(0).u32(0).u32(65_535).u32(link);
        writer
    }

    /// A pcap record whose length on the wire is ten more than captured.
    pub(super) fn record(&mut self, seconds: u32, ticks: u32, data: &[u8]) -> &mut Self {
        let len = data.len() as u32;
        self.u32(seconds).u32(ticks).u32(len).u32(len + 10).raw(data)
    }

    /// A pcapng block.
    pub(super) fn block(&mut self, kind: u32, body: impl FnOnce(&mut Writer)) -> &mut Self {
        let mut inner = Writer::new(self.order);
        body(&mut inner);
        inner.bytes.resize(inner.bytes.len().next_multiple_of(4), 0);
        let len = inner.bytes.len() as u32 + 12;
        self.u32(kind).u32(len).raw(&inner.bytes).u32(len)
    }

    pub(super) fn section(&mut self) -> &mut Self {
        self.block(0x0a0d_0d0a, |body| {
            body.u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
        })
    }

    /// An interface description with options of code and value.
    pub(super) fn interface(&mut self, link: u16, snap_len: u32, options: &[(u16, &[u8])]) -> &mut Self {
        self.block(1, |body| {
            body.u16(link).u16(0).u32(snap_len).options(options);
        })
    }

    pub(super) fn options(&mut self, options: &[(u16, &[u8])]) -> &mut Self {
        for (code, value) in options {
            self.u16(*code).u16(value.len() as u16).raw(value);
            self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        }
        self.u16(0).u16(0)
    }

    /// An Enhanced Packet whose length on the wire is ten more than captured.
    pub(super) fn packet(&mut self, interface: u32, ticks: u64, data: &[u8]) -> &mut Self {
        let len = data.len() as u32;
        self.block(6, |body| {
            body.u32(interface).u32((ticks >> 32) as u32).u32(ticks as u32).u32(len).u32(len + 10).raw(data);
        })
    }
}

/// A little-endian pcap with a frame of each length.
pub(super) fn pcap_of(lengths: &[usize]) -> Vec<u8> {
    let mut writer = Writer::pcap(Order::Little, 0xa1b2_c3d4, (2, 4), 1);
    for (index, &len) in lengths.iter().enumerate() {
        writer.record(1_700_000_000 + index as u32, 7, &vec![index as u8; len]);
    }
    writer.bytes
}

/// A pcapng with a frame of each length, and blocks of other kinds between them.
pub(super) fn pcapng_of(lengths: &[usize]) -> Vec<u8> {
    let mut writer = Writer::new(Order::Big);
    writer.section().interface(1, 0, &[]);
    for (index, &len) in lengths.iter().enumerate() {
        writer.packet(0, 1_700_000_000_000_000 + index as u64, &vec![index as u8; len]);
        writer.block(0xbad, |body| {
            body.raw(b"custom");
        });
    }
    writer.bytes
}
