//! Reads the QUIC of the real captures in `../shared/corpus` (or `$BORDERFLOW_CORPUS`), and holds the names of servers
//! against those an independent tool saw, with the datagrams in order, repeated and shuffled.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where the corpus is not what it should be"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use borderflow::capture::{Batch, CaptureFiles, PacketSource};
use borderflow::decode::{Decoded, Decoder, Options};
use borderflow::inspect::Reading;
use borderflow::inspect::quic::{Hello, QuicHello, is_handshake, looks_like_quic};
use borderflow::net::Timestamp;
use borderflow_testkit::Prng;
use serde_json::Value;

type Side = (IpAddr, u16);
type Flow = (Side, Side);
/// Per flow the names of servers, empty where the client gave none.
type Names = BTreeMap<Flow, BTreeSet<String>>;

#[test]
fn every_quic_name_of_the_corpus_is_found_on_its_flow_in_any_order() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus (set BORDERFLOW_CORPUS, or put it at ../shared/corpus)");
        return;
    };
    let (mut wanted, mut missed) = (0, Vec::new());
    for (capture, truth) in manifest(&corpus) {
        let expected = expected(&corpus.join(truth));
        if expected.is_empty() {
            continue;
        }
        let mut datagrams = datagrams(&corpus.join(&capture));
        let found = names(&datagrams);
        for (flow, name) in expected {
            wanted += 1;
            if !found.get(&flow).is_some_and(|names| names.contains(&name)) {
                missed.push(format!("{capture}: {flow:?} {name}"));
            }
        }
        datagrams.retain(|(_, payload)| is_handshake(payload) || looks_like_quic(payload));
        shuffle_and_repeat(&mut datagrams);
        assert_eq!(names(&datagrams), found, "{capture}: another order gives other names");
    }
    eprintln!("{} of {wanted} names found", wanted - missed.len());
    assert!(missed.is_empty() && wanted > 0, "{missed:#?}");
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

/// Path of each capture and of its truth.
fn manifest(corpus: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(corpus.join("manifest.tsv")).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|fields| (fields[0].to_owned(), fields[1].to_owned())).collect()
}

/// The flow of every hello in the truth and the name it gives.
fn expected(truth: &Path) -> Vec<(Flow, String)> {
    let truth: Value = serde_json::from_reader(flate2::read::GzDecoder::new(File::open(truth).unwrap())).unwrap();
    let hellos = truth["tls"].as_array().into_iter().flatten();
    let of_quic = hellos.filter(|hello| matches!(hello["over"].as_str(), Some("quic" | "gquic")));
    of_quic
        .map(|hello| (conversation(&hello["conv"]), hello["sni"][0].as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn conversation(text: &Value) -> Flow {
    let parts: Vec<_> = text.as_str().unwrap().split('|').collect();
    flow((parts[2].parse().unwrap(), parts[3].parse().unwrap()), (parts[4].parse().unwrap(), parts[5].parse().unwrap()))
}

fn flow(a: Side, b: Side) -> Flow {
    (a.min(b), a.max(b))
}

fn datagrams(capture: &Path) -> Vec<(Flow, Vec<u8>)> {
    let mut source = CaptureFiles::open(&[capture.to_owned()]).unwrap();
    let mut decoder = Decoder::new(Options { duplicate_window: Duration::ZERO, ..Options::default() });
    let (mut batch, mut clock, mut found) = (Batch::default(), Timestamp::ZERO, Vec::new());
    while let Ok(true) = source.next_batch(&mut batch) {
        for index in 0..batch.frames.len() {
            clock = clock.max(batch.frames[index].timestamp);
            if let Ok(Decoded::Packet(packet)) = decoder.decode(&mut batch, index, clock)
                && packet.protocol == 17
            {
                let source = (packet.version.address(packet.source), packet.source_port);
                let destination = (packet.version.address(packet.destination), packet.destination_port);
                found.push((flow(source, destination), packet.payload.of(&batch.bytes).to_vec()));
            }
        }
    }
    found
}

fn shuffle_and_repeat(datagrams: &mut Vec<(Flow, Vec<u8>)>) {
    let mut prng = Prng::new(datagrams.len() as u64);
    datagrams.extend(datagrams.clone());
    for index in (1..datagrams.len()).rev() {
        datagrams.swap(index, prng.below(index as u64 + 1) as usize);
    }
}

fn names(datagrams: &[(Flow, Vec<u8>)]) -> Names {
    let (mut open, mut names) = (BTreeMap::new(), Names::new());
    for (flow, payload) in datagrams {
        if !open.contains_key(flow) && !looks_like_quic(payload) {
            continue;
        }
        let name = match open.entry(*flow).or_insert_with(QuicHello::new).datagram(payload) {
            Reading::More => continue,
            Reading::Other => None,
            Reading::Found(Hello::Tls { handshake, .. }) => Some(server_name(handshake).to_vec()),
            Reading::Found(Hello::Google { chlo, .. }) => Some(chlo.server_name().unwrap_or_default().to_vec()),
        };
        open.remove(flow);
        if let Some(name) = name {
            names.entry(*flow).or_default().insert(String::from_utf8_lossy(&name).into_owned());
        }
    }
    names
}

/// The name in the server_name extension (RFC 6066 section 3) of a ClientHello, empty where it has none.
fn server_name(hello: &[u8]) -> &[u8] {
    let u16_at = |at: usize| usize::from(hello[at]) << 8 | usize::from(hello[at + 1]);
    let ciphers = 39 + usize::from(hello[38]);
    let methods = ciphers + 2 + u16_at(ciphers);
    let mut at = methods + 1 + usize::from(hello[methods]) + 2;
    while at + 4 <= hello.len() {
        let end = at + 4 + u16_at(at + 2);
        if u16_at(at) == 0 {
            return &hello[at + 9..end];
        }
        at = end;
    }
    &[]
}
