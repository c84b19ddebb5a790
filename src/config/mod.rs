//! Configuration: the TOML a user writes becomes one checked [`Config`].
//!
//! `value` reads single values with their ranges, `section` and `daemon` hold the sections that are plain values, `schema` is the
//! document as written (`table` what depends on a kind, `output` and `transport` the outputs), `source` merges the file with `--set` and leads every error back to its line, `check` builds the
//! domain values and finds what contradicts itself. An unknown key is an error, so a misspelt policy is never ignored.

mod check;
mod daemon;
mod describe;
mod output;
mod risk;
mod schema;
mod section;
mod source;
mod table;
mod transport;
mod value;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use daemon::{Capture, Daemon, Log, Metrics, Sandbox};
pub use output::Output;
pub use risk::Ledger;
pub use section::{Decode, Detect, Flow, Geoip, GeoipOverride, Journal, TUNNELS};
pub use source::Place;

pub use crate::deliver::Target;
pub use crate::encode::Format;

use crate::attribute::{Operator, Service};
use crate::deliver::FlowOptions;
use crate::detect::{Assets, Exception, Jurisdictions, Preset, Threshold};
use crate::net::Prefix;
use source::Sources;

/// Where a configuration is looked for when none is named, in this order.
pub const DEFAULT_PATHS: [&str; 2] = ["config.toml", "/etc/borderflow/config.toml"];

/// A configuration that makes sense.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from; `None`: the built-in defaults (and `--set`).
    pub origin: Option<PathBuf>,
    /// `[monitor] home`: networks whose hosts are monitored.
    pub home: Vec<Prefix>,
    /// The home networks and `[[asset]]`.
    pub assets: Assets,
    /// `[jurisdictions] preset`: the list `jurisdictions` starts from.
    pub preset: &'static Preset,
    /// `[jurisdictions]`: preset, flags and exemptions in one.
    pub jurisdictions: Jurisdictions,
    /// `[detect]`.
    pub detect: Detect,
    /// `[ledger]`.
    pub ledger: Ledger,
    /// `[[threshold]]`, and last the one of `[ledger]`, which holds for all assets.
    pub thresholds: Vec<Threshold>,
    /// `[[exception]]`; no two have the same name.
    pub exceptions: Vec<Exception>,
    /// `[journal]`.
    pub journal: Journal,
    /// `[capture]`.
    pub capture: Capture,
    /// `[daemon]`.
    pub daemon: Daemon,
    /// `[sandbox]`.
    pub sandbox: Sandbox,
    /// `[metrics]`.
    pub metrics: Metrics,
    /// `[log]`.
    pub log: Log,
    /// `[flow]`.
    pub flow: Flow,
    /// `[decode]`.
    pub decode: Decode,
    /// `[geoip]`.
    pub geoip: Geoip,
    /// `[[operator]]`: operators the user knows; no two have the same AS number.
    pub operators: Vec<Operator>,
    /// `[[service]]`: services the user knows; no two have the same suffix.
    pub services: Vec<Service>,
    /// `[[output]]`; empty: what the command line says.
    pub outputs: Vec<Output>,
    /// `[[flow_output]]`.
    pub flow_outputs: Vec<FlowOptions>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no text, or no configuration by its size.
    #[error("{}: {problem}", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// A `--set` argument that is no KEY=VALUE, or whose key cannot be set.
    #[error("--set {argument}: {problem}")]
    Set {
        /// The argument.
        argument: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// Something in the file or a `--set` argument is not allowed.
    #[error("{place}: {key}{}{problem}", if key.is_empty() { "" } else { ": " })]
    Invalid {
        /// Where it is written.
        place: Place,
        /// The dotted key; empty where the text is no TOML.
        key: String,
        /// What was found and what is allowed.
        problem: String,
    },
}

impl Config {
    /// Reads the file at `path`, or the first of [`DEFAULT_PATHS`] that exists (also one that cannot be
    /// read: a policy is never skipped in silence), or the built-in defaults; `sets` are
    /// `KEY=VALUE` arguments that override it.
    pub fn load(path: Option<&Path>, sets: &[String]) -> Result<Config, ConfigError> {
        let found = path.or_else(|| DEFAULT_PATHS.iter().map(Path::new).find(|path| path.try_exists().unwrap_or(true)));
        match found {
            Some(path) => Config::from_text(Some((path, &read_text(path)?)), sets),
            None => Config::from_text(None, sets),
        }
    }

    /// From a file's name and text already read (none: the built-in defaults) and `KEY=VALUE` arguments.
    pub fn from_text(file: Option<(&Path, &str)>, sets: &[String]) -> Result<Config, ConfigError> {
        let sources = Sources::new(file, sets);
        let document = sources.read()?;
        let config = check::check(document, &sources)?;
        Ok(Config { origin: file.map(|(path, _)| path.to_owned()), ..config })
    }

    /// What the configuration amounts to, for people, a line each: what is watched, what is flagged, the limits.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        describe::describe(self)
    }
}

const MAX_FILE_BYTES: u64 = 16 << 20;

fn read_text(path: &Path) -> Result<String, ConfigError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let no_text = |problem| ConfigError::NoText { path: path.to_owned(), problem };
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(no_text(format!("expected a configuration in TOML of at most {MAX_FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        no_text(format!("expected a configuration in TOML, found bytes that are no UTF-8 at byte offset {offset}"))
    })
}
