//! A daemon's status with something everywhere, and a client that speaks HTTP by hand.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use borderflow::net::Timestamp;
use borderflow::run::metrics::{Served, serve};
use borderflow::run::status::{
    Board, Configuration, Database, Handle, Histogram, Interface, Journal, Judge, Link, Memory, Output, Shard, State,
    Status, Timings,
};

/// Names that would forge samples, labels or lines where they are not escaped.
pub(crate) const HOSTILE: [&str; 3] = ["eth\"0\\", "a\"} 1\n# EOF\n", "\\n\"},{le=\"\u{202e}ü\u{1f980}"];

pub(crate) fn serving(status: Status) -> (Served, Board) {
    let board = Board::default();
    board.publish(status);
    (serve(TcpListener::bind("127.0.0.1:0").unwrap(), board.clone()).unwrap(), board)
}

/// Runs, sees and writes; every figure has its own value.
pub(crate) fn running() -> Status {
    let names = ["eth0"].into_iter().chain(HOSTILE);
    let interfaces = names.clone().map(|name| Interface {
        name: name.to_owned(),
        state: Link::Up,
        since: Timestamp::from_parts(1_800_000_000, 5),
        frames_lost: 2,
        reopened: 1,
        last_error: String::new(),
        handles: vec![handle(0), handle(1)],
    });
    let outputs = names.map(|name| Output {
        name: name.to_owned(),
        connected: true,
        delivered: 100,
        bytes: 200_000,
        undelivered: 3,
        lag_s: 4,
        ..Output::default()
    });
    Status {
        version: "0.1.0".to_owned(),
        pid: 4711,
        started_at: Timestamp::from_parts(1_800_000_000, 250_000_000),
        uptime_s: 90_061,
        state: State::Running,
        sandbox: "user borderflow, files, system calls".to_owned(),
        configuration: Configuration { reloads: 3, loss_alert_per_100000: 100, ..Configuration::default() },
        interfaces: interfaces.collect(),
        shards: vec![shard(0), shard(1)],
        judge: Judge { findings: 12, findings_open: 5, max_findings: 1000, alerts: 31, ..Judge::default() },
        journal: Journal { file_bytes: 1 << 20, max_bytes: 1 << 30, added: 31, ..Journal::default() },
        outputs: outputs.collect(),
        databases: vec![database("country"), database("ASN")],
        memory: Memory { resident_bytes: 300 << 20, limit_bytes: 900 << 20 },
        timings: timings(),
        ..Status::default()
    }
}

fn handle(shard: u16) -> Handle {
    Handle { shard, frames_read: 1_000_000, wire_bytes: u64::MAX / 64, frames_lost: 7, ring_overruns: 1 }
}

fn shard(number: u16) -> Shard {
    Shard {
        number,
        progress_age_ms: 120,
        frames_read: 4_000_000,
        packets_decoded: 3_999_990,
        frames_skipped: 10,
        skips: BTreeMap::from([("not_ip".to_owned(), 9), ("malformed".to_owned(), 1)]),
        flows_open: 77,
        max_flows: 100_000,
        max_waiting_updates: 1000,
        missed_bytes: 12_000_000,
        ..Shard::default()
    }
}

fn database(role: &str) -> Database {
    let (role, name, date) = (role.to_owned(), "DB-IP".to_owned(), "2026-08-01".to_owned());
    Database { role, name, date, age_days: 30, ranges: 700_000, path: None }
}

fn timings() -> Timings {
    let mut histogram = Histogram::new();
    [0, 90, 400, 400, 2_000_000, u64::MAX].iter().for_each(|ns| histogram.record(*ns));
    Timings { decode: histogram, lookup: histogram, alert_delay: histogram }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// Sends these bytes and reads until the other side closes; nothing where it closed without an answer.
pub(crate) fn send(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The other side may have enough before the end.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Answer { code, head: head.to_owned(), body: body.to_owned() })
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap()
}
