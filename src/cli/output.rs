//! `borderflow output`.

use crate::run;

use super::args::OutputCommand;
use super::{Failure, load, print};

pub(super) fn run(command: OutputCommand) -> Result<(), Failure> {
    let OutputCommand::Test { name, config } = command;
    let config = load(&config)?;
    let names: Vec<&str> = run::output_names(&config).collect();
    let Some(target) = run::output_target(&config, &name) else {
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(Failure::Usage(format!("no output is called {name:?} (configured: {known})")));
    };
    match run::probe_output(&config, &name) {
        Ok((probed, took)) => print(
            format!(
                "Output {name:?}, {target}: delivered\n  test alert {}, {} bytes, {:.3} s\n  the other side: {}\n",
                probed.id,
                probed.bytes,
                took.as_secs_f64(),
                probed.said
            )
            .as_bytes(),
        ),
        Err(problem) => Err(Failure::Failed(format!("output {name:?}, {target}: not delivered: {problem}"))),
    }
}
