//! The command line: what was typed becomes one checked request; what happened becomes one exit status.
//!
//! Exit status: 0 done; 1 something failed (unreadable or damaged input, an output failed); 2 wrong usage or
//! configuration. Alerts and records go to standard output or files, everything else to standard error.

mod args;
mod catalogue;
mod check;
mod explain;
mod journal;
mod man;
mod monitor;
mod output;
mod replay;
mod status;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError};
use args::{Args, Command, ConfigArgs};

/// How a command ended.
enum Failure {
    /// Exit status 1.
    Failed(String),
    /// Exit status 1; what went wrong has been told.
    Told,
    /// Exit status 2.
    Usage(String),
}

/// Runs the program: arguments in, exit status out.
#[must_use]
pub fn main() -> ExitCode {
    let result = run(Args::parse().command);
    // Whoever has a log of its own may have failed before it was started.
    log_to_stderr();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::from(1),
        Err(Failure::Failed(message)) => {
            tracing::error!("{message}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            tracing::error!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    // The daemon has a log of its own.
    if !matches!(command, Command::Monitor(_)) {
        log_to_stderr();
    }
    match command {
        Command::Replay(args) => replay::run(args),
        Command::Monitor(args) => monitor::run(args),
        Command::Status(args) => status::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Catalogue(args) => catalogue::run(&args),
        Command::Journal(command) => journal::run(&command),
        Command::Output(command) => output::run(command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "borderflow", &mut script);
            print(&script)
        }
        Command::Man { directory } => man::run(directory.as_deref()),
    }
}

/// Messages without time or target: a person reads them next to the command they typed. A log that was started stays.
fn log_to_stderr() {
    use std::io::IsTerminal as _;
    let filter = EnvFilter::try_from_env("BORDERFLOW_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(coloured)
        .with_target(false)
        .log_internal_errors(false)
        .without_time()
        .finish();
    // An error: there is one.
    let _ = tracing::subscriber::set_global_default(log);
}

fn load(args: &ConfigArgs) -> Result<Config, Failure> {
    Config::load(args.config.as_deref(), &args.set).map_err(|error: ConfigError| Failure::Usage(error.to_string()))
}

/// Writes to standard output; a reader that went away wanted no more.
fn print(text: &[u8]) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write as _};
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
