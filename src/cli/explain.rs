//! `borderflow explain`.

use std::net::IpAddr;

use serde::Serialize;

use crate::attribute::{Evidence, EvidenceKind, Strength};
use crate::detect::Verdict;
use crate::net::Scope;
use crate::run;

use super::args::{ExplainArgs, ExplainFormat};
use super::{Failure, load, print};

pub(super) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let attributor = run::attributor(&config).map_err(|error| Failure::Usage(error.to_string()))?;
    let verdict = Verdict::of(args.address, &attributor, &config.assets, &config.jurisdictions);
    let reasons = reasons(&verdict, args.address);
    let text = match args.format {
        ExplainFormat::Json => json(&verdict, args.address, &reasons)?,
        ExplainFormat::Text => text(&verdict, args.address, &reasons),
    };
    print(text.as_bytes())
}

/// Why the verdict is what it is, a sentence each.
fn reasons(verdict: &Verdict<'_>, address: IpAddr) -> Vec<String> {
    if verdict.home {
        return vec!["a monitored host, not a remote endpoint".to_owned()];
    }
    if verdict.flagged.is_empty() {
        return match verdict.attribution.place.country {
            Some(country) => vec![format!("located in {} ({country}), which is not flagged", country.name())],
            None if Scope::of(address).is_global() => vec!["its country is unknown".to_owned()],
            None => vec!["not an address of the Internet".to_owned()],
        };
    }
    let flagged = verdict.flagged.iter();
    flagged.map(|(evidence, flag)| format!("{}: {}", described(evidence), flag.basis)).collect()
}

fn described(evidence: &Evidence<'_>) -> String {
    let country = evidence.jurisdiction;
    let tie = match evidence.kind {
        EvidenceKind::Located => "located in",
    };
    format!("{tie} {} ({country}), {} evidence", country.name(), evidence.strength.as_str())
}

fn text(verdict: &Verdict<'_>, address: IpAddr, reasons: &[String]) -> String {
    let place = verdict.attribution.place;
    let country = place.country.map_or("unknown".to_owned(), |country| format!("{} ({country})", country.name()));
    let network = match (place.asn, place.organization) {
        (Some(asn), Some(name)) => format!("AS{asn} {name}"),
        (Some(asn), None) => format!("AS{asn}"),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "unknown".to_owned(),
    };
    let mut text = format!("{address}\n  country  {country}\n  network  {network}\n");
    for evidence in verdict.attribution.evidence() {
        text.push_str(&format!("  evidence {} – {} {}\n", described(&evidence), evidence.source, evidence.date));
    }
    text.push_str(if verdict.is_flagged() { "  verdict  FLAGGED\n" } else { "  verdict  not flagged\n" });
    for reason in reasons {
        text.push_str(&format!("           {reason}\n"));
    }
    text
}

#[derive(Serialize)]
struct Explanation<'a> {
    ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo: Option<Geo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#as: Option<As<'a>>,
    evidence: Vec<Item<'a>>,
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
    source: &'a str,
    date: &'a str,
}

#[derive(Serialize)]
struct Judgement<'a> {
    flagged: bool,
    reasons: &'a [String],
}

fn json(verdict: &Verdict<'_>, address: IpAddr, reasons: &[String]) -> Result<String, Failure> {
    let place = verdict.attribution.place;
    let network = place.asn.is_some() || place.organization.is_some();
    let explanation = Explanation {
        ip: address.to_string(),
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
                source: item.source,
                date: item.date,
            })
            .collect(),
        verdict: Judgement { flagged: verdict.is_flagged(), reasons },
    };
    serde_json::to_string_pretty(&explanation)
        .map(|text| text + "\n")
        .map_err(|error| Failure::Failed(error.to_string()))
}
