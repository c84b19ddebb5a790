//! Takes fields off the front of bytes; `None` where the bytes end first, and then nothing is taken.

/// The bytes not yet taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `n` bytes.
    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    /// One byte.
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes, most significant first.
    pub(super) fn be16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, most significant first.
    pub(super) fn be32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// As many bytes as the two-byte length in front of them says.
    pub(super) fn counted16(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let length = ahead.be16()?;
        let field = ahead.take(usize::from(length))?;
        *self = ahead;
        Some(field)
    }

    /// The line before the next LF, without it and without a CR before it.
    pub(super) fn line(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == b'\n')?;
        let line = self.take(end)?;
        self.take(1)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}
