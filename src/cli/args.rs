//! What can be typed. Names are a contract that scripts rely on.

use std::path::PathBuf;
use std::str::FromStr as _;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum, ValueHint};

use super::explain::Subject;
use crate::encode::Format;
use crate::net::Timestamp;
use crate::run::status::Url;

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\n\nIP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0",
    "\nNetworks: RouteViews (https://www.routeviews.org), NRO (https://www.nro.net) and DB-IP, CC BY 4.0",
    "\nBorderflow is free software under the Apache License 2.0."
);

/// Which of our hosts send data to a flagged jurisdiction, and which are remotely managed from one?
#[derive(Debug, Parser)]
#[command(
    name = "borderflow",
    version,
    long_version = LONG_VERSION,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit status: 0 done; 1 something failed; 2 wrong usage or configuration.\n\
                  BORDERFLOW_LOG=debug shows more, BORDERFLOW_LOG=error less. NO_COLOR=1 switches colours off."
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read captures and report who sends data where
    Replay(ReplayArgs),
    /// Watch interfaces and report who sends data where, until stopped
    Monitor(MonitorArgs),
    /// Ask the running daemon how it does; exit status 1 where something is wrong
    Status(StatusArgs),
    /// Validate the configuration and show what it amounts to
    Check(ConfigArgs),
    /// Tell where an address is, whose network or name it is, and what the configuration thinks of it
    Explain(ExplainArgs),
    /// List the operators, services and tools the program knows, with sources and dates
    Catalogue(CatalogueArgs),
    /// Look into the journal of alerts, export, check or shrink it
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Ask about the outputs of alerts
    #[command(subcommand)]
    Output(OutputCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(
        after_help = "Examples:\n  borderflow man | man -l -\n  borderflow man --directory /usr/local/share/man/man1"
    )]
    Man {
        /// Write the pages of the program and of each of its commands into this directory instead
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum OutputCommand {
    /// Send one clearly marked test alert through an output and tell what the other side said
    #[command(after_help = "Example:\n  borderflow output test siem -c /etc/borderflow/config.toml")]
    Test {
        /// Name of an [[output]] or [[flow_output]]
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct ConfigArgs {
    /// Configuration file [default: ./config.toml, then /etc/borderflow/config.toml, then the built-in defaults]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,
    /// Override one configuration key, such as flow.max_flows=100000; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    borderflow replay capture.pcapng\n  \
    borderflow replay --flows flows.jsonl --summary summary.json /captures/2025-11-12/\n  \
    tcpdump -i eth0 -w - | borderflow replay --format ecs - > alerts.jsonl\n  \
    borderflow replay --filter 'not port 22' --set jurisdictions.preset=us-28cfr202 day.pcap.zst")]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Where alerts go: a path, or - for standard output [default: the configured outputs, or -]
    #[arg(long, value_name = "DEST", value_hint = ValueHint::FilePath)]
    pub(super) alerts: Option<PathBuf>,
    /// How alerts are written [default: text on a terminal, ecs otherwise]
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub(super) format: Option<Format>,
    /// Keep alerts, and what assets sent in all, in this journal, and go on with what it holds [default: a temporary one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) journal: Option<PathBuf>,
    /// Seconds to wait at the end for outputs that do not take their alerts
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(super) wait: u64,
    /// Write one ECS record per flow as it ends, JSON lines
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(super) flows: Option<PathBuf>,
    /// Write the run's counters as JSON
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(super) summary: Option<PathBuf>,
    /// Read only what matches a pcap filter expression
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// Shards, up to 64; the output is the same for any number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(super) threads: u8,
    /// A capture, a directory of captures (read in time order), or - for standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "SIGHUP reloads configuration, databases and catalogues; SIGTERM ends in order.\n\n\
    Examples:\n  \
    borderflow monitor -i eth1\n  \
    borderflow monitor -i tap0 -i tap1 -c /etc/borderflow/config.toml\n  \
    borderflow monitor -i eth0 --filter 'not port 22' --format ecs | jq -r .message")]
pub(super) struct MonitorArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// An interface to listen to, or any; repeatable [default: the configured ones]
    #[arg(short, long = "interface", value_name = "IFACE")]
    pub(super) interfaces: Vec<String>,
    /// Look only at what matches a pcap filter expression [default: the configured one]
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// Keep alerts, findings and what assets sent in this journal, and go on with what it holds [default: the configured one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) journal: Option<PathBuf>,
    /// How alerts are written to standard output, where no output is configured [default: text on a terminal, ecs otherwise]
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub(super) format: Option<Format>,
}

impl MonitorArgs {
    /// The arguments that override keys of the configuration, after those of `--set`.
    pub(super) fn overrides(&self) -> Vec<String> {
        let quoted = |text: &str| format!("{text:?}");
        let mut sets = self.config.set.clone();
        if !self.interfaces.is_empty() {
            let names: Vec<String> = self.interfaces.iter().map(|name| quoted(name)).collect();
            sets.push(format!("capture.interfaces=[{}]", names.join(", ")));
        }
        sets.extend(self.filter.as_deref().map(|filter| format!("capture.filter={}", quoted(filter))));
        let journal = self.journal.as_deref().map(|path| path.to_string_lossy().into_owned());
        sets.extend(journal.map(|path| format!("journal.path={}", quoted(&path))));
        sets
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "The first line says whether all is well, or what is wrong, the worst first.\n\n\
    Exit status: 0 healthy; 1 not reachable or unhealthy; 2 wrong usage or configuration.\n\n\
    Examples:\n  \
    borderflow status\n  \
    borderflow status -c /etc/borderflow/config.toml --format json | jq .last_minute\n  \
    borderflow status --url http://sensor-1:9469")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Where the daemon tells it [default: metrics.listen of the configuration]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(super) url: Option<Url>,
    /// How to answer
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    pub(super) format: ExplainFormat,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  borderflow explain 47.91.67.66 --format json\n  borderflow explain server.growatt.com\n  borderflow explain --format json - < addresses.txt"
)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// How to answer
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    pub(super) format: ExplainFormat,
    /// IPv4 or IPv6 addresses or host names; `-` reads them from standard input, one a line
    #[arg(value_name = "ADDRESS_OR_NAME", required = true, value_parser = Subject::read)]
    pub(super) subjects: Vec<Subject>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct CatalogueArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// How to list
    #[arg(long, value_enum, default_value_t = ExplainFormat::Text)]
    pub(super) format: ExplainFormat,
}

#[derive(Debug, Subcommand)]
pub(super) enum JournalCommand {
    /// List alerts, the newest last; the daemon may go on writing
    List(ListArgs),
    /// Show one alert
    Show(ShowArgs),
    /// Write all alerts in their order, one record a line
    Export(ExportArgs),
    /// Check the file and every record in it; exit status 1 where something is wrong
    Verify(JournalArgs),
    /// Give the space of removed alerts back; the daemon must be stopped
    Compact(JournalArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct JournalArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// The journal [default: the configured one]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub(super) journal: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Times are RFC 3339, or a date alone: 2026-03-01, 2026-03-01T08:30:00Z, 2026-03-01T09:30:00+01:00.\n\n\
    Examples:\n  \
    borderflow journal list --journal /var/lib/borderflow/journal.db --severity 70\n  \
    borderflow journal list --asset pump-3 --since 2026-03-01 --until 2026-04-01\n  \
    borderflow journal list --jurisdiction CN --format json | jq -r .message"
)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) journal: JournalArgs,
    /// This severity or higher, 0 to 100
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) severity: Option<u8>,
    /// Of this asset
    #[arg(long, value_name = "NAME")]
    pub(super) asset: Option<String>,
    /// Of this kind, such as egress (rule.id of the record)
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<String>,
    /// At this time or later
    #[arg(long, value_name = "TIME", value_parser = Timestamp::from_str)]
    pub(super) since: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = Timestamp::from_str)]
    pub(super) until: Option<Timestamp>,
    /// About this jurisdiction, such as CN
    #[arg(long, value_name = "CODE")]
    pub(super) jurisdiction: Option<String>,
    /// Of this finding
    #[arg(long, value_name = "ID")]
    pub(super) finding: Option<String>,
    /// The newest N of them [default: 100 as a table, all as JSON]
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// How to list [default: text on a terminal, json otherwise]
    #[arg(long, value_enum)]
    pub(super) format: Option<ExplainFormat>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  borderflow journal show 6d1f0c --journal /var/lib/borderflow/journal.db")]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) journal: JournalArgs,
    /// Id of the alert, or enough of its beginning
    #[arg(value_name = "ID")]
    pub(super) id: String,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "The last place is told on standard error; --after takes it up again.\n\n\
    Examples:\n  \
    borderflow journal export --journal /var/lib/borderflow/journal.db > alerts.jsonl\n  \
    borderflow journal export --after 1200 | zstd > since.jsonl.zst")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) journal: JournalArgs,
    /// Only what stands after this place
    #[arg(long, value_name = "PLACE", default_value_t = 0)]
    pub(super) after: u64,
    /// How records are written
    #[arg(long, value_name = "FORMAT", default_value = "ecs", value_parser = format())]
    pub(super) format: Format,
}

/// What alerts can be written as.
fn format() -> impl TypedValueParser<Value = Format> {
    let names = PossibleValuesParser::new(Format::NAMES.map(|(name, _)| name));
    names.try_map(|name| Format::from_str(&name))
}

/// Format of an explanation.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ExplainFormat {
    /// For people
    Text,
    /// One JSON object
    Json,
}
