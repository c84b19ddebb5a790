//! What people and machines do: names, hellos, requests, and volumes with a long tail.

use crate::output::{Output, START_NS, inside, outside};
use crate::quic;
use borderflow_testkit::tls::{self, ClientHello};
use borderflow_testkit::{Conversation, Frame, Host, Link, Prng, Side, dns, http, ntp, udp_frame};
use std::io;

const RESOLVER: &str = "10.20.255.53";
const SITES: u64 = 20_000;
/// Between two beginnings: sessions overlap by hundreds.
const MEAN_PAUSE_NS: u64 = 200_000;
/// What handshakes, lookups and acknowledgements take of the mean session.
const OVERHEAD_BYTES: u64 = 3_170;

/// The frames of one session, in time order.
pub(crate) type Session = Vec<Frame>;
/// A client with its port, and the site it talks to.
pub(crate) type Ends = (Host, u16, Host);

/// Sessions begin one after another and overlap. Of a hundred, 36 are look-ups, 4 ask for the time, 32 are TLS, 18 QUIC
/// and 10 HTTP. Volumes are such that `flows` sessions make about `bytes`.
pub(crate) fn write(output: &mut Output, bytes: u64, flows: u64) -> io::Result<()> {
    let mut prng = Prng::new(0x6d_6978);
    let mut open: Vec<Frame> = Vec::new();
    let mut time_ns = START_NS;
    let mean_bytes = (bytes / flows.max(1)).saturating_sub(OVERHEAD_BYTES);
    for flow in 0..flows {
        time_ns += prng.below(2 * MEAN_PAUSE_NS);
        open.extend(session(time_ns, mean_bytes, &mut prng));
        if flow % 64 == 63 {
            flush(output, &mut open, time_ns)?;
        }
    }
    flush(output, &mut open, u64::MAX)
}

/// Writes the frames before `until_ns`, in time order.
fn flush(output: &mut Output, open: &mut Vec<Frame>, until_ns: u64) -> io::Result<()> {
    open.sort_by_key(|frame| frame.timestamp_ns);
    let ready = open.partition_point(|frame| frame.timestamp_ns < until_ns);
    for frame in open.drain(..ready) {
        output.push(&frame)?;
    }
    Ok(())
}

fn session(time_ns: u64, mean_bytes: u64, prng: &mut Prng) -> Session {
    let site = prng.below(SITES);
    let name = format!("www.site-{site}.example");
    let ends = (inside(prng.below(4_096)), 1_024 + prng.below(64_000) as u16, outside(site));
    match prng.below(100) {
        0..36 => lookup(time_ns, &name, ends, prng),
        36..40 => time(time_ns, ends),
        40..72 => web(time_ns, &name, ends, tail(mean_bytes, prng), prng),
        72..90 => quic::connection(time_ns, &name, ends, tail(mean_bytes, prng), prng),
        _ => plain(time_ns, &name, ends, tail(mean_bytes, prng), prng),
    }
}

/// Mostly small, seldom large: one session in a hundred is 64 times the mean of the others.
fn tail(mean_bytes: u64, prng: &mut Prng) -> usize {
    let scale = if prng.below(100) == 0 { 64 } else { 1 };
    (prng.below(2 * mean_bytes + 1) * scale) as usize
}

fn time(time_ns: u64, (client, port, site): Ends) -> Session {
    let (asker, server, answered_ns) = ((client, port), (site, 123), time_ns + 12_000_000);
    let request = ntp::request(time_ns);
    let response = ntp::response(&request, answered_ns);
    let frame = |time_ns, from, to, message: &[u8]| udp_frame(&Link::Ethernet, time_ns, from, to, message);
    vec![frame(time_ns, asker, server, &request), frame(answered_ns, server, asker, &response)]
}

fn lookup(time_ns: u64, name: &str, (client, port, site): Ends, prng: &mut Prng) -> Session {
    let (resolver, id) = (Host::new(RESOLVER), prng.next_u64() as u16);
    let query = dns::query(id, name, dns::Kind::A);
    let answer = dns::answer(id, name, dns::Kind::A, &[dns::Data::Address(site.ip)]);
    let frame = |delay_ns, from, to, message: &[u8]| udp_frame(&Link::Ethernet, time_ns + delay_ns, from, to, message);
    let (asker, server) = ((client, port), (resolver, 53));
    vec![frame(0, asker, server, &query), frame(700_000, server, asker, &answer)]
}

fn web(time_ns: u64, name: &str, (client, port, site): Ends, bytes: usize, prng: &mut Prng) -> Session {
    let hello = if prng.below(2) == 0 { ClientHello::for_name(name) } else { ClientHello::of_device(name) };
    let hello = hello.record(prng);
    let flight = tls::server_flight(&hello, 2_600, prng);
    Conversation::new(client, port, site, 443)
        .at(time_ns)
        .open()
        .client(&hello)
        .server(&flight)
        .client(&[tls::client_finished(prng), tls::application_data(400, prng)].concat())
        .server(&tls::application_data(bytes, prng))
        .close()
        .frames()
}

fn plain(time_ns: u64, name: &str, (client, port, site): Ends, bytes: usize, prng: &mut Prng) -> Session {
    let request = http::request("GET", name, "/index.html", "curl/8.9.1", &[]);
    let response = http::response("200 OK", "application/octet-stream", &prng.bytes(bytes));
    Conversation::new(client, port, site, 80)
        .at(time_ns)
        .open()
        .exchange(Side::Client, &request, &response)
        .close()
        .frames()
}
