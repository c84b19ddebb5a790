//! `borderflow man`: the manual, which is what the command line says of itself.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::args::Args;
use super::{Failure, print};

/// What the command line does not say of itself.
const REST: &str = "\
.SH FILES
.TP
/etc/borderflow/config.toml
The configuration, every key with a comment. As ./config.toml it goes first.
.TP
/var/lib/borderflow/journal.db
The journal of the service that the package installs.
.TP
/var/log/borderflow/alerts.ndjson
The alerts of that service, until its configuration says otherwise.
.SH SEE ALSO
/usr/share/doc/borderflow, or docs in the source: deploy.md for the service, alerts.md for what an alert says
";

/// Prints the program's page, or writes its page and those of its commands into `directory`.
pub(super) fn run(directory: Option<&Path>) -> Result<(), Failure> {
    let mut program = Args::command().disable_help_subcommand(true);
    program.build();
    match directory {
        Some(directory) => write(&program, directory),
        None => print(page(&program)?.as_bytes()),
    }
}

fn write(command: &Command, directory: &Path) -> Result<(), Failure> {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        write(command, directory)?;
    }
    let path = directory.join(format!("{}.1", name(command)));
    std::fs::write(&path, page(command)?).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

/// The page in roff.
fn page(command: &Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .source(concat!("Borderflow ", env!("CARGO_PKG_VERSION")))
        .manual("Borderflow")
        .render(&mut page)
        .map_err(|error| Failure::Failed(format!("manual page of {}: {error}", name(command))))?;
    let mut page = String::from_utf8_lossy(&page).replace(".SH EXTRA", ".SH NOTES");
    if command.get_display_name().is_none() {
        page.push_str(REST);
    }
    Ok(page)
}

/// Such as borderflow-journal-list.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}
