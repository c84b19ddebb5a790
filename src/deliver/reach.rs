//! What an output needs of the machine: the files it reads, the peers it talks to, the places it writes to.

use std::path::{Path, PathBuf};

use super::http::{HttpOptions, elasticsearch};
use super::{SecretSource, Target, TlsOptions, nats, syslog};

impl Target {
    /// Files with secrets, authorities and certificates that it reads when it is opened.
    #[must_use]
    pub fn files_read(&self) -> Vec<&Path> {
        let (secrets, tls) = match self {
            Target::Syslog(options) if options.protocol == syslog::Protocol::Tls => (Vec::new(), Some(&options.tls)),
            Target::Splunk(options) => (vec![options.token.file()], Some(&options.http.tls)),
            Target::Elasticsearch(options) => (vec![elastic_secret(&options.login)], Some(&options.http.tls)),
            Target::Webhook(options) => (
                vec![
                    options.token.as_ref().and_then(SecretSource::file),
                    options.hmac_key.as_ref().and_then(SecretSource::file),
                ],
                Some(&options.http.tls),
            ),
            Target::Nats(options) => (vec![nats_secret(&options.login)], options.tls.as_ref()),
            Target::Kafka(options) => (vec![options.login.as_ref().and_then(|(_, secret)| secret.file())], None),
            Target::Syslog(_) | Target::File(_) | Target::Stdout | Target::UnixStream(_) | Target::UnixDatagram(_) => {
                (Vec::new(), None)
            }
        };
        secrets.into_iter().flatten().chain(tls.into_iter().flat_map(TlsOptions::files)).collect()
    }

    /// Where it sends over the network: names or addresses, each with its port. Those of Kafka's and NATS's further servers are
    /// only known to them.
    #[must_use]
    pub fn peers(&self) -> Vec<String> {
        match self {
            Target::Syslog(options) => vec![options.address.clone()],
            Target::Splunk(options) => peer_of(&options.http),
            Target::Elasticsearch(options) => peer_of(&options.http),
            Target::Webhook(options) => peer_of(&options.http),
            Target::Nats(options) => options.servers.iter().filter_map(|server| with_port(server, 4222)).collect(),
            Target::Kafka(options) => options.brokers.clone(),
            Target::File(_) | Target::Stdout | Target::UnixStream(_) | Target::UnixDatagram(_) => Vec::new(),
        }
    }

    /// The directory in which it makes, renames and removes files, or the socket it connects to.
    #[must_use]
    pub fn place_written(&self) -> Option<PathBuf> {
        match self {
            Target::File(options) => {
                let directory = options.path.parent().filter(|parent| !parent.as_os_str().is_empty());
                Some(directory.unwrap_or(Path::new(".")).to_owned())
            }
            Target::UnixStream(path) | Target::UnixDatagram(path) => Some(path.clone()),
            Target::Stdout
            | Target::Syslog(_)
            | Target::Splunk(_)
            | Target::Elasticsearch(_)
            | Target::Webhook(_)
            | Target::Nats(_)
            | Target::Kafka(_) => None,
        }
    }
}

impl SecretSource {
    fn file(&self) -> Option<&Path> {
        match self {
            SecretSource::File(path) => Some(path),
            SecretSource::Environment(_) => None,
        }
    }
}

impl TlsOptions {
    fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.ca_file, &self.certificate_file, &self.key_file].into_iter().flatten().map(PathBuf::as_path)
    }
}

fn peer_of(http: &HttpOptions) -> Vec<String> {
    let default = if http.url.starts_with("https:") { 443 } else { 80 };
    with_port(&http.url, default).into_iter().collect()
}

/// `host:port` of a URL.
fn with_port(url: &str, default: u16) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let has_port = host.rsplit_once(':').is_some_and(|(before, port)| {
        !before.is_empty() && port.parse::<u16>().is_ok() && (!before.contains(':') || before.ends_with(']'))
    });
    (!host.is_empty()).then(|| if has_port { host.to_owned() } else { format!("{host}:{default}") })
}

fn elastic_secret(login: &elasticsearch::Login) -> Option<&Path> {
    match login {
        elasticsearch::Login::Nobody => None,
        elasticsearch::Login::User(_, secret) | elasticsearch::Login::ApiKey(secret) => secret.file(),
    }
}

fn nats_secret(login: &nats::Login) -> Option<&Path> {
    match login {
        nats::Login::Nobody => None,
        nats::Login::User(_, secret) | nats::Login::Token(secret) => secret.file(),
        nats::Login::Credentials(path) => Some(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_of_a_url_has_its_port_or_that_of_the_scheme() {
        for (url, expected) in [
            ("https://siem.example.org/hook?x=1", "siem.example.org:443"),
            ("https://user@siem.example.org:8088", "siem.example.org:8088"),
            ("nats://192.0.2.1", "192.0.2.1:443"),
            ("tls://[2001:db8::1]:4222", "[2001:db8::1]:4222"),
            ("https://[2001:db8::1]/x", "[2001:db8::1]:443"),
        ] {
            assert_eq!(with_port(url, 443).as_deref(), Some(expected), "{url}");
        }
        assert_eq!(with_port("https:///x", 443), None);
    }
}
