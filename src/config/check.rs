//! From the document as written to domain values: what concerns several keys is checked here.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::output::{self, Taken};
use super::schema::{
    Asn, AssetEntry, Document, GeoipTable, JournalTable, JurisdictionsTable, OperatorEntry, ServiceEntry,
};
use super::source::Sources;
use super::value::{Parsed, Text};
use super::{Config, ConfigError, Geoip, GeoipOverride, Journal, risk};
use crate::attribute::{Operator, Service};
use crate::detect::{Asset, AssetConflict, Assets, Flag, Jurisdictions};
use crate::net::Prefix;

pub(super) fn check(document: Document, sources: &Sources<'_>) -> Result<Config, ConfigError> {
    let home = home(&document.monitor.home, sources)?;
    let assets = assets(&home, &document.asset, sources)?;
    let mut taken = Taken::default();
    for table in &document.output {
        output::check_assets(table, &assets, sources)?;
    }
    Ok(Config {
        origin: None,
        thresholds: risk::thresholds(&document.threshold, &document.ledger, &assets, sources)?,
        exceptions: risk::exceptions(document.exception, &assets, sources)?,
        ledger: document.ledger,
        journal: journal(&document.journal, sources),
        capture: document.capture,
        daemon: document.daemon,
        sandbox: document.sandbox,
        metrics: document.metrics,
        log: document.log,
        assets,
        home,
        preset: document.jurisdictions.preset,
        jurisdictions: jurisdictions(document.jurisdictions, sources)?,
        detect: document.detect,
        flow: document.flow,
        decode: document.decode,
        geoip: geoip(document.geoip, sources)?,
        operators: operators(document.operator, sources)?,
        services: services(document.service, sources)?,
        outputs: output::outputs(&document.output, &mut taken, sources)?,
        flow_outputs: output::flow_outputs(&document.flow_output, &mut taken, sources)?,
    })
}

fn home(written: &[Spanned<Parsed<Prefix>>], sources: &Sources<'_>) -> Result<Vec<Prefix>, ConfigError> {
    written.iter().map(|prefix| bounded(prefix, sources)).collect()
}

fn bounded(written: &Spanned<Parsed<Prefix>>, sources: &Sources<'_>) -> Result<Prefix, ConfigError> {
    let Parsed(prefix) = *written.get_ref();
    if prefix.length() == 0 {
        let problem = format!("{prefix} holds every address, so nothing would be remote; name your own networks");
        return Err(sources.invalid(written.span(), problem));
    }
    Ok(prefix)
}

fn assets(home: &[Prefix], entries: &[AssetEntry], sources: &Sources<'_>) -> Result<Assets, ConfigError> {
    let declared = entries.iter().map(|entry| asset(entry, sources)).collect::<Result<_, _>>()?;
    Assets::new(home, declared).map_err(|conflict| explain_conflict(&conflict, entries, sources))
}

fn asset(entry: &AssetEntry, sources: &Sources<'_>) -> Result<Asset, ConfigError> {
    if entry.addresses.is_empty() && entry.macs.is_empty() {
        let problem = format!("asset {:?} has neither addresses nor macs; give at least one", name(entry));
        return Err(sources.invalid(entry.name.span(), problem));
    }
    if let Some(group) = entry.macs.iter().find(|mac| mac.get_ref().0.is_group()) {
        let problem = format!("{} is a group address; expected the address of one host", group.get_ref().0);
        return Err(sources.invalid(group.span(), problem));
    }
    let text = |text: &Option<Parsed<Text>>| text.as_ref().map(|Parsed(Text(text))| text.clone());
    Ok(Asset {
        name: name(entry).to_owned(),
        prefixes: entry.addresses.iter().map(|prefix| bounded(prefix, sources)).collect::<Result<_, _>>()?,
        macs: entry.macs.iter().map(|mac| mac.get_ref().0).collect(),
        sector: text(&entry.sector),
        criticality: entry.criticality,
        supplier: text(&entry.supplier),
        owner: text(&entry.owner),
    })
}

fn name(entry: &AssetEntry) -> &str {
    let Parsed(Text(name)) = entry.name.get_ref();
    name
}

fn explain_conflict(conflict: &AssetConflict, entries: &[AssetEntry], sources: &Sources<'_>) -> ConfigError {
    let asset = |index: usize| entries.get(index);
    let called = |index: usize| asset(index).map_or("", name);
    match conflict {
        AssetConflict::Name(first, second) => {
            let spans = [first, second].map(|&index| asset(index).map_or(0..0, |entry| entry.name.span()));
            let [before, here] = spans;
            let problem = format!("another asset is called {:?} ({})", called(*second), sources.place(&before));
            sources.invalid(here, problem)
        }
        AssetConflict::Prefix(first, second) => {
            let written = |place: &crate::detect::PrefixRef| asset(place.asset)?.addresses.get(place.prefix);
            let [before, here] = [first, second].map(|place| written(place).map_or(0..0, Spanned::span));
            let [other, own] = [first, second]
                .map(|place| written(place).map_or(String::new(), |prefix| prefix.get_ref().0.to_string()));
            let problem = format!(
                "{own} of asset {:?} overlaps {other} of asset {:?} ({}); an address belongs to one asset",
                called(second.asset),
                called(first.asset),
                sources.place(&before)
            );
            sources.invalid(here, problem)
        }
        AssetConflict::Mac(first, second, mac) => {
            let written = |index: usize| asset(index)?.macs.iter().find(|written| written.get_ref().0 == *mac);
            let [before, here] = [first, second].map(|&index| written(index).map_or(0..0, Spanned::span));
            let problem = format!(
                "{mac} of asset {:?} is also declared by asset {:?} ({}); a MAC belongs to one asset",
                called(*second),
                called(*first),
                sources.place(&before)
            );
            sources.invalid(here, problem)
        }
    }
}

fn jurisdictions(table: JurisdictionsTable, sources: &Sources<'_>) -> Result<Jurisdictions, ConfigError> {
    let mut jurisdictions = Jurisdictions::from_preset(table.preset);
    let mut own = HashMap::new();
    for entry in table.flag {
        let Parsed(country) = *entry.country.get_ref();
        if let Some(before) = own.insert(country, entry.country.span()) {
            let problem = format!("{country} already has a flag ({})", sources.place(&before));
            return Err(sources.invalid(entry.country.span(), problem));
        }
        let Parsed(Text(basis)) = entry.basis;
        jurisdictions.set(country, Flag { risk: entry.risk, basis: basis.into() });
    }
    for written in table.exempt {
        let Parsed(country) = *written.get_ref();
        if let Some(flag) = own.get(&country) {
            let problem = format!("{country} is both exempt and flagged ({}); remove one", sources.place(flag));
            return Err(sources.invalid(written.span(), problem));
        }
        jurisdictions.exempt(country);
    }
    Ok(jurisdictions)
}

fn geoip(table: GeoipTable, sources: &Sources<'_>) -> Result<Geoip, ConfigError> {
    let mut seen = HashMap::new();
    let mut overrides = Vec::with_capacity(table.overrides.len());
    for entry in table.overrides {
        let Parsed(prefix) = *entry.prefix.get_ref();
        if let Some(before) = seen.insert(prefix, entry.prefix.span()) {
            let problem = format!("{prefix} is already overridden ({})", sources.place(&before));
            return Err(sources.invalid(entry.prefix.span(), problem));
        }
        if entry.country.is_none() && entry.asn.is_none() && entry.organization.is_none() {
            let problem = "overrides nothing; give at least one of country, asn, organization";
            return Err(sources.invalid(entry.prefix.span(), problem));
        }
        overrides.push(GeoipOverride {
            prefix,
            country: entry.country.map(|Parsed(country)| country),
            asn: entry.asn,
            organization: entry.organization.map(|Parsed(Text(name))| name),
        });
    }
    let path = |written: Option<Spanned<String>>| {
        let written = written.filter(|path| !path.get_ref().is_empty())?;
        Some(resolve(written.get_ref(), &written, sources))
    };
    Ok(Geoip {
        country: path(table.country),
        asn: path(table.asn),
        operators: path(table.operators),
        services: path(table.services),
        tools: path(table.tools),
        review: table.review,
        overrides,
    })
}

fn journal(table: &JournalTable, sources: &Sources<'_>) -> Journal {
    let written = table.path.as_ref().filter(|path| !path.get_ref().is_empty());
    Journal {
        path: written.map(|path| resolve(path.get_ref(), path, sources)),
        max_bytes: table.max_bytes,
        max_age: Duration::from_secs(u64::from(table.max_days) * 86_400),
    }
}

fn operators(entries: Vec<OperatorEntry>, sources: &Sources<'_>) -> Result<Vec<Operator>, ConfigError> {
    let mut seen = HashMap::new();
    let row = |entry: OperatorEntry| {
        let Asn(asn) = *entry.asn.get_ref();
        if let Some(before) = seen.insert(asn, entry.asn.span()) {
            let problem = format!("AS{asn} already has an operator ({})", sources.place(&before));
            return Err(sources.invalid(entry.asn.span(), problem));
        }
        let (Parsed(Text(name)), Parsed(jurisdiction)) = (entry.name, entry.jurisdiction);
        let Parsed(Text(source)) = entry.source;
        Ok(Operator::of_user(asn, name, jurisdiction, source))
    };
    entries.into_iter().map(row).collect()
}

fn services(entries: Vec<ServiceEntry>, sources: &Sources<'_>) -> Result<Vec<Service>, ConfigError> {
    let mut seen = HashMap::new();
    let row = |entry: ServiceEntry| {
        let span = entry.suffix.span();
        let Parsed(suffix) = entry.suffix.into_inner();
        if let Some(before) = seen.insert(suffix.0.clone(), span.clone()) {
            let problem = format!("{} already is a service ({})", suffix.0, sources.place(&before));
            return Err(sources.invalid(span, problem));
        }
        let (Parsed(Text(vendor)), Parsed(Text(device_class))) = (entry.vendor, entry.device_class);
        let (Parsed(jurisdiction), Parsed(Text(source))) = (entry.jurisdiction, entry.source);
        Ok(Service::of_user(suffix, vendor, device_class, jurisdiction, source))
    };
    entries.into_iter().map(row).collect()
}

fn resolve<T>(path: &str, written: &Spanned<T>, sources: &Sources<'_>) -> PathBuf {
    match sources.directory(&written.span()) {
        Some(directory) => directory.join(path),
        None => PathBuf::from(path),
    }
}
