//! `borderflow explain`.

use std::net::IpAddr;

use serde::Serialize;

use crate::attribute::{Attributor, Basis, Evidence, EvidenceKind, Strength, Suffix, Tool, ToolKind};
use crate::detect::Verdict;
use crate::net::Scope;
use crate::run;

use super::args::{ExplainArgs, ExplainFormat};
use super::{Failure, load, print};

pub(super) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let attributor = run::attributor(&config).map_err(|error| Failure::Usage(error.to_string()))?;
    let is_list = args.subjects.len() > 1 || args.subjects.iter().any(|subject| matches!(subject, Subject::Input));
    let answer = |asked: &Asked| answer(asked, args.format, is_list, &config, &attributor);
    for subject in &args.subjects {
        match subject {
            Subject::Told(asked) => print(answer(asked)?.as_bytes())?,
            Subject::Input => {
                for (line, number) in std::io::stdin().lines().zip(1..) {
                    let line = line.map_err(|error| Failure::Usage(format!("standard input: {error}")))?;
                    let text = line.trim();
                    if text.is_empty() || text.starts_with('#') {
                        continue;
                    }
                    let asked = Asked::read(text).map_err(|expected| {
                        Failure::Usage(format!("standard input, line {number}: {text:?}: {expected}"))
                    })?;
                    print(answer(&asked)?.as_bytes())?;
                }
            }
        }
    }
    Ok(())
}

fn answer(
    asked: &Asked,
    format: ExplainFormat,
    is_list: bool,
    config: &crate::config::Config,
    attributor: &Attributor,
) -> Result<String, Failure> {
    let verdict = match asked {
        Asked::Address(address) => Verdict::of(*address, attributor, &config.assets, &config.jurisdictions),
        Asked::Name(name) => Verdict::of_name(&name.0, attributor, &config.jurisdictions),
    };
    let tool = match asked {
        Asked::Address(_) => None,
        Asked::Name(name) => attributor.tool([(Basis::Asked, name.0.as_str())]).map(|(_, tool)| tool),
    };
    let reasons = reasons(&verdict, asked, tool);
    match format {
        ExplainFormat::Json => json(&verdict, asked, tool, &reasons, is_list),
        ExplainFormat::Text => Ok(text(&verdict, asked, tool, &reasons)),
    }
}

/// One thing to explain, or a list of them on standard input.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Told(Asked),
    Input,
}

impl Subject {
    /// `-` is standard input.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text == "-" { Ok(Subject::Input) } else { Asked::read(text).map(Subject::Told) }
    }
}

/// What is to be explained.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Address(IpAddr),
    Name(Suffix),
}

impl Asked {
    /// An address, or a host name of two labels at least in any case.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if let Ok(address) = text.parse() {
            return Ok(Asked::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let name = name.parse().ok().filter(|Suffix(name)| name.contains('.'));
        name.map(Asked::Name)
            .ok_or("expected an IPv4 or IPv6 address, or a host name in ASCII (other scripts as xn-- labels)")
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Asked::Address(address) => address.fmt(f),
            Asked::Name(name) => f.write_str(&name.0),
        }
    }
}

/// Why the verdict is what it is, a sentence each.
fn reasons(verdict: &Verdict<'_>, asked: &Asked, tool: Option<&Tool>) -> Vec<String> {
    if verdict.home {
        return vec!["a monitored host, not a remote endpoint".to_owned()];
    }
    if verdict.flagged.is_empty() {
        let known: Vec<String> = verdict
            .attribution
            .evidence()
            .map(|item| format!("{}, which is not flagged", tie(&item, verdict.attribution.place.asn)))
            .collect();
        let unknown = match asked {
            Asked::Name(_) if tool.is_some() => "no source tells its jurisdiction",
            Asked::Name(_) => "the name is in no catalogue",
            Asked::Address(address) if Scope::of(*address).is_global() => "its country is unknown",
            Asked::Address(_) => "not an address of the Internet",
        };
        return if known.is_empty() { vec![unknown.to_owned()] } else { known };
    }
    let mut reasons: Vec<String> = Vec::new();
    for (evidence, flag) in &verdict.flagged {
        let country = evidence.jurisdiction;
        let strength = verdict.attribution.strength(country).unwrap_or_default();
        let reason = format!("{} ({country}), {} evidence: {}", country.name(), strength.as_str(), flag.basis);
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

fn described(evidence: &Evidence<'_>, asn: Option<u32>) -> String {
    format!("{}, {} evidence", tie(evidence, asn), evidence.strength.as_str())
}

fn tie(evidence: &Evidence<'_>, asn: Option<u32>) -> String {
    let (country, detail) = (evidence.jurisdiction, evidence.detail(asn));
    match evidence.kind {
        EvidenceKind::Located => format!("located in {} ({country})", country.name()),
        EvidenceKind::Operated => format!("operated by {detail}, {} ({country})", country.name()),
        EvidenceKind::Provided => format!("provided by {detail}, {} ({country})", country.name()),
        EvidenceKind::Made => format!("made by {detail}, {} ({country})", country.name()),
    }
}

/// `remote-support tool: AnyDesk, by AnyDesk Software, Germany (DE)`.
fn made(tool: &Tool) -> String {
    let place = tool.jurisdiction.map_or(String::new(), |country| format!(", {} ({country})", country.name()));
    format!("{}: {}, by {}{place}", tool.kind.noun(), tool.name, tool.vendor)
}

fn text(verdict: &Verdict<'_>, asked: &Asked, tool: Option<&Tool>, reasons: &[String]) -> String {
    let place = verdict.attribution.place;
    let country = place.country.map_or("unknown".to_owned(), |country| format!("{} ({country})", country.name()));
    let network = match (place.asn, place.organization) {
        (Some(asn), Some(name)) => format!("AS{asn} {name}"),
        (Some(asn), None) => format!("AS{asn}"),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "unknown".to_owned(),
    };
    let mut text = match asked {
        Asked::Address(address) => format!("{address}\n  country  {country}\n  network  {network}\n"),
        Asked::Name(name) => format!("{}\n", name.0),
    };
    if verdict.attribution.is_anycast() {
        text.push_str("  anycast  announced from many places, so its country means little\n");
    }
    for evidence in verdict.attribution.evidence() {
        text.push_str(&format!(
            "  evidence {} – {} {}\n",
            described(&evidence, place.asn),
            evidence.source,
            evidence.date
        ));
    }
    if let Some(tool) = tool {
        text.push_str(&format!("  {} – {} {}\n", made(tool), tool.source, tool.date));
    }
    text.push_str(if verdict.is_flagged() { "  verdict  FLAGGED\n" } else { "  verdict  not flagged\n" });
    for reason in reasons {
        text.push_str(&format!("           {reason}\n"));
    }
    text
}

#[derive(Serialize)]
struct Explanation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo: Option<Geo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#as: Option<As<'a>>,
    evidence: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<Means<'a>>,
    verdict: Judgement<'a>,
}

#[derive(Serialize)]
struct Geo {
    country_iso_code: String,
    country_name: &'static str,
}

#[derive(Serialize)]
struct As<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<Organization<'a>>,
}

#[derive(Serialize)]
struct Organization<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Item<'a> {
    kind: EvidenceKind,
    jurisdiction: String,
    strength: Strength,
    basis: Basis,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    source: &'a str,
    date: &'a str,
}

/// A tool, as the name asked for is a sign of it.
#[derive(Serialize)]
struct Means<'a> {
    name: &'a str,
    kind: ToolKind,
    vendor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jurisdiction: Option<String>,
    source: &'a str,
    date: &'a str,
}

impl<'a> Means<'a> {
    fn of(tool: &'a Tool) -> Self {
        Means {
            name: &tool.name,
            kind: tool.kind,
            vendor: &tool.vendor,
            jurisdiction: tool.jurisdiction.map(|country| country.to_string()),
            source: &tool.source,
            date: &tool.date,
        }
    }
}

#[derive(Serialize)]
struct Judgement<'a> {
    flagged: bool,
    reasons: &'a [String],
}

/// One object: over several lines for one subject, on one line each in a list.
fn json(
    verdict: &Verdict<'_>,
    asked: &Asked,
    tool: Option<&Tool>,
    reasons: &[String],
    is_list: bool,
) -> Result<String, Failure> {
    let place = verdict.attribution.place;
    let network = place.asn.is_some() || place.organization.is_some();
    let (ip, domain) = match asked {
        Asked::Address(address) => (Some(address.to_string()), None),
        Asked::Name(name) => (None, Some(name.0.as_str())),
    };
    let explanation = Explanation {
        ip,
        domain,
        geo: place.country.map(|country| Geo { country_iso_code: country.to_string(), country_name: country.name() }),
        r#as: network
            .then(|| As { number: place.asn, organization: place.organization.map(|name| Organization { name }) }),
        evidence: verdict
            .attribution
            .evidence()
            .map(|item| Item {
                kind: item.kind,
                jurisdiction: item.jurisdiction.to_string(),
                strength: item.strength,
                basis: item.basis,
                detail: item.detail(place.asn),
                source: item.source,
                date: item.date,
            })
            .collect(),
        tool: tool.map(Means::of),
        verdict: Judgement { flagged: verdict.is_flagged(), reasons },
    };
    let text = if is_list { serde_json::to_string(&explanation) } else { serde_json::to_string_pretty(&explanation) };
    text.map(|text| text + "\n").map_err(|error| Failure::Failed(error.to_string()))
}
