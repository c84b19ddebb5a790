//! Reloads: on SIGHUP, and when a file has changed. What cannot be used is left alone, and an alert says why.

use std::sync::Arc;

use super::judge::{Reload, ToJudge};
use super::news::{News, NewsKind};
use super::supervisor::{Supervisor, Tracked};
use crate::config::Config;

/// How often files are looked at, nanoseconds.
const LOOK_EVERY_NS: u64 = 2_000_000_000;

/// What was asked for and done.
pub(super) struct Reloads {
    heard: u64,
    looked_ns: u64,
}

impl Reloads {
    pub(super) fn new(_: &Supervisor) -> Self {
        Reloads { heard: 0, looked_ns: 0 }
    }

    /// Reloads where somebody asked for it, or a file has changed.
    pub(super) fn look(&mut self, supervisor: &mut Supervisor, tracked: &mut Tracked, now_ns: u64) {
        if now_ns.saturating_sub(self.looked_ns) >= LOOK_EVERY_NS {
            self.looked_ns = now_ns;
        }
        let asked = supervisor.interrupt.reloads();
        if asked != self.heard {
            self.heard = asked;
            reload(supervisor, tracked);
        }
    }
}

fn reload(supervisor: &mut Supervisor, tracked: &mut Tracked) {
    supervisor.notifier.reloading();
    let (path, sets) = &supervisor.source;
    let loaded = Config::load(path.as_deref(), sets).map_err(|error| error.to_string()).and_then(|config| {
        let attributor = crate::run::attributor(&config).map_err(|error| error.to_string())?;
        Ok((config, attributor))
    });
    let configuration = &mut tracked.configuration;
    match loaded {
        Ok((config, attributor)) => {
            let attributor = Arc::new(attributor);
            let policy = crate::run::policy(&config);
            let reload = Reload { attributor: Arc::clone(&attributor), policy, outputs: None };
            if let Some(judge) = &supervisor.to_judge {
                let _ = judge.send(ToJudge::Reload(Box::new(reload)));
            }
            supervisor.attributor = attributor;
            configuration.reloads += 1;
            configuration.loaded_at = crate::run::now();
            configuration.last_error.clear();
            tracked.allow_loss(config.capture.loss_alert);
            News { kind: NewsKind::Notice, text: "the configuration was reloaded".to_owned() }
                .tell(supervisor.deliveries.outbox());
        }
        Err(problem) => {
            configuration.reload_failures += 1;
            configuration.last_error.clone_from(&problem);
            let text = format!("reload refused, what was in force stays: {problem}");
            News { kind: NewsKind::Trouble, text }.tell(supervisor.deliveries.outbox());
        }
    }
    supervisor.notifier.ready();
}
