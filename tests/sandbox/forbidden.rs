//! What a confined process must not be able to do. Each is tried before as well, where it must succeed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use borderflow::run::sandbox::Files;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

use super::raw::{call, exists};
use super::scene::{Scene, unique};

pub(crate) type Act = (&'static str, fn(&Scene) -> io::Result<()>);

/// Files of others, and names that are not to be made.
pub(crate) const FILES: &[Act] = &[
    ("read /etc/passwd", |_| File::open("/etc/passwd").map(drop)),
    ("read another directory's file", |scene| fs::read(scene.path("other/secret")).map(drop)),
    ("list another directory", |scene| fs::read_dir(scene.path("other")).map(drop)),
    ("write another directory's file", |scene| write_to(scene, "other/secret")),
    ("make a file in another directory", |scene| make(scene, "other")),
    ("make a file beside the configuration", |scene| make(scene, "conf")),
    ("make a file above the daemon's directories", |scene| make(scene, "")),
    ("write the configuration", |scene| write_to(scene, "conf/config.toml")),
    ("move a file out of the journal's directory", |scene| {
        let (from, to) = (scene.path("data").join(unique("goes")), scene.path("other").join(unique("goes")));
        fs::write(&from, "x")?;
        let moved = fs::rename(&from, &to);
        fs::remove_file(if moved.is_ok() { to } else { from }).unwrap();
        moved
    }),
    ("make a directory", |scene| {
        let path = scene.path("data").join(unique("directory"));
        fs::create_dir(&path).and_then(|()| fs::remove_dir(&path))
    }),
    ("make a symbolic link", |scene| {
        let path = scene.path("data").join(unique("link"));
        symlink("/etc/passwd", &path).and_then(|()| fs::remove_file(&path))
    }),
    ("link another's file into the journal's directory", |scene| {
        let path = scene.path("data").join(unique("hard"));
        fs::hard_link(scene.path("other/secret"), &path).and_then(|()| fs::remove_file(&path))
    }),
    ("make a socket with a path", |scene| {
        let path = scene.path("data").join(unique("socket"));
        UnixListener::bind(&path).and_then(|_| fs::remove_file(&path))
    }),
    ("read through /proc/self/root", |_| File::open("/proc/self/root/etc/passwd").map(drop)),
];

/// Files that the daemon's own threads may read, but not the one that opens interfaces.
pub(crate) const OWN_FILES: &[Act] = &[
    ("read the configuration", |scene| fs::read(scene.path("conf/config.toml")).map(drop)),
    ("make a file in the journal's directory", |scene| make(scene, "data")),
    ("read the addresses of resolvers", |_| File::open("/etc/resolv.conf").map(drop)),
];

/// Of what takes Landlock of Linux 6.7 (version 4).
pub(crate) const PORTS: &[Act] = &[("listen on another TCP port", |_| TcpListener::bind("127.0.0.1:0").map(drop))];

/// The same, of the thread that opens interfaces alone.
pub(crate) const OWN_PORTS: &[Act] =
    &[("listen on the port of metrics", |scene| TcpListener::bind(("127.0.0.1", scene.port)).map(drop))];

/// Of what takes Landlock of Linux 6.12 (version 6).
pub(crate) const REACH: &[Act] =
    &[("connect to another process's abstract socket", |scene| UnixStream::connect_addr(&scene.outside()).map(drop))];

/// Power.
pub(crate) const CALLS: &[Act] = &[
    ("change another file's mode by its name", |scene| {
        fs::set_permissions(scene.path("other/secret"), Permissions::from_mode(0o666))
    }),
    ("start a program", |_| Command::new("/bin/true").status().map(drop)),
    ("fork and start a program", |_| {
        // With a user, the library forks instead of what it has for plain programs.
        Command::new("/bin/true").uid(nix::unistd::geteuid().as_raw()).status().map(drop)
    }),
    ("fork", |_| exists(libc::SYS_clone, [libc::c_long::from(libc::CLONE_NEWNS | libc::CLONE_FS), 0, 0, 0, 0, 0])),
    ("clone3", |_| exists(libc::SYS_clone3, [0; 6])),
    ("execve", |_| exists(libc::SYS_execve, [0; 6])),
    ("execveat", |_| exists(libc::SYS_execveat, [-1, 0, 0, 0, 0, 0])),
    ("trace a process", |_| exists(libc::SYS_ptrace, [libc::c_long::from(libc::PTRACE_ATTACH), -1, 0, 0, 0, 0])),
    ("read another process's memory", |_| exists(libc::SYS_process_vm_readv, [-1, 0, 0, 0, 0, 0])),
    ("signal another process", |_| call(libc::SYS_kill, [parent(), 0, 0, 0, 0, 0]).map(drop)),
    ("signal another process's thread", |_| call(libc::SYS_tgkill, [parent(), parent(), 0, 0, 0, 0]).map(drop)),
    ("setuid", |_| exists(libc::SYS_setuid, [-1, 0, 0, 0, 0, 0])),
    ("setresuid", |_| exists(libc::SYS_setresuid, [-1, -1, -1, 0, 0, 0])),
    ("capset", |_| exists(libc::SYS_capset, [0; 6])),
    ("unshare", |_| exists(libc::SYS_unshare, [0; 6])),
    ("setns", |_| exists(libc::SYS_setns, [-1, 0, 0, 0, 0, 0])),
    ("mount", |_| exists(libc::SYS_mount, [0; 6])),
    ("chroot", |_| exists(libc::SYS_chroot, [0; 6])),
    ("memfd_create", |_| exists(libc::SYS_memfd_create, [0; 6])),
    ("personality", |_| exists(libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0])),
    ("memory both to write and to run", |_| call(libc::SYS_mmap, [0, 4_096, 7, 0x22, -1, 0]).map(drop)),
    ("make memory run", |_| call(libc::SYS_mprotect, [0, 0, 5, 0, 0, 0]).map(drop)),
    ("change a limit", |_| {
        let (soft, hard) = getrlimit(Resource::RLIMIT_CORE)?;
        Ok(setrlimit(Resource::RLIMIT_CORE, soft, hard)?)
    }),
    ("ask for everybody's sockets", |_| {
        open_socket(AddressFamily::Netlink, SockType::Raw, SockProtocol::NetlinkSockDiag)
    }),
];

/// Calls that some kernels are built without: not tried before.
pub(crate) const RARE: &[Act] = &[
    ("bpf", |_| exists(libc::SYS_bpf, [-1, 0, 0, 0, 0, 0])),
    ("io_uring", |_| exists(libc::SYS_io_uring_setup, [0; 6])),
    ("keyctl", |_| exists(libc::SYS_keyctl, [-1, 0, 0, 0, 0, 0])),
    ("init_module", |_| exists(libc::SYS_init_module, [0; 6])),
];

/// A file that takes root before as well.
pub(crate) const SHADOW: &[Act] = &[("read /etc/shadow", |_| File::open("/etc/shadow").map(drop))];

/// What takes CAP_NET_RAW before as well.
pub(crate) const RAW: &[Act] = &[
    ("open a raw socket", |_| open_socket(AddressFamily::Inet, SockType::Raw, SockProtocol::Icmp)),
    ("open a raw IPv6 socket", |_| open_socket(AddressFamily::Inet6, SockType::Raw, SockProtocol::IcmpV6)),
];

/// What only the thread that opens interfaces may do; takes CAP_NET_RAW before as well.
pub(crate) const PACKETS: &[Act] = &[("open a packet socket", |_| {
    Ok(socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None).map(drop)?)
})];

/// What this kernel's Landlock refuses to any thread.
pub(crate) fn by_landlock(files: &Files) -> impl Iterator<Item = &'static Act> {
    let version = version(files);
    let lists = [(1, FILES), (1, SHADOW), (4, PORTS), (6, REACH)];
    lists.into_iter().filter(move |(since, _)| version >= *since).flat_map(|(_, acts)| acts)
}

/// What it refuses to the thread that opens interfaces.
pub(crate) fn by_landlock_of_opener(files: &Files) -> impl Iterator<Item = &'static Act> {
    let version = version(files);
    let lists = [(1, OWN_FILES), (4, OWN_PORTS)];
    by_landlock(files).chain(lists.into_iter().filter(move |(since, _)| version >= *since).flat_map(|(_, acts)| acts))
}

fn version(files: &Files) -> u32 {
    match files {
        Files::Off | Files::Unsupported(_) => 0,
        Files::Partly(version) | Files::Fully(version) => *version,
    }
}

fn write_to(scene: &Scene, file: &str) -> io::Result<()> {
    OpenOptions::new().append(true).open(scene.path(file)).map(drop)
}

fn make(scene: &Scene, directory: &str) -> io::Result<()> {
    let path = scene.path(directory).join(unique("made"));
    File::create_new(&path)?;
    fs::remove_file(&path)
}

fn open_socket(family: AddressFamily, kind: SockType, protocol: SockProtocol) -> io::Result<()> {
    Ok(socket(family, kind, SockFlag::SOCK_CLOEXEC, protocol).map(drop)?)
}

fn parent() -> libc::c_long {
    nix::unistd::getppid().as_raw().into()
}
