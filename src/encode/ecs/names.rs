//! What payloads said, as ECS fields: `tls`, `url`, `http`, `user_agent`, `dns`, and `ssh`, which ECS has no set for.

use serde::{Serialize, Serializer};

use crate::inspect::Facts;
use crate::inspect::tls::Certificate;

/// The field sets that a flow's payloads fill; each is absent where nothing was said.
#[derive(Serialize)]
pub(super) struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<UserAgent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Dns<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh: Option<Ssh<'a>>,
}

#[derive(Serialize)]
struct Tls<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher: Option<String>,
    client: TlsClient<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<TlsServer<'a>>,
}

#[derive(Serialize)]
struct TlsClient<'a> {
    #[serde(skip_serializing_if = "Values::is_empty")]
    server_name: Values<'a>,
    #[serde(skip_serializing_if = "Values::is_empty")]
    ja4: Values<'a>,
    /// Protocols offered; the encrypted hello hides the real name.
    #[serde(skip_serializing_if = "Values::is_empty")]
    alpn: Values<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    encrypted_hello: bool,
}

#[derive(Serialize)]
struct TlsServer<'a> {
    x509: X509<'a>,
}

#[derive(Serialize)]
struct X509<'a> {
    subject: Party<'a>,
    issuer: Party<'a>,
    #[serde(skip_serializing_if = "Values::is_empty")]
    alternative_names: Values<'a>,
}

#[derive(Serialize)]
struct Party<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    common_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
}

#[derive(Serialize)]
struct Url<'a> {
    domain: Values<'a>,
}

#[derive(Serialize)]
struct Http<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<HttpRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<HttpResponse<'a>>,
}

#[derive(Serialize)]
struct HttpRequest<'a> {
    method: &'a str,
}

#[derive(Serialize)]
struct HttpResponse<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
}

#[derive(Serialize)]
struct UserAgent<'a> {
    original: &'a str,
}

#[derive(Serialize)]
struct Dns<'a> {
    question: Question<'a>,
}

#[derive(Serialize)]
struct Question<'a> {
    name: Values<'a>,
}

#[derive(Serialize)]
struct Ssh<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
}

/// One text, or a list where there are several.
struct Values<'a>(&'a [String]);

impl Values<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => serializer.serialize_str(one),
            many => serializer.collect_seq(many),
        }
    }
}

impl<'a> Said<'a> {
    pub(super) fn of(facts: Option<&'a Facts>) -> Self {
        let Some(facts) = facts else {
            return Said { tls: None, url: None, http: None, user_agent: None, dns: None, ssh: None };
        };
        let ssh = Ssh { client: facts.ssh_client.as_deref(), server: facts.ssh_server.as_deref() };
        Said {
            tls: Tls::of(facts),
            url: some(&facts.http_hosts).map(|domain| Url { domain }),
            http: Http::of(facts),
            user_agent: facts.user_agent.as_deref().map(|original| UserAgent { original }),
            dns: some(&facts.questions).map(|name| Dns { question: Question { name } }),
            ssh: (ssh.client.is_some() || ssh.server.is_some()).then_some(ssh),
        }
    }
}

fn some(list: &[String]) -> Option<Values<'_>> {
    (!list.is_empty()).then_some(Values(list))
}

impl<'a> Tls<'a> {
    fn of(facts: &'a Facts) -> Option<Self> {
        if facts.ja4.is_empty() && facts.server_names.is_empty() && facts.tls_version.is_none() {
            return None;
        }
        Some(Tls {
            version: facts.tls_version.and_then(version),
            cipher: facts.tls_cipher.map(|cipher| format!("0x{cipher:04x}")),
            client: TlsClient {
                server_name: Values(&facts.server_names),
                ja4: Values(&facts.ja4),
                alpn: Values(&facts.alpn),
                encrypted_hello: facts.encrypted_hello,
            },
            server: facts.certificate.as_deref().map(TlsServer::of),
        })
    }
}

impl<'a> TlsServer<'a> {
    fn of(certificate: &'a Certificate) -> Self {
        let party = |name: &'a Option<String>, organization: &'a Option<String>, country: &'a Option<String>| Party {
            common_name: name.as_deref(),
            organization: organization.as_deref(),
            country: country.as_deref(),
        };
        let it = certificate;
        TlsServer {
            x509: X509 {
                subject: party(&it.subject_common_name, &it.subject_organization, &it.subject_country),
                issuer: party(&it.issuer_common_name, &it.issuer_organization, &it.issuer_country),
                alternative_names: Values(&it.names),
            },
        }
    }
}

impl<'a> Http<'a> {
    fn of(facts: &'a Facts) -> Option<Self> {
        let request = facts.http_method.as_deref().map(|method| HttpRequest { method });
        let response =
            facts.http_status.map(|status_code| HttpResponse { status_code, server: facts.http_server.as_deref() });
        (request.is_some() || response.is_some()).then_some(Http { request, response })
    }
}

/// A version of TLS as ECS writes it.
fn version(number: u16) -> Option<&'static str> {
    match number {
        0x0300 => Some("3.0"),
        0x0301 => Some("1.0"),
        0x0302 => Some("1.1"),
        0x0303 => Some("1.2"),
        0x0304 => Some("1.3"),
        _ => None,
    }
}
