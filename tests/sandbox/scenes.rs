//! What is played inside: each scene confines this process in its way and tries.

use std::fs::{self, File};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use borderflow::journal::{Journal, Options};
use borderflow::run::sandbox::{
    Calls, Confined, Files, Plan, become_user, confine, confine_opener, unconfined_threads,
};

use super::allowed::{self, append};
use super::forbidden::{self, Act};
use super::scene::{PLAYED, Scene, can_open_interfaces, is_root, send_datagram};

/// CAP_NET_RAW in the sets the kernel shows.
const NET_RAW: u64 = 1 << 13;

pub(crate) fn check(scene: &Scene) {
    match scene.name.as_str() {
        "daemon" => daemon(scene, None),
        "daemon_as_nobody" => daemon(scene, Some("nobody")),
        "opener" => opener(scene, None),
        "opener_as_nobody" => opener(scene, Some("nobody")),
        "ring" => ring(scene),
        "user_alone" => user_alone(scene),
        "replacement" => replacement(scene),
        "missing" => missing(scene),
        "off" => off(scene),
        "no_such_user" => no_such_user(),
        "abort" => {
            let _confined = confine(&scene.plan()).unwrap();
            std::process::abort()
        }
        other => panic!("no scene {other:?}"),
    }
    println!("{PLAYED}");
}

/// The main thread of the daemon, and those it starts.
fn daemon(scene: &Scene, user: Option<&str>) {
    works(allowed::FILES, scene);
    works(allowed::EVERYWHERE, scene);
    before(scene);
    become_user(user).unwrap();
    let mut journal = Journal::open(&scene.path("data/journal.db"), &Options::default()).unwrap();
    let confined = confine(&scene.plan()).unwrap();
    println!("{confined}");
    everything_is_in_force(&confined, user);
    assert!(!confined.can_open_interfaces(), "{confined}");
    let files = confined.files().clone();
    let inside = move |scene: &Scene| {
        without_capabilities(scene);
        works(allowed::FILES, scene);
        works(allowed::EVERYWHERE, scene);
        is_refused(forbidden::by_landlock(&files), scene);
        for acts in [forbidden::CALLS, forbidden::RARE, forbidden::RAW, forbidden::PACKETS] {
            is_refused(acts, scene);
        }
    };
    on_every_thread(scene, inside);
    let (stop, wait) = channel::<()>();
    let later = thread::Builder::new().name("later".to_owned()).spawn(move || wait.recv().is_err()).unwrap();
    let unconfined = unconfined_threads();
    assert!(unconfined.contains(&"forgotten".to_owned()), "started before: {unconfined:?}");
    assert!(!unconfined.contains(&"later".to_owned()), "started after: {unconfined:?}");
    drop(stop);
    assert!(later.join().unwrap(), "it ran all the while");
    (0..100).for_each(|number| append(&mut journal, number, 300_000));
    assert_eq!((journal.head(), journal.take_troubles().len()), (100, 0), "a journal opened before goes on");
}

/// The thread that opens interfaces, which runs before the others are confined.
fn opener(scene: &Scene, user: Option<&str>) {
    before(scene);
    works(forbidden::OWN_FILES, scene);
    works(forbidden::OWN_PORTS, scene);
    become_user(user).unwrap();
    let own = scene.clone();
    let is_user = user.map(str::to_owned);
    let opener = thread::spawn(move || {
        let confined = confine_opener(&own.plan()).unwrap();
        println!("{confined}");
        everything_is_in_force(&confined, is_user.as_deref());
        assert!(confined.can_open_interfaces(), "{confined}");
        works(forbidden::PACKETS, &own);
        works(allowed::EVERYWHERE, &own);
        is_refused(forbidden::by_landlock_of_opener(confined.files()), &own);
        for acts in [forbidden::CALLS, forbidden::RARE, forbidden::RAW] {
            is_refused(acts, &own);
        }
        let sets = statuses("Cap");
        let [inheritable, permitted, effective, bounding, ambient] = sets[..] else { panic!("{sets:?}") };
        assert_eq!([inheritable, permitted, effective, ambient], [0, NET_RAW, NET_RAW, 0], "{sets:?}");
        assert!(bounding == 0 || !own.started_as_root, "{sets:?}");
    });
    opener.join().unwrap();
}

/// A handle opened by the one thread, read by another.
fn ring(scene: &Scene) {
    become_user(Some("nobody")).unwrap();
    let (send, receive): (Sender<pcap::Capture<pcap::Active>>, Receiver<_>) = channel();
    let plan = scene.plan();
    let opener = thread::spawn(move || {
        let _confined = confine_opener(&plan).unwrap();
        for _ in 0..2 {
            send.send(open_loopback()).unwrap();
        }
    });
    let _confined = confine(&scene.plan()).unwrap();
    let open_here = pcap::Capture::from_device("lo").and_then(|capture| capture.open());
    assert!(open_here.is_err(), "the confined thread opens no interface itself");
    for mut capture in receive {
        capture.filter("udp and dst port 9", true).unwrap();
        let own = scene.clone();
        let shard = thread::spawn(move || {
            without_capabilities(&own);
            send_datagram(b"through the ring");
            let packet = capture.next_packet().unwrap();
            assert!(packet.data.ends_with(b"through the ring"), "{:?}", packet.data);
            assert!(capture.stats().unwrap().received > 0, "the kernel counts");
        });
        shard.join().unwrap();
    }
    opener.join().unwrap();
}

fn open_loopback() -> pcap::Capture<pcap::Active> {
    let capture = pcap::Capture::from_device("lo").unwrap().promisc(true).snaplen(262_144).buffer_size(8 << 20);
    capture.immediate_mode(true).timeout(5_000).open().unwrap()
}

/// Nothing but the change of user and the loss of capabilities.
fn user_alone(scene: &Scene) {
    works(forbidden::SHADOW, scene);
    works(forbidden::RAW, scene);
    works(forbidden::PACKETS, scene);
    nix::unistd::setgroups(&[0, 4].map(nix::unistd::Gid::from_raw)).unwrap();
    become_user(Some("nobody")).unwrap();
    let user = nix::unistd::getresuid().unwrap();
    let all = [user.real, user.effective, user.saved].map(|id| !id.is_root());
    assert_eq!(all, [true; 3], "root is gone from every id");
    assert_ne!(nix::unistd::getgid().as_raw(), 0, "and root's group");
    let groups = nix::unistd::getgroups().unwrap();
    assert!(!groups.iter().any(|group| [0, 4].contains(&group.as_raw())), "and root's further ones: {groups:?}");
    let confined = confine(&Plan { files: false, system_calls: false, ..scene.plan() }).unwrap();
    assert_eq!((confined.files(), confined.calls()), (&Files::Off, &Calls::Off));
    on_every_thread(scene, |scene| {
        without_capabilities(scene);
        is_refused(forbidden::SHADOW, scene);
        is_refused(forbidden::RAW, scene);
        is_refused(forbidden::PACKETS, scene);
        let root = nix::unistd::Uid::from_raw(0);
        assert!(nix::unistd::setuid(root).is_err() && !is_root(), "no way back");
    });
}

/// Another thread, not confined, replaces files while this one goes on.
fn replacement(scene: &Scene) {
    let everybodys = tempfile::NamedTempFile::new_in("/tmp").unwrap().into_temp_path().keep().unwrap();
    let own = (scene.clone(), everybodys.clone());
    let (go, gone): (Sender<()>, Receiver<()>) = channel();
    let (done, wait) = channel();
    let replacer = thread::spawn(move || {
        gone.recv().unwrap();
        for path in [own.0.path("conf/config.toml"), own.1.clone()] {
            fs::write(path.with_extension("new"), "a = 2\n").unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        }
        fs::write(own.0.path("conf/GeoLite2.mmdb"), "later").unwrap();
        done.send(()).unwrap();
        gone.recv().unwrap();
        fs::remove_file(own.1).unwrap();
    });
    let mut plan = scene.plan();
    plan.readable = vec![scene.path("conf/config.toml"), scene.path("conf/GeoLite2.mmdb"), everybodys.clone()];
    let confined = confine(&plan).unwrap();
    assert!(fs::read(&everybodys).is_ok() && confined.missing().is_empty(), "{:?}", confined.missing());
    assert_eq!(confined.replaced(), Vec::<std::path::PathBuf>::new());
    go.send(()).unwrap();
    wait.recv().unwrap();
    assert_eq!(fs::read_to_string(scene.path("conf/config.toml")).unwrap(), "a = 2\n");
    assert_eq!(fs::read_to_string(scene.path("conf/GeoLite2.mmdb")).unwrap(), "later");
    if matches!(confined.files(), Files::Fully(_) | Files::Partly(_)) {
        assert_eq!(confined.replaced(), [everybodys], "the directory is everybody's");
    }
    go.send(()).unwrap();
    replacer.join().unwrap();
}

fn missing(scene: &Scene) {
    let mut plan = scene.plan();
    let (database, output) = (scene.path("absent/country.mmdb"), scene.path("absent/out"));
    plan.readable.push(database.clone());
    plan.writable.push(output.clone());
    let confined = confine(&plan).unwrap();
    assert_eq!(confined.missing(), [database, output]);
    works(allowed::FILES, scene);
}

fn off(scene: &Scene) {
    let confined = confine(&Plan { files: false, system_calls: false, ..scene.plan() }).unwrap();
    assert!(
        confined.to_string().ends_with("capabilities: none; files: not confined; system calls: not confined"),
        "{confined}"
    );
    assert_eq!(confined.shortfall(), None, "it was not asked for");
    works(&[("read", |_| File::open("/etc/passwd").map(drop))], scene);
    assert_eq!(statuses("NoNewPrivs"), [1], "in any case");
}

fn no_such_user() {
    let refused = become_user(Some("borderflow-nobody-has-this-name")).unwrap_err().to_string();
    assert!(refused.contains("useradd --system borderflow-nobody-has-this-name"), "{refused}");
    assert!(is_root(), "nothing was changed");
}

/// On this thread, on one started now, and on those of tokio.
fn on_every_thread(scene: &Scene, act: impl Fn(&Scene) + Send + Sync + Clone + 'static) {
    act(scene);
    let (own, later) = (scene.clone(), act.clone());
    thread::spawn(move || later(&own)).join().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let own = scene.clone();
    runtime.block_on(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::task::spawn_blocking(move || act(&own)).await.unwrap();
        assert!(tokio::net::lookup_host("localhost:80").await.unwrap().next().is_some());
    });
}

/// All of it can be done before, so that a refusal after is the sandbox's.
fn before(scene: &Scene) {
    works(forbidden::FILES, scene);
    works(forbidden::PORTS, scene);
    works(forbidden::REACH, scene);
    works(forbidden::CALLS, scene);
    if is_root() {
        works(forbidden::SHADOW, scene);
    }
    if can_open_interfaces() {
        works(forbidden::RAW, scene);
        works(forbidden::PACKETS, scene);
    }
}

fn works(acts: &[Act], scene: &Scene) {
    for (name, act) in acts {
        if let Err(error) = act(scene) {
            panic!("cannot {name}: {error}");
        }
    }
}

fn is_refused<'a>(acts: impl IntoIterator<Item = &'a Act>, scene: &Scene) {
    for (name, act) in acts {
        match act(scene) {
            Ok(()) => panic!("can {name}"),
            Err(error) => {
                let number = error.raw_os_error();
                let refusals = [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::EXDEV].map(Some);
                assert!(refusals.contains(&number), "{name} failed for another reason: {error}");
            }
        }
    }
}

/// As far as this kernel goes; what it cannot is told.
fn everything_is_in_force(confined: &Confined, user: Option<&str>) {
    assert!(matches!(confined.calls(), Calls::Only(_)), "{confined}");
    match confined.files() {
        Files::Fully(_) => assert_eq!(confined.shortfall(), None, "{confined}"),
        Files::Partly(_) | Files::Unsupported(_) => {
            let told = confined.shortfall().unwrap();
            eprintln!("not all can be tried here: {told}");
            assert!(told.starts_with("files are "), "{told}");
        }
        Files::Off => panic!("{confined}"),
    }
    assert_eq!(confined.missing(), Vec::<std::path::PathBuf>::new());
    let name = user.unwrap_or(if is_root() { "root" } else { "" });
    assert!(confined.to_string().starts_with(&format!("as {name}")), "{confined}");
}

/// As the kernel tells it.
fn without_capabilities(scene: &Scene) {
    let sets = statuses("Cap");
    let [inheritable, permitted, effective, bounding, ambient] = sets[..] else { panic!("{sets:?}") };
    assert_eq!([inheritable, permitted, effective, ambient], [0; 4], "{sets:?}");
    assert!(bounding == 0 || !scene.started_as_root, "{sets:?}");
    assert_eq!(statuses("NoNewPrivs"), [1]);
}

/// The numbers of the lines of this thread's status that begin so.
fn statuses(prefix: &str) -> Vec<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let lines = status.lines().filter(|line| line.starts_with(prefix));
    lines.map(|line| u64::from_str_radix(line.split(':').nth(1).unwrap().trim(), 16).unwrap()).collect()
}
