//! Threads, clocks and signals around the pipeline: the only room that knows what time it is.

mod deliveries;
mod direct;
pub mod files;
pub mod log;
pub mod metrics;
mod monitor;
mod outputs;
mod progress;
mod recorder;
mod reload;
mod replay;
pub mod sandbox;
mod signals;
mod stages;
pub mod status;
mod summary;
pub mod systemd;
mod targets;
mod watch;

pub use deliveries::DeliveriesError;
pub use monitor::{Monitor, MonitorError, memory_limit, monitor};
pub use outputs::{now, output_context, output_names, output_target, probe_output};
pub use reload::{LoadError, Loaded, needs_restart};
pub use replay::{Replay, ReplayError, Reported, replay};
pub use signals::{Hangups, Interrupt};
pub use summary::{FlowsByTransport, NotDecidable, Summary};

use crate::attribute::geo::{Databases, GeoError, Override};
use crate::attribute::{Attributor, Catalogue, CatalogueError, catalogue};
use crate::config::Config;
use crate::{decode, detect, flow};

/// The databases a configuration asks for.
///
/// # Errors
/// A database of the user's that cannot serve; see [`GeoError`].
pub fn databases(config: &Config) -> Result<Databases, GeoError> {
    let geoip = &config.geoip;
    let overrides = geoip.overrides.iter().map(|entry| Override {
        prefix: entry.prefix,
        country: entry.country,
        asn: entry.asn,
        organization: entry.organization.clone(),
    });
    Ok(Databases::open(geoip.country.as_deref(), geoip.asn.as_deref())?.with_overrides(overrides.collect()))
}

/// Why nothing can be attributed.
#[derive(Debug, thiserror::Error)]
pub enum AttributorError {
    /// A database cannot serve.
    #[error(transparent)]
    Geo(#[from] GeoError),
    /// A catalogue cannot.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// The catalogues a configuration asks for.
///
/// # Errors
/// A file of the user's that does not fit; see [`CatalogueError`].
pub fn catalogue(config: &Config) -> Result<Catalogue, CatalogueError> {
    let geoip = &config.geoip;
    Catalogue::open(catalogue::Options {
        review: geoip.review,
        operators: geoip.operators.clone(),
        services: geoip.services.clone(),
        tools: geoip.tools.clone(),
        operator_rows: config.operators.clone(),
        service_rows: config.services.clone(),
    })
}

/// The attributor a configuration asks for.
///
/// # Errors
/// As [`databases`] and [`catalogue()`].
pub fn attributor(config: &Config) -> Result<Attributor, AttributorError> {
    Ok(Attributor::new(databases(config)?, catalogue(config)?))
}

/// What decoding is to do.
#[must_use]
pub fn decode_options(config: &Config) -> decode::Options {
    let section = &config.decode;
    let named = section.tunnels.iter().filter_map(|name| name.parse().ok());
    decode::Options {
        max_depth: section.max_depth,
        tunnels: named.fold(decode::TunnelSet::NONE, decode::TunnelSet::with),
        fragments: decode::FragmentOptions {
            max_bytes: usize::try_from(section.fragment_memory_bytes).unwrap_or(usize::MAX),
            max_datagrams: section.fragment_datagrams as usize,
            timeout: section.fragment_timeout,
        },
        duplicate_window: section.deduplicate_window,
    }
}

/// What the flow table is to do. The seed is fixed: a replay's output is a function of its input.
#[must_use]
pub fn flow_options(config: &Config) -> flow::Options {
    let section = &config.flow;
    flow::Options {
        max_flows: section.max_flows as usize,
        tcp_idle: section.tcp_idle,
        tcp_closed_idle: section.tcp_closed,
        udp_idle: section.udp_idle,
        other_idle: section.other_idle,
        unanswered_idle: section.unanswered,
        update_interval: section.update_interval,
        silence: config.detect.driven_silence,
        ..flow::Options::default()
    }
}

/// What detection is to do.
#[must_use]
pub fn policy(config: &Config) -> detect::Policy {
    detect::Policy {
        assets: config.assets.clone(),
        jurisdictions: config.jurisdictions.clone(),
        egress_min_bytes: config.detect.egress_min_bytes,
        finding_idle: config.detect.finding_idle,
        driven: detect::DrivenOptions { exchanges: config.detect.driven_exchanges },
        max_findings: config.detect.max_findings as usize,
        exceptions: config.exceptions.clone(),
        thresholds: config.thresholds.clone(),
        max_ledgers: config.ledger.max_ledgers as usize,
    }
}
