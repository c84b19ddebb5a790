//! What a confined daemon must be able to do still.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use borderflow::journal::{Change, Entry, Journal, Options, State};
use borderflow::net::Timestamp;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::forbidden::Act;
use super::scene::{Scene, unique};

/// Files of the plan and of the kernel.
pub(crate) const FILES: &[Act] = &[
    ("read the configuration", |scene| fs::read(scene.path("conf/config.toml")).map(drop)),
    ("see what lies beside the configuration", |scene| fs::read_dir(scene.path("conf")).map(drop)),
    ("write, rotate, compress and remove an output file", rotate),
    ("write a journal", |scene| journal(scene, true)),
    ("write a journal that does not wait for the disk", |scene| journal(scene, false)),
    ("read its certificates' directory", |_| match fs::read_dir("/etc/ssl/certs") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        read => read.map(drop),
    }),
    ("look up a name", |_| ("localhost", 80).to_socket_addrs().map(drop)),
    ("listen on the port of metrics", |scene| {
        loop {
            // Another thread of this test may be at it.
            match TcpListener::bind(("127.0.0.1", scene.port)) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(Duration::from_millis(5)),
                bound => return bound.map(drop),
            }
        }
    }),
    ("write to /dev/null", |_| OpenOptions::new().write(true).open("/dev/null")?.write_all(b"x")),
];

/// What the thread that opens interfaces needs, too.
pub(crate) const EVERYWHERE: &[Act] = &[
    ("read its own memory's size", |_| fs::read_to_string("/proc/self/status").map(drop)),
    ("read an interface's state", |_| fs::read_to_string("/sys/class/net/lo/operstate").map(drop)),
    ("read the interfaces' counters", |_| fs::read_to_string("/proc/net/dev").map(drop)),
    ("start a thread", |_| thread::Builder::new().name("later".to_owned()).spawn(|| ())?.join().map_err(panicked)),
    ("keep to a processor", |_| {
        let here = Pid::from_raw(0);
        let processors = sched_getaffinity(here)?;
        let one = (0..CpuSet::count()).find(|&one| processors.is_set(one).unwrap_or(false)).unwrap();
        let mut only = CpuSet::new();
        only.set(one)?;
        sched_setaffinity(here, &only)?;
        Ok(sched_setaffinity(here, &processors)?)
    }),
    ("take much memory and give it back", |_| {
        let mut much = vec![1_u8; 16 << 20];
        much.resize(32 << 20, 2);
        if much.last() == Some(&2) { Ok(()) } else { Err(io::ErrorKind::OutOfMemory.into()) }
    }),
    ("send a datagram", |_| {
        let (one, other) =
            (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("[::1]:0").or(UdpSocket::bind("127.0.0.1:0"))?);
        other.set_nonblocking(true)?;
        one.send_to(b"x", one.local_addr()?).map(drop)
    }),
    ("connect", |scene| {
        let stream = TcpStream::connect_timeout(&scene.server, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)
    }),
    ("talk over Unix sockets", |_| {
        let (mut one, mut other) = UnixStream::pair()?;
        one.write_all(b"x")?;
        other.read_exact(&mut [0])
    }),
    ("run tokio with timers and signals", |scene| tokio_works(scene)),
];

fn panicked(_: Box<dyn std::any::Any + Send>) -> io::Error {
    io::ErrorKind::Other.into()
}

/// As deliver::file does it.
fn rotate(scene: &Scene) -> io::Result<()> {
    let name = unique("alerts.json");
    let path = |suffix: &str| scene.path("data").join(format!("{name}{suffix}"));
    let mut file = OpenOptions::new().read(true).append(true).create_new(true).open(path(""))?;
    file.set_permissions(Permissions::from_mode(0o640))?;
    file.write_all(b"{}\n{")?;
    file.sync_data()?;
    file.set_len(3)?;
    file.try_lock()?;
    fs::rename(path(""), path(".1"))?;
    let mut packed = flate2::write::GzEncoder::new(File::create(path(".1.gz.new"))?, flate2::Compression::fast());
    io::copy(&mut File::open(path(".1"))?, &mut packed)?;
    packed.finish()?.sync_all()?;
    fs::rename(path(".1.gz.new"), path(".1.gz"))?;
    fs::copy(path(".1.gz"), path(".2.gz"))?;
    File::open(scene.path("data"))?.sync_all()?;
    let listed = fs::read_dir(scene.path("data"))?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&name) && entry.metadata().is_ok());
    assert_eq!(listed.count(), 3, "of {name}: .1, .1.gz and .2.gz");
    File::open(path(".1"))?.read_exact_at(&mut [0; 2], 1)?;
    [".1", ".1.gz", ".2.gz"].iter().try_for_each(|suffix| fs::remove_file(path(suffix)))
}

/// Opens, writes until the log is moved into the file, which happens at 16 MiB, and closes.
fn journal(scene: &Scene, durable: bool) -> io::Result<()> {
    let name = unique(if durable { "durable.db" } else { "journal.db" });
    let path = |suffix: &str| scene.path("data").join(format!("{name}{suffix}"));
    let options = Options { durable, max_age: None, ..Options::default() };
    let mut journal = Journal::open(&path(""), &options).map_err(io::Error::other)?;
    journal.join(&["siem"]);
    (0..60).for_each(|number| append(&mut journal, number, 300_000));
    journal.acknowledge("siem", 50);
    journal.maintain(None);
    let moved = fs::metadata(path(""))?.len() > 15_000_000;
    let (troubles, read) = (journal.take_troubles(), journal.read(50, 100, 8 << 20).len());
    let second = Journal::open(&path(""), &options).is_err();
    drop(journal);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        match fs::remove_file(path(suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    if troubles.is_empty() && read == 10 && second && moved {
        return Ok(());
    }
    Err(io::Error::other(format!("{troubles:?}; {read} of 10 read; locked: {second}; log moved: {moved}")))
}

pub(crate) fn append(journal: &mut Journal, number: u64, bytes: usize) {
    let at = Timestamp::from_parts(1_762_934_400 + number, 0);
    let entry = Entry {
        finding: "finding".to_owned(),
        at,
        severity: 50,
        kind: "egress".to_owned(),
        step: "opened".to_owned(),
        asset: "pump".to_owned(),
        jurisdiction: "CN".to_owned(),
        body: vec![b'x'; bytes],
        id: format!("{number:024x}"),
    };
    let state = State { kind: "finding", key: "last".to_owned(), value: Some(vec![1]) };
    let _appended = journal.append(Change { entries: vec![entry], states: vec![state], clock: Some(at) });
}

fn tokio_works(scene: &Scene) -> io::Result<()> {
    let server = scene.server;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
        let waited = tokio::time::timeout(Duration::from_millis(10), hangup.recv()).await;
        assert!(waited.is_err(), "nobody sent a signal");
        tokio::task::spawn_blocking(|| thread::sleep(Duration::from_millis(1))).await?;
        tokio::net::TcpStream::connect(server).await.map(drop)
    })
}
