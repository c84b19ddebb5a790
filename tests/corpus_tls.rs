//! Every TLS ClientHello that an independent tool sees in the captures of `../shared/corpus` (or `$BORDERFLOW_CORPUS`)
//! has the name, protocols, JA4 and ECH it saw, once its direction is put together naively. Skipped, with a message,
//! where the corpus is absent.
//!
//! The same for version, owner and issuer of every server certificate that Suricata sees.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where the corpus is not what it should be"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use borderflow::capture::{Batch, CaptureFiles, PacketSource};
use borderflow::decode::{Decoded, Decoder, Options, Packet, TcpFlags};
use borderflow::inspect::Reading;
use borderflow::inspect::tls::{self, ClientHello, Server};
use borderflow::net::Timestamp;
use serde_json::Value;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Hellos that are not at the beginning of TLS on TCP, by capture and what they are.
const EXPLAINED: [(&str, usize, &str); 5] = [
    ("openvpn_tcp_multi.pcap", 2, "inside OpenVPN's own packets"),
    ("openvpn.pcap", 1, "inside OpenVPN's own packets"),
    ("wireguard-ping-tcp-dsb.pcapng", 1, "inside WireGuard, decrypted by keys in the capture"),
    ("tls-sni.pcapng", 5, "a second hello that HelloRetryRequest asked for"),
    ("tls_invalid_reads.pcap", 1, "its last extension is cut; TShark counts it"),
];
/// A certificate of 338 KiB; 16 KiB are waited for.
const EXPLAINED_CERTIFICATE: &str = "tls-fragmented-handshake.pcap.gz";

type Side = (IpAddr, u16);
type Direction = (Side, Side);

/// One connection's direction: bytes by their distance from the first sequence number.
#[derive(Default)]
struct Stream {
    first: u32,
    segments: BTreeMap<u32, Vec<u8>>,
}

/// What a capture holds, by direction.
#[derive(Default)]
struct Traffic {
    streams: BTreeMap<Direction, Vec<Stream>>,
    datagrams: BTreeMap<Direction, Vec<Vec<u8>>>,
}

/// A hello in the words of the truth.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    direction: Direction,
    server_name: Option<String>,
    alpn: Vec<String>,
    ja4: Option<String>,
    ech: bool,
}

#[test]
fn every_tls_hello_of_the_corpus_is_read_as_an_independent_tool_reads_it() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus in ../shared/corpus (or where BORDERFLOW_CORPUS says)");
        return;
    };
    let (mut compared, mut found, mut misses) = (BTreeMap::new(), 0, Vec::new());
    let mut explained = EXPLAINED;
    for line in std::fs::read_to_string(corpus.join("manifest.tsv")).unwrap().lines().skip(1) {
        let mut columns = line.split('\t');
        let (capture, truth) = (columns.next().unwrap(), columns.next().unwrap());
        let expected = expected(&corpus.join(truth));
        if expected.is_empty() {
            continue;
        }
        let traffic = traffic(&corpus.join(capture));
        for (over, seen) in expected {
            let hellos = hellos(&traffic, &over, seen.direction);
            *compared.entry(over).or_insert(0) += 1;
            if hellos.iter().any(|hello| agrees(hello, &seen)) {
                found += 1;
            } else {
                misses.push((capture.to_owned(), format!("  want {seen:?}\n  got  {hellos:?}")));
            }
        }
    }
    println!("{found} of {compared:?} agree");
    assert!(found > 900, "only {found} hellos compared: is the corpus whole?");
    misses.retain(|(capture, _): &(String, String)| !is_explained(capture, &mut explained));
    let misses: Vec<String> = misses.into_iter().map(|(capture, miss)| format!("{capture}\n{miss}")).collect();
    assert!(explained.iter().all(|entry| entry.1 == 0), "explained, but read: {explained:?}");
    assert!(misses.is_empty(), "{} hellos differ:\n{}", misses.len(), misses.join("\n"));
}

/// Uses up one of the explained misses of the capture.
fn is_explained(capture: &str, explained: &mut [(&str, usize, &str)]) -> bool {
    let of_capture = |entry: &&mut (&str, usize, &str)| entry.1 > 0 && capture.ends_with(&format!("/{}", entry.0));
    explained.iter_mut().find(of_capture).map(|entry| entry.1 -= 1).is_some()
}

#[test]
fn every_server_certificate_of_the_corpus_is_read_as_an_independent_tool_reads_it() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus in ../shared/corpus (or where BORDERFLOW_CORPUS says)");
        return;
    };
    let (mut found, mut misses) = (0, Vec::new());
    for line in std::fs::read_to_string(corpus.join("manifest.tsv")).unwrap().lines().skip(1) {
        let mut columns = line.split('\t');
        let (capture, truth) = (columns.next().unwrap(), columns.next().unwrap());
        let truth = json(&corpus.join(truth.replace(".json.gz", ".suricata.json.gz")));
        let certificates: Vec<&Value> =
            truth["tls"].as_array().into_iter().flatten().filter(|tls| tls["subject"].is_string()).collect();
        if certificates.is_empty() {
            continue;
        }
        let traffic = traffic(&corpus.join(capture));
        for seen in certificates {
            let server = answer_of(&traffic, seen);
            if server.as_ref().is_some_and(|server| same_certificate(server, seen)) {
                found += 1;
            } else if !capture.ends_with(EXPLAINED_CERTIFICATE) {
                misses.push(format!("{capture}\n  want {seen}\n  got  {server:?}"));
            }
        }
    }
    println!("{found} certificates agree");
    assert!(found > 200, "only {found} certificates compared: is the corpus whole?");
    assert!(misses.is_empty(), "{} certificates differ:\n{}", misses.len(), misses.join("\n"));
}

/// What the server of Suricata's tuple said.
fn answer_of(traffic: &Traffic, seen: &Value) -> Option<Server> {
    let side = |at: usize| {
        (seen["tuple"][at].as_str().unwrap().parse().unwrap(), seen["tuple"][at + 1].as_u64().unwrap() as u16)
    };
    let (client, server) = (side(0), side(2));
    let questions = prefixes(traffic, (client, server));
    let question = questions.first().map_or(&[][..], Vec::as_slice);
    prefixes(traffic, (server, client)).iter().find_map(|prefix| {
        let (_, begins) = tls::after_starttls(question, prefix).unwrap_or((0, 0));
        if let Reading::Found(server) = tls::server(&prefix[begins..]) { Some(server) } else { None }
    })
}

fn same_certificate(server: &Server, seen: &Value) -> bool {
    let Some(certificate) = &server.certificate else { return false };
    let version = match server.hello.version {
        0x0300 => "SSLv3",
        0x0301 => "TLSv1",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        _ => "",
    };
    let same = |dn: &Value, key: &str, text: &Option<String>| {
        let dn = format!(", {}", dn.as_str().unwrap());
        match text {
            Some(text) => dn.contains(&format!(", {key}={text}")),
            None => !dn.contains(&format!(", {key}=")),
        }
    };
    seen["version"] == version
        && same(&seen["subject"], "O", &certificate.subject_organization)
        && same(&seen["subject"], "C", &certificate.subject_country)
        && same(&seen["subject"], "CN", &certificate.subject_common_name)
        && same(&seen["issuer"], "O", &certificate.issuer_organization)
        && same(&seen["issuer"], "C", &certificate.issuer_country)
        && same(&seen["issuer"], "CN", &certificate.issuer_common_name)
}

fn agrees(hello: &ClientHello, seen: &Seen) -> bool {
    hello.server_name == seen.server_name
        && (seen.ja4.is_none() || hello.alpn == seen.alpn && hello.ech == seen.ech)
        && seen.ja4.as_ref().is_none_or(|ja4| hello.ja4 == *ja4)
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

/// The hellos over TCP and DTLS that the truth lists, with what carries them.
fn expected(truth: &Path) -> Vec<(String, Seen)> {
    let truth = json(truth);
    let entries = truth["tls"].as_array().cloned().unwrap_or_default();
    let over = |entry: &Value| entry["over"].as_str().unwrap().to_owned();
    let ours = entries.iter().filter(|entry| ["tcp", "dtls"].contains(&over(entry).as_str()));
    ours.map(|entry| (over(entry), seen(entry))).collect()
}

/// The truth in this file; nothing where there is none.
fn json(path: &Path) -> Value {
    let Ok(file) = File::open(path) else { return Value::Null };
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn seen(entry: &Value) -> Seen {
    let conversation: Vec<&str> = entry["conv"].as_str().unwrap().split('|').collect();
    let side = |at: usize| (conversation[at].parse().unwrap(), conversation[at + 1].parse().unwrap());
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().map_or(Vec::new(), |list| list.iter().map(|text| text.as_str().unwrap().to_owned()).collect())
    };
    Seen {
        direction: (side(2), side(4)),
        server_name: texts(&entry["sni"]).into_iter().next().map(|name| name.to_ascii_lowercase()),
        alpn: texts(&entry["alpn"]),
        ja4: entry["ja4"].as_str().map(str::to_owned),
        ech: entry["ech"].as_bool().unwrap_or(false),
    }
}

fn hellos(traffic: &Traffic, over: &str, direction: Direction) -> Vec<ClientHello> {
    let readings: Vec<Reading<ClientHello>> = if over == "tcp" {
        let answers = prefixes(traffic, (direction.1, direction.0));
        let answer = answers.first().map_or(&[][..], Vec::as_slice);
        prefixes(traffic, direction).iter().map(|prefix| after_anything(prefix, answer)).collect()
    } else {
        let datagrams = traffic.datagrams.get(&direction).map_or(&[][..], Vec::as_slice);
        (0..datagrams.len()).map(|first| tls::dtls_client(&datagrams[first..].concat())).collect()
    };
    readings
        .into_iter()
        .filter_map(|reading| if let Reading::Found(hello) = reading { Some(hello) } else { None })
        .collect()
}

fn after_anything(prefix: &[u8], answer: &[u8]) -> Reading<ClientHello> {
    let (begins, _) = tls::after_starttls(prefix, answer).unwrap_or((0, 0));
    tls::client(&prefix[begins..])
}

fn prefixes(traffic: &Traffic, direction: Direction) -> Vec<Vec<u8>> {
    traffic.streams.get(&direction).into_iter().flatten().map(Stream::prefix).collect()
}

impl Stream {
    fn prefix(&self) -> Vec<u8> {
        let mut prefix = Vec::new();
        for (&at, bytes) in &self.segments {
            let Some(known) = prefix.len().checked_sub(at as usize) else { break };
            prefix.extend_from_slice(bytes.get(known..).unwrap_or_default());
        }
        prefix
    }
}

fn traffic(capture: &Path) -> Traffic {
    let mut source = CaptureFiles::open(&[capture.to_path_buf()]).unwrap();
    let mut decoder = Decoder::new(Options { duplicate_window: Duration::ZERO, ..Options::default() });
    let (mut traffic, mut clock) = (Traffic::default(), Timestamp::ZERO);
    let mut batch = Batch::default();
    loop {
        match source.next_batch(&mut batch) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => continue,
        }
        for index in 0..batch.frames.len() {
            clock = clock.max(batch.frames[index].timestamp);
            if let Ok(Decoded::Packet(packet)) = decoder.decode(&mut batch, index, clock) {
                traffic.add(&packet, packet.payload.of(&batch.bytes));
            }
        }
    }
    traffic
}

impl Traffic {
    fn add(&mut self, packet: &Packet, payload: &[u8]) {
        let source = (packet.version.address(packet.source), packet.source_port);
        let destination = (packet.version.address(packet.destination), packet.destination_port);
        match packet.protocol {
            UDP => self.datagrams.entry((source, destination)).or_default().push(payload.to_vec()),
            TCP => self.add_segment((source, destination), packet, payload),
            _ => {}
        }
    }

    /// A SYN begins a connection; without one the first payload seen does.
    fn add_segment(&mut self, direction: Direction, packet: &Packet, payload: &[u8]) {
        let is_syn = packet.tcp.flags.has(TcpFlags::SYN);
        let streams = self.streams.entry(direction).or_default();
        let first = packet.tcp.sequence.wrapping_add(u32::from(is_syn));
        let begins = if is_syn { streams.last().is_none_or(|last| last.first != first) } else { streams.is_empty() };
        if begins && (is_syn || !payload.is_empty()) {
            streams.push(Stream { first, segments: BTreeMap::new() });
        }
        let Some(stream) = streams.last_mut() else { return };
        let at = first.wrapping_sub(stream.first);
        if !payload.is_empty() && at < 1 << 16 {
            let segment = stream.segments.entry(at).or_default();
            if segment.len() < payload.len() {
                *segment = payload.to_vec();
            }
        }
    }
}
