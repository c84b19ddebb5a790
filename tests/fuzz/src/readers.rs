//! Any bytes through each reader of payloads.
//!
//! Input: which reader, where its bytes are cut, the bytes. No reader panics or takes long, no message is without
//! length, and a reader of the beginning of a direction keeps its answer when bytes are added: what it found stays
//! found, what it refused stays refused. A reader of messages then also finds the same message, unless it had taken all
//! there was: to some a segment is a message.

use std::time::{Duration, Instant};

use borderflow::inspect::{
    Carrier, Message, Protocol, Reading, cdp, dhcp, dhcpv6, dns, greeting, http, http2, lldp, mdns, modbus, mqtt,
    netbios, ntp, protocols, quic, rdp, rtp, sip, smb, ssdp, ssh, stun, telnet, tls, vnc,
};

use super::input::Input;

/// Most time a reader may take for [`LONG`] bytes: ten times what takes one pass over them, on a slow machine.
const MOST_TIME: Duration = Duration::from_secs(1);

/// Bytes that an input is repeated to.
const LONG: usize = 64 << 10;

/// Checks one input.
pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let (reader, cut) = (usize::from(input.byte()), usize::from(input.u16()));
    let bytes = input.rest();
    let (streams, datagrams) = (protocols(Carrier::Stream), protocols(Carrier::Datagram));
    let readers = BEGINNINGS.len() + DATAGRAMS.len();
    match reader % (readers + streams.len() + datagrams.len()) {
        n if n < BEGINNINGS.len() => {
            BEGINNINGS.iter().skip(n).take(1).for_each(|reader| beginning(*reader, bytes, cut))
        }
        n if n < readers => {
            DATAGRAMS.iter().skip(n - BEGINNINGS.len()).take(1).for_each(|reader| datagram(*reader, bytes, cut))
        }
        n => {
            streams.iter().chain(datagrams).skip(n - readers).take(1).for_each(|protocol| message(protocol, bytes, cut))
        }
    }
    together(bytes, cut);
}

/// The input for each reader that does not refuse `bytes`.
#[must_use]
pub fn inputs(bytes: &[u8]) -> Vec<Vec<u8>> {
    let by_name = BEGINNINGS.iter().chain(&DATAGRAMS).map(|(_, read)| read(bytes));
    let all = protocols(Carrier::Stream).iter().chain(protocols(Carrier::Datagram));
    let answers = by_name.chain(all.map(|protocol| seen((protocol.read)(bytes))));
    let kept = answers.zip(0u8..).filter(|(answer, _)| *answer != Reading::Other);
    kept.map(|(_, reader)| [&[reader, 0, 20], bytes].concat()).collect()
}

/// A reader without what it found.
type Reader = (&'static str, fn(&[u8]) -> Reading<()>);

fn seen<T>(reading: Reading<T>) -> Reading<()> {
    reading.map(drop)
}

/// Readers of the beginning of a direction.
const BEGINNINGS: [Reader; 19] = [
    ("dns over tcp", |bytes| dns::tcp(bytes).map(|messages| messages.for_each(|message| name_service(&message)))),
    ("http request", |bytes| seen(http::requests(bytes))),
    ("http response", |bytes| seen(http::response(bytes))),
    ("http2", |bytes| seen(http2::requests(bytes))),
    ("ssh", |bytes| seen(ssh::banner(bytes))),
    ("ssh speaker", |bytes| seen(ssh::speaker(bytes))),
    ("rdp", |bytes| seen(rdp::rdp(bytes))),
    ("vnc", |bytes| seen(vnc::version(bytes))),
    ("telnet", |bytes| seen(telnet::telnet(bytes))),
    ("telnet speaker", |bytes| seen(telnet::speaker(bytes))),
    ("greeting", |bytes| seen(greeting::greeting(bytes))),
    ("mqtt", |bytes| seen(mqtt::mqtt(bytes))),
    ("modbus", |bytes| seen(modbus::modbus(bytes))),
    ("stun", |bytes| seen(stun::stun(bytes))),
    ("sip", |bytes| seen(sip::tcp(bytes))),
    ("smb", |bytes| seen(smb::smb(bytes))),
    ("tls client", |bytes| seen(tls::client(bytes))),
    ("tls server", |bytes| seen(tls::server(bytes))),
    ("tls server hello", |bytes| seen(tls::server_hello(bytes))),
];

/// Readers of datagrams, and of what comes whole.
const DATAGRAMS: [Reader; 14] = [
    ("dns", |bytes| dns::udp(bytes).map(|message| name_service(&message))),
    ("dns anywhere", |bytes| if dns::looks_like_dns(bytes) { Reading::Found(()) } else { Reading::Other }),
    ("sip", |bytes| seen(sip::datagram(bytes))),
    ("ssdp", |bytes| seen(ssdp::ssdp(bytes))),
    ("dhcp", |bytes| seen(dhcp::dhcp(bytes))),
    ("dhcpv6", |bytes| seen(dhcpv6::dhcpv6(bytes))),
    ("netbios", |bytes| seen(netbios::netbios(bytes))),
    ("ntp", |bytes| seen(ntp::ntp(bytes))),
    ("lldp", |bytes| seen(lldp::lldp(bytes))),
    ("cdp", |bytes| seen(cdp::cdp(bytes))),
    ("rtp", |bytes| {
        assert!(!rtp::Header::read(bytes).is_some_and(|header| header.is_followed_by(&header)));
        Reading::Other
    }),
    ("dtls", |bytes| seen(tls::dtls_client(bytes))),
    ("tls handshake", |bytes| seen(tls::client_hello_message(bytes, tls::Transport::Quic))),
    ("quic", |bytes| {
        let known = quic::is_handshake(bytes) | quic::is_version_negotiation(bytes) | quic::looks_like_quic(bytes);
        let read = seen(quic::QuicHello::new().datagram(bytes));
        if known { Reading::Found(()) } else { read }
    }),
];

/// What is bounded in a message of name resolution.
fn name_service(message: &dns::Message<'_>) {
    message.resolved(|resolved| assert!((1..=dns::CHAIN_MAX).contains(&resolved.names.len())));
    assert!(message.records().all(|record| record.owner.to_string().len() <= 1020));
    assert!(mdns::instances(message).len() <= mdns::INSTANCES_MAX);
}

/// Ends of beginnings to read: some short ones, the cut, all.
fn ends(len: usize, cut: usize) -> Vec<usize> {
    let short = (0..8).chain((3..14).map(|bits| 1 << bits));
    let mut ends: Vec<usize> = short.chain([cut, cut + 1, len]).filter(|&end| end <= len).collect();
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn beginning((name, read): Reader, bytes: &[u8], cut: usize) {
    let mut answer = Reading::More;
    for end in ends(bytes.len(), cut) {
        let now = read(bytes.get(..end).unwrap_or_default());
        assert!(answer == Reading::More || now == answer, "{name}: {answer:?} before byte {end}, then {now:?}");
        answer = now;
    }
    in_time(name, bytes, cut, |long| _ = read(long));
}

fn datagram((name, read): Reader, bytes: &[u8], cut: usize) {
    read(bytes);
    in_time(name, bytes, cut, |long| _ = read(long));
}

fn message(protocol: &Protocol, bytes: &[u8], cut: usize) {
    let (mut answer, mut read) = (Reading::<Message<'_>>::More, 0);
    for end in ends(bytes.len(), cut) {
        let now = (protocol.read)(bytes.get(..end).unwrap_or_default());
        if let Reading::Found(message) = now {
            assert!(message.length > 0, "{}: a message without length", protocol.name);
        }
        if protocol.carrier == Carrier::Stream && !BY_SEGMENT.contains(&protocol.name) {
            let stays = match (&answer, &now) {
                (Reading::More, _) | (Reading::Other, Reading::Other) => true,
                (Reading::Found(before), _) if before.length == read => true,
                (Reading::Found(before), Reading::Found(now)) => says(*before) == says(*now),
                _ => false,
            };
            assert!(stays, "{}: {answer:?} before byte {end}, then {now:?}", protocol.name);
        }
        (answer, read) = (now, end);
    }
    in_time(protocol.name, bytes, cut, |long| _ = seen((protocol.read)(long)));
}

/// Protocols read by the segment: what they look for may stand anywhere in it, or what follows a message tells what it was.
const BY_SEGMENT: [&str; 8] = ["cwmp", "winrm", "ocpp", "http", "socks", "mqtt", "telnet", "ftp"];

/// A message without its words, which may be longer when more of them is there.
fn says(message: Message<'_>) -> Message<'_> {
    Message { detail: None, ..message }
}

/// Readers of both directions at once.
fn together(bytes: &[u8], cut: usize) {
    let (client, server) = bytes.split_at_checked(cut).unwrap_or((bytes, &[]));
    if let Some((from, to)) = tls::after_starttls(client, server) {
        assert!(from <= client.len() && to <= server.len(), "{from} of {}, {to} of {}", client.len(), server.len());
    }
}

/// Reads the bytes again and again as one payload, of one input in four: it takes most of the time.
#[expect(clippy::disallowed_methods, reason = "what is asserted is the time it takes")]
fn in_time(name: &str, bytes: &[u8], cut: usize, read: impl FnOnce(&[u8])) {
    if !cut.is_multiple_of(4) || bytes.is_empty() {
        return;
    }
    let long: Vec<u8> = bytes.iter().copied().cycle().take(LONG).collect();
    let begun = Instant::now();
    read(&long);
    let taken = begun.elapsed();
    assert!(taken < MOST_TIME, "{name} took {taken:?}");
}
