//! What does QUIC cost: a new flow's hello with its keys, each further Initial, and telling other UDP apart?

use borderflow::inspect::quic::{QuicHello, looks_like_quic};
use borderflow_testkit::quic::{Initial, crypto, flight};
use borderflow_testkit::{Prng, tls::ClientHello};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const ID: &[u8] = b"original";

fn main() {
    divan::main();
}

/// Keys derived, one packet opened, the hello found.
#[divan::bench]
fn hello_in_one_initial(bencher: Bencher<'_, '_>) {
    let hello = ClientHello::of_device("device.example").message(&mut Prng::new(1));
    flow(bencher, &flight(ID, &hello));
}

/// Keys derived once, two packets opened, the hello put together.
#[divan::bench]
fn post_quantum_hello_in_two_initials(bencher: Bencher<'_, '_>) {
    let hello = ClientHello::for_name("www.example").message(&mut Prng::new(1));
    flow(bencher, &flight(ID, &hello));
}

/// Keys derived, a packet that does not open.
#[divan::bench]
fn forged_initial(bencher: Bencher<'_, '_>) {
    let mut forged = Initial::of_client(ID, 0, crypto(0, &[1; 100])).packet(1200);
    forged.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
    flow(bencher, &[forged]);
}

/// The test every UDP datagram of a new flow goes through.
#[divan::bench(args = ["dns", "rtp", "random"])]
fn rejection(bencher: Bencher<'_, '_>, kind: &str) {
    let mut prng = Prng::new(2);
    let datagram = match kind {
        "dns" => b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01".to_vec(),
        "rtp" => [b"\x80\x60\0\x01".as_slice(), &prng.bytes(160)].concat(),
        _ => prng.bytes(1200),
    };
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| looks_like_quic(black_box(&datagram)));
}

fn flow(bencher: Bencher<'_, '_>, datagrams: &[Vec<u8>]) {
    let mut quic = QuicHello::new();
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        quic.reset();
        for datagram in datagrams {
            black_box(quic.datagram(black_box(datagram)));
        }
    });
}
