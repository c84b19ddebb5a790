//! What does it cost to read a ClientHello with its fingerprint, to be asked again while it is not whole, and to
//! reject what is not TLS?

#![expect(clippy::unwrap_used, reason = "a bench stops where it cannot measure")]

use borderflow::inspect::Reading;
use borderflow::inspect::tls;
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// By bytes of handshake per record: whole, and cut in two.
#[divan::bench(args = [16384, 900])]
fn client_hello(bencher: Bencher<'_, '_>, record: usize) {
    let bytes = records(&hello(), record);
    assert!(matches!(tls::client(&bytes), Reading::Found(_)), "the bench's hello is none");
    bencher.bench(|| tls::client(black_box(&bytes)));
}

#[divan::bench]
fn client_hello_not_whole(bencher: Bencher<'_, '_>) {
    let mut bytes = records(&hello(), 900);
    bytes.pop();
    assert_eq!(tls::client(&bytes), Reading::More);
    bencher.bench(|| tls::client(black_box(&bytes)));
}

#[divan::bench]
fn reject_http(bencher: Bencher<'_, '_>) {
    let bytes = b"GET / HTTP/1.1\r\nHost: plant.example\r\n\r\n".repeat(8);
    assert_eq!(tls::client(&bytes), Reading::Other);
    bencher.bench(|| tls::client(black_box(&bytes)));
}

#[divan::bench]
fn reject_starttls(bencher: Bencher<'_, '_>) {
    let bytes = b"GET / HTTP/1.1\r\nHost: plant.example\r\n\r\n".repeat(8);
    assert_eq!(tls::after_starttls(&bytes, &bytes), None);
    bencher.bench(|| tls::after_starttls(black_box(&bytes), black_box(&bytes)));
}

fn vector16(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

fn words(numbers: impl IntoIterator<Item = u16>) -> Vec<u8> {
    numbers.into_iter().flat_map(u16::to_be_bytes).collect()
}

fn records(handshake: &[u8], size: usize) -> Vec<u8> {
    handshake.chunks(size).flat_map(|content| [vec![22, 3, 1], vector16(content)].concat()).collect()
}

/// As a browser of 2025 sends it: 16 ciphers, 17 extensions, a post-quantum key share.
fn hello() -> Vec<u8> {
    let name = vector16(&[vec![0], vector16(b"inverter-cloud.example")].concat());
    let protocols = vector16(b"\x02h2\x08http/1.1");
    let signatures = vector16(&words([0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]));
    let numbers = [0x1a1a, 0, 23, 0xff01, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43, 27, 0x4469, 0xfe0d];
    let extensions = numbers.into_iter().flat_map(|number| {
        let content = match number {
            0 => name.clone(),
            16 => protocols.clone(),
            13 => signatures.clone(),
            43 => vec![6, 0x2a, 0x2a, 3, 4, 3, 3],
            51 => vec![0; 1263],
            _ => vec![0; 8],
        };
        [words([number]), vector16(&content)].concat()
    });
    let ciphers = vector16(&words([0x0a0a, 0x1301, 0x1302, 0x1303].into_iter().chain(0xc02b..0xc037)));
    let extensions: Vec<u8> = extensions.collect();
    let body = [&[3, 3][..], &[7; 32], &[32], &[9; 32], &ciphers, &[1, 0], &vector16(&extensions)].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], length.get(1..).unwrap(), &body].concat()
}
