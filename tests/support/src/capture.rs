//! Capture files: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng).

/// One frame of a capture to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since the epoch.
    pub timestamp_ns: u64,
    /// Index of its interface in a pcapng; ignored in a pcap.
    pub interface: u32,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// Bytes captured.
    pub data: Vec<u8>,
}

impl Frame {
    /// A frame captured whole on interface 0.
    #[must_use]
    pub fn new(timestamp_ns: u64, data: Vec<u8>) -> Frame {
        Frame { timestamp_ns, interface: 0, wire_len: data.len() as u32, data }
    }

    /// The frame with at most `snap_len` bytes captured.
    #[must_use]
    pub fn snapped(mut self, snap_len: usize) -> Frame {
        self.data.truncate(snap_len);
        self
    }

    /// The frame on another interface of a pcapng.
    #[must_use]
    pub fn on(mut self, interface: u32) -> Frame {
        self.interface = interface;
        self
    }
}

/// Byte order of a capture file.
#[derive(Clone, Copy, Debug)]
struct Order {
    big_endian: bool,
}

impl Order {
    fn u16(self, out: &mut Vec<u8>, value: u16) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn u32(self, out: &mut Vec<u8>, value: u32) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn u64(self, out: &mut Vec<u8>, value: u64) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }
}

/// A writer of pcap files.
#[derive(Clone, Copy, Debug)]
pub struct Pcap {
    /// The `LINKTYPE_` number of every frame.
    pub link_type: u16,
    /// Time stamps in nanoseconds instead of microseconds.
    pub nanoseconds: bool,
    /// Byte order of the headers.
    pub big_endian: bool,
    /// The snap length in the file header.
    pub snap_len: u32,
}

impl Pcap {
    /// The common kind: microseconds, little-endian, snap length 262,144.
    #[must_use]
    pub fn microseconds(link_type: u16) -> Pcap {
        Pcap { link_type, nanoseconds: false, big_endian: false, snap_len: 262_144 }
    }

    /// The whole file.
    #[must_use]
    pub fn write(&self, frames: &[Frame]) -> Vec<u8> {
        let mut out = Vec::new();
        self.start(&mut out);
        for frame in frames {
            self.append(&mut out, frame);
        }
        out
    }

    /// Appends the file header to `out`, for captures larger than memory.
    pub fn start(&self, out: &mut Vec<u8>) {
        let order = Order { big_endian: self.big_endian };
        order.u32(out, if self.nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
        order.u16(out, 2);
        order.u16(out, 4);
        order.u64(out, 0);
        order.u32(out, self.snap_len);
        order.u32(out, u32::from(self.link_type));
    }

    /// Appends the record of `frame` to `out`.
    pub fn append(&self, out: &mut Vec<u8>, frame: &Frame) {
        let order = Order { big_endian: self.big_endian };
        let fraction_ns = frame.timestamp_ns % 1_000_000_000;
        order.u32(out, (frame.timestamp_ns / 1_000_000_000) as u32);
        order.u32(out, if self.nanoseconds { fraction_ns } else { fraction_ns / 1_000 } as u32);
        order.u32(out, frame.data.len() as u32);
        order.u32(out, frame.wire_len);
        out.extend(&frame.data);
    }
}

/// What one unit of a pcapng time stamp is worth (`if_tsresol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// 10 to the power of minus this, in seconds: 6 for microseconds (the default), 9 for nanoseconds.
    PowerOfTen(u8),
    /// 2 to the power of minus this, in seconds.
    PowerOfTwo(u8),
}

impl Resolution {
    fn units(self, time_ns: u64) -> u64 {
        let per_second = match self {
            Resolution::PowerOfTen(exponent) => 10u128.pow(u32::from(exponent)),
            Resolution::PowerOfTwo(exponent) => 1u128 << exponent,
        };
        (u128::from(time_ns) * per_second / 1_000_000_000) as u64
    }

    fn code(self) -> u8 {
        match self {
            Resolution::PowerOfTen(exponent) => exponent,
            Resolution::PowerOfTwo(exponent) => 0x80 | exponent,
        }
    }
}

/// An interface of a pcapng.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `if_name`.
    pub name: String,
    /// The `LINKTYPE_` number of its frames.
    pub link_type: u16,
    /// Snap length; 0 for no limit.
    pub snap_len: u32,
    /// Resolution of its time stamps.
    pub resolution: Resolution,
    /// `if_tsoffset`: seconds to add to its time stamps.
    pub offset_s: i64,
}

impl Interface {
    /// An interface without a snap length, in microseconds, without offset.
    #[must_use]
    pub fn new(name: &str, link_type: u16) -> Interface {
        let resolution = Resolution::PowerOfTen(6);
        Interface { name: name.to_owned(), link_type, snap_len: 0, resolution, offset_s: 0 }
    }
}

/// A writer of pcapng files with one section.
#[derive(Clone, Debug)]
pub struct Pcapng {
    /// Byte order of the blocks.
    pub big_endian: bool,
    /// The interfaces that [`Frame::interface`] indexes.
    pub interfaces: Vec<Interface>,
}

impl Pcapng {
    /// A little-endian file.
    #[must_use]
    pub fn new(interfaces: Vec<Interface>) -> Pcapng {
        Pcapng { big_endian: false, interfaces }
    }

    /// The whole file.
    ///
    /// # Panics
    /// Where a frame names an interface that is not there.
    #[must_use]
    pub fn write(&self, frames: &[Frame]) -> Vec<u8> {
        let mut out = Vec::new();
        self.block(&mut out, 0x0a0d_0d0a, &self.section());
        for interface in &self.interfaces {
            self.block(&mut out, 1, &self.description(interface));
        }
        for frame in frames {
            self.block(&mut out, 6, &self.enhanced_packet(frame));
        }
        out
    }

    fn order(&self) -> Order {
        Order { big_endian: self.big_endian }
    }

    fn section(&self) -> Vec<u8> {
        let mut body = Vec::new();
        self.order().u32(&mut body, 0x1a2b_3c4d);
        self.order().u16(&mut body, 1);
        self.order().u16(&mut body, 0);
        self.order().u64(&mut body, u64::MAX);
        body
    }

    fn description(&self, interface: &Interface) -> Vec<u8> {
        let mut body = Vec::new();
        self.order().u16(&mut body, interface.link_type);
        self.order().u16(&mut body, 0);
        self.order().u32(&mut body, interface.snap_len);
        self.option(&mut body, 2, interface.name.as_bytes());
        self.option(&mut body, 9, &[interface.resolution.code()]);
        if interface.offset_s != 0 {
            let mut offset = Vec::new();
            self.order().u64(&mut offset, interface.offset_s as u64);
            self.option(&mut body, 14, &offset);
        }
        self.option(&mut body, 0, &[]);
        body
    }

    fn enhanced_packet(&self, frame: &Frame) -> Vec<u8> {
        let interface = &self.interfaces[frame.interface as usize];
        let time_ns = frame.timestamp_ns as i64 - interface.offset_s * 1_000_000_000;
        let units = interface.resolution.units(time_ns as u64);
        let mut body = Vec::with_capacity(24 + frame.data.len());
        self.order().u32(&mut body, frame.interface);
        self.order().u32(&mut body, (units >> 32) as u32);
        self.order().u32(&mut body, units as u32);
        self.order().u32(&mut body, frame.data.len() as u32);
        self.order().u32(&mut body, frame.wire_len);
        body.extend(&frame.data);
        body
    }

    fn option(&self, body: &mut Vec<u8>, code: u16, value: &[u8]) {
        self.order().u16(body, code);
        self.order().u16(body, value.len() as u16);
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }

    fn block(&self, out: &mut Vec<u8>, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let len = (padded + 12) as u32;
        self.order().u32(out, kind);
        self.order().u32(out, len);
        out.extend(body);
        out.resize(out.len() + padded - body.len(), 0);
        self.order().u32(out, len);
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Interface, Pcap, Pcapng, Resolution};

    #[test]
    fn both_byte_orders_hold_the_same_numbers() {
        let frame = Frame::new(1_500_000_123_456, vec![1, 2, 3]);
        let little = Pcap { nanoseconds: true, ..Pcap::microseconds(1) }.write(std::slice::from_ref(&frame));
        let big = Pcap { nanoseconds: true, big_endian: true, ..Pcap::microseconds(1) }.write(&[frame]);
        assert_eq!(little[24..32], [0xdc, 0x05, 0, 0, 0x40, 0xe2, 0x01, 0]);
        assert_eq!(big[24..32], [0, 0, 0x05, 0xdc, 0, 0x01, 0xe2, 0x40]);
    }

    #[test]
    fn pcapng_blocks_are_whole_words_that_end_with_their_length() {
        let interface = Interface { resolution: Resolution::PowerOfTwo(10), ..Interface::new("span0", 1) };
        let file = Pcapng::new(vec![interface]).write(&[Frame::new(1_500_000_000, vec![9; 5])]);
        let mut offset = 0;
        while offset < file.len() {
            let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
            let len = word(offset + 4) as usize;
            assert_eq!(word(offset + len - 4) as usize, len);
            offset += len;
        }
        assert_eq!(offset, file.len());
        assert_eq!(file[file.len() - 24..file.len() - 20], 1536u32.to_le_bytes());
    }
}
