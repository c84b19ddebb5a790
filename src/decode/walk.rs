//! The walk from the first byte of a frame to its innermost packet.
//!
//! Each layer is a method of [`Walk`], in the file of its kind, that reads its own header and hands the view behind it
//! to the next layer. The usual way down (Ethernet, VLAN tags, IP, transport) is straight calls; everything else goes
//! through [`Walk::enter`]. A tunnel is tried, never believed: where its content is no IP packet, the packet around it
//! is the innermost one.

use super::envelope::Recorder;
use super::ip::{Fragment, Ip};
use super::transport::Segment;
use super::view::View;
use super::{Encapsulation, Skip, TunnelSet};

/// One walk through one frame.
pub(super) struct Walk<R> {
    pub(super) tunnels: TunnelSet,
    /// Encapsulations that may still be stripped.
    pub(super) depth: u8,
    /// Detours through [`Walk::enter`] that may still be made, so that layers without a name cannot nest for ever.
    pub(super) detours: u8,
    pub(super) recorder: R,
}

/// Where a walk ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'a> {
    Packet(Found<'a>),
    Fragment(Fragment<'a>),
}

/// The innermost packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) ip: Ip,
    pub(super) protocol: u8,
    pub(super) segment: Segment<'a>,
    /// The transport header and what follows.
    pub(super) data: View<'a>,
}

/// What a header says comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Ethernet,
    EtherType(u16),
    /// IP of the version its first four bits say.
    Ip,
    Ppp,
    Wifi,
}

impl<R: Recorder> Walk<R> {
    /// Goes on with `layer`.
    #[inline(never)]
    pub(super) fn enter<'a>(&mut self, layer: Layer, view: View<'a>) -> Result<Outcome<'a>, Skip> {
        self.detours = self.detours.checked_sub(1).ok_or(Skip::TooDeep)?;
        match layer {
            Layer::Ethernet => self.ethernet(view),
            Layer::EtherType(ether_type) => self.ether_type(ether_type, view),
            Layer::Ip => self.ip(view),
            Layer::Ppp => self.ppp(view),
            Layer::Wifi => self.wifi(view, 0),
        }
    }

    /// Notes an encapsulation, and spends one step of the depth.
    #[inline]
    pub(super) fn strip(&mut self, kind: Encapsulation, id: Option<u32>) -> Result<(), Skip> {
        self.descend()?;
        self.recorder.strip(kind, id);
        Ok(())
    }

    /// Spends one step of the depth.
    #[inline]
    pub(super) fn descend(&mut self) -> Result<(), Skip> {
        self.depth = self.depth.checked_sub(1).ok_or(Skip::TooDeep)?;
        Ok(())
    }

    /// Tries the content of a tunnel whose IP packet is `carrier`. `None` where the tunnel is switched off or carries
    /// no IP packet.
    pub(super) fn tunnel<'a>(
        &mut self,
        carrier: &Ip,
        (kind, id): (Encapsulation, Option<u32>),
        layer: Layer,
        view: View<'a>,
    ) -> Result<Option<Outcome<'a>>, Skip> {
        if !self.tunnels.has(kind) {
            return Ok(None);
        }
        let before = (self.depth, self.recorder.clone());
        self.recorder.carrier(carrier);
        self.strip(kind, id)?;
        match self.enter(layer, view) {
            Ok(outcome) => Ok(Some(outcome)),
            Err(Skip::TooDeep) => Err(Skip::TooDeep),
            Err(_) => {
                (self.depth, self.recorder) = before;
                Ok(None)
            }
        }
    }
}
