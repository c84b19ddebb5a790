//! `borderflow monitor`.

use crate::capture::live::LiveError;
use crate::run::sandbox::SandboxError;
use crate::run::{self, DeliveriesError, Monitor, MonitorError};

use super::args::MonitorArgs;
use super::{Failure, load};

pub(super) fn run(args: MonitorArgs) -> Result<(), Failure> {
    let sets = args.overrides();
    let request = Monitor { source: (args.config.config.clone(), sets.clone()), format: args.format };
    let config = load(&super::args::ConfigArgs { config: args.config.config, set: sets })?;
    let logging = run::log::start(&config.log);
    let is_whole = run::monitor(&request, config, &logging).map_err(|error| match error {
        MonitorError::NoInterface { .. }
        | MonitorError::InterfaceTwice(_)
        | MonitorError::Live(LiveError::Filter { .. })
        | MonitorError::Sandbox(SandboxError::NoUser(_))
        | MonitorError::Attributor(_)
        | MonitorError::Deliveries(DeliveriesError::Start { .. }) => Failure::Usage(error.to_string()),
        MonitorError::Live(
            LiveError::Unknown { .. } | LiveError::Down { .. } | LiveError::Forbidden { .. } | LiveError::Failed { .. },
        )
        | MonitorError::Deliveries(_)
        | MonitorError::Metrics { .. }
        | MonitorError::Notify(_)
        | MonitorError::Sandbox(_)
        | MonitorError::Io(_) => Failure::Failed(error.to_string()),
    })?;
    if is_whole { Ok(()) } else { Err(Failure::Told) }
}
