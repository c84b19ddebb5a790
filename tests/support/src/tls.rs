//! TLS 1.3 (RFC 8446) as it looks from outside: hellos in the clear, everything after them opaque.

use crate::prng::Prng;

/// Named groups: X25519 (RFC 8446) and X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem), with the sizes of their shares.
const X25519: u16 = 0x001d;
const X25519_MLKEM768: u16 = 0x11ec;
const CLIENT_MLKEM_SHARE_LEN: usize = 1216;
const SERVER_MLKEM_SHARE_LEN: usize = 1120;

/// What a client says first.
#[derive(Clone, Debug)]
pub struct ClientHello<'a> {
    /// Server name indication (RFC 6066); `None` leaves the extension out.
    pub server_name: Option<&'a str>,
    /// Application protocols (RFC 7301), the preferred first; empty leaves the extension out.
    pub alpn: &'a [&'a str],
    /// Offers X25519MLKEM768 beside X25519, which makes the hello longer than one segment.
    pub post_quantum: bool,
}

impl<'a> ClientHello<'a> {
    /// A hello as of a browser of 2025: HTTP/2, post-quantum.
    #[must_use]
    pub fn for_name(server_name: &'a str) -> ClientHello<'a> {
        ClientHello { server_name: Some(server_name), alpn: &["h2", "http/1.1"], post_quantum: true }
    }

    /// A hello as of an embedded device: no application protocol, classical key exchange.
    #[must_use]
    pub fn of_device(server_name: &'a str) -> ClientHello<'a> {
        ClientHello { server_name: Some(server_name), alpn: &[], post_quantum: false }
    }

    /// The handshake message, without a record around it (as QUIC carries it).
    #[must_use]
    pub fn message(&self, prng: &mut Prng) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend(prng.bytes(32));
        body.push(32);
        body.extend(prng.bytes(32));
        body.extend(vector16(&words(&[0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030])));
        body.extend([1, 0]);
        body.extend(vector16(&self.extensions(prng)));
        handshake(1, &body)
    }

    /// The message in one record.
    #[must_use]
    pub fn record(&self, prng: &mut Prng) -> Vec<u8> {
        record(22, [3, 1], &self.message(prng))
    }

    fn extensions(&self, prng: &mut Prng) -> Vec<u8> {
        let mut extensions = Vec::new();
        if let Some(name) = self.server_name {
            let entry = [&[0], vector16(name.as_bytes()).as_slice()].concat();
            extension(&mut extensions, 0, &vector16(&entry));
        }
        extension(&mut extensions, 23, &[]);
        extension(&mut extensions, 0xff01, &[0]);
        let classical = [X25519, 0x0017, 0x0018];
        let groups = if self.post_quantum { [&[X25519_MLKEM768], &classical[..]].concat() } else { classical.to_vec() };
        extension(&mut extensions, 10, &vector16(&words(&groups)));
        extension(&mut extensions, 11, &[1, 0]);
        extension(&mut extensions, 35, &[]);
        if !self.alpn.is_empty() {
            let names: Vec<u8> = self.alpn.iter().flat_map(|name| vector8(name.as_bytes())).collect();
            extension(&mut extensions, 16, &vector16(&names));
        }
        extension(&mut extensions, 5, &[1, 0, 0, 0, 0]);
        let signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        extension(&mut extensions, 13, &vector16(&words(&signatures)));
        extension(&mut extensions, 18, &[]);
        extension(&mut extensions, 51, &vector16(&self.key_shares(prng)));
        extension(&mut extensions, 45, &[1, 1]);
        extension(&mut extensions, 43, &[4, 3, 4, 3, 3]);
        extensions
    }

    fn key_shares(&self, prng: &mut Prng) -> Vec<u8> {
        let mut shares = Vec::new();
        if self.post_quantum {
            shares.extend(X25519_MLKEM768.to_be_bytes());
            shares.extend(vector16(&prng.bytes(CLIENT_MLKEM_SHARE_LEN)));
        }
        shares.extend(X25519.to_be_bytes());
        shares.extend(vector16(&prng.bytes(32)));
        shares
    }
}

/// What a TLS 1.3 server sends at once: ServerHello, change of cipher, and `encrypted_len` bytes of encrypted
/// extensions, certificate and Finished. `hello` is the client's record of [`ClientHello::record`].
///
/// # Panics
/// Where `hello` is no such record.
#[must_use]
pub fn server_flight(hello: &[u8], encrypted_len: usize, prng: &mut Prng) -> Vec<u8> {
    let session_id = &hello[44..44 + usize::from(hello[43])];
    let post_quantum = hello.len() > CLIENT_MLKEM_SHARE_LEN;
    let (group, share_len) = if post_quantum { (X25519_MLKEM768, SERVER_MLKEM_SHARE_LEN) } else { (X25519, 32) };
    let mut share = group.to_be_bytes().to_vec();
    share.extend(vector16(&prng.bytes(share_len)));
    let mut extensions = Vec::new();
    extension(&mut extensions, 51, &share);
    extension(&mut extensions, 43, &[3, 4]);
    let mut body = vec![3, 3];
    body.extend(prng.bytes(32));
    body.extend(vector8(session_id));
    body.extend([0x13, 0x01, 0]);
    body.extend(vector16(&extensions));
    let mut flight = record(22, [3, 3], &handshake(2, &body));
    flight.extend(change_cipher_spec());
    flight.extend(application_data(encrypted_len, prng));
    flight
}

/// What the client answers before its first request: change of cipher and an encrypted Finished.
#[must_use]
pub fn client_finished(prng: &mut Prng) -> Vec<u8> {
    [change_cipher_spec(), application_data(53, prng)].concat()
}

/// Opaque records with `len` bytes of ciphertext in all.
#[must_use]
pub fn application_data(len: usize, prng: &mut Prng) -> Vec<u8> {
    prng.bytes(len).chunks(16_384).flat_map(|fragment| record(23, [3, 3], fragment)).collect()
}

/// One record (RFC 8446, section 5.1): content type, version, fragment.
#[must_use]
pub fn record(content_type: u8, version: [u8; 2], fragment: &[u8]) -> Vec<u8> {
    let mut bytes = vec![content_type, version[0], version[1]];
    bytes.extend(vector16(fragment));
    bytes
}

fn change_cipher_spec() -> Vec<u8> {
    record(20, [3, 3], &[1])
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u32).to_be_bytes();
    [&[kind, len[1], len[2], len[3]], body].concat()
}

fn extension(out: &mut Vec<u8>, kind: u16, data: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend(vector16(data));
}

fn vector8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

fn vector16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::{ClientHello, server_flight};
    use crate::prng::Prng;

    fn u16_at(bytes: &[u8], at: usize) -> usize {
        usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
    }

    #[test]
    fn the_lengths_of_a_hello_nest() {
        for post_quantum in [false, true] {
            let hello = ClientHello { server_name: Some("a.cz"), alpn: &["h2"], post_quantum };
            let record = hello.record(&mut Prng::new(1));
            assert_eq!(u16_at(&record, 3), record.len() - 5);
            assert_eq!(u16_at(&record, 7), record.len() - 9);
            let ciphers = 44 + 32;
            let extensions = ciphers + 2 + u16_at(&record, ciphers) + 2;
            assert_eq!(u16_at(&record, extensions), record.len() - extensions - 2);
            assert_eq!(record.len() > 1460, post_quantum);
        }
    }

    #[test]
    fn the_server_repeats_the_session_id() {
        let mut prng = Prng::new(1);
        let hello = ClientHello::for_name("a.cz").record(&mut prng);
        let flight = server_flight(&hello, 2_000, &mut prng);
        assert_eq!(flight[43..76], hello[43..76]);
    }
}
