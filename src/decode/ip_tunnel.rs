//! Tunnels with an IP protocol number of their own: IP in IP, GRE and ERSPAN, L2TPv3, EtherIP, MPLS.

use etherparse::IpNumber;

use super::envelope::Recorder;
use super::view::View;
use super::walk::{Layer, Outcome, Walk};
use super::{Encapsulation, Skip, fits};
use crate::net::IpVersion;

const L2TP: u8 = 115;
/// Ethernet as the payload of segment routing (RFC 8986).
const ETHERNET: u8 = 143;

impl<'a, R: Recorder> Walk<'a, R> {
    /// The packet inside an IP packet of `protocol`; `None` where there is none.
    #[inline(never)]
    pub(super) fn ip_tunnel(&mut self, protocol: u8, data: View<'a>) -> Result<Option<Outcome>, Skip> {
        let kind = match (IpNumber(protocol), self.found.ip.version) {
            (IpNumber::IPV4, IpVersion::V4) => Encapsulation::IpInIp,
            (IpNumber::IPV4, IpVersion::V6) => Encapsulation::FourInSix,
            (IpNumber::IPV6, IpVersion::V4) => Encapsulation::SixInFour,
            (IpNumber::IPV6, IpVersion::V6) => Encapsulation::SixInSix,
            (IpNumber::GRE, _) => return self.gre(data),
            (IpNumber::MPLS_IN_IP, _) => {
                return self.tunnel((Encapsulation::EtherIp, None), Layer::EtherType(0x8847), data);
            }
            (IpNumber::ETHER_IP, _) if data.data.starts_with(&[0x30, 0x00]) => {
                return self.tunnel((Encapsulation::EtherIp, None), Layer::Ethernet, data.skip(2)?);
            }
            (IpNumber(ETHERNET), _) => {
                return self.tunnel((Encapsulation::EtherIp, None), Layer::Ethernet, data);
            }
            (IpNumber(L2TP), _) => return self.l2tp_session(data),
            _ => return Ok(None),
        };
        self.tunnel((kind, None), Layer::Ip, data)
    }

    /// An L2TPv3 data message from its session id on (RFC 3931, section 4.1). Cookie and sublayer have lengths only
    /// the endpoints know: the first offset where an Ethernet or PPP frame fits is taken.
    pub(super) fn l2tp_session(&mut self, data: View<'a>) -> Result<Option<Outcome>, Skip> {
        let (Ok(session), Ok(rest)) = (data.be32(0), data.skip(4)) else { return Ok(None) };
        if session == 0 {
            return Ok(None);
        }
        for offset in [0, 4, 8, 12] {
            let Ok(content) = rest.skip(offset) else { break };
            let layer = match content {
                frame if fits::ethernet(frame) => Layer::Ethernet,
                frame if fits::ppp(frame) => Layer::Ppp,
                packet if fits::ip(packet) => Layer::Ip,
                _ => continue,
            };
            return self.tunnel((Encapsulation::L2tp, Some(session)), layer, content);
        }
        Ok(None)
    }
}
