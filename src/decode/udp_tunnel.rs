//! Tunnels in UDP, found by their port and believed only when every header inside fits.

use super::Skip;
use super::envelope::Recorder;
use super::ip::Ip;
use super::transport::Segment;
use super::walk::{Outcome, Walk};

impl<R: Recorder> Walk<R> {
    /// The packet inside a UDP datagram to or from a tunnel port; `None` where there is none.
    #[inline(never)]
    pub(super) fn udp_tunnel<'a>(&mut self, _ip: &Ip, _segment: &Segment<'a>) -> Result<Option<Outcome<'a>>, Skip> {
        Ok(None)
    }
}
