//! The server's certificate (X.509, RFC 5280): whose it is and who vouches for it.
//!
//! Nothing is verified here: a certificate is evidence of what its owner says about himself.

use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::AttributeTypeAndValue;

use super::text::{clean, host_name};

/// Alternative names that are kept.
const MOST_NAMES: usize = 32;

/// What a certificate says of its owner and its issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Certificate {
    /// Organisation of the owner.
    pub subject_organization: Option<String>,
    /// Country of the owner, two letters as a rule.
    pub subject_country: Option<String>,
    /// Common name of the owner: a host name or a device's name.
    pub subject_common_name: Option<String>,
    /// Organisation of the issuer.
    pub issuer_organization: Option<String>,
    /// Country of the issuer.
    pub issuer_country: Option<String>,
    /// Common name of the issuer.
    pub issuer_common_name: Option<String>,
    /// DNS names it is valid for (RFC 5280 section 4.2.1.6), wildcards as they stand; at most 32.
    pub names: Vec<String>,
    /// End of its validity in seconds since 1970; negative before that.
    pub not_after_s: i64,
}

impl Certificate {
    /// The certificate in `der`; `None` where that is not one.
    pub(super) fn read(der: &[u8]) -> Option<Certificate> {
        let (_, read) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (read.subject(), read.issuer());
        Some(Certificate {
            subject_organization: first(subject.iter_organization()),
            subject_country: first(subject.iter_country()),
            subject_common_name: first(subject.iter_common_name()),
            issuer_organization: first(issuer.iter_organization()),
            issuer_country: first(issuer.iter_country()),
            issuer_common_name: first(issuer.iter_common_name()),
            names: dns_names(&read),
            not_after_s: read.validity().not_after.timestamp(),
        })
    }
}

fn first<'a>(mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<String> {
    attributes.next().map(text).filter(|text| !text.is_empty())
}

/// The value in its own encoding: BMPString is UTF-16, TeletexString Latin-1 in practice, all others UTF-8.
fn text(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    let latin1 = || value.data.iter().copied().map(char::from).collect::<String>();
    match value.tag() {
        Tag::BmpString => {
            let units = value.data.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
            clean(String::from_utf16_lossy(&units.collect::<Vec<_>>()).as_bytes())
        }
        Tag::T61String => clean(latin1().as_bytes()),
        _ => clean(value.data),
    }
}

fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = alternative.value.general_names.iter().filter_map(|name| {
        if let GeneralName::DNSName(name) = name { wildcard_or_host_name(name.as_bytes()) } else { None }
    });
    names.take(MOST_NAMES).collect()
}

fn wildcard_or_host_name(name: &[u8]) -> Option<String> {
    match name.strip_prefix(b"*.") {
        Some(domain) => host_name(domain).map(|domain| format!("*.{domain}")),
        None => host_name(name),
    }
}
