//! QUIC: the client's hello out of its first datagrams.
//!
//! The hello is encrypted, with keys anybody can derive who sees the client's first packet (RFC 9001 section 5.2). A
//! [`QuicHello`] does so for one flow: it opens the client's Initials, collects their CRYPTO frames in whatever order they
//! come, and yields the TLS ClientHello once it is whole. Unlike the other readers it keeps state, since a datagram is no
//! prefix of the next one; splitting, repeating or reordering datagrams still does not change what is found.
//!
//! ```text
//! version.rs        salt, labels and numbers of each version
//! header.rs         long headers, packets in one datagram
//! keys.rs           keys from a connection id; header and payload protection
//! origin.rs         the connection ids whose keys are known
//! frame.rs          CRYPTO frames out of an opened Initial
//! crypto_stream.rs  the hello, put together
//! google.rs         Google QUIC's own hello
//! ```
//!
//! Whose packet it is: keys are tried that a destination id gave which already opened a packet, then those of the packet's
//! own destination id. The server's Initials are known by going to the id the client chose. After a Retry the client
//! repeats its hello under keys from a new destination id: what was collected stays good. A new id in another connection
//! begins the collection again.
//!
//! What a forger can cost is bounded: packets opened, packets that did not open, and datagrams per flow.

mod bytes;
mod crypto_stream;
mod frame;
mod google;
mod header;
mod keys;
mod origin;
#[cfg(test)]
mod tests;
mod version;

use std::ops::Range;

use super::Reading;
use crypto_stream::{CryptoStream, Message};
use frame::Crypto;
pub use google::Chlo;
use header::{ConnectionId, Initial, Invariant, Packet};
use keys::InitialKeys;
use origin::{Origin, Origins};

/// Most bytes of an Initial that is opened. Clients keep theirs to the path's 1,500 bytes.
const LONGEST_INITIAL: usize = 4 << 10;
/// Most packets looked at in one datagram.
const MOST_COALESCED: usize = 8;
/// Most datagrams read for one hello.
const MOST_DATAGRAMS: u32 = 64;
/// Most packets opened for one hello.
const MOST_OPENED: u32 = 32;
/// Most attempts at opening that may fail.
const MOST_FAILED: u32 = 8;
/// A client pads a datagram with an Initial to at least so many bytes (RFC 9000 section 14.1).
const SHORTEST_FIRST_DATAGRAM: usize = 1200;

/// What a client says in its first flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello<'a> {
    /// TLS 1.3 over QUIC (RFC 9001).
    Tls {
        /// Version of QUIC, from the packet's header.
        version: u32,
        /// The whole ClientHello message with its four bytes of handshake header, without record headers.
        handshake: &'a [u8],
    },
    /// Google QUIC's own handshake, up to version Q050.
    Google {
        /// Version of QUIC: four characters such as `Q043`, big-endian.
        version: u32,
        /// The hello.
        chlo: Chlo<'a>,
    },
}

/// The hello of one flow while it is incomplete: about 22 KiB, allocated when made and never after. Take one for a
/// datagram that [`looks_like_quic`], and hand it the flow's datagrams, of either side, until it says [`Reading::Found`] or
/// [`Reading::Other`].
pub struct QuicHello {
    stream: CryptoStream,
    packet: Box<[u8]>,
    origins: Origins,
    /// The id the client goes by; what is sent to it comes from the server.
    client: Option<ConnectionId>,
    /// A token came with an opened packet: there was a Retry, or the client was here before.
    has_token: bool,
    version: u32,
    is_quic: bool,
    datagrams: u32,
    opened: u32,
    failed: u32,
}

impl std::fmt::Debug for QuicHello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuicHello")
            .field("version", &self.version)
            .field("datagrams", &self.datagrams)
            .finish_non_exhaustive()
    }
}

impl Default for QuicHello {
    fn default() -> QuicHello {
        QuicHello::new()
    }
}

impl QuicHello {
    /// Room for one hello.
    pub fn new() -> QuicHello {
        QuicHello {
            stream: CryptoStream::new(),
            packet: vec![0; LONGEST_INITIAL].into_boxed_slice(),
            origins: Origins::EMPTY,
            client: None,
            has_token: false,
            version: 0,
            is_quic: false,
            datagrams: 0,
            opened: 0,
            failed: 0,
        }
    }

    /// Forgets the flow, for the next one.
    pub fn reset(&mut self) {
        self.stream.clear();
        self.origins = Origins::EMPTY;
        self.client = None;
        (self.version, self.is_quic, self.has_token) = (0, false, false);
        (self.datagrams, self.opened, self.failed) = (0, 0, 0);
    }

    /// Reads one UDP payload of the flow. [`Reading::Other`]: no QUIC so far, or no client hello will come of it.
    pub fn datagram(&mut self, payload: &[u8]) -> Reading<Hello<'_>> {
        if !self.is_spent() && self.stream.message() == Message::Partial {
            self.datagrams += 1;
            self.read(payload);
        }
        self.reading()
    }

    fn is_spent(&self) -> bool {
        self.datagrams >= MOST_DATAGRAMS || self.opened >= MOST_OPENED || self.failed >= MOST_FAILED
    }

    fn reading(&self) -> Reading<Hello<'_>> {
        let version = self.version;
        match self.stream.message() {
            Message::Tls(handshake) => Reading::Found(Hello::Tls { version, handshake }),
            Message::Google(chlo) => Reading::Found(Hello::Google { version, chlo }),
            Message::Partial if self.is_quic && !self.is_spent() => Reading::More,
            Message::Partial | Message::Foreign => Reading::Other,
        }
    }

    fn read(&mut self, payload: &[u8]) {
        if let Some((version, data)) = google::hello(payload) {
            (self.version, self.is_quic) = (version, true);
            return self.stream.write(Crypto { offset: 0, data });
        }
        let mut rest = payload;
        for _ in 0..MOST_COALESCED {
            let Some(packet) = header::packet(rest) else { return };
            self.is_quic = true;
            rest = match packet {
                Packet::Initial(initial) => {
                    self.initial(&initial);
                    initial.rest
                }
                Packet::Passed { rest } => rest,
                Packet::Last => return,
            };
        }
    }

    fn initial(&mut self, initial: &Initial<'_>) {
        if !self.is_spent()
            && let Some(frames) = self.open(initial)
        {
            self.opened += 1;
            self.version = initial.version;
            self.client.get_or_insert(initial.source);
            self.has_token |= initial.has_token;
            for crypto in frame::crypto(self.packet.get(frames).unwrap_or_default(), initial.scheme.is_google) {
                self.stream.write(crypto);
            }
        }
    }

    /// Opens a client's packet in `self.packet`, with keys that are known or else of its own id; where the frames are.
    fn open(&mut self, initial: &Initial<'_>) -> Option<Range<usize>> {
        let known = self.origins.find(initial);
        let is_own = known.is_some_and(|origin| origin.is_destination_of(initial));
        if !is_own && self.client == Some(initial.destination) {
            return None;
        }
        let opened = known.and_then(|origin| attempt(&origin.keys, initial, &mut self.packet));
        self.failed += u32::from(known.is_some() && opened.is_none());
        if is_own || opened.is_some() { opened } else { self.open_anew(initial) }
    }

    /// Whether a packet to a new destination id belongs to the connection whose hello is being collected: a client keeps
    /// its own id when it follows a Retry (RFC 9000 section 17.2.5.2); of one without an id only the token tells.
    fn continues(&self, initial: &Initial<'_>) -> bool {
        let is_told = !initial.source.as_slice().is_empty() || self.has_token || initial.has_token;
        is_told && self.client == Some(initial.source) && self.version == initial.version
    }

    fn open_anew(&mut self, initial: &Initial<'_>) -> Option<Range<usize>> {
        let origin = Origin::of(initial)?;
        let opened = attempt(&origin.keys, initial, &mut self.packet);
        self.failed += u32::from(opened.is_none());
        if opened.is_some() {
            if !self.continues(initial) {
                self.stream.clear();
                (self.client, self.has_token) = (None, false);
            }
            self.origins.remember(origin);
        }
        opened
    }
}

fn attempt(keys: &InitialKeys, initial: &Initial<'_>, space: &mut [u8]) -> Option<Range<usize>> {
    let packet = space.get_mut(..initial.bytes.len())?;
    packet.copy_from_slice(initial.bytes);
    keys.open(packet, initial.number_at)
}

/// A cheap test of a flow's datagram before a [`QuicHello`] is taken for it: a client's Initial of a version that is read
/// here or that forces version negotiation, or Google's hello in the clear. It may be cut off by the snap length.
pub fn looks_like_quic(payload: &[u8]) -> bool {
    Invariant::parse(payload)
        .is_some_and(|header| header.may_be_first_initial() || forces_negotiation(payload, &header))
        || google::hello(payload).is_some()
}

fn forces_negotiation(payload: &[u8], header: &Invariant<'_>) -> bool {
    version::is_reserved(header.version)
        && header.destination.may_be_first()
        && payload.len() >= SHORTEST_FIRST_DATAGRAM
}

/// A server's answer that lists the versions it speaks (RFC 9000 section 17.2.1), at least one of them read here.
pub fn is_version_negotiation(payload: &[u8]) -> bool {
    Invariant::parse(payload).is_some_and(|header| {
        let (versions, rest) = header.rest.as_chunks();
        header.version == 0
            && rest.is_empty()
            && versions.iter().any(|&version| version::scheme(u32::from_be_bytes(version)).is_some())
    })
}

/// A datagram of either side's handshake, by which QUIC is known where the client's first Initial was not seen: a long
/// header of a version that is read here, or version negotiation.
pub fn is_handshake(payload: &[u8]) -> bool {
    Invariant::parse(payload).is_some_and(|header| header.scheme().is_some()) || is_version_negotiation(payload)
}
