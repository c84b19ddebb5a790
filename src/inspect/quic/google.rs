//! Google QUIC before version 50: its client hello, a list of tags, goes in the clear.
//!
//! Up to Q043 the version stands behind a public header of flags and connection id, in Q046 in a long header. Versions
//! differ in what lies between there and the hello (packet number, hash, private flags, stream frame: at most some 40
//! bytes), which therefore is searched, not read. Source: "QUIC Crypto" (A. Langley, W. Chang, 2016) and Chromium's
//! quiche.

use super::bytes::Bytes;

/// How far behind the version the hello begins at most.
const SEARCHED: usize = 64;
/// Chromium's own limit of entries in a message.
const MOST_TAGS: u16 = 128;

/// A client hello of Google's own handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chlo<'a> {
    /// One entry per tag: tag, and where its value ends in `values`.
    index: &'a [u8],
    values: &'a [u8],
}

impl<'a> Chlo<'a> {
    /// Reads a whole hello from its tag `CHLO` on; `None` where it is cut off or malformed.
    pub(super) fn parse(message: &'a [u8]) -> Option<Chlo<'a>> {
        let mut bytes = Bytes(message);
        bytes.take(4).filter(|tag| tag == b"CHLO")?;
        let tags = bytes.u16_le().filter(|&tags| tags <= MOST_TAGS)?;
        let _padding = bytes.u16_le()?;
        let index = bytes.take(usize::from(tags) * 8)?;
        let chlo = Chlo { index, values: bytes.0 };
        let end = chlo.entries().last().map_or(0, |(_, end)| end);
        Some(Chlo { values: bytes.take(end)?, ..chlo })
    }

    /// The name of the server, as the client wrote it.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        self.value(*b"SNI\0")
    }

    /// The client's name for itself.
    pub fn user_agent(&self) -> Option<&'a [u8]> {
        self.value(*b"UAID")
    }

    fn value(&self, wanted: [u8; 4]) -> Option<&'a [u8]> {
        let mut start = 0;
        for (tag, end) in self.entries() {
            if tag == wanted {
                return self.values.get(start..end);
            }
            start = end;
        }
        None
    }

    fn entries(&self) -> impl Iterator<Item = (&'a [u8], usize)> + use<'a> {
        let mut index = Bytes(self.index);
        std::iter::from_fn(move || Some((index.take(4)?, usize::try_from(index.u32_le()?).ok()?)))
    }
}

/// The version of a client's packet that carries a hello in the clear, and the hello with what follows it.
pub(super) fn hello(datagram: &[u8]) -> Option<(u32, &[u8])> {
    let (version, rest) = version(datagram)?;
    let searched = rest.get(..SEARCHED.min(rest.len()))?;
    let at = searched.windows(4).position(|tag| tag == b"CHLO")?;
    Some((version, rest.get(at..)?))
}

/// The version, `Q0` and two digits below 50, and what follows it.
fn version(datagram: &[u8]) -> Option<(u32, &[u8])> {
    let mut bytes = Bytes(datagram);
    let flags = bytes.u8()?;
    let has_version = flags & 0x83 == 0x01 || flags & 0x80 != 0;
    let id = if flags & 0x88 == 0x08 { 8 } else { 0 };
    bytes.take(id)?;
    let version = bytes.u32()?;
    (has_version && matches!(version.to_be_bytes(), [b'Q', b'0', b'0'..=b'4', b'0'..=b'9']))
        .then_some((version, bytes.0))
}
