//! The beginning of a handshake, put together from stretches that come in any order.

use std::ops::Range;

use super::frame::Crypto;
use super::google::Chlo;

/// Most bytes of a hello that are kept; a longer one is not read. Post-quantum key shares make 2 KiB.
pub(super) const LONGEST_HELLO: usize = 16 << 10;
/// Most separate stretches. Clients that scatter their hello on purpose (Chrome) make a dozen.
pub(super) const MOST_STRETCHES: usize = 64;

/// Bytes from offset 0 on, and which of them have come. Where two stretches disagree, the later one holds.
pub(super) struct CryptoStream {
    bytes: Box<[u8]>,
    /// Disjoint stretches that do not touch, in order; never more than its capacity.
    stretches: Vec<Range<usize>>,
}

/// What the stream holds so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Partial,
    /// A whole TLS ClientHello with its four bytes of handshake header.
    Tls(&'a [u8]),
    Google(Chlo<'a>),
    /// No client hello, or one longer than is kept.
    Foreign,
}

impl CryptoStream {
    pub(super) fn new() -> CryptoStream {
        CryptoStream { bytes: vec![0; LONGEST_HELLO].into_boxed_slice(), stretches: Vec::with_capacity(MOST_STRETCHES) }
    }

    pub(super) fn clear(&mut self) {
        self.stretches.clear();
    }

    /// Takes a stretch in; one beyond the limits of length or number is left out.
    pub(super) fn write(&mut self, crypto: Crypto<'_>) {
        let Ok(start) = usize::try_from(crypto.offset) else { return };
        let end = start.saturating_add(crypto.data.len());
        if start < end
            && let Some(place) = self.bytes.get_mut(start..end)
            && cover(&mut self.stretches, start..end)
        {
            place.copy_from_slice(crypto.data);
        }
    }

    pub(super) fn message(&self) -> Message<'_> {
        match self.beginning() {
            [b'C', b'H', b'L', b'O', ..] => Chlo::parse(self.beginning()).map_or(Message::Partial, Message::Google),
            [1, a, b, c, ..] => self.client_hello(4 + (usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c))),
            [] | [1, ..] | [b'C', ..] => Message::Partial,
            _ => Message::Foreign,
        }
    }

    fn client_hello(&self, length: usize) -> Message<'_> {
        match self.beginning().get(..length) {
            Some(hello) => Message::Tls(hello),
            None if length <= LONGEST_HELLO => Message::Partial,
            None => Message::Foreign,
        }
    }

    /// The bytes that have come without a gap from offset 0 on.
    fn beginning(&self) -> &[u8] {
        match self.stretches.first() {
            Some(stretch) if stretch.start == 0 => self.bytes.get(stretch.clone()).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Adds a stretch and joins those it touches; `false` where there is no room for one more.
fn cover(stretches: &mut Vec<Range<usize>>, added: Range<usize>) -> bool {
    let from = stretches.partition_point(|stretch| stretch.end < added.start);
    let to = stretches.partition_point(|stretch| stretch.start <= added.end);
    if from == to {
        let has_room = stretches.len() < MOST_STRETCHES;
        if has_room {
            stretches.insert(from, added);
        }
        return has_room;
    }
    let joined = stretches.drain(from..to).fold(added, |all, one| all.start.min(one.start)..all.end.max(one.end));
    stretches.insert(from, joined);
    true
}
