//! Clients that are slow, many or large harm nobody but themselves.

#![expect(clippy::disallowed_methods, reason = "the tests are about waiting")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::kit::{get, running, send, serving};

/// Connects and sends the beginning of a request.
fn dawdler(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
    stream
}

#[test]
fn clients_that_never_finish_keep_nobody_out_and_are_shown_out() {
    let (served, _board) = serving(running());
    let begun = Instant::now();
    let mut dawdlers = Vec::new();
    for number in 0..300 {
        dawdlers.push(dawdler(served.address()));
        if number % 50 == 0 {
            let asked = Instant::now();
            assert_eq!(get(served.address(), "/healthz").code, 200);
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        }
    }
    for stream in &mut dawdlers {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut rest = Vec::new();
        // Closed or reset, not left waiting.
        let waited = stream.read_to_end(&mut rest).err().map(|error| error.kind());
        assert_ne!(waited, Some(std::io::ErrorKind::WouldBlock));
    }
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_has_no_longer_than_others() {
    let (served, _board) = serving(running());
    let mut stream = dawdler(served.address());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        if stream.write_all(b"a").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = begun.elapsed();
    assert!((4..8).contains(&took.as_secs()), "{took:?}");
}

#[test]
fn a_client_that_does_not_read_its_answers_costs_nothing_lasting() {
    let (served, _board) = serving(running());
    let mut unread = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(served.address()).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        unread.push(stream);
    }
    assert_eq!(get(served.address(), "/readyz").code, 200);
}

#[test]
fn requests_that_are_too_large_are_cut_off() {
    let (served, _board) = serving(running());
    let long = "x".repeat(1 << 20);
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
        format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(10_000)),
        format!("POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{long}", long.len()),
        "\0".repeat(4096),
    ] {
        let code = send(served.address(), request.as_bytes()).map(|answer| answer.code);
        assert!(code.is_none_or(|code| code >= 400), "{code:?}: {:.40}", request);
    }
    assert_eq!(get(served.address(), "/metrics").code, 200);
}
