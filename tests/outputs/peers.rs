//! Real servers: found, started, stopped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::kit::wait;

/// An unpacked or an installed server.
pub(crate) struct Found {
    pub(crate) program: PathBuf,
    /// Root of what was unpacked; `None`: installed.
    root: Option<PathBuf>,
}

/// Looks below `target/peers`, then on PATH; says so where it is nowhere.
pub(crate) fn find(folder: &str, program: &str) -> Option<Found> {
    let peers = std::env::var_os("BORDERFLOW_PEERS").map(PathBuf::from);
    let peers = peers.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"));
    let root = peers.join(folder).join("root");
    let unpacked = root.join("usr/sbin").join(program);
    if unpacked.is_file() {
        return Some(Found { program: unpacked, root: Some(root) });
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let installed = places.map(|place| place.join(program)).find(|path| path.is_file());
    if installed.is_none() {
        println!("skipped: no {program} here; packaging/peers.sh fetches it");
    }
    installed.map(|program| Found { program, root: None })
}

impl Found {
    /// The root's library folders, and the folders in them.
    pub(crate) fn libraries(&self) -> Vec<PathBuf> {
        let root = self.root.clone().unwrap_or_else(|| "/".into());
        let bases = ["usr/lib", "lib"].map(|base| root.join(base));
        let within = |base: &PathBuf| fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path());
        let inner: Vec<PathBuf> = bases.iter().flat_map(within).filter(|path| path.is_dir()).collect();
        inner.into_iter().chain(bases).collect()
    }

    /// The folder `name` somewhere below the libraries.
    pub(crate) fn folder(&self, name: &str) -> Option<PathBuf> {
        self.libraries().into_iter().map(|library| library.join(name)).find(|path| path.is_dir())
    }

    pub(crate) fn start(&self, folder: &Path, args: &[&OsStr]) -> Process {
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = Command::new(&self.program);
        if self.root.is_some() {
            command.env("LD_LIBRARY_PATH", std::env::join_paths(self.libraries()).unwrap());
        }
        command.args(args).current_dir(folder).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Process { child, log: folder.join("log") }
    }
}

/// A server that ends with the test.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn wait_for_port(&mut self, port: u16) {
        let log = self.log.clone();
        wait("the server to listen", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", fs::read_to_string(&log).unwrap_or_default());
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    /// SIGKILL: nothing can be saved.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
