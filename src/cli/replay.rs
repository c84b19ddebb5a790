//! `borderflow replay`.

use std::time::Duration;

use crate::run::{self, DeliveriesError, Replay, ReplayError};

use super::args::ReplayArgs;
use super::{Failure, load};

pub(super) fn run(args: ReplayArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let request = Replay {
        inputs: args.files,
        alerts: args.alerts,
        format: args.format,
        journal: args.journal,
        patience: Duration::from_secs(args.wait),
        flows: args.flows,
        summary: args.summary,
        filter: args.filter,
        threads: usize::from(args.threads),
    };
    let reported = run::replay(&request, &config).map_err(|error| match error {
        ReplayError::Filter(_)
        | ReplayError::Attributor(_)
        | ReplayError::OverwritesInput(_)
        | ReplayError::OutputTwice(_)
        | ReplayError::Deliveries(DeliveriesError::Start { .. }) => Failure::Usage(error.to_string()),
        ReplayError::Capture(_) | ReplayError::Io(_) | ReplayError::Deliveries(_) => Failure::Failed(error.to_string()),
    })?;
    tracing::info!("{}", reported.summary.describe());
    if reported.complete { Ok(()) } else { Err(Failure::Told) }
}
