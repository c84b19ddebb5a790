//! Who speaks as client, by the first bytes of a payload.
//!
//! Only what cannot be said by the other side counts: a TLS ClientHello, a DNS query, an HTTP request line, and the
//! answers to them. It is asked only of flows whose beginning the capture does not show.

use crate::decode::Packet;
use crate::inspect::Speaker;

/// Who the sender of `payload` is, if its first bytes tell.
pub(super) fn speaker(packet: &Packet, payload: &[u8]) -> Option<Speaker> {
    match packet.protocol {
        6 => tls(payload).or_else(|| http(payload)).or_else(|| modbus(packet, payload)),
        17 => dns(packet, payload).or_else(|| ntp(packet, payload)),
        _ => None,
    }
}

/// Handshake records: ClientHello and ServerHello (RFC 8446, sections 4 and 5.1).
fn tls(payload: &[u8]) -> Option<Speaker> {
    match payload {
        [22, 3, 0..=4, _, _, 1, 0, ..] => Some(Speaker::Client),
        [22, 3, 0..=4, _, _, 2, 0, ..] => Some(Speaker::Server),
        _ => None,
    }
}

/// Request and status lines (RFC 9112, sections 3 and 4), of RTSP and SIP over TCP too.
fn http(payload: &[u8]) -> Option<Speaker> {
    const METHODS: [&[u8]; 9] =
        [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"DESCRIBE "];
    if METHODS.iter().any(|method| payload.starts_with(method)) {
        Some(Speaker::Client)
    } else if payload.starts_with(b"HTTP/1.") || payload.starts_with(b"RTSP/1.0 ") {
        Some(Speaker::Server)
    } else {
        None
    }
}

/// The response bit of a DNS header (RFC 1035, section 4.1.1), on its port.
fn dns(packet: &Packet, payload: &[u8]) -> Option<Speaker> {
    let [_, _, flags, _, 0, 1, ..] = payload else { return None };
    match (packet.source_port == 53, packet.destination_port == 53, flags & 0x80) {
        (_, true, 0) => Some(Speaker::Client),
        (true, _, 0x80) => Some(Speaker::Server),
        _ => None,
    }
}

/// The mode of an NTP packet (RFC 5905, section 7.3): 3 client, 4 server.
fn ntp(packet: &Packet, payload: &[u8]) -> Option<Speaker> {
    match payload {
        [mode, ..] if payload.len() >= 48 && (packet.source_port == 123 || packet.destination_port == 123) => {
            match mode & 7 {
                3 => Some(Speaker::Client),
                4 => Some(Speaker::Server),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A Modbus exception can only be an answer (MODBUS Application Protocol 1.1b3, section 7).
fn modbus(packet: &Packet, payload: &[u8]) -> Option<Speaker> {
    match payload {
        [_, _, 0, 0, 0, 3, _, 0x81..=0xab, 1..=11] if packet.source_port == 502 || packet.destination_port == 502 => {
            Some(Speaker::Server)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::testing::{tcp, udp};

    #[test]
    fn only_what_one_side_alone_can_say_tells_who_it_is() {
        let segment = tcp("10.0.0.1", 40000, "9.9.9.9", 40001, 0x10, 1, 1, 10);
        let says = |payload: &[u8]| speaker(&segment, payload);
        assert_eq!(says(&[22, 3, 1, 2, 0, 1, 0, 1, 0xfc]), Some(Speaker::Client));
        assert_eq!(says(&[22, 3, 3, 0, 90, 2, 0, 0, 86]), Some(Speaker::Server));
        assert_eq!(says(b"GET / HTTP/1.1\r\n"), Some(Speaker::Client));
        assert_eq!(says(b"HTTP/1.1 200 OK\r\n"), Some(Speaker::Server));
        assert_eq!(says(b"SSH-2.0-OpenSSH_9.6\r\n"), None);
        assert_eq!(says(b""), None);
        let answer = udp("10.0.0.1", 53, "9.9.9.9", 53);
        assert_eq!(speaker(&answer, &[0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]), Some(Speaker::Server));
    }
}
