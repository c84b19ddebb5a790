//! Tunnels with an IP protocol number of their own: IP in IP, GRE and ERSPAN, L2TPv3, EtherIP, MPLS.

use etherparse::IpNumber;

use super::envelope::Recorder;
use super::ip::Ip;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};
use super::{Encapsulation, Skip};
use crate::net::IpVersion;

impl<R: Recorder> Walk<R> {
    /// The packet inside an IP packet of `protocol`; `None` where there is none.
    pub(super) fn ip_tunnel<'a>(&mut self, ip: &Ip, protocol: u8, data: View<'a>) -> Result<Option<Outcome<'a>>, Skip> {
        let kind = match (IpNumber(protocol), ip.version) {
            (IpNumber::IPV4, IpVersion::V4) => Encapsulation::IpInIp,
            (IpNumber::IPV4, IpVersion::V6) => Encapsulation::FourInSix,
            (IpNumber::IPV6, IpVersion::V4) => Encapsulation::SixInFour,
            (IpNumber::IPV6, IpVersion::V6) => Encapsulation::SixInSix,
            _ => return Ok(None),
        };
        self.tunnel(ip, (kind, None), Layer::Ip, data)
    }
}
