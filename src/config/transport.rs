//! The keys of each transport of `[[output]]` and `[[flow_output]]`, and what they amount to.

use std::time::Duration;

use super::ConfigError;
use super::output::seconds;
use super::table::Reader;
use super::value::integer;
use crate::deliver::http::{HttpOptions, elasticsearch, splunk, webhook};
use crate::deliver::stream::Framing;
use crate::deliver::{Target, TlsOptions, file, http, kafka, nats, syslog};

/// The kinds of `[[output]]`.
pub(super) const KINDS: [&str; 9] =
    ["file", "stdout", "unix", "syslog", "splunk", "elasticsearch", "webhook", "nats", "kafka"];

/// What every kind that speaks TLS understands.
const TLS: &str = "ca_file certificate_file key_file insecure";

/// The keys of a kind, beside those that every output has.
pub(super) fn keys(kind: &str) -> impl Iterator<Item = &'static str> {
    let (own, shared) = match kind {
        "file" => ("path rotate_bytes rotate_hours keep compress", ""),
        "unix" => ("path socket", ""),
        "syslog" => ("address protocol framing facility hostname structured_data bom max_bytes server_name", TLS),
        "splunk" => {
            ("url token_file token_env index source sourcetype acknowledge acknowledge_timeout_s gzip timeout_s", TLS)
        }
        "elasticsearch" => {
            ("url index username password_file password_env api_key_file api_key_env gzip timeout_s", TLS)
        }
        "webhook" => ("url body token_file token_env hmac_key_file hmac_key_env gzip timeout_s", TLS),
        "nats" => {
            ("servers subject username password_file password_env token_file token_env credentials_file tls", TLS)
        }
        "kafka" => ("brokers topic username password_file password_env", ""),
        _ => ("", ""),
    };
    own.split_ascii_whitespace().chain(shared.split_ascii_whitespace())
}

/// The transport; `subject` and `topic` are the defaults of NATS and Kafka.
pub(super) fn target(reader: &Reader<'_>, subject: &str, topic: &str) -> Result<Target, ConfigError> {
    Ok(match reader.kind() {
        "file" => Target::File(file(reader)?),
        "unix" => {
            let path = reader.needed_path("path")?;
            match reader.word("socket", &["stream", "datagram"])? {
                Some("datagram") => Target::UnixDatagram(path),
                _ => Target::UnixStream(path),
            }
        }
        "syslog" => Target::Syslog(syslog(reader)?),
        "splunk" => Target::Splunk(splunk(reader)?),
        "elasticsearch" => Target::Elasticsearch(elasticsearch(reader)?),
        "webhook" => Target::Webhook(webhook(reader)?),
        "nats" => Target::Nats(nats(reader, subject)?),
        "kafka" => Target::Kafka(kafka(reader, topic)?),
        _ => Target::Stdout,
    })
}

fn file(reader: &Reader<'_>) -> Result<file::Options, ConfigError> {
    let hours = reader.read("rotate_hours", integer::<1, 8_760, u64, _>)?;
    Ok(file::Options {
        path: reader.needed_path("path")?,
        rotate_bytes: reader.read("rotate_bytes", integer::<4_096, 1_099_511_627_776, u64, _>)?,
        rotate_every: hours.map(|hours| Duration::from_secs(hours * 3_600)),
        keep: reader.read("keep", integer::<1, 1_000, u32, _>)?.unwrap_or(10),
        compress: reader.flag("compress", true)?,
    })
}

/// RFC 5424, table 1, by the names of syslog.conf.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

fn syslog(reader: &Reader<'_>) -> Result<syslog::Options, ConfigError> {
    let protocol = match reader.word("protocol", &["udp", "tcp", "tls"])? {
        Some("udp") => syslog::Protocol::Udp,
        Some("tcp") => syslog::Protocol::Tcp,
        _ => syslog::Protocol::Tls,
    };
    let is_udp = protocol == syslog::Protocol::Udp;
    if protocol != syslog::Protocol::Tls {
        let tls = ["ca_file", "certificate_file", "key_file", "server_name", "insecure"];
        if let Some(key) = tls.iter().find(|key| reader.value(key).is_some()) {
            return Err(reader.invalid(key, "has a meaning with protocol = \"tls\" only"));
        }
    }
    let facility = reader.word("facility", &FACILITIES)?.unwrap_or("local0");
    let framing = match reader.word("framing", &["octet-counting", "newline"])? {
        Some("newline") if protocol != syslog::Protocol::Tcp => {
            return Err(reader.invalid("framing", "newline framing has a meaning with protocol = \"tcp\" only"));
        }
        Some("newline") => Framing::Newline,
        _ => Framing::OctetCounting,
    };
    let most = if is_udp { 2_048 } else { 8_192 };
    let max_bytes = reader.read("max_bytes", integer::<1_024, 1_048_576, usize, _>)?.unwrap_or(most);
    if is_udp && max_bytes > MOST_UDP_BYTES {
        return Err(reader.invalid("max_bytes", format!("a UDP datagram holds {MOST_UDP_BYTES} bytes at most")));
    }
    Ok(syslog::Options {
        address: address(reader, "address", &reader.needed_text("address")?)?,
        protocol,
        framing,
        facility: FACILITIES
            .iter()
            .position(|name| *name == facility)
            .and_then(|at| u8::try_from(at).ok())
            .unwrap_or(16),
        hostname: reader.text("hostname")?,
        structured_data: reader.text("structured_data")?,
        bom: reader.flag("bom", false)?,
        max_bytes,
        tls: tls(reader)?,
    })
}

/// RFC 768 over IPv4.
const MOST_UDP_BYTES: usize = 65_507;

/// `host:port`; an IPv6 address in brackets.
fn address(reader: &Reader<'_>, key: &str, text: &str) -> Result<String, ConfigError> {
    let parts = text.rsplit_once(':').filter(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        !host.is_empty() && (bracketed || !host.contains(':')) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    match parts {
        Some(_) => Ok(text.to_owned()),
        None => Err(reader.invalid(key, format!("{text:?}: expected host:port, such as siem.example.org:6514"))),
    }
}

/// `server_name` is a key of syslog alone; URLs name their host.
fn tls(reader: &Reader<'_>) -> Result<TlsOptions, ConfigError> {
    let options = TlsOptions {
        ca_file: reader.path("ca_file")?,
        certificate_file: reader.path("certificate_file")?,
        key_file: reader.path("key_file")?,
        server_name: reader.text("server_name")?,
        insecure: reader.flag("insecure", false)?,
    };
    match (&options.certificate_file, &options.key_file) {
        (Some(_), None) => Err(reader.invalid("certificate_file", "needs `key_file` beside it")),
        (None, Some(_)) => Err(reader.invalid("key_file", "needs `certificate_file` beside it")),
        _ => Ok(options),
    }
}

fn http(reader: &Reader<'_>) -> Result<HttpOptions, ConfigError> {
    let url = reader.needed_text("url")?;
    http::check_url(&url).map_err(|problem| reader.invalid("url", problem))?;
    Ok(HttpOptions {
        url,
        tls: tls(reader)?,
        gzip: reader.flag("gzip", false)?,
        timeout: seconds(reader.read("timeout_s", integer::<1, 600, u64, _>)?, 30),
    })
}

fn splunk(reader: &Reader<'_>) -> Result<splunk::Options, ConfigError> {
    let timeout = seconds(reader.read("acknowledge_timeout_s", integer::<10, 3_600, u64, _>)?, 300);
    Ok(splunk::Options {
        http: http(reader)?,
        token: reader.secret("token")?.ok_or_else(|| reader.missing("token_file"))?,
        index: reader.text("index")?,
        source: reader.text("source")?.unwrap_or_else(|| "borderflow".to_owned()),
        sourcetype: reader.text("sourcetype")?.unwrap_or_else(|| "borderflow:alert".to_owned()),
        acknowledge: reader.flag("acknowledge", false)?.then_some(timeout),
    })
}

fn elasticsearch(reader: &Reader<'_>) -> Result<elasticsearch::Options, ConfigError> {
    let login = match (reader.text("username")?, reader.secret("password")?, reader.secret("api_key")?) {
        (None, None, None) => elasticsearch::Login::Nobody,
        (Some(user), Some(password), None) => elasticsearch::Login::User(user, password),
        (None, None, Some(key)) => elasticsearch::Login::ApiKey(key),
        (_, _, Some(_)) => {
            return Err(reader.invalid("username", "an API key is given too; expected one of the two"));
        }
        (Some(_), None, None) => return Err(reader.invalid("username", "needs `password_file` or `password_env`")),
        (None, Some(_), None) => return Err(reader.missing("username")),
    };
    let index = reader.text("index")?.unwrap_or_else(|| "logs-borderflow.alert-default".to_owned());
    Ok(elasticsearch::Options { http: http(reader)?, index, login })
}

fn webhook(reader: &Reader<'_>) -> Result<webhook::Options, ConfigError> {
    let body = match reader.word("body", &["array", "lines"])? {
        Some("lines") => webhook::Body::Lines,
        _ => webhook::Body::Array,
    };
    let (token, hmac_key) = (reader.secret("token")?, reader.secret("hmac_key")?);
    Ok(webhook::Options { http: http(reader)?, body, token, hmac_key })
}

fn nats(reader: &Reader<'_>, subject: &str) -> Result<nats::Options, ConfigError> {
    let servers = reader.texts("servers")?;
    if servers.is_empty() {
        return Err(reader.missing("servers"));
    }
    for server in &servers {
        nats::check_server(server).map_err(|problem| reader.invalid("servers", format!("{server:?}: {problem}")))?;
    }
    let user = (reader.text("username")?, reader.secret("password")?);
    let login = match (user, reader.secret("token")?, reader.path("credentials_file")?) {
        ((None, None), None, None) => nats::Login::Nobody,
        ((Some(user), Some(password)), None, None) => nats::Login::User(user, password),
        ((None, None), Some(token), None) => nats::Login::Token(token),
        ((None, None), None, Some(path)) => nats::Login::Credentials(path),
        _ => {
            let problem = "expected one of: username with its password, a token, a credentials file";
            let keys = ["username", "credentials_file", "token_file", "token_env", "password_file", "password_env"];
            let key = keys.iter().find(|key| reader.value(key).is_some()).copied().unwrap_or("name");
            return Err(reader.invalid(key, problem));
        }
    };
    let subject = match reader.text("subject")? {
        Some(subject) if subject.contains([' ', '*', '>']) || subject.split('.').any(str::is_empty) => {
            let problem = format!("{subject:?}: expected words joined by full stops, without spaces or wildcards");
            return Err(reader.invalid("subject", problem));
        }
        written => written.unwrap_or_else(|| subject.to_owned()),
    };
    let options = tls(reader)?;
    let is_asked = options != TlsOptions::default() || servers.iter().any(|server| server.starts_with("tls://"));
    let tls = (reader.flag("tls", is_asked)? || is_asked).then_some(options);
    Ok(nats::Options { servers, subject, login, tls })
}

fn kafka(reader: &Reader<'_>, topic: &str) -> Result<kafka::Options, ConfigError> {
    let brokers = reader.texts("brokers")?;
    if brokers.is_empty() {
        return Err(reader.missing("brokers"));
    }
    for broker in &brokers {
        address(reader, "brokers", broker)?;
    }
    let login = match (reader.text("username")?, reader.secret("password")?) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => return Err(reader.invalid("username", "needs `password_file` or `password_env`")),
        (None, Some(_)) => return Err(reader.missing("username")),
    };
    let options = kafka::Options { brokers, topic: reader.text("topic")?.unwrap_or_else(|| topic.to_owned()), login };
    match options.missing() {
        Some(problem) => Err(reader.invalid("kind", problem)),
        None => Ok(options),
    }
}
