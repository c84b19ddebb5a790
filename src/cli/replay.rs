//! `borderflow replay`.

use crate::run::{self, Replay, ReplayError};

use super::args::ReplayArgs;
use super::{Failure, load};

pub(super) fn run(args: ReplayArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let request = Replay {
        inputs: args.files,
        alerts: args.alerts,
        format: args.format.map(Into::into),
        flows: args.flows,
        summary: args.summary,
        filter: args.filter,
        threads: usize::from(args.threads),
    };
    let reported = run::replay(&request, &config).map_err(|error| match error {
        ReplayError::Filter(_)
        | ReplayError::Attributor(_)
        | ReplayError::OverwritesInput(_)
        | ReplayError::OutputTwice(_) => Failure::Usage(error.to_string()),
        ReplayError::Capture(_) | ReplayError::Io(_) => Failure::Failed(error.to_string()),
    })?;
    tracing::info!("{}", reported.summary.describe());
    if reported.complete { Ok(()) } else { Err(Failure::Told) }
}
