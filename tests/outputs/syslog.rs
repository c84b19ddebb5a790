//! rsyslog: UDP, TCP with both framings, TLS both ways, and rsyslog killed in the middle.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use borderflow::deliver::stream::Framing;
use borderflow::deliver::syslog::{Options, Protocol};
use borderflow::deliver::{Target, TlsOptions};

use super::kit::{Running, ids, tally, wait};
use super::peers::{Found, Process, find, free_port, free_udp_port};
use super::tls::Authority;

pub(crate) fn options(protocol: Protocol, port: u16, tls: TlsOptions) -> Options {
    Options {
        address: format!("127.0.0.1:{port}"),
        protocol,
        framing: Framing::OctetCounting,
        facility: 16,
        hostname: None,
        structured_data: Some("borderflow@32473".to_owned()),
        bom: false,
        max_bytes: if protocol == Protocol::Udp { 2_048 } else { 8_192 },
        tls,
    }
}

/// rsyslog in a folder of its own, writing what it parsed.
struct Rsyslog {
    found: Found,
    folder: tempfile::TempDir,
    port: u16,
    input: String,
    process: Option<Process>,
}

impl Rsyslog {
    /// `input`: the lines that load and configure its input; `{port}` and `{folder}` are filled in.
    fn start(port: u16, prepare: impl FnOnce(&Path) -> String) -> Option<Rsyslog> {
        let found = find("rsyslog", "rsyslogd")?;
        let folder = tempfile::tempdir().unwrap();
        let input = prepare(folder.path());
        let mut rsyslog = Rsyslog { found, folder, port, input, process: None };
        rsyslog.run();
        Some(rsyslog)
    }

    fn run(&mut self) {
        let folder = self.folder.path();
        let template = "%hostname% %app-name% %msgid% %pri% %timestamp:::date-rfc3339% %structured-data% %msg%\\n";
        let conf = format!(
            "global(workDirectory=\"{0}\" maxMessageSize=\"64k\")\n{1}\n\
             template(name=\"parsed\" type=\"string\" string=\"{template}\")\n\
             action(type=\"omfile\" file=\"{0}/out\" template=\"parsed\" asyncWriting=\"off\")\n",
            folder.display(),
            self.input,
        );
        fs::write(folder.join("conf"), conf).unwrap();
        let _ = fs::remove_file(folder.join("pid"));
        let modules = self.found.folder("rsyslog").unwrap();
        let pid = folder.join("pid");
        let conf = folder.join("conf");
        let args: [&OsStr; 8] = [
            "-n".as_ref(),
            "-f".as_ref(),
            conf.as_ref(),
            "-i".as_ref(),
            pid.as_ref(),
            "-M".as_ref(),
            modules.as_ref(),
            "-C".as_ref(),
        ];
        self.process = Some(self.found.start(folder, &args));
        if self.input.contains("imudp") {
            wait("rsyslog to listen", || pid.exists());
            sleep(Duration::from_millis(300));
        } else {
            self.process.as_mut().unwrap().wait_for_port(self.port);
        }
    }

    fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.path().join("out")).unwrap_or_default()
    }

    /// What arrived, once record `last` did.
    fn arrived(&self, last: u64) -> Vec<String> {
        let last = super::kit::id(last);
        wait(&format!("{last} at rsyslog"), || ids(&self.text()).contains(&last));
        ids(&self.text())
    }
}

fn tcp(port: u16) -> String {
    format!("module(load=\"imtcp\")\ninput(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")")
}

#[test]
fn rsyslog_parses_the_header_and_gets_every_record_over_tcp_with_either_framing() {
    for framing in [Framing::OctetCounting, Framing::Newline] {
        let port = free_port();
        let Some(rsyslog) = Rsyslog::start(port, |_| tcp(port)) else { return };
        let mut options = options(Protocol::Tcp, port, TlsOptions::default());
        options.framing = framing;
        let running = Running::start(Target::Syslog(options));
        running.feed(0..1_000);
        let told = running.drain();
        assert_eq!(tally(&format!("rsyslog TCP {framing:?}"), &rsyslog.arrived(999), 0..1_000), 0);
        assert_eq!((told.delivered, told.retries, told.refused), (1_000, 0, 0));
        let line = rsyslog.text().lines().nth(90).unwrap().to_owned();
        let header = "sensor-1 borderflow egress 130 2025-09-03T08:16:30.000000Z [borderflow@32473 id=\"id-000090\" severity=\"90\"] {";
        assert!(line.trim_start().starts_with(header), "{line}");
        assert!(line.contains("žluťoučký kůň"), "{line}");
    }
}

#[test]
fn rsyslog_gets_every_record_over_udp_and_what_does_not_fit_a_datagram_is_shortened() {
    let port = free_udp_port();
    let input = format!("module(load=\"imudp\")\ninput(type=\"imudp\" port=\"{port}\" address=\"127.0.0.1\")");
    let Some(rsyslog) = Rsyslog::start(port, |_| input) else { return };
    let running = Running::start(Target::Syslog(options(Protocol::Udp, port, TlsOptions::default())));
    running.feed(0..300);
    running.feed_padded(300..301, 4_000);
    running.feed(301..500);
    running.wait_acknowledged(499);
    let told = running.drain();
    assert_eq!(tally("rsyslog UDP", &rsyslog.arrived(499), 0..500), 0);
    assert_eq!((told.delivered, told.refused), (500, 0));
    let text = rsyslog.text();
    let long = text.lines().find(|line| line.contains("id=\"id-000300\"")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&long[long.find('{').unwrap()..]).unwrap();
    assert_eq!((record["borderflow"]["truncated"].as_bool(), long.len() <= 2_048), (Some(true), true), "{long}");
}

#[test]
fn a_syslog_server_that_is_not_there_is_waited_for_over_udp_and_over_tcp() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let port = if protocol == Protocol::Udp { free_udp_port() } else { free_port() };
        let running = Running::start(Target::Syslog(options(protocol, port, TlsOptions::default())));
        running.feed(0..20);
        wait("attempts", || running.counters.read().retries > 3);
        assert_eq!(running.acknowledged(), 0, "the cursor stays");
        let input = match protocol {
            Protocol::Udp => {
                format!("module(load=\"imudp\")\ninput(type=\"imudp\" port=\"{port}\" address=\"127.0.0.1\")")
            }
            Protocol::Tcp | Protocol::Tls => tcp(port),
        };
        let Some(rsyslog) = Rsyslog::start(port, |_| input) else {
            running.stop();
            return;
        };
        running.wait_acknowledged(19);
        let doubled = tally(&format!("rsyslog {protocol:?}, late"), &rsyslog.arrived(19), 0..20);
        assert!(doubled <= 20);
        assert!(running.drain().last_error.contains("refused"));
    }
}

#[test]
fn rsyslog_killed_in_the_middle_loses_nothing_that_ids_do_not_bring_back() {
    let port = free_port();
    let Some(mut rsyslog) = Rsyslog::start(port, |_| tcp(port)) else { return };
    let running = Running::start(Target::Syslog(options(Protocol::Tcp, port, TlsOptions::default())));
    for round in 0..4 {
        running.feed(round * 500..(round + 1) * 500);
        running.wait_acknowledged(round * 500 + 99);
        rsyslog.kill();
        sleep(Duration::from_millis(50));
        rsyslog.run();
    }
    let doubled = tally("rsyslog TCP, killed four times", &rsyslog.arrived(1_999), 0..2_000);
    let told = running.drain();
    println!("rsyslog TCP, killed four times: {doubled} doubled, {} retries", told.retries);
    assert_eq!(told.delivered, 2_000);
}

/// Files of the TLS tests: what rsyslog presents, and the authority behind it.
fn tls_input(folder: &Path, port: u16, mode: &str) -> (String, Authority) {
    let authority = Authority::new(folder, "authority");
    let (certificate, key) = authority.sign("localhost");
    let input = format!(
        "global(DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=\"{}\" \
         DefaultNetstreamDriverCertFile=\"{}\" DefaultNetstreamDriverKeyFile=\"{}\")\n\
         module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"{mode}\")\n\
         input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")",
        authority.ca().display(),
        certificate.display(),
        key.display(),
    );
    (input, authority)
}

fn tls_rsyslog(mode: &str) -> Option<(Rsyslog, Authority, u16)> {
    let port = free_port();
    let mut made = None;
    let rsyslog = Rsyslog::start(port, |folder| {
        let (input, authority) = tls_input(folder, port, mode);
        made = Some(authority);
        input
    })?;
    Some((rsyslog, made.unwrap(), port))
}

#[test]
fn rsyslog_gets_every_record_over_tls_with_a_private_authority_and_a_wrong_one_gets_nothing() {
    let Some((rsyslog, authority, port)) = tls_rsyslog("anon") else { return };
    let running = Running::start(Target::Syslog(options(Protocol::Tls, port, authority.trusted())));
    running.feed(0..500);
    assert_eq!(running.drain().retries, 0);
    assert_eq!(tally("rsyslog TLS", &rsyslog.arrived(499), 0..500), 0);

    let folder = tempfile::tempdir().unwrap();
    let other = Authority::new(folder.path(), "other");
    let named = TlsOptions { server_name: Some("siem.example.org".to_owned()), ..authority.trusted() };
    for (wrong, said) in [(other.trusted(), "UnknownIssuer"), (named, "not valid for name")] {
        let running = Running::start(Target::Syslog(options(Protocol::Tls, port, wrong)));
        running.feed(500..510);
        wait("attempts", || running.counters.read().retries > 2);
        assert_eq!(running.acknowledged(), 0);
        let told = running.stop();
        assert!(told.last_error.contains(said), "{}", told.last_error);
        assert!(!told.connected && told.delivered == 0, "{told:?}");
    }
    let insecure = TlsOptions { insecure: true, ..TlsOptions::default() };
    let running = Running::start(Target::Syslog(options(Protocol::Tls, port, insecure)));
    running.feed(500..600);
    running.drain();
    tally("rsyslog TLS, unverified by explicit key", &rsyslog.arrived(599), 0..600);
}

#[test]
fn rsyslog_that_asks_for_a_client_certificate_gets_records_from_whoever_has_one() {
    let Some((rsyslog, authority, port)) = tls_rsyslog("x509/certvalid") else { return };
    let without = Running::start(Target::Syslog(options(Protocol::Tls, port, authority.trusted())));
    without.feed(900..910);
    wait("attempts", || without.counters.read().retries > 2);
    let told = without.stop();
    println!("rsyslog TLS without a client certificate: {}", told.last_error);
    assert_eq!(told.delivered, 0, "{told:?}");

    let running = Running::start(Target::Syslog(options(Protocol::Tls, port, authority.mutual("sensor"))));
    running.feed(0..500);
    running.drain();
    assert_eq!(tally("rsyslog TLS with a client certificate", &rsyslog.arrived(499), 0..500), 0);
}

#[test]
fn a_key_file_that_cannot_be_read_is_an_error_at_the_start_that_names_the_key() {
    let missing = PathBuf::from("/nonexistent/ca.pem");
    let tls = TlsOptions { ca_file: Some(missing), ..TlsOptions::default() };
    let target = Target::Syslog(options(Protocol::Tls, 6_514, tls));
    let Err(error) = target.open(&super::kit::context()) else { panic!("opened") };
    assert_eq!(error.key, "ca_file");
    assert!(error.to_string().starts_with("ca_file: /nonexistent/ca.pem: "), "{error}");
}
