//! JA4: a TLS client's fingerprint, `a_b_c` (FoxIO, JA4 technical details, BSD 3-Clause; read 2026-11).
//!
//! `a` in clear: what carries the handshake, the version, whether a name is given, how many ciphers and extensions, the
//! first application protocol. `b`: hash of the sorted ciphers. `c`: hash of the sorted extensions, but those of name
//! and protocol, and of the signature algorithms in their order. Reserved values (GREASE) count nowhere. Since ciphers
//! and extensions are sorted, a client that shuffles them keeps its fingerprint.

use sha2::{Digest as _, Sha256};

use super::bytes::{Bytes, extensions};
use super::client::{Parts, Transport};
use super::{extension, is_grease};

/// Bytes of a hash that are kept: twelve hexadecimal digits.
const KEPT_HASH_BYTES: usize = 6;
const NO_HASH: &str = "000000000000";
const LEN: usize = "t13d1516h2_8daaf6152771_e5627efa2ab1".len();

pub(super) fn fingerprint(hello: &Parts<'_>) -> String {
    let mut ciphers: Vec<u16> = hello.ciphers.words().filter(|&cipher| !is_grease(cipher)).collect();
    let mut numbers: Vec<u16> =
        extensions(hello.extensions).map(|(number, _)| number).filter(|&number| !is_grease(number)).collect();
    let mut text = String::with_capacity(LEN);
    text.push(transport(hello.transport));
    text.push_str(version(hello.version()));
    text.push(if numbers.contains(&extension::SERVER_NAME) { 'd' } else { 'i' });
    push_count(&mut text, ciphers.len());
    push_count(&mut text, numbers.len());
    text.extend(ends(hello.protocols().next().unwrap_or_default()));

    ciphers.sort_unstable();
    text.push('_');
    push_hash(&mut text, &ciphers, std::iter::empty());

    numbers.retain(|number| ![extension::SERVER_NAME, extension::ALPN].contains(number));
    numbers.sort_unstable();
    text.push('_');
    push_hash(&mut text, &numbers, signature_algorithms(hello));
    text
}

fn transport(transport: Transport) -> char {
    match transport {
        Transport::Tcp => 't',
        Transport::Quic => 'q',
        Transport::Dtls => 'd',
    }
}

fn version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// Two decimal digits; 99 stands for any more.
fn push_count(text: &mut String, count: usize) {
    let count = u8::try_from(count).unwrap_or(u8::MAX).min(99);
    text.extend([digit(count / 10), digit(count % 10)]);
}

/// The first and the last character of a protocol's name; of its hexadecimal form where one of the two is not
/// alphanumeric.
fn ends(name: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [char::from(first), char::from(last)]
    } else {
        [digit(first >> 4), digit(last & 0x0f)]
    }
}

fn signature_algorithms<'a>(hello: &Parts<'a>) -> impl Iterator<Item = u16> + use<'a> {
    let list = hello.extension(extension::SIGNATURE_ALGORITHMS).and_then(|mut content| content.vector16());
    list.unwrap_or(Bytes(&[])).words().filter(|&algorithm| !is_grease(algorithm))
}

/// The hash of the numbers in hexadecimal with commas between them, and of `more` after an underscore.
fn push_hash(text: &mut String, numbers: &[u16], more: impl Iterator<Item = u16>) {
    if numbers.is_empty() {
        text.push_str(NO_HASH);
        return;
    }
    let mut hash = Sha256::new();
    add_list(&mut hash, "", numbers.iter().copied());
    add_list(&mut hash, "_", more);
    for byte in hash.finalize().iter().take(KEPT_HASH_BYTES) {
        text.extend([digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

/// Adds the numbers with `before` before the first and a comma before each other.
fn add_list(hash: &mut Sha256, before: &str, numbers: impl Iterator<Item = u16>) {
    let mut separator = before;
    for number in numbers {
        hash.update(separator);
        let [high, low] = number.to_be_bytes();
        hash.update([high >> 4, high & 0x0f, low >> 4, low & 0x0f].map(|nibble| digit(nibble) as u8));
        separator = ",";
    }
}

fn digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).unwrap_or('0')
}
