//! TURN (RFC 8656) over UDP: a client lets a relay connect it with a peer. IPv4 only.

use std::net::SocketAddrV4;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const XOR_PEER_ADDRESS: u16 = 0x0012;

/// CreatePermission: the relay may hand on what `peer` sends.
#[must_use]
pub fn create_permission(transaction: [u8; 12], peer: SocketAddrV4) -> Vec<u8> {
    let port = peer.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let mut value = vec![0, 1];
    value.extend(port.to_be_bytes());
    value.extend(peer.ip().octets().iter().zip(COOKIE).map(|(byte, mask)| byte ^ mask));
    message(0x0008, transaction, &[&XOR_PEER_ADDRESS.to_be_bytes()[..], &[0, 8], &value].concat())
}

/// The relay agrees to a CreatePermission.
#[must_use]
pub fn permitted(transaction: [u8; 12]) -> Vec<u8> {
    message(0x0108, transaction, &[])
}

fn message(kind: u16, transaction: [u8; 12], attributes: &[u8]) -> Vec<u8> {
    let length = (attributes.len() as u16).to_be_bytes();
    [&kind.to_be_bytes()[..], &length, &COOKIE, &transaction, attributes].concat()
}

#[cfg(test)]
mod tests {
    use super::create_permission;

    #[test]
    fn the_peer_is_masked_by_the_cookie() {
        let message = create_permission([7; 12], "192.0.2.1:3478".parse().unwrap());
        let value = [0x00, 0x12, 0, 8, 0, 1, 0x0d ^ 0x21, 0x96 ^ 0x12, 192 ^ 0x21, 0x12, 2 ^ 0xa4, 1 ^ 0x42];
        assert_eq!((message[3], &message[20..]), (12, &value[..]));
    }
}
