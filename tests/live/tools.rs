//! Programs the tests need: found, started, stopped.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// More than anything takes on a busy machine, so that a test that fails says so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A number that the environment may raise for the long form.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Waits until `done`, for as long as anything can take.
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The command for `program` as it is below `target/peers`, else as it is on PATH; `None` where it is nowhere.
pub(crate) fn tool(program: &str) -> Option<Command> {
    let peers = std::env::var_os("BORDERFLOW_PEERS").map(PathBuf::from);
    let peers = peers.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"));
    let root = peers.join("live/root");
    let folders = ["usr/bin", "usr/sbin", "sbin", "bin"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).chain(folders.map(|folder| Path::new("/").join(folder)));
    if let Some(found) = installed.map(|folder| folder.join(program)).find(|path| path.is_file()) {
        return Some(Command::new(found));
    }
    let unpacked = folders.map(|folder| root.join(folder).join(program)).into_iter().find(|path| path.is_file())?;
    let mut command = Command::new(unpacked);
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries(&root)).unwrap());
    Some(command)
}

/// Where an unpacked package has its libraries.
fn libraries(root: &Path) -> Vec<PathBuf> {
    let bases = ["usr/lib", "lib"].map(|base| root.join(base));
    let within = |base: &PathBuf| fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path());
    bases.iter().flat_map(within).filter(|path| path.is_dir()).chain(bases.clone()).collect()
}

/// Runs a command to its end; it must succeed.
pub(crate) fn run(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}: {said}");
    said
}

/// A process that ends with the test, however that ends.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Process {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Process(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal, such as HUP.
    pub(crate) fn signal(&self, name: &str) {
        run(Command::new("kill").args([OsStr::new(&format!("-{name}")), OsStr::new(&self.id().to_string())]));
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Waits for its end; the exit status, `None` where a signal ended it.
    pub(crate) fn end(&mut self) -> Option<i32> {
        wait("the end of a process", || self.has_ended());
        self.0.wait().unwrap().code()
    }

    /// SIGKILL: nothing can be saved.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// What it wrote to a piped standard error, once it has ended.
    pub(crate) fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut pipe) = self.0.stderr.take() {
            pipe.read_to_string(&mut text).unwrap();
        }
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
