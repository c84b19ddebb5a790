//! A window onto captured bytes that knows how long it was on the wire.

use super::Skip;

/// Captured bytes from some header on, and the length they had on the wire. The capture may be cut by the snap length
/// (`data` shorter than `wire`), and headers may promise more than the frame had.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// What was captured.
    pub(super) data: &'a [u8],
    /// Length by the headers, in bytes; not smaller than `data.len()`.
    pub(super) wire: usize,
}

impl<'a> View<'a> {
    #[inline]
    pub(super) fn new(data: &'a [u8], wire: usize) -> View<'a> {
        View { data, wire: wire.max(data.len()) }
    }

    /// The first `N` bytes.
    #[inline]
    pub(super) fn peek<const N: usize>(self) -> Result<&'a [u8; N], Skip> {
        self.data.first_chunk::<N>().ok_or(Skip::Truncated)
    }

    /// The first `N` bytes, and the view behind them.
    #[inline]
    pub(super) fn take<const N: usize>(self) -> Result<(&'a [u8; N], View<'a>), Skip> {
        let (head, data) = self.data.split_first_chunk::<N>().ok_or(Skip::Truncated)?;
        Ok((head, View { data, wire: self.wire - N }))
    }

    /// The view behind `n` bytes.
    #[inline]
    pub(super) fn skip(self, n: usize) -> Result<View<'a>, Skip> {
        let data = self.data.get(n..).ok_or(Skip::Truncated)?;
        Ok(View { data, wire: self.wire - n })
    }

    /// The first `wire` bytes by the headers: what follows is padding or a trailer.
    #[inline]
    pub(super) fn limit(self, wire: usize) -> View<'a> {
        View { data: self.data.get(..wire).unwrap_or(self.data), wire }
    }

    /// The byte at `index`.
    #[inline]
    pub(super) fn byte(self, index: usize) -> Result<u8, Skip> {
        self.data.get(index).copied().ok_or(Skip::Truncated)
    }

    /// Two bytes from `index` on, most significant first.
    #[inline]
    pub(super) fn be16(self, index: usize) -> Result<u16, Skip> {
        let bytes = self.data.get(index..).and_then(|rest| rest.first_chunk::<2>());
        bytes.map(|bytes| u16::from_be_bytes(*bytes)).ok_or(Skip::Truncated)
    }

    /// Four bytes from `index` on, most significant first.
    #[inline]
    pub(super) fn be32(self, index: usize) -> Result<u32, Skip> {
        let bytes = self.data.get(index..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map(|bytes| u32::from_be_bytes(*bytes)).ok_or(Skip::Truncated)
    }
}
