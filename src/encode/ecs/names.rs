//! What payloads said, as ECS fields: `tls`, `url`, `http`, `user_agent`, `dns`, and `ssh`, which ECS has no set for.

use crate::encode::pen::Pen;
use crate::inspect::Facts;
use crate::inspect::tls::Certificate;

/// The field sets that a flow's payloads fill; each is absent where nothing was said.
pub(super) fn said(facts: Option<&Facts>, pen: &mut Pen<'_>) {
    let Some(facts) = facts else { return };
    if !facts.ja4.is_empty() || !facts.server_names.is_empty() || facts.tls_version.is_some() {
        pen.raw(",\"tls\":").object(|pen| tls(facts, pen));
    }
    if !facts.http_hosts.is_empty() {
        pen.raw(",\"url\":{");
        values("\"domain\":", &facts.http_hosts, pen);
        pen.raw("}");
    }
    if facts.http_method.is_some() || facts.http_status.is_some() {
        pen.raw(",\"http\":").object(|pen| http(facts, pen));
    }
    if let Some(original) = &facts.user_agent {
        pen.raw(",\"user_agent\":{\"original\":").text(original).raw("}");
    }
    if !facts.questions.is_empty() {
        pen.raw(",\"dns\":{\"question\":{");
        values("\"name\":", &facts.questions, pen);
        pen.raw("}}");
    }
    if facts.ssh_client.is_some() || facts.ssh_server.is_some() {
        pen.raw(",\"ssh\":").object(|pen| {
            pen.text_at(",\"client\":", facts.ssh_client.as_deref());
            pen.text_at(",\"server\":", facts.ssh_server.as_deref());
        });
    }
}

/// One text, or a list where there are several; nothing without any.
fn values(piece: &str, values: &[String], pen: &mut Pen<'_>) {
    match values {
        [] => {}
        [one] => {
            pen.raw(piece).text(one);
        }
        many => {
            pen.raw(piece).texts(many.iter().map(String::as_str));
        }
    }
}

fn tls(facts: &Facts, pen: &mut Pen<'_>) {
    pen.word_at(",\"version\":", facts.tls_version.and_then(version));
    if let Some(cipher) = facts.tls_cipher {
        pen.raw(",\"cipher\":\"").display(format_args!("0x{cipher:04x}")).raw("\"");
    }
    pen.raw(",\"client\":").object(|pen| {
        values(",\"server_name\":", &facts.server_names, pen);
        values(",\"ja4\":", &facts.ja4, pen);
        values(",\"alpn\":", &facts.alpn, pen);
        // It hides the real name.
        if facts.encrypted_hello {
            pen.raw(",\"encrypted_hello\":true");
        }
    });
    if let Some(certificate) = facts.certificate.as_deref() {
        x509(certificate, pen);
    }
}

fn x509(it: &Certificate, pen: &mut Pen<'_>) {
    let mut party = |key: &str, name: &Option<String>, organization: &Option<String>, country: &Option<String>| {
        pen.raw(key).object(|pen| {
            pen.text_at(",\"common_name\":", name.as_deref());
            pen.text_at(",\"organization\":", organization.as_deref());
            pen.text_at(",\"country\":", country.as_deref());
        });
    };
    let subject = ",\"server\":{\"x509\":{\"subject\":";
    party(subject, &it.subject_common_name, &it.subject_organization, &it.subject_country);
    party(",\"issuer\":", &it.issuer_common_name, &it.issuer_organization, &it.issuer_country);
    values(",\"alternative_names\":", &it.names, pen);
    pen.raw("}}");
}

fn http(facts: &Facts, pen: &mut Pen<'_>) {
    if let Some(method) = &facts.http_method {
        pen.raw(",\"request\":{\"method\":").text(method).raw("}");
    }
    if let Some(status) = facts.http_status {
        pen.raw(",\"response\":{\"status_code\":").number(status);
        pen.text_at(",\"server\":", facts.http_server.as_deref()).raw("}");
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
