//! `borderflow catalogue`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::attribute::{Catalogue, Confidence, Operator, Service, ServiceRole, Status, Tool, ToolKind};
use crate::run;

use super::args::{CatalogueArgs, ExplainFormat};
use super::{Failure, load, print};

pub(super) fn run(args: &CatalogueArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let attributor = run::attributor(&config).map_err(|error| Failure::Usage(error.to_string()))?;
    let text = match args.format {
        ExplainFormat::Text => text(attributor.catalogue()),
        ExplainFormat::Json => json(attributor.catalogue())?,
    };
    print(text.as_bytes())
}

/// A line per row, columns separated by tabs, so that `grep`, `cut` and `column -ts $'\t'` work on it.
fn text(catalogue: &Catalogue) -> String {
    let mut text = String::from("kind\twhat\towner\tjurisdiction\tstatus\tclass\tconfidence\tsource\tdate\n");
    let status = |status| if status == Status::Review { "review" } else { "listed" };
    for row in catalogue.operators.rows() {
        let (asn, country, sure) = (row.asn, row.jurisdiction, confidence(row.confidence));
        let (group, class, source, date) = (&row.group, &row.class, &row.source, &row.date);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "operator\tAS{asn}\t{group}\t{country}\t{}\t{class}\t{sure}\t{source}\t{date}",
            status(row.status)
        );
    }
    for row in catalogue.services.rows() {
        let (what, country, sure) = (&row.matches, row.jurisdiction, confidence(row.confidence));
        let (vendor, class, source, date) = (&row.vendor, &row.device_class, &row.source, &row.date);
        let _ = writeln!(
            text,
            "service\t{what}\t{vendor}\t{country}\t{}\t{class}\t{sure}\t{source}\t{date}",
            status(row.status)
        );
    }
    for row in catalogue.tools.rows() {
        let (name, vendor, sign, kind) = (&row.name, &row.vendor, &row.sign, row.kind.as_str());
        let (country, source, date) = (jurisdiction(row), &row.source, &row.date);
        let _ = writeln!(text, "tool\t{sign}\t{name} ({vendor})\t{country}\tlisted\t{kind}\t\t{source}\t{date}");
    }
    text
}

/// The code, or `-` where no source tells it.
fn jurisdiction(tool: &Tool) -> String {
    tool.jurisdiction.map_or("-".to_owned(), |country| country.to_string())
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    operators: Vec<OperatorRow<'a>>,
    services: Vec<ServiceRow<'a>>,
    tools: Vec<ToolRow<'a>>,
}

#[derive(Serialize)]
struct OperatorRow<'a> {
    asn: u32,
    name: &'a str,
    group: &'a str,
    jurisdiction: String,
    status: Status,
    class: &'a str,
    anycast: bool,
    basis: &'a str,
    confidence: Confidence,
    /// The ASN database's name where it does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    renamed: Option<&'a str>,
    source: &'a str,
    date: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

#[derive(Serialize)]
struct ServiceRow<'a> {
    r#match: String,
    vendor: &'a str,
    device_class: &'a str,
    jurisdiction: String,
    status: Status,
    role: ServiceRole,
    confidence: Confidence,
    source: &'a str,
    date: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

#[derive(Serialize)]
struct ToolRow<'a> {
    r#match: String,
    tool: &'a str,
    kind: ToolKind,
    vendor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jurisdiction: Option<String>,
    source: &'a str,
    date: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
}

fn json(catalogue: &Catalogue) -> Result<String, Failure> {
    let listing = Listing {
        operators: catalogue.operators.rows().iter().map(operator).collect(),
        services: catalogue.services.rows().iter().map(service).collect(),
        tools: catalogue.tools.rows().iter().map(tool).collect(),
    };
    serde_json::to_string_pretty(&listing).map(|text| text + "\n").map_err(|error| Failure::Failed(error.to_string()))
}

fn operator(row: &Operator) -> OperatorRow<'_> {
    OperatorRow {
        asn: row.asn,
        name: &row.name,
        group: &row.group,
        jurisdiction: row.jurisdiction.to_string(),
        status: row.status,
        class: &row.class,
        anycast: row.is_anycast,
        basis: &row.basis,
        confidence: row.confidence,
        renamed: row.renamed.as_deref(),
        source: &row.source,
        date: &row.date,
        note: &row.note,
    }
}

fn service(row: &Service) -> ServiceRow<'_> {
    ServiceRow {
        r#match: row.matches.to_string(),
        vendor: &row.vendor,
        device_class: &row.device_class,
        jurisdiction: row.jurisdiction.to_string(),
        status: row.status,
        role: row.role,
        confidence: row.confidence,
        source: &row.source,
        date: &row.date,
        note: &row.note,
    }
}

fn tool(row: &Tool) -> ToolRow<'_> {
    ToolRow {
        r#match: row.sign.to_string(),
        tool: &row.name,
        kind: row.kind,
        vendor: &row.vendor,
        jurisdiction: row.jurisdiction.map(|country| country.to_string()),
        source: &row.source,
        date: &row.date,
        note: &row.note,
    }
}
