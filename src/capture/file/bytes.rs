//! Fixed-width integers in the byte order of a file.

/// Byte order of a capture, or of a section of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline(always)]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        }
    }

    /// Four consecutive 32-bit words.
    #[inline(always)]
    pub(super) fn words(self, bytes: &[u8; 16]) -> [u32; 4] {
        let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        [self.u32([a, b, c, d]), self.u32([e, f, g, h]), self.u32([i, j, k, l]), self.u32([m, n, o, p])]
    }
}

/// The 16-bit integer at `at`; 0 beyond the end.
pub(super) fn u16_at(order: Order, bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |&chunk| order.u16(chunk))
}

/// The 32-bit integer at `at`; 0 beyond the end.
pub(super) fn u32_at(order: Order, bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |&chunk| order.u32(chunk))
}
