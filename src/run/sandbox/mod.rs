//! The sandbox of the daemon: what is left to somebody who takes it over through a packet.
//!
//! Three things are given up, in this order, each by itself of use where the next is not to be had:
//!
//! 1. **Power** ([`become_user`], capabilities). Only the thread that opens interfaces keeps any: CAP_NET_RAW, without which the
//!    kernel opens no packet socket, and an interface that vanished and came back could never be listened to again. Everything
//!    else that capturing needs (promiscuous mode, ring, filter, counters) goes by the socket alone.
//! 2. **Files** (Landlock, Linux 5.13 and later): what the [`Plan`] names and what looking up names needs. The kernel ties
//!    such a right to a file or directory, not to its name, so a file that is replaced, as configuration and databases are, can be
//!    read again only through its directory: see [`Plan::readable`].
//! 3. **System calls** (seccomp): a list of those the program needs; the others answer "not implemented". No program can be started,
//!    no process made, none traced, no raw socket opened.
//!
//! All three belong to a thread and go over to the threads it starts. So [`confine_opener`] runs on the thread that opens
//! interfaces, once it has been started, and [`confine`] on the main thread before it starts any other. Nothing of it can be taken
//! back. What is in force says [`Confined`]; that no thread was forgotten, [`unconfined_threads`].

mod calls;
mod capabilities;
mod files;
mod threads;
mod user;

use std::fmt;
use std::path::PathBuf;

use caps::Capability;
use caps::errors::CapsError;
use nix::errno::Errno;

pub use files::Files;
pub use threads::unconfined_threads;
pub use user::become_user;

/// What the daemon may still touch once it listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Whether files are confined at all.
    pub files: bool,
    /// Whether system calls are.
    pub system_calls: bool,
    /// Files and directories to read. With a file goes the directory it lies in, so that it can be read again after it was
    /// replaced, or appear later; unless that is one for everybody's files, such as `/etc` or a home: then only the file that
    /// lies there now.
    pub readable: Vec<PathBuf>,
    /// Directories in which files are written, made, renamed and removed, or single files, pipes and devices.
    pub writable: Vec<PathBuf>,
    /// The one TCP port that may be listened on (Landlock of Linux 6.7 and later); `None`: none.
    pub bind_tcp: Option<u16>,
}

/// What is in force on a thread and those it starts.
#[derive(Clone, Debug)]
#[must_use]
pub struct Confined {
    user: String,
    capabilities: Vec<Capability>,
    files: Files,
    calls: Calls,
    granted: files::Granted,
}

/// How system calls are confined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Calls {
    /// The configuration does not ask for it.
    Off,
    /// This kernel or processor has no such thing, or none that is known here.
    Unsupported(String),
    /// To so many.
    Only(usize),
}

/// Why the daemon must not go on.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The name means nobody.
    #[error(
        "there is no user {0:?} to become; make one with `useradd --system {0}`, or name another in [sandbox] user"
    )]
    NoUser(String),
    /// The change of user was refused.
    #[error("cannot become user {name:?}: {source}; root's power to change users (CAP_SETUID, CAP_SETGID) is needed")]
    Become {
        /// Whom.
        name: String,
        /// What the system says.
        source: Errno,
    },
    /// Capabilities stayed.
    #[error("cannot give up capabilities: {0}")]
    Capabilities(#[from] CapsError),
    /// The thread could still gain power by starting a program.
    #[error("cannot give up gaining privileges (no_new_privs): {0}")]
    NoNewPrivileges(Errno),
    /// Landlock is there but refuses.
    #[error("cannot confine files with Landlock: {0}; [sandbox] files = false goes without")]
    Files(#[from] landlock::RulesetError),
    /// Seccomp is there but refuses.
    #[error("cannot confine system calls with seccomp: {0}; [sandbox] system_calls = false goes without")]
    Calls(#[from] seccompiler::Error),
}

/// Confines the calling thread and those it will start: no capabilities, nothing to gain, only the files of the plan and
/// the system calls the program needs.
///
/// # Errors
/// Something that this kernel can do failed. What it cannot do is no error: [`Confined`] says it.
pub fn confine(plan: &Plan) -> Result<Confined, SandboxError> {
    apply(plan, &[], files::Scope::Daemon, calls::Sockets::Internet)
}

/// Confines the thread that opens interfaces: CAP_NET_RAW where it has it, files of `/sys` and `/proc` to read that
/// describe interfaces, and beside the other threads' system calls packet sockets.
///
/// # Errors
/// As [`confine`].
pub fn confine_opener(plan: &Plan) -> Result<Confined, SandboxError> {
    apply(plan, &[Capability::CAP_NET_RAW], files::Scope::Opener, calls::Sockets::InternetAndPacket)
}

fn apply(
    plan: &Plan,
    kept: &[Capability],
    scope: files::Scope,
    sockets: calls::Sockets,
) -> Result<Confined, SandboxError> {
    let user = user::current();
    let capabilities = capabilities::keep(kept)?;
    nix::sys::prctl::set_no_new_privs().map_err(SandboxError::NoNewPrivileges)?;
    let (files, granted) = if plan.files { files::confine(plan, scope)? } else { Default::default() };
    let calls = if plan.system_calls { calls::confine(sockets)? } else { Calls::Off };
    Ok(Confined { user, capabilities, files, calls, granted })
}

impl Confined {
    /// How files are confined.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// How system calls are.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Whether a packet socket can be opened still.
    #[must_use]
    pub fn can_open_interfaces(&self) -> bool {
        self.capabilities.contains(&Capability::CAP_NET_RAW)
    }

    /// Paths of the plan that are out of reach until a restart, because neither they nor their directory were there.
    #[must_use]
    pub fn missing(&self) -> &[PathBuf] {
        &self.granted.missing
    }

    /// Files that could be read at first and cannot any more until a restart, because another took the place of the one that
    /// was there, in a directory for everybody's files; `/etc/resolv.conf` is the likely one. Opens each, a few dozen: for
    /// once a minute, on a thread that is confined so.
    #[must_use]
    pub fn replaced(&self) -> Vec<PathBuf> {
        self.granted.replaced()
    }

    /// What was asked for but is not in force, with the reason, for a warning.
    #[must_use]
    pub fn shortfall(&self) -> Option<String> {
        let files = match &self.files {
            Files::Unsupported(why) => Some(format!("files are not confined: {why}")),
            Files::Partly(abi) => {
                Some(format!("files are confined in part: this kernel has version {abi} of Landlock"))
            }
            Files::Off | Files::Fully(_) => None,
        };
        let calls = match &self.calls {
            Calls::Unsupported(why) => Some(format!("system calls are not confined: {why}")),
            Calls::Off | Calls::Only(_) => None,
        };
        let told: Vec<String> = files.into_iter().chain(calls).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

/// `as borderflow; capabilities: none; files: Landlock 7; system calls: 151`.
impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as {}; capabilities: ", self.user)?;
        match self.capabilities.as_slice() {
            [] => f.write_str("none")?,
            [first, more @ ..] => {
                write!(f, "{first}")?;
                more.iter().try_for_each(|capability| write!(f, ", {capability}"))?;
            }
        }
        write!(f, "; files: {}; system calls: {}", self.files, self.calls)
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Calls::Off => f.write_str("not confined"),
            Calls::Unsupported(why) => write!(f, "not confined ({why})"),
            Calls::Only(count) => write!(f, "{count} by seccomp"),
        }
    }
}
