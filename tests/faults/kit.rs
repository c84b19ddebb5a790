//! What the fault runs share: a capture with many findings, the sensor as a process, the count of what arrived.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use borderflow::journal::{Filter, Reader};
use borderflow_testkit::program::{Outcome, Program};
use borderflow_testkit::{Host, Link, Pcap, udp_frame};
use serde::Deserialize;

pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_borderflow");
const START_NS: u64 = 1_762_934_400_000_000_000;
const ENTITIES: u32 = 50;
/// Silence between two findings: so long that nearly as many close as open.
const SPACING_NS: u64 = 20_000_000_000;
/// More than any run needs, so that a test that fails says so.
const PATIENCE: Duration = Duration::from_secs(120);

/// A number that the environment may raise for the long form.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A capture of `findings` findings, each of which makes two alerts: opened, closed.
pub(crate) fn capture(findings: u32) -> Vec<u8> {
    capture_of_day(0, findings)
}

/// The same on another day.
pub(crate) fn capture_of_day(day: u64, findings: u32) -> Vec<u8> {
    let start_ns = START_NS + day * 86_400_000_000_000;
    let pcap = Pcap::microseconds(1);
    let mut bytes = Vec::new();
    pcap.start(&mut bytes);
    for number in 0..findings {
        let (asset, entity) = (number / ENTITIES, number % ENTITIES);
        let asset = (Host::new(&format!("10.0.{}.{}", asset / 250, asset % 250 + 1)), 40_000);
        let entity = (Host::new(&format!("203.0.113.{}", entity + 1)), 9_999);
        let at = start_ns + u64::from(number) * SPACING_NS;
        pcap.append(&mut bytes, &udp_frame(&Link::Ethernet, at, asset, entity, &[7; 200]));
        pcap.append(&mut bytes, &udp_frame(&Link::Ethernet, at + 20_000_000, entity, asset, &[8; 100]));
    }
    bytes
}

/// A directory of its own for one test.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Writes `config.toml` with these outputs.
    pub(crate) fn configure(&self, outputs: &[String]) {
        let mut text = "[monitor]\nhome = [\"10.0.0.0/8\"]\n[detect]\nfinding_idle_hours = 1\n".to_owned();
        for entity in 0..ENTITIES {
            let (address, asn) = (format!("203.0.113.{}/32", entity + 1), 64_512 + entity);
            let _ = writeln!(text, "[[geoip.override]]\nprefix = \"{address}\"\ncountry = \"CN\"\nasn = {asn}");
        }
        text.extend(outputs.iter().map(|output| format!("[[output]]\n{output}\n")));
        self.write("config.toml", text);
    }

    /// `capture.pcap`, and the ids that a run without a fault makes of it, in order.
    pub(crate) fn undisturbed(&self, capture: &[u8]) -> Vec<String> {
        self.configure(&[]);
        self.write("capture.pcap", capture);
        let program = Program::new(EXECUTABLE, self.0.path());
        let outcome = program.args(["replay", "capture.pcap", "-c", "config.toml", "--alerts", "reference"]).run();
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        self.ids("reference")
    }

    /// A replay into `journal.db` that nothing kills.
    pub(crate) fn replay(&self, wait_s: u64) -> Outcome {
        let wait_s = wait_s.to_string();
        let args = ["replay", "capture.pcap", "-c", "config.toml", "--journal", "journal.db", "--wait", &wait_s];
        Program::new(EXECUTABLE, self.0.path()).args(args).run()
    }

    /// The ids in a file of records, in order.
    pub(crate) fn ids(&self, name: &str) -> Vec<String> {
        fs::read_to_string(self.path(name)).unwrap_or_default().lines().map(|line| id(line).unwrap()).collect()
    }
}

/// The output "archive": a file.
pub(crate) fn archive() -> String {
    "name = \"archive\"\nkind = \"file\"\npath = \"archive.ndjson\"".to_owned()
}

/// The output "hook": a webhook that gets lines.
pub(crate) fn hook(port: u16) -> String {
    format!("name = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\nbody = \"lines\"")
}

/// The output "elastic".
pub(crate) fn elastic(port: u16) -> String {
    format!("name = \"elastic\"\nkind = \"elasticsearch\"\nurl = \"http://127.0.0.1:{port}\"")
}

/// The output "syslog", over TCP.
pub(crate) fn syslog(port: u16) -> String {
    format!("name = \"syslog\"\nkind = \"syslog\"\nprotocol = \"tcp\"\naddress = \"127.0.0.1:{port}\"")
}

/// Counts the lines of a file that grows.
pub(crate) struct Lines {
    file: File,
    count: usize,
}

impl Lines {
    /// Of the archive, which need not be there yet.
    pub(crate) fn of_archive(scratch: &Scratch) -> Lines {
        let path = scratch.path("archive.ndjson");
        let file = File::options().append(true).read(true).create(true).open(path).unwrap();
        Lines { file, count: 0 }
    }

    pub(crate) fn count(&mut self) -> usize {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).unwrap();
        self.count += bytes.iter().filter(|&&byte| byte == b'\n').count();
        self.count
    }
}

/// What matters of an ECS record.
#[derive(Deserialize)]
pub(crate) struct Record {
    pub(crate) event: Event,
}

#[derive(Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
}

/// The id of a record.
pub(crate) fn id(record: &str) -> Option<String> {
    serde_json::from_str(record).ok().map(|record: Record| record.event.id)
}

/// The ids in a journal, by place.
pub(crate) fn journal_ids(path: &Path) -> Vec<String> {
    let entries = Reader::open(path).unwrap().after(0, &Filter::default(), 10_000_000).unwrap();
    entries.into_iter().map(|stored| stored.entry.id).collect()
}

/// A replay of standard input, to be fed, watched and killed.
pub(crate) struct Sensor {
    child: Child,
    log: PathBuf,
    pub(crate) started: Instant,
}

impl Sensor {
    pub(crate) fn start(scratch: &Scratch, journal: &Path) -> Sensor {
        let log = scratch.path("log");
        let child = Command::new(EXECUTABLE)
            .args(["replay", "-", "-c", "config.toml", "--wait", "60", "--journal"])
            .arg(journal)
            .current_dir(scratch.path("."))
            .env_remove("BORDERFLOW_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Sensor { child, log, started: Instant::now() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn wait_until_said(&mut self, text: &str) {
        wait(text, || {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.said());
            self.said().contains(text)
        });
    }

    /// SIGKILL: nothing can be saved. What it said until then.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said()
    }

    /// Its exit status, once it has ended by itself.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        wait("the end", || self.child.try_wait().unwrap().is_some());
        (self.child.wait().unwrap().code(), self.said())
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the first `at_once` bytes, then slices with a pause after each, until nobody reads any more. The pipe stays open
/// as long as what is returned.
pub(crate) fn feed(mut input: ChildStdin, bytes: &[u8], at_once: usize, slice: usize) -> JoinHandle<ChildStdin> {
    let (first, rest) = bytes.split_at(at_once);
    let (first, rest) = (first.to_vec(), rest.to_vec());
    thread::spawn(move || {
        let mut is_read = input.write_all(&first).is_ok();
        for slice in rest.chunks(slice.max(1)) {
            if is_read {
                thread::sleep(Duration::from_millis(5));
                is_read = input.write_all(slice).is_ok();
            }
        }
        input
    })
}

/// Waits until `done`, for as long as anything can take.
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// How one output fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) created: usize,
    pub(crate) delivered: usize,
    /// Alerts that came more than once.
    pub(crate) doubled: usize,
    pub(crate) lost: usize,
    /// Alerts that, when they first came, came after a later one.
    pub(crate) disordered: usize,
}

impl Tally {
    /// Of alerts created in this order, what arrived in that.
    pub(crate) fn of(created: &[String], arrived: &[String]) -> Tally {
        let places: HashMap<&str, usize> = created.iter().map(String::as_str).zip(0..).collect();
        let (mut seen, mut doubled, mut furthest) = (HashSet::new(), HashSet::new(), None);
        let mut tally = Tally { created: places.len(), ..Tally::default() };
        for id in arrived {
            let Some(place) = places.get(id.as_str()) else { continue };
            if !seen.insert(*place) {
                doubled.insert(*place);
            } else if Some(*place) < furthest {
                tally.disordered += 1;
            } else {
                furthest = Some(*place);
            }
        }
        tally.delivered = seen.len();
        tally.lost = tally.created - tally.delivered;
        tally.doubled = doubled.len();
        tally
    }

    /// Prints it, and insists that nothing is lost or out of order.
    pub(crate) fn insist(self, of: &str) {
        println!("{of}: {self}");
        assert_eq!((self.lost, self.disordered), (0, 0), "{of}: {self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { created, delivered, doubled, lost, disordered } = self;
        write!(f, "{created} created, {delivered} delivered, {doubled} doubled, {lost} lost, {disordered} out of order")
    }
}
