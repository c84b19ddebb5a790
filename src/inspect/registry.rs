//! The protocols whose messages are followed, in the order in which they are asked: those of the port first, then what is unmistakable on
//! any.

use std::sync::LazyLock;

use super::Reading;
use super::message::{Carrier, Protocol};
use super::{
    bacnet, cwmp, dnp3, enip, fins, ftp, ge_srtp, growatt, httpadmin, iec104, ipmi, mms, modbus, mqtt, ocpp, opcua,
    pppp, rdp, reolink, rlogin, rsh, s7comm, smb, snmp, socks, solarman, stun, telnet, tftp, tools, tuya, vnc, winrm,
    x11,
};

const STREAMS: [&Protocol; 43] = [
    &cwmp::PROTOCOL,
    &cwmp::CONNECTION_REQUEST,
    &winrm::PROTOCOL,
    &winrm::REQUEST,
    &ocpp::PROTOCOL,
    &socks::CONNECT,
    &httpadmin::PROTOCOL,
    &vnc::PROTOCOL,
    &vnc::VERSION,
    &rdp::STREAM,
    &rdp::STREAM_3389,
    &s7comm::PROTOCOL,
    &mms::PROTOCOL,
    &smb::PROTOCOL,
    &opcua::PROTOCOL,
    &modbus::PROTOCOL,
    &iec104::PROTOCOL,
    &dnp3::PROTOCOL,
    &enip::PROTOCOL,
    &enip::ELSEWHERE,
    &fins::PROTOCOL,
    &ge_srtp::PROTOCOL,
    &solarman::PROTOCOL,
    &growatt::PROTOCOL,
    &mqtt::PROTOCOL,
    &tuya::STREAM,
    &reolink::STREAM,
    &tools::teamviewer::STREAM,
    &tools::rustdesk::STREAM,
    &tools::openvpn::STREAM,
    &tools::radmin::PROTOCOL,
    &tools::frp::PROTOCOL,
    &tools::pptp::PROTOCOL,
    &ftp::PROTOCOL,
    &telnet::PROTOCOL,
    &rlogin::PROTOCOL,
    &rsh::PROTOCOL,
    &rsh::EXEC,
    &x11::PROTOCOL,
    &socks::PROTOCOL,
    &stun::STREAM,
    &modbus::ELSEWHERE,
    &tools::openvpn::STREAM_ANY_PORT,
];

const DATAGRAMS: [&Protocol; 24] = [
    &stun::DATAGRAM,
    &snmp::PROTOCOL,
    &ipmi::PROTOCOL,
    &bacnet::PROTOCOL,
    &dnp3::DATAGRAM,
    &enip::DATAGRAM,
    &fins::DATAGRAM,
    &modbus::DATAGRAM,
    &pppp::PROTOCOL,
    &reolink::DATAGRAM,
    &tuya::DATAGRAM,
    &tftp::PROTOCOL,
    &rdp::DATAGRAM,
    &tools::ike::PROTOCOL,
    &tools::l2tp::PROTOCOL,
    &tools::wireguard::PROTOCOL,
    &tools::openvpn::DATAGRAM,
    &tools::openvpn::DATAGRAM_ANY_PORT,
    &tools::tailscale::PROTOCOL,
    &tools::teamviewer::DATAGRAM,
    &tools::zerotier::PROTOCOL,
    &tools::zerotier::HELLO,
    &tools::n2n::PROTOCOL,
    &tools::rustdesk::DATAGRAM,
];

/// Every protocol that is followed in this carrier, in the order in which they are asked.
#[must_use]
pub fn protocols(carrier: Carrier) -> &'static [&'static Protocol] {
    match carrier {
        Carrier::Stream => &STREAMS,
        Carrier::Datagram => &DATAGRAMS,
    }
}

/// Protocols by the port of their server, for one carrier, and those that any port may have, both in their order.
struct ByPort {
    bound: Vec<(u16, &'static Protocol)>,
    any: Vec<&'static Protocol>,
}

static BY_PORT: LazyLock<[ByPort; 2]> = LazyLock::new(|| [ByPort::of(&STREAMS), ByPort::of(&DATAGRAMS)]);

impl ByPort {
    fn of(all: &'static [&'static Protocol]) -> Self {
        let ports =
            |protocol: &&'static Protocol| protocol.ports.iter().map(|port| (*port, *protocol)).collect::<Vec<_>>();
        let mut bound: Vec<_> = all.iter().flat_map(ports).collect();
        bound.sort_by_key(|(port, _)| *port);
        ByPort { bound, any: all.iter().copied().filter(|protocol| protocol.ports.is_empty()).collect() }
    }

    fn at(&self, port: u16) -> impl Iterator<Item = &'static Protocol> {
        let begin = self.bound.partition_point(|(bound, _)| *bound < port);
        self.bound.iter().skip(begin).take_while(move |(bound, _)| *bound == port).map(|(_, protocol)| *protocol)
    }
}

/// The protocols to ask about the first payload of a direction between these ports: those of a port, then the others.
pub(super) fn candidates(carrier: Carrier, ports: (u16, u16)) -> impl Iterator<Item = &'static Protocol> {
    let [streams, datagrams] = &*BY_PORT;
    let by_port = match carrier {
        Carrier::Stream => streams,
        Carrier::Datagram => datagrams,
    };
    by_port.at(ports.0).chain(by_port.at(ports.1)).chain(by_port.any.iter().copied())
}

/// True where a direction between these ports that begins so may become a message that is followed.
pub(super) fn awaits(ports: (u16, u16), prefix: &[u8]) -> bool {
    candidates(Carrier::Stream, ports).any(|protocol| matches!((protocol.read)(prefix), Reading::More))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_listed_once_and_where_it_belongs() {
        for (carrier, all) in [(Carrier::Stream, &STREAMS[..]), (Carrier::Datagram, &DATAGRAMS[..])] {
            assert!(all.iter().all(|protocol| protocol.carrier == carrier));
            for (index, one) in all.iter().enumerate() {
                let same = |other: &&Protocol| other.ports == one.ports && std::ptr::fn_addr_eq(other.read, one.read);
                assert!(!all[..index].iter().any(same), "{} {:?}", one.name, one.ports);
            }
        }
    }
}
