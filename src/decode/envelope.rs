//! What was stripped from around a packet: hardware addresses, VLAN ids, the tunnel path.
//!
//! Decoding walks each frame with a [`Recorder`] that keeps next to nothing. A new flow is rare, so its envelope is
//! found by walking the frame that began it once more, with a recorder that writes everything down.

use std::fmt;

use super::Encapsulation;
use super::ip::Ip;
use super::print::Path;
use crate::net::MacAddr;

/// Hears what the walk strips, outermost first.
pub(super) trait Recorder: Clone {
    /// Whether the transport header is looked at again after the walk.
    const KEEPS_TRANSPORT: bool = false;

    /// A link header with these addresses.
    fn macs(&mut self, destination: [u8; 6], source: [u8; 6]);
    /// On which interface of this machine, and whether in or out, as far as a cooked frame tells.
    #[inline]
    fn passage(&mut self, _place: u64) {}
    /// An encapsulation, with its number where it has one.
    fn strip(&mut self, kind: Encapsulation, id: Option<u32>);
    /// The IP header of a tunnel.
    fn carrier(&mut self, ip: &Ip);
    /// The fingerprint of the path, where this recorder makes one.
    #[inline]
    fn path(&self) -> Option<Path> {
        None
    }
}

/// Hears nothing.
impl Recorder for () {
    #[inline]
    fn macs(&mut self, _: [u8; 6], _: [u8; 6]) {}
    #[inline]
    fn strip(&mut self, _: Encapsulation, _: Option<u32>) {}
    #[inline]
    fn carrier(&mut self, _: &Ip) {}
}

/// One encapsulation that was stripped, such as `vxlan:5001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stripped {
    /// What it was.
    pub kind: Encapsulation,
    /// VLAN id, session, key or whatever numbers this kind.
    pub id: Option<u32>,
}

impl fmt::Display for Stripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "{}:{id}", self.kind),
            None => write!(f, "{}", self.kind),
        }
    }
}

/// At most `N` values in place; what does not fit is left out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Few<T, const N: usize> {
    items: [Option<T>; N],
    len: usize,
}

impl<T: Copy, const N: usize> Few<T, N> {
    fn push(&mut self, value: T) {
        if let Some(slot) = self.items.get_mut(self.len) {
            *slot = Some(value);
            self.len += 1;
        }
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        self.items.iter().copied().flatten()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<T: Copy + serde::Serialize, const N: usize> serde::Serialize for Few<T, N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, T: Copy + serde::Deserialize<'de>, const N: usize> serde::Deserialize<'de> for Few<T, N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut few = Few::default();
        Vec::<T>::deserialize(deserializer)?.into_iter().for_each(|value| few.push(value));
        Ok(few)
    }
}

impl<T: Copy, const N: usize> Default for Few<T, N> {
    fn default() -> Few<T, N> {
        Few { items: [None; N], len: 0 }
    }
}

impl<T: Copy + fmt::Debug, const N: usize> fmt::Debug for Few<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// What was stripped from around the innermost packet of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Source of the link header the innermost packet came in; `None` where the capture has none, or where the packet
    /// came out of a tunnel that carries bare IP.
    pub source_mac: Option<MacAddr>,
    /// Destination of that link header.
    pub destination_mac: Option<MacAddr>,
    /// VLAN ids of that link header, outermost first.
    pub vlans: Few<u16, 4>,
    /// Everything stripped, outermost first, such as `["vlan:20","erspan2:7","vxlan:5001"]`; empty for a packet in
    /// at most VLAN tags, which no tunnel carried.
    pub path: Few<Stripped, 16>,
}

/// Writes an [`Envelope`].
#[derive(Clone, Default)]
pub(super) struct EnvelopeRecorder {
    envelope: Envelope,
    is_carried: bool,
}

impl EnvelopeRecorder {
    pub(super) fn finish(self) -> Envelope {
        let path = if self.is_carried { self.envelope.path } else { Few::default() };
        Envelope { path, ..self.envelope }
    }
}

impl Recorder for EnvelopeRecorder {
    fn macs(&mut self, destination: [u8; 6], source: [u8; 6]) {
        let known = |mac: [u8; 6]| (mac != [0; 6]).then_some(MacAddr(mac));
        self.envelope.source_mac = known(source);
        self.envelope.destination_mac = known(destination);
        self.envelope.vlans = Few::default();
    }

    fn strip(&mut self, kind: Encapsulation, id: Option<u32>) {
        self.envelope.path.push(Stripped { kind, id });
        if kind == Encapsulation::Vlan {
            self.envelope.vlans.push(id.unwrap_or_default() as u16);
        } else {
            self.is_carried = true;
        }
    }

    fn carrier(&mut self, _: &Ip) {
        self.envelope = Envelope { path: self.envelope.path, ..Envelope::default() };
    }
}
