//! The tools by which somebody outside manages a device: remote support, tunnels, virtual private networks and the
//! clouds that command devices. A tool is known by a name, a protocol it offers in TLS, a certificate, or its own
//! protocol; what a flow's bytes do not show certainly is known here by name only.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::Basis;
use super::catalogue::{OwnerId, Row, RowError, Text};
use super::lookup::Places;
use super::service::Suffix;
use crate::net::Country;

/// Columns of `geoip/tools.tsv`.
pub(super) const COLUMNS: [&str; 8] = ["tool", "kind", "vendor", "jurisdiction", "match", "source", "date", "note"];

/// What a tool gives to whoever is at its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// The screen, the keyboard or a shell of the host.
    RemoteSupport,
    /// A way to a service inside, opened from inside.
    Tunnel,
    /// A network across the boundary.
    Vpn,
    /// Settings and commands of a device, by its vendor's cloud.
    DeviceControl,
}

impl ToolKind {
    /// Its name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ToolKind::RemoteSupport => "remote_support",
            ToolKind::Tunnel => "tunnel",
            ToolKind::Vpn => "vpn",
            ToolKind::DeviceControl => "device_control",
        }
    }

    /// What people call a tool of this kind.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            ToolKind::RemoteSupport => "remote-support tool",
            ToolKind::Tunnel => "tunnel",
            ToolKind::Vpn => "VPN",
            ToolKind::DeviceControl => "device cloud",
        }
    }
}

impl FromStr for ToolKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "remote_support" => ToolKind::RemoteSupport,
            "tunnel" => ToolKind::Tunnel,
            "vpn" => ToolKind::Vpn,
            "device_control" => ToolKind::DeviceControl,
            _ => return Err("expected remote_support, tunnel, vpn or device_control"),
        })
    }
}

/// What a tool is known by. Letters stand for both cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A host name and every name below it.
    Domain(String),
    /// An ALPN protocol; one that ends in `/` or `-` stands for all that begin so.
    Alpn(String),
    /// A common name or organisation in a certificate; one that ends in `/` or `-` stands for all that begin so.
    Certificate(String),
    /// A protocol by its name in `network.protocol`.
    Protocol(String),
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sign::Domain(text) => write!(f, "domain:{text}"),
            Sign::Alpn(text) => write!(f, "alpn:{text}"),
            Sign::Certificate(text) => write!(f, "certificate:{text}"),
            Sign::Protocol(text) => write!(f, "protocol:{text}"),
        }
    }
}

impl FromStr for Sign {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_text = |text: &str| !text.trim().is_empty() && !text.chars().any(char::is_control);
        match text.split_once(':') {
            Some(("domain", name)) => {
                name.parse().map(|Suffix(name)| Sign::Domain(name)).map_err(|error| error.to_string())
            }
            Some(("alpn", text)) if is_text(text) => Ok(Sign::Alpn(text.to_owned())),
            Some(("certificate", text)) if is_text(text) => Ok(Sign::Certificate(text.to_owned())),
            Some(("protocol", text)) if is_text(text) => Ok(Sign::Protocol(text.to_owned())),
            _ => Err("expected domain:NAME, alpn:TEXT, certificate:TEXT or protocol:NAME".to_owned()),
        }
    }
}

/// A tool by one of its signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// What it is called.
    pub name: Text,
    /// What it gives.
    pub kind: ToolKind,
    /// Who makes or runs it.
    pub vendor: Text,
    /// Jurisdiction of the vendor's controlling parent, where a source says so.
    pub jurisdiction: Option<Country>,
    /// What it is known by.
    pub sign: Sign,
    /// Where that is from.
    pub source: Text,
    /// When that was looked at.
    pub date: Text,
    /// Anything else a reviewer should know.
    pub note: Text,
    pub(super) owner: OwnerId,
}

impl Tool {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, RowError> {
        Ok(Tool {
            name: row.text(0)?,
            kind: row.parsed(1)?,
            vendor: row.text(2)?,
            jurisdiction: row.parsed::<Known>(3)?.0,
            sign: row.parsed(4)?,
            source: row.text(5)?,
            date: row.text(6)?,
            note: row.optional(7),
            owner: OwnerId::default(),
        })
    }
}

/// A jurisdiction, or `-`.
struct Known(Option<Country>);

impl FromStr for Known {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "-" => Ok(Known(None)),
            code => code.parse().map(|country| Known(Some(country))).map_err(|error| format!("{error}, or -")),
        }
    }
}

/// Tools by their signs.
#[derive(Debug, Default)]
pub struct Tools {
    rows: Vec<Tool>,
    by_domain: Places,
    by_alpn: Places,
    by_certificate: Places,
    by_protocol: Places,
}

impl Tools {
    /// Of these rows; of two with one sign the later counts.
    #[must_use]
    pub fn new(rows: Vec<Tool>) -> Self {
        let mut tools = Tools::default();
        let mut places: HashMap<String, usize> = HashMap::with_capacity(rows.len());
        for row in rows {
            let place = *places.entry(row.sign.to_string().to_ascii_lowercase()).or_insert(tools.rows.len());
            match tools.rows.get_mut(place) {
                Some(before) => *before = row,
                None => tools.rows.push(row),
            }
        }
        for (row, place) in tools.rows.iter().zip(0..) {
            match &row.sign {
                Sign::Domain(name) => tools.by_domain.insert_end(name, place),
                Sign::Alpn(text) => tools.by_alpn.insert_beginning(text, place),
                Sign::Certificate(text) => tools.by_certificate.insert_beginning(text, place),
                Sign::Protocol(name) => tools.by_protocol.insert_beginning(name, place),
            }
        }
        tools
    }

    /// The tool that `text`, read from `basis`, is a sign of; `None` for a basis that shows no tool.
    #[must_use]
    pub fn of(&self, basis: Basis, text: &str) -> Option<&Tool> {
        match basis {
            Basis::Sni | Basis::HttpHost | Basis::Dns | Basis::Asked => self.of_name(text),
            Basis::Alpn => self.of_alpn(text),
            Basis::Certificate => self.of_certificate(text),
            Basis::Protocol => self.of_protocol(text),
            Basis::Address | Basis::Asn | Basis::AddressRule | Basis::Mac => None,
        }
    }

    /// The tool of a host name: the longest listed suffix on a label boundary.
    #[must_use]
    pub fn of_name(&self, name: &str) -> Option<&Tool> {
        self.by_domain.longest_end(name, |place, suffix| {
            self.row(place, |sign| matches!(sign, Sign::Domain(known) if known.eq_ignore_ascii_case(suffix)))
        })
    }

    /// The tool that offers an ALPN protocol.
    #[must_use]
    pub fn of_alpn(&self, protocol: &str) -> Option<&Tool> {
        self.by_alpn.longest_beginning(protocol, |place, beginning| {
            self.row(place, |sign| matches!(sign, Sign::Alpn(known) if known.eq_ignore_ascii_case(beginning)))
        })
    }

    /// The tool whose certificate has `name` as common name or organisation of its subject or issuer; a host name, also
    /// with a wildcard, counts as one.
    #[must_use]
    pub fn of_certificate(&self, name: &str) -> Option<&Tool> {
        let listed = self.by_certificate.longest_beginning(name, |place, beginning| {
            self.row(place, |sign| matches!(sign, Sign::Certificate(known) if known.eq_ignore_ascii_case(beginning)))
        });
        listed.or_else(|| self.of_name(name))
    }

    /// The tool of a protocol by its name in `network.protocol`.
    #[must_use]
    pub fn of_protocol(&self, name: &str) -> Option<&Tool> {
        self.by_protocol.longest_beginning(name, |place, _| {
            self.row(place, |sign| matches!(sign, Sign::Protocol(known) if known.eq_ignore_ascii_case(name)))
        })
    }

    fn row(&self, place: u32, is_meant: impl Fn(&Sign) -> bool) -> Option<&Tool> {
        self.rows.get(place as usize).filter(|row| is_meant(&row.sign))
    }

    /// Every row, as `geoip/tools.tsv` has them, then the user's.
    #[must_use]
    pub fn rows(&self) -> &[Tool] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &'static str, sign: &str) -> Tool {
        Tool {
            name: name.into(),
            kind: ToolKind::RemoteSupport,
            vendor: "vendor".into(),
            jurisdiction: None,
            sign: sign.parse().unwrap(),
            source: "test".into(),
            date: Text::default(),
            note: Text::default(),
            owner: OwnerId::default(),
        }
    }

    #[test]
    fn a_tool_is_known_by_each_of_its_signs_and_by_nothing_near_them() {
        let tools = Tools::new(vec![
            tool("domain", "domain:desk.example"),
            tool("below", "domain:relay.desk.example"),
            tool("alpn", "alpn:desk/"),
            tool("exact", "alpn:frp"),
            tool("certificate", "certificate:Desk Client"),
            tool("root", "certificate:DeskRoot-"),
            tool("protocol", "protocol:wireguard"),
        ]);
        let name = |basis, text| tools.of(basis, text).map(|tool| tool.name.as_ref());
        for (basis, text, expected) in [
            (Basis::Sni, "a1.Relay.desk.example.", Some("below")),
            (Basis::Dns, "www.desk.example", Some("domain")),
            (Basis::HttpHost, "otherdesk.example", None),
            (Basis::Alpn, "desk/6.2.0/linux", Some("alpn")),
            (Basis::Alpn, "desk", None),
            (Basis::Alpn, "FRP", Some("exact")),
            (Basis::Alpn, "frp/2", None),
            (Basis::Certificate, "desk client", Some("certificate")),
            (Basis::Certificate, "Desk Client 2", None),
            (Basis::Certificate, "DeskRoot-8aeaa7", Some("root")),
            (Basis::Certificate, "DeskRoot", None),
            (Basis::Certificate, "*.desk.example", Some("domain")),
            (Basis::Protocol, "wireguard", Some("protocol")),
            (Basis::Protocol, "wireguard-2", None),
            (Basis::Sni, "wireguard", None),
            (Basis::Address, "desk.example", None),
            (Basis::Sni, "", None),
        ] {
            assert_eq!(name(basis, text), expected, "{basis:?} {text:?}");
        }
    }

    #[test]
    fn of_two_rows_with_one_sign_the_later_counts() {
        let tools = Tools::new(vec![tool("before", "domain:a.example"), tool("after", "domain:a.example")]);
        assert_eq!(tools.of_name("a.example").map(|tool| tool.name.as_ref()), Some("after"));
        assert_eq!(tools.rows().len(), 1);
    }

    #[test]
    fn a_sign_that_could_never_match_is_refused() {
        for text in ["a.example", "domain:", "domain:A.example", "domain:*.a.example", "alpn:", "port:22", ""] {
            assert!(text.parse::<Sign>().is_err(), "{text}");
        }
    }
}
