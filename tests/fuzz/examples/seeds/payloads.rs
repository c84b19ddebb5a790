//! What programs say to each other, out of the captures of our own bench (`tests/peers`) and of the test kit.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use borderflow::capture::{Batch, CaptureReader, Delivery, LinkType, PacketSource};
use borderflow::decode::{Decoded, Decoder, Options, Packet};
use borderflow::net::Timestamp;
use borderflow_testkit::tls::{self, ClientHello};
use borderflow_testkit::{Prng, dns, ssh};

/// Most bytes of a direction in a seed.
const MOST_BYTES: usize = 1500;
/// Most datagrams in a seed.
const MOST_DATAGRAMS: usize = 5;

/// What one flow said.
#[derive(Default)]
pub(crate) struct Flow {
    pub(crate) name: String,
    pub(crate) is_stream: bool,
    /// The smaller of both ports.
    pub(crate) port: u16,
    /// Each payload, and whether the end that spoke first said it.
    pub(crate) payloads: Vec<(bool, Vec<u8>)>,
}

impl Flow {
    fn new(name: &str, port: u16, payloads: Vec<(bool, Vec<u8>)>) -> Flow {
        Flow { name: name.to_owned(), is_stream: true, port, payloads }
    }

    /// Both directions, for targets that take streams: length of the first, then their bytes.
    pub(crate) fn directions(&self) -> Vec<u8> {
        let [first, second] = [true, false].map(|first| {
            let said = self.payloads.iter().filter(|(is_first, _)| *is_first == first);
            let mut bytes: Vec<u8> = said.flat_map(|(_, payload)| payload).copied().collect();
            bytes.truncate(MOST_BYTES);
            bytes
        });
        [&(first.len() as u16).to_be_bytes(), first.as_slice(), &second].concat()
    }

    /// The first datagrams, each behind its end and length.
    pub(crate) fn datagrams(&self) -> Vec<u8> {
        let said = self.payloads.iter().take(MOST_DATAGRAMS);
        let framed = said.flat_map(|(is_first, payload)| {
            let head = payload.len() as u16 & 0x0fff | if *is_first { 0 } else { 0x8000 };
            [head.to_be_bytes().to_vec(), payload.clone()]
        });
        framed.flatten().collect()
    }
}

/// The flows of every capture of the bench, and some of the test kit.
pub(crate) fn flows(captures: &Path) -> Result<Vec<Flow>, Box<dyn Error>> {
    let mut flows = made();
    for entry in std::fs::read_dir(captures)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "pcap") {
            let name = path.file_stem().unwrap_or_default().display().to_string();
            flows.extend(of_capture(&name, &std::fs::read(&path)?)?);
        }
    }
    flows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(flows)
}

fn of_capture(name: &str, capture: &[u8]) -> Result<Vec<Flow>, Box<dyn Error>> {
    let mut flows: BTreeMap<_, (Flow, (u128, u16))> = BTreeMap::new();
    let mut reader = CaptureReader::new(name, capture, Delivery::Full);
    let (mut decoder, mut batch) = (Decoder::new(Options::default()), Batch::default());
    while reader.next_batch(&mut batch)? {
        for index in 0..batch.frames.len() {
            let Ok(Decoded::Packet(packet)) = decoder.decode(&mut batch, index, Timestamp::ZERO) else { continue };
            let payload = packet.payload.of(&batch.bytes).to_vec();
            if payload.is_empty() || !matches!(packet.protocol, 6 | 17) {
                continue;
            }
            let (key, from) = key(&packet);
            let count = flows.len();
            let (flow, first) = flows.entry(key).or_insert_with(|| {
                let port = packet.source_port.min(packet.destination_port);
                let flow =
                    Flow { is_stream: packet.protocol == 6, ..Flow::new(&format!("{name}-{count}"), port, Vec::new()) };
                (flow, from)
            });
            flow.payloads.push((*first == from, payload));
        }
    }
    Ok(flows.into_values().map(|(flow, _)| flow).collect())
}

type Key = (u8, (u128, u16), (u128, u16));

fn key(packet: &Packet) -> (Key, (u128, u16)) {
    let (from, to) = ((packet.source, packet.source_port), (packet.destination, packet.destination_port));
    ((packet.protocol, from.min(to), from.max(to)), from)
}

fn made() -> Vec<Flow> {
    let mut prng = Prng::new(11);
    let hello = ClientHello::for_name("upload.example").record(&mut prng);
    let flight = tls::server_flight(&hello, 200, &mut prng);
    let starttls = vec![
        (false, b"220 mx.example ESMTP\r\n".to_vec()),
        (true, b"EHLO pump\r\n".to_vec()),
        (false, b"250-mx.example\r\n250 STARTTLS\r\n".to_vec()),
        (true, b"STARTTLS\r\n".to_vec()),
        (false, b"220 go\r\n".to_vec()),
        (true, hello.clone()),
        (false, flight.clone()),
    ];
    let requests =
        b"GET /a HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\n\r\nGET /b HTTP/1.1\r\nHost: b.example\r\n\r\n";
    let question = dns::over_tcp(&dns::query(7, "meter.example", dns::Kind::A));
    let shell = [ssh::banner("OpenSSH_10.0"), ssh::kexinit(&mut prng), ssh::ecdh_init(&mut prng)].concat();
    vec![
        Flow::new("made-tls", 443, vec![(true, hello), (false, flight)]),
        Flow::new("made-starttls", 25, starttls),
        Flow::new(
            "made-http",
            80,
            vec![(true, requests.to_vec()), (false, b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n".to_vec())],
        ),
        Flow::new("made-dns", 53, vec![(true, question)]),
        Flow::new("made-ssh", 22, vec![(true, shell)]),
    ]
}

/// Frames of devices that announce themselves, with and without a VLAN tag.
pub(crate) fn announcements() -> Vec<(String, Vec<u8>)> {
    let addresses = [1, 0x80, 0xc2, 0, 0, 14, 0x44, 0x19, 0xb6, 0, 0, 1];
    let lldp: &[u8] = b"\x88\xcc\x02\x07\x04\x44\x19\xb6\0\0\x09\x04\x02\x071\x06\x02\0\x78\x0a\x04gate\x0c\x03Cam\
        \x10\x0c\x05\x01\x0a\x14\0\x02\x02\0\0\0\x01\0\0\0";
    let cdp: &[u8] = b"\0\x22\xaa\xaa\x03\0\0\x0c\x20\0\x02\xb4\0\0\0\x01\0\x06sw\0\x06\0\x07C29\0\x05\0\x06v1";
    let mut frames = Vec::new();
    for (name, body) in [("lldp", lldp), ("cdp", cdp)] {
        frames.push((name.to_owned(), [&addresses, body].concat()));
        frames.push((format!("{name}-tagged"), [&addresses, &[0x81, 0, 0, 7][..], body].concat()));
    }
    frames.push(("ethernet".to_owned(), [&addresses, &[8, 6, 0, LinkType::ETHERNET.0 as u8][..], &[0; 26]].concat()));
    frames
}
