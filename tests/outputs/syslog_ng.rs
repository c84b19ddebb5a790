//! syslog-ng: TCP by RFC 6587, TLS by RFC 5425.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use borderflow::deliver::syslog::Protocol;
use borderflow::deliver::{Target, TlsOptions};

use super::kit::{Running, ids, tally, wait};
use super::peers::{Process, find, free_port};
use super::syslog::options;
use super::tls::Authority;

struct SyslogNg {
    folder: tempfile::TempDir,
    _process: Process,
}

impl SyslogNg {
    /// `transport`: the rest of its `syslog()` source.
    fn start(port: u16, transport: impl FnOnce(&Path) -> String) -> Option<SyslogNg> {
        let found = find("syslog-ng", "syslog-ng")?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let version = found.folder("syslog-ng").and_then(|modules| {
            let inner = fs::read_dir(modules).ok()?.flatten().map(|entry| entry.path());
            inner.filter(|path| path.is_dir()).find(|path| path.join("libafsocket.so").exists())
        })?;
        let conf = format!(
            "@version: {}\noptions {{ keep-hostname(yes); stats-freq(0); }};\n\
             source s {{ syslog(ip(\"127.0.0.1\") port({port}) {}); }};\n\
             destination d {{ file(\"{}/out\" template(\"$HOST $PROGRAM $MSGID $PRI $SDATA $MSG\\n\")); }};\n\
             log {{ source(s); destination(d); }};\n",
            version.file_name().unwrap().to_string_lossy(),
            transport(path),
            path.display(),
        );
        fs::write(path.join("conf"), conf).unwrap();
        let module_path = format!("--module-path={}", version.display());
        let args = ["-F", "-f", "conf", "-R", "persist", "-p", "pid", "-c", "ctl", "--no-caps", &module_path];
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        let mut process = found.start(path, &args);
        process.wait_for_port(port);
        Some(SyslogNg { folder, _process: process })
    }

    fn arrived(&self, last: u64) -> Vec<String> {
        let last = super::kit::id(last);
        let text = || fs::read_to_string(self.folder.path().join("out")).unwrap_or_default();
        wait(&format!("{last} at syslog-ng"), || ids(&text()).contains(&last));
        ids(&text())
    }
}

#[test]
fn syslog_ng_gets_every_record_over_tcp() {
    let port = free_port();
    let Some(peer) = SyslogNg::start(port, |_| "transport(\"tcp\")".to_owned()) else { return };
    let running = Running::start(Target::Syslog(options(Protocol::Tcp, port, TlsOptions::default())));
    running.feed(0..1_000);
    running.drain();
    assert_eq!(tally("syslog-ng TCP", &peer.arrived(999), 0..1_000), 0);
    let text = fs::read_to_string(peer.folder.path().join("out")).unwrap();
    let line = text.lines().next().unwrap();
    assert!(line.starts_with("sensor-1 borderflow egress 134 [") && line.contains("id=\"id-000000\""), "{line}");
}

#[test]
fn syslog_ng_gets_every_record_over_tls_from_whoever_has_a_certificate() {
    let port = free_port();
    let mut made = None;
    let transport = |folder: &Path| {
        let authority = Authority::new(folder, "authority");
        let (certificate, key) = authority.sign("localhost");
        let transport = format!(
            "transport(\"tls\") tls(key-file(\"{}\") cert-file(\"{}\") ca-file(\"{}\") peer-verify(required-trusted))",
            key.display(),
            certificate.display(),
            authority.ca().display(),
        );
        made = Some(authority);
        transport
    };
    let Some(peer) = SyslogNg::start(port, transport) else { return };
    let authority = made.unwrap();
    let without = Running::start(Target::Syslog(options(Protocol::Tls, port, authority.trusted())));
    without.feed(900..910);
    wait("attempts", || without.counters.read().retries > 2);
    assert_eq!(without.stop().delivered, 0);

    let running = Running::start(Target::Syslog(options(Protocol::Tls, port, authority.mutual("sensor"))));
    running.feed(0..500);
    running.drain();
    assert_eq!(tally("syslog-ng TLS with a client certificate", &peer.arrived(499), 0..500), 0);
}
