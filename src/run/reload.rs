//! Loading a configuration with everything it names, while another is in force.

use std::path::Path;
use std::sync::Arc;

use super::{AttributorError, attributor, files, policy};
use crate::attribute::Attributor;
use crate::config::{Config, ConfigError};
use crate::deliver::Target;
use crate::detect::Policy;

/// A configuration with everything it names: complete and checked.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Its databases and catalogues.
    pub attributor: Arc<Attributor>,
    /// What the judge is to judge by.
    pub policy: Policy,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file, or a key in it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A database or a catalogue.
    #[error(transparent)]
    Attributor(#[from] AttributorError),
}

impl Loaded {
    /// Reads the configuration (see [`Config::load`]) and every database and catalogue it names.
    ///
    /// # Errors
    /// Whatever cannot be used; see [`LoadError`].
    pub fn load(path: Option<&Path>, sets: &[String]) -> Result<Loaded, LoadError> {
        let config = Config::load(path, sets)?;
        let attributor = Arc::new(attributor(&config)?);
        let policy = policy(&config);
        Ok(Loaded { config, attributor, policy })
    }
}

/// The keys of `new` that differ from `old` and count only from the next start on. All others can be taken over.
#[must_use]
pub fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let capture = [
        ("capture.interfaces", old.capture.interfaces != new.capture.interfaces),
        ("capture.promiscuous", old.capture.promiscuous != new.capture.promiscuous),
        ("capture.snap_length_bytes", old.capture.snap_length != new.capture.snap_length),
        ("capture.ring_bytes", old.capture.ring_bytes != new.capture.ring_bytes),
        ("capture.shards", old.capture.shards != new.capture.shards),
        ("capture.cpus", old.capture.cpus != new.capture.cpus),
        ("capture.filter", old.capture.filter != new.capture.filter),
        ("capture.exclude_outputs", excluded(old) != excluded(new)),
    ];
    let others = [
        ("daemon.max_waiting_updates", old.daemon.max_waiting_updates != new.daemon.max_waiting_updates),
        // Followed by the flow table.
        ("detect.driven_silence_s", old.detect.driven_silence != new.detect.driven_silence),
        ("[flow]", old.flow != new.flow),
        ("[decode]", old.decode != new.decode),
        ("[journal]", old.journal != new.journal),
        ("[sandbox]", old.sandbox != new.sandbox),
        ("[metrics]", old.metrics != new.metrics),
        ("[log]", old.log != new.log),
    ];
    capture.into_iter().chain(others).filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

/// Whose traffic is left out of what is captured.
fn excluded(config: &Config) -> Vec<String> {
    let mut peers: Vec<String> =
        files::targets(config).filter(|_| config.capture.exclude_outputs).flat_map(Target::peers).collect();
    peers.sort_unstable();
    peers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::from_text(Some((Path::new("config.toml"), text)), &[]).unwrap()
    }

    #[test]
    fn only_what_cannot_be_taken_over_needs_a_restart() {
        let old = config("");
        let policy = "[monitor]\nhome = [\"10.0.0.0/8\"]\n[[asset]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\n\
                      [detect]\nmax_findings = 7\n[ledger]\nday_bytes = 5\n[daemon]\nstop_timeout_s = 1\n\
                      [capture]\nloss_alert_per_100000 = 5\n";
        assert!(needs_restart(&old, &config(policy)).is_empty());
        let shape = "[capture]\ninterfaces = [\"eth0\"]\nshards = 4\n[flow]\nmax_flows = 5\n\
                     [detect]\ndriven_silence_s = 9\n[journal]\nmax_bytes = 104857600\n";
        let needed = ["capture.interfaces", "capture.shards", "detect.driven_silence_s", "[flow]", "[journal]"];
        assert_eq!(needs_restart(&old, &config(shape)), needed);
    }

    #[test]
    fn a_broken_database_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let (file, database) = (folder.path().join("config.toml"), folder.path().join("asn.mmdb"));
        std::fs::write(&database, "half").unwrap();
        std::fs::write(&file, format!("[geoip]\nasn = {database:?}\n")).unwrap();
        let error = Loaded::load(Some(&file), &[]).unwrap_err().to_string();
        assert!(error.contains("asn.mmdb"), "{error}");
        std::fs::write(&file, "[monitor]\nhme = []\n").unwrap();
        let error = Loaded::load(Some(&file), &[]).unwrap_err().to_string();
        assert!(error.contains("config.toml:2") && error.contains("hme"), "{error}");
    }
}
