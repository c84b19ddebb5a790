//! The walk from the first byte of a frame to its innermost packet.
//!
//! Each layer is a method of [`Walk`], in the file of its kind, that reads its own header and hands the view behind it
//! to the next layer. The usual way down (Ethernet, VLAN tags, IP, transport) is straight calls; everything else goes
//! through [`Walk::enter`]. A tunnel is tried, never believed: where its content is no IP packet, the packet around it
//! is the innermost one.

use super::envelope::Recorder;
use super::ip::{Ip, Piece};
use super::transport::Segment;
use super::view::View;
use super::{Encapsulation, Options, Skip, TunnelSet};

/// One walk through one frame.
pub(super) struct Walk<'a, R> {
    pub(super) tunnels: TunnelSet,
    /// Encapsulations that may still be stripped.
    pub(super) depth: u8,
    /// Detours through [`Walk::enter`] that may still be made, so that layers without a name cannot nest for ever.
    pub(super) detours: u8,
    pub(super) recorder: R,
    /// What the walk ended at: written where it is read from, since copies of it would cost more than the walk.
    pub(super) found: Found<'a>,
}

/// Where a walk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// [`Walk::found`] is the innermost packet.
    Packet,
    /// [`Walk::found`] is a fragment, without a segment.
    Fragment,
}

/// The innermost packet or fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) ip: Ip,
    pub(super) protocol: u8,
    pub(super) segment: Segment<'a>,
    pub(super) piece: Piece,
    /// What follows the IP header and its extensions: of a fragment always, of a packet where the recorder
    /// [keeps](Recorder::KEEPS_TRANSPORT) it.
    pub(super) data: View<'a>,
}

impl Found<'_> {
    const NOTHING: Found<'static> = {
        let data = View { data: &[], wire: 0 };
        Found { ip: Ip::NONE, protocol: 0, segment: Segment::NONE, piece: Piece::NONE, data }
    };
}

/// What a header says comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Ethernet,
    EtherType(u16),
    /// IP of the version its first four bits say.
    Ip,
    Ppp,
    /// 802.11 as CAPWAP carries it.
    Wifi,
}

impl<'a, R: Recorder> Walk<'a, R> {
    #[inline]
    pub(super) fn new(options: &Options, recorder: R) -> Walk<'a, R> {
        let detours = options.max_depth.saturating_mul(2).saturating_add(8);
        Walk { tunnels: options.tunnels, depth: options.max_depth, detours, recorder, found: Found::NOTHING }
    }

    /// A walk that goes on elsewhere: what this one stripped stays stripped.
    pub(super) fn resume<'b>(&self) -> Walk<'b, R> {
        let Walk { tunnels, depth, detours, recorder, .. } = self;
        let (tunnels, depth, detours) = (*tunnels, *depth, *detours);
        Walk { tunnels, depth, detours, recorder: recorder.clone(), found: Found::NOTHING }
    }

    /// Goes on with `layer`.
    #[inline(never)]
    pub(super) fn enter(&mut self, layer: Layer, view: View<'a>) -> Result<Outcome, Skip> {
        self.detours = self.detours.checked_sub(1).ok_or(Skip::TooDeep)?;
        match layer {
            Layer::Ethernet => self.ethernet(view),
            Layer::EtherType(ether_type) => self.ether_type(ether_type, view),
            Layer::Ip => self.ip(view),
            Layer::Ppp => self.ppp(view),
            Layer::Wifi => self.wifi_capwap(view),
        }
    }

    /// Goes on inside a reassembled datagram.
    pub(super) fn enter_datagram(&mut self, ip: Ip, protocol: u8, view: View<'a>) -> Result<Outcome, Skip> {
        self.found.ip = ip;
        self.upper(protocol, view)
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

    /// Tries the content of a tunnel whose IP packet is the one found so far. `None` where the tunnel is switched off or carries
    /// no IP packet.
    pub(super) fn tunnel(
        &mut self,
        (kind, id): (Encapsulation, Option<u32>),
        layer: Layer,
        view: View<'a>,
    ) -> Result<Option<Outcome>, Skip> {
        if !self.tunnels.has(kind) {
            return Ok(None);
        }
        let before = (self.depth, self.recorder.clone(), self.found);
        self.recorder.carrier(&self.found.ip);
        self.found = Found::NOTHING;
        self.strip(kind, id)?;
        match self.enter(layer, view) {
            Ok(outcome) => Ok(Some(outcome)),
            Err(Skip::TooDeep) => Err(Skip::TooDeep),
            Err(_) => {
                (self.depth, self.recorder, self.found) = before;
                Ok(None)
            }
        }
    }
}
