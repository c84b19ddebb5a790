//! Files: Landlock keeps the threads to what the plan names and to what looking up names needs.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope as Reach,
    make_bitflags,
};

use super::Plan;

/// The newest version whose every right was tried with this program; older kernels enforce what they know of it.
const TRIED: ABI = ABI::V7;

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | RemoveFile | Refer
});
/// Of a file; the other rights are a directory's.
const OF_A_FILE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate});

/// Interfaces, and what the kernel tells of this process. The whole of `/proc`: a right to `/proc/PID` lasts only as long as
/// the kernel remembers the directory. What other processes keep to themselves there takes the right to trace them, which
/// Landlock denies.
const KERNEL: [&str; 3] = ["/proc", "/sys/class/net", "/sys/devices"];

/// What looking up names, checking certificates and counting processors read, on the common systems.
const COMMON: [&str; 36] = [
    "/dev/random",
    "/dev/urandom",
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    RESOLVER,
    "/etc/services",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/lib",
    "/lib32",
    "/lib64",
    "/run/NetworkManager",
    "/run/connman",
    "/run/netconfig",
    "/run/nscd",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sys/fs/cgroup",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
];
const RESOLVER: &str = "/etc/resolv.conf";

/// Directories for everybody's files: a file of the plan that lies in one does not open the whole directory.
const EVERYBODYS: [&str; 31] = [
    "/",
    "/boot",
    "/dev",
    "/dev/shm",
    "/etc",
    "/etc/default",
    "/etc/pki",
    "/etc/pki/tls/private",
    "/etc/ssl",
    "/etc/ssl/private",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/share",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// Whose files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The plan's and the common ones.
    Daemon,
    /// Those that describe interfaces.
    Opener,
}

/// How files are confined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Files {
    /// The configuration does not ask for it.
    #[default]
    Off,
    /// This kernel cannot.
    Unsupported(&'static str),
    /// As far as this kernel can: the version of its Landlock.
    Partly(u32),
    /// Everything that is asked for: the version of the kernel's Landlock.
    Fully(u32),
}

/// What became of the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Granted {
    /// Paths of the plan to which no right could be given.
    pub(super) missing: Vec<PathBuf>,
    /// Files that could be read once the thread was confined.
    readable: Vec<PathBuf>,
}

/// Confines the calling thread. The plan is gone through without capabilities: what its user cannot reach is missing.
pub(super) fn confine(plan: &Plan, scope: Scope) -> Result<(Files, Granted), RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(TRIED))?
        .handle_access(AccessNet::BindTcp)?
        .scope(reach(env::var_os("NOTIFY_SOCKET").is_some_and(|name| name.as_encoded_bytes().starts_with(b"@"))))?
        .create()?;
    let mut rules = Rules { ruleset, files: Vec::new(), missing: Vec::new() };
    for path in KERNEL {
        rules.add(Path::new(path), READ)?;
    }
    if scope == Scope::Daemon {
        rules.add_common()?;
        rules.add_plan(plan)?;
    }
    let status = rules.ruleset.restrict_self()?;
    let readable = rules.files.into_iter().filter(|path| File::open(path).is_ok()).collect();
    Ok((Files::from(&status), Granted { missing: rules.missing, readable }))
}

/// What does not reach beyond the daemon: its signals, and sockets with an abstract name unless systemd listens on one.
fn reach(notify_is_abstract: bool) -> BitFlags<Reach> {
    if notify_is_abstract { Reach::Signal.into() } else { Reach::Signal | Reach::AbstractUnixSocket }
}

struct Rules {
    ruleset: RulesetCreated,
    /// Regular files among those that may be read.
    files: Vec<PathBuf>,
    missing: Vec<PathBuf>,
}

impl Rules {
    fn add_common(&mut self) -> Result<(), RulesetError> {
        self.add(Path::new("/dev/null"), WRITE)?;
        for path in COMMON {
            self.add(Path::new(path), READ)?;
        }
        for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            for path in env::var_os(variable).iter().flat_map(env::split_paths) {
                self.add(&path, READ)?;
            }
        }
        // Whoever writes it where it really lies replaces it there.
        self.add_home_of(Path::new(RESOLVER), READ).map(drop)
    }

    fn add_plan(&mut self, plan: &Plan) -> Result<(), RulesetError> {
        for path in &plan.readable {
            if !self.add_readable(path)? {
                self.missing.push(path.clone());
            }
        }
        for path in &plan.writable {
            if !self.add(path, WRITE)? {
                self.missing.push(path.clone());
            }
        }
        if let Some(port) = plan.bind_tcp {
            (&mut self.ruleset).add_rule(NetPort::new(port, AccessNet::BindTcp))?;
        }
        Ok(())
    }

    /// A file with the directory in which it will be replaced, or a directory. Says whether it is or can come within reach.
    fn add_readable(&mut self, path: &Path) -> Result<bool, RulesetError> {
        let is_there = self.add(path, READ)?;
        if path.is_dir() {
            return Ok(is_there);
        }
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let as_written = !is_everybodys(directory) && self.add(directory, READ)?;
        let as_it_lies = self.add_home_of(path, READ)?;
        Ok(is_there || as_written || as_it_lies)
    }

    /// The directory a file really lies in, behind symbolic links.
    fn add_home_of(&mut self, path: &Path, rights: BitFlags<AccessFs>) -> Result<bool, RulesetError> {
        let Ok(file) = fs::canonicalize(path) else { return Ok(false) };
        match file.parent() {
            Some(directory) if !is_everybodys(directory) => self.add(directory, rights),
            Some(_) | None => Ok(false),
        }
    }

    /// Says whether there is such a path.
    fn add(&mut self, path: &Path, rights: BitFlags<AccessFs>) -> Result<bool, RulesetError> {
        let (Ok(metadata), Ok(opened)) = (fs::metadata(path), PathFd::new(path)) else { return Ok(false) };
        let rights = if metadata.is_dir() { rights } else { rights & OF_A_FILE };
        (&mut self.ruleset).add_rule(PathBeneath::new(opened, rights))?;
        if metadata.is_file() {
            self.files.push(path.to_owned());
        }
        Ok(true)
    }
}

fn is_everybodys(directory: &Path) -> bool {
    let Ok(directory) = fs::canonicalize(directory) else { return false };
    EVERYBODYS.iter().any(|path| directory == Path::new(path)) || directory.parent() == Some(Path::new("/home"))
}

impl Granted {
    /// Files that are there but have come out of reach.
    pub(super) fn replaced(&self) -> Vec<PathBuf> {
        let is_refused =
            |path: &&PathBuf| File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        self.readable.iter().filter(is_refused).cloned().collect()
    }
}

impl From<&RestrictionStatus> for Files {
    fn from(status: &RestrictionStatus) -> Self {
        let version = match status.landlock {
            LandlockStatus::NotEnabled => return Files::Unsupported("Landlock is not enabled (boot parameter lsm=)"),
            LandlockStatus::NotImplemented => return Files::Unsupported("this kernel has no Landlock (Linux 5.13)"),
            LandlockStatus::Available { effective_abi, .. } => effective_abi as u32,
        };
        match status.ruleset {
            RulesetStatus::FullyEnforced => Files::Fully(version),
            RulesetStatus::PartiallyEnforced => Files::Partly(version),
            RulesetStatus::NotEnforced => Files::Unsupported("this kernel's Landlock enforces nothing of it"),
        }
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Files::Off => f.write_str("not confined"),
            Files::Unsupported(why) => write!(f, "not confined ({why})"),
            Files::Partly(version) => write!(f, "in part by Landlock {version}"),
            Files::Fully(version) => write!(f, "by Landlock {version}"),
        }
    }
}
