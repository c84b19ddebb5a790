//! What does it cost to read a name out of DNS, HTTP and SSH, and to see that bytes are none of them?

use borderflow::inspect::{Reading, dns, http, http2, ssh};
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const TLS: &[u8] =
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a ClientHello begins so, and random bytes follow it\0\0\0\0";
/// An answer for `www.example.com` by way of an alias, with two addresses.
const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x03\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01\
    \xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x06\x03cdn\xc0\x10\xc0\x2d\0\x01\0\x01\0\0\0\x14\0\x04\xc0\0\x02\x01\
    \xc0\x2d\0\x01\0\x01\0\0\0\x14\0\x04\xc0\0\x02\x02";
const REQUEST: &[u8] = b"GET /index.html?q=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) \
    Gecko/20100101\r\nAccept: text/html\r\nAccept-Language: cs\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n";
const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13\r\n";

fn main() {
    divan::main();
}

#[divan::bench]
fn dns_questions_and_chains(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let mut names = 0;
        if let Reading::Found(message) = dns::udp(black_box(ANSWER)) {
            message.resolved(|resolved| names += resolved.names.len());
        }
        names
    });
}

#[divan::bench]
fn dns_on_any_port(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| dns::looks_like_dns(black_box(ANSWER)));
}

#[divan::bench]
fn dns_rejects(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| (dns::looks_like_dns(black_box(TLS)), is_other(&dns::tcp(black_box(TLS)))));
}

#[divan::bench]
fn http_request(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| http::requests(black_box(REQUEST)));
}

#[divan::bench]
fn http_rejects(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let bytes = black_box(TLS);
        (is_other(&http::requests(bytes)), is_other(&http::response(bytes)), is_other(&http2::requests(bytes)))
    });
}

#[divan::bench]
fn ssh_banner(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| ssh::banner(black_box(BANNER)));
}

#[divan::bench]
fn ssh_rejects(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| is_other(&ssh::banner(black_box(TLS))));
}

fn is_other<T>(reading: &Reading<T>) -> bool {
    matches!(reading, Reading::Other)
}
