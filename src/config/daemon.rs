//! What only the daemon needs: `[capture]`, `[daemon]`, `[sandbox]`, `[metrics]` and `[log]`.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::value::{Parsed, Text, integer, one_of, seconds};
use crate::capture::{Filter, FilterError};
use crate::net::known::Word;

/// `[capture]`: which interfaces are listened to, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Capture {
    /// Names of interfaces.
    #[serde(deserialize_with = "texts")]
    pub interfaces: Vec<String>,
    /// Frames for other hosts are taken too.
    pub promiscuous: bool,
    /// Bytes of a frame at most.
    #[serde(rename = "snap_length_bytes", deserialize_with = "integer::<68, 262_144, _, _>")]
    pub snap_length: u32,
    /// The kernel's ring, bytes, for each interface and shard.
    #[serde(deserialize_with = "integer::<1_048_576, 2_147_418_112, _, _>")]
    pub ring_bytes: u32,
    /// Threads that read and follow flows.
    #[serde(deserialize_with = "integer::<1, 64, _, _>")]
    pub shards: u8,
    /// Processors the shards keep to, in their order; empty: where the system puts them.
    pub cpus: Vec<u16>,
    /// A pcap filter expression; empty: everything.
    #[serde(deserialize_with = "expression")]
    pub filter: String,
    /// Leave out what this machine sends to its own outputs.
    pub exclude_outputs: bool,
    /// Frames lost in a minute, of 100,000, from which on there is an alert; 0: from one frame on.
    #[serde(rename = "loss_alert_per_100000", deserialize_with = "integer::<0, 100_000, _, _>")]
    pub loss_alert: u32,
}

impl Default for Capture {
    fn default() -> Self {
        Capture {
            interfaces: Vec::new(),
            promiscuous: true,
            snap_length: 262_144,
            ring_bytes: 64 << 20,
            shards: 1,
            cpus: Vec::new(),
            filter: String::new(),
            exclude_outputs: true,
            loss_alert: 100,
        }
    }
}

/// `[daemon]`: how it lives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Daemon {
    /// Look every few seconds whether configuration, databases or catalogues have changed, and take them over.
    pub reload_on_change: bool,
    /// Time that outputs are given at the end to take what they have not taken yet.
    #[serde(rename = "stop_timeout_s", deserialize_with = "seconds::<0, 3_600, _>")]
    pub stop_timeout: Duration,
    /// Flow updates that wait for judgement at most, for each shard.
    #[serde(deserialize_with = "integer::<1_000, 10_000_000, _, _>")]
    pub max_waiting_updates: u32,
}

impl Default for Daemon {
    fn default() -> Self {
        Daemon { reload_on_change: true, stop_timeout: Duration::from_secs(10), max_waiting_updates: 100_000 }
    }
}

/// `[sandbox]`: what the daemon may still do once it listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Sandbox {
    /// The user it becomes where it was started as root; empty: it stays who it is.
    pub user: String,
    /// Only the files and directories that the configuration names (Landlock).
    pub files: bool,
    /// Only the system calls that the program needs (seccomp).
    pub system_calls: bool,
}

impl Default for Sandbox {
    fn default() -> Self {
        Sandbox { user: String::new(), files: true, system_calls: true }
    }
}

/// `[metrics]`: the endpoint that tells how the daemon does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Metrics {
    /// Address and port; `None`: none.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { listen: Some(SocketAddr::from(([127, 0, 0, 1], 9469))) }
    }
}

/// `[log]`: what the daemon says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Log {
    /// Of [`Log::LEVELS`].
    #[serde(deserialize_with = "level")]
    pub level: Word,
    /// Of [`Log::FORMATS`].
    #[serde(deserialize_with = "format")]
    pub format: Word,
    /// Of [`Log::TARGETS`].
    #[serde(deserialize_with = "target")]
    pub target: Word,
    /// Messages of one kind in a minute at most; those beyond it are counted and told in one.
    #[serde(deserialize_with = "integer::<1, 1_000_000, _, _>")]
    pub max_per_minute: u32,
}

impl Log {
    /// From the fewest messages to the most.
    pub const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
    /// Lines for people, or objects.
    pub const FORMATS: &[&str] = &["text", "json"];
    /// Where to; `auto`: the journal of systemd where standard error leads there, else standard error.
    pub const TARGETS: &[&str] = &["auto", "stderr", "journald"];
}

impl Default for Log {
    fn default() -> Self {
        Log { level: "info", format: "text", target: "auto", max_per_minute: 60 }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    one_of(deserializer, Log::LEVELS)
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    one_of(deserializer, Log::FORMATS)
}

fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    one_of(deserializer, Log::TARGETS)
}

/// A pcap filter expression, or nothing.
fn expression<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Parsed::<Expression>::deserialize(deserializer).map(|Parsed(Expression(text))| text)
}

struct Expression(String);

impl std::str::FromStr for Expression {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        if !text.trim().is_empty() {
            Filter::new(text)?;
        }
        Ok(Expression(text.to_owned()))
    }
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<Parsed<Text>>::deserialize(deserializer)?;
    Ok(texts.into_iter().map(|Parsed(Text(text))| text).collect())
}

/// An address with a port, or nothing.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    Parsed::<Listen>::deserialize(deserializer).map(|Parsed(Listen(address))| address)
}

struct Listen(Option<SocketAddr>);

/// Why a string is no [`Listen`].
#[derive(Debug, thiserror::Error)]
#[error("expected an address with a port such as 127.0.0.1:9469 or [::1]:9469, or an empty string for none")]
struct ListenError;

impl std::str::FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        if text.is_empty() {
            return Ok(Listen(None));
        }
        text.parse().map(|address| Listen(Some(address))).map_err(|_| ListenError)
    }
}
