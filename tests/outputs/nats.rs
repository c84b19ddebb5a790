//! nats-server with JetStream: acknowledged publishing, a restart in the middle, a stream that comes late.

use std::ffi::OsStr;
use std::fs;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Config, Stream};
use borderflow::deliver::nats::{Login, Options};
use borderflow::deliver::{SecretSource, Target, TlsOptions};

use super::kit::{Running, ids, tally, wait};
use super::peers::{Found, Process, find, free_port};
use super::tls::Authority;

struct Nats {
    found: Found,
    folder: tempfile::TempDir,
    port: u16,
    extra: String,
    process: Option<Process>,
}

impl Nats {
    fn start(extra: impl FnOnce(&std::path::Path) -> String) -> Option<Nats> {
        let found = find("nats", "nats-server")?;
        let folder = tempfile::tempdir().unwrap();
        let extra = extra(folder.path());
        let mut nats = Nats { found, folder, port: free_port(), extra, process: None };
        nats.run();
        Some(nats)
    }

    fn run(&mut self) {
        let folder = self.folder.path();
        let conf = format!(
            "host: 127.0.0.1\nport: {}\njetstream {{ store_dir: \"{}/store\" }}\n{}\n",
            self.port,
            folder.display(),
            self.extra
        );
        fs::write(folder.join("conf"), conf).unwrap();
        let args: [&OsStr; 2] = ["-c".as_ref(), "conf".as_ref()];
        let mut process = self.found.start(folder, &args);
        process.wait_for_port(self.port);
        self.process = Some(process);
    }

    fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    fn target(&self) -> Target {
        Target::Nats(self.options())
    }

    fn options(&self) -> Options {
        Options {
            servers: vec![format!("nats://127.0.0.1:{}", self.port)],
            subject: "borderflow.alert.{kind}".to_owned(),
            login: Login::Nobody,
            tls: None,
        }
    }

    async fn stream(&self) -> Stream {
        let client = async_nats::connect(format!("nats://127.0.0.1:{}", self.port)).await.unwrap();
        let config = Config {
            name: "ALERTS".to_owned(),
            subjects: vec!["borderflow.alert.>".to_owned()],
            duplicate_window: Duration::from_secs(120),
            max_message_size: 4_096,
            ..Config::default()
        };
        jetstream::new(client).get_or_create_stream(config).await.unwrap()
    }

    /// The records of the stream, in order.
    async fn stored(&self) -> Vec<String> {
        let mut stream = self.stream().await;
        let last = stream.info().await.unwrap().state.last_sequence;
        let mut found = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let text = String::from_utf8(message.payload.to_vec()).unwrap();
            let kind = if text.contains("\"id\":\"id-0000") { message.subject.to_string() } else { String::new() };
            assert!(kind.is_empty() || kind.starts_with("borderflow.alert."), "{kind}");
            found.extend(ids(&text));
        }
        found
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_stream_that_comes_late_and_a_server_killed_twice_store_each_record_once_and_in_order() {
    let Some(mut nats) = Nats::start(|_| String::new()) else { return };
    let running = Running::start(nats.target());
    running.feed(0..200);
    wait("an attempt", || running.counters.read().retries > 0);
    assert!(running.counters.read().last_error.contains("create one"), "{:?}", running.counters.read());
    block_on(nats.stream());
    running.wait_acknowledged(199);
    for round in 1..3 {
        running.feed(round * 1_000 - 800..round * 1_000 + 200);
        running.wait_acknowledged(round * 1_000 - 500);
        nats.kill();
        std::thread::sleep(Duration::from_millis(100));
        nats.run();
    }
    let told = running.drain();
    let stored = block_on(nats.stored());
    assert_eq!(tally("NATS JetStream, killed twice", &stored, 0..2_200), 0);
    println!("NATS JetStream, killed twice: {} retries", told.retries);
    assert_eq!(told.delivered, 2_200);
}

#[test]
fn a_record_the_stream_already_has_is_not_stored_again_and_one_it_refuses_is_passed_over() {
    let Some(nats) = Nats::start(|_| String::new()) else { return };
    block_on(nats.stream());
    for _ in 0..2 {
        let running = Running::start(nats.target());
        running.feed(0..100);
        running.feed_padded(100..101, 10_000);
        running.feed(101..150);
        let told = running.drain();
        assert_eq!((told.delivered, told.refused), (149, 1));
        assert!(told.last_error.contains("exceeds"), "{}", told.last_error);
    }
    let mut stored = block_on(nats.stored());
    stored.insert(100, super::kit::id(100));
    assert_eq!(tally("NATS JetStream, everything sent twice", &stored, 0..150), 0);
}

#[test]
fn a_server_with_tls_and_a_login_takes_records_and_a_wrong_password_is_told_without_it() {
    let mut made = None;
    let nats = Nats::start(|folder| {
        let authority = Authority::new(folder, "authority");
        let (certificate, key) = authority.sign("localhost");
        fs::write(folder.join("password"), "sesame").unwrap();
        fs::write(folder.join("wrong"), "abracadabra").unwrap();
        made = Some(authority);
        format!(
            "authorization {{ user: sensor, password: sesame }}\ntls {{ cert_file: \"{}\", key_file: \"{}\" }}",
            certificate.display(),
            key.display()
        )
    });
    let Some(nats) = nats else { return };
    let authority = made.unwrap();
    let login = |file: &str| Login::User("sensor".to_owned(), SecretSource::File(nats.folder.path().join(file)));
    let options = |file: &str, tls: TlsOptions| {
        let servers = vec![format!("tls://localhost:{}", nats.port)];
        Target::Nats(Options { servers, login: login(file), tls: Some(tls), ..nats.options() })
    };
    let other = Authority::new(nats.folder.path(), "other");
    for (target, said) in [
        (options("wrong", authority.trusted()), "authorization"),
        (options("password", other.trusted()), "UnknownIssuer"),
    ] {
        let running = Running::start(target);
        running.feed(0..1);
        wait("attempts", || running.counters.read().retries > 1);
        let told = running.stop();
        assert!(told.last_error.contains(said) && !told.last_error.contains("abracadabra"), "{}", told.last_error);
    }
    let connect = async_nats::ConnectOptions::with_user_and_password("sensor".to_owned(), "sesame".to_owned())
        .add_root_certificates(authority.ca());
    let count = block_on(async {
        let client = connect.connect(format!("tls://localhost:{}", nats.port)).await.unwrap();
        let subjects = vec!["borderflow.alert.>".to_owned()];
        let config = Config { name: "ALERTS".to_owned(), subjects, ..Config::default() };
        let mut stream = jetstream::new(client).get_or_create_stream(config).await.unwrap();
        let target = options("password", authority.trusted());
        tokio::task::spawn_blocking(move || {
            let running = Running::start(target);
            running.feed(0..100);
            assert_eq!(running.drain().retries, 0);
        })
        .await
        .unwrap();
        stream.info().await.unwrap().state.messages
    });
    println!("NATS JetStream over TLS with a login: {count} stored");
    assert_eq!(count, 100);
}
