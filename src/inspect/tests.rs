//! What every reader keeps: it never panics, its answer stays when bytes are added, and it claims no other protocol.

use super::*;
use proptest::prelude::*;

/// A reader without what it found.
type Verdict = fn(&[u8]) -> Reading<()>;

fn seen<T>(reading: Reading<T>) -> Reading<()> {
    reading.map(drop)
}

/// Readers of the beginning of a direction.
const STREAMS: &[(&str, Verdict)] = &[
    ("dns", |bytes| seen(dns::tcp(bytes))),
    ("http request", |bytes| seen(http::requests(bytes))),
    ("http response", |bytes| seen(http::response(bytes))),
    ("http2", |bytes| seen(http2::requests(bytes))),
    ("ssh", |bytes| seen(ssh::banner(bytes))),
    ("rdp", |bytes| seen(rdp::rdp(bytes))),
    ("vnc", |bytes| seen(vnc::version(bytes))),
    ("telnet", |bytes| seen(telnet::telnet(bytes))),
    ("greeting", |bytes| seen(greeting::greeting(bytes))),
    ("mqtt", |bytes| seen(mqtt::mqtt(bytes))),
    ("modbus", |bytes| seen(modbus::modbus(bytes))),
    ("stun", |bytes| seen(stun::stun(bytes))),
    ("sip", |bytes| seen(sip::tcp(bytes))),
    ("smb", |bytes| seen(smb::smb(bytes))),
];

/// Readers of datagrams, as far as they may be asked on any port.
const DATAGRAMS: &[(&str, Verdict)] = &[
    ("dns", |bytes| if dns::looks_like_dns(bytes) { Reading::Found(()) } else { Reading::Other }),
    ("stun", |bytes| seen(stun::stun(bytes))),
    ("sip", |bytes| seen(sip::datagram(bytes))),
    ("ssdp", |bytes| seen(ssdp::ssdp(bytes))),
    ("dhcp", |bytes| seen(dhcp::dhcp(bytes))),
    ("netbios", |bytes| seen(netbios::netbios(bytes))),
];

/// Readers that need a port or a link type to be asked.
const ASKED: &[Verdict] = &[
    |bytes| seen(dns::udp(bytes)),
    |bytes| seen(ntp::ntp(bytes)),
    |bytes| seen(dhcpv6::dhcpv6(bytes)),
    |bytes| seen(lldp::lldp(bytes)),
    |bytes| seen(cdp::cdp(bytes)),
    |bytes| seen(ssh::speaker(bytes)),
    |bytes| seen(telnet::speaker(bytes)),
];

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

fn stream_goldens() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("dns", framed(&dns::tests::query("meter.example"))),
        ("http request", b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec()),
        ("http response", b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n".to_vec()),
        ("http2", http2::tests::golden()),
        ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n\0\0\x01\x0c\x04\x14".to_vec()),
        ("rdp", rdp::tests::golden()),
        ("vnc", b"RFB 003.008\n".to_vec()),
        ("telnet", b"\xff\xfd\x18\xff\xfd\x20login: ".to_vec()),
        ("greeting", b"220 mx.example ESMTP\r\n".to_vec()),
        ("greeting", b"EHLO camera.local\r\n".to_vec()),
        ("mqtt", mqtt::tests::golden()),
        ("modbus", vec![0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10]),
        ("stun", stun::tests::golden()),
        ("sip", b"OPTIONS rtsp://cam.example/ RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec()),
        ("sip", b"INVITE sip:1@pbx.example SIP/2.0\r\nVia: x\r\n\r\n".to_vec()),
        ("smb", smb::tests::golden()),
        ("tls", b"\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03abcdefghijklmnopqrstuvwxyz".to_vec()),
        ("s7", b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02".to_vec()),
    ]
}

fn datagram_goldens() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("dns", dns::tests::query("meter.example")),
        ("stun", stun::tests::golden()),
        ("sip", b"REGISTER sip:pbx.example SIP/2.0\r\nVia: x\r\n\r\n".to_vec()),
        ("ssdp", b"M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n".to_vec()),
        ("dhcp", dhcp::tests::golden()),
        ("netbios", netbios::tests::golden()),
        ("ntp", ntp::tests::golden()),
        ("rtp", [&[0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4][..], &[0xd5; 160]].concat()),
        ("quic", b"\xc3\0\0\0\x01\x08abcdefgh\0\0\x44\xd0abcdefgh".to_vec()),
    ]
}

fn confusions(readers: &[(&str, Verdict)], goldens: Vec<(&str, Vec<u8>)>) -> Vec<String> {
    let mut confusions = Vec::new();
    for (golden, bytes) in goldens {
        for (reader, verdict) in readers {
            let found = verdict(&bytes) == Reading::Found(());
            if found != (golden == *reader) {
                confusions.push(format!("{reader} on {golden}: {:?}", verdict(&bytes)));
            }
        }
    }
    confusions
}

#[test]
fn each_protocol_is_claimed_by_its_own_reader_alone() {
    assert_eq!(confusions(STREAMS, stream_goldens()), Vec::<String>::new());
    assert_eq!(confusions(DATAGRAMS, datagram_goldens()), Vec::<String>::new());
}

#[test]
fn a_stream_is_awaited_until_it_is_found_and_then_stays_found() {
    for (golden, bytes) in stream_goldens() {
        for (_, verdict) in STREAMS.iter().filter(|(reader, _)| *reader == golden) {
            let first = (0..=bytes.len()).find(|&end| verdict(&bytes[..end]) != Reading::More).unwrap();
            assert!(
                (first..=bytes.len()).all(|end| verdict(&bytes[..end]) == Reading::Found(())),
                "{golden} from {first}"
            );
        }
    }
}

/// Bytes that readers take further than random ones: beginnings of goldens with some bytes changed.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let goldens: Vec<Vec<u8>> =
        stream_goldens().into_iter().chain(datagram_goldens()).map(|(_, bytes)| bytes).collect();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let random = prop::collection::vec(any::<u8>(), 0..400);
    (prop::sample::select(goldens), changes, prop::collection::vec(any::<u8>(), 0..80), random, 0..8_u8).prop_map(
        |(mut bytes, changes, more, random, pick)| {
            if pick == 0 {
                return random;
            }
            changes.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
            [bytes, more].concat()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_does_not_change_when_bytes_are_added(bytes in nearly()) {
        for (reader, verdict) in STREAMS {
            let mut answer = Reading::More;
            for end in 0..=bytes.len() {
                let now = verdict(&bytes[..end]);
                prop_assert!(answer == Reading::More || now == answer, "{} at {}: {:?} then {:?}", reader, end, answer, now);
                answer = now;
            }
        }
    }

    #[test]
    fn what_is_found_first_stays_as_it_was(bytes in nearly()) {
        let mut first = None;
        for end in 0..=bytes.len() {
            if let Reading::Found(found) = http::requests(&bytes[..end]) {
                prop_assert!(found.hosts.len() <= http::HOSTS_MAX);
                prop_assert_eq!(first.get_or_insert(found.first.clone()), &found.first);
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in nearly()) {
        let any = STREAMS.iter().chain(DATAGRAMS).map(|(_, verdict)| verdict).chain(ASKED);
        any.for_each(|verdict| assert!(matches!(verdict(&bytes), Reading::Other | Reading::More | Reading::Found(()))));
        if let Reading::Found(message) = dns::udp(&bytes) {
            message.resolved(|resolved| assert!((1..=dns::CHAIN_MAX).contains(&resolved.names.len())));
            prop_assert!(message.records().all(|record| record.owner.to_string().len() <= 1020));
            prop_assert!(mdns::instances(&message).len() <= mdns::INSTANCES_MAX);
        }
        prop_assert!(!rtp::Header::read(&bytes).is_some_and(|header| header.is_followed_by(&header)));
    }
}
