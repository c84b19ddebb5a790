//! Reading forward through bytes, in the vectors of TLS's presentation language (RFC 8446 section 3.4).

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Up to `count` bytes: fewer where fewer are left.
    pub(super) fn take_at_most(&mut self, count: usize) -> &'a [u8] {
        self.take(count).unwrap_or_else(|| std::mem::take(&mut self.0))
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*first))
    }

    pub(super) fn u24(&mut self) -> Option<usize> {
        let ([a, b, c], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes([0, *a, *b, *c]) as usize)
    }

    /// A vector whose length stands in one byte before it.
    pub(super) fn vector8(&mut self) -> Option<Bytes<'a>> {
        let len = self.u8()?;
        self.take(len.into()).map(Bytes)
    }

    /// A vector whose length stands in two bytes before it.
    pub(super) fn vector16(&mut self) -> Option<Bytes<'a>> {
        let len = self.u16()?;
        self.take(len.into()).map(Bytes)
    }

    /// The 16-bit numbers in it; an odd byte at the end is dropped.
    pub(super) fn words(self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.0.as_chunks::<2>().0.iter().map(|word| u16::from_be_bytes(*word))
    }
}

/// The extensions of a hello as (number, content), up to the first that is cut.
pub(super) fn extensions(mut list: Bytes<'_>) -> impl Iterator<Item = (u16, Bytes<'_>)> + Clone {
    std::iter::from_fn(move || {
        let number = list.u16()?;
        Some((number, list.vector16()?))
    })
}

/// The protocol names in the content of an ALPN extension (RFC 7301 section 3.1).
pub(super) fn protocol_names(mut content: Bytes<'_>) -> impl Iterator<Item = &[u8]> + Clone {
    let mut list = content.vector16().unwrap_or(Bytes(&[]));
    std::iter::from_fn(move || list.vector8().map(|name| name.0))
}
