//! What outputs are given by the machine: its name, its clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::config::{Config, Target};
use crate::deliver::{self, Context, Pace, Probed, Reopen};
use crate::encode::Format;
use crate::net::Timestamp;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the time of day is about this machine, not about packets")]
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_parts(since.as_secs(), since.subsec_nanos())
}

/// What every output is opened with; `reopen` is what SIGHUP asks for.
#[must_use]
pub fn output_context(reopen: &Reopen) -> Context {
    Context {
        hostname: gethostname::gethostname().to_string_lossy().into_owned(),
        clock: now,
        reopen: reopen.clone(),
        seed: now().as_nanos(),
        pace: Pace::default(),
    }
}

/// The names of all outputs, of alerts and of flow records.
pub fn output_names(config: &Config) -> impl Iterator<Item = &str> {
    let alerts = config.outputs.iter().map(|output| output.name.as_str());
    alerts.chain(config.flow_outputs.iter().map(|output| output.name.as_str()))
}

/// Where the output called `name` sends to.
#[must_use]
pub fn output_target<'a>(config: &'a Config, name: &str) -> Option<&'a Target> {
    named(config, name).map(|(target, _)| target)
}

fn named<'a>(config: &'a Config, name: &str) -> Option<(&'a Target, Format)> {
    let alerts = config.outputs.iter().find(|output| output.name == name);
    let flows = config.flow_outputs.iter().find(|output| output.name == name);
    let alerts = alerts.map(|output| (&output.target, output.format));
    alerts.or_else(|| flows.map(|output| (&output.target, Format::Ecs)))
}

/// Sends one test alert through the output called `name`; says what the other side said and how long it took.
///
/// # Errors
/// Why it was not delivered, in words.
pub fn probe_output(config: &Config, name: &str) -> Result<(Probed, Duration), String> {
    let (target, format) = named(config, name).ok_or("no such output")?;
    #[expect(clippy::disallowed_methods, reason = "how long the other side took is about it, not about packets")]
    let begun = Instant::now();
    let probed = deliver::probe(target, format, &output_context(&Reopen::default()))?;
    Ok((probed, begun.elapsed()))
}
