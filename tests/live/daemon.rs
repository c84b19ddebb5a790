//! The daemon as a process: configured, started, asked, stopped.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use borderflow_testkit::program::{Outcome, Program};
use serde_json::Value;

use super::network::Network;
use super::records::{Records, lines, text};
use super::tools::{PATIENCE, Process, wait};

/// What a ring holds in these tests, bytes: many daemons run at once.
const RING_BYTES: u32 = 16 << 20;

/// The program under test: the one just built, or another, such as an installed one, that BORDERFLOW_BIN names.
pub(crate) fn executable() -> PathBuf {
    let named =
        std::env::var_os("BORDERFLOW_BIN").or_else(|| option_env!("CARGO_BIN_EXE_borderflow").map(OsString::from));
    PathBuf::from(named.unwrap())
}

/// A daemon to be started: a directory with its configuration, journal and outputs.
#[derive(Clone)]
pub(crate) struct Setup<'a> {
    network: &'a Network,
    directory: PathBuf,
    port: u32,
    policy: String,
    has_flow_records: bool,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    /// What starts it: a program and its arguments.
    wrapper: Vec<String>,
    executable: PathBuf,
}

impl<'a> Setup<'a> {
    /// Listens at `b`, writes `alerts.ndjson` and `flows.ndjson` in the directory `name`.
    pub(crate) fn new(network: &'a Network, name: &str) -> Setup<'a> {
        let directory = network.path(name);
        fs::create_dir_all(&directory).unwrap();
        let args = vec!["-i".to_owned(), "b".to_owned()];
        let (policy, environment, wrapper) = (String::new(), Vec::new(), Vec::new());
        let setup = Setup {
            network,
            directory,
            port: network.port(),
            policy,
            has_flow_records: true,
            args,
            environment,
            wrapper,
            executable: executable(),
        };
        setup.write();
        setup
    }

    /// With these tables of the configuration beside the ones above.
    pub(crate) fn policy(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.policy);
        self.write();
        self
    }

    /// Without `flows.ndjson`.
    pub(crate) fn without_flow_records(mut self) -> Self {
        self.has_flow_records = false;
        self.write();
        self
    }

    /// With these command line arguments in place of `-i b`.
    pub(crate) fn args(mut self, args: &str) -> Self {
        self.args = args.split(' ').filter(|arg| !arg.is_empty()).map(str::to_owned).collect();
        self
    }

    /// With `--set` of these.
    pub(crate) fn set(mut self, settings: &[&str]) -> Self {
        self.args.extend(settings.iter().flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Started by another program, such as setpriv.
    pub(crate) fn by(mut self, wrapper: &str) -> Self {
        self.wrapper = wrapper.split(' ').map(str::to_owned).collect();
        self
    }

    /// Another copy of the program.
    pub(crate) fn program(mut self, executable: &Path) -> Self {
        executable.clone_into(&mut self.executable);
        self
    }

    /// Gives the directory to a user.
    pub(crate) fn owned_by(self, user: u32) -> Self {
        chown(&self.directory, Some(user), Some(user)).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes `config.toml`, in which the tables of `policy` come first, and `policy.toml` with those alone.
    fn write(&self) {
        let mut config = self.policy.clone();
        let _ = write!(
            config,
            "\n[journal]\npath = \"journal.db\"\n[metrics]\nlisten = \"127.0.0.1:{}\"\n[capture]\nring_bytes = {RING_BYTES}\n",
            self.port
        );
        config.push_str("[[output]]\nname = \"alerts\"\nkind = \"file\"\npath = \"alerts.ndjson\"\n");
        if self.has_flow_records {
            config.push_str("[[flow_output]]\nname = \"flows\"\nkind = \"file\"\npath = \"flows.ndjson\"\n");
        }
        fs::write(self.path("config.toml"), config).unwrap();
        fs::write(self.path("policy.toml"), &self.policy).unwrap();
    }

    fn command(&self) -> Command {
        let first = self.wrapper.first().map_or_else(|| self.executable.clone(), PathBuf::from);
        let mut command = self.network.command(&first);
        command.args(self.wrapper.iter().skip(1));
        if !self.wrapper.is_empty() {
            command.arg(&self.executable);
        }
        command.args(["monitor", "-c", "config.toml"]).args(&self.args).current_dir(&self.directory);
        command.env_remove("BORDERFLOW_LOG").env_remove("NOTIFY_SOCKET");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(&self) -> Daemon<'a> {
        let log = self.path("log");
        let said_before = fs::read_to_string(&log).unwrap_or_default().len();
        let log_file = File::options().create(true).append(true).open(&log).unwrap();
        let process = Process::start(self.command().stderr(log_file));
        let mut daemon = Daemon { setup: self.clone(), process, log, said_before };
        daemon.wait_until_said("monitoring ");
        daemon
    }

    /// Runs it where it cannot begin: exit status and what it said.
    pub(crate) fn fail(&self) -> (Option<i32>, String) {
        let mut process = Process::start(self.command().stderr(Stdio::piped()));
        let status = process.end();
        (status, process.complaint())
    }

    /// What `borderflow replay` makes of a capture by the same policy.
    pub(crate) fn replay(&self, capture: &Path) -> Records {
        let program = Program::new(&self.executable, &self.directory);
        let program = program.args(["replay", "-c", "policy.toml", "--alerts", "ra.ndjson", "--flows", "rf.ndjson"]);
        let outcome = program.arg(capture).run();
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        Records { flows: lines(&self.path("rf.ndjson")), alerts: lines(&self.path("ra.ndjson")) }
    }

    /// What the journal holds, oldest first.
    pub(crate) fn journal(&self, filter: &[&str]) -> Vec<Value> {
        let Outcome { status, stdout, stderr } = Program::new(&self.executable, &self.directory)
            .args(["journal", "list", "--journal", "journal.db", "--format", "json"])
            .args(filter)
            .run();
        assert_eq!(status, Some(0), "{stderr}");
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the sensor said of itself: messages.
    pub(crate) fn self_alerts(&self) -> Vec<String> {
        self.journal(&["--kind", "self"]).iter().map(|alert| text(alert, "message").to_owned()).collect()
    }

    /// What was written so far.
    pub(crate) fn records(&self) -> Records {
        Records { flows: lines(&self.path("flows.ndjson")), alerts: lines(&self.path("alerts.ndjson")) }
    }
}

/// A daemon that runs.
pub(crate) struct Daemon<'a> {
    pub(crate) setup: Setup<'a>,
    pub(crate) process: Process,
    log: PathBuf,
    said_before: usize,
}

impl Daemon<'_> {
    /// What it said since it started.
    pub(crate) fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap();
        text.get(self.said_before..).unwrap_or_default().to_owned()
    }

    pub(crate) fn wait_until_said(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.said().contains(text) {
            assert!(!self.process.has_ended(), "it ended: {}", self.said());
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {text:?}: {}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it said this of itself, in the journal.
    pub(crate) fn wait_for_alert(&self, text: &str) {
        wait(text, || self.setup.self_alerts().iter().any(|message| message.contains(text)));
    }

    /// Asks its endpoint: status and body.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let port = self.setup.port as u16;
        let mut stream = self.setup.network.inside(move || TcpStream::connect(("127.0.0.1", port)).unwrap());
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The sum of a metric over its labels; what has not reported yet does not count.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.ask("/metrics");
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let found: Vec<&str> = text.lines().filter(of_name).collect();
        let is_family = text.contains(&format!("# HELP {} ", name.trim_end_matches("_total")));
        assert!(is_family, "no {name} in {text}");
        found.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Waits until a metric is what is wanted.
    pub(crate) fn wait_for(&self, name: &str, is_reached: impl Fn(f64) -> bool) {
        wait(name, || is_reached(self.metric(name)));
    }

    /// Waits until it has read so many frames in all; it lost none.
    pub(crate) fn wait_for_frames(&self, frames: usize) {
        let begun = Instant::now();
        loop {
            let (read, lost) =
                (self.metric("borderflow_frames_read_total"), self.metric("borderflow_capture_frames_lost_total"));
            assert_eq!(lost, 0.0, "the kernel lost frames: this machine is too slow for the test's rate");
            if read >= frames as f64 {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "read {read} of {frames} frames: {}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGTERM: it must end well; what it wrote in all.
    pub(crate) fn stop(mut self) -> Records {
        self.process.signal("TERM");
        assert_eq!(self.process.end(), Some(0), "{}", self.said());
        self.setup.records()
    }
}
