//! The day as a growing set of frames, and the scenes that recur in it.

use super::cast::Local;
use borderflow_testkit::dns::{self, Data};
use borderflow_testkit::tls::{self, ClientHello};
use borderflow_testkit::{Conversation, Frame, Host, Link, Prng, packet_frame, udp_frame};

/// 2025-11-12 00:00:00 UTC.
const MIDNIGHT_NS: u64 = 1_762_905_600 * SECOND_NS;
pub(crate) const SECOND_NS: u64 = 1_000_000_000;
pub(crate) const MINUTE_NS: u64 = 60 * SECOND_NS;
/// Payload of a segment after receive offload.
const OFFLOADED_BYTES: usize = 62_780;
/// What the snap length leaves of bulk payload: a TLS record header.
const BULK_KEPT_BYTES: usize = 6;

/// Bulk data from here on: few large segments, of which little is kept, so that a megabyte costs some hundred bytes.
pub(crate) fn bulk(connection: Conversation) -> Conversation {
    connection.keep_payload(BULK_KEPT_BYTES).segment_size(OFFLOADED_BYTES).segments_per_ack(8)
}

/// Bytes a TLS client and its server send beyond the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Volume {
    pub(crate) sent: usize,
    pub(crate) received: usize,
}

/// The frames of the day so far, and what makes the next ones.
pub(crate) struct Day {
    frames: Vec<Frame>,
    pub(crate) prng: Prng,
    next_port: u16,
}

/// The time of day, UTC.
pub(crate) fn clock(hours: u64, minutes: u64) -> u64 {
    MIDNIGHT_NS + (hours * 60 + minutes) * MINUTE_NS
}

impl Day {
    pub(crate) fn new(seed: u64) -> Day {
        Day { frames: Vec::new(), prng: Prng::new(seed), next_port: 49_152 }
    }

    /// Every frame, in time order; frames of the same time keep the order they were told in.
    pub(crate) fn frames(mut self) -> Vec<Frame> {
        self.frames.sort_by_key(|frame| frame.timestamp_ns);
        self.frames
    }

    /// A time within a minute after `time_ns`.
    pub(crate) fn about(&mut self, time_ns: u64) -> u64 {
        time_ns + self.prng.below(MINUTE_NS)
    }

    /// A client port not used before.
    pub(crate) fn port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }

    pub(crate) fn add(&mut self, who: Local, frames: impl IntoIterator<Item = Frame>) {
        self.frames.extend(frames.into_iter().map(|frame| frame.on(who.site.interface())));
    }

    /// A connection from `who`, not yet opened.
    pub(crate) fn connection(&mut self, at_ns: u64, who: Local, to: Host, port: u16) -> Conversation {
        let round_trip_ns = self.prng.between(8_000_000, 40_000_000);
        Conversation::new(who.host, self.port(), to, port).over(who.site.link()).at(at_ns).round_trip(round_trip_ns)
    }

    /// `who` asks its site's resolver, which answers with `address` behind the given aliases.
    pub(crate) fn lookup(&mut self, at_ns: u64, who: Local, name: &str, aliases: &[&str], address: Host) {
        let mut records: Vec<Data<'_>> = aliases.iter().map(|alias| Data::Alias(alias)).collect();
        records.push(Data::Address(address.ip));
        let id = self.prng.next_u64() as u16;
        let kind = dns::kind_of(address.ip);
        let (query, answer) = (dns::query(id, name, kind), dns::answer(id, name, kind, &records));
        let resolver = who.site.resolver();
        let asker = if who.host.ip.is_ipv4() { who } else { Local { host: Host::new("10.20.50.31"), ..who } };
        self.ask(at_ns, asker, (resolver, 53), &query, &answer, 900_000);
    }

    /// One UDP request of `who` and its answer after `delay_ns`.
    pub(crate) fn ask(&mut self, at_ns: u64, who: Local, to: (Host, u16), query: &[u8], answer: &[u8], delay_ns: u64) {
        let from = (who.host, self.port());
        let link = who.site.link();
        let there = udp_frame(&link, at_ns, from, to, query);
        let back = udp_frame(&link, at_ns + delay_ns, to, from, answer);
        self.add(who, [there, back]);
    }

    /// A lookup and a TLS connection of `who`.
    pub(crate) fn https(&mut self, at_ns: u64, who: Local, name: &str, address: &str, volume: Volume) {
        self.tls(at_ns, who, &ClientHello::of_device(name), address, volume);
    }

    /// A lookup and a TLS connection of `who` as a current browser makes it.
    pub(crate) fn browse(&mut self, at_ns: u64, who: Local, name: &str, address: &str, volume: Volume) {
        self.tls(at_ns, who, &ClientHello::for_name(name), address, volume);
    }

    fn tls(&mut self, at_ns: u64, who: Local, hello: &ClientHello<'_>, address: &str, volume: Volume) {
        let server = who.site.remote(address);
        if let Some(name) = hello.server_name {
            self.lookup(at_ns, who, name, &[], server);
        }
        let record = hello.record(&mut self.prng);
        let flight = tls::server_flight(&record, 2_600, &mut self.prng);
        let server_hello_bytes = flight.len() - 2_600;
        let finished = tls::client_finished(&mut self.prng);
        let sent = tls::application_data(volume.sent, &mut self.prng);
        let received = tls::application_data(volume.received, &mut self.prng);
        let handshake = self
            .connection(at_ns + 3_000_000, who, server, 443)
            .open()
            .client(&record)
            .keep_payload(server_hello_bytes)
            .server(&flight)
            .client(&finished);
        let pause_ns = self.prng.between(1, 20) * SECOND_NS;
        let connection = bulk(handshake).client(&sent).server(&received).wait(pause_ns).close();
        self.add(who, connection.frames());
    }

    /// One IP packet from `from` to `to`, seen where `who` stands.
    pub(crate) fn packet(&mut self, at_ns: u64, who: Local, ends: (Host, Host), protocol: u8, transport: &[u8]) {
        let link: Link = who.site.link();
        let frame = packet_frame(&link, at_ns, ends.0, ends.1, protocol, transport);
        self.add(who, [frame]);
    }
}
