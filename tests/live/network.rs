//! A network of its own for one test: a namespace with virtual cables, which goes when the test ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use borderflow_testkit::{Frame, Pcap};
use nix::sched::{CloneFlags, setns};
use nix::unistd::Uid;

use super::capture;
use super::tools::{Process, run, tool, wait};

/// A network namespace, and a directory beside it.
pub(crate) struct Network {
    name: String,
    directory: tempfile::TempDir,
    ports: AtomicU32,
}

impl Network {
    /// A namespace with the cable `a` to `b`; `None`, and a message, where this machine cannot have one.
    pub(crate) fn new() -> Option<Network> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let reason = if !Uid::effective().is_root() {
            Some("not root".to_owned())
        } else {
            let missing = ["ip", "tcpreplay", "tcpdump"].into_iter().find(|program| tool(program).is_none());
            missing.map(|program| format!("no {program} here; packaging/peers.sh fetches it"))
        };
        if let Some(reason) = reason {
            println!("skipped: {reason}");
            return None;
        }
        let name = format!("borderflow-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = tool("ip").unwrap().args(["netns", "add", &name]).output().unwrap();
        if !made.status.success() {
            println!("skipped: no network namespaces here: {}", String::from_utf8_lossy(&made.stderr));
            return None;
        }
        let directory = tempfile::Builder::new().prefix("borderflow-live-").tempdir().unwrap();
        // For daemons that become somebody else.
        fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let network = Network { name, directory, ports: AtomicU32::new(9_470) };
        for switch in ["all", "default"] {
            network.inside(move || fs::write(format!("/proc/sys/net/ipv6/conf/{switch}/disable_ipv6"), "1").unwrap());
        }
        network.ip("link set dev lo up");
        network.cable("a", "b");
        Some(network)
    }

    /// Runs `ip` with these arguments in the namespace.
    pub(crate) fn ip(&self, args: &str) {
        run(tool("ip").unwrap().args(["-n", &self.name]).args(args.split(' ')));
    }

    /// Plugs in a cable: what is sent into one end comes out of the other. It carries frames of any size.
    pub(crate) fn cable(&self, one: &str, other: &str) {
        self.ip(&format!("link add name {one} type veth peer name {other}"));
        for end in [one, other] {
            self.ip(&format!("link set dev {end} mtu 65535 up"));
        }
    }

    /// `program` in the namespace.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = tool("ip").unwrap();
        command.args(["netns", "exec", &self.name]).arg(program).current_dir(self.directory.path());
        command
    }

    /// `program`, one of the tools, in the namespace.
    pub(crate) fn tool(&self, program: &str) -> Command {
        let tool = tool(program).unwrap();
        let mut command = self.command(Path::new(tool.get_program()));
        for (name, value) in tool.get_envs() {
            command.env(name, value.unwrap());
        }
        command
    }

    /// What `work` gives when it runs on a thread in the namespace; sockets made there stay in it.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(Path::new("/run/netns").join(&self.name)).unwrap();
        let enter = move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A port that nothing in the namespace has.
    pub(crate) fn port(&self) -> u32 {
        self.ports.fetch_add(1, Ordering::Relaxed)
    }

    /// Has tcpreplay send what is in `file` into `interface`, so many frames a second; how many were sent.
    pub(crate) fn replay(&self, file: &Path, interface: &str, rate: u64) -> usize {
        let said = run(self
            .tool("tcpreplay")
            .args(["--quiet", "--preload-pcap", "--intf1", interface, &format!("--pps={rate}")])
            .arg(file));
        let line = said.lines().find(|line| line.contains("Successful packets")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// The same with frames; all of them can be sent.
    pub(crate) fn send(&self, frames: &[Frame], interface: &str, rate: u64) {
        let file = self.path(&format!("{interface}-{}.pcap", self.port()));
        fs::write(&file, Pcap::microseconds(1).write(frames)).unwrap();
        assert_eq!(self.replay(&file, interface, rate), frames.len());
    }

    /// Sends what a tap recorded, a direction into each interface, at the pace at which it was recorded.
    pub(crate) fn send_directions(&self, directions: [(&[Frame], &str); 2]) {
        let files = directions.map(|(frames, interface)| {
            let file = self.path(&format!("{interface}.pcap"));
            fs::write(&file, Pcap::microseconds(1).write(frames)).unwrap();
            file
        });
        let [one, other] = directions.map(|(_, interface)| interface);
        let mut tcpreplay = self.tool("tcpreplay");
        run(tcpreplay.args(["--quiet", "--preload-pcap", "--dualfile", "--intf1", one, "--intf2", other]).args(files));
    }

    /// A tcpdump that records what comes out at `interface` from now on.
    pub(crate) fn record(&self, interface: &str) -> Recording {
        let file = self.path(&format!("recorded-{interface}.pcap"));
        let _ = fs::remove_file(&file);
        let mut command = self.tool("tcpdump");
        command.args(["-i", interface, "--time-stamp-precision=nano", "-U", "-B", "32768", "-Z", "root", "-w"]);
        let process = Process::start(command.arg(&file).stdin(Stdio::null()).stderr(Stdio::null()));
        // It writes the file's header once it listens.
        wait("tcpdump", || fs::metadata(&file).is_ok_and(|file| file.len() >= 24));
        Recording { process, file }
    }

    /// Lets frames be sent into `interface` one by one.
    pub(crate) fn sender(&self, interface: &str) -> Sender {
        let open = || pcap::Capture::from_device(interface).unwrap().snaplen(64).open().unwrap();
        let mut capture = self.inside(open);
        // Nothing is to be read.
        capture.filter("less 1", true).unwrap();
        Sender(capture)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = tool("ip").unwrap().args(["netns", "del", &self.name]).output();
    }
}

/// A recording that goes on.
pub(crate) struct Recording {
    process: Process,
    pub(crate) file: PathBuf,
}

impl Recording {
    /// Ends it once it has so many frames; the file.
    pub(crate) fn end(mut self, frames: usize) -> PathBuf {
        wait("tcpdump to write what it saw", || capture::count(&fs::read(&self.file).unwrap()) >= frames);
        self.process.signal("TERM");
        self.process.end();
        let recorded = capture::count(&fs::read(&self.file).unwrap());
        assert_eq!(recorded, frames, "tcpdump saw something else, too");
        self.file
    }
}

/// Sends frames one by one.
pub(crate) struct Sender(pcap::Capture<pcap::Active>);

impl Sender {
    pub(crate) fn send(&mut self, frame: &Frame) {
        self.0.sendpacket(frame.data.as_slice()).unwrap();
    }
}
