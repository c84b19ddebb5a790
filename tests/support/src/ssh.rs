//! SSH (RFC 4253) up to the keys, opaque after them.

use crate::prng::Prng;

/// Message numbers (RFC 4250 section 4.1.2, RFC 5656 section 7.1).
pub mod message {
    /// Algorithm negotiation.
    pub const KEXINIT: u8 = 20;
    /// Keys are taken into use.
    pub const NEWKEYS: u8 = 21;
    /// The client's ephemeral key.
    pub const KEX_ECDH_INIT: u8 = 30;
    /// The server's host key, ephemeral key and signature.
    pub const KEX_ECDH_REPLY: u8 = 31;
}

/// The identification line, for example of `OpenSSH_9.2p1`.
#[must_use]
pub fn banner(software: &str) -> Vec<u8> {
    format!("SSH-2.0-{software}\r\n").into_bytes()
}

/// `SSH_MSG_KEXINIT` with algorithms of OpenSSH 9, elliptic curves before all.
#[must_use]
pub fn kexinit(prng: &mut Prng) -> Vec<u8> {
    let ciphers = "chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com";
    let macs = "umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com";
    let lists = [
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256",
        "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
        ciphers,
        ciphers,
        macs,
        macs,
        "none,zlib@openssh.com",
        "none,zlib@openssh.com",
        "",
        "",
    ];
    let mut payload = vec![message::KEXINIT];
    payload.extend(prng.bytes(16));
    for list in lists {
        payload.extend(string(list.as_bytes()));
    }
    payload.extend([0; 5]);
    packet(&payload, prng)
}

/// `SSH_MSG_KEX_ECDH_INIT` (RFC 5656, RFC 8731).
#[must_use]
pub fn ecdh_init(prng: &mut Prng) -> Vec<u8> {
    let key = prng.bytes(32);
    packet(&[&[message::KEX_ECDH_INIT], string(&key).as_slice()].concat(), prng)
}

/// `SSH_MSG_KEX_ECDH_REPLY` with an Ed25519 host key (RFC 8709), and `SSH_MSG_NEWKEYS` behind it.
#[must_use]
pub fn ecdh_reply(prng: &mut Prng) -> Vec<u8> {
    let named = |bytes: Vec<u8>| string(&[string(b"ssh-ed25519"), string(&bytes)].concat());
    let mut payload = vec![message::KEX_ECDH_REPLY];
    payload.extend(named(prng.bytes(32)));
    payload.extend(string(&prng.bytes(32)));
    payload.extend(named(prng.bytes(64)));
    [packet(&payload, prng), new_keys(prng)].concat()
}

/// `SSH_MSG_NEWKEYS`.
#[must_use]
pub fn new_keys(prng: &mut Prng) -> Vec<u8> {
    packet(&[message::NEWKEYS], prng)
}

/// What client and server say in turns behind the keys, as lengths in bytes of OpenSSH 10 under chacha20-poly1305: the
/// service is asked for (RFC 4253, section 10), then the methods, then a password is tried for each of `granted`. A refusal
/// lists methods, the grant is one byte (RFC 4252, section 5.1), before padding.
#[must_use]
pub fn login(granted: &[bool]) -> Vec<(usize, usize)> {
    let password = |granted: &bool| (148, if *granted { 28 } else { 52 });
    [(44, 44), (68, 52)].into_iter().chain(granted.iter().map(password)).collect()
}

/// Encrypted traffic: under chacha20-poly1305 the length is encrypted too, so all of it is noise.
#[must_use]
pub fn encrypted(len: usize, prng: &mut Prng) -> Vec<u8> {
    prng.bytes(len)
}

/// An unencrypted binary packet (RFC 4253, section 6): a multiple of 8 bytes with at least 4 of padding.
fn packet(payload: &[u8], prng: &mut Prng) -> Vec<u8> {
    let total = (5 + payload.len() + 4).next_multiple_of(8);
    let padding = total - 5 - payload.len();
    let mut bytes = ((total - 4) as u32).to_be_bytes().to_vec();
    bytes.push(padding as u8);
    bytes.extend(payload);
    bytes.extend(prng.bytes(padding));
    bytes
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::{ecdh_init, kexinit, message};
    use crate::prng::Prng;

    #[test]
    fn packets_are_framed_by_length_and_padding() {
        let mut prng = Prng::new(1);
        for (packet, kind) in [(kexinit(&mut prng), message::KEXINIT), (ecdh_init(&mut prng), message::KEX_ECDH_INIT)] {
            assert_eq!(u32::from_be_bytes(packet[..4].try_into().unwrap()) as usize, packet.len() - 4);
            assert_eq!(packet.len() % 8, 0);
            assert!(packet[4] >= 4);
            assert_eq!(packet[5], kind);
        }
    }
}
