//! Reads the real captures of `../shared/corpus` (or `$BORDERFLOW_CORPUS`) and holds what the inspectors find in payloads
//! against what an independent tool saw: DNS answers and questions, HTTP requests, SSH banners, remote access.
//!
//! Streams are put together here as simply as can be: the first [`PREFIX`] bytes of each direction in order of sequence
//! numbers. `BORDERFLOW_CORPUS_ONLY` picks captures by a part of their path; misses are printed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where the corpus is not what it should be"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use borderflow::capture::{Batch, CaptureFiles, PacketSource};
use borderflow::decode::{Decoded, Decoder, Options, Packet};
use borderflow::inspect::dns::{self, Data, Message};
use borderflow::inspect::{Reading, http, http2, mqtt, rdp, ssdp, ssh, vnc};
use borderflow::net::{IpVersion, Timestamp};
use serde_json::Value;

/// Bytes of a direction that are kept.
const PREFIX: usize = 16 * 1024;

/// By kind, how many facts of the truth may be missed, and why.
const MISSES_MAX: &[(&str, usize)] = &[
    // mDNS: the truth pairs addresses with the wrong records of a message (12); WireGuard that TShark decrypts (2); a PTR
    // name paired with an address (1).
    ("dns answer", 15),
    // Fuzzed bytes that TShark writes otherwise or refuses to decompress (20), the root as `<Root>` (1), WireGuard (1), a
    // NetBIOS name on another port (1).
    ("dns question", 23),
    // HTTP inside SOCKS (1), IPComp (1).
    ("http agent", 2),
    // The same, and SSDP without what makes it one (2).
    ("http method", 4),
    ("http host", 4),
    // Banners made up for a test of another tool: hundreds of zero bytes and no end of line.
    ("ssh banner", 4),
];

type Facts = BTreeSet<(&'static str, String)>;
/// Sender and receiver, addresses and ports.
type Direction = (String, u16, String, u16);

#[test]
fn the_names_of_the_corpus_are_those_an_independent_tool_saw() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus (set BORDERFLOW_CORPUS, or put it at ../shared/corpus)");
        return;
    };
    let only = std::env::var("BORDERFLOW_CORPUS_ONLY").unwrap_or_default();
    let mut tally: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (capture, truth) in manifest(&corpus).into_iter().filter(|(capture, _)| capture.contains(&only)) {
        let expected = expected(&corpus.join(truth));
        if expected.is_empty() {
            continue;
        }
        let found = found(&corpus.join(&capture));
        for (kind, fact) in expected {
            let [matched, total] = tally.entry(kind).or_default();
            *total += 1;
            if found.contains(&(kind, fact.clone())) {
                *matched += 1;
            } else {
                println!("missed {kind} {fact:?} in {capture}");
            }
        }
    }
    for (kind, [matched, total]) in &tally {
        println!("{kind}: {matched} of {total}");
    }
    for (kind, [matched, total]) in tally {
        let allowed = MISSES_MAX.iter().find(|(of, _)| *of == kind).map_or(0, |(_, most)| *most);
        assert!(total - matched <= allowed, "{kind}: {} missed, {allowed} are explained", total - matched);
    }
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

/// Path of each capture and of its truth.
fn manifest(corpus: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(corpus.join("manifest.tsv")).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name| header.iter().position(|title| *title == name).unwrap();
    let (file, truth) = (column("file"), column("truth"));
    lines.map(|fields| (fields[file].to_owned(), fields[truth].to_owned())).collect()
}

fn expected(truth: &Path) -> Facts {
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(File::open(truth).unwrap()).read_to_end(&mut json).unwrap();
    let truth: Value = serde_json::from_slice(&json).unwrap();
    let list = |name: &str| truth[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut facts = Facts::new();
    for answer in list("dns") {
        let fact = format!("{} {} {}", text(&answer["rname"]), text(&answer["type"]), text(&answer["value"]));
        facts.insert(("dns answer", fact.to_lowercase()));
    }
    for name in truth["dns_queries"].as_object().into_iter().flat_map(|names| names.keys()) {
        facts.insert(("dns question", name.to_lowercase()));
    }
    for request in list("http") {
        let of = between(&text(&request["conv"]));
        facts.insert(("http host", format!("{of} {}", host(&text(&request["host"])))));
        facts.insert(("http method", format!("{of} {}", text(&request["method"]))));
        if let Some(agent) = request["user_agent"].as_str() {
            facts.insert(("http agent", format!("{of} {}", agent.trim())));
        }
    }
    for banner in list("ssh") {
        facts.insert(("ssh banner", format!("{} {}", between(&text(&banner["conv"])), text(&banner["banner"]).trim())));
    }
    for access in list("remote_access") {
        let kind = match access["kind"].as_str().unwrap() {
            "rdp.rt_cookie" => "rdp cookie",
            "mqtt.clientid" => "mqtt client",
            _ => "vnc version",
        };
        facts.insert((
            kind,
            format!("{} {}", between(&text(&access["conv"])), text(&access["value"]).replace(r"\\", r"\")),
        ));
    }
    facts
}

/// A conversation without layer and direction.
fn between(conversation: &str) -> String {
    let parts: Vec<&str> = conversation.split('|').collect();
    let side = |at: usize| (parts[at].to_owned(), parts[at + 1].parse().unwrap_or(0));
    let (from, to) = (side(2), side(4));
    sides(&(from.0, from.1, to.0, to.1))
}

fn sides((from, from_port, to, to_port): &Direction) -> String {
    let (a, b) = ((from, from_port), (to, to_port));
    format!("{:?} {:?}", a.min(b), a.max(b))
}

fn host(written: &str) -> String {
    let bare =
        written.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(written, |(host, _)| host);
    let bare = bare.trim_matches(['[', ']']).split('%').next().unwrap().trim_end_matches('.').to_lowercase();
    bare.parse::<std::net::IpAddr>().map_or(bare, |address| address.to_string())
}

#[derive(Default)]
struct Stream {
    start: Option<u32>,
    segments: BTreeMap<u32, Vec<u8>>,
}

fn found(capture: &Path) -> Facts {
    let mut files = CaptureFiles::open(&[capture.to_path_buf()]).unwrap();
    let mut decoder = Decoder::new(Options::default());
    let (mut batch, mut clock) = (Batch::default(), Timestamp::ZERO);
    let (mut facts, mut streams) = (Facts::new(), BTreeMap::<Direction, Stream>::new());
    while let Ok(true) = files.next_batch(&mut batch) {
        for index in 0..batch.frames.len() {
            clock = clock.max(batch.frames[index].timestamp);
            let Ok(Decoded::Packet(packet)) = decoder.decode(&mut batch, index, clock) else { continue };
            let payload = packet.payload.of(&batch.bytes);
            match packet.protocol {
                17 => datagram(&direction(&packet), payload, &mut facts),
                6 => segment(&packet, payload, &mut streams, &mut facts),
                _ => {}
            }
        }
    }
    streams.iter().for_each(|(direction, stream)| stream.read(direction, &mut facts));
    facts
}

fn direction(packet: &Packet) -> Direction {
    let text = |bits| IpVersion::address(packet.version, bits).to_string();
    (text(packet.source), packet.source_port, text(packet.destination), packet.destination_port)
}

fn datagram(direction: &Direction, payload: &[u8], facts: &mut Facts) {
    let of_dns = [direction.1, direction.3].iter().any(|port| [53, 5353, 5355].contains(port));
    if of_dns && let Reading::Found(message) = dns::udp(payload) {
        message_facts(message, facts);
    } else if !of_dns
        && dns::looks_like_dns(payload)
        && let Reading::Found(message) = dns::udp(payload)
    {
        facts.insert(("dns elsewhere", format!("{direction:?}")));
        message_facts(message, facts);
    }
    if let Reading::Found(_) = ssdp::ssdp(payload) {
        let whole = [payload, b"\r\n\r\n"].concat();
        request_facts(direction, http::requests(&whole), facts);
    }
}

fn message_facts(message: Message<'_>, facts: &mut Facts) {
    if !message.is_response() {
        facts.extend(message.questions().map(|question| ("dns question", question.name.to_string())));
    }
    for record in message.records() {
        let said = match record.data {
            Data::Address(address) if address.is_ipv4() => format!("a {address}"),
            Data::Address(address) => format!("aaaa {address}"),
            Data::Cname(target) => format!("cname {target}"),
            Data::Pointer(_) | Data::Host { .. } | Data::Service { .. } | Data::Text(_) | Data::Other => continue,
        };
        facts.insert(("dns answer", format!("{} {said}", record.owner)));
    }
}

fn segment(packet: &Packet, payload: &[u8], streams: &mut BTreeMap<Direction, Stream>, facts: &mut Facts) {
    let direction = direction(packet);
    let stream = streams.entry(direction.clone()).or_default();
    let mut sequence = packet.tcp.sequence;
    if packet.tcp.flags.has(2) {
        sequence = sequence.wrapping_add(1);
        if stream.start.is_some_and(|start| start != sequence) {
            stream.read(&direction, facts);
            *stream = Stream::default();
        }
    }
    if payload.is_empty() && !packet.tcp.flags.has(2) {
        return;
    }
    let start = *stream.start.get_or_insert(sequence);
    let offset = sequence.wrapping_sub(start);
    if !payload.is_empty() && (offset as usize) < PREFIX {
        stream.segments.entry(offset).or_insert_with(|| payload.to_vec());
    }
}

impl Stream {
    fn prefix(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (offset, segment) in &self.segments {
            let Some(known) = bytes.len().checked_sub(*offset as usize) else { break };
            bytes.extend(segment.get(known..).unwrap_or_default());
        }
        bytes
    }

    fn read(&self, direction: &Direction, facts: &mut Facts) {
        let prefix = self.prefix();
        let of = sides(direction);
        if let Reading::Found(messages) = dns::tcp(&prefix) {
            messages.for_each(|message| message_facts(message, facts));
        }
        request_facts(direction, http::requests(&prefix), facts);
        request_facts(direction, http2::requests(&prefix), facts);
        if let Reading::Found(banner) = ssh::banner(&prefix) {
            facts.insert(("ssh banner", format!("{of} {}", banner.text)));
        }
        if let Reading::Found(rdp::Rdp { account: Some(account), .. }) = rdp::rdp(&prefix) {
            facts.insert(("rdp cookie", format!("{of} Cookie: mstshash={account}")));
        }
        if let Reading::Found(version) = vnc::version(&prefix) {
            facts.insert(("vnc version", format!("{of} {version}")));
        }
        if let Reading::Found(mqtt::Mqtt { connect: Some(connect), .. }) = mqtt::mqtt(&prefix) {
            facts.insert(("mqtt client", format!("{of} {}", connect.client_id)));
        }
    }
}

fn request_facts(direction: &Direction, read: Reading<http::Requests>, facts: &mut Facts) {
    let Reading::Found(requests) = read else { return };
    let of = sides(direction);
    facts.extend(requests.hosts.iter().map(|host| ("http host", format!("{of} {host}"))));
    facts.insert(("http method", format!("{of} {}", requests.first.method)));
    facts.extend(requests.first.user_agent.map(|agent| ("http agent", format!("{of} {agent}"))));
}
