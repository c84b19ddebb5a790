//! What the tests of the command line share: a directory to run in, and a capture to read.

use std::fs;
use std::path::PathBuf;

use borderflow_testkit::program::{Outcome, Program};
use borderflow_testkit::{Conversation, Frame, Host, Pcap, Side};
use serde_json::Value;

pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_borderflow");
pub(crate) const START_NS: u64 = 1_762_934_400_000_000_000;
/// A flag and an override that make 203.0.113.0/24 flagged whatever the databases say.
pub(crate) const FLAGGED: [&str; 2] =
    ["--set", "geoip.override=[{prefix=\"203.0.113.0/24\", country=\"CN\", asn=64500}]"];

/// A directory of its own for one test, in which the program runs.
pub(crate) struct Scratch(pub(crate) tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn program(&self) -> Program {
        Program::new(EXECUTABLE, self.0.path())
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        self.program().args(args).run()
    }

    pub(crate) fn summary(&self) -> Value {
        serde_json::from_str(&self.read("summary")).unwrap()
    }
}

pub(crate) fn upload(port: u16, at_s: u64) -> Vec<Frame> {
    let talk = Conversation::new(Host::new("10.0.0.7"), port, Host::new("203.0.113.1"), 443);
    let talk = talk.at(START_NS + at_s * 1_000_000_000).open();
    talk.exchange(Side::Client, &[7; 2_000], b"200 OK").close().frames()
}

pub(crate) fn pcap(frames: &[Frame]) -> Vec<u8> {
    Pcap::microseconds(1).write(frames)
}

pub(crate) fn assert_fails(outcome: &Outcome, status: i32, said: &[&str]) {
    assert_eq!(outcome.status, Some(status), "{}", outcome.stderr);
    for part in said {
        assert!(outcome.stderr.contains(part), "{part:?} is not in: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
}

pub(crate) fn assert_works(outcome: &Outcome) {
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
}

pub(crate) fn demo(name: &str) -> String {
    format!("{}/demo/{name}", env!("CARGO_MANIFEST_DIR"))
}
