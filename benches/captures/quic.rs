//! A QUIC connection as datagrams: the client's hello in Initials that open, a handshake, and data under keys of its own.

use crate::mix::{Ends, Session};
use borderflow_testkit::quic::{self, CLIENT};
use borderflow_testkit::tls::ClientHello;
use borderflow_testkit::{Link, Prng, Side, udp_frame};

const ROUND_TRIP_NS: u64 = 15_000_000;
const GAP_NS: u64 = 120_000;
/// Payload of a full datagram, as browsers and content networks send them.
const FULL: usize = 1_350;
const CERTIFICATE_LEN: usize = 2_600;
const DATAGRAMS_PER_ACK: usize = 4;

struct Connection<'a> {
    session: Session,
    ends: Ends,
    now_ns: u64,
    prng: &'a mut Prng,
}

/// Hello, handshake, a request, `bytes` of an answer that the client acknowledges.
pub(crate) fn connection(time_ns: u64, name: &str, ends: Ends, bytes: usize, prng: &mut Prng) -> Session {
    let hello = if prng.below(2) == 0 { ClientHello::for_name(name) } else { ClientHello::of_device(name) };
    let hello = ClientHello { alpn: &["h3"], ..hello }.message(prng);
    let (origin, server) = (prng.bytes(8), prng.bytes(8));
    let mut connection = Connection { session: Vec::new(), ends, now_ns: time_ns, prng };
    let flight = quic::flight(&origin, &hello);
    let answer = quic::server_flight(&origin, &server, CERTIFICATE_LEN, connection.prng);
    let finished = quic::client_finished(&origin, &server, flight.len() as u32, connection.prng);
    connection.send(Side::Client, flight);
    connection.now_ns += ROUND_TRIP_NS;
    connection.send(Side::Server, answer);
    connection.send(Side::Client, vec![finished]);
    connection.short(Side::Client, &server, 380);
    connection.now_ns += ROUND_TRIP_NS;
    connection.download(&server, bytes);
    connection.session
}

impl Connection<'_> {
    fn download(&mut self, server: &[u8], bytes: usize) {
        for (index, sent) in (0..bytes).step_by(FULL).enumerate() {
            self.short(Side::Server, CLIENT, (bytes - sent).clamp(40, FULL));
            if index % DATAGRAMS_PER_ACK == DATAGRAMS_PER_ACK - 1 {
                self.short(Side::Client, server, 36);
            }
        }
        self.short(Side::Client, server, 36);
    }

    fn short(&mut self, side: Side, destination: &[u8], length: usize) {
        let packet = quic::short(destination, length, self.prng);
        self.send(side, vec![packet]);
    }

    fn send(&mut self, side: Side, datagrams: Vec<Vec<u8>>) {
        let (client, port, site) = self.ends;
        let (client, server) = ((client, port), (site, 443));
        let (from, to) = if side == Side::Client { (client, server) } else { (server, client) };
        for datagram in datagrams {
            self.now_ns += GAP_NS;
            self.session.push(udp_frame(&Link::Ethernet, self.now_ns, from, to, &datagram));
        }
    }
}
