//! A directory with the daemon's files and others', and the process that is confined to the former.

use std::fmt;
use std::fs::{self, Permissions};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use borderflow::run::sandbox::Plan;

/// What a scene says at its end.
pub(crate) const PLAYED: &str = "the scene was played to its end";

const NAME: &str = "BORDERFLOW_TEST_SANDBOX_SCENE";
const DIRECTORY: &str = "BORDERFLOW_TEST_SANDBOX_DIRECTORY";
const PORT: &str = "BORDERFLOW_TEST_SANDBOX_PORT";

pub(crate) fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

pub(crate) fn can_open_interfaces() -> bool {
    caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_NET_RAW).unwrap()
}

/// What the test keeps: the directory, a port nobody listens on, and a socket of another process.
pub(crate) struct Stage {
    name: &'static str,
    directory: tempfile::TempDir,
    port: u16,
    _outside: UnixListener,
}

impl Stage {
    pub(crate) fn new(name: &'static str) -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        open_to_all(path, 0o777);
        for inside in ["conf", "data", "other"] {
            fs::create_dir(path.join(inside)).unwrap();
            open_to_all(&path.join(inside), 0o777);
        }
        for file in ["conf/config.toml", "other/secret"] {
            fs::write(path.join(file), "a = 1\n").unwrap();
            open_to_all(&path.join(file), 0o666);
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let outside = UnixListener::bind_addr(&outside(path)).unwrap();
        Stage { name, directory, port, _outside: outside }
    }

    pub(crate) fn play(&self) -> Played {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "inside", "--test-threads=1", "--nocapture"]);
        command.env(NAME, self.name).env(DIRECTORY, self.directory.path()).env(PORT, self.port.to_string());
        command.env_remove("NOTIFY_SOCKET").current_dir("/");
        Played { name: self.name, output: command.output().unwrap() }
    }
}

fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// An abstract Unix socket on which the test listens.
fn outside(directory: &Path) -> SocketAddr {
    SocketAddr::from_abstract_name(directory.as_os_str().as_encoded_bytes()).unwrap()
}

pub(crate) struct Played {
    name: &'static str,
    pub(crate) output: Output,
}

impl Played {
    /// Nothing in it failed, and it says so itself.
    pub(crate) fn is_played_to_its_end(&self) -> bool {
        self.output.status.success() && String::from_utf8_lossy(&self.output.stdout).contains(PLAYED)
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, err) = (String::from_utf8_lossy(&self.output.stdout), String::from_utf8_lossy(&self.output.stderr));
        write!(f, "scene {}: {}\n{out}\n{err}", self.name, self.output.status)
    }
}

/// The same from inside.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    pub(crate) port: u16,
    pub(crate) started_as_root: bool,
    /// A server on loopback that was there before.
    pub(crate) server: std::net::SocketAddr,
}

impl Scene {
    pub(crate) fn of_this_process() -> Option<Scene> {
        let name = std::env::var(NAME).ok()?;
        let directory = PathBuf::from(std::env::var_os(DIRECTORY).unwrap());
        let port = std::env::var(PORT).unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        // Not confined: started before.
        let server_thread = std::thread::Builder::new().name("forgotten".to_owned());
        server_thread.spawn(move || listener.incoming().for_each(drop)).unwrap();
        Some(Scene { name, directory, port, started_as_root: is_root(), server })
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.directory.join(inside)
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan {
            files: true,
            system_calls: true,
            readable: vec![self.path("conf/config.toml")],
            writable: vec![self.path("data")],
            bind_tcp: Some(self.port),
        }
    }

    pub(crate) fn outside(&self) -> SocketAddr {
        outside(&self.directory)
    }
}

/// A frame on the loopback interface.
pub(crate) fn send_datagram(text: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(text, "127.0.0.1:9").unwrap();
}

/// A file of this thread's.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", nix::unistd::gettid())
}
