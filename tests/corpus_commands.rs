//! Which flows of the corpus are taken for which protocol of management, held against what TShark takes them for. Skipped,
//! with a message, where the corpus is absent.
//!
//! The label of a conversation is what TShark's truth says is in it. Where ours differs, in either direction,
//! `tests/data/corpus_commands.tsv` says how often and why, capture by capture; any other number fails. What TShark has no
//! dissector for is there too, with whose word it is. `--nocapture` prints the matrix.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test says where it fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use borderflow::attribute::{Catalogue, Tools};
use borderflow::capture::{Batch, CaptureFiles, PacketSource};
use borderflow::decode;
use borderflow::flow::{self, FlowUpdate, Party};
use borderflow::inspect::Facts;
use borderflow::pipeline::{Front, Shard};
use serde_json::Value;

/// What is compared, by the names of `network.protocol`, each with TShark's tokens for it.
const PROTOCOLS: [(&str, &[&str]); 46] = [
    ("anydesk", &[]),
    ("bacnet", &["bacnet", "bvlc"]),
    ("cwmp", &[]),
    ("dnp3", &["dnp3"]),
    ("enip", &["enip"]),
    ("fins", &["omron"]),
    ("frp", &[]),
    ("ftp", &["ftp"]),
    ("ge-srtp", &[]),
    ("growatt", &[]),
    ("iec104", &["iec60870_104"]),
    ("ike", &["isakmp"]),
    ("ipmi", &["ipmi", "rmcp", "asf"]),
    ("l2tp", &["l2tp"]),
    ("mms", &["mms"]),
    ("modbus", &["mbtcp", "modbus", "mbudp"]),
    ("mqtt", &["mqtt"]),
    ("n2n", &[]),
    ("ocpp", &[]),
    ("opcua", &["opcua"]),
    ("openvpn", &["openvpn"]),
    ("pppp", &[]),
    ("pptp", &["pptp"]),
    ("radmin", &[]),
    ("rdp", &["rdp", "rdpudp"]),
    ("reolink", &[]),
    ("rlogin", &["rlogin"]),
    ("rsh", &["rsh"]),
    ("rustdesk", &[]),
    ("s7comm", &["s7comm"]),
    ("smb", &["smb", "smb2"]),
    ("snmp", &["snmp"]),
    ("socks", &["socks"]),
    ("solarman", &[]),
    ("ssh", &["ssh"]),
    ("stun", &["stun", "classicstun"]),
    ("tailscale", &[]),
    ("teamviewer", &[]),
    ("telnet", &["telnet"]),
    ("tftp", &["tftp"]),
    ("tuya", &[]),
    ("vnc", &["vnc"]),
    ("winrm", &[]),
    ("wireguard", &["wg"]),
    ("x11", &["x11"]),
    ("zerotier", &[]),
];

const TCP: u8 = 6;
const UDP: u8 = 17;

/// IP protocol number and both ends, the lesser first.
type Conversation = (u8, (IpAddr, u16), (IpAddr, u16));
type Labels = BTreeMap<Conversation, BTreeSet<&'static str>>;

/// What one protocol came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Conversations both take for it.
    agreed: usize,
    /// Only TShark.
    missed: usize,
    /// Only this program.
    more: usize,
}

#[test]
fn management_is_recognised_in_the_flows_that_carry_it_and_in_no_others() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus in ../shared/corpus (or where BORDERFLOW_CORPUS says)");
        return;
    };
    let tools = Catalogue::embedded().unwrap().tools;
    let mut explained = explained();
    let (mut matrix, mut differences) = (BTreeMap::<&str, Tally>::new(), Vec::new());
    for line in fs::read_to_string(corpus.join("manifest.tsv")).unwrap().lines().skip(1) {
        let mut columns = line.split('\t');
        let (capture, truth) = (columns.next().unwrap(), columns.next().unwrap());
        let tallies = compared(&labels(&corpus.join(truth)), &taken_for(&corpus.join(capture), &tools));
        for (protocol, tally) in tallies {
            matrix.entry(protocol).or_default().add(tally);
            let known = explained.remove(&(capture.to_owned(), protocol.to_owned())).unwrap_or_default();
            if known != (tally.missed, tally.more) {
                let Tally { agreed, missed, more } = tally;
                differences
                    .push(format!("{capture}\t{protocol}\t{missed}\t{more}\t({agreed} agreed, explained {known:?})"));
            }
        }
    }
    println!("{}", table(&matrix));
    assert!(differences.is_empty(), "not as explained:\n{}", differences.join("\n"));
    assert!(explained.is_empty(), "explained, but there is no such flow: {explained:?}");
    assert!(matrix.values().map(|tally| tally.agreed).sum::<usize>() > 4_000, "is the corpus whole?");
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.agreed += other.agreed;
        self.missed += other.missed;
        self.more += other.more;
    }
}

fn table(matrix: &BTreeMap<&str, Tally>) -> String {
    let row = |(protocol, _): &(&str, &[&str])| {
        let Tally { agreed, missed, more } = matrix.get(protocol).copied().unwrap_or_default();
        format!("\n{protocol:<12}{agreed:>8}{missed:>8}{more:>8}")
    };
    let head = format!("{:<12}{:>8}{:>8}{:>8}", "protocol", "agreed", "missed", "more");
    head + &PROTOCOLS.iter().map(row).collect::<String>()
}

fn compared(labels: &Labels, taken_for: &Labels) -> BTreeMap<&'static str, Tally> {
    let nothing = BTreeSet::new();
    let mut tallies = BTreeMap::<&str, Tally>::new();
    for conversation in labels.keys().chain(taken_for.keys()).collect::<BTreeSet<_>>() {
        let theirs = labels.get(conversation).unwrap_or(&nothing);
        let ours = taken_for.get(conversation).unwrap_or(&nothing);
        theirs.intersection(ours).for_each(|protocol| tallies.entry(protocol).or_default().agreed += 1);
        theirs.difference(ours).for_each(|protocol| tallies.entry(protocol).or_default().missed += 1);
        ours.difference(theirs).for_each(|protocol| tallies.entry(protocol).or_default().more += 1);
    }
    tallies
}

/// By capture and protocol, how many conversations only TShark and only this program take for it.
fn explained() -> BTreeMap<(String, String), (usize, usize)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus_commands.tsv");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|row| {
        assert!(row.len() == 5 && !row[4].is_empty(), "capture, protocol, missed, more, why: {row:?}");
        ((row[0].to_owned(), row[1].to_owned()), (row[2].parse().unwrap(), row[3].parse().unwrap()))
    })
    .collect()
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let path = std::env::var_os("BORDERFLOW_CORPUS").map_or(beside, PathBuf::from);
    path.join("manifest.tsv").exists().then_some(path)
}

/// What TShark says is in the conversations of a capture.
fn labels(truth: &Path) -> Labels {
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(File::open(truth).unwrap()).read_to_end(&mut json).unwrap();
    let truth: Value = serde_json::from_slice(&json).unwrap();
    let mut labels = Labels::new();
    for entry in truth["conversations"].as_array().unwrap() {
        let transport = match entry["proto"].as_str().unwrap() {
            "tcp" => TCP,
            "udp" => UDP,
            _ => continue,
        };
        let end = |address: &str, port: &str| -> (IpAddr, u16) {
            (entry[address].as_str().unwrap().parse().unwrap(), entry[port].as_u64().unwrap() as u16)
        };
        let conversation = conversation(transport, end("a_ip", "a_port"), end("b_ip", "b_port"));
        for token in entry["apps"].as_object().unwrap().keys() {
            // In datagrams SMB carries the announcements of NetBIOS, no sessions.
            let named = PROTOCOLS
                .iter()
                .find(|(name, tokens)| tokens.contains(&token.as_str()) && (*name != "smb" || transport == TCP));
            labels.entry(conversation).or_default().extend(named.map(|(name, _)| *name));
        }
    }
    labels
}

fn conversation(transport: u8, a: (IpAddr, u16), b: (IpAddr, u16)) -> Conversation {
    (transport, a.min(b), a.max(b))
}

/// What this program takes the flows of a capture for.
fn taken_for(capture: &Path, tools: &Tools) -> Labels {
    let mut labels = Labels::new();
    for update in updates(capture) {
        let end = |party: &Party| (party.endpoint.address, party.endpoint.port);
        let names = names(&update, tools);
        if matches!(update.protocol, TCP | UDP) {
            let conversation = conversation(update.protocol, end(&update.initiator), end(&update.responder));
            let known = PROTOCOLS.iter().map(|(name, _)| *name).filter(|name| names.contains(*name));
            labels.entry(conversation).or_default().extend(known);
        }
    }
    labels
}

/// By its messages, by what else it says, and by the tool that its names are a sign of.
fn names(update: &FlowUpdate, tools: &Tools) -> BTreeSet<String> {
    let facts = update.facts.as_deref();
    let said = update.application;
    let followed = update.dealings.as_deref().filter(|it| it.messages > 0).map(|dealings| dealings.protocol);
    let tool = facts.and_then(|facts| tool(facts, tools));
    said.into_iter().chain(followed).map(str::to_owned).chain(tool).collect()
}

fn tool(facts: &Facts, tools: &Tools) -> Option<String> {
    let certified = facts.certificate.iter().flat_map(|it| [&it.subject_common_name, &it.issuer_common_name]).flatten();
    let by_name = facts.server_names.iter().find_map(|name| tools.of_name(name));
    let by_alpn = || facts.alpn.iter().find_map(|offer| tools.of_alpn(offer));
    let by_certificate = || { certified }.find_map(|name| tools.of_certificate(name));
    by_name.or_else(by_alpn).or_else(by_certificate).map(|tool| tool.name.to_lowercase())
}

fn updates(capture: &Path) -> Vec<FlowUpdate> {
    let options = flow::Options { max_flows: 20_000, max_inspections: 2_000, ..flow::Options::default() };
    let mut source = CaptureFiles::open(&[capture.to_path_buf()]).unwrap();
    let mut front = Front::new(decode::Options::default(), None, 0);
    let mut shard = Shard::new(&options, decode::Options::default(), 0, 1);
    let (mut batch, mut packets, mut updates) = (Batch::default(), [Vec::new()], Vec::new());
    while let Ok(true) = source.next_batch(&mut batch) {
        front.decode(&mut batch, &mut packets);
        let [list] = &mut packets;
        shard.handle(&batch, list, front.clock(), &mut updates);
        list.clear();
    }
    shard.finish(front.clock(), &mut updates);
    updates
}
