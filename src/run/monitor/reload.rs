//! Reloads: on SIGHUP, and when a file has changed. What cannot be used is left alone, and an alert says why.
//!
//! Loading happens here, on the main thread, while packets flow; the judge takes over what was loaded between two batches.
//! Several requests at once are one, and two reloads are a second apart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::info;

use super::judge::{Reload, ToJudge};
use super::news::{News, NewsKind};
use super::start;
use super::supervisor::{Supervisor, Tracked};
use crate::config::{self, Config};
use crate::run::files;
use crate::run::reload::{Loaded, needs_restart};
use crate::run::sandbox::Files;
use crate::run::watch::Watch;

/// How often files are looked at, nanoseconds.
const LOOK_EVERY_NS: u64 = 2_000_000_000;
/// How far two reloads are apart, nanoseconds.
const APART_NS: u64 = 1_000_000_000;

/// What was asked for and done.
pub(super) struct Reloads {
    /// Requests that were served.
    served: u64,
    watch: Watch,
    looked_ns: u64,
    reloaded_ns: u64,
}

impl Reloads {
    /// Watches the files of the configuration in force.
    pub(super) fn new(config: &Config) -> Self {
        Reloads { served: 0, watch: Watch::new(files::read(config)), looked_ns: 0, reloaded_ns: 0 }
    }

    /// Reloads where somebody asked for it, or a file has changed.
    pub(super) fn look(&mut self, supervisor: &mut Supervisor, tracked: &mut Tracked, now_ns: u64) {
        if now_ns.saturating_sub(self.reloaded_ns) < APART_NS {
            return;
        }
        let mut has_changed = false;
        if supervisor.config.daemon.reload_on_change && now_ns.saturating_sub(self.looked_ns) >= LOOK_EVERY_NS {
            self.looked_ns = now_ns;
            has_changed = self.watch.changed();
        }
        let asked = supervisor.interrupt.reloads();
        if asked != self.served || has_changed {
            // Files are written anew after a hang-up, as after log rotation; a change of a file does not ask for that.
            if asked != self.served {
                supervisor.deliveries.reopen();
            }
            self.served = asked;
            self.reloaded_ns = now_ns;
            supervisor.notifier.reloading();
            supervisor.reload(tracked);
            self.watch.follow(files::read(&supervisor.config));
            supervisor.notifier.ready();
        }
    }
}

impl Supervisor {
    fn reload(&mut self, tracked: &mut Tracked) {
        let (path, sets) = &self.source;
        let loaded = Loaded::load(path.as_deref(), sets).map_err(|error| error.to_string());
        let taken = loaded.and_then(|loaded| self.take_over(loaded, tracked));
        let news = match taken {
            Ok(text) => News { kind: NewsKind::Notice, text },
            Err(problem) => {
                let text = format!("reload refused, what was in force stays: {problem}");
                tracked.configuration.reload_failures += 1;
                tracked.configuration.last_error = problem;
                News { kind: NewsKind::Trouble, text }
            }
        };
        news.tell(self.deliveries.outbox());
    }

    /// A place that the configuration needs and the sandbox, which cannot be widened, does not allow.
    fn out_of_reach(&self, config: &Config) -> Option<PathBuf> {
        if !matches!(self.confined.files(), Files::Fully(_) | Files::Partly(_)) {
            return None;
        }
        let is_within = |path: &Path, places: &[PathBuf]| places.iter().any(|place| path.starts_with(place));
        let written = files::written_directories(&self.running);
        let read: Vec<PathBuf> = files::read(&self.running);
        let directories: Vec<PathBuf> = read.iter().filter_map(|path| path.parent().map(Path::to_owned)).collect();
        let beyond = |path: &PathBuf| !is_within(path, &written);
        let unread = |path: &PathBuf| !is_within(path, &read) && !is_within(path, &directories);
        let written = files::written_directories(config).into_iter().find(beyond);
        written.or_else(|| files::read(config).into_iter().find(unread))
    }

    /// Puts what was loaded in force; what is to be said of it.
    fn take_over(&mut self, loaded: Loaded, tracked: &mut Tracked) -> Result<String, String> {
        let Loaded { mut config, attributor, policy } = loaded;
        start::wait_for_nobody(&mut config);
        if let Some(path) = self.out_of_reach(&config) {
            return Err(format!("{} is out of reach of the sandbox until a restart", path.display()));
        }
        let delivered = start::delivered(&config, self.format);
        let outputs: Vec<&config::Output> = delivered.iter().collect();
        let changed = self.deliveries.change(&outputs, &config.flow_outputs).map_err(|error| error.to_string())?;
        let reload = Reload { attributor: Arc::clone(&attributor), policy };
        if let Some(judge) = &self.to_judge {
            // A judge that is gone has failed, which ends the daemon.
            let _ = judge.send(ToJudge::Reload(Box::new(reload)));
        }
        let needed = needs_restart(&self.running, &config);
        let configuration = &mut tracked.configuration;
        configuration.reloads += 1;
        configuration.loaded_at = crate::run::now();
        configuration.last_error.clear();
        configuration.needs_restart = needed.iter().map(|&key| key.to_owned()).collect();
        tracked.allow_loss(config.capture.loss_alert);
        (self.config, self.attributor) = (config, attributor);
        for (names, became) in [(changed.begun, "begins"), (changed.ended, "ends")] {
            for name in names {
                info!("output {name} {became}");
            }
        }
        let from = self.config.origin.as_ref().map_or("the defaults".to_owned(), |path| path.display().to_string());
        let but =
            if needed.is_empty() { String::new() } else { format!("; only after a restart: {}", needed.join(", ")) };
        Ok(format!("reloaded {from} and what it names{but}"))
    }
}
